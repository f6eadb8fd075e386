"""Risk: is this allowed? Allow, or deny with a code, a reason with numbers, and a source.

Every NEW and every REPLACE passes every control, in the order of `CONTROLS`; the first that objects is the answer. A control
that raises denies (`rule_error`). Controls never schedule, delay or change anything. Cancels are never denied.

Limits come from the configuration by scope (all, venue, strategy, account, instrument). Every scope that sets a limit is
checked: a narrower scope can tighten a limit, never loosen it. Exposure counts from approval: queued orders count as open, and
an order that is being replaced counts at the larger of old and new.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec

from gateway.core.orders import Command
from gateway.core.settings import Instrument
from gateway.core.state import State, exposed_qty, order_scopes
from gateway.core.values import ZERO, CommandKind, FeedState, OrderType, Side, TradingState, text_problem


class Denial(msgspec.Struct, frozen=True):
    code: str
    reason: str


class Control(msgspec.Struct, frozen=True):
    """One rule. `check` returns the reason to deny, or None."""

    code: str
    title: str
    source: str
    check: Callable[[State, Command], str | None]


def check(state: State, command: Command) -> Denial | None:
    """The first objection, or None when the order may go."""
    for control in CONTROLS:
        try:
            reason = control.check(state, command)
        except Exception as error:  # noqa: BLE001 - whatever goes wrong inside a rule, the order must not pass it
            return Denial("rule_error", f"{control.code}: {type(error).__name__}: {error}")
        if reason == NO_REFERENCE:
            return Denial("no_reference", f"{control.code} has nothing to compare with: no feed, no trade, no reference_price")
        if reason is not None:
            return Denial(control.code, reason)
    return None


NO_REFERENCE = "no reference"


def limits(state: State, command: Command, name: str) -> list[tuple[Any, str]]:
    """Every value of a limit that applies to this order, each with the scope it comes from; widest first."""
    found = []
    for scope in order_scopes(command):
        configured = state.control.settings.risk.get(scope)
        value = None if configured is None else getattr(configured, name)
        if value is not None:
            found.append((value, scope))
    return found


def reference_price(state: State, command: Command) -> Decimal | None:
    """What a price is compared with: the mid of a live book, else the last trade, else the configured reference."""
    key = _feed(state, command)
    book = state.market.books.get(key)
    if book is not None and state.market.feeds.get(key) is FeedState.UP:
        if book.mid is not None:
            return book.mid
        best = book.bids or book.asks
        if best:
            return best[0].price
    trade = state.market.trades.get(key)
    if trade is not None:
        return trade.price
    return _instrument(state, command).reference_price


def _feed(state: State, command: Command) -> tuple[str, str]:
    """Where the prices that an order is compared with are kept."""
    return state.control.settings.feed_of(command.venue), command.symbol


def _instrument(state: State, command: Command) -> Instrument:
    return state.control.settings.instruments[command.symbol]


def _known_venue(state: State, command: Command) -> str | None:
    venues = {name: venue for name, venue in state.control.settings.venues.items() if venue.orders}
    if command.venue in venues:
        return None
    what = "is for market data alone" if command.venue in state.control.settings.venues else "is not configured"
    return f"venue {command.venue!r} {what}; orders go to: {_names(venues)}"


def _known_symbol(state: State, command: Command) -> str | None:
    instruments = state.control.settings.instruments
    if command.symbol in instruments:
        return None
    return f"symbol {command.symbol!r} is not configured; known: {_names(instruments)}"


def _names(known: dict[str, Any]) -> str:
    return ", ".join(sorted(known)[:10]) or "none"


def _legal_text(state: State, command: Command) -> str | None:
    return text_problem(command.account)


def _form(state: State, command: Command) -> str | None:
    if not command.quantity.is_finite() or command.quantity <= 0:
        return f"quantity {command.quantity} is not above zero"
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
    return None


def _on_tick(state: State, command: Command) -> str | None:
    tick = _instrument(state, command).tick_size
    for name, price in (("price", command.price), ("stop price", command.stop_price)):
        if price is not None and price % tick:
            return f"{name} {price} is not a multiple of tick_size {tick}"
    return None


def _on_lot(state: State, command: Command) -> str | None:
    lot = _instrument(state, command).lot_size
    return f"quantity {command.quantity} is not a multiple of lot_size {lot}" if command.quantity % lot else None


def _killed(state: State, command: Command) -> str | None:
    for scope in order_scopes(command):
        reason = state.control.killed.get(scope)
        if reason is not None:
            return f"kill switch engaged for {scope}: {reason or 'no reason given'}"
    return None


def _trading(state: State, command: Command) -> str | None:
    if state.control.run.stopping:
        return "the gateway is stopping"
    for scope in order_scopes(command):
        trading = state.control.trading.get(scope, TradingState.ENABLED)
        if trading is TradingState.DISABLED:
            return f"trading is disabled for {scope}"
        if trading is TradingState.REDUCED and not _reduces(state, command):
            return f"trading is reduced for {scope}: only orders that bring the position nearer to zero"
    return None


def _reduces(state: State, command: Command) -> bool:
    position = state.execution.positions.get((command.account, command.strategy, command.venue, command.symbol))
    if position is None:
        return False
    against = Side.SELL if position.net_qty > 0 else Side.BUY
    return command.side is against and _open_quantity(state, command) + _working(state, command) <= abs(position.net_qty)


def _open_quantity(state: State, command: Command) -> Decimal:
    """What a command may leave open: a REPLACE counts at the larger of old and new."""
    order = state.execution.orders.get(command.order_id)
    if order is None:
        return command.quantity
    return max(command.quantity - order.cum_qty, exposed_qty(state.execution, order))


def _working(state: State, command: Command) -> Decimal:
    """Open quantity of other orders on the same side of the same position, approved and not yet sent included."""
    execution = state.execution
    scope = f"strategy:{command.strategy}"
    same = (command.account, command.venue, command.symbol, command.side)
    others = (order_id for order_id in execution.open[scope] if order_id != command.order_id)
    orders = (execution.orders[order_id] for order_id in others)
    queued = (execution.pending[i].command for i in execution.pending_new[scope] if i != command.order_id)
    open_quantity = sum((exposed_qty(execution, o) for o in orders if (o.account, o.venue, o.symbol, o.side) == same), ZERO)
    return sum((c.quantity for c in queued if (c.account, c.venue, c.symbol, c.side) == same), open_quantity)


def _above_cum_qty(state: State, command: Command) -> str | None:
    order = state.execution.orders.get(command.order_id)
    if order is None or command.quantity > order.cum_qty:
        return None
    return f"new quantity {command.quantity} is not above CumQty(14) {order.cum_qty}: to end the order, cancel it"


def _terms_known(state: State, command: Command) -> str | None:
    order = state.execution.orders.get(command.order_id)
    if order is None:
        return None
    if order.external:
        return "an order of another origin: its terms are not known for certain; cancel it instead"
    return None


def _not_in_doubt(state: State, command: Command) -> str | None:
    order = state.execution.orders.get(command.order_id)
    return None if order is None or order.in_doubt is None else f"the order is in doubt: {order.in_doubt}"


def _strategy_enabled(state: State, command: Command) -> str | None:
    known = state.control.strategies.get(command.strategy)
    return None if known is None or known.disabled is None else f"strategy {command.strategy}: {known.disabled}"


def _venue_open(state: State, command: Command) -> str | None:
    venue = state.control.venues[command.venue]
    return None if venue.opened else f"venue {command.venue} is not open: {venue.reason}"


def _quantity(state: State, command: Command) -> str | None:
    for most, scope in limits(state, command, "max_order_quantity"):
        if command.quantity > most:
            return f"quantity {command.quantity} above max_order_quantity {most} ({scope})"
    return None


def _value(state: State, command: Command) -> str | None:
    found = limits(state, command, "max_order_value")
    if not found:
        return None
    price = command.price or command.stop_price or reference_price(state, command)
    if price is None:
        return NO_REFERENCE
    instrument = _instrument(state, command)
    value = command.quantity * price * instrument.multiplier
    for most, scope in found:
        if value > most:
            return f"value {value.normalize():f} {instrument.currency} above max_order_value {most} ({scope})"
    return None


def _collar(state: State, command: Command) -> str | None:
    found = limits(state, command, "price_collar_pct")
    if not found:
        return None
    reference = reference_price(state, command)
    if reference is None:
        return NO_REFERENCE
    return _outside(command, reference, found, "price_collar_pct", "reference")


def _fat_finger(state: State, command: Command) -> str | None:
    found = limits(state, command, "fat_finger_pct")
    trade = state.market.trades.get(_feed(state, command))
    if not found or trade is None:
        return None
    return _outside(command, trade.price, found, "fat_finger_pct", "last trade")


def _outside(command: Command, reference: Decimal, found: list[tuple[Decimal, str]], name: str, what: str) -> str | None:
    """Compare without dividing: |price - reference| * 100 > percent * reference."""
    for percent, scope in found:
        for price in (command.price, command.stop_price):
            if price is not None and abs(price - reference) * 100 > percent * reference:
                away = (abs(price - reference) * 100 / reference).quantize(Decimal("0.01"))
                return f"price {price} is {away} % from the {what} {reference.normalize():f}, {name} is {percent} ({scope})"
    return None


def _open_orders(state: State, command: Command) -> str | None:
    if command.kind is not CommandKind.NEW or command.request > 1:
        return None  # it is counted already
    for most, scope in limits(state, command, "max_open_orders"):
        count = len(state.execution.open[scope]) + len(state.execution.pending_new[scope])
        if count >= most:
            return f"{count} orders open, max_open_orders is {most} ({scope})"
    return None


_CREDIT = "SEC 15c3-5(c)(1)"
_FORM = "FIX 4.4 vol. 4, NewOrderSingle(D)"
CONTROLS: tuple[Control, ...] = (
    Control("unknown_venue", "venue is configured, and takes orders", "RTS 6 art. 15(4): permissions", _known_venue),
    Control("unknown_symbol", "instrument is configured", "RTS 6 art. 15(4): permissions", _known_symbol),
    Control("bad_text", "no value can break out of its FIX field", "FIX 4.4 vol. 1: field delimiter", _legal_text),
    Control("bad_order", "quantity and prices fit the order type", _FORM, _form),
    Control("quantity_filled", "a replace leaves something open", "FIX 4.4 vol. 4, appendix D", _above_cum_qty),
    Control("external_order", "only orders whose terms are known are replaced", _FORM, _terms_known),
    Control("order_in_doubt", "only orders whose state is known are replaced", "RTS 6 art. 17", _not_in_doubt),
    Control("off_tick", "prices on the tick grid", "MiFIR RTS 11: tick sizes", _on_tick),
    Control("off_lot", "quantity on the lot grid", _FORM, _on_lot),
    Control("kill_engaged", "no new risk under the kill switch", "RTS 6 art. 12", _killed),
    Control("trading_disabled", "trading state of every scope", "RTS 6 art. 15(5), 17; SEC 15c3-5(c)(2)(iv)", _trading),
    Control("strategy_disabled", "strategy not disabled after errors", "RTS 6 art. 12, 15(3)", _strategy_enabled),
    Control("venue_not_open", "logged on, numbers settled, reconciled", "RTS 6 art. 17", _venue_open),
    Control("max_order_quantity", "order volume", "RTS 6 art. 15(1)(c); " + _CREDIT, _quantity),
    Control("max_order_value", "order value", "RTS 6 art. 15(1)(b); " + _CREDIT, _value),
    Control("price_collar", "price against a reference", "RTS 6 art. 15(1)(a); " + _CREDIT, _collar),
    Control("fat_finger", "price against the last trade", "RTS 6 art. 15(1)(a); " + _CREDIT, _fat_finger),
    Control("max_open_orders", "open orders per scope", "RTS 6 art. 15(1)(d), 15(3); " + _CREDIT, _open_orders),
)
OTHER_CODES = {
    "no_reference": "a control compares with a market price, and there is no feed, no trade and no `reference_price`",
    "rule_error": "a control failed; what it cannot check does not pass",
    "unknown_order": "the order to cancel or replace does not exist",
    "order_closed": "the order to cancel or replace has ended",
    "no_change": "a replace that asks for the terms the order has, or was last asked to have",
}
CODES = frozenset(control.code for control in CONTROLS) | frozenset(OTHER_CODES)
"""Every code a denial can carry."""
PRECONDITIONS = frozenset({"kill_engaged", "trading_disabled", "strategy_disabled", "venue_not_open", "order_in_doubt"})
"""Denials that say `not now` rather than `not like this`."""
