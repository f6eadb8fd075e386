"""The momentum taker: waits for a move, goes with it at once, and never beyond its position."""

from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest

from gateway.core.orders import Command
from gateway.core.values import OrderState, Side, TimeInForce
from gateway.strategies.momentum import Momentum, MomentumParams
from gateway.testing.harness import Harness

D = Decimal


def trading(**params: object) -> Harness:
    """Triggers at 10 ticks; the anchor is 156.000."""
    harness = Harness({"momentum": Momentum(MomentumParams(**params))}).open()  # type: ignore[arg-type]
    harness.book("155.990", "156.010")
    return harness


def only_new(harness: Harness, before: int = 0) -> Command:
    [command] = harness.sent()[before:]
    return command


def fill(harness: Harness, command: Command) -> None:
    harness.accept(command.order_id)
    assert command.price is not None
    harness.fill(command.order_id, str(command.quantity), str(command.price))


def test_nothing_until_the_market_has_moved() -> None:
    harness = trading()
    harness.book("155.999", "156.019")
    harness.book("155.981", "156.001")
    assert harness.sent() == []


def test_buys_a_rise_at_once_through_the_touch() -> None:
    harness = trading()
    harness.book("156.000", "156.020")
    command = only_new(harness)
    assert (command.side, command.price, command.quantity) == (Side.BUY, D("156.022"), 10000)
    assert command.time_in_force is TimeInForce.IOC


def test_sells_a_fall() -> None:
    harness = trading(slippage_ticks=0, quantity=D(3000))
    harness.book("155.980", "156.000")
    command = only_new(harness)
    assert (command.side, command.price, command.quantity) == (Side.SELL, D("155.980"), 3000)


def test_follows_a_trend_clip_by_clip_up_to_its_position_and_unwinds_on_the_way_back() -> None:
    harness = trading(max_position=D(15000))
    for bid, ask, side, quantity in (
        ("156.000", "156.020", Side.BUY, 10000),
        ("156.010", "156.030", Side.BUY, 5000),
        ("156.000", "156.020", Side.SELL, 10000),
    ):
        before = len(harness.sent())
        harness.book(bid, ask)
        command = only_new(harness, before)
        assert (command.side, command.quantity) == (side, quantity)
        fill(harness, command)
    assert harness.position("momentum") == 5000


def test_stops_buying_at_its_position() -> None:
    harness = trading(max_position=D(10000))
    harness.book("156.000", "156.020")
    fill(harness, only_new(harness))
    harness.book("156.020", "156.040")
    assert len(harness.sent()) == 1


def test_one_order_at_a_time_and_a_cancelled_one_is_not_repeated() -> None:
    harness = trading()
    harness.book("156.000", "156.020")
    harness.book("156.050", "156.070")
    order_id = only_new(harness).order_id
    harness.accept(order_id)
    harness.confirm_cancel(order_id)
    assert len(harness.sent()) == 1
    assert harness.order(order_id).state is OrderState.CANCELLED
    harness.book("156.050", "156.070")  # the market is still away from where it last acted
    assert len(harness.sent()) == 2


def test_a_restart_remembers_where_it_last_acted() -> None:
    harness = trading()
    harness.book("156.000", "156.020")
    assert harness.state.control.strategies["momentum"].memory == '{"anchors":{"USD/JPY":"156.010"}}'


def test_silent_while_nothing_may_be_traded() -> None:
    harness = trading()
    harness.kill("strategy:momentum")
    harness.book("156.100", "156.120")
    assert harness.sent() == []


@pytest.mark.parametrize(
    "params",
    [{"quantity": "0"}, {"max_position": "-1"}, {"trigger_ticks": 0}, {"slippage_ticks": -1}, {"typo": 1}],
)
def test_parameters_that_make_no_sense_are_refused(params: dict[str, object]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(msgspec.json.encode(params), type=MomentumParams)
