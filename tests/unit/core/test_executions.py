"""Executions: each genuine one counts exactly once, in whatever order and however often reports arrive."""

from __future__ import annotations

from decimal import Decimal

import pytest
from msgspec.structs import replace

from gateway.core.changes import FillChanged, PositionChanged
from gateway.core.events import (
    Accepted,
    Cancelled,
    FillBusted,
    FillCorrected,
    FillInferred,
    PendingCancel,
    Replaced,
    StatusReported,
    StatusRequested,
)
from gateway.core.values import CommandKind, FillStatus, OrderState, OrderType
from gateway.testing.harness import VENUE, Harness

D = Decimal


def fills(harness: Harness) -> list[tuple[FillStatus, Decimal]]:
    return [(fill.status, fill.last_qty) for fill in harness.state.execution.fills.values()]


def totals(harness: Harness, order_id: str) -> tuple[OrderState, Decimal, Decimal, Decimal]:
    order = harness.order(order_id)
    return order.state, order.cum_qty, order.leaves_qty, harness.position()


# --- before and after what one expects


def test_fill_before_acknowledgement_is_the_acknowledgement(harness: Harness) -> None:
    order_id = harness.request_order(quantity="10000")
    harness.fill(order_id, "4000")
    assert totals(harness, order_id) == (OrderState.PARTIALLY_FILLED, 4000, 6000, 4000)
    assert harness.order(order_id).new_in_flight is None
    assert harness.next_deadline is None
    harness.accept(order_id)
    assert totals(harness, order_id) == (OrderState.PARTIALLY_FILLED, 4000, 6000, 4000)
    assert harness.anomalies() == []


def test_fill_after_cancel_was_requested_leaves_the_cancel_in_flight(harness: Harness, order_id: str) -> None:
    harness.request_cancel(order_id)
    harness.report(PendingCancel, order_id)
    harness.fill(order_id, "4000")
    assert totals(harness, order_id) == (OrderState.PARTIALLY_FILLED, 4000, 6000, 4000)
    assert harness.order(order_id).cancel_in_flight == harness.sent(CommandKind.CANCEL)[0].cl_ord_id
    harness.confirm_cancel(order_id)
    assert totals(harness, order_id) == (OrderState.CANCELLED, 4000, 0, 4000)
    assert harness.anomalies() == []


def test_a_fill_that_ends_the_order_answers_the_cancel_too(harness: Harness, order_id: str) -> None:
    harness.request_cancel(order_id)
    harness.fill(order_id, "10000")
    assert harness.order(order_id).cancel_in_flight is None
    assert not harness.state.execution.awaiting
    assert harness.next_deadline is None


def test_fill_after_cancel_was_confirmed_counts_and_is_flagged(harness: Harness, order_id: str) -> None:
    harness.confirm_cancel(order_id)
    ended = harness.order(order_id).terminal_ns
    harness.fill(order_id, "4000")
    assert totals(harness, order_id) == (OrderState.CANCELLED, 4000, 0, 4000)
    assert harness.order(order_id).terminal_ns == ended
    assert harness.anomalies() == ["late_fill"]


def test_over_fill_counts_and_is_flagged(harness: Harness, order_id: str) -> None:
    harness.fill(order_id, "10000")
    harness.fill(order_id, "1000")
    assert totals(harness, order_id) == (OrderState.FILLED, 11000, 0, 11000)
    assert harness.anomalies() == ["over_fill"]


@pytest.mark.parametrize("first", [None, "4000"])
def test_one_execution_of_more_than_is_open_is_flagged(harness: Harness, order_id: str, first: str | None) -> None:
    if first is not None:
        harness.fill(order_id, first)
    harness.fill(order_id, "11000")
    assert harness.order(order_id).state is OrderState.FILLED
    assert harness.position() == D(first or 0) + 11000
    assert harness.anomalies() == ["over_fill"]


def test_a_trade_of_nothing_changes_nothing(harness: Harness, order_id: str) -> None:
    harness.fill(order_id, "0")
    assert totals(harness, order_id) == (OrderState.ACCEPTED, 0, 10000, 0)
    assert harness.anomalies() == ["no_quantity"]


# --- ExecIDs that do not behave


def test_same_exec_id_same_content_is_a_duplicate(harness: Harness, order_id: str) -> None:
    first = harness.filled(order_id, "4000")
    harness.feed(first)
    harness.feed(first)
    assert totals(harness, order_id) == (OrderState.PARTIALLY_FILLED, 4000, 6000, 4000)
    assert harness.anomalies() == ["duplicate_execution"]


