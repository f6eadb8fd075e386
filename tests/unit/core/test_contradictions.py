"""Reports that say the opposite of what we hold: the venue is asked, and an order that works there is open here."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from gateway.core.events import (
    Accepted,
    Cancelled,
    DoneForDay,
    FillBusted,
    InDoubt,
    Rejected,
    Replaced,
    Restated,
    StatusRequested,
)
from gateway.core.values import CommandKind, OrderState
from gateway.testing.harness import Harness

D = Decimal
C1, C2 = "T-1-1-1", "T-1-1-2"
WORKING: dict[str, Any] = {"cum_qty": D(0), "leaves_qty": D(10000)}


def asked(harness: Harness) -> list[str]:
    return [event.cl_ord_id for event in harness.events(StatusRequested)]


# --- open here, over there


@pytest.mark.parametrize("kind", [Restated, DoneForDay])
@pytest.mark.parametrize(("status", "state"), [("4", OrderState.CANCELLED), ("C", OrderState.EXPIRED)])
def test_a_report_that_calls_an_open_order_over_makes_us_ask(
    harness: Harness, order_id: str, kind: Any, status: str, state: OrderState
) -> None:
    harness.report(kind, order_id, ord_status=status, leaves_qty=D(0))
    assert harness.order(order_id).state is OrderState.ACCEPTED
    assert asked(harness) == [C1]
    harness.answer_status(order_id, status, cum_qty=D(0), leaves_qty=D(0))
    assert harness.order(order_id).state is state


def test_a_fill_that_calls_the_order_filled_before_it_is_makes_us_ask(harness: Harness, order_id: str) -> None:
    """The venue took quantity out of the order and the report of that was lost."""
    harness.fill(order_id, "6000", ord_status="2", order_qty=D(6000), leaves_qty=D(0))
    assert asked(harness) == [C1]
    harness.answer_status(order_id, "2", order_qty=D(6000), cum_qty=D(6000), leaves_qty=D(0), avg_px=D(156))
    assert harness.order(order_id).state is OrderState.FILLED


def test_what_agrees_asks_nothing(harness: Harness, order_id: str) -> None:
    harness.fill(order_id, "4000", ord_status="1", leaves_qty=D(6000))
    harness.report(Restated, order_id, ord_status="4", poss_dup=True)
    harness.report(Cancelled, order_id, ord_status="4", cum_qty=D(4000), leaves_qty=D(0))
    harness.accept(order_id, **WORKING)
    assert asked(harness) == []


# --- ended here, working there


@pytest.fixture
def cancelled(harness: Harness, order_id: str) -> str:
    harness.confirm_cancel(order_id)
    return order_id


def test_an_order_the_venue_twice_says_works_is_open_again(harness: Harness, cancelled: str) -> None:
    harness.answer_status(cancelled, "0", **WORKING)
    order = harness.order(cancelled)
    assert (order.state, order.in_doubt) == (OrderState.CANCELLED, "said_working")
    harness.answer_status(cancelled, "0", **WORKING)
    order = harness.order(cancelled)
    assert (order.state, order.in_doubt, order.terminal_ns) == (OrderState.ACCEPTED, None, None)
    assert harness.anomalies() == ["reopened"]
    assert harness.state.execution.exposure.open_quantity(cancelled) == D(10000)
    harness.request_cancel(cancelled)
    assert harness.sent()[-1].kind is CommandKind.CANCEL


@pytest.mark.parametrize("second", [{"ord_status": "4"}, {"ord_status": "8", "unknown": True}])
def test_a_status_answer_that_was_overtaken_by_the_end_opens_nothing(harness: Harness, cancelled: str, second: Any) -> None:
    harness.answer_status(cancelled, "0", **WORKING)
    harness.answer_status(cancelled, **second)
    order = harness.order(cancelled)
    assert (order.state, order.in_doubt) == (OrderState.CANCELLED, None)
    assert harness.anomalies() == []


def test_open_again_under_kill_is_cancelled(harness: Harness, cancelled: str) -> None:
    harness.kill()
    for _ in range(2):
        harness.answer_status(cancelled, "0", **WORKING)
    assert harness.order(cancelled).state is OrderState.ACCEPTED
    [cancel] = harness.sent(CommandKind.CANCEL)
    assert cancel.orig_cl_ord_id == C1


def test_filled_here_and_larger_there(harness: Harness, order_id: str) -> None:
    harness.fill(order_id, "10000", ord_status="1", leaves_qty=D(5000))
    assert asked(harness) == [C1]
    for _ in range(2):
        harness.answer_status(order_id, "1", order_qty=D(15000), cum_qty=D(10000), leaves_qty=D(5000))
    order = harness.order(order_id)
    assert (order.state, order.quantity, order.leaves_qty) == (OrderState.PARTIALLY_FILLED, D(15000), D(5000))


def test_a_replace_made_of_cancel_and_new(harness: Harness, order_id: str) -> None:
    harness.request_replace(order_id, price="155")
    harness.report(Cancelled, order_id, cl_ord_id=C1, ord_status="4", leaves_qty=D(0))
    harness.report(Accepted, order_id, cl_ord_id=C2, ord_status="0", **WORKING)
    assert asked(harness) == [C2]
    for _ in range(2):
        harness.answer_status(order_id, "0", cl_ord_id=C2, order_qty=D(10000), price=D(155), **WORKING)
    order = harness.order(order_id)
    assert (order.state, order.cl_ord_id, order.price) == (OrderState.ACCEPTED, C2, D(155))


def test_the_end_of_the_old_order_said_after_the_replace(harness: Harness, order_id: str) -> None:
    harness.request_replace(order_id, price="155")
    harness.confirm_replace(order_id)
    harness.report(Cancelled, order_id, cl_ord_id=C1, ord_status="4", leaves_qty=D(0))
    assert asked(harness) == [C2]
    for _ in range(2):
        harness.answer_status(order_id, "0", cl_ord_id=C2, order_qty=D(10000), price=D(155), **WORKING)
    assert harness.order(order_id).state is OrderState.ACCEPTED


@pytest.mark.parametrize(("kind", "status"), [(Accepted, "0"), (Replaced, "5"), (Restated, "0")])
def test_a_report_about_an_order_that_ended_here_makes_us_ask(harness: Harness, cancelled: str, kind: Any, status: str) -> None:
    harness.report(kind, cancelled, ord_status=status, order_qty=D(9000), cum_qty=D(0), leaves_qty=D(9000))
    assert asked(harness) == [C1]
    assert harness.order(cancelled).state is OrderState.CANCELLED


def test_a_bust_after_the_cancel_that_puts_quantity_back_to_work(harness: Harness, order_id: str) -> None:
    harness.fill(order_id, "4000", exec_id="E1")
    harness.confirm_cancel(order_id)
    harness.report(FillBusted, order_id, exec_id="B1", exec_ref_id="E1", ord_status="0", **WORKING)
    assert asked(harness) == [C1]


def test_what_is_told_again_before_the_numbers_agree_asks_nothing(harness: Harness, cancelled: str) -> None:
    """A venue that reset its numbers tells the whole day again, without PossDupFlag(43)."""
    harness.disconnect()
    harness.log_on()
    harness.accept(cancelled, **WORKING)
    harness.settle()
    assert harness.events(InDoubt) == []
    assert asked(harness) == []


def test_rejected_and_yet_working(harness: Harness) -> None:
    order_id = harness.request_order(quantity="10000")
    harness.report(Rejected, order_id, ord_status="8")
    for _ in range(2):
        harness.answer_status(order_id, "0", **WORKING)
    assert harness.order(order_id).state is OrderState.ACCEPTED


def test_replaced_after_the_answer_said_no_and_without_terms(harness: Harness, order_id: str) -> None:
    harness.request_replace(order_id, quantity="20000")
    harness.pass_deadline()
    harness.answer_status(order_id, "0", cl_ord_id=C1, order_qty=D(10000), price=D(156), cum_qty=D(0))
    harness.report(Replaced, order_id, cl_ord_id=C2, orig_cl_ord_id=C1, ord_status="5")
    assert asked(harness) == [C1, C2]
    harness.answer_status(order_id, "0", cl_ord_id=C2, order_qty=D(20000), price=D(156), cum_qty=D(0))
    assert harness.order(order_id).quantity == D(20000)


def test_a_report_that_cannot_be_believed_makes_us_ask_and_answers_nothing(harness: Harness, order_id: str) -> None:
    """A trade without quantity, a cancel whose OrdStatus(39) is 0."""
    harness.answer_status(order_id, "1", believed=False)
    harness.answer_status(order_id, "0", believed=False)
    assert asked(harness) == [C1]
    assert harness.order(order_id).in_doubt is None
    harness.answer_status(order_id, "4", cum_qty=D(0))
    assert harness.order(order_id).state is OrderState.CANCELLED


def test_an_execution_told_again_on_another_day_counts_once(harness: Harness, order_id: str) -> None:
    """PossResend(97) over midnight from a venue that states no time of the trade."""
    harness.fill(order_id, "4000", exec_id="E1", trade_date="20250615")
    harness.fill(order_id, "4000", exec_id="E1", trade_date="20250616", cum_qty=D(4000), poss_dup=True)
    assert harness.position() == D(4000)
    harness.fill(order_id, "3000", exec_id="E1", trade_date="20250616", cum_qty=D(7000), poss_dup=True)
    assert harness.position() == D(7000), "another content on another day is another execution"
