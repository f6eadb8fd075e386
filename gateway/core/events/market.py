"""Market events: what feeds said. Form is normalised, content never."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from gateway.core.events.base import Event
from gateway.core.values import FeedState, Side


class Level(msgspec.Struct, frozen=True, array_like=True):
    """One price level of a book: price and the total quantity there."""

    price: Decimal
    quantity: Decimal


class MarketEvent(Event, frozen=True, kw_only=True):
    venue: str
    symbol: str
    venue_time_ns: int | None = None
    received_ns: int | None = None
    """When the message was read from the socket, on the gateway's clock."""


class BookSnapshot(MarketEvent, frozen=True, kw_only=True):
    """MarketDataSnapshotFullRefresh(W): replaces the book. Best price first on both sides."""

    bids: tuple[Level, ...] = ()
    asks: tuple[Level, ...] = ()
    conflated: int = 0
    """Older snapshots of this symbol that this one replaced while waiting in a full intake."""


class BookChange(msgspec.Struct, frozen=True, array_like=True):
    """One entry of an incremental refresh: the new total quantity at a price, 0 when the level is gone."""

    side: Side
    price: Decimal
    quantity: Decimal


class BookUpdate(MarketEvent, frozen=True, kw_only=True):
    """MarketDataIncrementalRefresh(X), bids and offers."""

    changes: tuple[BookChange, ...]


class MarketTrade(MarketEvent, frozen=True, kw_only=True):
    """A trade somebody made: MDEntryType(269)=2."""

    price: Decimal
    quantity: Decimal


class FeedStatus(Event, frozen=True, kw_only=True):
    """Whether a feed (or one symbol of it) can be believed from here on."""

    venue: str
    symbol: str | None = None
    status: FeedState
    detail: str = ""
