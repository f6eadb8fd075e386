"""Is it too much together? Open orders, positions, exposures and the day's totals, from sums kept by `gateway.core.exposure`.

Values are in the instrument's currency and cover every instrument of that currency in the scope, each at its reference
price; without one there is no value, and the order is denied. An order that does not make an exposure larger passes its limit.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from gateway.core.exposure import Sums
from gateway.core.orders import Command
from gateway.core.risk.basis import (
    NO_REFERENCE,
    added_quantity,
    first_request,
    instrument_of,
    limits,
    own_price,
    reference_price,
    shown,
)
from gateway.core.state import State
from gateway.core.values import ZERO, Side


def open_orders(state: State, command: Command) -> str | None:
    if not first_request(command):
        return None  # it is counted already
    for most, scope in limits(state, command, "max_open_orders"):
        count = len(state.execution.open[scope]) + len(state.execution.pending_new[scope])
        if count >= most:
            return f"{count} orders open, max_open_orders is {most} ({scope})"
    return None


def position(state: State, command: Command) -> str | None:
    """The worst case of the instrument's net position in the scope, this order included."""
    name = "max_position_long" if command.side is Side.BUY else "max_position_short"
    added = added_quantity(state, command)
    for most, scope in limits(state, command, name) if added else ():
        venues = state.execution.exposure.within(scope).get(command.symbol, {}).values()
        held = sum((sums.net for sums in venues), ZERO)
        buying = command.side is Side.BUY
        working = sum((sums.buying if buying else sums.selling for sums in venues), ZERO)
        reached = (held if buying else -held) + working + added
        if reached > most:
            what = f"position {shown(held)}, open {command.side} orders {shown(working)} and {shown(added)} more"
            return f"{what} could reach {shown(reached)}, {name} is {most} ({scope})"
    return None


def gross(state: State, command: Command) -> str | None:
    found = limits(state, command, "max_gross_exposure")
    own = state.execution.exposure.of((command.account, command.strategy, command.venue, command.symbol))
    added = own.worst_with(command.side, added_quantity(state, command)) - own.worst
    if not found or added <= 0:
        return None
    value = _value(state, command, added)
    for most, scope in found:
        total = _total(state, command, scope, lambda sums: sums.gross)
        if value is None or total is None:
            return NO_REFERENCE
        if total + value > most:
            return _above(state, command, total, value, "max_gross_exposure", most, scope)
    return None


def net(state: State, command: Command) -> str | None:
    """The net value lies between all open sells filled and all open buys filled: the farther end counts."""
    found = limits(state, command, "max_net_exposure")
    added = added_quantity(state, command)
    if not found or not added:
        return None
    value = _value(state, command, added)
    for most, scope in found:
        if command.side is Side.BUY:
            total = _total(state, command, scope, lambda sums: sums.net + sums.buying)
        else:
            total = _total(state, command, scope, lambda sums: sums.selling - sums.net)
        if value is None or total is None:
            return NO_REFERENCE
        if total + value > most:
            return _above(state, command, total, value, "max_net_exposure", most, scope)
    return None


def daily_value(state: State, command: Command) -> str | None:
    """Executed today, plus what is open and may still be, plus this order."""
    found = limits(state, command, "max_daily_value")
    added = added_quantity(state, command)
    if not found or not added:
        return None
    instrument = instrument_of(state, command)
    value = _value(state, command, added)
    for most, scope in found:
        working = _total(state, command, scope, lambda sums: sums.buying + sums.selling)
        if value is None or working is None:
            return NO_REFERENCE
        traded = state.execution.traded.get((scope, instrument.currency), ZERO)
        if traded + working + value > most:
            what = f"{shown(traded)} {instrument.currency} traded today, {shown(working)} open and {shown(value)} more"
            return f"{what} are above max_daily_value {most} ({scope})"
    return None


def daily_orders(state: State, command: Command) -> str | None:
    if not first_request(command):
        return None  # it is counted already
    for most, scope in limits(state, command, "max_daily_orders"):
        count = state.execution.approved.get(scope, 0)
        if count >= most:
            return f"{count} orders today, max_daily_orders is {most} ({scope})"
    return None


def _above(state: State, command: Command, total: Decimal, value: Decimal, name: str, most: Decimal, scope: str) -> str:
    currency = instrument_of(state, command).currency
    return f"{shown(total)} {currency} and {shown(value)} more are above {name} {most} ({scope})"


def _value(state: State, command: Command, quantity: Decimal) -> Decimal | None:
    """At the order's own price or the reference, whichever is higher; None when it has neither."""
    known = [p for p in (own_price(command), reference_price(state, command.venue, command.symbol)) if p is not None]
    return quantity * max(known) * instrument_of(state, command).multiplier if known else None


def _total(state: State, command: Command, scope: str, quantity: Callable[[Sums], Decimal]) -> Decimal | None:
    """Value of a quantity over every instrument of the order's currency; None when one of them has no reference price."""
    instruments = state.control.settings.instruments
    currency = instruments[command.symbol].currency
    total = ZERO
    for symbol, venues in state.execution.exposure.within(scope).items():
        instrument = instruments.get(symbol)
        if instrument is None or instrument.currency != currency:
            continue
        for venue, sums in venues.items():
            amount = quantity(sums)
            if not amount:
                continue
            price = reference_price(state, venue, symbol)
            if price is None and symbol == command.symbol:
                price = own_price(command)
            if price is None:
                return None
            total += amount * price * instrument.multiplier
    return total
