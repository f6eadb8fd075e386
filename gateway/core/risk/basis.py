"""What rules share: the limits that apply to an order, the instrument's terms, and what a price is compared with."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from gateway.core.orders import Command
from gateway.core.settings import Instrument
from gateway.core.state import State, order_scopes
from gateway.core.values import ZERO, CommandKind, FeedState

NO_REFERENCE = "no reference"
"""A rule's answer when there is nothing to compare with: denied as `no_reference`."""


def limits(state: State, command: Command, name: str) -> list[tuple[Any, str]]:
    """Every value of a limit that applies to this order, each with the scope it comes from; widest first."""
    found = []
    for scope in order_scopes(command):
        configured = state.control.settings.risk.get(scope)
        value = None if configured is None else getattr(configured, name)
        if value is not None:
            found.append((value, scope))
    return found


def instrument_of(state: State, command: Command) -> Instrument:
    return state.control.settings.instruments[command.symbol]


def reference_price(state: State, venue: str, symbol: str) -> Decimal | None:
    """What a price is compared with: the market's, else the configured reference."""
    price = market_price(state, venue, symbol)
    instrument = state.control.settings.instruments.get(symbol)
    return instrument.reference_price if price is None and instrument is not None else price


def market_price(state: State, venue: str, symbol: str) -> Decimal | None:
    """The mid of a live book (the best price when a side is empty), else the last trade; None when neither is known."""
    key = feed_key(state, venue, symbol)
    book = state.market.books.get(key)
    if book is not None and state.market.feeds.get(key) is FeedState.UP:
        if book.mid is not None:
            return book.mid
        best = book.bids or book.asks
        if best:
            return best[0].price
    trade = state.market.trades.get(key)
    return None if trade is None else trade.price


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
