"""The harness for authors of strategies: it plays what really happens, and catches what would go wrong live."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

import pytest

from gateway.core.settings import Instrument, RiskLimits, Trigger
from gateway.core.values import FeedState
from gateway.strategies import (
    Action,
    Cancel,
    Event,
    Memory,
    New,
    NoWake,
    Params,
    Replace,
    Side,
    Strategy,
    TimerFired,
    View,
    Wake,
)
from gateway.strategies.quoter import Quoter, QuoterParams
from gateway.testing import StrategyHarness

D = Decimal
Run = Callable[[Any, Event, View, Any], tuple[Any, Sequence[Any]]]


class Size(Params, frozen=True):
    quantity: Decimal = D(1000)


class Count(Memory, frozen=True):
    events: int = 0


def buy(price: str = "156", quantity: str = "1000") -> New:
    return New(symbol="USD/JPY", side=Side.BUY, quantity=D(quantity), price=D(price))


def made_of(run: Run) -> Strategy[Size, Count]:
    """A strategy class around a function; what is kept on `self` is on the instance."""

    class Made(Strategy[Size, Count]):
        def on_event(self, event: Event, view: View, memory: Count) -> tuple[Count, Sequence[Action]]:
            return run(self, event, view, memory)

    return Made(Size())


def once(*actions: Action) -> Run:
    """Asks for these at its first event, and counts events."""
    return lambda _self, _event, _view, memory: (Count(events=memory.events + 1), [] if memory.events else actions)


def test_what_a_strategy_asks_for_is_what_comes_back() -> None:
    desk = StrategyHarness(made_of(once(buy(), Wake(name="t", after_ns=5))))
    assert desk.book("155", "157") == [buy(), Wake(name="t", after_ns=5)]
    assert desk.trade("156") == []
    assert desk.memory == Count(events=2)
    assert [command.price for command in desk.sent] == [D(156)]
    assert list(desk.timers) == ["t"]


def test_the_venues_answers_reach_it_one_by_one() -> None:
    def run(_self: Any, event: Event, _view: View, memory: Count) -> tuple[Count, Sequence[Action]]:
        return Count(events=memory.events + 1), [buy()] if event.kind() in ("book_snapshot", "cancelled") else []

    desk = StrategyHarness(made_of(run))
    desk.book("155", "157")
    first = desk.sent[0]
    desk.accept(first)
    desk.fill(first, "400", "155.9")
    assert (desk.order(first).cum_qty, desk.order(first).avg_px, desk.position()) == (400, D("155.9"), 400)
    desk.fill(first)
    assert (desk.order(first).state, desk.position()) == ("Filled", 1000)
    desk.book("155", "157")
    assert desk.confirm_cancel(desk.sent[1].order_id) == [buy()]
    desk.reject(desk.sent[2], "closed")
    assert desk.order(desk.sent[2]).reason == "closed"
    assert desk.memory == Count(events=7)


def test_replaces_and_their_refusal() -> None:
    def run(_self: Any, event: Event, view: View, memory: Count) -> tuple[Count, Sequence[Action]]:
        mine = view.working("USD/JPY")
        moved = [Replace(order_id=mine[0].order_id, price=D("155.5"))] if mine and event.kind() == "market_trade" else []
        return memory, moved if mine else [buy()]

    desk = StrategyHarness(made_of(run))
    desk.book("155", "157")
    desk.accept(desk.sent[0])
    for settle, price in ((desk.reject_replace, D(156)), (desk.confirm_replace, D("155.5"))):
        assert desk.trade("155") == [Replace(order_id=desk.sent[0].order_id, price=D("155.5"))]
        settle(desk.sent[0])
        assert desk.order(desk.sent[0]).price == price


def test_time_passes_from_deadline_to_deadline() -> None:
    def run(_self: Any, event: Event, _view: View, memory: Count) -> tuple[Count, Sequence[Action]]:
        fired = isinstance(event, TimerFired)
        return Count(events=memory.events + fired), [Wake(name="beat", after_ns=1_000_000_000)]

    desk = StrategyHarness(made_of(run))
    desk.book("155", "157")
    began = desk.now_ns
    assert len(desk.advance("3.5")) == 3
    assert (desk.memory, desk.now_ns) == (Count(events=3), began + 3_500_000_000)
    assert desk.timers == {"beat": began + 4_000_000_000}


def test_limits_deny_and_the_harness_says_which() -> None:
    desk = StrategyHarness(made_of(once(buy())), limits=RiskLimits(max_order_quantity=D(500)))
    assert desk.book("155", "157") == [buy()]
    assert desk.denied == ["max_order_quantity"]
    assert desk.sent == []


def test_instruments_and_events_of_ones_own() -> None:
    eur = Instrument(symbol="EUR/USD", tick_size=D("0.0001"), lot_size=D(1), currency="USD")
    seen: list[str] = []

    def run(_self: Any, event: Event, view: View, memory: Count) -> tuple[Count, Sequence[Action]]:
        seen.append(f"{event.kind()} {view.instruments}")
        return memory, []

    desk = StrategyHarness(made_of(run), instruments=(eur,), events=(Trigger.FEED,))
    desk.book("1.1", "1.2")
    desk.feed_status(FeedState.STALE)
    assert desk.view.book("EUR/USD") is None
    assert seen == ["feed_status ('EUR/USD',)"]


def test_a_lost_session_is_seen() -> None:
    desk = StrategyHarness(made_of(once()))
    assert desk.view.tradable
    desk.disconnect()
    assert not desk.view.tradable


def fails(_self: Any, _event: Event, _view: View, _memory: Count) -> tuple[Count, Sequence[Action]]:
    raise KeyError("no such thing")


def returns_no_action(_self: Any, _event: Event, _view: View, memory: Count) -> tuple[Count, Sequence[Any]]:
    return memory, ["buy"]


@pytest.mark.parametrize(
    ("run", "what", "cause"), [(fails, "KeyError: 'no such thing'", KeyError), (returns_no_action, "'buy' is neither", None)]
)
def test_an_error_in_a_strategy_is_an_error_in_its_test(run: Run, what: str, cause: type[Exception] | None) -> None:
    desk = StrategyHarness(made_of(run))
    with pytest.raises(AssertionError, match=what) as caught:
        desk.book("155", "157")
    assert type(caught.value.__cause__) is (cause or type(None))


def story(strategy: Strategy[Any, Any]) -> StrategyHarness:
    desk = StrategyHarness(strategy)
    for step in range(6):
        desk.book(f"155.{step}", f"157.{step}")
    return desk


def test_a_strategy_that_keeps_everything_in_its_memory_passes() -> None:
    story(Quoter(QuoterParams())).check_determinism()
    story(made_of(once(buy(), Wake(name="a", after_ns=1), NoWake(name="a")))).check_determinism()


def on_the_instance(self: Any, _event: Event, _view: View, memory: Count) -> tuple[Count, Sequence[Action]]:
    self.seen = getattr(self, "seen", 0) + 1
    return memory, [buy()] if self.seen == 4 else []


def by_the_clock(clock: Any) -> Run:
    return lambda _self, _event, _view, _memory: (Count(events=next(clock)), [])


def in_a_global(kept: list[int]) -> Run:
    def run(_self: Any, _event: Event, _view: View, memory: Count) -> tuple[Count, Sequence[Action]]:
        kept.append(1)
        return memory, [buy()] if len(kept) == 4 else []

    return run


@pytest.mark.parametrize(
    ("run", "where"),
    [
        (on_the_instance, "started anew before event"),
        (by_the_clock(itertools.count(1)), "replayed from the first event"),
        (in_a_global([]), "replayed from the first event"),
    ],
    ids=["attribute", "clock", "global"],
)
def test_memory_kept_elsewhere_is_caught_and_the_event_named(run: Run, where: str) -> None:
    with pytest.raises(AssertionError, match=where) as caught:
        story(made_of(run)).check_determinism()
    assert "Keep what must last in Memory" in str(caught.value)


def test_a_restart_brings_back_memory_timers_and_orders_and_nothing_else() -> None:
    def run(self: Any, event: Event, view: View, memory: Count) -> tuple[Count, Sequence[Action]]:
        if event.kind() == "market_trade":
            return memory, [Cancel(order_id=order.order_id) for order in view.working("USD/JPY")]
        if event.kind() != "book_snapshot":
            return memory, []
        hidden, self.hidden = getattr(self, "hidden", False), True
        return Count(events=memory.events + 1), [] if hidden else [buy(), Wake(name="t", after_ns=60_000_000_000)]

    desk = StrategyHarness(made_of(run))
    desk.book("155", "157")
    desk.accept(desk.sent[0])
    desk.fill(desk.sent[0], "400")
    assert desk.book("155", "157") == []
    before, timers = desk.memory, desk.timers
    desk.restart()
    assert desk.timers == timers
    assert desk.memory == before == Count(events=2)
    assert desk.view.tradable
    assert desk.order(desk.sent[0]).cum_qty == 400
    assert desk.trade("156") == [Cancel(order_id=desk.sent[0].order_id)]
    assert len(desk.book("155", "157")) == 2, "what was kept on the instance is gone"
    with pytest.raises(AssertionError, match="decides otherwise"):
        desk.check_determinism()
