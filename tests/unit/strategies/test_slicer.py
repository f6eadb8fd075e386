"""The slicer: a parent order in even parts, what was missed made up for, done at the end and never beyond its limit."""

from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest

from gateway.core.orders import Command
from gateway.core.values import NANOS, CommandKind, Side, TimeInForce
from gateway.strategies.slicer import Slicer, SlicerMemory, SlicerParams
from gateway.testing.harness import Harness

D = Decimal
MINUTE = 60 * NANOS


def working(**params: object) -> Harness:
    """Buys 40,000 in four parts, one a minute; the market is 155.990 / 156.010."""
    chosen = {"parent": "p1", "side": Side.BUY, "quantity": D(40000), "slices": 4, **params}
    harness = Harness({"slicer": Slicer(SlicerParams(**chosen))}).open()  # type: ignore[arg-type]
    harness.book("155.990", "156.010")
    return harness


def tick(harness: Harness, minutes: int = 0) -> None:
    harness.now_ns += minutes * MINUTE
    harness.book("155.990", "156.010")


def last(harness: Harness, count: int) -> Command:
    """The youngest of `count` new orders."""
    sent = harness.sent(CommandKind.NEW)
    assert len(sent) == count, sent
    return sent[-1]


def fill(harness: Harness, command: Command, quantity: str) -> None:
    harness.accept(command.order_id)
    harness.fill(command.order_id, quantity, "155.990")


def memory(harness: Harness) -> SlicerMemory:
    return msgspec.json.decode(harness.state.control.strategies["slicer"].memory or "", type=SlicerMemory)


def test_the_first_part_rests_at_the_near_touch() -> None:
    harness = working()
    command = last(harness, 1)
    assert (command.side, command.quantity, command.price) == (Side.BUY, 10000, D("155.990"))
    assert command.time_in_force is TimeInForce.DAY
    tick(harness)
    assert len(harness.sent()) == 1


def test_a_part_that_is_done_is_followed_by_the_next_when_that_is_due() -> None:
    harness = working()
    fill(harness, last(harness, 1), "10000")
    tick(harness)
    last(harness, 1)
    tick(harness, minutes=1)
    assert last(harness, 2).quantity == 10000


def test_a_quiet_market_keeps_nothing_waiting() -> None:
    harness = working()
    first = last(harness, 1)
    harness.accept(first.order_id)
    while not harness.sent(CommandKind.CANCEL):
        harness.pass_deadline()
    assert harness.now_ns == memory(harness).started_ns + MINUTE
    harness.confirm_cancel(first.order_id)
    while len(harness.sent(CommandKind.NEW)) == 1:
        harness.pass_deadline()
    assert last(harness, 2).quantity == 20000
    assert harness.now_ns < memory(harness).started_ns + MINUTE + 2 * NANOS


def test_what_an_interval_missed_is_taken_back_and_made_up_for() -> None:
    harness = working()
    first = last(harness, 1)
    fill(harness, first, "4000")
    tick(harness, minutes=1)
    tick(harness)
    assert [c.order_id for c in harness.sent(CommandKind.CANCEL)] == [first.order_id]
    last(harness, 1)
    harness.confirm_cancel(first.order_id)
    tick(harness)
    assert last(harness, 2).quantity == 16000


def test_the_last_interval_crosses_the_spread_until_all_is_done() -> None:
    harness = working(slices=1)
    command = last(harness, 1)
    assert (command.price, command.quantity, command.time_in_force) == (D("156.010"), 40000, TimeInForce.IOC)
    fill(harness, command, "15000")
    harness.confirm_cancel(command.order_id)
    tick(harness)
    again = last(harness, 2)
    assert again.quantity == 25000
    fill(harness, again, "25000")
    tick(harness, minutes=10)
    last(harness, 2)
    assert harness.position("slicer") == 40000


def test_sells_from_whatever_it_holds() -> None:
    harness = working(side=Side.SELL, slices=2)
    command = last(harness, 1)
    assert (command.side, command.quantity, command.price) == (Side.SELL, 20000, D("156.010"))


def test_pays_nothing_beyond_its_limit() -> None:
    harness = working(limit_price=D("155.980"))
    assert last(harness, 1).price == D("155.980")
    final = working(limit_price=D("156.000"), slices=1)
    assert final.sent() == []
    final.book("155.980", "156.000")
    assert last(final, 1).price == D("156.000")


def test_parts_are_on_the_lot_grid_and_nothing_is_left_over() -> None:
    harness = working(quantity=D(10000), slices=3)
    quantities = []
    for minute in range(3):
        if minute:
            tick(harness, minutes=1)
        command = last(harness, minute + 1)
        fill(harness, command, str(command.quantity))
        quantities.append(command.quantity)
    assert quantities == [3000, 3000, 4000]


def test_a_restart_goes_on_with_the_parent_and_another_name_begins_another() -> None:
    harness = working(slices=1)
    fill(harness, last(harness, 1), "40000")
    tick(harness)
    began = memory(harness).started_ns
    harness.core._strategies["slicer"] = Slicer(SlicerParams(parent="p2", side=Side.SELL, quantity=D(5000), slices=1))
    tick(harness)
    assert (last(harness, 2).side, last(harness, 2).quantity) == (Side.SELL, 5000)
    assert (memory(harness).parent, memory(harness).position) == ("p2", 40000)
    assert memory(harness).started_ns > began


@pytest.mark.parametrize(
    "change",
    [
        {"parent": ""},
        {"quantity": "0"},
        {"slices": 0},
        {"interval_seconds": 0},
        {"limit_price": "-1"},
        {"side": "short"},
        {"x": 1},
    ],
)
def test_parameters_that_make_no_sense_are_refused(change: dict[str, object]) -> None:
    params = {"parent": "p", "side": "buy", "quantity": "1", **change}
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(msgspec.json.encode(params), type=SlicerParams)
