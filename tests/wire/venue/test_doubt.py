"""Requests without an answer: in doubt, asked about, resolved, and never sent again."""

from __future__ import annotations


def test_in_flight_at_a_disconnect_is_in_doubt_until_the_venue_was_asked(gateway, venue):
    order_id = gateway.order()["order_id"]
    request = venue.wait("D")
    venue.known[request[11]] = dict(venue.report_fields(request, "I", "0"))
    venue.status_answers = False
    venue.disconnect()
    gateway.wait_state(order_id, "Submitted", in_doubt=True)
    asked = venue.wait("H")
    assert gateway.status()["orders"]["in_doubt"] == 1
    venue._status(asked)
    gateway.wait_state(order_id, "Accepted")
    gateway.wait_open()
    assert len(venue.of_type("D")) == 1


def test_an_order_the_venue_never_saw_ends_rejected(gateway, venue):
    order_id = gateway.order()["order_id"]
    venue.wait("D")
    venue.disconnect()
    row = gateway.wait_state(order_id, "Rejected")
    assert row["cum_qty"] == 0
    gateway.wait_open()
    assert len(venue.of_type("D")) == 1


def test_an_unanswered_status_request_keeps_the_venue_closed_and_says_so(make, venue):
    gateway = make(ack_timeout=1).start().ready()
    order_id = gateway.order()["order_id"]
    venue.wait("D")
    venue.status_answers = False
    venue.disconnect()
    reason = gateway.wait_venue("not reconciled")["reason"]
    assert order_id in reason
    gateway.wait_rows("SELECT * FROM v_orders WHERE state = 'Submitted' AND in_doubt_reason = 'status_unanswered'")
    assert len(venue.of_type("H")) >= 2, "twice, and again after pauses"
    assert gateway.order()["code"] == "venue_not_open"
    # The next logon asks again.
    venue.status_answers = True
    venue.disconnect()
    gateway.wait_open()
    gateway.wait_state(order_id, "Rejected")


def test_a_venue_that_answers_late_opens(make, venue):
    gateway = make(ack_timeout=1).start().ready()
    orders = [gateway.order()["order_id"] for _ in range(2)]
    for _ in orders:
        venue.report(venue.wait("D"), "0", "0")
    gateway.wait_state(orders[1], "Accepted")
    venue.status_answers = False
    venue.disconnect()
    assert "asked 1 time, again in 2 s" in gateway.wait_venue("not reconciled")["reason"]
    for asked in venue.of_type("H")[:2]:
        venue._status(asked)
    gateway.wait_open()
    venue.status_answers = True
    venue.accept_orders = True
    gateway.wait_state(gateway.order()["order_id"], "Accepted")


def test_a_venue_that_did_not_answer_is_asked_again_on_the_same_session(make, venue):
    gateway = make(ack_timeout=1).start().ready()
    order_id = gateway.order()["order_id"]
    venue.report(venue.wait("D"), "0", "0")
    gateway.wait_state(order_id, "Accepted")
    venue.status_answers = False
    venue.disconnect()
    gateway.wait_venue("not reconciled")
    connections = venue.connections
    venue.status_answers = True
    gateway.wait_open()
    assert gateway.venue()["reason"] == "reconciled (asked again)"
    assert venue.connections == connections


def test_no_answer_in_time_is_doubt_and_a_question(make, venue):
    gateway = make(ack_timeout=1).start().ready()
    order_id = gateway.order()["order_id"]
    request = venue.wait("D")
    venue.status_answers = False
    asked = venue.wait("H")
    assert asked[11] == request[11]
    assert gateway.wait_state(order_id, "Submitted", in_doubt=True)["in_doubt_reason"] == "ack_timeout"
    venue.report(request, "0", "0")
    gateway.wait_state(order_id, "Accepted")


def test_a_cancel_in_flight_at_a_disconnect(gateway, venue):
    order_id = gateway.order()["order_id"]
    request = venue.wait("D")
    venue.report(request, "0", "0")
    gateway.wait_state(order_id, "Accepted")
    gateway.cancel(order_id)
    cancel = venue.wait("F")
    assert cancel[41] == request[11]
    venue.known[request[11]] |= {39: "4", 151: "0"}
    venue.disconnect()
    gateway.wait_state(order_id, "Cancelled")
    gateway.wait_open()


def test_a_venue_that_refuses_status_requests_has_answered(gateway, venue):
    order_id = gateway.order()["order_id"]
    request = venue.wait("D")
    venue.report(request, "0", "0")
    gateway.wait_state(order_id, "Accepted")
    venue.status_answers = False
    venue.disconnect()
    asked = venue.wait("H")
    venue.send("j", (45, asked[34]), (372, "H"), (380, "3"), (58, "no status here"))
    gateway.wait_rows("SELECT * FROM v_orders WHERE state = 'Accepted' AND in_doubt_reason = 'status_unanswered'")
    gateway.caught_up()
    assert gateway.rows("SELECT * FROM v_anomalies WHERE kind = 'not_reconciled'")
    assert "not reconciled" in gateway.venue()["reason"]
