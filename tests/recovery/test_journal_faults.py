"""The disk of a running gateway fails: dispatch halts, the session logs out; once mended all goes on without a restart."""

from __future__ import annotations

import contextlib
import errno
import os
import resource
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
from gateway_process import GatewayProcess, locked, wait_for
from postgresql import verified
from proxy import Proxy
from trading import STRATEGY, Traders, come_to_rest, differences, trades_through

from gateway.errors import UnknownOutcome
from gateway.sim.process import start_venue

pytestmark = pytest.mark.timeout(300)
SEED = 20260104
HANGING = """
import sys
from pathlib import Path
from time import sleep
from gateway.bootstrap import process
from gateway.journal.sqlite import SqliteJournal
append, hangs = SqliteJournal.append, Path(sys.argv[1]).with_name("hangs")
def hanging(self, *batch):
    while hangs.exists():
        sleep(0.01)
    append(self, *batch)
SqliteJournal.append = hanging
sys.exit(process.run(Path(sys.argv[1])))
"""
"""A gateway whose disk does not answer while there is a file named `hangs`."""


@pytest.fixture
def market(home):
    with start_venue(home / "venue", rate=20, flow=10, seed=SEED) as venue:
        yield venue


@pytest.fixture
def trader(make, market):
    return make(market.port, market_data=["USD/JPY"], extra=STRATEGY, ack_timeout=2)


@pytest.fixture
def disk(trader: GatewayProcess) -> Iterator[Path]:
    """A small disk of its own for the state directory."""
    with a_disk_at(trader.state, trader) as place:
        yield place


@pytest.fixture
def sessions_disk(trader: GatewayProcess) -> Iterator[Path]:
    """Engine's stores, send logs and FIX logs have one, and the journal another."""
    trader.state.mkdir(mode=0o700)
    with a_disk_at(trader.state / "fix", trader) as place:
        yield place


@contextlib.contextmanager
def a_disk_at(place: Path, gateway: GatewayProcess) -> Iterator[Path]:
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=24m,mode=700", "tmpfs", place], check=False, capture_output=True
    )
    if mounted.returncode:
        pytest.skip("nothing can be mounted here")
    yield place
    gateway.close()
    unmount = ["umount", place]  # the process that writes the records ends with the gateway, but not in the same moment
    wait_for(lambda: not subprocess.run(unmount, check=False, capture_output=True).returncode, "nobody uses the disk")


