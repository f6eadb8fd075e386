"""What a change of an order adds to a limit that is full: nothing, as long as it asks for no more than was approved before."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from gateway.core.events import Denied
from gateway.core.settings import CoreSettings, RiskLimits
from gateway.core.values import OrderType, Side
from gateway.testing.harness import SYMBOL, VENUE, Harness, settings

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
