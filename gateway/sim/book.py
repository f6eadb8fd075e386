"""A price-time order book for one symbol.

Exists to decide who trades with whom, and nothing else: it knows no sessions, no FIX and no clock, and it must not do I/O.
Each call returns the list of what happened, in order. Prices and quantities are `Decimal`, in the units of the symbol.
"""

from __future__ import annotations

import enum
from bisect import bisect_left, insort
from dataclasses import dataclass
from decimal import Decimal

ZERO = Decimal(0)


class Side(enum.StrEnum):
    """The two sides a book has; the values are those of Side(54)."""

    BUY = "1"
    SELL = "2"

    @property
    def opposite(self) -> Side:
        return Side.SELL if self is Side.BUY else Side.BUY


class Lifetime(enum.Enum):
    """What happens to the quantity that does not trade at once."""

    RESTS = "rests"
    IMMEDIATE = "immediate"
    ALL_OR_NOTHING = "all or nothing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Resting:
    """`quantity` of the order now stands in the book."""

    order_id: str
    side: Side
    price: Decimal
    quantity: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Trade:
    """A match at the maker's price."""

    maker: str
    taker: str
    taker_side: Side
    price: Decimal
    quantity: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancelled:
    """`quantity` left the book, or never entered it, without trading."""

    order_id: str
    quantity: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Replaced:
    """The order stands with new terms; matches that follow from them come after this event."""

    order_id: str
    price: Decimal
    quantity: Decimal
    priority_kept: bool


BookEvent = Resting | Trade | Cancelled | Replaced


@dataclass(slots=True)
class _Entry:
    order_id: str
    side: Side
    price: Decimal
    quantity: Decimal


class Book:
    """Resting orders of one symbol. Quantities handed in are open quantities; the book does not know what filled before."""

    def __init__(self) -> None:
        self._entries: dict[str, _Entry] = {}
        self._levels: dict[Side, dict[Decimal, dict[str, _Entry]]] = {side: {} for side in Side}
        # Ranks, best first: the price itself for offers, its negative for bids.
        self._ranks: dict[Side, list[Decimal]] = {side: [] for side in Side}

    def __contains__(self, order_id: str) -> bool:
        return order_id in self._entries

    def submit(
        self, order_id: str, side: Side, price: Decimal | None, quantity: Decimal, lifetime: Lifetime = Lifetime.RESTS
    ) -> list[BookEvent]:
        """Match an incoming order. `price=None` is a market order, which never rests."""
        _require_positive(quantity)
        if order_id in self._entries:
            raise ValueError(f"order {order_id} already stands in the book")
        if lifetime is Lifetime.ALL_OR_NOTHING and self._available(side, price) < quantity:
            return [Cancelled(order_id=order_id, quantity=quantity)]
        events, left = self._match(order_id, side, price, quantity)
        if left == ZERO:
            return events
        if price is None or lifetime is not Lifetime.RESTS:
            return [*events, Cancelled(order_id=order_id, quantity=left)]
        self._insert(_Entry(order_id, side, price, left))
        return [*events, Resting(order_id=order_id, side=side, price=price, quantity=left)]

    def cancel(self, order_id: str) -> list[BookEvent]:
        """Take the order out. Raises KeyError when it does not stand in the book."""
        entry = self._remove(order_id)
        return [Cancelled(order_id=order_id, quantity=entry.quantity)]

    def replace(self, order_id: str, price: Decimal, quantity: Decimal) -> list[BookEvent]:
        """New price and open quantity. Less quantity at the same price keeps its place in the queue; all else loses it."""
        _require_positive(quantity)
        entry = self._entries[order_id]
        kept = price == entry.price and quantity <= entry.quantity
        changed = Replaced(order_id=order_id, price=price, quantity=quantity, priority_kept=kept)
        if kept:
            entry.quantity = quantity
            return [changed]
        self._remove(order_id)
        return [changed, *self.submit(order_id, entry.side, price, quantity)]

    def best(self, side: Side) -> Decimal | None:
        """The best price on one side, None when it is empty."""
        ranks = self._ranks[side]
        return _price(side, ranks[0]) if ranks else None

    def levels(self, side: Side, depth: int = 0) -> list[tuple[Decimal, Decimal]]:
        """(price, total quantity), best first; `depth=0` means all of them, as MarketDepth(264)=0 does."""
        ranks = self._ranks[side][: depth or None]
        prices = (_price(side, rank) for rank in ranks)
        return [(price, sum((e.quantity for e in self._levels[side][price].values()), ZERO)) for price in prices]

    def _match(self, taker: str, side: Side, limit: Decimal | None, quantity: Decimal) -> tuple[list[BookEvent], Decimal]:
        events: list[BookEvent] = []
        left = quantity
        while left > ZERO:
            price = self.best(side.opposite)
            if price is None or not _acceptable(side, limit, price):
                break
            maker = next(iter(self._levels[side.opposite][price].values()))
            traded = min(left, maker.quantity)
            left -= traded
            maker.quantity -= traded
            if maker.quantity == ZERO:
                self._remove(maker.order_id)
            events.append(Trade(maker=maker.order_id, taker=taker, taker_side=side, price=price, quantity=traded))
        return events, left

    def _available(self, side: Side, limit: Decimal | None) -> Decimal:
        """What an order on `side` could take at `limit` or better."""
        levels = self.levels(side.opposite)
        return sum((size for price, size in levels if _acceptable(side, limit, price)), ZERO)

    def _insert(self, entry: _Entry) -> None:
        self._entries[entry.order_id] = entry
        level = self._levels[entry.side].get(entry.price)
        if level is None:
            level = self._levels[entry.side][entry.price] = {}
            insort(self._ranks[entry.side], _rank(entry.side, entry.price))
        level[entry.order_id] = entry

    def _remove(self, order_id: str) -> _Entry:
        entry = self._entries.pop(order_id)
        level = self._levels[entry.side][entry.price]
        del level[order_id]
        if not level:
            del self._levels[entry.side][entry.price]
            ranks = self._ranks[entry.side]
            del ranks[bisect_left(ranks, _rank(entry.side, entry.price))]
        return entry


def _acceptable(side: Side, limit: Decimal | None, price: Decimal) -> bool:
    if limit is None:
        return True
    return price <= limit if side is Side.BUY else price >= limit


def _rank(side: Side, price: Decimal) -> Decimal:
    return -price if side is Side.BUY else price


def _price(side: Side, rank: Decimal) -> Decimal:
    return -rank if side is Side.BUY else rank


def _require_positive(quantity: Decimal) -> None:
    if quantity <= ZERO:
        raise ValueError(f"quantity {quantity} is not positive")