def test_poss_dup_resend_is_no_anomaly(harness: Harness, order_id: str) -> None:
    first = harness.filled(order_id, "4000")
    harness.feed(first)
    digest = harness.state.digest()
    harness.feed(replace(first, poss_dup=True))
    assert harness.state.digest() == digest
    assert harness.anomalies() == []


def test_poss_dup_of_a_fill_never_seen_counts(harness: Harness, order_id: str) -> None:
    harness.fill(order_id, "4000", poss_dup=True)
    assert harness.position() == 4000


def test_same_exec_id_other_content_keeps_the_first(harness: Harness, order_id: str) -> None:
    harness.fill(order_id, "4000", exec_id="E")
    harness.fill(order_id, "3000", exec_id="E", cum_qty=D(4000))
    assert totals(harness, order_id) == (OrderState.PARTIALLY_FILLED, 4000, 6000, 4000)
    assert harness.anomalies() == ["exec_id_conflict"]


def test_same_trade_under_another_exec_id_counts_once(harness: Harness, order_id: str) -> None:
    first = harness.filled(order_id, "4000", exec_id="E1")
    harness.feed(first)
    harness.feed(replace(first, exec_id="E2"))
    assert totals(harness, order_id) == (OrderState.PARTIALLY_FILLED, 4000, 6000, 4000)
    assert harness.anomalies() == ["duplicate_trade"]


def test_equal_trades_of_a_venue_that_leaves_cum_qty_at_zero_both_count(harness: Harness, order_id: str) -> None:
    first = harness.filled(order_id, "4000", exec_id="E1", cum_qty=D(0))
    harness.feed(first)
    harness.feed(replace(first, exec_id="E2"))
    assert harness.position() == 8000


def test_equal_trades_with_their_own_cum_qty_both_count(harness: Harness, order_id: str) -> None:
    first = harness.filled(order_id, "4000", exec_id="E1")
    harness.feed(first)
    harness.feed(replace(first, exec_id="E2", cum_qty=D(8000)))
    assert harness.position() == 8000


def test_without_exec_id_a_resent_message_is_the_same_execution(harness: Harness, order_id: str) -> None:
    first = harness.filled(order_id, "4000", exec_id=None)
    harness.feed(first)
    harness.feed(replace(first, poss_dup=True))
    assert harness.position() == 4000


def test_one_exec_id_for_two_orders_is_two_executions(harness: Harness, order_id: str) -> None:
    other = harness.request_order(quantity="10000")
    harness.fill(order_id, "4000", exec_id="E")
    harness.fill(other, "4000", exec_id="E")
    assert harness.position() == 8000


# --- busts and corrections


def test_bust_of_a_filled_order_opens_it_again(harness: Harness, order_id: str) -> None:
    harness.fill(order_id, "4000")
    harness.fill(order_id, "6000", exec_id="E9")
    harness.report(FillBusted, order_id, exec_id="B1", exec_ref_id="E9", leaves_qty=D(6000))
    assert totals(harness, order_id) == (OrderState.PARTIALLY_FILLED, 4000, 6000, 4000)
    assert harness.order(order_id).terminal_ns is None
    assert order_id in harness.state.execution.open["all"]
    assert harness.anomalies() == ["reopened"]


def test_bust_that_says_nothing_about_open_quantity_never_understates_it(harness: Harness, order_id: str) -> None:
    harness.fill(order_id, "10000", exec_id="E9")
    harness.report(FillBusted, order_id, exec_id="B1", exec_ref_id="E9")
    assert totals(harness, order_id) == (OrderState.ACCEPTED, 0, 10000, 0)


def test_bust_after_which_nothing_is_open_leaves_the_order_ended(harness: Harness, order_id: str) -> None:
    harness.fill(order_id, "10000", exec_id="E9")
    harness.report(FillBusted, order_id, exec_id="B1", exec_ref_id="E9", leaves_qty=D(0))
    assert totals(harness, order_id) == (OrderState.FILLED, 0, 0, 0)


def test_bust_counts_anew_at_average_cost(harness: Harness, order_id: str) -> None:
    harness.fill(order_id, "2000", "150", exec_id="E1")
    harness.fill(order_id, "2000", "160", exec_id="E2")
    step = harness.report(FillBusted, order_id, exec_id="B1", exec_ref_id="E1")
    order = harness.order(order_id)
    assert (order.cum_qty, order.avg_px) == (2000, 160)
    (moved,) = [c for _, changes in step.changes for c in changes if isinstance(c, PositionChanged)]
    assert (moved.cause, moved.quantity, moved.after.net_qty, moved.after.avg_px) == ("bust", -2000, 2000, 160)


