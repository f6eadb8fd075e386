"""What a change of an order adds to a limit that is full: nothing, as long as it asks for no more than was approved before."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from gateway.core.events import ConfigurationUpdated, Denied, FeedStatus, FillBusted
from gateway.core.settings import CoreSettings, RiskLimits
from gateway.core.values import NANOS, FeedState, OrderType, Side
from gateway.testing.harness import SYMBOL, TRADING_DATE, VENUE, Harness, settings

D = Decimal
NAMES = ("max_gross_exposure", "max_net_exposure", "max_daily_value")
EUR = "EUR/USD"


def config(euro: dict[str, Any] | None = None, **limits: Any) -> CoreSettings:
    """Lots of one; USD/JPY at 156."""
    base = settings(risk={"all": RiskLimits(**limits)})
    yen = replace(base.instruments[SYMBOL], lot_size=D(1))
    other = replace(yen, symbol=EUR, **(euro or {"currency": "USD", "reference_price": D(1)}))
    return replace(base, instruments={EUR: other, SYMBOL: yen})


def denied(harness: Harness) -> str | None:
    event = harness.records[-1].event
    return event.code if isinstance(event, Denied) else None


def filled_up(name: str, **first: Any) -> tuple[Harness, str]:
    """An order of 1000 that was approved at 160, and others that leave room for less than one more at 156."""
    harness = Harness(config=config(**{name: D(160_000 + 78_000)})).open()
    order_id = harness.request_order(Side.BUY, "1000", **{"price": "160", **first})
    harness.accept(order_id)
    return harness, order_id


def fill_the_room(harness: Harness) -> None:
    for quantity in ("400", "100", "25", "1", "1", "1"):
        harness.request_order(Side.BUY, quantity, "156")
    assert denied(harness) is not None


@pytest.mark.parametrize("name", NAMES)
def test_cheaper_or_smaller_than_accepted(name: str) -> None:
    for terms in ({"price": "159"}, {"quantity": "900"}):
        harness, order_id = filled_up(name)
        fill_the_room(harness)
        harness.request_replace(order_id, **terms)
        assert denied(harness) is None, terms


@pytest.mark.parametrize("name", NAMES)
def test_cheaper_than_a_stop_s_price(name: str) -> None:
    harness, order_id = filled_up(name, price=None, stop_price=D(160), order_type=OrderType.STOP)
    fill_the_room(harness)
    harness.request_replace(order_id, stop_price="159")
    assert denied(harness) is None


@pytest.mark.parametrize("kind", [OrderType.LIMIT, OrderType.STOP])
def test_cheaper_than_what_is_on_its_way_or_waits(kind: OrderType) -> None:
    def terms(price: str) -> dict[str, str]:
        return {"price": price} if kind is OrderType.LIMIT else {"stop_price": price}

    for steps in (("160",), ("157", "160")):
        first = {"price": "156"} if kind is OrderType.LIMIT else {"price": None, "stop_price": D(156), "order_type": kind}
        harness, order_id = filled_up("max_gross_exposure", **first)
        for price in steps:
            harness.request_replace(order_id, **terms(price))
            assert denied(harness) is None
        fill_the_room(harness)
        harness.request_replace(order_id, **terms("159"))
        assert denied(harness) is None, steps


def test_cheaper_than_a_new_order_that_waits() -> None:
    base = config(max_gross_exposure=D(160_000 + 78_000))
    slow = replace(base.venues[VENUE], rate_per_second=D(1))
    harness = Harness(config=replace(base, venues={VENUE: slow})).open()
    harness.request_order(Side.SELL, "1", "156")  # takes the token
    order_id = harness.request_order(Side.BUY, "1000", "160")
    assert order_id in harness.state.execution.pending
    fill_the_room(harness)
    harness.request_replace(order_id, price="159")
    assert denied(harness) is None
    assert harness.state.execution.pending[order_id].command.price == 159


def test_a_cancel_that_waits_says_no_price() -> None:
    """It still has the price the order had when it was asked for; since then a replace has made the order cheaper."""
    base = config(max_gross_exposure=D(160_000 + 78_000))
    slow = replace(base.venues[VENUE], rate_per_second=D(1))
    harness = Harness(config=replace(base, venues={VENUE: slow})).open()
    other, order_id = harness.request_order(Side.SELL, "1", "156"), harness.request_order(Side.BUY, "1000", "160")
    harness.pass_deadline()
    for known in (other, order_id):
        harness.accept(known)
    harness.now_ns += 10 * NANOS
    harness.request_replace(order_id, price="150")
    harness.request_cancel(other)
    harness.request_cancel(order_id)
    harness.confirm_replace(order_id)
    assert harness.order(order_id).price == 150
    assert harness.state.execution.pending[order_id].command.price == 160
    fill_the_room(harness)
    harness.request_replace(order_id, price="158")
    assert denied(harness) == "max_gross_exposure"


def test_a_market_order_is_not_made_larger_once_there_is_no_price_any_more() -> None:
    base = config(max_gross_exposure=D(10**9))
    unpriced = {name: replace(one, reference_price=None) for name, one in base.instruments.items()}
    harness = Harness(config=replace(base, instruments=unpriced)).open()
    harness.book("155", "157")
    order_id = harness.request_order(Side.BUY, "1000", None, order_type=OrderType.MARKET)
    harness.accept(order_id)
    harness.feed(FeedStatus(venue=VENUE, status=FeedState.STALE))
    harness.request_replace(order_id, quantity="2000")
    assert denied(harness) == "no_reference"


def test_what_brings_a_position_down_passes_a_limit_that_was_lowered_below_it() -> None:
    harness = Harness(config=config(max_gross_exposure=D(156_000))).open()
    harness.fill(harness.request_order(Side.BUY, "1000", "156"), "1000")
    reconfigure(harness, config(max_gross_exposure=D(78_000)))
    harness.request_order(Side.SELL, "1000", "156")
    assert denied(harness) is None
    harness.request_order(Side.BUY, "1", "156")
    assert denied(harness) == "max_gross_exposure"


def reconfigure(harness: Harness, changed: CoreSettings) -> None:
    harness.feed(ConfigurationUpdated(actor="a", request_id=f"c{harness.now_ns}", settings=changed))


def test_what_was_traded_in_a_currency_without_a_rate_denies_until_it_is_taken_back() -> None:
    harness = Harness(config=config()).open()
    order_id = harness.request_order(Side.BUY, "1000", "1", symbol=EUR)
    harness.fill(order_id, "1000", "1", exec_id="E9")
    reconfigure(harness, replace(config(max_daily_value=D(156_000), currency="JPY"), rates={"JPY": D(1)}))
    harness.request_order(Side.BUY, "1000", "156")
    assert denied(harness) == "no_rate"
    harness.report(FillBusted, order_id, exec_id="B1", exec_ref_id="E9", trade_date=TRADING_DATE, leaves_qty=D(0))
    harness.request_order(Side.BUY, "1000", "156")
    assert denied(harness) is None


def test_what_was_traded_in_another_currency_is_not_counted_without_one_for_the_limit() -> None:
    harness = Harness(config=config(max_daily_value=D(156_000))).open()
    harness.fill(harness.request_order(Side.BUY, "1000", "1", symbol=EUR), "1000", "1")
    harness.fill(harness.request_order(Side.BUY, "999", "156"), "999")
    harness.request_order(Side.BUY, "2", "156")
    (event,) = harness.events(Denied)
    assert event.reason == "155844 JPY traded today, 0 open and 312 more are above max_daily_value 156000 (all)"
    harness.request_order(Side.BUY, "1", "156")
    assert denied(harness) is None


def test_an_order_in_another_currency_counts_at_its_rate_towards_the_day() -> None:
    limits = config(max_daily_value=D(160_000), currency="JPY")
    harness = Harness(config=replace(limits, rates={"JPY": D("0.5"), "USD": D(80)})).open()
    harness.request_order(Side.BUY, "1001", "1", symbol=EUR)
    (event,) = harness.events(Denied)
    assert event.reason == "0 JPY traded today, 0 open and 160160 more are above max_daily_value 160000 (all)"
    harness.request_order(Side.BUY, "1000", "1", symbol=EUR)
    assert len(harness.sent()) == 1


@pytest.mark.parametrize("name", NAMES)
def test_what_was_filled_in_an_instrument_that_is_configured_no_more_stands_in_nobody_s_way(name: str) -> None:
    harness = Harness(config=config()).open()
    order_id = harness.request_order(Side.BUY, "1000", "1", symbol=EUR)
    limits = config(**{name: D(156_000)}, currency="JPY")
    known = {SYMBOL: limits.instruments[SYMBOL]}
    reconfigure(harness, replace(limits, instruments=known, rates={"JPY": D(1)}))
    harness.fill(order_id, "1000", "1")
    assert harness.position(symbol=EUR) == 1000
    harness.request_order(Side.BUY, "1000", "156")
    assert denied(harness) is None
    harness.request_order(Side.BUY, "1", "156")
    assert denied(harness) == name


def test_other_currencies_come_first_and_do_not_end_the_sum() -> None:
    harness = Harness(config=config(max_gross_exposure=D(156_000))).open()
    harness.request_order(Side.BUY, "1000", "1", symbol=EUR)
    harness.request_order(Side.BUY, "600", "156")
    assert denied(harness) is None
    harness.request_order(Side.BUY, "500", "156")
    assert denied(harness) == "max_gross_exposure"


def test_an_instrument_without_a_price_leaves_the_sum_unknown() -> None:
    harness = Harness(config=config({"reference_price": None}, max_gross_exposure=D(10**9))).open()
    harness.request_order(Side.BUY, "1000", "1", symbol=EUR)
    assert denied(harness) is None, "it has its own price"
    harness.request_order(Side.BUY, "600", "156")
    assert denied(harness) == "no_reference"


def test_what_nets_to_nothing_at_one_venue_does_not_end_the_sum() -> None:
    base = config(max_net_exposure=D(156_000))
    other = replace(base.venues[VENUE], name="ALT", session="FIX.4.4:GATEWAY->ALT")
    harness = Harness(config=replace(base, venues={**base.venues, "ALT": other})).open()
    for side in (Side.BUY, Side.SELL):
        harness.fill(harness.request_order(side, "500", "156"), "500")
    harness.request_order(Side.SELL, "10", "160")
    harness.request_order(Side.BUY, "600", "156", venue="ALT")
    assert denied(harness) is None
    harness.request_order(Side.BUY, "500", "156", venue="ALT")
    assert denied(harness) == "max_net_exposure"


def test_the_first_order_of_a_day() -> None:
    harness = Harness(config=config(max_daily_orders=1)).open()
    harness.request_order(Side.BUY, "1", "156")
    assert denied(harness) is None
    harness.request_order(Side.BUY, "1", "156")
    assert denied(harness) == "max_daily_orders"


def test_a_replace_is_no_duplicate_of_the_order_it_comes_to_resemble() -> None:
    harness = Harness(config=config(duplicate_order_seconds=60)).open()
    for price in ("156", "155"):
        order_id = harness.request_order(Side.BUY, "1000", price)
        harness.accept(order_id)
    harness.request_replace(order_id, price="156")
    assert denied(harness) is None
    harness.request_order(Side.BUY, "1000", "155")
    assert denied(harness) == "duplicate_order"
