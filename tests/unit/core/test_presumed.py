"""Orders we only presumed rejected, and answers that say nothing."""

from __future__ import annotations

from decimal import Decimal

import pytest

from gateway.core.changes import AnomalyRaised
from gateway.core.events import (
    Rejected,
    Resolved,
    StatusReported,
)
from gateway.core.values import CommandKind, OrderState
from gateway.testing.harness import SESSION, VENUE, Harness

D = Decimal


def opened(harness: Harness) -> bool:
    return harness.state.control.venues[VENUE].opened


def test_an_order_we_presumed_rejected_comes_back_when_the_venue_accepts_it(harness: Harness) -> None:
    """The status path of a venue can be faster than its order path: "unknown" now, accepted a moment later."""
    order_id = harness.request_order()
    harness.pass_deadline()
    harness.feed(StatusReported(venue=VENUE, session=SESSION, cl_ord_id=harness.order(order_id).cl_ord_id, unknown=True))
    assert harness.order(order_id).state is OrderState.REJECTED
    step = harness.accept(order_id)
    assert harness.order(order_id).state is OrderState.ACCEPTED
    assert any(getattr(c, "anomaly", None) == "reopened" for _, changes in step.changes for c in changes)
    harness.kill()
    assert [c.order_id for c in harness.sent(CommandKind.CANCEL)] == [order_id]


def test_a_venue_does_not_open_on_an_answer_that_says_nothing(harness: Harness) -> None:
    order_id = harness.request_order()
    harness.accept(order_id)
    harness.disconnect()
    harness.log_on()
    harness.settle()
    harness.feed(StatusReported(venue=VENUE, session=SESSION, cl_ord_id=harness.order(order_id).cl_ord_id))
    assert not opened(harness)
    assert harness.order(order_id).in_doubt == "status_unanswered"


def presumed_rejected(harness: Harness) -> str:
    """An order that the venue did not know when we asked."""
    order_id = harness.request_order(quantity="10000")
    harness.pass_deadline()
    harness.answer_status(order_id, "8", unknown=True)
    assert harness.order(order_id).state is OrderState.REJECTED
    return order_id


def test_an_order_that_came_back_goes_on_like_any_other(harness: Harness) -> None:
    order_id = presumed_rejected(harness)
    harness.fill(order_id, "4000")
    order = harness.order(order_id)
    assert (order.state, order.leaves_qty, order.terminal_ns) == (OrderState.PARTIALLY_FILLED, 6000, None)
    harness.accept(order_id)
    harness.fill(order_id, "6000")
    assert harness.order(order_id).state is OrderState.FILLED
    harness.fill(order_id, "1000")
    assert harness.anomalies() == ["reopened", "over_fill"]


@pytest.mark.parametrize(
    ("ord_status", "cum_qty", "state"),
    [("0", 0, OrderState.ACCEPTED), ("1", 4000, OrderState.PARTIALLY_FILLED), ("2", 10000, OrderState.FILLED)],
)
def test_an_order_presumed_rejected_comes_back_when_a_status_answer_knows_it(
    harness: Harness, ord_status: str, cum_qty: int, state: OrderState
) -> None:
    order_id = presumed_rejected(harness)
    harness.answer_status(order_id, ord_status, cum_qty=D(cum_qty))
    order = harness.order(order_id)
    assert (order.state, order.cum_qty, order.presumed) == (state, cum_qty, False)
    assert (order.terminal_ns is None) is not order.state.terminal
    harness.fill(order_id, "1000", cum_qty=D(cum_qty + 1000))
    assert harness.order(order_id).cum_qty == cum_qty + 1000


def test_a_venue_that_says_rejected_ends_the_presumption(harness: Harness) -> None:
    order_id = presumed_rejected(harness)
    harness.report(Rejected, order_id)
    harness.accept(order_id)
    assert harness.order(order_id).state is OrderState.REJECTED
    assert harness.anomalies() == ["no_edge"]


def test_what_a_venue_answers_later_leaves_its_reason_to_reject(harness: Harness) -> None:
    order_id = harness.request_order()
    harness.feed(Rejected(venue=VENUE, session=SESSION, cl_ord_id=harness.order(order_id).cl_ord_id, text="no credit"))
    said = harness.order(order_id).reason
    assert "no credit" in (said or "")
    for disposition, expected in (("reported_accepted", ["reported_accepted in state Rejected"]), ("reported_rejected", [])):
        step = harness.feed(Resolved(order_id=order_id, disposition=disposition))
        raised = [change.detail for _, changes in step.changes for change in changes if isinstance(change, AnomalyRaised)]
        assert (harness.order(order_id).reason, raised) == (said, expected)
