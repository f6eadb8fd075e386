"""The end of a trading day: what is closed here, what the venue is asked, and what begins anew."""

from __future__ import annotations

from decimal import Decimal

import pytest

from gateway.core.events import (
    CancelRejected,
    ClosedUnsent,
    Denied,
    DoneForDay,
    Expired,
    InDoubt,
    Resolved,
    StatusRequested,
    TradingDayRolled,
)
from gateway.core.settings import RiskLimits
from gateway.core.turn import Step
from gateway.core.values import OrderState, TimeInForce
from gateway.testing.harness import SYMBOL, TRADING_DATE, Harness, settings

D = Decimal
NEXT = "20250616"


def roll(harness: Harness, date: str = NEXT, request_id: str = "") -> Step:
    return harness.feed(TradingDayRolled(actor="schedule", request_id=request_id or f"day-{date}", trading_date=date))


def asked(harness: Harness) -> list[str]:
    return [event.order_id for event in harness.events(StatusRequested)]


def working(harness: Harness, tif: TimeInForce = TimeInForce.DAY) -> str:
    order_id = harness.request_order(time_in_force=tif)
    harness.accept(order_id)
    return order_id


def test_a_day_order_is_asked_about_and_stays_open_until_the_venue_has_spoken(harness: Harness) -> None:
    order_id = working(harness)
    roll(harness)
    order = harness.order(order_id)
    assert (order.state, order.in_doubt) == (OrderState.ACCEPTED, "day_rolled")
    assert asked(harness) == [order_id]
    assert harness.state.execution.exposure.of((order.account, "desk", order.venue, SYMBOL)).buying == 10_000
    assert harness.state.control.venues[order.venue].opened


@pytest.mark.parametrize(("ord_status", "ends"), [("C", OrderState.EXPIRED), ("3", OrderState.EXPIRED), ("0", None)])
def test_what_the_venue_answers_counts(harness: Harness, ord_status: str, ends: OrderState | None) -> None:
    order_id = working(harness)
    roll(harness)
    harness.answer_status(order_id, ord_status)
    order = harness.order(order_id)
    assert (order.state, order.in_doubt) == (ends or OrderState.ACCEPTED, None)
    assert not harness.state.execution.asked
    assert not harness.state.control.unconfirmed


def test_a_venue_that_has_forgotten_a_day_order_ended_it_with_its_day(harness: Harness) -> None:
    order_id = working(harness)
    harness.fill(order_id, "4000")
    roll(harness)
    harness.answer_status(order_id, "8", unknown=True)
    assert harness.events(Resolved)[-1].disposition == "day_ended"
    order = harness.order(order_id)
    assert (order.state, order.cum_qty, order.leaves_qty) == (OrderState.EXPIRED, 4000, 0)
    harness.fill(order_id, "1000")
    assert harness.position() == 5000  # a late fill counts all the same


def test_before_its_day_is_over_an_unknown_order_stays_in_doubt(harness: Harness) -> None:
    order_id = working(harness)
    harness.report(CancelRejected, order_id, cxl_rej_reason="1")
    harness.answer_status(order_id, "8", unknown=True)
    order = harness.order(order_id)
    assert (order.state, order.in_doubt) == (OrderState.ACCEPTED, "unknown_at_venue")


def test_the_report_of_the_venue_ends_the_question(harness: Harness) -> None:
    order_id = working(harness)
    roll(harness)
    harness.report(Expired, order_id, ord_status="C")
    assert harness.order(order_id).state is OrderState.EXPIRED
    assert not harness.state.execution.asked
    assert not harness.state.control.unconfirmed
    assert harness.next_deadline is None


def test_without_an_answer_the_doubt_stays_and_the_venue_open(harness: Harness) -> None:
    order_id = working(harness)
    roll(harness)
    harness.pass_deadline()
    harness.pass_deadline()
    order = harness.order(order_id)
    assert (order.state, order.in_doubt) == (OrderState.ACCEPTED, "status_unanswered")
    assert harness.state.control.venues[order.venue].opened
    assert not harness.state.control.unconfirmed
    harness.report(Expired, order_id, ord_status="C")
    assert (harness.order(order_id).state, harness.order(order_id).in_doubt) == (OrderState.EXPIRED, None)


