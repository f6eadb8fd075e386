"""What venues, operators and strategies do that nobody foresaw: nothing raises, nothing is understated, nothing halts for less
than a defect."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from gateway.core import codec
from gateway.core.changes import OrderChanged
from gateway.core.core import MAX_ERROR_TEXT
from gateway.core.events import (
    Accepted,
    CancelRejected,
    DefectReported,
    Denied,
    Filled,
    Restated,
    StatusRequested,
    StrategyDisabled,
    StrategyFailed,
    SubmissionFailed,
    TradingSwitched,
)
from gateway.core.reactions.intents import MAX_KILL_REQUESTS
from gateway.core.settings import RiskLimits
from gateway.core.snapshot import frames, full_digest, image
from gateway.core.strategy import FARTHEST_NS, MAX_TEXT, Action, Cancel, Memory, New, Params, Replace, Strategy, Wake
from gateway.core.values import CommandKind, OrderState, Side, TradingState
from gateway.testing.harness import SESSION, SYMBOL, TRADING_DATE, VENUE, Harness, settings

QUANTITY = Decimal(10_000)


def unbroken(harness: Harness) -> bool:
    return not harness.state.control.broken


# --- the kill switch


def test_an_order_that_was_replaced_often_is_cancelled_again_under_kill(harness: Harness, order_id: str) -> None:
    """What counts is how often the switch has asked, not how often its strategy has."""
    for turn in range(MAX_KILL_REQUESTS + 2):
        harness.request_replace(order_id, price=f"156.{turn + 1:03}")
        harness.confirm_replace(order_id)
    harness.kill()
    harness.disconnect()
    harness.log_on()
    harness.settle()
    harness.answer_status(order_id, "0", cum_qty=Decimal(0), leaves_qty=QUANTITY)
    assert len(harness.sent(CommandKind.CANCEL)) == 2


def test_cancels_refused_before_the_kill_do_not_tire_it(harness: Harness, order_id: str) -> None:
    for _ in range(MAX_KILL_REQUESTS + 2):
        harness.request_cancel(order_id)
        harness.report(CancelRejected, order_id, cl_ord_id=harness.order(order_id).cancel_in_flight, ord_status="0")
    before = len(harness.sent(CommandKind.CANCEL))
    harness.kill()
    harness.report(CancelRejected, order_id, cl_ord_id=harness.order(order_id).cancel_in_flight, ord_status="0")
    harness.answer_status(order_id, "0", cum_qty=Decimal(0), leaves_qty=QUANTITY)
    assert len(harness.sent(CommandKind.CANCEL)) == before + 2


# --- a broken invariant


def test_reduced_trading_lets_nothing_go_while_an_invariant_is_broken(harness: Harness, order_id: str) -> None:
    harness.fill(order_id, "10000")
    harness.feed(DefectReported(invariant="watermark_rises", detail="seen"))
    reduced: dict[str, Any] = {"scope": "all", "state": TradingState.REDUCED, "reason": "wind down"}
    harness.feed(TradingSwitched(request_id="reduce", actor="alice", **reduced))
    sent = len(harness.sent())
    harness.request_order(side=Side.SELL)
    assert len(harness.sent()) == sent
    assert harness.events(Denied)[-1].code == "trading_disabled"
    harness.feed(TradingSwitched(request_id="enable", actor="alice", scope="all", state=TradingState.ENABLED, reason="found"))
    harness.request_order(side=Side.SELL)
    assert len(harness.sent()) == sent + 1


# --- reports that nobody expects


def test_a_reduction_to_what_is_filled_does_not_end_an_order_that_is_being_increased(harness: Harness, order_id: str) -> None:
    """The REPLACE may still take: exposure is never understated."""
    harness.fill(order_id, "4000")
    harness.request_replace(order_id, quantity="20000")
    harness.report(Restated, order_id, order_qty=Decimal(4000), exec_id="R1")
    assert harness.state.execution.exposure.open_quantity(order_id) == 16_000
    harness.confirm_replace(order_id, order_qty=Decimal(20_000))
    assert harness.order(order_id).leaves_qty == 16_000
    assert unbroken(harness)


def test_a_known_trade_under_the_new_name_is_told_and_leaves_no_order_open_without_quantity(
    harness: Harness, order_id: str
) -> None:
    harness.fill(order_id, "4000")
    harness.request_replace(order_id, quantity="5000")
    harness.fill(order_id, "2000", exec_id="E2")
    again: dict[str, Any] = {
        "exec_id": "E2",
        "last_qty": Decimal(2000),
        "last_px": Decimal(156),
        "cum_qty": Decimal(6000),
        "poss_dup": True,
    }
    name = harness.order(order_id).new_in_flight
    step = harness.report(Filled, order_id, cl_ord_id=name, trade_date=TRADING_DATE, **again)
    told = [change.after for _, found in step.changes for change in found if isinstance(change, OrderChanged)]
    assert told == [harness.order(order_id)]
    assert (told[0].state, told[0].quantity, told[0].cum_qty) == (OrderState.FILLED, Decimal(5000), Decimal(6000))
    assert unbroken(harness)


def test_a_send_that_failed_of_an_order_the_venue_has_is_an_anomaly(harness: Harness) -> None:
    order_id = harness.request_order()
    name = harness.order(order_id).cl_ord_id
    harness.answer_status(order_id, "0", cum_qty=Decimal(0), leaves_qty=QUANTITY)
    harness.feed(SubmissionFailed(order_id=order_id, cl_ord_id=name, reason="the gate was closed"))
    assert harness.order(order_id).state is OrderState.ACCEPTED
    assert harness.anomalies()[-1] == "no_edge"
    assert unbroken(harness)


def test_an_order_of_another_origin_that_is_larger_at_the_venue_is_asked_about(harness: Harness) -> None:
    met: dict[str, Any] = {
        "venue": VENUE,
        "session": SESSION,
        "cl_ord_id": "F1",
        "symbol": SYMBOL,
        "side": Side.BUY,
        "price": Decimal(156),
    }
    zero, thousand = Decimal(0), Decimal(1000)
    harness.feed(Accepted(**met, order_qty=thousand, cum_qty=zero, leaves_qty=thousand))
    trade: dict[str, Any] = {"exec_id": "b", "last_qty": Decimal(500), "last_px": Decimal(156), "trade_date": TRADING_DATE}
    harness.feed(Filled(**met, **trade, order_qty=Decimal(5000), cum_qty=Decimal(500), leaves_qty=Decimal(4500)))
    (order_id,) = harness.state.execution.orders
    assert [asked.order_id for asked in harness.events(StatusRequested)] == [order_id]
    terms = {"order_qty": Decimal(5000), "cum_qty": Decimal(500), "leaves_qty": Decimal(4500)}
    harness.answer_status(order_id, "1", **terms)
    assert harness.state.execution.exposure.open_quantity(order_id) == 4500


def test_a_status_answer_that_contradicts_itself_leaves_no_order_open_without_quantity(harness: Harness, order_id: str) -> None:
    """Rejected, with executions, and for less than was executed."""
    harness.fill(order_id, "4000")
    harness.answer_status(order_id, "8", cum_qty=Decimal(9000), order_qty=Decimal(4000))
    assert (harness.order(order_id).state, harness.order(order_id).cum_qty) == (OrderState.PARTIALLY_FILLED, Decimal(9000))
    assert harness.state.execution.exposure.open_quantity(order_id) == 1000
    assert unbroken(harness)


def test_an_increase_that_is_given_up_leaves_no_order_open_without_quantity(harness: Harness, order_id: str) -> None:
    """The answer makes no sense, so the state stays; the REPLACE is overdue, and waited for no more."""
    harness.request_replace(order_id, quantity="20000")
    harness.fill(order_id, "10000")
    harness.pass_deadline()
    harness.answer_status(order_id, "8", price=Decimal(156), order_qty=QUANTITY)
    assert harness.order(order_id).state is OrderState.FILLED
    assert unbroken(harness)


def test_what_was_never_acknowledged_cannot_be_split(harness: Harness) -> None:
    """The CumQty(14) of such a report is an execution that we missed."""
    order_id = harness.request_order()
    harness.report(Restated, order_id, restatement_reason="0", cum_qty=QUANTITY)
    assert (harness.order(order_id).state, harness.position()) == (OrderState.FILLED, QUANTITY)
    assert unbroken(harness)


@pytest.mark.parametrize("exec_id", ["0", "NONE", None])
def test_a_restatement_without_an_id_of_its_own_is_no_repetition(harness: Harness, order_id: str, exec_id: str | None) -> None:
    for quantity in (12_000, 15_000):
        harness.report(Restated, order_id, order_qty=Decimal(quantity), exec_id=exec_id)
    assert harness.state.execution.exposure.open_quantity(order_id) == 15_000


def test_an_order_that_is_restated_all_day_stays_as_small_as_it_was(harness: Harness, order_id: str) -> None:
    """A pegged order: what was said before is found without being carried along."""
    harness.report(Restated, order_id, price=Decimal("155.9"), exec_id="R0")
    small = len(msgspec.msgpack.encode(harness.order(order_id)))
    for turn in range(1, 50):
        harness.report(Restated, order_id, price=Decimal("155.9") - turn, exec_id=f"R{turn}")
    harness.report(Restated, order_id, price=Decimal("155.9"), exec_id="R0")
    assert harness.order(order_id).price == Decimal("155.9") - 49
    assert harness.anomalies()[-1] == "stale_report"
    assert len(msgspec.msgpack.encode(harness.order(order_id))) <= small + 8


# --- the throttle of repeated executions


@pytest.fixture
def throttled() -> Harness:
    return Harness(config=settings(risk={"all": RiskLimits(max_repeated_executions=2)})).open()


def test_executions_that_only_status_answers_prove_count(throttled: Harness) -> None:
    order_id = throttled.request_order()
    throttled.accept(order_id)
    for filled in (1000, 2000):
        rest = QUANTITY - filled
        throttled.answer_status(order_id, "1", cum_qty=Decimal(filled), leaves_qty=rest, avg_px=Decimal(156))
    assert [one.strategy for one in throttled.events(StrategyDisabled)] == ["desk"]
    assert [one.order_id for one in throttled.sent(CommandKind.CANCEL)] == [order_id]


def test_an_execution_that_was_inferred_and_reported_counts_once(throttled: Harness) -> None:
    order_id = throttled.request_order()
    throttled.accept(order_id)
    throttled.answer_status(order_id, "1", cum_qty=Decimal(1000), leaves_qty=Decimal(9000), avg_px=Decimal(156))
    throttled.fill(order_id, "1000", cum_qty=Decimal(1000))
    assert throttled.events(StrategyDisabled) == []
    throttled.fill(order_id, "1000")
    assert len(throttled.events(StrategyDisabled)) == 1


# --- strategies


class _Wants(Strategy[Params, Memory]):
    """Wants what its class attribute makes."""

    what: Callable[[], Iterable[Action]]

    def on_event(self, event: object, view: object, memory: Memory) -> tuple[Memory, list[Action]]:
        return memory, type(self).what()  # type: ignore[return-value]  # hostile on purpose


def consulted(what: Callable[[], Iterable[Action]]) -> Harness:
    """Once; everything recorded can be stored, and the state carried over."""
    kind = type("Wants", (_Wants,), {"what": staticmethod(what)})
    harness = Harness({"hostile": kind(Params())}).open()
    harness.book(bid="155.990", ask="156.010")
    for one in harness.records:
        event = one.event
        assert codec.decode(event.kind(), event.VERSION, codec.encode(event)) == event
    assert full_digest(frames(image(harness.state))) == harness.state.digest()
    return harness


def _new(**fields: object) -> New:
    return New(**{"symbol": SYMBOL, "side": Side.BUY, "quantity": Decimal(1000), "price": Decimal(156), **fields})  # type: ignore[arg-type]


def _endless() -> Iterator[Action]:
    while True:
        yield Cancel(order_id="1-1")


@pytest.mark.parametrize(
    ("what", "said"),
    [
        (lambda: [_new(quantity=Decimal("NaN"))], "NaN, which is no number"),
        (lambda: [_new(price=Decimal("sNaN"))], "sNaN, which is no number"),
        (lambda: [Replace(order_id="1-1", quantity=Decimal("Infinity"))], "Infinity, which is no number"),
        (lambda: [_new(symbol="\ud800")], "printable"),
        (lambda: [Cancel(order_id="1-1\x01")], "printable"),
        (lambda: [Cancel(order_id="x" * (MAX_TEXT + 1))], "characters"),
        (lambda: [Wake(name="x", at_ns=FARTHEST_NS + 1)], "above"),
        (lambda: [Wake(name="x", after_ns=2**70)], "above"),
        (_endless, "actions at a time"),
    ],
)
def test_what_cannot_be_stored_or_has_no_end_is_the_strategy_s_failure(what: Callable[[], Iterable[Action]], said: str) -> None:
    (failed,) = consulted(what).events(StrategyFailed)
    assert said in failed.error


class _Mute(Exception):
    def __str__(self) -> str:
        raise RuntimeError("nothing to say")


@pytest.mark.parametrize("error", [_Mute(), ValueError("\ud800"), ValueError("x" * 10_000_000)])
def test_an_error_that_cannot_be_told_is_recorded_all_the_same(error: Exception) -> None:
    def what() -> list[Action]:
        raise error

    (failed,) = consulted(what).events(StrategyFailed)
    assert failed.error.startswith(type(error).__name__)
    assert len(failed.error) < MAX_ERROR_TEXT + 100


def test_the_farthest_timer_is_kept(harness: Harness) -> None:
    far = consulted(lambda: [Wake(name="far", after_ns=FARTHEST_NS)])
    assert far.next_deadline == far.now_ns + FARTHEST_NS
