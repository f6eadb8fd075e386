from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest

from gateway.core.events import BookChange, BookSnapshot, BookUpdate, FeedStatus, Level, MarketTrade, Untranslated
from gateway.core.values import FeedState, Side
from gateway.fix.decoder import Decoder
from gateway.fix.dialect import load_dialect

BUY, SELL = Side.BUY, Side.SELL


def level(price: str, quantity: str) -> Level:
    return Level(Decimal(price), Decimal(quantity))


def change(side: Side, price: str, quantity: str) -> BookChange:
    return BookChange(side, Decimal(price), Decimal(quantity))


@pytest.fixture
def by_id(strict):
    """A venue whose entries are single orders."""
    dialect = load_dialect("generic-fix44")
    assert dialect.market_data is not None
    market_data = msgspec.structs.replace(dialect.market_data, entries="id")
    return Decoder(msgspec.structs.replace(dialect, market_data=market_data), strict, "SIM", "S")


@pytest.fixture
def send(fix):
    def send(decoder, msg_type, body):
        return list(decoder.decode(fix(body, msg_type=msg_type), 9).events)

    return send


def test_a_snapshot_is_sorted_and_summed_by_price_and_keeps_trades(decoder, send):
    body = (
        "262=R1|55=EUR/USD|268=6|269=0|270=1.1|271=5|269=0|270=1.2|271=7|5001=odd|269=0|270=1.1|271=1|"
        "269=1|270=1.4|271=2|269=1|270=1.3|271=4|269=2|270=1.25|271=3|272=20240102|273=09:00:00|"
    )
    snapshot, trade = send(decoder, "W", body)
    assert snapshot == BookSnapshot(
        venue="SIM",
        symbol="EUR/USD",
        venue_time_ns=1704190273_000000000,
        received_ns=9,
        bids=(level("1.2", "7"), level("1.1", "6")),
        asks=(level("1.3", "4"), level("1.4", "2")),
    )
    assert trade == MarketTrade(
        venue="SIM",
        symbol="EUR/USD",
        venue_time_ns=1704186000_000000000,
        received_ns=9,
        price=Decimal("1.25"),
        quantity=Decimal(3),
    )


def test_an_empty_snapshot_is_an_empty_book(decoder, send):
    (snapshot,) = send(decoder, "W", "55=EUR/USD|268=0|")
    assert (snapshot.bids, snapshot.asks) == ((), ())


def test_updates_are_absolute_per_symbol_and_unknown_tags_do_not_split_entries(decoder, send):
    body = (
        "262=R1|268=5|279=0|269=0|55=A|270=10|271=5|5001=x|279=1|269=1|270=11|271=6|"
        "279=2|269=0|55=B|270=9|9001=y|279=0|269=2|270=9|271=1|279=0|269=7|270=1|271=1|"
    )
    a, b, trade = send(decoder, "X", body)
    assert isinstance(a, BookUpdate)
    assert (a.symbol, a.changes) == ("A", (change(BUY, "10", "5"), change(SELL, "11", "6")))
    assert (b.symbol, b.changes) == ("B", (change(BUY, "9", "0"),))
    assert (trade.symbol, trade.price) == ("B", Decimal(9))


def test_an_id_finds_the_price_of_a_deleted_level(decoder, send):
    send(decoder, "X", "268=1|279=0|269=1|278=Q1|55=A|270=11|271=6|")
    (update,) = send(decoder, "X", "268=1|279=2|278=Q1|55=A|")
    assert update.changes == (change(SELL, "11", "0"),)


def test_a_quote_that_moves_leaves_its_old_level(decoder, send):
    send(decoder, "X", "268=1|279=0|269=1|278=Q1|55=A|270=11|271=6|")
    (update,) = send(decoder, "X", "268=1|279=1|269=1|278=Q1|55=A|270=12|")
    assert update.changes == (change(SELL, "11", "0"), change(SELL, "12", "6"))


def test_levels_of_a_snapshot_without_ids_may_be_deleted_by_price(decoder, send):
    send(decoder, "W", "55=A|268=1|269=0|270=10|271=5|")
    (update,) = send(decoder, "X", "268=1|279=2|269=0|278=B10|55=A|270=10|271=5|")
    assert update.changes == (change(BUY, "10", "0"),)


