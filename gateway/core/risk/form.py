"""Is it an order at all? Names that exist, quantities and prices that fit the order type and the grids."""

from __future__ import annotations

from decimal import Context, Decimal
from typing import Any

from gateway.core.orders import Command
from gateway.core.risk.basis import instrument_of
from gateway.core.state import State
from gateway.core.values import OrderType, text_problem


def known_venue(state: State, command: Command) -> str | None:
    venues = {name: venue for name, venue in state.control.settings.venues.items() if venue.orders}
    if command.venue in venues:
        return None
    what = "is for market data alone" if command.venue in state.control.settings.venues else "is not configured"
    return f"venue {command.venue!r} {what}; orders go to: {_names(venues)}"


def known_symbol(state: State, command: Command) -> str | None:
    instruments = state.control.settings.instruments
    if command.symbol in instruments:
        return None
    return f"symbol {command.symbol!r} is not configured; known: {_names(instruments)}"


def _names(known: dict[str, Any]) -> str:
    return ", ".join(sorted(known)[:10]) or "none"


def legal_text(state: State, command: Command) -> str | None:
    return text_problem(command.account)


MAX_DIGITS = 15
"""Significant digits of a quantity or price: what every FIX engine must accept in a float field (FIX 4.4 volume 1, data types).
It also keeps sums of them, and their quotients by a tick, within the 28 digits that are exact."""
_SHORT = Context(prec=MAX_DIGITS)


def form(state: State, command: Command) -> str | None:
    if not command.quantity.is_finite() or command.quantity <= 0:
        return f"quantity {command.quantity} is not above zero"
    if _too_long(command.quantity):
        return f"quantity {command.quantity} has more than {MAX_DIGITS} digits"
    priced = command.order_type in (OrderType.LIMIT, OrderType.STOP_LIMIT)
    if priced and command.price is None:
        return f"a {command.order_type} order needs a price"
    if not priced and command.price is not None:
        return f"a {command.order_type} order takes no price"
    stop = command.order_type in (OrderType.STOP, OrderType.STOP_LIMIT)
    if stop != (command.stop_price is not None):
        return f"a {command.order_type} order " + ("needs a stop price" if stop else "takes no stop price")
    for name, price in (("price", command.price), ("stop price", command.stop_price)):
        if price is not None and (not price.is_finite() or price <= 0):
            return f"{name} {price} is not above zero"
        if price is not None and _too_long(price):
            return f"{name} {price} has more than {MAX_DIGITS} digits"
    return None


def _too_long(value: Decimal) -> bool:
    """Zeros before the point count, zeros at the end of the decimals do not: 1E+15 has sixteen digits, 0.100 has one."""
    return value.adjusted() >= MAX_DIGITS or _SHORT.plus(value) != value


def on_tick(state: State, command: Command) -> str | None:
    tick = instrument_of(state, command).tick_size
    for name, price in (("price", command.price), ("stop price", command.stop_price)):
        if price is not None and price % tick:
            return f"{name} {price} is not a multiple of tick_size {tick}"
    return None


def on_lot(state: State, command: Command) -> str | None:
    lot = instrument_of(state, command).lot_size
    return f"quantity {command.quantity} is not a multiple of lot_size {lot}" if command.quantity % lot else None


MAX_REQUESTS = 90
"""Requests about one order, after which it is not replaced again: their number is part of a ClOrdID of bounded length, and a
cancel must always find one that fits."""


def not_too_often(state: State, command: Command) -> str | None:
    if command.request <= MAX_REQUESTS:
        return None
    return (
        f"{command.request - 1} requests were made about this order, {MAX_REQUESTS} is the most: cancel it and send a new one"
    )


def above_cum_qty(state: State, command: Command) -> str | None:
    order = state.execution.orders.get(command.order_id)
    if order is None or command.quantity > order.cum_qty:
        return None
    return f"new quantity {command.quantity} is not above CumQty(14) {order.cum_qty}: to end the order, cancel it"


def terms_known(state: State, command: Command) -> str | None:
    order = state.execution.orders.get(command.order_id)
    if order is None or not order.external:
        return None
    return "an order of another origin: its terms are not known for certain; cancel it instead"
