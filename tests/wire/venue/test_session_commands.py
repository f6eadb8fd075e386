"""Sequence numbers by hand, schedules, and orders that must not outlive their session."""

from __future__ import annotations

import datetime as dt
from concurrent.futures import ThreadPoolExecutor

import pytest
from gateway_process import wait_for

from gateway.errors import PreconditionFailed


def session_events(gateway, event):
    return gateway.rows("SELECT * FROM v_session_events WHERE event = ? ORDER BY event_seq", event)


def open_order(gateway, venue):
    order_id = gateway.order()["order_id"]
    request = venue.wait("D")
    venue.report(request, "0", "0")
    gateway.wait_state(order_id, "Accepted")
    return order_id, request


def test_a_reset_begins_at_one_on_both_sides_and_reconciles(gateway, venue):
    order_id, _ = open_order(gateway, venue)
    venue.wait("A")
    gateway.post("/sessions/SIM/reset", reason="agreed by phone")
    assert venue.wait("5")[35] == "5", "logged out first"
    logon = venue.wait("A")
    assert (logon[141], logon[34]) == ("Y", "1")
    assert venue.wait("H")[11] == gateway.rows("SELECT cl_ord_id FROM v_orders WHERE order_id = ?", order_id)[0]["cl_ord_id"]
    gateway.wait_open()
    gateway.caught_up()
    [event] = session_events(gateway, "reset")
    assert event["epoch"] == 2
    assert "agreed by phone" in event["detail"]
    [action] = gateway.rows("SELECT * FROM v_operator_actions WHERE action = 'session_commanded'")
    assert (action["after"], action["reason"]) == ("reset", "agreed by phone")
    assert gateway.venue()["next_target"] == venue.next_out
    assert gateway.venue()["next_sender"] == venue.expected
    # The next logon does not ask again.
    venue.disconnect()
    assert 141 not in venue.wait("A")
    gateway.wait_open()
    assert len(session_events(gateway, "reset")) == 1


def test_a_reset_that_is_asked_for_twice_happens_once(gateway, venue):
    body = {"request_id": "once", "reason": "r"}
    gateway.client.post("/sessions/SIM/reset", body)
    gateway.wait_open()
    assert "before" in gateway.client.post("/sessions/SIM/reset", body)["detail"]
    gateway.caught_up()
    assert gateway.venue()["epoch"] == 2
    assert venue.connections == 2


def test_a_request_id_that_was_used_does_nothing_and_says_so(gateway, venue):
    body = {"request_id": "one", "scope": "all", "state": "disabled"}
    assert "trading disabled" in gateway.client.post("/trading", body)["detail"]
    assert "nothing was done" in gateway.client.post("/trading", body | {"state": "enabled"})["detail"]
    assert gateway.status()["trading_state"] == "disabled"
    close = {"request_id": "two", "reason": "r"}
    assert "closed" in gateway.client.post("/venues/SIM/close", close)["detail"]
    gateway.client.post("/venues/SIM/open", {"request_id": "three", "reason": "r"})
    assert "nothing was done" in gateway.client.post("/venues/SIM/close", close)["detail"]
    assert gateway.venue()["opened"]


def test_what_needs_a_session_is_refused_without_one_and_changes_nothing(gateway, venue):
    gateway.post("/sessions/SIM/logout")
    gateway.wait_venue("logout")
    with pytest.raises(PreconditionFailed, match="not logged on: nobody is there"):
        gateway.post("/sessions/SIM/test-request")
    gateway.post("/venues/SIM/close", reason="late fills")
    with pytest.raises(PreconditionFailed, match=r"stays closed by .*: late fills"):
        gateway.post("/venues/SIM/open", reason="too early")
    gateway.post("/sessions/SIM/logon")
    wait_for(lambda: gateway.venue()["state"] == "settled", "settled numbers")
    assert "late fills" in gateway.venue()["reason"]
    gateway.post("/venues/SIM/open", reason="mended")
    assert gateway.venue()["opened"]


def test_a_reset_whose_process_dies_before_the_logon_is_carried_out_by_the_next(gateway, venue):
    venue.wait("A")
    gateway.post("/sessions/SIM/logout")
    gateway.wait_venue("logout")
    gateway.post("/sessions/SIM/reset", reason="r")
    assert gateway.venue()["next_sender"] == 1
    gateway.kill()
    gateway.start().ready()
    logon = venue.wait("A")
    assert (logon[141], logon[34]) == ("Y", "1")
    gateway.caught_up()
    assert len(session_events(gateway, "reset")) == 1
    assert gateway.venue()["epoch"] == 2


def test_a_session_that_was_logged_out_stays_out_after_a_reset(gateway, venue):
    gateway.post("/sessions/SIM/logout")
    gateway.wait_venue("logout")
    gateway.post("/sessions/SIM/reset", reason="r")
    assert venue.connections == 1
    gateway.post("/sessions/SIM/logon")
    gateway.wait_open()
    assert venue.connections == 2


