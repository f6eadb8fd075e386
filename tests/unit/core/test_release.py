"""What goes when: names at the moment of sending, cancels under kill, and the deadlines of what waits."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from gateway.core import execution_control as control
from gateway.core.events import VenueCloseRequested
from gateway.core.turn import Turn
from gateway.core.values import NANOS, CommandKind
from gateway.testing.harness import VENUE, Harness, settings

D = Decimal
OTHER = "ALT"


def two_venues(**first: Any) -> Harness:
    """One without a rate, configured before the one with."""
    base = settings(rate_per_second=D(1), rate_burst=4)
    free = replace(base.venues[VENUE], name=OTHER, session="FIX.4.4:GATEWAY->ALT", rate_per_second=None)
    return Harness(config=replace(base, venues={OTHER: free, VENUE: replace(base.venues[VENUE], **first)})).open()


def busy(harness: Harness, orders: int = 4) -> list[str]:
    """Orders at work, and no token left."""
    made = [harness.request_order(price=f"15{number}") for number in range(orders)]
    for order_id in made:
        harness.accept(order_id)
    return made


def test_what_cannot_arise_is_a_defect_and_not_a_second_order() -> None:
    harness = Harness().open()
    order_id = harness.request_order()
    sent = harness.sent()[-1]
    turn = Turn(harness.state, run_id=1, at_ns=harness.now_ns, wall_ns=0)
    with pytest.raises(AssertionError, match=order_id):
        control.place(turn, sent)
    assert turn.step().records == ()


def test_nothing_but_cancels_goes_to_a_venue_that_is_closed() -> None:
    harness = Harness().open()
    (order_id,) = busy(harness, 1)
    harness.feed(VenueCloseRequested(actor="a", request_id="c", venue=VENUE))
    order = harness.order(order_id)
    assert control.held(harness.state, control.replace_command(harness.state, order, order.terms)) == "session"
    assert control.held(harness.state, control.cancel_command(harness.state, order)) is None


def test_no_new_order_is_urgent_under_kill() -> None:
    harness = Harness(config=settings(rate_per_second=D(1))).open()
    (order_id,) = busy(harness, 1)
    harness.kill()
    cancel = control.cancel_command(harness.state, harness.order(order_id))
    other = replace(cancel, order_id="9-9", venue_order_id=None)
    harness.state.execution.buckets[VENUE] = harness.now_ns + 9 * NANOS
    assert control.held(harness.state, other) is None
    assert control.held(harness.state, replace(other, kind=CommandKind.NEW)) == "rate"


def test_kill_sends_the_cancels_that_waited_for_the_rate() -> None:
    harness = two_venues()
    orders = busy(harness)
    for order_id in orders:
        harness.request_cancel(order_id)
    assert len(harness.sent(CommandKind.CANCEL)) == 1
    harness.kill()
    assert [command.order_id for command in harness.sent(CommandKind.CANCEL)] == orders


def test_a_replace_that_waited_names_the_order_as_it_is_called_now() -> None:
    harness = Harness().open()
    (order_id,) = busy(harness, 1)
    harness.request_replace(order_id, price="151")
    harness.request_replace(order_id, price="152")
    first = harness.order(order_id).new_in_flight
    harness.confirm_replace(order_id)
    sent = harness.sent(CommandKind.REPLACE)
    assert [command.request for command in sent] == [2, 3]
    assert sent[-1].orig_cl_ord_id == first == harness.order(order_id).cl_ord_id


def test_deadlines_of_what_waits_for_the_rate() -> None:
    harness = two_venues()
    orders = busy(harness)
    assert harness.next_deadline is None
    bucket = harness.state.execution.buckets[VENUE]
    harness.request_cancel(orders[0])
    harness.request_cancel(orders[1])
    bucket = harness.state.execution.buckets[VENUE]
    harness.confirm_cancel(orders[0])
    assert harness.next_deadline == bucket - 4 * NANOS, "a cancel may use one token more than an order"
    harness.pass_deadline()
    harness.confirm_cancel(orders[1])
    harness.request_order()
    assert harness.next_deadline == harness.state.execution.buckets[VENUE] - 3 * NANOS


def test_what_waits_for_a_venue_waits_for_no_time() -> None:
    harness = two_venues()
    orders = busy(harness)
    harness.request_replace(orders[0], price="151")
    assert harness.next_deadline is not None
    harness.feed(VenueCloseRequested(actor="a", request_id="c", venue=VENUE))
    assert harness.next_deadline is None
    harness.disconnect()
    harness.request_cancel(orders[1])
    assert orders[1] in harness.state.execution.pending
    assert harness.next_deadline is None


def test_questions_of_a_reconciliation_wait_for_the_rate() -> None:
    harness = two_venues(rate_burst=1)
    made = []
    for number in range(3):
        made.append(harness.request_order(price=f"15{number}"))
        if harness.next_deadline is not None and made[-1] in harness.state.execution.pending:
            harness.pass_deadline()
        harness.accept(made[-1])
    harness.disconnect()
    harness.log_on()
    harness.settle()
    asked = dict(harness.state.execution.asked)
    assert len(asked) < 3
    deadline = harness.next_deadline
    assert deadline is not None
    assert deadline < min(one.deadline_ns for one in asked.values()) if asked else True
    harness.pass_deadline()
    assert len(harness.state.execution.asked) == len(asked) + 1
