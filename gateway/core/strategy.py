"""What a strategy is: a pure function of one event, a read-only view and its own declared memory.

A strategy sees instruments, prices and its own orders and position; never venues, queues or rate limits. What it wants is
an intent; whether it is allowed and when it is sent is decided elsewhere. Everything it wants to remember is in its
`Memory`, which is recorded when it changes: memory kept anywhere else is lost on restart, and `gateway verify` shows it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import ClassVar, Generic, TypeVar

import msgspec

from gateway.core.events import Event
from gateway.core.orders import Command, Order, Position, Terms
from gateway.core.settings import Instrument, StrategySettings
from gateway.core.state import Book, LastTrade, State, intended
from gateway.core.values import SCOPE_ALL, CommandKind, FeedState, OrderType, Side, TimeInForce, TradingState


class New(msgspec.Struct, frozen=True, kw_only=True):
    """Intent: a new order. `price` is None for market orders."""

    symbol: str
    side: Side
    quantity: Decimal
    price: Decimal | None = None
    stop_price: Decimal | None = None
    order_type: OrderType = OrderType.LIMIT
    time_in_force: TimeInForce = TimeInForce.DAY


class Replace(msgspec.Struct, frozen=True, kw_only=True):
    """Intent: other terms for an order of one's own; None keeps what was last asked for."""

    order_id: str
    quantity: Decimal | None = None
    price: Decimal | None = None
    stop_price: Decimal | None = None


class Cancel(msgspec.Struct, frozen=True, kw_only=True):
    """Intent: cancel an order of one's own."""

    order_id: str


Intent = New | Replace | Cancel


def well_formed(intent: object) -> Intent:
    """The intent, if its fields are of the declared types. Raises TypeError: nothing else may enter the journal."""
    if not isinstance(intent, New | Replace | Cancel):
        raise TypeError(f"{intent!r} is not an intent: New, Replace or Cancel")
    for name in intent.__struct_fields__:
        if isinstance(getattr(intent, name), float):
            raise TypeError(f"{name} is a float; quantities and prices are Decimal")
    try:
        return msgspec.convert(msgspec.to_builtins(intent, builtin_types=(Decimal,)), type(intent))
    except msgspec.ValidationError as error:
        raise TypeError(f"{type(intent).__name__}: {error}") from error


P = TypeVar("P", bound=msgspec.Struct)
M = TypeVar("M", bound=msgspec.Struct)


class View:
    """The state as one strategy may see it. Everything returned is immutable."""

    def __init__(self, state: State, settings: StrategySettings) -> None:
        self._state = state
        self._settings = settings

    @property
    def now_ns(self) -> int:
        """Stream time of the event being handled."""
        return self._state.at_ns

    @property
    def instruments(self) -> tuple[str, ...]:
        """Symbols this strategy is configured for."""
        return self._settings.instruments

    @property
    def tradable(self) -> bool:
        """Whether a new order would be considered at all: venue open, trading enabled, no kill, not stopping."""
        control, settings = self._state.control, self._settings
        scopes = (SCOPE_ALL, f"venue:{settings.venue}", f"strategy:{settings.name}", f"account:{settings.account}")
        venue = control.venues.get(settings.venue)
        return (
            venue is not None
            and venue.opened
            and not control.run.stopping
            and not any(scope in control.killed for scope in scopes)
            and not any(control.trading.get(scope) is TradingState.DISABLED for scope in scopes)
        )

    def instrument(self, symbol: str) -> Instrument:
        """Tick size, lot size, currency. Raises KeyError for a symbol that is not configured."""
        return self._state.control.settings.instruments[symbol]

    def book(self, symbol: str) -> Book | None:
        """The book, or None while there is none that can be believed."""
        key = self._feed(symbol)
        return self._state.market.books.get(key) if self._state.market.feeds.get(key) is FeedState.UP else None

    def last_trade(self, symbol: str) -> LastTrade | None:
        """The last trade seen, however old; None before the first."""
        return self._state.market.trades.get(self._feed(symbol))

    def _feed(self, symbol: str) -> tuple[str, str]:
        return self._state.control.settings.feed_of(self._settings.venue), symbol

    def position(self, symbol: str) -> Position:
        """This strategy's own position; an empty one when it never traded."""
        settings = self._settings
        key = (settings.account, settings.name, settings.venue, symbol)
        empty = Position(account=key[0], strategy=key[1], venue=key[2], symbol=symbol)
        return self._state.execution.positions.get(key, empty)

    def working(self, symbol: str) -> Iterator[Order]:
        """Own orders that are not terminal, oldest first."""
        execution = self._state.execution
        orders = (execution.orders[order_id] for order_id in execution.open[f"strategy:{self._settings.name}"])
        return (order for order in orders if order.symbol == symbol)

    def queued(self, symbol: str) -> Iterator[Command]:
        """Own new orders that were approved and wait to be sent."""
        execution = self._state.execution
        commands = (execution.pending[i].command for i in execution.pending_new[f"strategy:{self._settings.name}"])
        return (command for command in commands if command.symbol == symbol)

    def terms(self, order: Order) -> Terms:
        """What an own order was last asked to be: by a replace that waits or is on its way, else as it stands."""
        return intended(self._state.execution, order)

    def cancelling(self, order_id: str) -> bool:
        """Whether a cancel of this order is on its way or waiting to be sent."""
        order = self._state.execution.orders.get(order_id)
        pending = self._state.execution.pending.get(order_id)
        in_flight = order is not None and order.cancel_in_flight is not None
        return in_flight or (pending is not None and pending.command.kind is CommandKind.CANCEL)


class Strategy(ABC, Generic[P, M]):
    """Subclass, declare `Params` and `Memory`, implement `on_event`. Instances hold parameters and nothing else."""

    Params: ClassVar[type[msgspec.Struct]]
    Memory: ClassVar[type[msgspec.Struct]]

    def __init__(self, params: P) -> None:
        self.params = params

    @abstractmethod
    def on_event(self, event: Event, view: View, memory: M) -> tuple[M, Sequence[Intent]]:
        """Called for market events of its instruments, for what happens to its feed, and for execution events of its orders.

        Returns the memory to keep and what should happen. Must not read a clock, a file or a random source. An exception is
        recorded; after three the strategy is disabled until an operator enables it again.
        """
