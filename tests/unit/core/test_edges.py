"""Limits, prices and waiting at their edges, where a comparison could be off by one and nothing else would notice."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from gateway.core import execution_control as control
from gateway.core.dominance import waits
from gateway.core.events import BookSnapshot, Denied, FeedStatus, InDoubt, Level, MarketTrade, StatusRequested, TradingSwitched
from gateway.core.execution_control import replace_command
from gateway.core.orders import Terms
from gateway.core.risk import OTHER_CODES, basis
from gateway.core.settings import RiskLimits
from gateway.core.turn import Turn
from gateway.core.values import NANOS, CommandKind, FeedState, OrderType, Side, TradingState
from gateway.testing.harness import SYMBOL, VENUE, Harness, settings

D = Decimal


def limited(**limits: Any) -> Harness:
    return Harness(config=settings(risk={"all": RiskLimits(**limits)})).open()


def denied(harness: Harness) -> str | None:
    """Code of the denial that the last order met; None when it went."""
    kind = harness.records[-1].event
    return kind.code if isinstance(kind, Denied) else None


# ----------------------------------------------------------------------------------------------------------------- risk


@pytest.mark.parametrize("name", ["max_gross_exposure", "max_net_exposure", "max_daily_value"])
def test_a_limit_is_reached_and_not_passed(name: str) -> None:
    harness = limited(**{name: D(1000 * 156)})
    harness.request_order(Side.BUY, "1000", "156")
    assert denied(harness) is None
    harness.request_order(Side.BUY, "1000", "156")
    assert denied(harness) == name


def test_daily_value_counts_sells_and_buys_that_are_open() -> None:
    harness = limited(max_daily_value=D(3000 * 156))
    for side in (Side.BUY, Side.SELL, Side.BUY):
        harness.request_order(side, "1000", "155" if side is Side.BUY else "156")
        assert denied(harness) is None
    harness.request_order(Side.SELL, "1000", "156")
    assert denied(harness) == "max_daily_value"


@pytest.mark.parametrize("name", ["max_gross_exposure", "max_net_exposure", "max_daily_value"])
def test_a_replace_that_makes_an_order_smaller_or_cheaper_passes_a_limit_that_is_full(name: str) -> None:
    harness = limited(**{name: D(2000 * 156)})
    order_id = harness.request_order(Side.BUY, "2000", "156")
    harness.accept(order_id)
    harness.request_replace(order_id, price="155")
    assert denied(harness) is None
    harness.confirm_replace(order_id)
    harness.request_replace(order_id, quantity="1000")
    assert denied(harness) is None
    harness.confirm_replace(order_id)
    harness.request_replace(order_id, quantity="3000")
    assert denied(harness) == name


def test_a_replace_is_measured_against_the_dearest_of_what_it_may_be_now() -> None:
    """Accepted, or asked for and unanswered, or waiting to be asked for."""
    harness = limited(max_gross_exposure=D(1000 * 158))
    order_id = harness.request_order(Side.BUY, "1000", "156")
    harness.accept(order_id)
    harness.request_replace(order_id, price="158")
    assert denied(harness) is None
    harness.request_replace(order_id, price="157.5")  # waits behind it, and is cheaper
    assert denied(harness) is None
    harness.request_replace(order_id, price="159")
    assert denied(harness) == "max_gross_exposure"


def test_only_a_first_request_is_another_order() -> None:
    harness = Harness(
        config=settings(rate_per_second=D(1), risk={"all": RiskLimits(max_open_orders=2, max_daily_orders=2)})
    ).open()
    harness.request_order()
    waiting = harness.request_order()
    harness.request_replace(waiting, quantity="9000")  # the NEW that waits gets other terms
    assert denied(harness) is None
    assert harness.state.execution.pending[waiting].command.request == 2
    harness.request_order()
    assert denied(harness) == "max_open_orders"


def test_duplicates_are_over_with_the_whole_span() -> None:
    harness = limited(duplicate_order_seconds=1)
    harness.request_order()
    at = harness.now_ns
    harness.now_ns = at + NANOS - 2_000_000
    harness.request_order()
    assert denied(harness) == "duplicate_order"
    harness.now_ns = at + NANOS - 1_000_000
    harness.request_order()
    assert denied(harness) is None


def test_market_data_is_as_old_as_it_may_be() -> None:
    harness = limited(max_market_data_age_seconds=1)
    harness.book("155", "157")
    at = harness.now_ns
    harness.now_ns = at + NANOS - 1_000_000
    harness.request_order()
    assert denied(harness) is None
    harness.request_order()
    assert denied(harness) == "market_data_stale"


def test_self_match_meets_an_order_that_waits_to_be_sent_and_no_stop() -> None:
    risk = {"all": RiskLimits(prevent_self_match=True)}
    harness = Harness(config=settings(rate_per_second=D(1), risk=risk)).open()
    harness.request_order(Side.BUY, price="150")
    waiting = harness.request_order(Side.SELL, price="156")
    assert waiting in harness.state.execution.pending
    harness.request_order(Side.BUY, price="156")
    assert denied(harness) == "self_match"
    harness.request_order(Side.BUY, price=None, stop_price=D(156), order_type=OrderType.STOP)
    assert denied(harness) is None


NO = "trading_disabled"


@pytest.mark.parametrize(("bought", "side", "quantity", "code"), [
    ("5000", Side.SELL, "5000", None), ("5000", Side.SELL, "6000", NO), ("5000", Side.BUY, "1000", NO),
    ("-5000", Side.BUY, "5000", None), ("-5000", Side.SELL, "1000", NO), ("0", Side.SELL, "1000", NO),
    ("0", Side.BUY, "1000", NO), ("1", Side.SELL, "1", None), ("1", Side.BUY, "1", NO),
])  # fmt: skip
def test_reduced_brings_a_position_nearer_to_zero(bought: str, side: Side, quantity: str, code: str | None) -> None:
    base = settings()
    fine = replace(base.instruments[SYMBOL], lot_size=D(1))
    harness = Harness(config=replace(base, instruments={SYMBOL: fine})).open()
    if D(bought):
        order_id = harness.request_order(Side.BUY if D(bought) > 0 else Side.SELL, str(abs(D(bought))))
        harness.fill(order_id, str(abs(D(bought))))
    harness.feed(TradingSwitched(actor="a", request_id="t", scope="all", state=TradingState.REDUCED))
    harness.request_order(side, quantity)
    assert denied(harness) == code


def test_codes_beside_those_of_the_controls_keep_their_names() -> None:
    fixed = {"no_reference", "no_rate", "rule_error", "unknown_order", "order_closed", "no_change"}
    assert fixed <= set(OTHER_CODES)
    assert all(OTHER_CODES.values())


# --------------------------------------------------------------------------------------------------------------- prices


def levels(*prices: str) -> tuple[Level, ...]:
    return tuple(Level(D(price), D(1000)) for price in prices)


@pytest.mark.parametrize(("bids", "asks", "price"), [
    (("155", "154"), ("157", "158"), "156"), (("155", "154"), (), "155"), ((), ("157", "158"), "157"), ((), (), "149"),
])  # fmt: skip
def test_market_price_is_the_mid_or_the_best_of_one_side_or_the_last_trade(bids: Any, asks: Any, price: str) -> None:
    harness = Harness().open()
    assert basis.reference_price(harness.state, VENUE, SYMBOL) == 156
    assert basis.reference_price(harness.state, VENUE, "UNKNOWN") is None
    harness.feed(MarketTrade(venue=VENUE, symbol=SYMBOL, price=D(149), quantity=D(1)))
    harness.feed(FeedStatus(venue=VENUE, symbol=SYMBOL, status=FeedState.UP))
    assert basis.market_price(harness.state, VENUE, SYMBOL) == 149, "a feed that is up and has no book yet"
    harness.feed(BookSnapshot(venue=VENUE, symbol=SYMBOL, bids=levels(*bids), asks=levels(*asks)))
    assert basis.market_price(harness.state, VENUE, SYMBOL) == D(price)


def test_added_quantity_of_a_replace_is_what_lies_above_what_counts() -> None:
    harness = Harness().open()
    order_id = harness.request_order(Side.BUY, "10000")
    harness.fill(order_id, "4000")
    for quantity, added in (("10000", 0), ("9000", 0), ("13000", 3000)):
        command = replace_command(harness.state, harness.order(order_id), Terms(quantity=D(quantity), price=D(156)))
        assert basis.added_quantity(harness.state, command) == added


# -------------------------------------------------------------------------------------------------------------- waiting


def test_new_terms_wait_while_the_order_s_own_are_unknown() -> None:
    harness = Harness().open()
    order_id = harness.request_order()
    harness.accept(order_id)
    for doubt in (None, "day_rolled"):
        order = replace(harness.order(order_id), in_doubt=doubt)
        assert waits(order, CommandKind.REPLACE, urgent=False) is (doubt is not None)
        assert waits(order, CommandKind.CANCEL, urgent=False) is False
    assert waits(None, CommandKind.NEW, urgent=False) is False


def turned(harness: Harness, do: Callable[[Turn], None]) -> list[Any]:
    """Events that `do` decides."""
    turn = Turn(harness.state, run_id=1, at_ns=harness.now_ns, wall_ns=0)
    do(turn)
    return [one.event for one in turn.step().records]


def test_an_order_is_asked_about_once_unless_again_and_only_where_it_can_be() -> None:
    harness = Harness().open()
    order_id = harness.request_order()
    order = harness.order(order_id)
    assert [type(event) for event in turned(harness, lambda turn: control.ask_status(turn, order))] == [StatusRequested]
    assert turned(harness, lambda turn: control.ask_status(turn, order)) == []
    assert len(turned(harness, lambda turn: control.ask_status(turn, order, again=True))) == 1
    nowhere = replace(order, venue="GONE")
    assert turned(harness, lambda turn: control.ask_status(turn, nowhere, again=True)) == []
    harness.disconnect()
    unsettled = turned(harness, lambda turn: control.ask_status(turn, replace(order, in_doubt=None), again=True))
    assert unsettled == [], "it is in doubt already, for the disconnect"


def test_an_order_that_cannot_be_asked_about_yet_is_in_doubt() -> None:
    harness = Harness().open()
    order_id = harness.request_order()
    harness.accept(order_id)
    harness.disconnect()
    found = turned(harness, lambda turn: control.ask_status(turn, harness.order(order_id)))
    assert found == [InDoubt(order_id=order_id, reason="not_settled")]


def test_no_other_than_a_cancel_is_urgent_under_kill() -> None:
    """Nothing but risk stands between a kill and a NEW, so the queue must not hurry one."""
    harness = Harness(config=settings(rate_per_second=D(1))).open()
    order_id = harness.request_order()
    harness.accept(order_id)
    harness.kill()
    order = harness.order(order_id)
    command = control.replace_command(harness.state, order, order.terms)
    assert control.held(harness.state, command) is not None
    harness.state.execution.buckets[VENUE] = harness.now_ns + NANOS
    assert control.held(harness.state, replace(command, kind=CommandKind.CANCEL)) != "rate"


def test_a_cancel_names_a_replace_on_its_way_only_where_the_venue_wants_it() -> None:
    for last_sent in (False, True):
        base = settings()
        config = replace(base, venues={VENUE: replace(base.venues[VENUE], cancel_names_last_sent=last_sent)})
        harness = Harness(config=config).open()
        order_id = harness.request_order()
        harness.accept(order_id)
        accepted = harness.order(order_id).cl_ord_id
        harness.request_cancel(order_id)
        assert harness.sent()[-1].orig_cl_ord_id == accepted, "nothing else is on its way"
        again = harness.request_order(price="155")
        harness.accept(again)
        first = harness.order(again).cl_ord_id
        harness.request_replace(again, price="154")
        asked = harness.order(again).new_in_flight
        harness.kill()
        assert harness.sent()[-1].orig_cl_ord_id == (asked if last_sent else first)