def test_orders_add_up_to_levels(by_id, send):
    (snapshot,) = send(by_id, "W", "55=A|268=2|269=0|278=1|270=10|271=5|269=0|278=2|270=10|271=7|")
    assert snapshot.bids == (level("10", "12"),)
    (update,) = send(by_id, "X", "268=1|279=0|269=0|278=3|55=A|270=10|271=1|")
    assert update.changes == (change(BUY, "10", "13"),)
    (update,) = send(by_id, "X", "268=1|279=1|269=0|278=2|55=A|270=10|271=2|")
    assert update.changes == (change(BUY, "10", "8"),)
    (update,) = send(by_id, "X", "268=1|279=1|269=0|278=1|55=A|270=9|271=5|")
    assert update.changes == (change(BUY, "10", "3"), change(BUY, "9", "5"))
    (update,) = send(by_id, "X", "268=2|279=2|278=2|55=A|279=2|278=3|55=A|")
    assert update.changes == (change(BUY, "10", "1"), change(BUY, "10", "0"))


def test_a_renamed_entry_is_followed(by_id, send):
    send(by_id, "W", "55=A|268=1|269=0|278=1|270=10|271=5|")
    (update,) = send(by_id, "X", "268=1|279=1|269=0|278=2|280=1|55=A|270=10|271=4|")
    assert update.changes[-1] == change(BUY, "10", "4")
    (gone,) = send(by_id, "X", "268=1|279=2|278=2|55=A|")
    assert gone.changes == (change(BUY, "10", "0"),)


def test_an_unknown_id_is_a_gap_said_once_until_the_next_snapshot(by_id, send):
    unknown = "268=1|279=2|278=77|55=A|"
    (gap,) = send(by_id, "X", unknown)
    assert gap == FeedStatus(venue="SIM", symbol="A", status=FeedState.GAP, detail="MDEntryID(278)=77 is not known")
    assert send(by_id, "X", unknown) == []
    send(by_id, "W", "55=A|268=0|")
    assert len(send(by_id, "X", unknown)) == 1


@pytest.mark.parametrize(
    "entry",
    [
        "279=0|269=0|271=1|",
        "279=3|269=0|270=1|271=1|",
        "279=1|269=0|270=NaN|271=1|",
        "279=0|269=0|270=1|271=-1|",
        "269=0|270=1|",
    ],
)
def test_an_entry_that_means_nothing_is_a_gap(decoder, send, entry):
    (gap,) = send(decoder, "X", f"268=1|{entry}55=A|")
    assert isinstance(gap, FeedStatus)
    assert (gap.symbol, gap.status) == ("A", FeedState.GAP)


def test_forgetting_drops_ids(by_id, send):
    send(by_id, "W", "55=A|268=1|269=0|278=1|270=10|271=5|")
    by_id.forget_market_data()
    (gap,) = send(by_id, "X", "268=1|279=2|278=1|55=A|")
    assert isinstance(gap, FeedStatus)


@pytest.mark.parametrize(
    ("msg_type", "body", "symbol"),
    [
        ("W", "268=1|269=0|270=1|271=1|", None),
        ("W", "55=A|268=1|269=0|270=1|", "A"),
        ("X", "268=1|279=0|269=0|270=1|271=1|", None),
    ],
)
def test_a_book_that_cannot_be_read_is_a_gap_and_kept_raw(decoder, send, msg_type, body, symbol):
    gap, kept = send(decoder, msg_type, body)
    assert isinstance(gap, FeedStatus)
    assert (gap.symbol, gap.status) == (symbol, FeedState.GAP)
    assert isinstance(kept, Untranslated)


def test_a_trade_without_a_size_is_kept_raw_and_spoils_nothing_else(decoder, send):
    update, kept = send(decoder, "X", "268=2|279=0|269=2|55=A|270=1|279=0|269=0|270=1|271=1|")
    assert isinstance(update, BookUpdate)
    assert isinstance(kept, Untranslated)
    assert kept.detail == "a trade in A without a price or a size"


def test_a_refused_request_makes_the_feed_stale(decoder, fix):
    decoded = decoder.decode(fix("262=R1|281=0|58=no such symbol|", msg_type="Y"), 5)
    (event,) = decoded.events
    assert isinstance(event, FeedStatus)
    assert event.status is FeedState.STALE
    assert event.detail == "market data request R1 refused: unknown symbol: no such symbol"
    assert decoded.md_req_id == "R1"
