"""Opening positions and adjustments: positions that no execution explains, and what becomes of them when executions change."""

from __future__ import annotations

from decimal import Decimal

from msgspec.structs import replace

from gateway.core.changes import OperatorActed, PositionChanged
from gateway.core.events import FillBusted, FillCorrected, OpeningPosition, PositionAdjusted
from gateway.core.orders import Position
from gateway.core.settings import OpeningSettings
from gateway.core.turn import Step
from gateway.core.values import Side
from gateway.testing.harness import ACCOUNT, SYMBOL, TRADING_DATE, VENUE, Harness, settings

D = Decimal
KEY = (ACCOUNT, "desk", VENUE, SYMBOL)


def opening(quantity: int, avg_px: int, as_of: str) -> OpeningSettings:
    return OpeningSettings(
        account=ACCOUNT, strategy="desk", venue=VENUE, symbol=SYMBOL, quantity=D(quantity), avg_px=D(avg_px), as_of=as_of
    )


def adjust(harness: Harness, quantity: int, avg_px: int, request_id: str = "a1") -> Step:
    account, strategy, venue, symbol = KEY
    return harness.feed(
        PositionAdjusted(
            actor="alice", reason="the clearer says so", request_id=request_id, account=account, strategy=strategy,
            venue=venue, symbol=symbol, quantity=D(quantity), avg_px=D(avg_px),
        )
    )  # fmt: skip


def position(harness: Harness) -> Position:
    return harness.state.execution.positions[KEY]


def test_opening_positions_are_taken_over_once_per_date() -> None:
    harness = Harness(config=replace(settings(), positions=(opening(-5000, 150, "20250614"),))).open()
    assert (position(harness).net_qty, position(harness).avg_px) == (-5000, 150)
    harness.fill(harness.request_order(quantity="2000"), "2000", "149")
    assert (position(harness).net_qty, position(harness).realized_pnl) == (-3000, 2000)
    harness.start()
    assert position(harness).net_qty == -3000
    harness.settings = replace(harness.settings, positions=(opening(7000, 155, "20250615"),))
    harness.start()
    assert (position(harness).net_qty, position(harness).avg_px, position(harness).realized_pnl) == (7000, 155, 2000)
    assert [event.as_of for event in harness.events(OpeningPosition)] == ["20250614", "20250615"]


def test_an_adjustment_is_in_the_audit_trail_and_counts_once() -> None:
    harness = Harness().open()
    step = adjust(harness, 4000, 156)
    adjust(harness, 4000, 156)  # the retry
    changes = [change for _, found in step.changes for change in found]
    (moved,) = [change for change in changes if isinstance(change, PositionChanged)]
    (acted,) = [change for change in changes if isinstance(change, OperatorActed)]
    assert (moved.cause, moved.quantity, moved.price) == ("adjustment", 4000, 156)
    assert (acted.before, acted.after) == ("desk SIM USD/JPY: 0 at 0", "desk SIM USD/JPY: 4000 at 156")
    assert position(harness).net_qty == 4000
    assert harness.state.execution.exposure.of(KEY).net == 4000
    adjust(harness, 0, 156, "a2")
    assert (position(harness).net_qty, position(harness).avg_px) == (0, 0)


def test_an_amended_execution_is_replayed_with_the_adjustments_in_their_place() -> None:
    harness = Harness().open()
    first = harness.request_order(quantity="10000")
    harness.fill(first, "10000", "100", exec_id="E1")
    adjust(harness, 12_000, 110)
    harness.fill(harness.request_order(Side.SELL, "2000"), "2000", "120")
    assert (position(harness).net_qty, position(harness).realized_pnl) == (10_000, 20_000)
    harness.report(
        FillCorrected, first, exec_id="C1", exec_ref_id="E1", last_qty=D(9000), last_px=D(90), trade_date=TRADING_DATE
    )
    assert (position(harness).net_qty, position(harness).avg_px, position(harness).realized_pnl) == (9000, 110, 20_000)
    harness.report(FillBusted, first, exec_id="B1", exec_ref_id="E1", trade_date=TRADING_DATE)
    assert (position(harness).net_qty, position(harness).bought_qty) == (0, 0)
    assert harness.state.execution.exposure.of(KEY).net == 0


def test_a_correction_recounts_only_its_own_position() -> None:
    harness = Harness().open()
    mine, other = harness.request_order(account="A"), harness.request_order(account="B")
    harness.fill(mine, "10000", "100", exec_id="E1")
    harness.fill(other, "10000", "100")
    before = harness.state.execution.positions["B", "desk", VENUE, SYMBOL]
    harness.report(FillBusted, mine, exec_id="B1", exec_ref_id="E1", trade_date=TRADING_DATE, leaves_qty=D(0))
    assert harness.state.execution.positions["B", "desk", VENUE, SYMBOL] is before
    assert [len(keys) for keys in harness.state.execution.entries.values()] == [1, 1]
