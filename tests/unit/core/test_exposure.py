"""Exposure by its definition: worst cases, what counts of an order, who could trade with whom, and sums that vanish."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from gateway.core.exposure import Exposure, Sums
from gateway.core.orders import Command, Order, Terms
from gateway.core.values import CommandKind, OrderState, OrderType, Side, TimeInForce
from gateway.testing.harness import ACCOUNT, SYMBOL, VENUE

D = Decimal
KEY = (ACCOUNT, "desk", VENUE, SYMBOL)
SUMS = [(net, buying, selling) for net in (-7, -1, 0, 1, 7) for buying in (0, 2, 11) for selling in (0, 3, 13)]


def sums_of(net: int, buying: int, selling: int) -> Sums:
    sums = Sums()
    sums.net, sums.buying, sums.selling = D(net), D(buying), D(selling)
    return sums


@pytest.mark.parametrize(("net", "buying", "selling"), SUMS)
def test_worst_case_is_the_farthest_that_any_fills_lead_to(net: int, buying: int, selling: int) -> None:
    ends = [abs(net + bought - sold) for bought in range(buying + 1) for sold in range(selling + 1)]
    assert sums_of(net, buying, selling).worst == max(ends)
    for quantity in (1, 5, 30):
        sums = sums_of(net, buying, selling)
        assert sums.worst_with(Side.BUY, D(quantity)) == sums_of(net, buying + quantity, selling).worst
        assert sums.worst_with(Side.SELL, D(quantity)) == sums_of(net, buying, selling + quantity).worst


@pytest.mark.parametrize("name", ["net", "buying", "selling", "gross"])
def test_sums_are_something_as_long_as_one_is(name: str) -> None:
    sums = Sums()
    assert not sums
    setattr(sums, name, D(1))
    assert sums


def order(order_id: str = "1-1", **fields: Any) -> Order:
    known: dict[str, Any] = {
        "order_id": order_id, "strategy": "desk", "account": ACCOUNT, "venue": VENUE, "symbol": SYMBOL, "side": Side.BUY,
        "order_type": OrderType.LIMIT, "time_in_force": TimeInForce.DAY, "quantity": D(10), "price": D(100),
        "stop_price": None, "state": OrderState.ACCEPTED, "cl_ord_id": f"{order_id}-1", "created_ns": 1, "updated_ns": 1,
    }  # fmt: skip
    return Order(**{**known, **fields})


def command(kind: CommandKind, quantity: str, price: str | None, of: Order) -> Command:
    known = {name: getattr(of, name) for name in ("order_id", "venue", "strategy", "account", "symbol", "side", "order_type")}
    limit = None if price is None else D(price)
    return Command(kind=kind, cl_ord_id="x", time_in_force=TimeInForce.DAY, quantity=D(quantity), price=limit, **known)


def rests_at(exposure: Exposure, side: Side) -> tuple[Decimal, Decimal | None]:
    """Open quantity and price of the only order, as one on the other side meets it."""
    against = Side.SELL if side is Side.BUY else Side.BUY
    ((_, working),) = exposure.crossing(VENUE, SYMBOL, against, None)
    return working.quantity, working.price


@pytest.mark.parametrize(("side", "sooner", "later"), [(Side.BUY, "101", "99"), (Side.SELL, "99", "101")])
def test_of_several_prices_the_one_that_trades_sooner_counts(side: Side, sooner: str, later: str) -> None:
    exposure, one = Exposure(), order(side=side)
    replacing = replace(one, replacing=Terms(quantity=D(4), price=D(sooner)), new_in_flight="n")
    exposure.follow("1-1", replacing, None)
    assert rests_at(exposure, side) == (10, D(sooner))
    exposure.follow("1-1", replace(one, replacing=Terms(quantity=D(14), price=D(later)), new_in_flight="n"), None)
    assert rests_at(exposure, side) == (14, 100)
    exposure.follow("1-1", one, command(CommandKind.REPLACE, "12", sooner, one))
    assert rests_at(exposure, side) == (12, D(sooner))
    exposure.follow("1-1", one, command(CommandKind.REPLACE, "8", later, one))
    assert rests_at(exposure, side) == (10, 100)
    exposure.follow("1-1", one, command(CommandKind.CANCEL, "90", sooner, one))
    assert rests_at(exposure, side) == (10, 100)


def test_what_is_open_counts_to_the_last_fraction_and_then_not_at_all() -> None:
    exposure = Exposure()
    exposure.follow("1-1", order(cum_qty=D("9.5")), None)
    assert exposure.open_quantity("1-1") == D("0.5")
    assert rests_at(exposure, Side.BUY) == (D("0.5"), 100)
    for ended in (order(cum_qty=D(10)), order(cum_qty=D(11)), order(state=OrderState.CANCELLED)):
        exposure.follow("1-1", order(), None)
        exposure.follow("1-1", ended, None)
        assert exposure.open_quantity("1-1") == 0
        assert not exposure.of(KEY)
        assert list(exposure.crossing(VENUE, SYMBOL, Side.SELL, None)) == []


def test_sums_of_one_venue_go_and_those_of_another_stay() -> None:
    exposure = Exposure()
    exposure.follow("1-1", order(), None)
    exposure.follow("1-2", order("1-2", venue="ALT"), None)
    exposure.follow("1-1", order(state=OrderState.CANCELLED), None)
    assert {symbol: set(venues) for symbol, venues in exposure.within("all").items()} == {SYMBOL: {"ALT"}}
    exposure.follow("1-2", order("1-2", venue="ALT", state=OrderState.CANCELLED), None)
    assert dict(exposure.within("all")) == {}
    assert dict(exposure.within(f"venue:{VENUE}")) == {}
