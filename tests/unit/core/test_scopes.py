"""Every limit in every scope: it denies with its scope named, leaves what lies outside alone, and holds for replaces, too."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from gateway.core.events import ConfigurationUpdated, Denied
from gateway.core.risk import CONTROLS
from gateway.core.settings import CoreSettings, RiskLimits
from gateway.core.values import NANOS, Side
from gateway.testing.harness import ACCOUNT, SYMBOL, VENUE, Harness, settings

D = Decimal
SCOPES = ("all", f"venue:{VENUE}", "strategy:desk", f"account:{ACCOUNT}", f"instrument:{SYMBOL}")
ELSEWHERE = ("venue:NYSE", "strategy:maker", "account:B", "instrument:EUR/JPY")

DENY: dict[str, tuple[Any, str]] = {
    "max_order_quantity": (D(9_999), "max_order_quantity"),
    "max_order_value": (D(1_569_999), "max_order_value"),
    "price_collar_pct": (D("0.6"), "price_collar"),
    "fat_finger_pct": (D("0.6"), "fat_finger"),
    "max_open_orders": (1, "max_open_orders"),
    "max_position_long": (D(10_000), "max_position"),
    "max_position_short": (D(9_999), "max_position"),
    "max_gross_exposure": (D(1_569_999), "max_gross_exposure"),
    "max_net_exposure": (D(1_569_999), "max_net_exposure"),
    "max_daily_value": (D(1_569_999), "max_daily_value"),
    "max_daily_orders": (1, "max_daily_orders"),
    "max_orders_per_second": (1, "max_orders_per_second"),
    "duplicate_order_seconds": (60, "duplicate_order"),
    "max_market_data_age_seconds": (2, "market_data_stale"),
    "prevent_self_match": (True, "self_match"),
    "restricted": ((SYMBOL,), "restricted"),
    "permitted_instruments": (("EUR/JPY",), "not_permitted"),
    "permitted_sides": ((), "not_permitted"),
    "permitted_strategies": (("maker",), "not_permitted"),
}
"""Limit -> a value that denies the order of `ask`, and the code. 10,000 at 157, the reference at 156."""
BEFORE = {"max_open_orders", "max_position_long", "max_daily_orders", "max_orders_per_second", "duplicate_order_seconds"}
"""Limits that the first order passes: it is the second that is denied."""
BY_PRICE = (
    "max_order_value",
    "price_collar_pct",
    "fat_finger_pct",
    "max_gross_exposure",
    "max_net_exposure",
    "max_daily_value",
)
"""Limits that deny a replace of the price alone."""


def config(scope: str, limit: str) -> CoreSettings:
    return settings(risk={scope: RiskLimits(**{limit: DENY[limit][0]})})


def ask(harness: Harness, limit: str) -> str:
    side = Side.SELL if limit == "max_position_short" else Side.BUY
    return harness.request_order(side, "10000", "157")


def prepared(harness: Harness, limit: str) -> Harness:
    """Open, with prices that are two seconds old, and with what has to be there before the order that is denied."""
    harness.open()
    harness.book("155.5", "156.5")
    harness.now_ns += 2 * NANOS
    if limit in BEFORE:
        ask(harness, limit)
    elif limit == "prevent_self_match":
        harness.request_order(Side.SELL, "10000", "157")
    assert not harness.events(Denied)
    return harness


def test_every_limit_is_here() -> None:
    limits = {name for control in CONTROLS for name in control.limits} - {"currency"}
    assert limits == set(DENY)
    assert {code for _, code in DENY.values()} == {control.code for control in CONTROLS if control.limits}


@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize("limit", DENY)
def test_a_limit_denies_in_its_scope_and_names_it(limit: str, scope: str) -> None:
    harness = prepared(Harness(config=config(scope, limit)), limit)
    ask(harness, limit)
    (event,) = harness.events(Denied)
    assert event.code == DENY[limit][1]
    assert event.reason.endswith(f"({scope})")
    assert any(character.isdigit() for character in event.reason) or isinstance(DENY[limit][0], tuple), "with the numbers"


@pytest.mark.parametrize("limit", DENY)
def test_a_limit_of_other_scopes_leaves_the_order_alone(limit: str) -> None:
    risk = {scope: RiskLimits(**{limit: DENY[limit][0]}) for scope in ELSEWHERE}
    harness = prepared(Harness(config=settings(risk=risk)), limit)
    ask(harness, limit)
    assert not harness.events(Denied)


@pytest.mark.parametrize("limit", BY_PRICE)
def test_a_limit_that_is_set_while_an_order_is_open_holds_for_its_replace(limit: str) -> None:
    harness = Harness().open()
    order_id = harness.request_order(quantity="10000", price="156")
    harness.accept(order_id)
    limits = {"all": RiskLimits(**{limit: DENY[limit][0]})}
    harness.feed(ConfigurationUpdated(actor="a", request_id="c", settings=replace(harness.settings, risk=limits)))
    harness.request_replace(order_id, price="157")
    (event,) = harness.events(Denied)
    assert (event.intent, event.code) == ("REPLACE", DENY[limit][1])
    harness.request_replace(order_id, price="155.999")
    assert len(harness.events(Denied)) == 1
    harness.confirm_replace(order_id)
    assert harness.order(order_id).price == D("155.999")
