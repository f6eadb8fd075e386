"""The core: one event in, everything that follows from it out. Pure: no clock, no I/O, no threads, no engine, no SQL.

    event -> state -> strategy -> intents -> risk -> execution control -> dispatches

`step` advances the state and returns the records to journal. `fold` replays recorded events, derived ones included, and
decides nothing: an upgraded build cannot forget an order that was really sent. Only `gateway.core.verify` decides again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any

import msgspec

from gateway.core.apply import apply
from gateway.core.changes import Change, FillChanged, OrderChanged
from gateway.core.contents import StrategyState
from gateway.core.events import (
    ControlTime,
    Event,
    FeedStatus,
    KillEngaged,
    MarketEvent,
    MarketTrade,
    Recorded,
    StrategyDisabled,
    StrategyFailed,
    StrategyRemembered,
)
from gateway.core.execution_control import purge, release
from gateway.core.reactions import react
from gateway.core.reactions.defects import uphold
from gateway.core.reactions.intents import intend
from gateway.core.settings import StrategySettings, Trigger
from gateway.core.state import State
from gateway.core.strategy import MAX_ACTIONS, Action, NoWake, Strategy, View, Wake, well_formed
from gateway.core.timers import awake, check_count, due, request
from gateway.core.turn import Step, Turn

AnyStrategy = Strategy[Any, Any]
MAX_ERROR_TEXT = 2000
"""Characters kept of what a strategy raised."""
_encode_memory = msgspec.json.Encoder(order="deterministic").encode


class Core:
    """Owns the state and the strategies' code; one thread at a time."""

    def __init__(self, strategies: Mapping[str, AnyStrategy], state: State | None = None) -> None:
        self.state = State() if state is None else state
        self._strategies = dict(strategies)

    def use(self, strategies: Mapping[str, AnyStrategy]) -> None:
        """Consult these from the next step on: a `ConfigurationUpdated` has given them other parameters."""
        self._strategies = dict(strategies)

    def at(self, state: State) -> Core:
        """The same strategies over another state, as a snapshot brings it."""
        return Core(self._strategies, state)

    def fold(self, recorded: Iterable[Recorded]) -> None:
        """Apply what was recorded, without deciding anything. Raises ValueError when a position is missing."""
        for one in recorded:
            apply(self.state, one)

    def step(self, event: Event, *, run_id: int, at_ns: int, wall_ns: int) -> Step:
        """Apply an input event and everything that follows from it. `at_ns` must not be below the last event's."""
        if at_ns < self.state.at_ns:
            raise ValueError(f"stream time may not fall: {at_ns} after {self.state.at_ns}")
        turn = Turn(self.state, run_id=run_id, at_ns=at_ns, wall_ns=wall_ns)
        changes = turn.take(event)
        react(turn, event, changes)
        for settings in self._concerned(event, changes):
            self._consult(turn, settings, event)
        if isinstance(event, ControlTime):
            self._wake(turn)
        release(turn, killing=isinstance(event, KillEngaged))
        uphold(turn)
        return turn.step()

    def _concerned(self, event: Event, changes: tuple[Change, ...]) -> list[StrategySettings]:
        """Strategies that see this event: market events of their instruments, the state of their feed, anything about their
        orders."""
        settings = self.state.control.settings
        configured = settings.strategies
        if isinstance(event, MarketEvent | FeedStatus):
            kind = _market_trigger(event)
            fed = [s for s in configured.values() if settings.feed_of(s.venue) == event.venue and kind in s.events]
            return fed if event.symbol is None else [s for s in fed if event.symbol in s.instruments]
        names = dict.fromkeys(c.after.strategy for c in changes if isinstance(c, (OrderChanged, FillChanged)))
        return [configured[name] for name in names if name in configured and Trigger.ORDER in configured[name].events]

    def _wake(self, turn: Turn) -> None:
        """Consult strategies whose timers are due. One may have moved or lost a timer to another that fired before it."""
        for fired in due(self.state):
            stands = self.state.control.timers.get((fired.strategy, fired.name)) == fired.deadline_ns
            if stands and awake(self.state, fired.strategy):
                turn.emit(fired)
                self._consult(turn, self.state.control.settings.strategies[fired.strategy], fired)

    def _consult(self, turn: Turn, settings: StrategySettings, event: Event) -> None:
        strategy = self._strategies.get(settings.name)
        known = self.state.control.strategies.get(settings.name, StrategyState())
        if strategy is None or known.disabled is not None:
            return
        try:
            memory = _memory(strategy, known.memory)
            before = known.memory or _encode_memory(memory).decode()
            after, wanted = strategy.on_event(event, View(self.state, settings), memory)
            actions = _limited(wanted)
            check_count(self.state, settings.name, actions)
            remembered = _encode_memory(after).decode()
        except (Exception, SystemExit) as error:  # noqa: BLE001 - a strategy may raise anything; it is named and the core goes on
            said = _described(error)
            turn.emit(StrategyFailed(strategy=settings.name, error=f"{type(error).__name__}: {said}"))
            if known.errors + 1 >= settings.max_errors:
                turn.emit(StrategyDisabled(strategy=settings.name, reason=f"{known.errors + 1} errors, last: {said}"))
                purge(turn, f"strategy:{settings.name}", "strategy disabled")
            return
        if remembered != before:  # as text: a memory that was changed in place is still another one
            turn.emit(StrategyRemembered(strategy=settings.name, memory=remembered))
        for action in actions:
            if isinstance(action, Wake | NoWake):
                request(turn, settings.name, action)
            else:
                intend(turn, action, strategy=settings.name, venue=settings.venue, account=settings.account)


def _limited(wanted: Iterable[Action]) -> tuple[Action, ...]:
    """Everything a strategy wants, well formed. Raises ValueError when that has no end in sight."""
    actions = tuple(well_formed(action) for action in islice(wanted, MAX_ACTIONS + 1))
    if len(actions) > MAX_ACTIONS:
        raise ValueError(f"more than {MAX_ACTIONS} actions at a time")
    return actions


def _described(error: BaseException) -> str:
    """What was raised, as text that can be stored: an exception may say anything, at any length, or fail to."""
    try:
        said = str(error)
    except Exception as second:  # noqa: BLE001 - as above
        said = f"(its text raised {type(second).__name__})"
    return said[:MAX_ERROR_TEXT].encode("utf-8", "backslashreplace").decode()


def _market_trigger(event: MarketEvent | FeedStatus) -> Trigger:
    if isinstance(event, FeedStatus):
        return Trigger.FEED
    return Trigger.TRADE if isinstance(event, MarketTrade) else Trigger.BOOK


def _memory(strategy: AnyStrategy, stored: str | None) -> msgspec.Struct:
    memory: msgspec.Struct = strategy.Memory() if stored is None else msgspec.json.decode(stored, type=strategy.Memory)
    return memory
