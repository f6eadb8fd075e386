"""Books, last trades and feeds."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from gateway.core.changes import AnomalyRaised, Change
from gateway.core.contents import Book, LastTrade
from gateway.core.events import BookSnapshot, BookUpdate, Event, FeedStatus, Level, MarketTrade, Recorded
from gateway.core.state import State
from gateway.core.values import FeedState, Side


def _snapshot(state: State, recorded: Recorded, event: BookSnapshot) -> list[Change]:
    key = (event.venue, event.symbol)
    state.market.books[key] = Book(bids=event.bids, asks=event.asks, updated_ns=recorded.at_ns)
    if state.market.feeds.get(key) is not FeedState.UP:
        state.market.feeds[key] = FeedState.UP
    return _crossed(event.venue, event.symbol, state.market.books[key])


def _update(state: State, recorded: Recorded, event: BookUpdate) -> list[Change]:
    key = (event.venue, event.symbol)
    book = state.market.books.get(key)
    if book is None:
        return [AnomalyRaised(anomaly="update_without_snapshot", venue=event.venue, detail=event.symbol)]
    bids, asks = list(book.bids), list(book.asks)
    for change in event.changes:
        if change.side is Side.BUY:
            _set_level(bids, change.price, change.quantity, descending=True)
        else:
            _set_level(asks, change.price, change.quantity, descending=False)
    state.market.books[key] = Book(bids=tuple(bids), asks=tuple(asks), updated_ns=recorded.at_ns)
    return _crossed(event.venue, event.symbol, state.market.books[key])


def _set_level(levels: list[Level], price: Decimal, quantity: Decimal, *, descending: bool) -> None:
    """Set the total quantity at `price` in a best-first list; 0 removes the level."""
    sign = -1 if descending else 1
    at = bisect_left(levels, sign * price, key=lambda level: sign * level.price)
    found = at < len(levels) and levels[at].price == price
    if quantity <= 0:
        if found:
            del levels[at]
    elif found:
        levels[at] = Level(price, quantity)
    else:
        levels.insert(at, Level(price, quantity))


def _crossed(venue: str, symbol: str, book: Book) -> list[Change]:
    """A crossed book is passed on as it is (form is normalised, content never), but somebody should know."""
    if book.bids and book.asks and book.bids[0].price > book.asks[0].price:
        detail = f"{symbol} bid {book.bids[0].price} above ask {book.asks[0].price}"
        return [AnomalyRaised(anomaly="crossed_book", venue=venue, detail=detail)]
    return []


def _trade(state: State, recorded: Recorded, event: MarketTrade) -> list[Change]:
    state.market.trades[event.venue, event.symbol] = LastTrade(event.price, event.quantity, recorded.at_ns)
    return []


def _feed(state: State, recorded: Recorded, event: FeedStatus) -> list[Change]:
    symbols = [event.symbol] if event.symbol else [symbol for venue, symbol in state.market.books if venue == event.venue]
    for symbol in symbols:
        state.market.feeds[event.venue, symbol] = event.status
    return []


HANDLERS: dict[type[Event], Callable[[State, Recorded, Any], list[Change]]] = {
    BookSnapshot: _snapshot,
    BookUpdate: _update,
    MarketTrade: _trade,
    FeedStatus: _feed,
}