def test_good_till_cancelled_stays_and_one_done_for_the_day_comes_back(harness: Harness) -> None:
    quiet, done = working(harness, TimeInForce.GTC), working(harness, TimeInForce.GTC)
    harness.report(DoneForDay, done, ord_status="3")
    roll(harness)
    assert harness.order(quiet).in_doubt is None
    assert asked(harness) == [done]
    harness.answer_status(done, "0")
    assert [(harness.order(i).state, harness.order(i).venue_status) for i in (quiet, done)] == [(OrderState.ACCEPTED, "0")] * 2


def test_what_was_not_sent_closes_unless_good_till_cancelled() -> None:
    harness = Harness(config=settings(rate_per_second=D(1))).open()
    harness.request_order()
    waiting = {tif: harness.request_order(time_in_force=tif) for tif in TimeInForce}
    assert set(harness.state.execution.pending) == set(waiting.values())
    roll(harness)
    closed = {event.command.time_in_force for event in harness.events(ClosedUnsent)}
    assert closed == set(TimeInForce) - {TimeInForce.GTC}
    assert list(harness.state.execution.pending) == [waiting[TimeInForce.GTC]]
    assert {event.reason for event in harness.events(ClosedUnsent)} == {"the trading day ended"}


def test_a_cancel_that_waits_is_not_dropped(harness: Harness) -> None:
    order_id = working(harness)
    harness.disconnect()
    harness.request_cancel(order_id)
    roll(harness)
    assert order_id in harness.state.execution.pending


def test_an_order_not_acknowledged_is_left_to_its_own_deadline(harness: Harness) -> None:
    order_id = harness.request_order()
    roll(harness)
    assert asked(harness) == []
    harness.pass_deadline()
    assert asked(harness) == [order_id]


def test_many_orders_are_asked_about_within_the_rate() -> None:
    harness = Harness(config=settings(rate_per_second=D(10), rate_burst=2)).open()
    ids = []
    for _ in range(6):
        harness.now_ns += 10**9
        ids.append(working(harness))
    harness.now_ns += 10**9
    roll(harness)
    assert 0 < len(asked(harness)) < 6
    while harness.state.control.to_ask.first("SIM"):
        harness.pass_deadline()
    assert asked(harness) == ids


def test_after_a_restart_over_the_boundary_yesterdays_orders_are_asked_about(harness: Harness) -> None:
    order_id, forgotten = working(harness), working(harness)
    harness.start()
    roll(harness)
    harness.log_on()
    harness.settle()
    assert asked(harness) == [order_id, forgotten]
    harness.answer_status(order_id, "C")
    harness.answer_status(forgotten, None, unknown=True)
    assert [harness.order(i).state for i in (order_id, forgotten)] == [OrderState.EXPIRED] * 2
    assert harness.state.control.venues["SIM"].opened
    assert harness.state.control.run.trading_date == NEXT


def test_daily_limits_restart_and_orders_belong_to_their_day() -> None:
    limits = RiskLimits(max_daily_orders=2, max_daily_value=D(3_500_000))
    harness = Harness(config=settings(risk={"all": limits})).open()
    first = harness.request_order()
    harness.fill(first, "10000")
    harness.confirm_cancel(harness.request_order())
    harness.request_order()
    assert [event.code for event in harness.events(Denied)] == ["max_daily_orders"]
    roll(harness)
    second = harness.request_order(quantity="20000")
    assert [harness.order(i).trading_date for i in (first, second)] == [TRADING_DATE, NEXT]
    assert harness.state.execution.approved["all"] == 1
    harness.request_order(quantity="10000")
    assert harness.events(Denied)[-1].code == "max_daily_value"


def test_the_same_exec_id_on_the_next_day_is_another_execution(harness: Harness) -> None:
    order_id = working(harness, TimeInForce.GTC)
    harness.fill(order_id, "1000", exec_id="E1", trade_date=TRADING_DATE)
    roll(harness)
    harness.fill(order_id, "1000", exec_id="E1", trade_date=NEXT, cum_qty=D(2000))
    harness.fill(order_id, "1000", exec_id="E1", trade_date=NEXT, cum_qty=D(2000), poss_dup=True)
    assert harness.position() == 2000


def test_a_day_never_comes_back(harness: Harness) -> None:
    working(harness)
    roll(harness)
    before = harness.state.digest()
    roll(harness, TRADING_DATE, "again")
    assert harness.state.control.run.trading_date == NEXT
    assert len(harness.events(InDoubt)) == 1
    assert harness.state.digest() != before  # it is in the audit trail
    roll(harness)  # the same request once more
    assert len(harness.events(InDoubt)) == 1
    harness.start()
    assert harness.state.control.run.trading_date == NEXT
