"""What a strategy is: a pure function of one event, a read-only view and its own declared memory.

A strategy sees instruments, prices and its own orders and position; never venues, queues or rate limits. What it wants is
an intent; whether it is allowed and when it is sent is decided elsewhere. Everything it wants to remember is in its
`Memory`, which is recorded when it changes: memory kept anywhere else is lost on restart, and `gateway verify` shows it.
Time reaches it as an event, too: it asks to be woken, and `TimerFired` is what wakes it.

Whoever writes a strategy imports all of this from `gateway.strategies`; docs/strategies.md leads through it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, ClassVar, Generic, NoReturn, TypeVar, get_args, get_origin

import msgspec

from gateway.core.contents import Book, LastTrade
from gateway.core.events import Event
from gateway.core.orders import Command, Order, Position, Terms
from gateway.core.settings import Instrument, StrategySettings
from gateway.core.state import State, intended
from gateway.core.values import SCOPE_ALL, CommandKind, FeedState, OrderType, Side, TimeInForce, TradingState, text_problem


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


FARTHEST_NS = 2**62
"""Of a timer, from now and altogether: what is stored in 64 bits."""


class Wake(msgspec.Struct, frozen=True, kw_only=True):
    """Consult me at a stream time (`at_ns`), or so long from now (`after_ns`): one of the two.

    `name` comes back in the `TimerFired` that does it, once. A timer that runs under the name is moved. A time that has passed,
    or is nearer than a millisecond, becomes a millisecond from now. It survives a restart; what came due while the gateway was
    down or the strategy disabled fires afterwards. Raises ValueError for a name of more than 64 or unprintable characters,
    and for a time after the year 2116.
    """

    name: str
    at_ns: int | None = None
    after_ns: int | None = None

    def __post_init__(self) -> None:
        _check_name(self.name)
        if (self.at_ns is None) is (self.after_ns is None):
            raise ValueError(f"timer {self.name!r}: give either at_ns or after_ns")
        if not 0 <= (self.at_ns or self.after_ns or 0) <= FARTHEST_NS:
            raise ValueError(f"timer {self.name!r}: a time must not be below zero, nor above {FARTHEST_NS} ns")


class NoWake(msgspec.Struct, frozen=True, kw_only=True):
    """Forget the timer of this name, if it runs."""

    name: str

    def __post_init__(self) -> None:
        _check_name(self.name)


def _check_name(name: str) -> None:
    problem = text_problem(name) if isinstance(name, str) else "it is no text"
    if problem or not 0 < len(name) <= 64:
        raise ValueError(f"timer {name!r}: a name has 1 to 64 printable ASCII characters")


Intent = New | Replace | Cancel
"""What a strategy wants of the market."""
Action = Intent | Wake | NoWake
"""What a strategy can return."""
MAX_TIMERS = 64
"""Timers of one strategy at a time."""
MAX_ACTIONS = 10_000
"""What a strategy may want at a time."""
MAX_TEXT = 128
"""Characters of a symbol or an order id."""


def well_formed(action: object) -> Action:
    """The action, if its fields are of the declared types, and hold what can be stored and compared. Raises TypeError: nothing
    else may enter the journal."""
    if not isinstance(action, Action):
        raise TypeError(f"{action!r} is neither an intent (New, Replace, Cancel) nor a timer (Wake, NoWake)")
    for name in action.__struct_fields__:
        value = getattr(action, name)
        if isinstance(value, float):
            raise TypeError(f"{name} is a float; quantities and prices are Decimal, times are int")
        if isinstance(value, Decimal) and not value.is_finite():
            raise TypeError(f"{name} is {value}, which is no number")
        if isinstance(value, str) and not (len(value) <= MAX_TEXT and value.isprintable()):
            raise TypeError(f"{name} is {value[:MAX_TEXT]!a}: no more than {MAX_TEXT} characters, all of them printable")
    try:
        return msgspec.convert(msgspec.to_builtins(action, builtin_types=(Decimal,)), type(action))
    except msgspec.ValidationError as error:
        raise TypeError(f"{type(action).__name__}: {error}") from error


class Params(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of a strategy's parameters: `params` of its configuration, by these names and types. A `__post_init__` that raises
    ValueError refuses values. Give quantities and prices as Decimal."""


class Memory(msgspec.Struct, frozen=True, kw_only=True):
    """Base of a strategy's memory. Every field has a default: that is the memory a strategy begins with."""


P = TypeVar("P", bound=msgspec.Struct)
M = TypeVar("M", bound=msgspec.Struct)


