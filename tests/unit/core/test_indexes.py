"""Indexes: what comes next, whatever was taken out of the middle; and what is counted anew from a mark is what it was."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import example, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from gateway.core.events import FillBusted, FillCorrected
from gateway.core.indexes import MARK_EVERY, Deadlines, Lines
from gateway.core.orders import Position
from gateway.core.positions import recomputed
from gateway.core.values import Side
from gateway.testing.harness import ACCOUNT, SYMBOL, TRADING_DATE, VENUE, Harness

D = Decimal
name = st.sampled_from("abcdef")


@given(st.lists(st.tuples(name, st.none() | st.integers(0, 9)), max_size=200), st.integers(0, 9))
def test_deadlines_are_those_set_last(moves: list[tuple[str, int | None]], at_ns: int) -> None:
    deadlines = Deadlines()
    known: dict[str, int] = {}
    for one, at in moves:
        if at is None:
            deadlines.drop(one)
            known.pop(one, None)
        else:
            deadlines.put(one, at)
            known[one] = at
        assert deadlines.first() == min(((at, one) for one, at in known.items()), default=None)
    due = sorted((at, one) for one, at in known.items() if at <= at_ns)
    assert deadlines.due(at_ns) == [one for _, one in due]
    assert deadlines.items() == known, "they stay"
    assert deadlines.due(at_ns) == [one for _, one in due]


@given(st.lists(st.tuples(name, st.booleans()), max_size=60))
@example([("a", True), ("b", True), ("a", False), ("a", True)])
def test_who_leaves_a_line_and_comes_again_stands_behind(moves: list[tuple[str, bool]]) -> None:
    lines = Lines()
    lines.add("other", "z")
    known: dict[str, None] = {}
    for one, comes in moves:
        if comes:
            lines.add("venue", one)
            known.setdefault(one)
        else:
            assert lines.discard("venue", one) is (one in known)
            known.pop(one, None)
        assert lines.first("venue") == next(iter(known), None)
    assert lines.first("other") == "z"
    assert lines.first("nowhere") is None


trades = st.lists(st.tuples(st.booleans(), st.integers(1, 9), st.integers(1550, 1570)), min_size=MARK_EVERY, max_size=150)
amended = st.lists(st.tuples(st.integers(0, 149), st.none() | st.integers(1, 9)), min_size=1, max_size=8)


@settings(max_examples=settings.default.max_examples // 4)
@given(trades, amended)
def test_a_position_counted_from_a_mark_is_that_counted_from_the_beginning(
    trades: list[tuple[bool, int, int]], amended: list[tuple[int, int | None]]
) -> None:
    harness = Harness().open()
    orders = []
    for number, (buys, lots, price) in enumerate(trades):
        order_id = harness.request_order(Side.BUY if buys else Side.SELL, "100000", "156")
        harness.fill(order_id, str(lots * 1000), str(D(price) / 10), exec_id=f"E{number}")
        orders.append(order_id)
    for count, (place, lots) in enumerate(amended):
        number = place % len(orders)
        named = {"exec_ref_id": f"E{number}", "exec_id": f"A{count}", "trade_date": TRADING_DATE}
        if lots is None:
            harness.report(FillBusted, orders[number], **named)
        else:
            harness.report(FillCorrected, orders[number], last_qty=D(lots * 1000), last_px=D(157), **named)
        harness.fill(harness.request_order(quantity="1000"), "1000")
        execution = harness.state.execution
        key = (ACCOUNT, "desk", VENUE, SYMBOL)
        ledger = [execution.fills[entry] for entry in execution.ledger.after(key, 0)]
        *_, anew = recomputed(ledger, Position(account=ACCOUNT, strategy="desk", venue=VENUE, symbol=SYMBOL), D(1), 0)
        assert replace(execution.positions[key], updated_ns=0) == replace(anew, updated_ns=0)
