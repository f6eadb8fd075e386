"""What a venue says our positions are, beside what our fills say. A difference is seen and kept; nothing is adjusted by it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from gateway.core.changes import AnomalyRaised, Change
from gateway.core.events import Event, PositionsReported, PositionsRequested, Recorded
from gateway.core.state import State
from gateway.core.values import ZERO


def _requested(state: State, recorded: Recorded, event: PositionsRequested) -> list[Change]:
    """A question changes nothing."""
    return []


def _reported(state: State, recorded: Recorded, event: PositionsReported) -> list[Change]:
    """Compare by symbol, over all strategies of the account (of all accounts when it names none)."""
    if not event.complete:
        detail = f"positions{_of(event.account)} not known: {event.detail}"
        return [AnomalyRaised(anomaly="positions_unknown", venue=event.venue, session=event.session, detail=detail)]
    theirs = {position.symbol: position.net_qty for position in event.positions}
    ours: dict[str, Decimal] = defaultdict(Decimal)
    for (account, _, venue, symbol), position in state.execution.positions.items():
        if venue == event.venue and event.account in ("", account):
            ours[symbol] += position.net_qty
    changes: list[Change] = []
    differ = state.control.positions_differ
    for key in [key for key in differ if key[:2] == (event.venue, event.account)]:
        differ.discard(key)
    for symbol in sorted({*theirs, *ours}):
        here, there = ours.get(symbol, ZERO), theirs.get(symbol, ZERO)
        if here == there:
            continue
        detail = f"{symbol}{_of(event.account)}: {there} at the venue, {here} here"
        differ[event.venue, event.account, symbol] = detail
        changes.append(AnomalyRaised(anomaly="position_differs", venue=event.venue, session=event.session, detail=detail))
    return changes


def _of(account: str) -> str:
    return f" of account {account}" if account else ""


HANDLERS: dict[type[Event], Callable[[State, Recorded, Any], list[Change]]] = {
    PositionsRequested: _requested,
    PositionsReported: _reported,
}
