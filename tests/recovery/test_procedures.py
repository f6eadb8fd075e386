"""What docs/recovery.md tells an operator to type after a loss: typed here, with what is printed there."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from gateway_process import GatewayProcess
from postgresql import verified
from trading import differences

from gateway.sim.ledger import read_ledger

pytestmark = pytest.mark.timeout(300)
PAGE = (Path(__file__).parents[2] / "docs/recovery.md").read_text()
REBOOTED = """
import sys
from pathlib import Path
from gateway.bootstrap import process
from gateway.venue import send_log
send_log.boot_id = lambda: "after the reboot"
sys.exit(process.run(Path(sys.argv[1])))
"""
"""A gateway on a machine that was started anew, or on another one."""


class Operator:
    """Types what the page says, in the directory of the instance, as the page does."""

    def __init__(self, gateway: GatewayProcess) -> None:
        self._gateway = gateway
        bin_directory = Path(sys.executable).parent
        self._environment = {**os.environ, "PATH": f"{bin_directory}:{os.environ['PATH']}", "COLUMNS": "200"}

    def types(self, command: str, *expected: str) -> None:
        """Run it in a shell; the page has it, and what is expected of its answer."""
        assert f"    $ {command}\n" in PAGE, f"not on the page: {command}"
        shell = ["sh", "-c", command]
        where = {"cwd": self._gateway.home, "env": self._environment}
        done = subprocess.run(shell, **where, capture_output=True, text=True, timeout=100, check=False)
        assert done.returncode == 0, (command, done.stdout, done.stderr)
        for line in expected:
            assert line in PAGE, f"not on the page: {line}"
            pattern = re.escape(line).replace(r"\.\.\.", ".*").replace(r"\ ", r"\s+")
            assert re.search(pattern, done.stdout + done.stderr, re.DOTALL), (command, line, done.stdout, done.stderr)


@pytest.fixture
def gateway(make, venue) -> GatewayProcess:
    """One order is partially filled, one works, one is done."""
    started: GatewayProcess = make(venue.port, ack_timeout=2).start().ready()
    assert started.order("sell", "1000", "110.001", wait_seconds=60)["order_id"] == "1-1"
    assert started.order("sell", "500", "110.000", wait_seconds=60)["order_id"] == "1-2"
    venue.command("house buy USD/JPY 300 110.000")
    started.wait_rows("SELECT 1 FROM v_orders WHERE order_id = '1-2' AND cum_qty = 300")
    started.caught_up()
    return started


@pytest.fixture
def operator(gateway) -> Operator:
    return Operator(gateway)


def net(gateway: GatewayProcess) -> float:
    return sum(row["net_qty"] for row in gateway.rows("SELECT net_qty FROM v_positions"))


def every_fill_is_here_once(gateway: GatewayProcess, venue) -> None:
    found = [line for line in differences(gateway, venue.ledger_path) if not line.startswith("external order")]
    assert found == []


def no_name_was_used_twice(venue) -> None:
    news = [line.cl_ord_id for line in read_ledger(venue.ledger_path) if line.exec_type == "0"]
    assert len(news) == len(set(news))


def test_the_journal_is_lost(gateway, venue, operator):
    gateway.kill()
    for path in gateway.state.glob("journal*"):
        path.unlink()
    gateway.start()
    reason = gateway.wait_venue("the journal has lost what was sent")["reason"]
    assert "and 1 more" in reason
    gateway.ready()
    assert gateway.status()["run_id"] == 2, "numbers of runs go on, so no name is used again"
    assert gateway.order()["code"] == "venue_not_open"
    operator.types("gateway venue list", "closed by gateway: the journal has lost what was sent")
    # The venue sends its day again; then everything it did is known, as orders of another origin.
    operator.types(
        'gateway session set-seq SIM --next-target 1 --yes --reason "journal lost"', "set-seq of FIX.4.4:DESK->SIM asked for"
    )
    gateway.wait_venue("closed by gateway")
    gateway.wait_orders(open=2)
    operator.types('gateway stop --reason "records anew"', "stopped cleanly")
    operator.types("cp var/records.db records-before.db")
    operator.types("gateway db rebuild --yes", "the old records belonged to another history")
    gateway.start().ready()
    gateway.caught_up()
    every_fill_is_here_once(gateway, venue)
    assert net(gateway) == -300
    assert {row["strategy"] for row in gateway.rows("SELECT strategy FROM v_orders")} == {"external"}
    operator.types('gateway order cancel-all --yes --reason "strategies begin anew"', "2 cancels sent or queued")
    gateway.wait_orders(open=0)
    operator.types('gateway venue open SIM --reason "ledger compared with the broker"', "venue SIM is open")
    gateway.wait_open()
    assert gateway.order("buy", "1000", "100", wait_seconds=60)["state"] == "Accepted"
    no_name_was_used_twice(venue)
    verified(gateway)
    gateway.terminate()
    gateway.start().ready()
    assert gateway.venue()["opened"], "said once"


def test_an_older_journal_is_restored(gateway, venue, operator, home):
    """What the copy does not have is sent again by the venue; only who wanted the orders is lost."""
    assert gateway.terminate() == 0
    operator.types("mkdir -p backup && cp var/journal* backup/")
    gateway.start().ready()
    later = gateway.order("buy", "700", "109", wait_seconds=60)["order_id"]
    venue.command("house buy USD/JPY 1200 110.001")
    gateway.wait_state("1-1", "Filled")
    gateway.caught_up()
    gateway.kill()
    operator.types("rm var/journal* && cp backup/journal* var/")
    gateway.start()
    reason = gateway.wait_venue("the journal has lost what was sent")["reason"]
    assert f"-{later}-1 as MsgSeqNum" in reason
    gateway.ready()
    assert gateway.status()["run_id"] == 3
    gateway.wait_orders(open=1)
    operator.types('gateway stop --reason "records anew"', "stopped cleanly")
    operator.types("gateway db rebuild --yes", "the old records belonged to another history")
    gateway.start().ready()
    gateway.caught_up()
    every_fill_is_here_once(gateway, venue)
    assert {r["order_id"]: r["state"] for r in gateway.rows("SELECT * FROM v_orders WHERE NOT external")} == {
        "1-1": "Filled",
        "1-2": "Filled",
    }
    [external] = gateway.rows("SELECT * FROM v_orders WHERE external")
    assert (external["quantity"], external["state"]) == (700, "Accepted")
    operator.types('gateway venue open SIM --reason "ledger compared with the broker"', "venue SIM is open")
    gateway.wait_open()
    assert gateway.order("buy", "1000", "100", wait_seconds=60)["state"] == "Accepted"
    no_name_was_used_twice(venue)
    verified(gateway)


def test_the_store_of_the_engine_is_lost(gateway, venue, operator):
    """The journal knows what was received, the send log what was sent; nothing is to be done."""
    gateway.kill()
    operator.types("rm -r var/fix/SIM/store")
    venue.command("house buy USD/JPY 100 110.000")  # while we are away
    gateway.start().ready()
    gateway.wait_rows("SELECT 1 FROM v_orders WHERE order_id = '1-2' AND cum_qty = 400")
    gateway.caught_up()
    assert differences(gateway, venue.ledger_path) == []
    assert gateway.order("buy", "1000", "100", wait_seconds=60)["state"] == "Accepted"
    no_name_was_used_twice(venue)
    verified(gateway)


@pytest.mark.parametrize("lost", ["an older store", "the send log", "both"])
def test_a_part_of_the_session_is_lost(gateway, venue, lost):
    """An older copy of the store tells numbers that were used; without a send log what it would tell of is asked about."""
    session = gateway.state / "fix/SIM"
    older = gateway.home / "older"
    gateway.kill()
    shutil.copytree(session / "store", older)
    gateway.start().ready()
    assert gateway.order("buy", "100", "100", wait_seconds=60)["state"] == "Accepted"
    gateway.kill()
    if lost != "an older store":
        (session / "send.log").unlink()
    if lost != "the send log":
        shutil.rmtree(session / "store")
        shutil.move(older, session / "store")
    venue.command("house buy USD/JPY 100 110.000")  # while we are away
    gateway.start().ready()
    gateway.wait_rows("SELECT 1 FROM v_orders WHERE order_id = '1-2' AND cum_qty = 400")
    assert gateway.order("buy", "1000", "100", wait_seconds=60)["state"] == "Accepted"
    gateway.caught_up()
    assert differences(gateway, venue.ledger_path) == []
    no_name_was_used_twice(venue)
    verified(gateway)


def test_older_records_are_restored(gateway, venue):
    """They go on from where they stand: each event once."""
    assert gateway.terminate() == 0
    older = gateway.home / "records-older.db"
    shutil.copy(gateway.records, older)
    gateway.start().ready()
    venue.command("house buy USD/JPY 100 110.000")
    gateway.wait_rows("SELECT 1 FROM v_orders WHERE order_id = '1-2' AND cum_qty = 400")
    assert gateway.terminate() == 0
    shutil.move(older, gateway.records)
    gateway.start().ready()
    gateway.wait_rows("SELECT 1 FROM v_orders WHERE order_id = '1-2' AND cum_qty = 400")
    gateway.caught_up()
    assert differences(gateway, venue.ledger_path) == []
    verified(gateway)


def test_all_of_the_session_is_lost(gateway, venue, operator):
    """With the send log gone, too, the journal still knows a number that was not used: above it nothing is refused."""
    before = gateway.status()["venues"][0]["next_sender"]
    gateway.kill()
    operator.types("rm -r var/fix/SIM")
    gateway.start().ready()
    gateway.caught_up()
    assert gateway.status()["venues"][0]["next_sender"] >= before + 1000
    assert differences(gateway, venue.ledger_path) == []
    assert gateway.order("buy", "1000", "100", wait_seconds=60)["state"] == "Accepted"
    no_name_was_used_twice(venue)
    verified(gateway)


def test_the_records_are_lost(gateway, venue, operator):
    gateway.kill()
    operator.types("rm var/records.db*")
    gateway.start().ready()
    gateway.wait_rows("SELECT 1 FROM v_orders WHERE order_id = '1-2' AND cum_qty = 300")
    gateway.caught_up()
    assert differences(gateway, venue.ledger_path) == []
    operator.types("gateway verify", "equal")


def test_the_instance_moves_to_another_host(gateway, venue, operator, home, make):
    """As if nothing had happened; after a crash, what the send log lacks is asked about (the next test)."""
    gateway.kill()
    moved = home / "there"
    shutil.copytree(gateway.home, moved, ignore=lambda *_: ["c.sock"])
    there = make(venue.port, "there", ack_timeout=2, launcher=("-c", REBOOTED))
    there.start().ready()
    assert there.status()["run_id"] == 2
    there.wait_orders(open=2)
    assert there.order("buy", "1000", "100", wait_seconds=60)["state"] == "Accepted"
    there.caught_up()
    assert differences(there, venue.ledger_path) == []
    no_name_was_used_twice(venue)
    verified(there)
    for command in ('gateway stop --reason "moving"', "rsync -a desk/ otherhost:desk/"):
        assert f"    $ {command}\n" in PAGE


@pytest.mark.parametrize(
    ("point", "rebooted"),
    [("before-send-D", True), ("after-send-log", False), ("after-send-log", True), ("after-send-D", True)],
)
def test_what_became_of_a_request(make, venue, point, rebooted):
    """Only in the same boot is it known that something was never sent (test_points). All else is asked about, and sent once."""
    gateway = make(venue.port, launcher=(str(Path(__file__).with_name("crash_launcher.py")), point)).start().ready()
    with contextlib.suppress(Exception):
        gateway.order("buy", "1000", "100")
    assert gateway.ended() == -9
    if point == "before-send-D":
        lines = (gateway.state / "fix/SIM/send.log").read_text().splitlines()
        assert all(line.startswith("opened ") for line in lines)
    gateway.launcher = ("-c", REBOOTED) if rebooted else ("-m", "gateway", "run")
    gateway.start().ready()
    gateway.caught_up()
    [order] = gateway.rows("SELECT * FROM v_orders")
    asked = gateway.journal("status_requested")
    reached = point == "after-send-D"
    assert order["state"] == ("Accepted" if reached else "Rejected")
    assert not order["in_doubt"]
    assert asked or reached
    assert len([line for line in read_ledger(venue.ledger_path) if line.exec_type == "0"]) == reached
    assert differences(gateway, venue.ledger_path) == []
