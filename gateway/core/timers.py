"""Timers of strategies: a request becomes a deadline in the state, and time alone turns the deadline into an event.

A deadline is a scheduling obligation like any other (`gateway.core.execution_control.next_deadline`): it is state, so it
survives a restart, and one control-time event realises whatever is due then. A strategy that is disabled, or not configured any
more, keeps its timers; they fire when it is consulted again. A timer that has fired is gone, whatever the strategy made of it.
"""

from __future__ import annotations

from collections.abc import Iterable

from gateway.core.events import TimerCancelled, TimerFired, TimerSet
from gateway.core.state import State
from gateway.core.strategy import MAX_TIMERS, Action, NoWake, Wake
from gateway.core.turn import Turn

NEAREST_NS = 1_000_000
"""A strategy cannot keep the gateway busy with itself: no deadline is nearer than this."""


def check_count(state: State, strategy: str, actions: Iterable[Action]) -> None:
    """Raises ValueError when these would leave the strategy with more than `MAX_TIMERS`."""
    names = {name for owner, name in state.control.timers if owner == strategy}
    for action in actions:
        if isinstance(action, Wake):
            names.add(action.name)
        elif isinstance(action, NoWake):
            names.discard(action.name)
    if len(names) > MAX_TIMERS:
        raise ValueError(f"{len(names)} timers at a time; {MAX_TIMERS} is the most")


def request(turn: Turn, strategy: str, action: Wake | NoWake) -> None:
    """Set, move or forget a timer; nothing when that changes nothing."""
    running = turn.state.control.timers.get((strategy, action.name))
    if isinstance(action, NoWake):
        if running is not None:
            turn.emit(TimerCancelled(strategy=strategy, name=action.name))
        return
    now = turn.state.at_ns
    wanted = action.at_ns if action.at_ns is not None else now + (action.after_ns or 0)
    nearest = now + NEAREST_NS
    if running == wanted or (running is not None and max(running, wanted) <= nearest):
        return  # as asked, or as soon as can be: asking again and again does not push it away
    turn.emit(TimerSet(strategy=strategy, name=action.name, deadline_ns=max(wanted, nearest)))


def due(state: State) -> list[TimerFired]:
    """What fires now: the earliest deadline first, then by strategy and name."""
    waiting = sorted((deadline, *key) for key, deadline in state.control.timers.items() if deadline <= state.at_ns)
    return [TimerFired(strategy=s, name=name, deadline_ns=deadline) for deadline, s, name in waiting if awake(state, s)]


def awake(state: State, strategy: str) -> bool:
    """Whether a strategy is consulted at all."""
    known = state.control.strategies.get(strategy)
    return strategy in state.control.settings.strategies and (known is None or known.disabled is None)
