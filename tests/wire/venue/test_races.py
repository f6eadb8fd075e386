"""Answers that cross, come late or never, over the wire: what the venue has is what we end up with, and kill stops it."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor

import pytest
from gateway_process import wait_for


@pytest.fixture
def order(gateway, venue):
    """An accepted order: its id and the request."""
    order_id = gateway.order()["order_id"]
    request = venue.wait("D")
    venue.report(request, "0", "0", (44, "110"))
    gateway.wait_state(order_id, "Accepted")
    return order_id, request


def take_in_silence(venue, order, replace):
    """The venue carries out a replace, knows the order by its new name alone, and tells nobody."""
    venue.known[replace[11]] = venue.known.pop(order[11]) | {
        11: replace[11],
        38: replace[38],
        44: replace[44],
        151: replace[38],
    }


def test_an_order_is_found_by_the_name_of_the_replace_whose_answer_was_lost(gateway, venue, order):
    order_id, request = order
    gateway.replace(order_id, price="109")
    replace = venue.wait("G")
    take_in_silence(venue, request, replace)
    venue.disconnect()
    assert venue.wait("H")[11] == request[11]
    assert venue.wait("H")[11] == replace[11]
    gateway.wait_open()
    [row] = gateway.wait_rows("SELECT * FROM v_orders WHERE order_id = ? AND price = 109 AND in_doubt = 0", order_id)
    assert (row["state"], row["cl_ord_id"]) == ("Accepted", replace[11])


def test_killed_in_the_middle_of_that_the_next_process_finds_and_cancels_it(gateway, venue, order):
    order_id, request = order
    gateway.replace(order_id, quantity="3000", price="109")
    replace = venue.wait("G")
    take_in_silence(venue, request, replace)
    gateway.kill()
    gateway.start().answering()
    gateway.post("/kill", scope="all", reason="test")
    first = venue.wait("F")
    if first[41] != replace[11]:  # sent before the venue told the name
        venue.send("9", (37, "NONE"), (11, first[11]), (41, first[41]), (39, "8"), (434, "1"), (102, "1"))
        first = venue.wait("F")
    assert first[41] == replace[11]
    venue.report({**request, 11: first[11]}, "4", "4", (41, replace[11]), (151, "0"))
    gateway.wait_state(order_id, "Cancelled")


def test_a_late_refusal_of_a_replace_rejects_nothing(make, venue):
    gateway = make(ack_timeout=1).start().ready()
    order_id = gateway.order()["order_id"]
    request = venue.wait("D")
    venue.report(request, "0", "0", (44, "110"))
    gateway.wait_state(order_id, "Accepted")
    gateway.replace(order_id, price="109")
    replace = venue.wait("G")
    venue.wait("H")  # overdue; the answer shows the old terms
    wait_for(lambda: gateway.journal("resolved"), "the doubt ends")
    venue.send("8", *venue.report_fields({**request, 11: replace[11]}, "8", "8", (41, request[11]), (151, "0")))
    assert venue.wait("H")[11] == request[11]
    gateway.wait_state(order_id, "Accepted")
    gateway.cancel(order_id)
    assert venue.wait("F")[41] == request[11]


def test_kill_goes_on_at_a_venue_that_answers_neither_cancels_nor_questions(make, venue):
    gateway = make(ack_timeout=1).start().ready()
    venue.status_answers = False
    order_id = gateway.order()["order_id"]
    request = venue.wait("D")
    venue.report(request, "0", "0")
    gateway.wait_state(order_id, "Accepted")
    gateway.post("/kill", scope="all", reason="test")
    first, second = venue.wait("F"), venue.wait("F")
    assert first[11] != second[11]
    venue.report({**request, 11: second[11]}, "4", "4", (41, request[11]), (151, "0"))
    gateway.wait_state(order_id, "Cancelled")


def test_kill_waits_for_no_disk(gateway, venue, order):
    """The disk of the kill file hangs: the gate is closed and cancels leave before anybody is answered."""
    order_id, request = order
    pipe = gateway.state / "kill.json.new"
    os.mkfifo(pipe)  # whoever opens it for writing waits for a reader
    with ThreadPoolExecutor() as pool:
        asked = [pool.submit(gateway.post, "/kill", scope=scope, reason="test") for scope in ("instrument:USD/JPY", "all")]
        try:
            first = venue.wait("F")
            wait_for(lambda: set(gateway.status()["kill"]) == {"all", "instrument:USD/JPY"}, "both scopes are closed")
            assert not any(one.done() for one in asked)
        finally:
            reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
        # In the end the disk refuses: a pipe cannot be synced.
        assert all("closed in this process only" in one.result()["detail"] for one in asked)
        os.close(reader)
    venue.report({**request, 11: first[11]}, "4", "4", (41, request[11]), (151, "0"))
    gateway.wait_state(order_id, "Cancelled")


def test_a_name_the_venue_gave_and_an_old_report_after_it_harm_nothing(gateway, venue, order):
    order_id, request = order
    for name, price in (("BROKER", "109"), (request[11], "110")):
        fields = venue.report_fields({**request, 11: name}, "5", "5", (44, price), (37, f"O-{request[11]}"), (41, request[11]))
        venue.send("8", *fields)
    gateway.wait_rows("SELECT * FROM v_anomalies WHERE kind = 'stale_report'")
    [row] = gateway.rows("SELECT * FROM v_orders WHERE order_id = ?", order_id)
    assert (row["state"], row["cl_ord_id"], row["price"]) == ("Accepted", "BROKER", 109)
    gateway.cancel(order_id)
    assert venue.wait("F")[41] == "BROKER"


def test_an_order_that_works_at_the_venue_does_not_stay_cancelled_here(gateway, venue, order):
    """The venue made its replace of a cancel and a new order."""
    order_id, request = order
    gateway.replace(order_id, price="109")
    replace = venue.wait("G")
    gone = venue.report_fields(request, "4", "4", (151, "0"))
    venue.send("8", *gone)
    venue.report(replace, "0", "0", (41, request[11]), (44, "109"))
    assert [venue.wait("H")[11] for _ in range(2)] == [replace[11]] * 2
    [row] = gateway.wait_rows("SELECT * FROM v_orders WHERE order_id = ? AND price = 109", order_id)
    assert (row["cl_ord_id"], row["state"], row["in_doubt"]) == (replace[11], "Accepted", 0)
    gateway.post("/kill", scope="all", reason="test")
    assert venue.wait("F")[41] == replace[11]


def test_a_bust_that_puts_a_cancelled_order_back_to_work_under_kill(gateway, venue, order):
    order_id, request = order
    venue.fill(request, "400", "110")
    busted = venue.known[request[11]][17]
    gateway.wait_state(order_id, "PartiallyFilled")
    gateway.post("/kill", scope="all", reason="test")
    first = venue.wait("F")
    venue.report({**request, 11: first[11]}, "4", "4", (41, request[11]), (14, "400"), (151, "0"))
    gateway.wait_state(order_id, "Cancelled")
    venue.report(request, "H", "0", (19, busted), (14, "0"), (151, "1000"))
    second = venue.wait("F")
    assert second[41] == request[11]
    venue.report({**request, 11: second[11]}, "4", "4", (41, request[11]), (151, "0"))
    gateway.wait_state(order_id, "Cancelled")
    gateway.wait_rows("SELECT * FROM v_positions WHERE net_qty = 0")
