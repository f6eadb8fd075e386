"""Order entry over the wire, on a market that stands still two to five steps around 110."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from gateway.errors import GatewayError

BUY, SELL = 1, 2
INSIDE = "110.000"


@pytest.fixture
def market(still_venue: Any, symbol: str) -> dict[str, list[tuple[Decimal, Decimal]]]:
    book = json.loads(still_venue.command(f"book {symbol}"))
    return {side: [(Decimal(price), Decimal(size)) for price, size in levels] for side, levels in book.items()}


def test_a_limit_order_away_from_the_market_rests(desk: Any, symbol: str) -> None:
    desk.new("A", symbol, BUY, 1000, "100.5", t1="ACC")
    report = desk.report(t11="A")
    assert (report[150], report[39], report[151], report[14], report[6]) == ("0", "0", "1000", "0", "0")
    assert (report[38], report[44], report[55], report[54], report[1]) == ("1000", "100.5", symbol, "1", "ACC")
    assert 41 not in report
    assert 32 not in report


def test_a_market_order_fills_at_the_best_offer(desk: Any, symbol: str, market: Any) -> None:
    desk.new("A", symbol, BUY, 1000)
    assert desk.report(t11="A")[150] == "0"
    fill = desk.report(t11="A")
    price = market["offers"][0][0]
    assert (fill[150], fill[39], fill[32], fill[14], fill[151]) == ("F", "2", "1000", "1000", "0")
    assert Decimal(fill[31]) == Decimal(fill[6]) == price


def test_a_large_order_walks_the_book_and_averages(desk: Any, symbol: str, market: Any) -> None:
    (first, first_size), (second, _) = market["offers"][:2]
    quantity = first_size + 3000
    desk.new("A", symbol, BUY, quantity)
    partial, last = desk.report(t150="F"), desk.report(t150="F")
    assert (partial[39], Decimal(partial[151])) == ("1", Decimal(3000))
    assert (last[39], Decimal(last[31]), Decimal(last[32])) == ("2", second, Decimal(3000))
    average = (first * first_size + second * 3000) / quantity
    assert abs(Decimal(last[6]) - average) < Decimal("0.00000001")


def test_two_desks_trade_with_each_other(still_venue: Any, desk: Any, symbol: str, connect: Any) -> None:
    other = connect(still_venue.port, "DESK59")
    other.logon()
    other.new("M", symbol, SELL, 400, INSIDE)
    other.report(t11="M", t150="0")
    desk.new("T", symbol, BUY, 1000)
    taken, made = desk.report(t150="F"), other.report(t150="F")
    assert (taken[31], taken[32], taken[39]) == (INSIDE, "400", "1")
    assert (made[11], made[31], made[32], made[39]) == ("M", INSIDE, "400", "2")
    assert taken[17] != made[17]


def test_the_remainder_of_an_immediate_order_is_cancelled(desk: Any, symbol: str, market: Any) -> None:
    price, size = market["offers"][0]
    desk.new("A", symbol, BUY, size + 1, price, t59=3)
    assert desk.report(t150="F")[39] == "1"
    end = desk.report(t150="4")
    assert (end[39], Decimal(end[14]), end[151]) == ("4", size, "0")


def test_fill_or_kill_trades_nothing_when_it_cannot_trade_all(desk: Any, symbol: str, market: Any) -> None:
    price, size = market["offers"][0]
    desk.new("A", symbol, BUY, size + 1, price, t59=4)
    assert desk.report(t150="0")[151] == str(size + 1)
    end = desk.report(t11="A")
    assert (end[150], end[14], end[151]) == ("4", "0", "0")
    desk.new("B", symbol, BUY, size, price, t59=4)
    assert desk.report(t11="B", t150="F")[39] == "2"


def test_cancel(desk: Any, symbol: str) -> None:
    desk.new("A", symbol, BUY, 1000, "100")
    placed = desk.report(t11="A")
    desk.cancel("B", "A", symbol, BUY)
    report = desk.report(t11="B")
    assert (report[150], report[39], report[41], report[37], report[151]) == ("4", "4", "A", placed[37], "0")


def test_cancel_of_an_unknown_and_of_a_closed_order(desk: Any, symbol: str) -> None:
    desk.cancel("X", "nobody", symbol, BUY)
    unknown = desk.wait("9", t11="X")
    assert (unknown[102], unknown[37], unknown[39], unknown[41], unknown[434]) == ("1", "NONE", "8", "nobody", "1")
    desk.new("A", symbol, BUY, 10)
    assert desk.report(t11="A", t150="F")[39] == "2"
    desk.cancel("B", "A", symbol, BUY)
    late = desk.wait("9", t11="B")
    assert (late[102], late[39]) == ("0", "2")


def test_replace_then_a_fill_under_the_new_id(still_venue: Any, desk: Any, symbol: str) -> None:
    desk.new("A", symbol, SELL, 1000, "115")
    order_id = desk.report(t11="A")[37]
    desk.replace("B", "A", symbol, SELL, 600, INSIDE)
    report = desk.report(t11="B")
    assert (report[150], report[39], report[41], report[38], report[44]) == ("5", "0", "A", "600", INSIDE)
    still_venue.command(f"house buy {symbol} 250")
    fill = desk.report(t150="F")
    assert (fill[11], fill[41], fill[37], fill[31], fill[151]) == ("B", "A", order_id, INSIDE, "350")
    desk.replace("C", "B", symbol, SELL, 250, INSIDE)
    reject = desk.wait("9", t11="C")
    assert (reject[102], reject[434], reject[39]) == ("99", "2", "1")


def test_status_is_found_by_any_id_of_the_chain(still_venue: Any, desk: Any, symbol: str) -> None:
    desk.new("A", symbol, SELL, 1000, INSIDE)
    desk.replace("B", "A", symbol, SELL, 900, INSIDE)
    desk.report(t11="B")
    still_venue.command(f"house buy {symbol} 100")
    desk.report(t150="F")
    for cl_ord_id in ("A", "B"):
        status = desk.status(cl_ord_id, symbol, SELL)
        assert (status[11], status[39], status[14], status[151], status[6]) == ("B", "1", "100", "800", "110")
        assert status[32] == "0"


def test_status_of_an_unknown_order(desk: Any, symbol: str) -> None:
    status = desk.status("nobody", symbol, BUY)
    assert (status[39], status[103], status[37], status[58]) == ("8", "5", "NONE", "unknown order")
    assert (status[14], status[151], status[11]) == ("0", "0", "nobody")


def test_mass_status_counts_and_marks_the_last(desk: Any, symbol: str) -> None:
    for cl_ord_id in "ABC":
        desk.new(cl_ord_id, symbol, BUY, 1000, "100")
    desk.cancel("D", "B", symbol, BUY)
    desk.send("AF", (584, "M1"), (585, 7))
    reports = [desk.report(t584="M1") for _ in range(2)]
    assert [(r[11], r[150], r[911], r[912]) for r in reports] == [("A", "I", "2", "N"), ("C", "I", "2", "Y")]


def test_mass_status_without_orders(desk: Any) -> None:
    desk.send("AF", (584, "M1"), (585, 7))
    report = desk.report(t584="M1")
    assert (report[150], report[39], report[37], report[58], report[911], report[912]) == (
        "I",
        "8",
        "NONE",
        "no orders",
        "0",
        "Y",
    )


@pytest.mark.parametrize(
    ("order", "reason"),
    [
        ({"symbol": "NOPE", "quantity": 1, "price": "1"}, "1"),
        ({"quantity": 0, "price": "1"}, "13"),
        ({"quantity": -5, "price": "1"}, "13"),
        ({"quantity": 5, "t40": 2}, "99"),
        ({"quantity": 5, "t40": 3}, "99"),
        ({"quantity": 5, "price": "1", "t59": 2}, "11"),
    ],
)
def test_orders_that_cannot_be_taken(desk: Any, symbol: str, order: dict[str, Any], reason: str) -> None:
    desk.new("A", side=BUY, **{"symbol": symbol, **order})
    report = desk.report(t11="A")
    assert (report[150], report[39], report[103], report[151]) == ("8", "8", reason, "0")


def test_a_duplicate_id_is_rejected_and_leaves_the_first_order_alone(desk: Any, symbol: str) -> None:
    desk.new("A", symbol, BUY, 1000, "100")
    desk.report(t11="A")
    desk.new("A", symbol, BUY, 1000, "100")
    duplicate = desk.report(t11="A")
    assert (duplicate[150], duplicate[103], duplicate[37]) == ("8", "6", "NONE")
    assert desk.status("A", symbol, BUY)[39] == "0"


def test_a_stop_waits_for_a_trade_at_its_price(still_venue: Any, desk: Any, symbol: str, market: Any) -> None:
    (best, size), (second, _) = market["offers"][:2]
    desk.new("A", symbol, BUY, 500, t40=3, t99=second)
    desk.report(t11="A", t150="0")
    still_venue.command(f"house buy {symbol} 1000")
    assert desk.status("A", symbol, BUY)[39] == "0"
    still_venue.command(f"house buy {symbol} {size}")
    fill = desk.report(t11="A", t150="F")
    assert (fill[39], Decimal(fill[31])) == ("2", second)
    assert best < second


def test_a_malformed_order_is_rejected_and_the_session_lives(desk: Any, symbol: str) -> None:
    desk.send("D", (11, "A"), (55, symbol), (54, 1), (60, "yesterday"), (38, "many"), (40, 1))
    assert desk.wait("3")[45] == "2"
    desk.send("D", (11, "B"), (55, symbol), (60, "20260102-03:04:05"), (38, 1), (40, 1))
    assert desk.wait("3")[371] == "54"
    desk.send("B", (148, "news"), (33, 1), (58, "line"))
    assert desk.wait("j")[380] == "3"
    desk.new("C\xff", symbol, BUY, 1)
    assert desk.wait("j")[380] == "0"
    desk.new("D", symbol, BUY, 1)
    assert desk.report(t11="D")[150] == "0"


def test_unsolicited_cancel_bust_and_correct(still_venue: Any, desk: Any, symbol: str) -> None:
    desk.new("A", symbol, SELL, 1000, INSIDE)
    order_id = desk.report(t11="A")[37]
    still_venue.command(f"house buy {symbol} 1000")
    fill = desk.report(t150="F")
    assert fill[39] == "2"
    still_venue.command(f"correct {fill[17]} 400 110.001")
    corrected = desk.report(t150="G")
    assert (corrected[19], corrected[32], corrected[31], corrected[14], corrected[39], corrected[151]) == (
        fill[17],
        "400",
        "110.001",
        "400",
        "1",
        "600",
    )
    still_venue.command(f"bust {corrected[17]}")
    bust = desk.report(t150="H")
    assert (bust[19], bust[14], bust[39], bust[151], bust[6]) == (corrected[17], "0", "0", "1000", "0")
    with pytest.raises(GatewayError, match="no live execution"):
        still_venue.command(f"bust {corrected[17]}")
    still_venue.command(f"cancel {order_id}")
    end = desk.report(t150="4")
    assert (end[11], end[39], end[58]) == ("A", "4", "cancelled by the venue")


def test_reject_next_rejects_one(still_venue: Any, desk: Any, symbol: str) -> None:
    still_venue.command("reject-next 1")
    desk.new("A", symbol, BUY, 1)
    assert desk.report(t11="A")[39] == "8"
    desk.new("B", symbol, BUY, 1)
    assert desk.report(t11="B")[39] == "0"
