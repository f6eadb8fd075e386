"""Is one order too big, or its price too far away? Quantity, value, collars, and how old the prices are."""

from __future__ import annotations

from decimal import Decimal

from gateway.core.orders import Command
from gateway.core.risk.basis import Scale, feed_key, instrument_of, limits, no_reference, own_price, reference_price, shown
from gateway.core.state import State
from gateway.core.values import NANOS, ZERO, FeedState


def quantity(state: State, command: Command) -> str | None:
    for most, scope in limits(state, command, "max_order_quantity"):
        if command.quantity > most:
            return f"quantity {command.quantity} above max_order_quantity {most} ({scope})"
    return None


def value(state: State, command: Command) -> str | None:
    found = limits(state, command, "max_order_value")
    if not found:
        return None
    price = own_price(command) or reference_price(state, command.venue, command.symbol)
    if price is None:
        raise no_reference()
    instrument = instrument_of(state, command)
    for most, scope in found:
        scale = Scale(state, scope, instrument)
        value = command.quantity * price * instrument.multiplier * scale.of(instrument.currency)
        if value > most * scale.of(scale.currency):
            return f"value {scale.shown(value)} {scale.currency} above max_order_value {most} ({scope})"
    return None


def collar(state: State, command: Command) -> str | None:
    found = limits(state, command, "price_collar_pct")
    if not found:
        return None
    reference = reference_price(state, command.venue, command.symbol)
    if reference is None:
        raise no_reference()
    return _outside(command, reference, found, "price_collar_pct", "reference")


def fat_finger(state: State, command: Command) -> str | None:
    found = limits(state, command, "fat_finger_pct")
    if not found:
        return None
    trade = state.market.trades.get(feed_key(state, command.venue, command.symbol))
    if trade is not None and trade.price > ZERO:
        return _outside(command, trade.price, found, "fat_finger_pct", "last trade")
    reference = reference_price(state, command.venue, command.symbol)
    if reference is None:
        raise no_reference()
    return _outside(command, reference, found, "fat_finger_pct", "reference (no trade seen yet)")


def _outside(command: Command, reference: Decimal, found: list[tuple[Decimal, str]], name: str, what: str) -> str | None:
    """Compare without dividing: |price - reference| * 100 > percent * reference."""
    for percent, scope in found:
        for price in (command.price, command.stop_price):
            if price is not None and abs(price - reference) * 100 > percent * reference:
                away = (abs(price - reference) * 100 / reference).quantize(Decimal("0.01"))
                return f"price {price} is {away} % from the {what} {shown(reference)}, {name} is {percent} ({scope})"
    return None


def market_data_age(state: State, command: Command) -> str | None:
    """Of the newest of book and trade; a feed that is stale or has a gap is too old whatever its age."""
    found = limits(state, command, "max_market_data_age_seconds")
    if not found:
        return None
    key = feed_key(state, command.venue, command.symbol)
    feed, book, trade = state.market.feeds.get(key), state.market.books.get(key), state.market.trades.get(key)
    if feed is not None and feed is not FeedState.UP:
        return f"the feed of {command.symbol} is {feed}"
    updated = [at for at in (book.updated_ns if book else None, trade.at_ns if trade else None) if at is not None]
    if not updated:
        return f"no market data of {command.symbol} was seen"
    age = state.at_ns - max(updated)
    for most, scope in found:
        if age > most * NANOS:
            seconds = (Decimal(age) / NANOS).quantize(Decimal("0.001"))
            return f"market data is {seconds} s old, max_market_data_age_seconds is {most} ({scope})"
    return None