def test_correction_replaces_the_content(harness: Harness, order_id: str) -> None:
    harness.fill(order_id, "10000", "150", exec_id="E1")
    harness.report(FillCorrected, order_id, exec_id="G1", exec_ref_id="E1", last_qty=D(8000), last_px=D(151))
    assert totals(harness, order_id) == (OrderState.PARTIALLY_FILLED, 8000, 2000, 8000)
    assert harness.order(order_id).avg_px == 151
    assert fills(harness) == [(FillStatus.CORRECTED, 8000)]


def test_an_earlier_correction_that_comes_again_changes_nothing(harness: Harness, order_id: str) -> None:
    harness.fill(order_id, "10000", exec_id="E1")
    first = harness.reported(FillCorrected, order_id, exec_id="G1", exec_ref_id="E1", last_qty=D(8000), last_px=D(151))
    harness.feed(first)
    harness.report(FillCorrected, order_id, exec_id="G2", exec_ref_id="E1", last_qty=D(9000), last_px=D(152))
    harness.feed(replace(first, poss_dup=True))
    assert (harness.order(order_id).cum_qty, harness.order(order_id).avg_px) == (9000, 152)


def test_a_busted_execution_stays_busted(harness: Harness, order_id: str) -> None:
    original = harness.filled(order_id, "10000", exec_id="E1")
    harness.feed(original)
    bust = harness.reported(FillBusted, order_id, exec_id="B1", exec_ref_id="E1")
    harness.feed(bust)
    digest = harness.state.digest()
    harness.feed(replace(original, poss_dup=True))
    harness.feed(replace(bust, poss_dup=True))
    harness.report(FillCorrected, order_id, exec_id="G1", exec_ref_id="E1", last_qty=D(8000), last_px=D(151))
    assert harness.state.digest() == digest
    assert harness.position() == 0
    assert harness.anomalies() == ["reopened", "impossible_correction"]


def test_a_bust_may_name_the_correction(harness: Harness, order_id: str) -> None:
    harness.fill(order_id, "4000", price="150", exec_id="E1")
    harness.report(
        FillCorrected, order_id, exec_id="C1", exec_ref_id="E1", last_qty=D(3000), last_px=D(150), trade_date="20240102"
    )
    harness.report(FillBusted, order_id, exec_id="B1", exec_ref_id="C1", trade_date="20240102")
    assert fills(harness) == [(FillStatus.BUSTED, 3000)]
    assert harness.position() == 0
    assert harness.anomalies() == []


def test_bust_and_correction_of_what_was_never_reported(harness: Harness, order_id: str) -> None:
    harness.report(FillBusted, order_id, exec_ref_id="E7")
    harness.report(FillCorrected, order_id, exec_ref_id="E8", last_qty=D(1000), last_px=D(150))
    assert totals(harness, order_id) == (OrderState.ACCEPTED, 0, 10000, 0)
    assert harness.anomalies() == ["unknown_execution", "unknown_execution"]


def test_trade_date_that_only_one_report_carries_is_no_difference(harness: Harness, order_id: str) -> None:
    harness.fill(order_id, "4000", exec_id="E1")
    harness.report(FillBusted, order_id, exec_ref_id="E1", trade_date="")
    assert harness.position() == 0


# --- executions inferred from CumQty


def test_cum_qty_above_ours_counts_at_once_and_the_real_report_replaces_it(harness: Harness, order_id: str) -> None:
    harness.answer_status(order_id, "1", cum_qty=D(4000), avg_px=D(150))
    assert totals(harness, order_id) == (OrderState.PARTIALLY_FILLED, 4000, 6000, 4000)
    assert fills(harness) == [(FillStatus.INFERRED, 4000)]
    harness.fill(order_id, "4000", "150.5", cum_qty=D(4000))
    assert totals(harness, order_id) == (OrderState.PARTIALLY_FILLED, 4000, 6000, 4000)
    assert harness.order(order_id).avg_px == D("150.5")
    assert fills(harness) == [(FillStatus.REPLACED, 4000), (FillStatus.NEW, 4000)]


