"""What follows when something is wrong with the gateway itself: an invariant that does not hold, a strategy that overruns."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gateway.core import execution_control as control
from gateway.core.changes import Change
from gateway.core.contents import StrategyState
from gateway.core.events import DefectReported, Event, InvariantBroken, StrategyDisabled, StrategyOverran
from gateway.core.reactions.intents import cancel_scope
from gateway.core.turn import Turn
from gateway.core.values import NANOS, SCOPE_ALL


def uphold(turn: Turn) -> None:
    """The last thing in a step: what does not hold any more is recorded, once, and what waits is closed."""
    for name, detail in turn.broken():
        _halt(turn, name, detail)


def _halt(turn: Turn, name: str, detail: str) -> None:
    if name not in turn.state.control.broken:
        turn.emit(InvariantBroken(invariant=name, detail=detail))
        control.purge(turn, SCOPE_ALL, f"invariant {name} is broken")


def _defect_reported(turn: Turn, event: DefectReported, changes: tuple[Change, ...]) -> None:
    _halt(turn, event.invariant, event.detail)


def _overran(turn: Turn, event: StrategyOverran, changes: tuple[Change, ...]) -> None:
    """Nobody knows what it would have done meanwhile: what it has open goes, as after too many executions."""
    scope = f"strategy:{event.strategy}"
    if turn.state.control.strategies.get(event.strategy, StrategyState()).disabled is None:
        reason = f"overran: consulted for {event.running_ns // NANOS} s and more"
        turn.emit(StrategyDisabled(strategy=event.strategy, reason=reason))
    control.purge(turn, scope, "strategy overran")
    cancel_scope(turn, scope)


RULES: dict[type[Event], Callable[[Turn, Any, tuple[Change, ...]], None]] = {
    DefectReported: _defect_reported,
    StrategyOverran: _overran,
}
