"""Emergency cancels that the venue refuses or does not answer: another name, the core's questions, and never a new order."""

from __future__ import annotations

from gateway_process import locked, wait_for


def cancelled(venue, cancel, request):
    venue.report(request, "4", "4", (11, cancel[11]), (41, cancel[41]), (151, "0"))


def test_refused_by_the_old_name_unanswered_and_a_connection_lost_in_between(gateway, venue):
    replaced, silent = (gateway.order()["order_id"] for _ in range(2))
    first, second = venue.wait("D"), venue.wait("D")
    for request in (first, second):
        venue.report(request, "0", "0")
    for order_id in (replaced, silent):
        gateway.wait_state(order_id, "Accepted")
    gateway.replace(replaced, quantity="500")
    change = venue.wait("G")
    gateway.caught_up()
    with locked(gateway):
        # Replaced at the venue, and the report waits with everything else.
        venue.report(change, "5", "0", (41, first[11]), (38, "500"), (151, "500"))
        gateway.post("/kill", reason="stuck")
        refused = venue.wait("F", t41=first[11])
        venue.send("9", (37, f"O-{first[11]}"), (11, refused[11]), (41, first[11]), (39, "8"), (434, "1"), (102, "1"))
        by_the_new_name = venue.wait("F", t41=change[11])
        cancelled(venue, by_the_new_name, change)
        unanswered = venue.wait("F", t41=second[11])
        # On a new connection nothing goes before the numbers are agreed on.
        venue.disconnect()
        again = venue.wait("F", t41=second[11])
        probe = next(m for m in venue.of_type("1") if m.get(112, "").startswith("KILL-"))
        assert probe.number < again.number
        assert len({refused[11], by_the_new_name[11], unanswered[11], again[11]}) == 4
    asked = venue.wait("H", t11=second[11])
    assert asked
    last = venue.wait("F", t41=second[11])
    assert "-E" not in last[11], "the venue says it works, and the core goes on"
    cancelled(venue, last, second)
    for order_id in (replaced, silent):
        gateway.wait_state(order_id, "Cancelled")
    assert len(venue.of_type("D")) == 2
    told = {event["cl_ord_id"] for event in gateway.journal("emergency_cancel_sent")}
    assert told == {refused[11], by_the_new_name[11], unanswered[11], again[11]}
    wait_for(lambda: gateway.status()["emergency_cancels"] == {}, "over")


def test_what_the_journal_has_been_told_is_not_told_again_by_the_file(gateway, venue):
    order_id = gateway.order()["order_id"]
    request = venue.wait("D")
    venue.report(request, "0", "0")
    gateway.wait_state(order_id, "Accepted")
    with locked(gateway):
        gateway.post("/kill", reason="stuck")
        cancel = venue.wait("F", t41=request[11])
        cancelled(venue, cancel, request)
    gateway.wait_state(order_id, "Cancelled")
    gateway.kill()
    gateway.start().ready()
    assert len(gateway.journal("emergency_cancel_sent")) == 1
    assert gateway.order()["code"] == "kill_engaged"
    assert len(venue.of_type("D")) == 1


def test_a_runtime_that_has_nothing_to_do_is_not_stuck(gateway, venue):
    """Killed and quiet, with an order the venue does not cancel: the core goes on about it, and nobody else."""
    order_id = gateway.order()["order_id"]
    request = venue.wait("D")
    venue.report(request, "0", "0")
    gateway.wait_state(order_id, "Accepted")
    gateway.post("/kill", reason="a quiet day")
    venue.wait("F", t41=request[11])
    engaged = gateway.status()["now_ns"]
    wait_for(lambda: gateway.status()["now_ns"] - engaged > 4_000_000_000, "longer than a stuck runtime is waited for")
    assert gateway.status()["emergency_cancels"] == {}
    assert "is stuck" not in gateway.err.read_text()
    assert [message[11] for message in venue.of_type("F") if "-E" in message[11]] == []
