"""Market data over the wire, and the house that trades with clients."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

from gateway.sim.process import start_venue

Book = dict[str, dict[Decimal, Decimal]]


def subscribe(client: Any, symbol: str, req_id: str = "R", kind: int = 1, depth: int = 0) -> None:
    types = (267, 3), (269, 0), (269, 1), (269, 2)
    client.send("V", (262, req_id), (263, kind), (264, depth), (265, 1), *types, (146, 1), (55, symbol))


def book_of(snapshot: Any) -> Book:
    entries = zip(snapshot.values_of(269), snapshot.values_of(270), snapshot.values_of(271), strict=True)
    book: Book = {"0": {}, "1": {}}
    for kind, price, size in entries:
        book[kind][Decimal(price)] = Decimal(size)
    return book


def apply(book: Book, increment: Any) -> list[tuple[Decimal, Decimal]]:
    """Applies the levels; returns the trades."""
    columns = (increment.values_of(tag) for tag in (279, 269, 270, 271, 278, 55))
    trades = []
    for action, kind, price, size, _, _ in zip(*columns, strict=True):
        if kind == "2":
            trades.append((Decimal(price), Decimal(size)))
        elif action == "2":
            del book[kind][Decimal(price)]
        else:
            assert (action == "0") == (Decimal(price) not in book[kind])
            book[kind][Decimal(price)] = Decimal(size)
    return trades


def test_a_snapshot_and_the_increments_that_keep_it_true(still_venue: Any, desk: Any, symbol: str) -> None:
    subscribe(desk, symbol)
    snapshot = desk.wait("W")
    assert (snapshot[262], snapshot[55]) == ("R", symbol)
    book = book_of(snapshot)
    assert len(book["0"]) == len(book["1"]) == 5
    assert max(book["0"]) < min(book["1"])
    desk.new("A", symbol, 2, 500, "110.000")
    increment = desk.wait("X")
    assert (increment[262], increment[55], increment[279], increment[278]) == ("R", symbol, "0", "S110.000")
    apply(book, increment)
    still_venue.command(f"house buy {symbol} 200")
    trades = apply(book, desk.wait("X"))
    assert trades == [(Decimal("110"), Decimal(200))]
    assert book["1"][Decimal("110")] == 300
    subscribe(desk, symbol, "again", kind=0)
    assert book_of(desk.wait("W", t262="again")) == book


def test_depth_one_is_the_best_level_only(desk: Any, symbol: str) -> None:
    subscribe(desk, symbol, depth=1)
    assert desk.wait("W").values_of(269) == ["0", "1"]


def test_nothing_comes_after_unsubscribing(still_venue: Any, desk: Any, symbol: str) -> None:
    subscribe(desk, symbol)
    desk.wait("W")
    subscribe(desk, symbol, kind=2)
    desk.settle()
    still_venue.command(f"house buy {symbol} 200")
    desk.settle()
    assert not [message for message in desk.received if message[35] == "X"]


def test_an_unknown_symbol_is_refused(desk: Any) -> None:
    subscribe(desk, "NOPE")
    refusal = desk.wait("Y")
    assert (refusal[262], refusal[281]) == ("R", "0")


def test_ticks_come_from_the_file_and_cross_resting_orders(
    tmp_path: Path, tick_file: Callable[..., Path], connect: Callable[..., Any]
) -> None:
    ticks = tick_file(("100.000", "100.010"), ("100.020", "100.030"))
    with start_venue(tmp_path / "venue", ticks=ticks, rate=0) as venue:
        client = connect(venue.port)
        client.logon()
        subscribe(client, "USD/JPY")
        assert max(book_of(client.wait("W"))["0"]) == Decimal("100")
        client.new("A", "USD/JPY", 2, 1000, "100.005")
        client.report(t150="0")
        venue.command("tick")
        fill = client.report(t150="F")
        assert (fill[31], fill[39]) == ("100.005", "2")


def test_the_same_seed_makes_the_same_market(tmp_path: Path) -> None:
    books = []
    for number, seed in enumerate((7, 7, 8)):
        with start_venue(tmp_path / str(number), seed=seed, rate=0) as venue:
            for _ in range(20):
                venue.command("tick")
            books.append(venue.command("book USD/JPY"))
    assert books[0] == books[1] != books[2]


def test_a_two_sided_quoter_is_hit_on_both_sides(tmp_path: Path, connect: Callable[..., Any]) -> None:
    """At the default flow a quote inside the spread trades on both sides within a few seconds; faster here."""
    with start_venue(tmp_path / "venue", rate=200, flow=100) as venue:
        client = connect(venue.port)
        client.logon()
        client.new("B", "USD/JPY", 1, 10_000_000, "109.999")
        client.new("S", "USD/JPY", 2, 10_000_000, "110.001")
        # The market may have moved before a quote arrived: then it trades at a price that is better than its own.
        assert Decimal(client.report(t150="F", t11="B")[31]) <= Decimal("109.999")
        assert Decimal(client.report(t150="F", t11="S")[31]) >= Decimal("110.001")
