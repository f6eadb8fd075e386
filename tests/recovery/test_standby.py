"""Two gateways, one journal: one is active, the other follows it and takes over. Never are there two on the session."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path
from random import Random
from typing import Any

import pytest
from gateway_process import GatewayProcess, wait_for
from postgresql import PostgresqlGateway, Server, run_command, verified
from proxy import Proxy
from trading import STRATEGY, Traders, come_to_rest, differences

from gateway.bootstrap import recovery
from gateway.core.core import Core
from gateway.core.events import Recorded, RunStopped
from gateway.errors import GatewayError, JournalError
from gateway.journal.stores import JournalAt
from gateway.sim.ledger import read_ledger
from gateway.sim.process import start_venue

SEED = 20260104
pytestmark = pytest.mark.timeout(300)  # several lives of several processes each
PAIR = "\n[standby]\nenabled = true\nsilent_seconds = 6\n"
PATIENT = PAIR.replace("6", "3600")
"""Nobody takes over from one that is only slow: what is left is that he ended."""
LAUNCHER = str(Path(__file__).with_name("crash_launcher.py"))
OPTIONS = {"market_data": ["USD/JPY"], "ack_timeout": 2, "heartbeat": 2}


@pytest.fixture
def make_pair(home: Path, server: Server) -> Iterator[Callable[..., list[PostgresqlGateway]]]:
    """Configurations of one pair, each with a state directory of its own, as on two machines."""
    made: list[PostgresqlGateway] = []
    server.start()
    server.recreate()

    def build(port: int, names: str = "ab", **options: Any) -> list[PostgresqlGateway]:
        extra = options.pop("pair", PAIR) + options.pop("extra", "")
        made.extend(PostgresqlGateway(home / name, port, server, extra=extra, **OPTIONS, **options) for name in names)
        return made

    yield build
    for gateway in made:
        gateway.close()


def follows(gateway: GatewayProcess) -> None:
    """Until it is the standby and has seen some of what the active one writes."""
    wait_for(lambda: following(gateway), "the standby follows")


def following(gateway: GatewayProcess) -> bool:
    status = gateway.status()
    doing = status.get("initialising", {}).get("doing", "")
    return status.get("role") == "standby" and "following" in doing and bool(status["journal"]["seq"])


def messages(gateway: GatewayProcess, direction: str, msg_type: str) -> list[str]:
    path = gateway.state / "fix/SIM/messages.log"
    lines = path.read_text("latin-1").splitlines() if path.exists() else []
    return [line for line in lines if f" {direction} " in line and f"\x0135={msg_type}\x01" in line]


def send_log(gateway: GatewayProcess) -> str:
    """Every request that was about to reach the wire: written before it does, and not by a thread that may be asleep."""
    return (gateway.state / "fix/SIM/send.log").read_text()


def agree(gateway: GatewayProcess, venue: Any) -> None:
    """The end of each of these stories: both ledgers and the journal say the same."""
    come_to_rest(gateway)
    assert differences(gateway, venue.ledger_path) == []
    verified(gateway)  # type: ignore[arg-type]


def trades(gateway: GatewayProcess) -> None:
    """The first order it is given is accepted at the venue: none may be refused or stay in doubt."""
    assert gateway.order(price="109", wait_seconds=60)["state"] == "Accepted"


def first_order(gateway: GatewayProcess, began: float) -> float:
    """Seconds until an order was accepted at the venue."""
    while True:
        with suppress(GatewayError):
            if gateway.order(price="109", wait_seconds=60).get("state") == "Accepted":
                return time.monotonic() - began
        assert time.monotonic() - began < 100
        time.sleep(0.02)


def test_the_active_one_is_killed_and_the_standby_takes_over(home, make_pair):
    with start_venue(home / "venue", rate=20, flow=10, seed=SEED) as venue:
        active, standby = make_pair(venue.port, extra=STRATEGY)
        active.start().ready()
        standby.start()
        follows(standby)
        for round_ in range(2):
            with Traders(active, Random(SEED)) as traders:
                wait_for(lambda traders=traders: traders.sent > 20, "trading")
                began = time.monotonic()
                active.kill()
            seconds = first_order(standby, began)
            print(f"\ntakeover {round_ + 1}: first order accepted {seconds:.2f} s after SIGKILL")  # noqa: T201 - a figure to read
            standby.ready()
            # Both numbers lie above what the dead one had used: the venue closes the gap without a message of an order.
            assert len(messages(standby, "in", "2")) <= round_ + 1
            active.start()  # and is the standby from now on
            follows(active)
            active, standby = standby, active
        document = json.loads(run_command(standby, "status", "--json"))
        assert document["role"] == "standby"
        assert document["journal"]["state"] == "initialising"
        assert "standby: following process" in run_command(standby, "status")
        with pytest.raises(GatewayError, match="standby: following process"):
            standby.order()
        assert standby.terminate() == 0
        active.kill()
        agree(active, venue)


def test_the_server_crashes_and_the_active_one_stays(home, make_pair, server):
    """It alone has what the server had confirmed and not yet written out: a successor would begin without it."""
    with start_venue(home / "venue", rate=20, flow=10, seed=SEED) as venue:
        active, standby = make_pair(venue.port, extra=STRATEGY)
        active.start().ready()
        standby.start()
        follows(standby)
        with Traders(active, Random(SEED)) as traders:
            wait_for(lambda: traders.sent > 20, "trading")
            server.crash()
            server.start()
            sent = traders.sent
            wait_for(lambda: active.venue()["opened"] and traders.sent > sent + 20, "trading again")
        follows(standby)
        standby.kill()
        active.kill()
        agree(active, venue)


def test_a_standby_that_dies_while_it_takes_over(home, make_pair):
    """With the lease taken and nothing else done; then with the venue settled and nothing reconciled."""
    with start_venue(home / "venue", rate=20, flow=10, seed=SEED) as venue:
        active, standby = make_pair(venue.port, extra=STRATEGY, pair=PATIENT)
        normal = active.launcher
        active.start().ready()
        for point in ("before-run-number", "before-reconciled"):
            standby.launcher = (LAUNCHER, point)
            standby.start()
            follows(standby)
            with Traders(active, Random(SEED)) as traders:
                wait_for(lambda traders=traders: traders.sent > 20, "trading")
                active.kill()
            assert standby.ended() == -signal.SIGKILL
            assert active.ended() == -signal.SIGKILL, "its role was not taken while it lived"
            active, standby = standby, active
            active.launcher = normal
            active.start().ready()
        active.kill()
        agree(active, venue)


def test_a_standby_whose_connection_swallows_answers_takes_another(server, monkeypatch):
    """Whoever follows through it would otherwise know nothing of what the active one commits, and not say so."""
    monkeypatch.setattr(recovery, "ANSWER_SECONDS", 0.5)
    server.start()
    server.recreate()
    with (
        Proxy(server.socket, messages=False) as cable,
        closing(JournalAt(server.url("journal")).open()) as journal,
        closing(recovery.Follower(JournalAt(server.url("journal", cable.port)), lambda: Core({}))) as follower,
    ):

        def commit() -> None:
            seq = journal.position()[0] + 1
            step = [Recorded(seq=seq, run_id=1, at_ns=seq, wall_ns=seq, cause=seq, event=RunStopped())]
            journal.append(step, {}, "")

        commit()
        assert (follower.follow(), follower.seq) == (0, 1)
        cable.half_deaf()
        commit()
        with pytest.raises(JournalError, match=r"no answer within 0\.5 s"):
            follower.follow()
        assert (follower.follow(), follower.seq) == (0, 2)


def test_two_of_a_pair_never_take_the_same_run_number(home, make_pair):
    """Not even when the first ends before his run is in the journal: his send log would tell of the other's as of his own."""
    with start_venue(home / "venue", rate=0) as venue:
        one, other = make_pair(venue.port)
        normal = one.launcher
        other.launcher = (LAUNCHER, "before-run-started")
        other.start()
        assert other.ended() == -signal.SIGKILL
        one.launcher = (LAUNCHER, "after-send-D")
        one.start().ready()
        with suppress(GatewayError):
            one.order(price="109")
        assert one.ended() == -signal.SIGKILL
        assert [json.loads((each.state / "run.json").read_text())["run_id"] for each in (one, other)] == [2, 1]
        wait_for(lambda: read_ledger(venue.ledger_path), "the order is at the venue")
        one.launcher = other.launcher = normal
        other.start().ready()
        (order,) = other.wait_rows("SELECT * FROM v_orders WHERE state = 'Accepted'")
        assert not order["in_doubt"]
        told = [row["event"] for row in other.rows("SELECT event FROM v_order_events ORDER BY event_seq")]
        assert "submission_failed" not in told, told
        other.kill()
        agree(other, venue)


