"""Positions at average cost."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from gateway.core.orders import Fill, Position
from gateway.core.positions import recomputed, traded
from gateway.core.values import FillStatus, Side

D = Decimal
FLAT = Position(account="A", strategy="s", venue="V", symbol="X")


def after(*trades: tuple[int, int], multiplier: int = 1) -> Position:
    """Signed quantity and price of each trade."""
    position = FLAT
    for at_ns, (quantity, price) in enumerate(trades):
        side = Side.BUY if quantity > 0 else Side.SELL
        position = traded(position, side, D(abs(quantity)), D(price), D(multiplier), at_ns)
    return position


@pytest.mark.parametrize(
    ("trades", "net", "average", "realized"),
    [
        ([(10, 100)], 10, 100, 0),
        ([(10, 100), (30, 104)], 40, 103, 0),
        ([(-10, 100), (-10, 90)], -20, 95, 0),
        ([(10, 100), (-4, 110)], 6, 100, 40),
        ([(-10, 100), (4, 110)], -6, 100, -40),
        ([(10, 100), (-10, 90)], 0, 0, -100),
        ([(10, 100), (-15, 110)], -5, 110, 100),
        ([(-10, 100), (15, 90)], 5, 90, 100),
        ([(10, 100), (-15, 110), (5, 100)], 0, 0, 150),
    ],
)
def test_average_cost(trades: list[tuple[int, int]], net: int, average: int, realized: int) -> None:
    position = after(*trades)
    assert (position.net_qty, position.avg_px, position.realized_pnl) == (net, average, realized)
    assert position.bought_qty - position.sold_qty == net


def test_multiplier_scales_profit_only() -> None:
    assert after((10, 100), (-10, 101), multiplier=50).realized_pnl == 500


def fill(quantity: int, price: int, status: FillStatus = FillStatus.NEW) -> Fill:
    return Fill(
        order_id="1-1", exec_id="E", trade_date="", venue="V", account="A", strategy="s", symbol="X",
        side=Side.BUY if quantity > 0 else Side.SELL, last_qty=D(abs(quantity)), last_px=D(price), status=status,
    )  # fmt: skip


def test_recount_skips_what_does_not_count() -> None:
    fills = [fill(10, 100), fill(10, 200, FillStatus.BUSTED), fill(5, 300, FillStatus.REPLACED), fill(-4, 110)]
    *_, position = recomputed(fills, FLAT, D(1), 7)
    assert (position.net_qty, position.avg_px, position.realized_pnl, position.updated_ns) == (6, 100, 40, 7)


trade = st.tuples(st.integers(-50, 50).filter(bool), st.integers(1, 200))


@given(st.lists(trade, max_size=15))
def test_position_is_the_sum_and_profit_is_cash_plus_value(trades: list[tuple[int, int]]) -> None:
    position = after(*trades)
    assert position.net_qty == sum(quantity for quantity, _ in trades)
    cash = -sum(quantity * price for quantity, price in trades)
    error = position.realized_pnl - (cash + position.net_qty * position.avg_px)
    assert abs(error) < D("1E-15")
    assert (position.net_qty == 0) is (position.avg_px == 0)


@given(st.lists(trade, max_size=15))
def test_recount_equals_trading(trades: list[tuple[int, int]]) -> None:
    *_, counted = (FLAT, *recomputed([fill(quantity, price) for quantity, price in trades], FLAT, D(1), 0))
    assert replace(counted, updated_ns=0) == replace(after(*trades), updated_ns=0)
