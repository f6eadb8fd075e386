"""Starts that must not be, clean ends, and records that are away for a while."""

from __future__ import annotations

import os
import socket
import sqlite3

import pytest
from gateway_process import wait_for
from trading import differences

from gateway.errors import NotReachable


def refused(gateway, seconds=20):
    """What a gateway says that must not start: one line, exit code 6."""
    gateway.start()
    assert gateway.ended(seconds) == 6, gateway.err.read_text()
    lines = [line for line in gateway.err.read_text().splitlines() if not line.startswith("[info")]
    assert len(lines) == 1, lines
    assert lines[0].startswith("error: ")
    return lines[0]


def test_a_second_gateway_on_the_same_journal(make, venue):
    first = make(venue.port).start().ready()
    second = make(venue.port)
    assert second.state == first.state
    assert f"in use by process {first.process.pid}" in refused(second)
    first.wait_state(first.order()["order_id"], "Accepted")


def test_the_port_of_the_metrics_is_taken(make):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        gateway = make(9, metrics_port=taken.getsockname()[1])
        assert "telemetry.metrics_port" in refused(gateway)
    assert not (gateway.home / "c.sock").exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_an_unwritable_state_directory(make):
    gateway = make(9)
    gateway.state.mkdir(mode=0o500)
    assert "make it writable" in refused(gateway)


def test_a_state_directory_that_is_a_file(make):
    gateway = make(9)
    gateway.state.write_text("")
    assert "state directory" in refused(gateway)


def test_a_store_directory_that_is_a_file(make):
    gateway = make(9)
    gateway.state.mkdir(mode=0o700)
    (gateway.state / "fix").write_text("")
    assert f"store of session SIM: {gateway.state / 'fix'} is not a directory; move it away" in refused(gateway)


def test_a_directory_of_the_records_that_cannot_be_used_stops_no_trading(make, venue):
    """`check` names it with exit code 6; a run says so until it is mended, and writes the records then."""
    gateway = make(venue.port, extra='[records]\nurl = "sqlite:///there/records.db"\n')
    (gateway.home / "there").write_text("")
    gateway.start().ready()
    assert gateway.order(wait_seconds=60)["state"] == "Accepted"
    assert "records are away, trading goes on: records database" in gateway.err.read_text()
    status = gateway.status()
    assert status["records"]["state"] == status["capabilities"]["record_writer"]["state"] == "degraded"
    [alarm] = [alarm for alarm in status["alarms"] if "record_writer" in alarm["what"]]
    assert str(gateway.home / "there") in status["records"]["detail"]
    assert alarm["severity"] == "warning"
    (gateway.home / "there").unlink()
    gateway.records = gateway.home / "there/records.db"
    gateway.caught_up()
    assert gateway.status()["alarms"] == []
    assert differences(gateway, venue.ledger_path) == []


def test_sigterm_is_a_clean_stop(make, venue):
    gateway = make(venue.port).start().ready()
    gateway.wait_state(gateway.order()["order_id"], "Accepted")
    assert gateway.terminate() == 0  # what is not done within the bounds of a stop is exit code 1
    [run] = gateway.rows("SELECT * FROM v_runs")
    assert run["clean_stop"] == 1
    assert run["stopped_ns"] > run["started_ns"]
    log = (gateway.state / "fix/SIM/messages.log").read_text().splitlines()
    assert any(" out " in line and "\x0135=5\x01" in line for line in log[-6:])
    assert gateway.rows("SELECT * FROM v_session_events WHERE event = 'logout'")
    with pytest.raises(NotReachable):
        gateway.client.get("/status")
    # The open order is still there, and known, after a restart.
    gateway.start().ready()
    assert gateway.status()["orders"]["open"] == 1
    assert gateway.venue()["opened"]


def test_records_that_are_locked_fall_behind_and_catch_up(make, venue):
    gateway = make(venue.port).start().ready()
    gateway.wait_state(gateway.order()["order_id"], "Accepted")
    lock = sqlite3.connect(gateway.records, isolation_level=None)
    lock.execute("BEGIN EXCLUSIVE")
    try:
        ids = [gateway.order(wait_seconds=60)["order_id"] for _ in range(20)]
        status = gateway.status()
        assert status["orders"]["open"] == 21
        assert status["records"]["lag_events"] > 40
        wait_for(lambda: gateway.status()["capabilities"]["record_writer"]["state"] == "degraded", "it is said")
        assert any("record_writer" in alarm["what"] for alarm in gateway.status()["alarms"])
        assert gateway.order(wait_seconds=60)["state"] == "Accepted"
    finally:
        lock.execute("ROLLBACK")
        lock.close()
    gateway.caught_up()
    assert gateway.status()["records"]["lag_events"] == 0
    for order_id in ids:
        gateway.wait_state(order_id, "Accepted")
    assert differences(gateway, venue.ledger_path) == []
