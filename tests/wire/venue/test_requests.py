"""What an operator asks for, twice or cut short: an id stands for one request, and silence is never a failure."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest
from gateway_process import wait_for

from gateway.errors import Denied

ORDER = {"venue": "SIM", "symbol": "USD/JPY", "side": "buy", "quantity": "1000", "price": "110", "request_id": "once"}


def test_a_request_id_stands_for_one_order(gateway, venue):
    first = gateway.client.post("/orders", ORDER)
    assert gateway.client.post("/orders", ORDER)["order_id"] == first["order_id"]
    with pytest.raises(Denied, match="whose quantity is 1000, not 2000: nothing was sent"):
        gateway.client.post("/orders", ORDER | {"quantity": "2000"})
    venue.wait("D")
    assert len(venue.of_type("D")) == 1


@pytest.mark.parametrize(("kind", "says"), [("replace", "2"), ("cancel", "1")])
def test_who_waits_for_a_request_is_told_why_it_was_refused(gateway, venue, kind, says):
    order_id = gateway.order()["order_id"]
    request = venue.wait("D")
    venue.report(request, "0", "0", (44, "110"))
    gateway.wait_state(order_id, "Accepted")
    options = ["--price", "109"] if kind == "replace" else []
    command = [sys.executable, "-m", "gateway", "order", kind, order_id, *options, "--wait", "60", "--config"]
    waiting = subprocess.Popen([*command, str(gateway.config)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        sent = venue.wait("G" if kind == "replace" else "F")
        words = [(434, says), (102, "0"), (58, "too late, sir")]
        venue.send("9", (37, "NONE"), (11, sent[11]), (41, sent[41]), (39, "0"), *words)
        told, said = waiting.communicate(timeout=100)
    finally:
        waiting.kill()
    assert waiting.returncode == 1
    assert "too late, sir" in told
    assert f"was not {'replaced' if kind == 'replace' else 'cancelled'} (too late, sir): it is Accepted" in said


def test_an_interrupted_wait_is_an_unknown_outcome(gateway, venue):
    """The order is at the venue: whoever lost patience must not believe that it failed."""
    command = "order new --venue SIM --symbol USD/JPY --side buy --qty 1000 --price 110 --wait 60 --config"
    waiting = subprocess.Popen(
        [sys.executable, "-m", "gateway", *command.split(), str(gateway.config)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        venue.wait("D")
        waiting.send_signal(signal.SIGINT)
        _, said = waiting.communicate(timeout=100)
    finally:
        waiting.kill()
    assert waiting.returncode == 7
    assert "may have been carried out" in said
    assert "--request-id" in said


def test_a_scope_that_covers_nothing_stops_nothing_and_says_so(gateway, venue):
    command = ["kill", "engage", "--scope", "venue:NOPE", "--reason", "slip", "--config", str(gateway.config)]
    refused = subprocess.run(
        [sys.executable, "-m", "gateway", *command], check=False, capture_output=True, text=True, timeout=30
    )
    assert refused.returncode == 3
    assert "SIM" in refused.stderr
    assert gateway.order()["stage"] == "dispatched"
    wait_for(lambda: venue.of_type("D"), "the order")
