"""Apply one event to the state: the only way the state ever changes, live, on restart and in replay.

`apply` decides nothing and needs nothing but the event: what the core decided is itself an event. It returns what changed,
in order. It never raises on an event's content: what does not fit is an anomaly and leaves the state alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gateway.core.apply import control, execution, market, outcomes
from gateway.core.changes import AnomalyRaised, Change
from gateway.core.events import Event, Recorded
from gateway.core.state import State

Handler = Callable[[State, Recorded, Any], list[Change]]

HANDLERS: dict[type[Event], Handler] = {**market.HANDLERS, **execution.HANDLERS, **control.HANDLERS, **outcomes.HANDLERS}


def apply(state: State, recorded: Recorded) -> list[Change]:
    """Advance `state` by one event. Raises ValueError only when positions do not follow each other."""
    if recorded.seq != state.seq + 1:
        raise ValueError(f"event {recorded.seq} cannot follow event {state.seq}")
    state.seq = recorded.seq
    state.at_ns = recorded.at_ns
    changes = HANDLERS[type(recorded.event)](state, recorded, recorded.event)
    for change in changes:
        if isinstance(change, AnomalyRaised):
            state.anomalies[change.anomaly] += 1
    return changes
