"""Strategies: what they may return, what happens when they fail, and how hidden memory is found out."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from gateway.core.events import (
    Denied,
    Dispatched,
    Event,
    StrategyDisabled,
    StrategyFailed,
    StrategyRemembered,
    TradingSwitched,
)
from gateway.core.strategy import Cancel, Intent, New, Strategy, View
from gateway.core.values import Side, TradingState
from gateway.core.verify import Difference, Verifier
from gateway.testing.harness import SYMBOL, Harness, settings, strategy_settings

D = Decimal
BUY = New(symbol=SYMBOL, side=Side.BUY, quantity=D(1000), price=D(156))


class Params(msgspec.Struct, frozen=True):
    pass


class Memory(msgspec.Struct):
    seen: int = 0


class Scripted(Strategy[Params, Memory]):
    """Runs a function given to it; the ones below are what people get wrong."""

    Params = Params
    Memory = Memory

    def __init__(self, run: Callable[[Scripted, View, Memory], tuple[Memory, Any]]) -> None:
        super().__init__(Params())
        self.run = run
        self.hidden = 0

    def on_event(self, event: Event, view: View, memory: Memory) -> tuple[Memory, Sequence[Intent]]:
        return self.run(self, view, memory)


def running(run: Callable[[Scripted, View, Memory], tuple[Memory, Any]]) -> Harness:
    return Harness({"mine": Scripted(run)}).open()


def differences(harness: Harness, make: Callable[[], Scripted]) -> list[Difference]:
    verifier = Verifier(lambda configured: {name: make() for name in configured})
    return [*verifier.feed(harness.records), *verifier.finish()]


def fail(strategy: Scripted, view: View, memory: Memory) -> tuple[Memory, Any]:
    raise RuntimeError("no idea")


def test_errors_are_recorded_and_three_disable_the_strategy() -> None:
    harness = running(fail)
    for _ in range(5):
        harness.book("155", "157")
    assert [event.error for event in harness.events(StrategyFailed)] == ["RuntimeError: no idea"] * 3
    assert [event.reason for event in harness.events(StrategyDisabled)] == ["3 errors, last: no idea"]
    harness.feed(TradingSwitched(actor="alice", request_id="on", scope="strategy:mine", state=TradingState.ENABLED))
    harness.book("155", "157")
    assert len(harness.events(StrategyFailed)) == 4
    assert len(harness.events(StrategyDisabled)) == 1


def test_the_configuration_says_after_how_many() -> None:
    mine = Scripted(fail)
    configured = replace(strategy_settings("mine", mine), max_errors=1)
    harness = Harness({"mine": mine}, settings(strategies={"mine": configured})).open()
    harness.book("155", "157")
    assert [event.reason for event in harness.events(StrategyDisabled)] == ["1 errors, last: no idea"]


@pytest.mark.parametrize(
    "intent",
    [
        New(symbol=SYMBOL, side=Side.BUY, quantity=1000.0, price=D(156)),  # type: ignore[arg-type]
        New(symbol=None, side=Side.BUY, quantity=D(1000)),  # type: ignore[arg-type]
        New(symbol=SYMBOL, side="long", quantity=D(1000)),  # type: ignore[arg-type]
        Cancel(order_id=7),  # type: ignore[arg-type]
        "buy",
        None,
    ],
    ids=["float", "no symbol", "no side", "number as id", "text", "nothing"],
)
def test_what_is_no_intent_never_enters_the_journal(intent: Any) -> None:
    harness = running(lambda strategy, view, memory: (memory, [BUY, intent]))
    harness.book("155", "157")
    assert harness.events(StrategyFailed)[0].error.startswith("TypeError")
    assert harness.sent() == []
    assert harness.events(Denied) == []


def test_a_strategys_order_passes_risk_like_any_other() -> None:
    harness = running(lambda strategy, view, memory: (memory, [msgspec.structs.replace(BUY, quantity=D(1))]))
    harness.book("155", "157")
    (event,) = harness.events(Denied)
    assert (event.strategy, event.account, event.code) == ("mine", "ACC", "off_lot")


def test_a_strategy_cannot_cancel_what_is_not_its_own() -> None:
    harness = running(lambda strategy, view, memory: (memory, [Cancel(order_id="1-1")]))
    order_id = harness.request_order()
    assert order_id == "1-1"
    harness.accept(order_id)
    harness.book("155", "157")
    assert [event.code for event in harness.events(Denied)] == ["unknown_order"]


def test_memory_is_recorded_when_it_changes() -> None:
    harness = running(lambda strategy, view, memory: (Memory(seen=min(memory.seen + 1, 2)), []))
    for _ in range(4):
        harness.book("155", "157")
    assert [event.memory for event in harness.events(StrategyRemembered)] == ['{"seen":1}', '{"seen":2}']


def test_memory_changed_in_place_is_recorded_all_the_same() -> None:
    def count(strategy: Scripted, view: View, memory: Memory) -> tuple[Memory, Any]:
        memory.seen += 1
        return memory, []

    harness = running(count)
    for _ in range(3):
        harness.book("155", "157")
    assert harness.state.control.strategies["mine"].memory == '{"seen":3}'


def test_memory_that_cannot_be_written_is_an_error() -> None:
    harness = running(lambda strategy, view, memory: (object(), []))  # type: ignore[return-value,arg-type]
    harness.book("155", "157")
    assert harness.events(StrategyFailed)[0].error.startswith("TypeError")


def declared(strategy: Scripted, view: View, memory: Memory) -> tuple[Memory, Any]:
    return Memory(seen=memory.seen + 1), [BUY] if memory.seen % 2 else []


def hidden(strategy: Scripted, view: View, memory: Memory) -> tuple[Memory, Any]:
    strategy.hidden += 1
    return memory, [BUY] if strategy.hidden % 2 else []


def session(run: Callable[[Scripted, View, Memory], tuple[Memory, Any]]) -> Harness:
    """Three events, a restart with a new instance, three more."""
    harness = running(run)
    for _ in range(3):
        harness.book("155", "157")
    harness.core._strategies["mine"] = Scripted(run)
    harness.start()
    harness.log_on()
    harness.settle()
    for command in harness.sent():
        harness.answer_status(command.order_id, "0", cum_qty=D(0))
    for _ in range(3):
        harness.book("155", "157")
    return harness


def test_declared_memory_survives_a_restart_and_verifies() -> None:
    harness = session(declared)
    assert len(harness.sent()) == 3
    assert differences(harness, lambda: Scripted(declared)) == []


def test_hidden_memory_is_caught() -> None:
    harness = session(hidden)
    shared = Scripted(hidden)  # one instance over both runs: what a process that never restarted would have decided
    found = differences(harness, lambda: shared)
    assert found
    assert found[0].seq > harness.steps[0].records[0].seq


def test_a_strategy_that_reads_a_clock_is_caught() -> None:
    clock = itertools.count(1)

    def by_the_clock(strategy: Scripted, view: View, memory: Memory) -> tuple[Memory, Any]:
        return Memory(seen=next(clock)), []

    harness = running(by_the_clock)
    for _ in range(3):
        harness.book("155", "157")
    found = differences(harness, lambda: Scripted(by_the_clock))
    texts = [(str(one.recorded), str(one.computed)) for one in found]
    assert len(texts) == 3
    assert all("strategy_remembered" in recorded and recorded != computed for recorded, computed in texts)


def test_a_decision_that_is_recorded_and_not_made_again_is_a_difference() -> None:
    harness = running(declared)
    for _ in range(2):
        harness.book("155", "157")
    (dispatched,) = [one for one in harness.records if isinstance(one.event, Dispatched)]
    found = differences(harness, lambda: Scripted(lambda strategy, view, memory: (Memory(seen=memory.seen + 1), [])))
    assert [(one.seq, one.computed) for one in found] == [(dispatched.seq, None)]


def test_a_decision_that_is_made_now_and_was_not_recorded_is_a_difference() -> None:
    harness = running(lambda strategy, view, memory: (memory, []))
    harness.book("155", "157")
    found = differences(harness, lambda: Scripted(lambda strategy, view, memory: (memory, [BUY])))
    assert [(one.seq, one.recorded) for one in found] == [(harness.state.seq + 1, None)]


def test_verify_of_an_honest_journal_reaches_the_same_digest() -> None:
    harness = session(declared)
    verifier = Verifier(lambda configured: {name: Scripted(declared) for name in configured})
    assert [*verifier.feed(harness.records), *verifier.finish()] == []
    assert verifier.digest == harness.state.digest()


def test_the_view_shows_own_orders_and_nothing_else() -> None:
    seen: list[tuple[Any, ...]] = []

    def look(strategy: Scripted, view: View, memory: Memory) -> tuple[Memory, Any]:
        working = [order.order_id for order in view.working(SYMBOL)]
        position = view.position(SYMBOL).net_qty
        seen.append((working, position, view.tradable, view.now_ns, view.instruments))
        return Memory(seen=memory.seen + 1), [BUY] if memory.seen == 0 else []

    harness = running(look)
    harness.request_order()
    harness.book("155", "157")
    (mine,) = [command.order_id for command in harness.sent() if command.strategy == "mine"]
    harness.fill(mine, "400")
    assert seen[-1] == ([mine], 400, True, harness.now_ns, (SYMBOL,))
    harness.disconnect()
    harness.book("155", "157")
    assert seen[-1][2] is False
