"""Unknown is not failed: late answers, lost connections, restarts, status answers and reconciliation."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from gateway.core.events import (
    CancelRejected,
    ControlTime,
    Dispatched,
    EngineRejected,
    InDoubt,
    LostRange,
    OrderRequested,
    Queued,
    ReconciliationFinished,
    ReconciliationStarted,
    Rejected,
    ReplaceRejected,
    Resolved,
    SessionNotice,
    StatusRequested,
    SubmissionFailed,
    Transmitted,
    Untranslated,
    VenueOpened,
    VenueOpenRequested,
)
from gateway.core.values import CommandKind, OrderState, OrderType
from gateway.testing.harness import ACK_TIMEOUT_NS, SESSION, VENUE, Harness

D = Decimal


def doubts(harness: Harness) -> list[str]:
    return [event.reason for event in harness.events(InDoubt)]


def opened(harness: Harness) -> bool:
    return harness.state.control.venues[VENUE].opened


# --- no answer in time


def test_no_acknowledgement_in_time_puts_in_doubt_and_asks(harness: Harness) -> None:
    order_id = harness.request_order()
    dispatched = harness.now_ns
    assert harness.next_deadline == dispatched + ACK_TIMEOUT_NS
    harness.pass_deadline()
    assert harness.order(order_id).in_doubt == "ack_timeout"
    assert harness.order(order_id).state is OrderState.SUBMITTED
    assert [asked.order_id for asked in harness.events(StatusRequested)] == [order_id]


def test_control_time_before_the_deadline_does_nothing(harness: Harness) -> None:
    order_id = harness.request_order()
    assert harness.order(order_id).in_doubt is None
    harness.feed(ControlTime(deadline_ns=harness.now_ns), after_ns=ACK_TIMEOUT_NS - 1)
    assert harness.order(order_id).in_doubt is None


def test_a_late_acknowledgement_ends_the_doubt_and_the_question(harness: Harness) -> None:
    order_id = harness.request_order()
    harness.pass_deadline()
    harness.accept(order_id)
    assert harness.order(order_id).in_doubt is None
    assert harness.next_deadline is None


def test_a_question_is_repeated_once_and_then_given_up(harness: Harness) -> None:
    order_id = harness.request_order()
    for _ in range(3):
        harness.pass_deadline()
    assert doubts(harness) == ["ack_timeout", "status_unanswered"]
    assert len(harness.events(StatusRequested)) == 2
    assert harness.order(order_id).in_doubt == "status_unanswered"
    assert harness.next_deadline is None


def test_a_cancel_overtakes_a_new_that_is_overdue(harness: Harness) -> None:
    order_id = harness.request_order()
    harness.request_cancel(order_id)
    assert harness.sent(CommandKind.CANCEL) == []
    harness.pass_deadline()
    assert [command.order_id for command in harness.sent(CommandKind.CANCEL)] == [order_id]


def test_a_status_answer_leaves_a_cancel_alone_that_is_not_overdue(harness: Harness) -> None:
    order_id = harness.request_order()
    harness.request_cancel(order_id)
    harness.pass_deadline()
    harness.answer_status(order_id, "0", cum_qty=D(0))
    order = harness.order(order_id)
    assert (order.state, order.in_doubt, order.new_in_flight) == (OrderState.ACCEPTED, None, None)
    assert order.cancel_in_flight == harness.sent(CommandKind.CANCEL)[0].cl_ord_id
    harness.pass_deadline()
    assert harness.order(order_id).in_doubt == "ack_timeout"


def test_a_fill_does_not_end_the_doubt_about_a_cancel(harness: Harness, order_id: str) -> None:
    harness.request_cancel(order_id)
    harness.pass_deadline()
    harness.fill(order_id, "1000")
    assert harness.order(order_id).in_doubt == "ack_timeout"
    assert harness.next_deadline is not None


def test_after_an_unanswered_cancel_and_question_another_cancel_may_go(harness: Harness, order_id: str) -> None:
    harness.request_cancel(order_id)
    for _ in range(3):
        harness.pass_deadline()
    harness.request_cancel(order_id)
    sent = harness.sent(CommandKind.CANCEL)
    assert len({command.cl_ord_id for command in sent}) == 2


# --- what status answers prove


@pytest.mark.parametrize(
    ("ord_status", "state"),
    [("0", OrderState.ACCEPTED), ("A", OrderState.ACCEPTED), ("6", OrderState.ACCEPTED), ("4", OrderState.CANCELLED),
     ("8", OrderState.REJECTED), ("C", OrderState.EXPIRED)],
)  # fmt: skip
def test_status_answer_ends_the_doubt(harness: Harness, ord_status: str, state: OrderState) -> None:
    order_id = harness.request_order()
    harness.pass_deadline()
    harness.answer_status(order_id, ord_status)
    order = harness.order(order_id)
    assert (order.state, order.in_doubt, order.new_in_flight) == (state, None, None)
    assert harness.next_deadline is None


def test_status_unknown_of_an_order_nobody_answered_ends_it(harness: Harness) -> None:
    order_id = harness.request_order()
    harness.pass_deadline()
    harness.answer_status(order_id, "8", unknown=True)
    order = harness.order(order_id)
    assert (order.state, order.reason, order.in_doubt) == (OrderState.REJECTED, "unknown_at_venue", None)


def test_status_unknown_of_an_order_that_was_accepted_keeps_the_doubt(harness: Harness, order_id: str) -> None:
    harness.answer_status(order_id, "8", unknown=True)
    assert (harness.order(order_id).state, harness.order(order_id).in_doubt) == (OrderState.ACCEPTED, "unknown_at_venue")


@pytest.mark.parametrize("ord_status", ["1", "2", None, "?"])
def test_status_answer_that_does_not_say_how_much_is_filled_leaves_a_doubt(
    harness: Harness, order_id: str, ord_status: str | None
) -> None:
    harness.answer_status(order_id, ord_status)
    assert (harness.order(order_id).state, harness.order(order_id).in_doubt) == (OrderState.ACCEPTED, "status_unanswered")
    assert harness.events(Resolved) == []


def test_a_missing_fill_without_price_is_one_doubt(harness: Harness) -> None:
    order_id = harness.request_order(price=None, order_type=OrderType.MARKET)
    harness.pass_deadline()
    harness.answer_status(order_id, "2", cum_qty=D(10000))
    assert doubts(harness) == ["ack_timeout", "status_unanswered"]
    assert harness.order(order_id).state is OrderState.SUBMITTED


# --- refusals


@pytest.mark.parametrize(
    ("ord_status", "reason"), [("2", None), ("4", None), ("8", None), ("C", None), ("0", "1")]
)  # CxlRejReason(102)=1: unknown order
def test_cancel_reject_that_contradicts_us_closes_nothing_and_asks(
    harness: Harness, order_id: str, ord_status: str, reason: str | None
) -> None:
    harness.request_cancel(order_id)
    cancel = harness.sent(CommandKind.CANCEL)[0].cl_ord_id
    harness.report(CancelRejected, order_id, cl_ord_id=cancel, ord_status=ord_status, cxl_rej_reason=reason)
    order = harness.order(order_id)
    assert (order.state, order.cancel_in_flight) == (OrderState.ACCEPTED, None)
    assert [asked.order_id for asked in harness.events(StatusRequested)] == [order_id]
    harness.answer_status(order_id, "4", cum_qty=D(0))
    assert harness.order(order_id).state is OrderState.CANCELLED


def test_cancel_reject_that_agrees_asks_nothing(harness: Harness, order_id: str) -> None:
    harness.request_cancel(order_id)
    cancel = harness.sent(CommandKind.CANCEL)[0].cl_ord_id
    harness.report(CancelRejected, order_id, cl_ord_id=cancel, ord_status="0", cxl_rej_reason="0")
    assert harness.events(StatusRequested) == []
    assert harness.next_deadline is None


def test_cancel_reject_without_a_name_of_ours_answers_the_one_in_flight(harness: Harness, order_id: str) -> None:
    harness.request_cancel(order_id)
    harness.report(CancelRejected, order_id, cl_ord_id=None, ord_status="0")
    assert harness.order(order_id).cancel_in_flight is None
    assert not harness.state.execution.awaiting
    assert harness.next_deadline is None


def test_an_earlier_cancel_reject_come_again_does_not_answer_the_next_cancel(harness: Harness, order_id: str) -> None:
    harness.request_cancel(order_id)
    first = harness.sent(CommandKind.CANCEL)[0].cl_ord_id
    refused = harness.reported(CancelRejected, order_id, cl_ord_id=first, ord_status="0")
    harness.feed(refused)
    harness.request_cancel(order_id)
    second = harness.sent(CommandKind.CANCEL)[1].cl_ord_id
    harness.feed(replace(refused, poss_dup=True))
    assert harness.order(order_id).cancel_in_flight == second


def test_a_replace_reject_leaves_new_and_cancel_alone(harness: Harness) -> None:
    order_id = harness.request_order()
    harness.report(ReplaceRejected, order_id, ord_status="0")
    assert harness.order(order_id).new_in_flight == harness.order(order_id).cl_ord_id


def test_a_reject_of_the_cancel_message_does_not_reject_the_order(harness: Harness, order_id: str) -> None:
    harness.request_cancel(order_id)
    cancel = harness.sent(CommandKind.CANCEL)[0].cl_ord_id
    harness.report(Rejected, order_id, cl_ord_id=cancel, reason="Reject(3): unknown tag")
    order = harness.order(order_id)
    assert (order.state, order.cancel_in_flight) == (OrderState.ACCEPTED, None)


def test_reject_after_a_fill_asks(harness: Harness, order_id: str) -> None:
    harness.fill(order_id, "1000")
    harness.report(Rejected, order_id, reason="?")
    assert harness.order(order_id).state is OrderState.PARTIALLY_FILLED
    assert harness.anomalies() == ["reject_after_fill"]
    assert len(harness.events(StatusRequested)) == 1


def test_submission_failed_of_a_new_ends_it_not_sent(harness: Harness) -> None:
    order_id = harness.request_order()
    harness.feed(SubmissionFailed(order_id=order_id, cl_ord_id=harness.order(order_id).cl_ord_id, reason="gate closed"))
    order = harness.order(order_id)
    assert (order.state, order.reason, order.leaves_qty) == (OrderState.REJECTED, "not_sent: gate closed", 0)
    assert harness.next_deadline is None


def test_submission_failed_of_a_cancel_leaves_the_order(harness: Harness, order_id: str) -> None:
    harness.request_cancel(order_id)
    cancel = harness.sent(CommandKind.CANCEL)[0].cl_ord_id
    harness.feed(SubmissionFailed(order_id=order_id, cl_ord_id=cancel, reason="session gone"))
    order = harness.order(order_id)
    assert (order.state, order.cancel_in_flight) == (OrderState.ACCEPTED, None)
    assert not harness.state.execution.awaiting


def test_submission_failed_of_an_unknown_order_is_an_anomaly(harness: Harness) -> None:
    harness.feed(SubmissionFailed(order_id="9-9", cl_ord_id="x", reason="?"))
    assert harness.anomalies() == ["unknown_order"]


def test_transmitted_notes_the_number(harness: Harness) -> None:
    order_id = harness.request_order()
    name = harness.order(order_id).cl_ord_id
    harness.feed(Transmitted(venue=VENUE, session=SESSION, epoch=3, msg_seq_num=7, order_id=order_id, cl_ord_id=name))
    awaiting = harness.state.execution.awaiting[name]
    assert (awaiting.epoch, awaiting.msg_seq_num) == (3, 7)
    assert harness.next_deadline == awaiting.deadline_ns


# --- connection lost, restart, reconciliation


def test_disconnect_puts_requests_in_flight_in_doubt_and_closes_what_waits(harness: Harness, order_id: str) -> None:
    sent = harness.request_order()
    harness.feed(LostRange(venue=VENUE, session=SESSION, begin=5, end=6, reason="gap filled"))
    waiting = harness.request_order()
    assert waiting not in harness.state.execution.orders
    harness.disconnect()
    assert harness.order(sent).in_doubt == "disconnect"
    assert harness.order(order_id).in_doubt is None
    assert harness.next_deadline is None
    assert not opened(harness)
    harness.log_on()
    assert not opened(harness)
    harness.settle()
    (started,) = harness.events(ReconciliationStarted)[-1:]
    assert started.order_ids == (order_id, sent)
    assert [asked.order_id for asked in harness.events(StatusRequested)[-2:]] == [order_id, sent]


def test_nothing_is_asked_while_the_session_is_down(harness: Harness) -> None:
    harness.request_order()
    harness.pass_deadline()
    asked = len(harness.events(StatusRequested))
    harness.disconnect()
    assert harness.next_deadline is None
    assert not harness.state.execution.asked
    assert len(harness.events(StatusRequested)) == asked


def test_a_contradiction_before_the_numbers_agree_is_asked_about_after(harness: Harness, order_id: str) -> None:
    harness.request_cancel(order_id)
    cancel = harness.sent(CommandKind.CANCEL)[0].cl_ord_id
    harness.disconnect()
    harness.log_on()
    harness.report(CancelRejected, order_id, cl_ord_id=cancel, ord_status="2")
    assert harness.events(StatusRequested) == []
    harness.settle()
    assert [asked.order_id for asked in harness.events(StatusRequested)] == [order_id]


def test_complete_reconciliation_opens_the_venue(harness: Harness, order_id: str) -> None:
    harness.disconnect()
    harness.log_on()
    harness.settle()
    assert not opened(harness)
    harness.answer_status(order_id, "1", cum_qty=D(4000), avg_px=D(156))
    assert opened(harness)
    assert harness.position() == 4000
    assert harness.events(ReconciliationFinished)[-1].complete
    assert harness.events(VenueOpened)[-1].reason == "reconciled (logon)"


def test_an_operator_may_open_a_venue_whose_reconciliation_was_unanswered(harness: Harness, order_id: str) -> None:
    harness.disconnect()
    harness.log_on()
    harness.settle()
    harness.pass_deadline()
    harness.pass_deadline()
    finished = harness.events(ReconciliationFinished)[-1]
    assert (finished.complete, finished.unanswered) == (False, (order_id,))
    assert not opened(harness)
    assert "not_reconciled" in harness.anomalies()
    denied = harness.request_order()
    assert denied not in harness.state.execution.orders
    harness.feed(VenueOpenRequested(actor="alice", reason="called them", request_id="open-1", venue=VENUE))
    assert opened(harness)
    assert harness.state.control.venues[VENUE].reason == "alice: called them"


def test_an_operator_may_open_during_reconciliation_but_not_before_the_numbers_agree(harness: Harness, order_id: str) -> None:
    harness.disconnect()
    harness.log_on()
    harness.feed(VenueOpenRequested(actor="alice", request_id="open-1", venue=VENUE))
    assert not opened(harness)
    harness.settle()
    harness.feed(VenueOpenRequested(actor="alice", request_id="open-2", venue=VENUE))
    assert opened(harness)
    assert harness.events(ReconciliationFinished)[-1].unanswered == (order_id,)


def test_an_order_that_ends_while_reconciling_does_not_block_the_venue(harness: Harness, order_id: str) -> None:
    harness.disconnect()
    harness.log_on()
    harness.settle()
    harness.confirm_cancel(order_id)
    harness.answer_status(order_id, "8", unknown=True)
    assert opened(harness)


@pytest.mark.parametrize(
    "event",
    [
        LostRange(venue=VENUE, session=SESSION, begin=5, end=6, reason="gap filled"),
        EngineRejected(venue=VENUE, session=SESSION, msg_seq_num=5, raw="8=FIX.4.4"),
        SessionNotice(venue=VENUE, session=SESSION, event="resend_request"),
        Untranslated(venue=VENUE, session=SESSION, msg_type="8", raw="8=FIX.4.4|35=8|32=1000|", detail="no order is named"),
    ],
)
def test_a_message_nobody_will_see_again_starts_a_reconciliation(harness: Harness, order_id: str, event: Any) -> None:
    harness.feed(event)
    assert not opened(harness)
    assert [asked.order_id for asked in harness.events(StatusRequested)] == [order_id]
    waiting = harness.request_order()
    assert waiting not in harness.state.execution.orders
    harness.answer_status(order_id, "0", cum_qty=D(0))
    assert opened(harness)


def test_refused_market_data_concerns_no_order(harness: Harness, order_id: str) -> None:
    harness.feed(EngineRejected(venue=VENUE, session=SESSION, msg_seq_num=5, raw="8=FIX.4.4|35=X|", market_data=True))
    assert opened(harness)
    assert harness.events(StatusRequested) == []
    assert harness.anomalies() == ["engine_rejected"]


def test_reconciliation_goes_in_waves() -> None:
    harness = Harness().open()
    orders = [harness.request_order(quantity="1000") for _ in range(60)]
    for order_id in orders:
        harness.accept(order_id)
    harness.disconnect()
    harness.log_on()
    harness.settle()
    assert len(harness.events(StatusRequested)) == 50
    for answered, order_id in enumerate(orders):
        assert not opened(harness)
        harness.answer_status(order_id, "0", cum_qty=D(0))
        assert len(harness.events(StatusRequested)) == min(60, 51 + answered)
    assert opened(harness)


def test_restart_puts_in_doubt_what_was_sent_and_keeps_cancels_that_waited(harness: Harness, order_id: str) -> None:
    sent = harness.request_order()
    harness.feed(LostRange(venue=VENUE, session=SESSION, begin=5, end=6, reason="gap filled"))
    harness.request_cancel(sent)
    assert harness.events(Queued)[-1].why == "in_flight"
    harness.start()
    assert harness.order(sent).in_doubt == "restart"
    assert [p.command.kind for p in harness.state.execution.pending.values()] == [CommandKind.CANCEL]
    assert not harness.state.execution.asked
    assert not harness.state.control.reconciliations
    assert harness.next_deadline is None
    harness.log_on()
    harness.settle()
    assert harness.events(ReconciliationStarted)[-1].order_ids == (order_id, sent)


def test_order_ids_of_another_run_never_come_back(harness: Harness) -> None:
    first = harness.request_order()
    harness.start()
    harness.log_on()
    harness.settle()
    harness.answer_status(first, "0", cum_qty=D(0))
    second = harness.request_order()
    assert (first, second) == ("1-1", "2-1")
    assert len({event.command.cl_ord_id for event in harness.events(Dispatched)}) == 2


def test_a_venue_that_left_the_configuration_keeps_no_deadline(harness: Harness) -> None:
    harness.request_order()
    harness.pass_deadline()
    harness.settings = replace(harness.settings, venues={})
    harness.start()
    assert harness.next_deadline is None
    assert not opened(harness)
    harness.feed(OrderRequested(actor="alice", request_id="r", venue=VENUE, symbol="USD/JPY", side="buy", quantity=D(1000)))
    assert harness.records[-1].event.code == "unknown_venue"
