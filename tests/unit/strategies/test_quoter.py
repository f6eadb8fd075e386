"""The quoter: two quotes around the mid, leaning against its position, silent when it must be."""

from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest

from gateway.core.events import CancelRejected, FeedStatus
from gateway.core.settings import RiskLimits
from gateway.core.values import CommandKind, FeedState, OrderState, Side
from gateway.strategies.quoter import Quoter, QuoterParams
from gateway.testing.harness import VENUE, Harness, settings

D = Decimal


def quoting(**params: object) -> Harness:
    """By cancels and new orders unless `params` say otherwise."""
    harness = Harness({"quoter": Quoter(QuoterParams(**{"amend": False, **params}))}).open()  # type: ignore[arg-type]
    harness.book("155.990", "156.010")
    return harness


def quotes(harness: Harness) -> dict[Side, Decimal | None]:
    """Price of each side's working quote."""
    open_orders = (harness.order(i) for i in harness.state.execution.open["strategy:quoter"])
    return {order.side: order.price for order in open_orders if order.cancel_in_flight is None}


def working(harness: Harness, side: Side) -> str:
    return next(c.order_id for c in reversed(harness.sent(CommandKind.NEW)) if c.side is side)


def accept_all(harness: Harness) -> None:
    for order in list(harness.state.execution.orders.values()):
        if order.state is OrderState.SUBMITTED:
            harness.accept(order.order_id)


def test_quotes_both_sides_of_the_mid() -> None:
    harness = quoting()
    assert quotes(harness) == {Side.BUY: D("155.995"), Side.SELL: D("156.005")}
    assert {command.quantity for command in harness.sent()} == {10000}


def test_one_quote_a_side_however_often_the_book_comes() -> None:
    harness = quoting()
    accept_all(harness)
    for _ in range(3):
        harness.book("155.990", "156.010")
    assert len(harness.sent()) == 2


def test_never_crosses_the_market() -> None:
    harness = Harness({"quoter": Quoter(QuoterParams(half_spread_ticks=0))}).open()
    harness.book("155.999", "156.000")
    assert quotes(harness) == {Side.BUY: D("155.999"), Side.SELL: D("156.000")}


def test_stands_inside_a_market_that_is_narrower() -> None:
    harness = Harness({"quoter": Quoter(QuoterParams(half_spread_ticks=50, improve_ticks=2))}).open()
    harness.book("155.990", "156.010")
    assert quotes(harness) == {Side.BUY: D("155.992"), Side.SELL: D("156.008")}


def test_a_small_move_leaves_the_quotes_a_large_one_moves_them() -> None:
    harness = quoting(requote_ticks=3)
    accept_all(harness)
    harness.book("155.992", "156.012")
    assert harness.sent(CommandKind.CANCEL) == []
    harness.book("155.993", "156.013")
    cancels = harness.sent(CommandKind.CANCEL)
    assert len(cancels) == 2
    harness.book("155.993", "156.013")
    assert len(harness.sent()) == 4  # neither cancelled twice nor replaced before the old quote is gone
    for command in cancels:
        harness.confirm_cancel(command.order_id)
    accept_all(harness)
    assert quotes(harness) == {Side.BUY: D("155.998"), Side.SELL: D("156.008")}
    assert harness.state.control.strategies["quoter"].memory == '{"requotes":2}'


def test_leans_against_its_position() -> None:
    harness = quoting(max_inventory=D(20000), skew_ticks=10)
    accept_all(harness)
    harness.fill(working(harness, Side.BUY), "10000", "155.995")
    harness.confirm_cancel(working(harness, Side.SELL))
    accept_all(harness)
    assert quotes(harness) == {Side.BUY: D("155.990"), Side.SELL: D("156.000")}  # half the inventory: five ticks lower


def test_stops_quoting_the_side_that_would_exceed_its_inventory() -> None:
    harness = quoting(max_inventory=D(10000), skew_ticks=0)
    accept_all(harness)
    harness.fill(working(harness, Side.BUY), "10000", "155.995")
    assert harness.position("quoter") == 10000
    harness.book("155.990", "156.010")
    assert list(quotes(harness)) == [Side.SELL]


def test_quantity_shrinks_to_the_room_left_on_the_lot_grid() -> None:
    harness = quoting(max_inventory=D(14500), skew_ticks=0)
    accept_all(harness)
    harness.fill(working(harness, Side.BUY), "10000", "155.995")
    assert harness.order(working(harness, Side.BUY)).quantity == 4000


