"""The template: every branch of it, and the shape of a test for a strategy of one's own."""

from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest

from gateway.strategies import Cancel, New, Side, TimeInForce, Wake
from gateway.strategies.template import Template, TemplateMemory, TemplateParams
from gateway.testing import StrategyHarness

D = Decimal


def bought(price: str = "156.010") -> StrategyHarness:
    """It has bought 1000 at `price`, and offers them."""
    desk = StrategyHarness(Template(TemplateParams()))
    desk.book("156.000", price)
    desk.accept(desk.sent[0])
    desk.fill(desk.sent[0])
    return desk


def test_buys_at_once_what_is_offered() -> None:
    desk = StrategyHarness(Template(TemplateParams(quantity=D(3000))))
    (buy,) = desk.book("156.000", "156.010")
    assert isinstance(buy, New)
    assert (buy.side, buy.quantity, buy.price, buy.time_in_force) == (Side.BUY, 3000, D("156.010"), TimeInForce.IOC)


def test_offers_what_it_bought_and_sets_a_timer() -> None:
    desk = bought()
    offer = desk.sent[-1]
    assert (offer.side, offer.quantity, offer.price) == (Side.SELL, 1000, D("156.012"))
    assert desk.timers == {"patience": desk.now_ns + 5 * 1_000_000_000}


def test_begins_anew_when_the_offer_trades() -> None:
    desk = bought()
    desk.accept(desk.sent[-1])
    (again,) = desk.fill(desk.sent[-1])
    assert isinstance(again, New)
    assert again.side is Side.BUY
    assert desk.position() == 0
    assert desk.memory == TemplateMemory(rounds=2)


def test_gets_out_when_it_takes_too_long() -> None:
    desk = bought()
    offer = desk.sent[-1]
    desk.accept(offer)
    assert desk.advance("4.9") == []
    assert desk.advance("0.2") == [Cancel(order_id=offer.order_id)]
    (sell,) = desk.confirm_cancel(offer)
    assert isinstance(sell, New)
    assert (sell.side, sell.price, sell.time_in_force) == (Side.SELL, D("156.000"), TimeInForce.IOC)
    assert desk.memory.late
    desk.fill(desk.sent[-1])
    assert desk.memory == TemplateMemory(rounds=2, late=False)


def test_a_cancel_is_asked_for_once() -> None:
    desk = bought()
    desk.accept(desk.sent[-1])
    desk.advance("5.1")
    assert desk.book("156.000", "156.010") == []


def test_what_is_filled_in_part_is_offered_in_part() -> None:
    desk = StrategyHarness(Template(TemplateParams(quantity=D(3000))))
    desk.book("156.000", "156.010")
    desk.accept(desk.sent[0])
    assert desk.fill(desk.sent[0], "1000") == []
    offer, wake = desk.confirm_cancel(desk.sent[0])
    assert isinstance(offer, New)
    assert isinstance(wake, Wake)
    assert offer.quantity == 1000


def test_waits_while_nothing_can_be_traded() -> None:
    desk = StrategyHarness(Template(TemplateParams()))
    desk.disconnect()
    assert desk.book("156.000", "156.010") == []


def test_a_restart_in_the_middle_changes_nothing() -> None:
    desk = bought()
    desk.accept(desk.sent[-1])
    desk.restart()
    desk.advance("5.1")
    assert [command.kind.value for command in desk.sent][-1] == "CANCEL"
    desk.check_determinism()


def test_keeps_nothing_outside_its_memory() -> None:
    desk = bought()
    desk.accept(desk.sent[-1])
    desk.advance("5.1")
    desk.confirm_cancel(desk.sent[-1])
    desk.fill(desk.sent[-1])
    desk.check_determinism()


@pytest.mark.parametrize("params", [{"quantity": "0"}, {"profit_ticks": 0}, {"patience_seconds": 0}, {"typo": 1}])
def test_parameters_that_make_no_sense_are_refused(params: dict[str, object]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(msgspec.json.encode(params), type=TemplateParams)