def test_an_active_one_that_sleeps_between_commit_and_send_sends_nothing_when_it_wakes_up(home, make_pair):
    """The request is in the journal as dispatched, and the next thing the process would do is to send it."""
    with start_venue(home / "venue", rate=20, flow=10, seed=SEED) as venue:
        active, standby = make_pair(venue.port, extra=STRATEGY)
        active.launcher = (LAUNCHER, "sleep:777")
        active.start().ready()
        standby.start()
        follows(standby)
        process = active.process
        assert process is not None
        with Traders(active, Random(SEED)) as traders, ThreadPoolExecutor() as asking:
            wait_for(lambda: traders.sent > 20, "trading")
            asked = asking.submit(active.order, quantity="777")
            wait_for(lambda: Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "T", "asleep")
            try:
                standby.ready()
            finally:
                logons, sent = len(messages(active, "out", "A")), send_log(active)
                process.send_signal(signal.SIGCONT)
            assert active.ended() == 6
            asked.exception(30)  # told, or not, that it was dispatched: both are true
        assert f"was taken by process {standby.process.pid} on" in active.err.read_text()
        assert (len(messages(active, "out", "A")), send_log(active)) == (logons, sent)
        assert not [line for line in read_ledger(venue.ledger_path) if line.order_qty == 777]
        trades(standby)
        assert standby.status()["role"] == "active"
        standby.kill()
        agree(standby, venue)
