"""Books: level arithmetic, crossed books, and updates that come too early."""

from __future__ import annotations

from decimal import Decimal

import pytest

from gateway.core.events import BookChange, BookSnapshot, BookUpdate, FeedStatus, Level, MarketTrade
from gateway.core.values import FeedState, Side
from gateway.testing.harness import SYMBOL, VENUE, Harness

D = Decimal
KEY = (VENUE, SYMBOL)
BUY, SELL = Side.BUY, Side.SELL


def levels(*pairs: tuple[int, int]) -> tuple[Level, ...]:
    return tuple(Level(D(price), D(quantity)) for price, quantity in pairs)


@pytest.fixture
def harness() -> Harness:
    harness = Harness().open()
    bids, asks = levels((99, 1), (98, 2), (96, 3)), levels((101, 1), (102, 2), (104, 3))
    harness.feed(BookSnapshot(venue=VENUE, symbol=SYMBOL, bids=bids, asks=asks))
    return harness


def update(harness: Harness, *changes: tuple[Side, int, int]) -> None:
    moved = tuple(BookChange(side, D(price), D(quantity)) for side, price, quantity in changes)
    harness.feed(BookUpdate(venue=VENUE, symbol=SYMBOL, changes=moved))


@pytest.mark.parametrize(
    ("change", "bids", "asks"),
    [
        ((BUY, 100, 5), [100, 99, 98, 96], [101, 102, 104]),
        ((BUY, 97, 5), [99, 98, 97, 96], [101, 102, 104]),
        ((BUY, 95, 5), [99, 98, 96, 95], [101, 102, 104]),
        ((BUY, 99, 0), [98, 96], [101, 102, 104]),
        ((BUY, 97, 0), [99, 98, 96], [101, 102, 104]),
        ((SELL, 100, 5), [99, 98, 96], [100, 101, 102, 104]),
        ((SELL, 103, 5), [99, 98, 96], [101, 102, 103, 104]),
        ((SELL, 105, 5), [99, 98, 96], [101, 102, 104, 105]),
        ((SELL, 104, 0), [99, 98, 96], [101, 102]),
    ],
)
def test_one_level(harness: Harness, change: tuple[Side, int, int], bids: list[int], asks: list[int]) -> None:
    update(harness, change)
    book = harness.state.market.books[KEY]
    assert ([level.price for level in book.bids], [level.price for level in book.asks]) == (bids, asks)


def test_quantity_at_a_price_is_replaced_not_added(harness: Harness) -> None:
    update(harness, (BUY, 98, 7), (SELL, 102, 9))
    book = harness.state.market.books[KEY]
    assert (book.bids[1], book.asks[1]) == (Level(D(98), D(7)), Level(D(102), D(9)))


def test_snapshot_replaces_everything(harness: Harness) -> None:
    harness.feed(BookSnapshot(venue=VENUE, symbol=SYMBOL, bids=levels((90, 1))))
    book = harness.state.market.books[KEY]
    assert (book.bids, book.asks, book.mid) == (levels((90, 1)), (), None)


def test_mid_and_time(harness: Harness) -> None:
    book = harness.state.market.books[KEY]
    assert (book.mid, book.updated_ns) == (100, harness.now_ns)


def test_crossed_book_is_kept_and_flagged(harness: Harness) -> None:
    update(harness, (BUY, 101, 1))
    assert harness.anomalies() == []  # locked, not crossed
    update(harness, (BUY, 103, 1))
    assert harness.state.market.books[KEY].bids[0].price == 103
    assert harness.anomalies() == ["crossed_book"]


def test_update_without_snapshot_makes_no_book() -> None:
    harness = Harness().open()
    update(harness, (BUY, 100, 1))
    assert not harness.state.market.books
    assert harness.anomalies() == ["update_without_snapshot"]


def test_trades_and_feeds(harness: Harness) -> None:
    harness.feed(MarketTrade(venue=VENUE, symbol=SYMBOL, price=D(100), quantity=D(3)))
    assert harness.state.market.trades[KEY].price == 100
    harness.feed(FeedStatus(venue=VENUE, status=FeedState.GAP))
    assert harness.state.market.feeds[KEY] is FeedState.GAP
    harness.feed(FeedStatus(venue="OTHER", status=FeedState.STALE))
    assert harness.state.market.feeds[KEY] is FeedState.GAP
    harness.book("99", "101")
    assert harness.state.market.feeds[KEY] is FeedState.UP
