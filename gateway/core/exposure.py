"""What is at risk, as sums that every change keeps current: no rule walks orders or executions to know a total.

An index over orders, queued commands and positions, never a truth of its own: it follows from the tables, entry by entry.
Open quantity counts from approval. The *worst case* of a position is the larger of what it would be if every open buy
filled and no sell did, and the reverse: exposure is never understated.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import NamedTuple

from gateway.core.indexes import Index
from gateway.core.orders import Command, Order, PositionKey
from gateway.core.values import ZERO, CommandKind, OrderType, Side, scopes_of

_FIRST = Decimal("-Infinity")


class Working(NamedTuple):
    """Open quantity of one order. `price` is where it rests, None when it takes any; stops match nothing until triggered."""

    key: PositionKey
    side: Side
    quantity: Decimal
    price: Decimal | None
    matches: bool


class Sums:
    """Quantities: `net` held, `buying` and `selling` open, `gross` the worst cases of the positions summed up."""

    __slots__ = ("buying", "gross", "net", "selling")

    def __init__(self) -> None:
        self.net = self.buying = self.selling = self.gross = ZERO

    @property
    def worst(self) -> Decimal:
        """The largest size this can reach in either direction."""
        return max(abs(self.net + self.buying), abs(self.net - self.selling))

    def worst_with(self, side: Side, quantity: Decimal) -> Decimal:
        """The same, with one more order open."""
        if side is Side.BUY:
            return max(abs(self.net + self.buying + quantity), abs(self.net - self.selling))
        return max(abs(self.net + self.buying), abs(self.net - self.selling - quantity))

    def __bool__(self) -> bool:
        return bool(self.net or self.buying or self.selling or self.gross)


_NOTHING = Sums()


class Exposure(Index):
    """Sums per position and per (scope, symbol, venue); open orders of a market sorted by price."""

    follows = True
    """Whether it takes note of anything."""

    def __init__(self) -> None:
        self._working: dict[str, Working] = {}
        self._positions: dict[PositionKey, Sums] = {}
        self._scopes: dict[str, dict[str, dict[str, Sums]]] = {}
        self._resting: dict[tuple[str, str, Side], list[tuple[Decimal, str]]] = {}

    def follow(self, order_id: str, order: Order | None, pending: Command | None) -> None:
        """Take note of what an order has open now, its queued request included. Costs nothing when that did not change."""
        after = _working(order, pending)
        before = self._working.get(order_id)
        if after == before:
            return
        if before is not None:
            del self._working[order_id]
            self._open(order_id, before, -before.quantity)
        if after is not None:
            self._working[order_id] = after
            self._open(order_id, after, after.quantity)

    def hold(self, key: PositionKey, net: Decimal) -> None:
        """Take note of a position's net quantity."""
        known = self._positions.get(key)
        self._move(key, net=net - (ZERO if known is None else known.net))

    def of(self, key: PositionKey) -> Sums:
        """Of one position."""
        return self._positions.get(key, _NOTHING)

    def open_quantity(self, order_id: str) -> Decimal:
        """What an order counts for now."""
        known = self._working.get(order_id)
        return ZERO if known is None else known.quantity

    def within(self, scope: str) -> Mapping[str, Mapping[str, Sums]]:
        """Symbol -> venue -> sums of everything in a scope that is not zero."""
        return self._scopes.get(scope, {})

    def crossing(self, venue: str, symbol: str, side: Side, price: Decimal | None) -> Iterator[tuple[str, Working]]:
        """Own open orders that an order on `side` at `price` (None: any price) could trade with, best first."""
        against = Side.SELL if side is Side.BUY else Side.BUY
        for rank, order_id in self._resting.get((venue, symbol, against), ()):
            if price is not None and rank > -against.sign * price:
                return
            yield order_id, self._working[order_id]

    def _open(self, order_id: str, working: Working, quantity: Decimal) -> None:
        if working.side is Side.BUY:
            self._move(working.key, buying=quantity)
        else:
            self._move(working.key, selling=quantity)
        if not working.matches:
            return
        entry = (_FIRST if working.price is None else -working.side.sign * working.price, order_id)
        market = (working.key[2], working.key[3], working.side)
        if quantity > 0:
            insort(self._resting.setdefault(market, []), entry)
        else:
            resting = self._resting[market]
            del resting[bisect_left(resting, entry)]

    def _move(self, key: PositionKey, *, net: Decimal = ZERO, buying: Decimal = ZERO, selling: Decimal = ZERO) -> None:
        account, strategy, venue, symbol = key
        own = self._positions.get(key)
        if own is None:
            own = self._positions[key] = Sums()
        before = own.worst
        own.net += net
        own.buying += buying
        own.selling += selling
        gross = own.worst - before
        if not own:
            del self._positions[key]
        for scope in scopes_of(venue=venue, strategy=strategy, account=account, symbol=symbol):
            symbols = self._scopes.get(scope)
            if symbols is None:
                symbols = self._scopes[scope] = {}
            venues = symbols.get(symbol)
            if venues is None:
                venues = symbols[symbol] = {}
            sums = venues.get(venue)
            if sums is None:
                sums = venues[venue] = Sums()
            sums.net += net
            sums.buying += buying
            sums.selling += selling
            sums.gross += gross
            if not sums:
                del venues[venue]
                if not venues:
                    del symbols[symbol]


class NoExposure(Exposure):
    """Follows nothing, for a state in which nothing is decided."""

    follows = False

    def follow(self, order_id: str, order: Order | None, pending: Command | None) -> None:
        """Nothing to do."""

    def hold(self, key: PositionKey, net: Decimal) -> None:
        """Nothing to do."""


def _working(order: Order | None, pending: Command | None) -> Working | None:
    """What may be open: of a queued NEW all of it; of an order that is being replaced, or shall be, the larger quantity and
    the price that trades sooner."""
    asked = pending if pending is not None and pending.kind is not CommandKind.CANCEL else None
    source: Order | Command | None = asked if order is None else order
    if source is None or (order is not None and order.state.terminal):
        return None
    quantity, prices = source.quantity, [source.price]
    if order is not None:
        quantity = order.most_quantity
        prices += [] if order.replacing is None else [order.replacing.price]
    if asked is not None:
        quantity = max(quantity, asked.quantity)
        prices.append(asked.price)
    quantity -= ZERO if order is None else order.cum_qty
    if quantity <= 0:
        return None
    known = [price for price in prices if price is not None]
    price = (max(known) if source.side is Side.BUY else min(known)) if known else None
    matches = source.order_type in (OrderType.LIMIT, OrderType.MARKET)
    return Working((source.account, source.strategy, source.venue, source.symbol), source.side, quantity, price, matches)