def test_an_inferred_fill_is_replaced_one_report_after_the_other(harness: Harness, order_id: str) -> None:
    harness.answer_status(order_id, "2", cum_qty=D(10000), avg_px=D(150))
    assert harness.order(order_id).state is OrderState.FILLED
    for quantity, cum_qty in (("3000", 3000), ("5000", 8000), ("2000", 10000)):
        step = harness.fill(order_id, quantity, "150", cum_qty=D(cum_qty))
        assert totals(harness, order_id) == (OrderState.FILLED, 10000, 0, 10000)
        assert harness.order(order_id).avg_px == 150
        assert any(isinstance(c, FillChanged) and c.after.status is FillStatus.NEW for _, cs in step.changes for c in cs)
    assert FillStatus.INFERRED not in [status for status, _ in fills(harness)]
    assert harness.anomalies() == ["fill_inferred"]


def test_a_trade_beyond_the_inferred_one_is_new(harness: Harness, order_id: str) -> None:
    harness.answer_status(order_id, "1", cum_qty=D(4000), avg_px=D(150))
    harness.fill(order_id, "3000", cum_qty=D(7000))
    assert harness.position() == 7000
    harness.fill(order_id, "4000", cum_qty=D(4000))
    assert harness.position() == 7000


def test_a_report_that_jumps_ahead_proves_the_one_before_it(harness: Harness, order_id: str) -> None:
    late = harness.filled(order_id, "4000", "150", cum_qty=D(4000))
    harness.fill(order_id, "3000", "151", cum_qty=D(7000), avg_px=(D(4000) * 150 + D(3000) * 151) / 7000)
    assert totals(harness, order_id) == (OrderState.PARTIALLY_FILLED, 7000, 3000, 7000)
    harness.feed(late)
    assert totals(harness, order_id) == (OrderState.PARTIALLY_FILLED, 7000, 3000, 7000)
    assert harness.order(order_id).notional == D(4000) * 150 + D(3000) * 151


def test_a_cancel_confirmation_whose_cum_qty_is_ahead_counts_the_missing_fill(harness: Harness, order_id: str) -> None:
    harness.confirm_cancel(order_id, cum_qty=D(4000), avg_px=D(150))
    assert totals(harness, order_id) == (OrderState.CANCELLED, 4000, 0, 4000)
    harness.fill(order_id, "4000", cum_qty=D(4000))
    assert harness.position() == 4000
    assert harness.anomalies() == ["fill_inferred"]


def test_a_missing_fill_without_any_price_makes_us_ask_and_then_doubt(harness: Harness) -> None:
    order_id = harness.request_order(price=None, order_type=OrderType.MARKET)
    harness.accept(order_id, cum_qty=D(4000))
    assert [asked.order_id for asked in harness.events(StatusRequested)] == [order_id]
    harness.answer_status(order_id, "1", cum_qty=D(4000))
    assert harness.order(order_id).in_doubt == "status_unanswered"
    assert harness.events(FillInferred) == []


def test_an_old_report_after_a_bust_infers_nothing(harness: Harness, order_id: str) -> None:
    harness.fill(order_id, "4000", exec_id="E1")
    harness.report(FillBusted, order_id, exec_id="B1", exec_ref_id="E1")
    harness.report(Accepted, order_id, poss_dup=True, cum_qty=D(4000))
    assert harness.position() == 0


def test_cum_qty_behind_ours_is_flagged(harness: Harness, order_id: str) -> None:
    harness.fill(order_id, "4000")
    harness.answer_status(order_id, "0", cum_qty=D(0))
    assert harness.position() == 4000
    assert harness.anomalies() == ["cum_qty_behind"]


# --- orders and ids


def test_unsolicited_cancel(harness: Harness, order_id: str) -> None:
    harness.confirm_cancel(order_id, text="market closed")
    order = harness.order(order_id)
    assert (order.state, order.reason, order.leaves_qty) == (OrderState.CANCELLED, "market closed", 0)
    assert harness.anomalies() == []


def test_external_order_is_visible_counted_and_cancellable(harness: Harness, order_id: str) -> None:
    harness.report(
        Accepted, order_id, cl_ord_id="THEIRS-1", venue_order_id="V9", order_qty=D(5000), price=D(155), account="ACC"
    )
    external = harness.state.execution.cl_ord_ids[VENUE, "THEIRS-1"]
    order = harness.order(external)
    assert (order.external, order.strategy, order.state, order.quantity) == (True, "external", OrderState.ACCEPTED, 5000)
    assert harness.anomalies() == ["external_order"]
    harness.fill(external, "2000", cl_ord_id=None, venue_order_id="V9")
    assert harness.position("external") == 2000
    harness.request_cancel(external)
    (sent,) = harness.sent(CommandKind.CANCEL)
    assert (sent.orig_cl_ord_id, sent.venue_order_id) == ("THEIRS-1", "V9")


