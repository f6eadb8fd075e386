"""Cash balances: what an account holds of a currency, from an opening balance on. Every live execution moves the one of its
instrument's currency by its value; financing, fees and settlement are the back office's and come with the next opening balance.

Currencies are never added up. An instrument that is not configured has no currency: its executions move no balance.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from gateway.core.changes import Change, FillChanged
from gateway.core.events import Event, OpeningBalance, Recorded
from gateway.core.orders import Balance, Fill
from gateway.core.settings import Instrument
from gateway.core.state import State
from gateway.core.values import ZERO


def move_balance(state: State, recorded: Recorded, change: FillChanged) -> None:
    """Follow an execution that is new, corrected, busted or replaced: by the difference it makes."""
    instrument = state.control.settings.instruments.get(change.after.symbol)
    if instrument is None:
        return
    moved = _cash(change.after, instrument) - (ZERO if change.before is None else _cash(change.before, instrument))
    if not moved:
        return
    key = (change.after.account, instrument.currency)
    known = state.execution.balances.get(key, Balance())
    state.execution.balances[key] = Balance(amount=known.amount + moved, as_of=known.as_of, updated_ns=recorded.at_ns)


def _cash(fill: Fill, instrument: Instrument) -> Decimal:
    """What an execution brings: positive for a sale."""
    return -fill.side.sign * fill.last_qty * fill.last_px * instrument.multiplier if fill.live else ZERO


def _opening(state: State, recorded: Recorded, event: OpeningBalance) -> list[Change]:
    opened = Balance(amount=event.amount, as_of=event.as_of, updated_ns=recorded.at_ns)
    state.execution.balances[event.account, event.currency] = opened
    return []


HANDLERS: dict[type[Event], Callable[[State, Recorded, Any], list[Change]]] = {OpeningBalance: _opening}
