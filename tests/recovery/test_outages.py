"""One venue fails in every way a venue can; at the other one orders are answered all the while."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from gateway_process import GatewayProcess, wait_for
from rogue import Rogue

from gateway.errors import NotFound
from gateway.sim.process import VenueProcess, start_venue

PATIENT = """
import sys
from pathlib import Path
from gateway.bootstrap import gateway, process
gateway.CANCEL_SECONDS = 3600.0
sys.exit(process.run(Path(sys.argv[1])))
"""
"""A gateway that would wait an hour for the answer to a cancel at its end."""


def second_venue(port: int, *, host: str = "127.0.0.1", market_data: str = "[]") -> str:
    return f"""
[[venues]]
name = "ALT"
dialect = "generic-fix44"
host = "{host}"
port = {port}
sender_comp_id = "DESK"
target_comp_id = "ALT"
heartbeat_seconds = 1
reconnect_seconds = 1
ack_timeout_seconds = 1
market_data = {market_data}
"""


@pytest.fixture
def alt(home: Path) -> Iterator[VenueProcess]:
    with start_venue(home / "alt", sender="ALT", rate=0) as process:
        yield process


def state_of(gateway: GatewayProcess, name: str) -> dict[str, Any]:
    return next((v for v in gateway.status().get("venues", ()) if v["venue"] == name), {"opened": False, "reason": ""})


def wait_closed(gateway: GatewayProcess, text: str = "") -> None:
    def closed() -> bool:
        state = state_of(gateway, "ALT")
        return not state["opened"] and text in state["reason"]

    wait_for(closed, f"ALT closed: {text}; it is {state_of(gateway, 'ALT')}")


def wait_open(gateway: GatewayProcess, name: str = "ALT") -> None:
    wait_for(lambda: state_of(gateway, name)["opened"], f"{name} open; it is {state_of(gateway, name)}")


def trades_on(gateway: GatewayProcess, count: int = 10) -> None:
    """Orders at SIM are accepted and cancelled, each as it is asked for, on the connection it had from the start."""
    for _ in range(count):
        answer = gateway.order(price="100", wait_seconds=60)
        assert answer["state"] == "Accepted", answer
        answer = gateway.cancel(answer["order_id"], wait_seconds=60)
        assert answer["state"] == "Cancelled", answer
    assert state_of(gateway, "SIM")["logons"] == 1


def refuse(venue: VenueProcess) -> Callable[[], object]:
    venue.command("refuse-logon on")
    venue.command("disconnect DESK")
    return lambda: venue.command("refuse-logon off")


def hang(venue: VenueProcess) -> Callable[[], object]:
    """The kernel goes on accepting connections and bytes, and nobody answers."""
    os.kill(venue.pid, signal.SIGSTOP)
    return lambda: os.kill(venue.pid, signal.SIGCONT)


@pytest.mark.parametrize("fail", [refuse, hang])
def test_a_venue_that_fails_and_comes_back(make, venue, alt, fail):
    gateway = make(venue.port, extra=second_venue(alt.port)).start().ready()
    there = gateway.order(venue="ALT", price="100", wait_seconds=60)
    assert there["state"] == "Accepted"
    mend = fail(alt)
    try:
        wait_closed(gateway)
        trades_on(gateway)
        refused = gateway.order(venue="ALT", price="100")
        assert (refused["stage"], refused["code"]) == ("denied", "venue_not_open")
        assert [why for why in gateway.status()["alarms"] if "ALT" in why["what"] and "SIM" not in why["what"]]
    finally:
        mend()
    wait_open(gateway)
    assert gateway.cancel(there["order_id"], wait_seconds=60)["state"] == "Cancelled"
    trades_on(gateway, 2)


def test_nobody_waits_for_the_answer_of_a_venue_that_is_gone(make, venue, alt):
    gateway = make(venue.port, extra=second_venue(alt.port), launcher=("-c", PATIENT)).start().ready()
    there = gateway.order(venue="ALT", price="100", wait_seconds=60)
    here = gateway.order(price="100", wait_seconds=60)
    refuse(alt)
    wait_closed(gateway)
    gateway.post("/stop", reason="end of day", cancel_open=True)
    assert gateway.ended() == 0  # it would wait an hour for an answer that it thinks is due
    gateway.wait_state(here["order_id"], "Cancelled")
    gateway.wait_state(there["order_id"], "Accepted")  # nobody could cancel it, and that is what is said


def test_a_scope_with_a_slip_in_it_is_refused(make, venue):
    gateway = make(venue.port).start().ready()
    for path, more in (("/kill", {}), ("/cancel-all", {}), ("/trading", {"state": "disabled"})):
        for scope in ("venue:SIMM", "strategy:maker", "instrument:EUR/USD"):
            with pytest.raises(NotFound, match="known: "):
                gateway.post(path, scope=scope, reason="a slip", **more)
    assert gateway.status()["kill"] == {}
    gateway.post("/kill", scope="strategy:desk", reason="meant")
    gateway.post("/kill", scope="account:A", reason="accounts are not declared")
    assert set(gateway.status()["kill"]) == {"strategy:desk", "account:A"}


def test_a_venue_that_dies_with_an_order_in_flight(make, home, venue):
    with start_venue(home / "alt", sender="ALT", rate=0) as alt:
        gateway = make(venue.port, extra=second_venue(alt.port)).start().ready()
        hang(alt)
        lost = gateway.order(venue="ALT", price="101")
        assert lost["stage"] == "dispatched"
        alt.kill()
        wait_closed(gateway)
        gateway.wait_state(lost["order_id"], "Submitted", in_doubt=True)
        trades_on(gateway)
    with start_venue(home / "alt", sender="ALT", rate=0, port=alt.port):
        wait_open(gateway)
        trades_on(gateway, 2)
        gateway.caught_up()
        [row] = gateway.rows("SELECT state, in_doubt FROM v_orders WHERE order_id = ?", lost["order_id"])
        assert (row["state"], row["in_doubt"]) == ("Rejected", 0)  # the venue never saw it


@pytest.mark.parametrize("host", ["127.0.0.1", "192.0.2.1", "nowhere.invalid"])
def test_a_venue_that_cannot_be_reached(make, venue, host):
    """Nobody listens; packets go into the void (RFC 5737); there is no such name (RFC 6761)."""
    gateway = make(venue.port, extra=second_venue(9, host=host)).start().answering()
    wait_open(gateway, "SIM")
    trades_on(gateway)
    assert not gateway.said_ready()
    if host == "nowhere.invalid":  # about which the engine says nothing at all
        wait_for(lambda: [alarm for alarm in gateway.status()["alarms"] if "ALT" in alarm["what"]], "an alarm")
    assert gateway.terminate() == 0


@pytest.mark.parametrize("manner", ["silent", "garbage", "deaf", "flood"])
def test_a_venue_that_never_behaves(make, venue, manner):
    with Rogue(manner) as rogue:
        market_data = '["USD/JPY"]' if manner == "flood" else "[]"
        gateway = make(venue.port, extra=second_venue(rogue.port, market_data=market_data)).start().answering()
        wait_open(gateway, "SIM")
        wait_for(lambda: rogue.connections, "a connection")
        if manner in ("garbage", "flood"):
            wait_for(lambda: rogue.sent > 2000, f"enough of it, not {rogue.sent}")
        trades_on(gateway)
        if manner == "flood":
            assert state_of(gateway, "SIM")["opened"]
        else:
            assert not gateway.said_ready()  # one venue is missing, and whoever waits for `ready` is not told otherwise
    assert gateway.terminate() == 0