def fill(disk: Path) -> Path:
    """A file that leaves no room for anything."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file:
        for size in (1 << 16, 1 << 9, 1):
            with contextlib.suppress(OSError):
                while file.write(bytes(size)):
                    pass
    with pytest.raises(OSError, match="No space left") as full:
        (disk / "more").write_bytes(bytes(1 << 16))
    assert full.value.errno == errno.ENOSPC
    return ballast


def test_a_full_disk(trader, market, disk):
    """Not the journal's alone: the engine's store, the send log, the FIX log and the records lie there, too."""
    trades_through(trader, market, lambda: fill(disk), (disk / "ballast").unlink)


def test_a_full_disk_of_the_sessions_alone(trader, market, sessions_disk):
    """What is committed does not leave, because the send log cannot tell of it: said once, and until something leaves again."""

    def connectivity() -> dict[str, str]:
        return trader.status()["capabilities"]["venue_connectivity"]

    trader.start().ready()
    with Traders(trader, Random(SEED)) as traders:
        wait_for(lambda: traders.sent > 20, "trading")
        ballast = fill(sessions_disk)
        wait_for(lambda: connectivity()["state"] == "degraded", "somebody is told")
        said = f"SIM: nothing can be sent, send log {sessions_disk}/SIM/send.log: No space left on device"
        assert connectivity()["detail"] == said
        assert f"venue_connectivity: degraded: {said}" in [alarm["what"] for alarm in trader.status()["alarms"]]
        ballast.unlink()
        wait_for(lambda: connectivity()["state"] == "running", "trading again")
    assert "Traceback" not in trader.err.read_text()
    trader.kill()
    come_to_rest(trader)
    assert differences(trader, market.ledger_path) == []
    verified(trader)


def test_no_file_can_be_written(trader, market):
    """Every write fails, wherever it goes; needs no disk of its own."""

    def limit(size: int) -> None:
        resource.prlimit(trader.process.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

    trades_through(trader, market, lambda: limit(1), lambda: limit(resource.RLIM_INFINITY))


def test_a_disk_that_does_not_answer(trader, market):
    """The commit hangs, and the runtime thread in it. Afterwards it is said for a while that the disk is slow."""
    trader.launcher = ("-c", HANGING)
    hangs = trader.config.with_name("hangs")

    def answers() -> None:
        hangs.unlink()
        wait_for(lambda: trader.status().get("journal", {}).get("state") == "degraded", "slow, not failed")
        assert [alarm["severity"] for alarm in trader.status()["alarms"] if alarm["name"] == "journal"] == ["warning"]

    trades_through(trader, market, hangs.touch, answers)


def test_a_journal_that_is_locked_and_free_again(trader, market):
    locks: list[sqlite3.Connection] = []

    def lock() -> None:
        locks.append(sqlite3.connect(trader.state / "journal.db", isolation_level=None, timeout=100))
        locks[0].execute("BEGIN IMMEDIATE")

    def unlock() -> None:
        locks[0].execute("ROLLBACK")
        locks[0].close()

    trades_through(trader, market, lock, unlock)


def refused(gateway: GatewayProcess, code: int) -> str:
    gateway.start()
    assert gateway.ended() == code, gateway.err.read_text()
    return next(line for line in gateway.err.read_text().splitlines() if line.startswith("error: "))


def test_a_read_only_disk_is_refused_and_named(trader, disk):
    trader.start().ready()
    assert trader.terminate() == 0
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
    said = refused(trader, 6)
    assert "is on a read-only file system; remount it" in said
    assert str(disk) in said
    subprocess.run(["mount", "-o", "remount,rw", disk], check=True)
    trader.start().ready()


def test_a_corrupt_record_is_refused_and_named(make, venue):
    """Not only one that cannot be decoded: a quantity that became another one."""
    gateway = make(venue.port).start().ready()
    gateway.wait_state(gateway.order("buy", "1000", "100")["order_id"], "Accepted")
    gateway.kill()
    with contextlib.closing(sqlite3.connect(gateway.state / "journal.db")) as journal, journal:
        [(seq, body)] = journal.execute("SELECT seq, body FROM event WHERE kind = 'dispatched'").fetchall()
        assert body.count(b'"1000"') == 1
        journal.execute("UPDATE event SET body = ? WHERE seq = ?", (body.replace(b'"1000"', b'"9000"'), seq))
    said = refused(gateway, 1)
    assert f"record {seq} is not what its hash says" in said
    assert "restore the journal" in said
    with contextlib.closing(sqlite3.connect(gateway.state / "journal.db")) as journal, journal:
        journal.execute("UPDATE event SET body = ? WHERE seq = ?", (body, seq))
    gateway.start().ready()


def test_a_torn_tail_is_as_if_it_had_never_been_written(make, venue):
    """Power loss with `durability = "commit"`: the end of the write-ahead log is missing, in the middle of a commit."""
    gateway = make(venue.port).start().ready()
    first = gateway.order("buy", "1000", "100", wait_seconds=60)["order_id"]
    gateway.wait_rows("SELECT 1 FROM v_decisions WHERE order_id = ? AND sent_ns IS NOT NULL", first)
    whole = (gateway.state / "journal.db-wal").stat().st_size
    second = gateway.order("buy", "1000", "101", wait_seconds=60)["order_id"]
    gateway.kill()
    wal = gateway.state / "journal.db-wal"
    assert wal.stat().st_size > whole + 2000
    os.truncate(wal, whole + 2000)
    for path in gateway.state.glob("records.db*"):
        path.unlink()
    gateway.start().answering()
    gateway.wait_state(first, "Accepted")
    # The venue sends its reports again, so the order that was forgotten is there, and it is known that one was.
    [found] = gateway.wait_rows("SELECT * FROM v_orders WHERE external")
    assert (found["quantity"], found["price"]) == (1000, 101)
    reason = gateway.wait_venue("the journal has lost what was sent")["reason"]
    assert f"-{second}-1 as MsgSeqNum" in reason
    assert gateway.order()["code"] == "venue_not_open"
    gateway.post("/venues/SIM/open", reason="looked at")
    gateway.wait_open()
    assert gateway.terminate() == 0
    gateway.start().ready()
    assert gateway.venue()["opened"], "told once"
    verified(gateway)


def test_a_journal_that_fails_before_the_first_logon(make, venue):
    """The session that was on its way when dispatch halted is up again afterwards, though nobody had seen it up."""
    with Proxy(venue.port) as proxy:
        proxy.refusing = True
        gateway = make(proxy.port).start().answering()
        with locked(gateway):
            with pytest.raises(UnknownOutcome):
                gateway.post("/trading", state="enabled", reason="something to write")
            wait_for(lambda: gateway.status()["journal"]["state"] == "failed", "dispatch has halted")
        wait_for(lambda: gateway.status()["journal"]["state"] != "failed", "the journal is back")
        proxy.calm()
        gateway.wait_open()
