"""Names an order had, was asked to have, or has at the venue alone: none closes it, none keeps it from being cancelled."""

from __future__ import annotations

from decimal import Decimal

from gateway.core.events import Accepted, CancelRejected, Rejected, StatusRequested, TradingDayRolled
from gateway.core.reactions.intents import MAX_KILL_REQUESTS
from gateway.core.values import CommandKind, OrderState
from gateway.testing.harness import Harness

D = Decimal
C1, C2, C3 = "T-1-1-1", "T-1-1-2", "T-1-1-3"


# --- a refusal of a request that waits no more


def test_a_late_refusal_of_a_replace_does_not_reject_the_order(harness: Harness, order_id: str) -> None:
    """An ExecutionReport(8) with ExecType=8 under the name of a REPLACE that a status answer has settled."""
    harness.request_replace(order_id, price="155")
    harness.pass_deadline()
    harness.answer_status(order_id, "0", cl_ord_id=C1, order_qty=D(10000), price=D(156), cum_qty=D(0))
    harness.report(Rejected, order_id, cl_ord_id=C2, orig_cl_ord_id=C1, ord_status="8")
    order = harness.order(order_id)
    assert (order.state, order.cl_ord_id) == (OrderState.ACCEPTED, C1)
    assert len(harness.events(StatusRequested)) == 2, "it says Rejected, so the venue is asked"


def test_a_refusal_of_a_replace_said_twice_does_not_reject_the_order(harness: Harness, order_id: str) -> None:
    harness.request_replace(order_id, price="155")
    for poss_dup in (False, True):
        harness.report(Rejected, order_id, cl_ord_id=C2, orig_cl_ord_id=C1, ord_status="8", poss_dup=poss_dup)
    assert harness.order(order_id).state is OrderState.ACCEPTED


def test_a_refusal_of_a_cancel_said_twice_does_not_reject_the_order(harness: Harness, order_id: str) -> None:
    harness.request_cancel(order_id)
    harness.report(CancelRejected, order_id, cl_ord_id=C2, orig_cl_ord_id=C1, ord_status="0")
    harness.report(Rejected, order_id, cl_ord_id=C2, ord_status="8")
    assert harness.order(order_id).state is OrderState.ACCEPTED


# --- a venue that knows an order by the name of a REPLACE nobody heard the answer of


def lost_answer(harness: Harness, order_id: str) -> None:
    harness.request_replace(order_id, price="155")
    harness.disconnect()
    harness.log_on()
    harness.settle()
    harness.answer_status(order_id, "8", cl_ord_id=C1, unknown=True)


def test_unknown_by_the_old_name_is_asked_for_by_the_new(harness: Harness, order_id: str) -> None:
    lost_answer(harness, order_id)
    assert [asked.cl_ord_id for asked in harness.events(StatusRequested)] == [C1, C2]
    harness.answer_status(order_id, "0", cl_ord_id=C2, order_qty=D(10000), price=D(155), cum_qty=D(0))
    order = harness.order(order_id)
    assert (order.cl_ord_id, order.price, order.in_doubt) == (C2, D(155), None)
    assert harness.state.control.venues["SIM"].opened


def test_unknown_by_both_names_is_a_doubt(harness: Harness, order_id: str) -> None:
    lost_answer(harness, order_id)
    harness.answer_status(order_id, "8", cl_ord_id=C2, unknown=True)
    assert harness.order(order_id).in_doubt == "unknown_at_venue"
    assert len(harness.events(StatusRequested)) == 2
    assert not harness.state.control.venues["SIM"].opened


def test_an_order_of_yesterday_unknown_by_its_old_name_is_not_expired(harness: Harness, order_id: str) -> None:
    harness.request_replace(order_id, price="155")
    harness.disconnect()
    harness.feed(TradingDayRolled(request_id="day", actor="schedule", reason="", trading_date="20250616"))
    harness.log_on()
    harness.settle()
    harness.answer_status(order_id, "8", cl_ord_id=C1, unknown=True)
    assert harness.order(order_id).state is OrderState.ACCEPTED
    assert harness.events(StatusRequested)[-1].cl_ord_id == C2


def test_kill_reaches_an_order_by_the_name_it_has_at_the_venue(harness: Harness, order_id: str) -> None:
    lost_answer(harness, order_id)
    harness.kill()
    harness.answer_status(order_id, "0", cl_ord_id=C2, order_qty=D(10000), price=D(155), cum_qty=D(0))
    first = harness.sent(CommandKind.CANCEL)[0]
    harness.report(CancelRejected, order_id, cl_ord_id=first.cl_ord_id, orig_cl_ord_id=C1, ord_status="8", cxl_rej_reason="1")
    harness.answer_status(order_id, "0", cl_ord_id=C2, order_qty=D(10000), price=D(155), cum_qty=D(0))
    assert harness.sent(CommandKind.CANCEL)[-1].orig_cl_ord_id == C2


# --- the kill switch at a venue that says nothing


def test_a_killed_order_is_cancelled_again_when_neither_cancel_nor_question_is_answered(
    harness: Harness, order_id: str
) -> None:
    harness.kill()
    while harness.next_deadline is not None:
        harness.pass_deadline()
    cancels = harness.sent(CommandKind.CANCEL)
    assert len(cancels) == MAX_KILL_REQUESTS
    assert len({cancel.cl_ord_id for cancel in cancels}) == len(cancels)


def test_a_killed_order_whose_cancel_was_refused_is_cancelled_again(harness: Harness, order_id: str) -> None:
    """The refusal makes us ask; the question is not answered."""
    harness.kill()
    first = harness.sent(CommandKind.CANCEL)[0]
    harness.report(CancelRejected, order_id, cl_ord_id=first.cl_ord_id, orig_cl_ord_id=C1, ord_status="0", cxl_rej_reason="0")
    harness.pass_deadline()
    harness.pass_deadline()
    assert len(harness.sent(CommandKind.CANCEL)) == 2


def test_a_killed_order_whose_cancel_was_refused_by_an_execution_report_is_asked_about(harness: Harness, order_id: str) -> None:
    harness.kill()
    first = harness.sent(CommandKind.CANCEL)[0]
    harness.report(Rejected, order_id, cl_ord_id=first.cl_ord_id)
    harness.answer_status(order_id, "0", cum_qty=D(0))
    assert len(harness.sent(CommandKind.CANCEL)) == 2


def test_an_order_of_another_origin_that_appears_under_kill_is_cancelled(harness: Harness, order_id: str) -> None:
    harness.kill()
    harness.report(Accepted, order_id, cl_ord_id="X", venue_order_id="VX", order_qty=D(1000), price=D(156))
    assert harness.sent(CommandKind.CANCEL)[-1].orig_cl_ord_id == "X"