def test_placeholder_ids_name_no_order(harness: Harness, order_id: str) -> None:
    for number in ("V8", "V9"):
        harness.report(Accepted, order_id, cl_ord_id="NONE", venue_order_id=number, order_qty=D(5000))
    externals = [order for order in harness.state.execution.orders.values() if order.external]
    assert [order.venue_order_id for order in externals] == ["V8", "V9"]
    harness.fill(order_id, "1000", venue_order_id="NONE")
    assert harness.order(order_id).venue_order_id == f"V-{order_id}"


def test_a_report_of_no_order_and_without_terms_is_an_anomaly(harness: Harness) -> None:
    harness.feed(Cancelled(venue=VENUE, cl_ord_id="THEIRS-1"))
    assert harness.anomalies() == ["unknown_order"]
    assert not harness.state.execution.orders


def test_report_found_by_venue_order_id_alone(harness: Harness, order_id: str) -> None:
    harness.confirm_cancel(order_id, cl_ord_id="unheard of")
    assert harness.order(order_id).state is OrderState.CANCELLED


def test_contradictory_side_and_symbol_are_flagged_and_ours_stand(harness: Harness, order_id: str) -> None:
    harness.fill(order_id, "1000", side=harness.order(order_id).side.__class__.SELL, symbol="EUR/USD")
    assert harness.position() == 1000
    assert harness.anomalies() == ["contradiction", "contradiction"]


def test_replaced_by_the_venue_takes_terms_and_name(harness: Harness, order_id: str) -> None:
    harness.fill(order_id, "4000")
    harness.report(Replaced, order_id, cl_ord_id="DESK-2", order_qty=D(8000), price=D(157))
    order = harness.order(order_id)
    assert (order.quantity, order.price, order.cl_ord_id, order.leaves_qty) == (8000, 157, "DESK-2", 4000)
    harness.report(Cancelled, order_id, cl_ord_id="DESK-2", venue_order_id=None)
    assert harness.order(order_id).state is OrderState.CANCELLED


def test_replaced_to_what_is_already_filled_ends_the_order(harness: Harness, order_id: str) -> None:
    harness.fill(order_id, "4000")
    harness.report(Replaced, order_id, order_qty=D(4000))
    assert totals(harness, order_id) == (OrderState.FILLED, 4000, 0, 4000)


def test_deviations_are_flagged_and_the_certain_part_counts(harness: Harness, order_id: str) -> None:
    harness.fill(order_id, "4000", deviations=("OrdRejReason(103)=77",), raw="8=FIX.4.4|...")
    assert harness.position() == 4000
    assert harness.anomalies() == ["deviation"]


def test_text_of_a_venue_is_kept_as_it_came(harness: Harness, order_id: str) -> None:
    hostile = "\x1b[2J<script>\N{SNOWMAN}"
    harness.confirm_cancel(order_id, text=hostile)
    assert harness.order(order_id).reason == hostile


def test_status_answer_that_agrees_changes_no_state(harness: Harness, order_id: str) -> None:
    harness.report(StatusReported, order_id, ord_status="0", cum_qty=D(0))
    assert totals(harness, order_id) == (OrderState.ACCEPTED, 0, 10000, 0)


# --- trades without a name


def test_a_trade_without_exec_id_is_named_by_its_place_in_the_session(harness: Harness, order_id: str) -> None:
    """The same message resent is the same trade; the same number after a reset of the numbers is another one."""
    trade = replace(harness.filled(order_id, "1000"), exec_id=None, msg_seq_num=7, epoch=1, cum_qty=None)
    harness.feed(trade)
    harness.feed(replace(trade, poss_dup=True))
    assert harness.position() == 1000
    harness.feed(replace(trade, epoch=2))
    assert harness.position() == 2000
    assert [fill.exec_id.split("/")[1:] for fill in harness.state.execution.fills.values()] == [["1", "7"], ["2", "7"]]


def test_a_journal_without_epochs_keeps_its_names(harness: Harness, order_id: str) -> None:
    trade = replace(harness.filled(order_id, "1000"), exec_id=None, msg_seq_num=7, cum_qty=None)
    harness.feed(trade)
    assert [fill.exec_id for fill in harness.state.execution.fills.values()] == [f"{trade.session}/7"]
