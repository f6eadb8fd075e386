"""Timers of strategies: asked for by a strategy, kept in the state, realised by control time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from gateway.core.core import Core
from gateway.core.events import (
    ControlTime,
    Event,
    MarketEvent,
    StrategyFailed,
    TimerCancelled,
    TimerFired,
    TimerSet,
    TradingSwitched,
)
from gateway.core.snapshot import frames, full_digest, image, restore
from gateway.core.strategy import MAX_TIMERS, Action, Memory, NoWake, Params, Strategy, View, Wake
from gateway.core.timers import NEAREST_NS
from gateway.core.values import NANOS, TradingState
from gateway.core.verify import Verifier
from gateway.testing.harness import Harness

Ask = Callable[[int], Sequence[Action]]


class Seen(Memory):
    market: int = 0
    woken: tuple[str, ...] = ()


class Sleeper(Strategy[Params, Seen]):
    """At its n-th market event it asks for what `ask(n)` says; it remembers who woke it."""

    def __init__(self, ask: Ask, again: Sequence[Action] = ()) -> None:
        super().__init__(Params())
        self.ask = ask
        self.again = again

    def on_event(self, event: Event, view: View, memory: Seen) -> tuple[Seen, Sequence[Action]]:
        if isinstance(event, TimerFired):
            return Seen(market=memory.market, woken=(*memory.woken, event.name)), self.again
        assert isinstance(event, MarketEvent)
        return Seen(market=memory.market + 1, woken=memory.woken), self.ask(memory.market + 1)


def sleeping(*first: Action, again: Sequence[Action] = ()) -> Harness:
    """A strategy that asks at its first market event, which has happened."""
    harness = Harness({"mine": Sleeper(lambda n: first if n == 1 else (), again)}).open()
    harness.book("155", "157")
    return harness


def woken(harness: Harness) -> list[str]:
    return [event.name for event in harness.events(TimerFired)]


def test_a_request_is_a_deadline_and_the_deadline_one_control_time() -> None:
    harness = sleeping(Wake(name="later", after_ns=5 * NANOS))
    (asked,) = harness.events(TimerSet)
    assert asked.deadline_ns == harness.now_ns + 5 * NANOS == harness.next_deadline
    step = harness.pass_deadline()
    assert harness.now_ns == asked.deadline_ns
    assert [type(one.event) for one in step.records[:2]] == [ControlTime, TimerFired]
    assert step.records[1].event == TimerFired(strategy="mine", name="later", deadline_ns=asked.deadline_ns)
    assert harness.next_deadline is None
    assert harness.state.control.strategies["mine"].memory == '{"market":1,"woken":["later"]}'
    harness.feed(ControlTime(deadline_ns=harness.now_ns), after_ns=10 * NANOS)
    assert woken(harness) == ["later"], "a timer fires once"


def test_a_time_of_day_is_a_stream_time() -> None:
    at = 1_750_000_123 * NANOS
    assert sleeping(Wake(name="close", at_ns=at)).next_deadline == at


@pytest.mark.parametrize("wake", [Wake(name="now", after_ns=0), Wake(name="now", at_ns=7)])
def test_a_time_that_has_passed_is_a_millisecond_away_and_cannot_be_pushed_away(wake: Wake) -> None:
    harness = Harness({"mine": Sleeper(lambda _: [wake])}).open()
    harness.book("155", "157")
    deadline = harness.now_ns + NEAREST_NS
    assert harness.next_deadline == deadline
    for _ in range(3):
        harness.feed(harness.steps[-1].records[0].event, after_ns=1)
    assert harness.next_deadline == deadline
    assert len(harness.events(TimerSet)) == 1


def test_a_strategy_that_wakes_itself_at_once_costs_an_event_a_millisecond() -> None:
    harness = sleeping(Wake(name="spin", after_ns=0), again=[Wake(name="spin", after_ns=0)])
    began = harness.now_ns
    for _ in range(5):
        harness.pass_deadline()
    assert harness.now_ns == began + 5 * NEAREST_NS


def test_a_timer_of_the_same_name_is_moved_and_asking_for_the_same_says_nothing() -> None:
    at = 1_750_000_100 * NANOS
    moves = {1: at, 2: at, 3: at + NANOS}
    harness = Harness({"mine": Sleeper(lambda n: [Wake(name="t", at_ns=moves[n])])}).open()
    for _ in moves:
        harness.book("155", "157")
    assert [event.deadline_ns for event in harness.events(TimerSet)] == [at, at + NANOS]
    assert harness.next_deadline == at + NANOS


def test_a_timer_can_be_forgotten() -> None:
    harness = sleeping(Wake(name="a", after_ns=NANOS), NoWake(name="a"), NoWake(name="never was"))
    assert [event.name for event in harness.events(TimerCancelled)] == ["a"]
    assert harness.next_deadline is None


def test_what_is_due_fires_in_the_order_of_its_deadlines() -> None:
    asked = [Wake(name="c", after_ns=3 * NANOS), Wake(name="a", after_ns=2 * NANOS), Wake(name="b", after_ns=2 * NANOS)]
    harness = sleeping(*asked)
    harness.feed(ControlTime(deadline_ns=harness.now_ns), after_ns=4 * NANOS)
    assert woken(harness) == ["a", "b", "c"]


def test_one_that_fires_can_forget_the_next_that_is_due() -> None:
    asked = [Wake(name="first", after_ns=NANOS), Wake(name="second", after_ns=2 * NANOS)]
    harness = sleeping(*asked, again=[NoWake(name="second")])
    harness.feed(ControlTime(deadline_ns=harness.now_ns), after_ns=3 * NANOS)
    assert woken(harness) == ["first"]


def test_two_strategies_may_use_the_same_name() -> None:
    ask = {"one": NANOS, "two": 2 * NANOS}
    harness = Harness(
        {name: Sleeper(lambda n, ns=ns: [Wake(name="t", after_ns=ns)] if n == 1 else ()) for name, ns in ask.items()}
    )  # type: ignore[misc]
    harness.open().book("155", "157")
    harness.pass_deadline()
    harness.pass_deadline()
    assert [(event.strategy, event.name) for event in harness.events(TimerFired)] == [("one", "t"), ("two", "t")]


def test_a_timer_survives_a_restart_and_fires_late_when_it_came_due_meanwhile() -> None:
    harness = sleeping(Wake(name="t", after_ns=NANOS))
    harness.now_ns += 60 * NANOS
    folded = Core({"mine": Sleeper(lambda _: ())})
    folded.fold(harness.records)
    assert folded.state.digest() == harness.state.digest()
    harness.core, harness.state = folded, folded.state
    harness.open()
    assert harness.next_deadline is not None
    assert harness.next_deadline < harness.now_ns
    harness.pass_deadline()
    assert woken(harness) == ["t"]
    assert harness.next_deadline is None


def test_a_timer_survives_a_snapshot() -> None:
    harness = sleeping(Wake(name="t", after_ns=NANOS))
    taken = list(frames(image(harness.state)))
    restored = restore(iter(taken))
    assert restored.control.timers == harness.state.control.timers != {}
    assert full_digest(taken) == harness.state.digest()


def test_timers_are_decided_again_by_verify() -> None:
    harness = sleeping(Wake(name="t", after_ns=NANOS), again=[Wake(name="u", after_ns=NANOS)])
    harness.pass_deadline()
    harness.pass_deadline()
    assert woken(harness) == ["t", "u"]
    once = [Wake(name="t", after_ns=NANOS)]
    again = [Wake(name="u", after_ns=NANOS)]
    verifier = Verifier(lambda _: {"mine": Sleeper(lambda n: once if n == 1 else (), again)})
    assert [*verifier.feed(harness.records), *verifier.finish()] == []
    other = Verifier(lambda _: {"mine": Sleeper(lambda n: once if n == 1 else (), ())})
    assert [*other.feed(harness.records), *other.finish()]


def test_timers_of_a_disabled_strategy_wait_until_it_is_enabled() -> None:
    def ask(n: int) -> Sequence[Any]:
        return [Wake(name="t", after_ns=NANOS)] if n == 1 else [None]

    harness = Harness({"mine": Sleeper(ask)}).open()
    for _ in range(1 + 3):
        harness.book("155", "157")
    assert harness.next_deadline is None, "nothing to wake up for"
    harness.feed(ControlTime(deadline_ns=harness.now_ns), after_ns=2 * NANOS)
    assert woken(harness) == []
    harness.feed(TradingSwitched(actor="alice", request_id="on", scope="strategy:mine", state=TradingState.ENABLED))
    harness.pass_deadline()
    assert woken(harness) == ["t"]


def test_a_strategy_has_so_many_timers_and_no_more() -> None:
    fits = [Wake(name=f"{n}", after_ns=NANOS) for n in range(MAX_TIMERS)]
    asked = {1: fits, 2: [NoWake(name="0"), Wake(name="another", after_ns=NANOS)], 3: [Wake(name="0", after_ns=NANOS)]}
    harness = Harness({"mine": Sleeper(lambda n: asked[n])}).open()
    for _ in asked:
        harness.book("155", "157")
    assert len(harness.state.control.timers) == MAX_TIMERS
    assert [event.error for event in harness.events(StrategyFailed)] == ["ValueError: 65 timers at a time; 64 is the most"]


@pytest.mark.parametrize(
    "fields",
    [
        {"name": "t"},
        {"name": "t", "at_ns": 1, "after_ns": 1},
        {"name": "t", "after_ns": -1},
        {"name": "", "after_ns": 1},
        {"name": "x" * 65, "after_ns": 1},
        {"name": "a\x01b", "after_ns": 1},
        {"name": 7, "after_ns": 1},
    ],
)
def test_a_request_that_makes_no_sense_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="timer"):
        Wake(**fields)


def test_a_time_that_is_no_whole_number_never_enters_the_journal() -> None:
    harness = sleeping(Wake(name="t", after_ns=0.5))  # type: ignore[arg-type]
    assert harness.events(TimerSet) == []
    assert harness.events(StrategyFailed)[0].error.startswith("TypeError: after_ns is a float")
