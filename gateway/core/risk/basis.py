"""What rules share: the limits that apply to an order, the instrument's terms, what a price is compared with, and currencies.

A limit of value is in `currency` of its scope, else in that of the scope `all`, else in the instrument's own; then it covers
the instruments of that currency alone. Between currencies only declared rates count (`[risk.rates]`): nothing here knows a
market for them. Nothing is divided to be compared, so no quotient is rounded: both sides are in the unit the rates are in.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from gateway.core.orders import Command
from gateway.core.settings import CoreSettings, Instrument, RiskLimits
from gateway.core.state import State, order_scopes
from gateway.core.values import ONE, SCOPE_ALL, ZERO, CommandKind, FeedState


class Undecidable(Exception):
    """A rule has nothing to compare with: the order is denied with `code`, for what the rule `lacks`."""

    def __init__(self, code: str, lacks: str) -> None:
        super().__init__(lacks)
        self.code = code
        self.lacks = lacks


def no_reference() -> Undecidable:
    """There is no price to compare with."""
    return Undecidable("no_reference", "has nothing to compare with: no feed, no trade, no reference_price")


def limits(state: State, command: Command, name: str) -> list[tuple[Any, str]]:
    """Every value of a limit that applies to this order, each with the scope it comes from; widest first."""
    return limits_by_name(state, command).get(name, [])


def limits_by_name(state: State, command: Command) -> Mapping[str, list[tuple[Any, str]]]:
    """The same of every limit that some scope of the order sets."""
    control = state.control
    key = (command.venue, command.strategy, command.account, command.symbol)
    found: Mapping[str, list[tuple[Any, str]]] = control.limits.of(
        control.settings, key, lambda: _read(control.settings, command)
    )
    return found


def _read(settings: CoreSettings, command: Command) -> dict[str, list[tuple[Any, str]]]:
    found: dict[str, list[tuple[Any, str]]] = {}
    for scope in order_scopes(command):
        configured = settings.risk.get(scope)
        for name in RiskLimits.__struct_fields__ if configured is not None else ():
            value = getattr(configured, name)
            if value is not None:
                found.setdefault(name, []).append((value, scope))
    return found


class Scale:
    """Turns values of several currencies into one unit, that of `[risk.rates]`, so that they can be added and compared.

    Without another currency anywhere that unit is the limit's own, and no rate is needed.
    """

    def __init__(self, state: State, scope: str, instrument: Instrument) -> None:
        settings = state.control.settings
        configured = settings.risk.get(scope, NO_LIMITS).currency or settings.risk.get(SCOPE_ALL, NO_LIMITS).currency
        self.covers_all = configured is not None
        """Whether the limit counts instruments of every currency, not only those of the order's."""
        self.currency = configured or instrument.currency
        self._rates = settings.rates

    def covers(self, currency: str) -> bool:
        """Whether values in a currency count under the limit."""
        return self.covers_all or currency == self.currency

    def of(self, currency: str) -> Decimal:
        """What one unit of a currency counts for. Raises Undecidable without a declared rate."""
        own = self._rates.get(self.currency)
        if currency == self.currency:
            return ONE if own is None else own
        rate = self._rates.get(currency)
        if rate is None or own is None:
            missing = self.currency if own is None else currency
            what = f"compares {currency} with a limit in {self.currency}, and [risk.rates] declares no rate for {missing}"
            raise Undecidable("no_rate", what)
        return rate

    def shown(self, value: Decimal) -> str:
        """A value in the unit of the rates, in the limit's currency for people."""
        own = self._rates.get(self.currency)
        return shown(value) if own is None else shown(round(value / own, 9))


NO_LIMITS = RiskLimits()


def instrument_of(state: State, command: Command) -> Instrument:
    return state.control.settings.instruments[command.symbol]


def reference_price(state: State, venue: str, symbol: str) -> Decimal | None:
    """What a price is compared with: the market's, else the configured reference."""
    price = market_price(state, venue, symbol)
    instrument = state.control.settings.instruments.get(symbol)
    return instrument.reference_price if price is None and instrument is not None else price


def market_price(state: State, venue: str, symbol: str) -> Decimal | None:
    """The mid of a live book (the best price when a side is empty), else the last trade; None when neither is known.

    One that is not above zero is none, as for an order's own price: a value measured with it would be below every limit.
    """
    key = feed_key(state, venue, symbol)
    book = state.market.books.get(key)
    if book is not None and state.market.feeds.get(key) is FeedState.UP:
        best = book.bids or book.asks
        price = best[0].price if book.mid is None and best else book.mid
        if price is not None and price > ZERO:
            return price
    trade = state.market.trades.get(key)
    return None if trade is None or trade.price <= ZERO else trade.price


def feed_key(state: State, venue: str, symbol: str) -> tuple[str, str]:
    """Where the prices that an order at `venue` is compared with are kept."""
    return state.control.settings.feed_of(venue), symbol


def added_quantity(state: State, command: Command) -> Decimal:
    """What approval adds to the open quantity: all of a new order, of another version of one what lies above what it counts
    for: a replace counts at the larger of old and new."""
    order = state.execution.orders.get(command.order_id)
    wanted = command.quantity if order is None else command.quantity - order.cum_qty
    return max(wanted - state.execution.exposure.open_quantity(command.order_id), ZERO)


def first_request(command: Command) -> bool:
    """Whether the command makes an order, and is not another version of one."""
    return command.kind is CommandKind.NEW and command.request == 1


def own_price(command: Command) -> Decimal | None:
    """The price an order names, limit before stop."""
    return command.price or command.stop_price


def shown(value: Decimal) -> str:
    """A computed number for people: no exponent, no trailing zeros."""
    return f"{value.normalize():f}"
