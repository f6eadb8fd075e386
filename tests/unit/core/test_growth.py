"""Nothing that an event costs grows with the number of open orders: counted in lines of the core that run, not in time."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

sys.path.append(str(Path(__file__).parents[2] / "bench"))

from crowd import Crowd, measured

from gateway.core.events import FillBusted
from gateway.core.indexes import MARK_EVERY
from gateway.testing.harness import TRADING_DATE, Harness

FEW, MANY = 80, 640
TIMES = 12
CASES = tuple(Crowd(0).cases())


@pytest.fixture(scope="module")
def costs() -> dict[str, tuple[int, int]]:
    """Case -> lines of the core that the dearest of its events ran, with few and with many orders open."""
    few, many = (counted(Crowd(orders)) for orders in (FEW, MANY))
    return {name: (few[name], many[name]) for name in few}


def counted(crowd: Crowd) -> dict[str, int]:
    return {name: max(lines_of(call) for call in measured(calls(), TIMES)) for name, calls in crowd.cases().items()}


def lines_of(call: Callable[[], object]) -> int:
    lines = 0

    def trace(frame: FrameType, what: str, _: Any) -> Any:
        nonlocal lines
        lines += what == "line"
        return trace if "gateway/core" in frame.f_code.co_filename else None

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        call()
    finally:
        sys.settrace(before)
    return lines


@pytest.mark.parametrize("name", [name for name in CASES if name not in ("correction", "bust")])
def test_an_event_costs_the_same_with_eight_times_the_orders(costs: dict[str, tuple[int, int]], name: str) -> None:
    few, many = costs[name]
    assert few > 30, "it does something"
    assert many <= few * 1.25


def test_an_amended_execution_costs_what_came_after_it_and_no_more() -> None:
    """The first amendment of a position counts its whole ledger; after that, from the last mark before it."""
    harness = Harness().open()
    orders = [harness.request_order(quantity="1000") for _ in range(4 * MARK_EVERY)]
    for order_id in orders:
        harness.fill(order_id, "1000", exec_id=f"E{order_id}")

    def bust(order_id: str) -> int:
        named = {"exec_id": f"B{order_id}", "exec_ref_id": f"E{order_id}", "trade_date": TRADING_DATE}
        return lines_of(lambda: harness.report(FillBusted, order_id, **named))

    costs = [bust(orders[place]) for place in (-1, -2, 5, -3)]
    assert costs[1] < costs[0] / 2
    assert costs[2] > costs[0] * 3 / 4, "what came after an early one is nearly all"
    assert costs[3] < costs[0] / 2
    assert harness.position() == 1000 * (len(orders) - 4)
