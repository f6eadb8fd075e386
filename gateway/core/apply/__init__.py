"""Apply one event to the state: the only way the state ever changes, live, on restart and in replay.

`apply` decides nothing and needs nothing but the event: what the core decided is itself an event. It returns what changed,
in order. It never raises on an event's content: what does not fit is an anomaly and leaves the state alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gateway.core.apply.balances import HANDLERS as BALANCES
from gateway.core.apply.balances import move_balance
from gateway.core.apply.execution import HANDLERS as EXECUTION
from gateway.core.apply.market import HANDLERS as MARKET
from gateway.core.apply.operators import HANDLERS as OPERATORS
from gateway.core.apply.outcomes import HANDLERS as OUTCOMES
from gateway.core.apply.positions import HANDLERS as POSITIONS
from gateway.core.apply.positions import count_execution
from gateway.core.apply.runs import HANDLERS as RUNS
from gateway.core.apply.sessions import HANDLERS as SESSIONS
from gateway.core.apply.venue_positions import HANDLERS as VENUE_POSITIONS
from gateway.core.changes import AnomalyRaised, Change, FillChanged
from gateway.core.events import EVENTS, Event, Recorded
from gateway.core.state import State

Handler = Callable[[State, Recorded, Any], list[Change]]

HANDLERS: dict[type[Event], Handler] = {
    **MARKET,
    **EXECUTION,
    **RUNS,
    **SESSIONS,
    **OPERATORS,
    **OUTCOMES,
    **POSITIONS,
    **BALANCES,
    **VENUE_POSITIONS,
}
assert set(HANDLERS) == set(EVENTS.values()), "every kind of event can be applied"


def apply(state: State, recorded: Recorded) -> list[Change]:
    """Advance `state` by one event. Raises ValueError only when positions do not follow each other."""
    if recorded.seq != state.seq + 1:
        raise ValueError(f"event {recorded.seq} cannot follow event {state.seq}")
    state.seq = recorded.seq
    state.at_ns = recorded.at_ns
    changes = HANDLERS[type(recorded.event)](state, recorded, recorded.event)
    for change in changes:
        if type(change) is AnomalyRaised:
            state.anomalies[change.anomaly] += 1
        elif type(change) is FillChanged:
            count_execution(state, recorded, change)
            move_balance(state, recorded, change)
    return changes