def test_numbers_are_set_as_agreed(gateway, venue):
    order_id, request = open_order(gateway, venue)
    for _ in range(5):
        venue.send("0")
    wait_for(lambda: gateway.watermark() >= 7, "heartbeats taken")
    venue.next_out, venue.expected = 400, 900  # the venue has restored its session from elsewhere
    gateway.post("/sessions/SIM/set-seq", reason="by phone", next_sender=901, next_target=401)
    gateway.wait_open()
    gateway.caught_up()
    [event] = session_events(gateway, "reset")
    assert (event["epoch"], gateway.journal("session_reset")[0]["next_target"]) == (2, 401)
    assert gateway.venue()["next_sender"] == venue.expected > 901
    assert gateway.venue()["next_target"] == venue.next_out
    venue.fill(request, "1000", "110")
    gateway.wait_state(order_id, "Filled")
    gateway.kill()
    gateway.start().ready()
    assert gateway.venue()["next_target"] == venue.next_out


def test_a_venue_that_does_not_log_out_is_waited_for_and_then_left(gateway, venue):
    """Meanwhile nobody else changes its numbers: the first one to end would log on in the middle of the second."""
    venue.answer_logout = False
    venue.next_out = 50
    with ThreadPoolExecutor() as pool:
        asked = pool.submit(gateway.post, "/sessions/SIM/set-seq", reason="r", next_target=50)
        venue.wait("5")
        with pytest.raises(PreconditionFailed, match="by another request"):
            gateway.post("/sessions/SIM/reset", reason="r")
        asked.result()
    gateway.wait_open()
    assert gateway.venue()["next_target"] == venue.next_out


def schedule(begin: dt.datetime, end: dt.datetime) -> str:
    days = '["mon", "tue", "wed", "thu", "fri", "sat", "sun"]'
    return f'schedule = {{ start = "{begin:%H:%M:%S}", end = "{end:%H:%M:%S}", days = {days}, timezone = "UTC" }}'


def now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def started_before_its_hours(make, hours_seconds):
    """A gateway that answers before its session's hours begin, however slow the machine is just now; and when they begin."""
    for lead in (4, 10, 25):
        begin = now() + dt.timedelta(seconds=lead)
        gateway = make(venue_extra=schedule(begin, begin + dt.timedelta(seconds=hours_seconds + lead))).start().answering()
        reason = wait_for(lambda gateway=gateway: gateway.venue()["reason"], "what the schedule says")
        if "outside its hours until" in reason:
            return gateway, begin
        gateway.close()
    raise AssertionError("the machine is too slow for this")


def test_a_session_is_up_within_its_hours_alone(make, venue):
    gateway, begin = started_before_its_hours(make, 2)
    wait_for(gateway.said_ready, "ready, as nothing should be up")
    gateway.wait_open()
    assert now() >= begin.replace(microsecond=0)
    venue.wait("5")
    gateway.wait_venue("outside its hours")
    gateway.caught_up()
    events = [row["event"] for row in gateway.rows("SELECT event FROM v_session_events ORDER BY event_seq")]
    told = [event for event in events if event.startswith("schedule") or event in ("logon", "logout")]
    assert told == ["schedule_end", "schedule_begin", "logon", "schedule_end", "logout"], events


def test_an_operator_s_logout_is_not_undone_by_the_schedule(make, venue):
    gateway, _ = started_before_its_hours(make, 3600)
    gateway.post("/sessions/SIM/logout")
    gateway.wait_rows("SELECT * FROM v_session_events WHERE event = 'schedule_begin'")
    gateway.wait_venue("not logged on")
    connections = venue.connections
    gateway.post("/sessions/SIM/logon")
    gateway.wait_open()
    assert venue.connections == connections + 1


def test_orders_do_not_outlive_their_session_where_the_configuration_says_so(make, venue):
    gateway = make(venue_extra="cancel_on_disconnect = true").start().ready()
    order_id, request = open_order(gateway, venue)
    venue.disconnect()
    cancel = venue.wait("F")
    assert cancel[41] == request[11]
    venue.report(request, "4", "4", (11, cancel[11]), (41, request[11]))
    gateway.wait_state(order_id, "Cancelled")
    second, request = open_order(gateway, venue)
    gateway.post("/sessions/SIM/logout")
    assert venue.wait("F")[41] == request[11], "before the logout"
    venue.wait("5")
    assert second


def test_orders_outlive_their_session_otherwise(gateway, venue):
    open_order(gateway, venue)
    venue.disconnect()
    venue.wait("H")
    gateway.wait_open()
    assert [message for message in venue.received if message[35] == "F"] == []