def test_pulls_its_quotes_when_the_book_cannot_be_believed_any_more() -> None:
    harness = quoting()
    accept_all(harness)
    harness.feed(FeedStatus(venue=VENUE, status=FeedState.STALE))
    assert len(harness.sent(CommandKind.CANCEL)) == 2
    harness.feed(FeedStatus(venue=VENUE, status=FeedState.GAP))
    for side in Side:
        harness.confirm_cancel(working(harness, side))
    assert len(harness.sent()) == 4  # neither cancelled twice nor quoted anew
    harness.book("155.990", "156.010")
    assert len(harness.sent(CommandKind.NEW)) == 4


def test_takes_back_a_quote_that_still_waits_when_the_book_is_gone() -> None:
    harness = Harness({"quoter": Quoter(QuoterParams())}, settings(rate_per_second=D(1), rate_burst=1)).open()
    harness.book("155.990", "156.010")
    assert len(harness.sent()) == len(harness.state.execution.pending) == 1
    harness.feed(FeedStatus(venue=VENUE, status=FeedState.STALE))
    assert not [one for one in harness.state.execution.pending.values() if one.command.kind is CommandKind.NEW]


def test_silent_without_a_book() -> None:
    one_sided = Harness({"quoter": Quoter(QuoterParams())}).open()
    one_sided.feed(FeedStatus(venue=VENUE, status=FeedState.UP))
    assert one_sided.sent() == []


def test_silent_while_nothing_may_be_traded() -> None:
    harness = Harness({"quoter": Quoter(QuoterParams())})
    harness.start()
    harness.book("155.990", "156.010")
    assert harness.records[-1].event.kind() == "book_snapshot"
    harness.log_on()
    harness.settle()
    harness.kill("strategy:quoter")
    harness.book("155.990", "156.010")
    assert harness.records[-1].event.kind() == "book_snapshot"
    assert harness.sent() == []


@pytest.mark.parametrize(
    "params", [{"quantity": "0"}, {"max_inventory": "0"}, {"skew_ticks": -1}, {"requote_ticks": 0}, {"improve_ticks": -1}]
)
def test_parameters_that_make_no_sense_are_refused(params: dict[str, object]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(msgspec.json.encode(params), type=QuoterParams)


def test_limits_of_the_desk_hold_for_it_too() -> None:
    config = settings(risk={"strategy:quoter": RiskLimits(max_open_orders=1)})
    harness = Harness({"quoter": Quoter(QuoterParams())}, config).open()
    harness.book("155.990", "156.010")
    assert [command.side for command in harness.sent()] == [Side.BUY]


def test_amends_its_quotes_where_it_may() -> None:
    harness = quoting(amend=True, requote_ticks=3, skew_ticks=0)
    accept_all(harness)
    bid = working(harness, Side.BUY)
    harness.fill(bid, "4000", "155.995")
    harness.book("155.980", "156.000")
    replaces = {command.side: command for command in harness.sent(CommandKind.REPLACE)}
    assert (replaces[Side.BUY].quantity, replaces[Side.BUY].price) == (D(10000), D("155.985"))
    assert harness.sent(CommandKind.CANCEL) == []
    sent = len(harness.sent())
    harness.book("155.980", "156.000")
    assert len(harness.sent()) == sent, "what was asked for is where it should be"
    harness.book("155.960", "155.980")
    assert len(harness.sent()) == sent, "one request at a time; the next waits"
    assert harness.state.execution.pending[bid].command.price == D("155.965")
    harness.confirm_replace(bid)
    assert harness.sent()[-1].price == D("155.965")


def test_cancels_what_it_may_not_quote_also_when_it_amends() -> None:
    harness = quoting(amend=True, max_inventory=D(10000), skew_ticks=0)
    accept_all(harness)
    ask = working(harness, Side.SELL)
    harness.fill(ask, "9500", "156.005")  # less room is left than a lot
    harness.book("155.950", "155.970")
    assert [command.order_id for command in harness.sent(CommandKind.CANCEL)] == [ask]
    assert {command.side for command in harness.sent(CommandKind.REPLACE)} == {Side.BUY}


def test_a_refused_cancel_is_asked_for_again_at_the_next_book_and_not_at_once() -> None:
    harness = quoting()
    accept_all(harness)
    harness.book("156.090", "156.110")
    bid = working(harness, Side.BUY)
    for cancels in (1, 2):
        mine = [command for command in harness.sent(CommandKind.CANCEL) if command.order_id == bid]
        assert len(mine) == cancels
        harness.report(CancelRejected, bid, cl_ord_id=mine[-1].cl_ord_id, ord_status="0", cxl_rej_reason="0")
        assert harness.order(bid).cancel_in_flight is None
        assert [c.order_id for c in harness.sent(CommandKind.CANCEL)].count(bid) == cancels
        harness.book("156.090", "156.110")