class View:
    """The state as one strategy may see it, at the event it is consulted for. It cannot be written to, nor can anything it
    returns."""

    __slots__ = ("__settings", "__state")
    __settings: StrategySettings
    __state: State

    def __init__(self, state: State, settings: StrategySettings) -> None:
        object.__setattr__(self, "_View__state", state)
        object.__setattr__(self, "_View__settings", settings)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"a view is read-only: {name} cannot be set")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"a view is read-only: {name} cannot be deleted")

    @property
    def now_ns(self) -> int:
        """Stream time of the event being handled."""
        return self.__state.at_ns

    @property
    def instruments(self) -> tuple[str, ...]:
        """Symbols this strategy is configured for."""
        return self.__settings.instruments

    @property
    def tradable(self) -> bool:
        """Whether a new order would be considered at all: venue open, trading enabled, no kill, not stopping."""
        control, settings = self.__state.control, self.__settings
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
        return self.__state.control.settings.instruments[symbol]

    def book(self, symbol: str) -> Book | None:
        """The book, or None while there is none that can be believed."""
        key = self._feed(symbol)
        return self.__state.market.books.get(key) if self.__state.market.feeds.get(key) is FeedState.UP else None

    def last_trade(self, symbol: str) -> LastTrade | None:
        """The last trade seen, however old; None before the first."""
        return self.__state.market.trades.get(self._feed(symbol))

    def _feed(self, symbol: str) -> tuple[str, str]:
        return self.__state.control.settings.feed_of(self.__settings.venue), symbol

    def position(self, symbol: str) -> Position:
        """This strategy's own position; an empty one when it never traded."""
        settings = self.__settings
        key = (settings.account, settings.name, settings.venue, symbol)
        empty = Position(account=key[0], strategy=key[1], venue=key[2], symbol=symbol)
        return self.__state.execution.positions.get(key, empty)

    def working(self, symbol: str) -> tuple[Order, ...]:
        """Own orders that are not terminal, oldest first."""
        execution = self.__state.execution
        orders = (execution.orders[order_id] for order_id in execution.open.get(f"strategy:{self.__settings.name}", ()))
        return tuple(order for order in orders if order.symbol == symbol)

    def queued(self, symbol: str) -> tuple[Command, ...]:
        """Own new orders that were approved and wait to be sent."""
        execution = self.__state.execution
        waiting = execution.pending_new.get(f"strategy:{self.__settings.name}", ())
        commands = (execution.pending[order_id].command for order_id in waiting)
        return tuple(command for command in commands if command.symbol == symbol)

    def order(self, order_id: str) -> Order | None:
        """An own order, ended or not; None for one that is not one's own or was not dispatched yet."""
        order = self.__state.execution.orders.get(order_id)
        return order if order is not None and order.strategy == self.__settings.name else None

    def timer(self, name: str) -> int | None:
        """When the own timer of this name fires (stream time, ns); None when none runs."""
        return self.__state.control.timers.get((self.__settings.name, name))

    def terms(self, order: Order) -> Terms:
        """What an own order was last asked to be: by a replace that waits or is on its way, else as it stands."""
        return intended(self.__state.execution, order)

    def cancelling(self, order_id: str) -> bool:
        """Whether a cancel of this order is on its way or waiting to be sent."""
        order = self.__state.execution.orders.get(order_id)
        pending = self.__state.execution.pending.get(order_id)
        in_flight = order is not None and order.cancel_in_flight is not None
        return in_flight or (pending is not None and pending.command.kind is CommandKind.CANCEL)


class Strategy(ABC, Generic[P, M]):
    """Subclass with the types of parameters and memory, `Strategy[MyParams, MyMemory]`, and implement `on_event`. Instances
    hold parameters and nothing else; there is no other `__init__` than this one."""

    Params: ClassVar[type[msgspec.Struct]]
    Memory: ClassVar[type[msgspec.Struct]]

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        for base in vars(cls).get("__orig_bases__", ()):
            declared = get_args(base) if get_origin(base) is Strategy else ()
            for name, kind in zip(("Params", "Memory"), declared, strict=False):
                if name not in vars(cls) and isinstance(kind, type) and issubclass(kind, msgspec.Struct):
                    setattr(cls, name, kind)

    def __init__(self, params: P) -> None:
        self.params = params

    @abstractmethod
    def on_event(self, event: Event, view: View, memory: M) -> tuple[M, Sequence[Action]]:
        """Called for market events of its instruments, for what happens to its feed and to its orders (`events` of its
        configuration may leave some of these out), and with the `TimerFired` of every timer it asked for.

        Returns the memory to keep and what should happen. Must not read a clock, a file or a random source. An exception is
        recorded, and nothing that was asked for happens; after `max_errors` the strategy is disabled until an operator
        enables it again.
        """
