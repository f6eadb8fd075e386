"""Risk limits over many orders: each denies with numbers, passes at the limit, and counts from approval."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from gateway.core.events import (
    BookSnapshot,
    ClosedUnsent,
    ConfigurationUpdated,
    Denied,
    FeedStatus,
    FillBusted,
    Level,
    MarketTrade,
    StrategyDisabled,
    TradingSwitched,
)
from gateway.core.settings import CoreSettings, RiskLimits
from gateway.core.values import NANOS, CommandKind, FeedState, OrderType, Side, TradingState
from gateway.testing.harness import ACCOUNT, SYMBOL, TRADING_DATE, VENUE, Harness, settings

D = Decimal
OTHER = "EUR/JPY"


def configured(scope: str = "all", *, rate: Decimal | None = None, **limits: Any) -> CoreSettings:
    base = settings(risk={scope: RiskLimits(**limits)}, rate_per_second=rate)
    other = replace(base.instruments[SYMBOL], symbol=OTHER, multiplier=D(10), reference_price=D(160))
    foreign = replace(other, symbol="EUR/USD", currency="USD", reference_price=D(1), tick_size=D("0.01"))
    return replace(base, instruments={**base.instruments, OTHER: other, "EUR/USD": foreign})


def denied(harness: Harness, code: str, *words: str) -> None:
    """The last decision was this denial, and nothing else was denied."""
    (event,) = harness.events(Denied)
    assert event.code == code
    for text in words:
        assert text in event.reason


def test_position_limit_counts_what_is_held_what_is_open_and_what_waits() -> None:
    harness = Harness(config=configured(max_position_long=D(30_000), max_position_short=D(10_000), rate=D(1))).open()
    held = harness.request_order(quantity="10000")
    harness.fill(held, "10000")
    waiting = harness.request_order(quantity="15000")
    assert waiting in harness.state.execution.pending
    harness.request_order(quantity="6000")
    denied(harness, "max_position", "position 10000, open buy orders 15000 and 6000 more could reach 31000")
    assert harness.events(Denied)[0].reason.endswith("max_position_long is 30000 (all)")
    assert harness.request_order(quantity="5000") in harness.state.execution.pending  # at the limit exactly
    harness.request_order(Side.SELL, "21000")
    assert harness.events(Denied)[1].reason.startswith("position 10000, open sell orders 0 and 21000 more could reach 11000")
    assert harness.request_order(Side.SELL, "20000") in harness.state.execution.pending


@pytest.mark.parametrize("scope", ["all", "venue:SIM", "instrument:USD/JPY", "strategy:desk", "account:ACC"])
def test_position_limit_in_every_scope(scope: str) -> None:
    harness = Harness(config=configured(scope, max_position_long=D(10_000))).open()
    harness.request_order(quantity="10000")
    harness.request_order(quantity="1000")
    denied(harness, "max_position", f"({scope})")


def test_position_limit_of_one_account_leaves_the_others_alone() -> None:
    harness = Harness(config=configured("account:A", max_position_long=D(10_000))).open()
    for account in ("A", "B", "B"):
        harness.request_order(quantity="10000", account=account)
    assert len(harness.sent()) == 3
    harness.request_order(quantity="1000", account="A")
    denied(harness, "max_position")


def test_gross_exposure_adds_up_instruments_of_one_currency_at_their_prices() -> None:
    harness = Harness(config=configured(max_gross_exposure=D(5_000_000))).open()
    harness.request_order(quantity="10000")  # 1,560,000 JPY
    harness.request_order(Side.SELL, "1000", "160", symbol=OTHER)  # 1,600,000 JPY: the multiplier is 10
    harness.request_order(quantity="9000000", price="1", symbol="EUR/USD")
    assert harness.events(Denied)[0].reason.startswith("0 USD and 90000000 more are above max_gross_exposure 5000000")
    harness.request_order(quantity="12000")
    assert harness.events(Denied)[1].reason == "3160000 JPY and 1872000 more are above max_gross_exposure 5000000 (all)"
    harness.request_order(Side.SELL, "10000")  # the worst case of the instrument stays what it was
    assert len(harness.events(Denied)) == 2
    harness.request_order(quantity="11000")
    assert len(harness.sent()) == 4


def worth(currency: str | None, rates: dict[str, str], **limits: Any) -> Harness:
    """An account's limits in one currency over instruments of two: USD/JPY in JPY, EUR/USD (multiplier 10) in USD."""
    config = configured(**limits, currency=currency)
    return Harness(config=replace(config, rates={name: D(rate) for name, rate in rates.items()})).open()


def test_a_limit_in_one_currency_covers_instruments_of_every_currency() -> None:
    harness = worth(
        "EUR", {"EUR": "1", "JPY": "0.00625", "USD": "0.8"}, max_gross_exposure=D(20_000), max_order_value=D(12_000)
    )
    harness.request_order(quantity="10000")  # 1,560,000 JPY are 9,750 EUR
    harness.request_order(Side.SELL, "1000", "1", symbol="EUR/USD")  # 10,000 USD are 8,000 EUR
    harness.request_order(quantity="2000", price="1", symbol="EUR/USD")
    harness.request_order(quantity="3000")
    assert [(event.code, event.reason) for event in harness.events(Denied)] == [
        ("max_order_value", "value 16000 EUR above max_order_value 12000 (all)"),
        ("max_gross_exposure", "17750 EUR and 2925 more are above max_gross_exposure 20000 (all)"),
    ]
    harness.request_order(quantity="2000")  # 19,700 EUR
    assert len(harness.sent()) == 3


def test_only_the_ratios_of_rates_count_and_nothing_is_rounded() -> None:
    for rates in ({"JPY": "1", "USD": "3"}, {"JPY": "0.1", "USD": "0.3"}):
        harness = worth("USD", rates, max_net_exposure=D(520_000))
        harness.request_order(quantity="10000")  # 1,560,000 JPY are 520,000 USD, and a third of one is no fraction
        harness.request_order(quantity="1000")
        denied(harness, "max_net_exposure", "520000 USD and 52000 more are above max_net_exposure 520000 (all)")
        assert len(harness.sent()) == 1


@pytest.mark.parametrize("limit", ["max_order_value", "max_gross_exposure", "max_net_exposure", "max_daily_value"])
@pytest.mark.parametrize(("rates", "missing"), [({"USD": "1"}, "JPY"), ({"JPY": "1"}, "USD"), ({}, "USD")])
def test_without_a_declared_rate_the_order_is_denied(limit: str, rates: dict[str, str], missing: str) -> None:
    harness = worth("USD", rates, **{limit: D(1_000_000_000)})
    harness.request_order()
    denied(harness, "no_rate", f"{limit} compares JPY with a limit in USD", f"declares no rate for {missing}")
    harness.request_order(price="1", symbol="EUR/USD")  # its own currency needs none
    assert len(harness.sent()) == 1


def test_what_is_held_in_a_currency_without_a_rate_denies_too() -> None:
    harness = worth(None, {}, max_gross_exposure=D(5_000_000))
    harness.request_order(quantity="1000")
    config = replace(harness.settings, risk={"all": RiskLimits(max_gross_exposure=D(5_000_000), currency="USD")})
    harness.feed(ConfigurationUpdated(actor="a", request_id="c", settings=config))
    harness.request_order(quantity="1000", price="1", symbol="EUR/USD")
    denied(harness, "no_rate", "compares JPY with a limit in USD")


def test_daily_value_in_one_currency_adds_up_what_was_traded_in_all() -> None:
    harness = worth("USD", {"USD": "160", "JPY": "1"}, max_daily_value=D(30_000))
    harness.fill(harness.request_order(quantity="10000"), "10000", "160")  # 10,000 USD
    harness.fill(harness.request_order(quantity="1000", price="1", symbol="EUR/USD"), "1000", "1")  # 10,000 USD
    harness.request_order(quantity="11000")
    denied(harness, "max_daily_value", "20000 USD traded today, 0 open and 10725 more are above max_daily_value 30000 (all)")
    harness.request_order(quantity="10000")
    assert len(harness.sent()) == 3


def test_a_scope_without_a_currency_has_that_of_the_scope_all() -> None:
    config = configured(currency="USD")
    own = {
        "account:ACC": RiskLimits(max_order_value=D(10_000)),
        "account:B": RiskLimits(max_order_value=D(10_000), currency="JPY"),
    }
    limits = {**config.risk, **own}
    harness = Harness(config=replace(config, risk=limits, rates={"USD": D(160), "JPY": D(1)})).open()
    harness.request_order()
    assert len(harness.sent()) == 1
    harness.request_order(account="B")
    denied(harness, "max_order_value", "value 1560000 JPY above max_order_value 10000 (account:B)")


@pytest.mark.parametrize("limit", ["max_gross_exposure", "max_net_exposure", "max_daily_value"])
@pytest.mark.parametrize("reference", ["156", None])
def test_a_replace_of_the_price_alone_is_valued_anew(limit: str, reference: str | None) -> None:
    config = configured(**{limit: D(1_600_000)})
    instruments = {n: replace(i, reference_price=reference and D(reference)) for n, i in config.instruments.items()}
    harness = Harness(config=replace(config, instruments=instruments)).open()
    order_id = harness.request_order(quantity="10000", price="156")
    harness.accept(order_id)
    harness.request_replace(order_id, price="160.001")
    denied(harness, limit, "1600000 (all)")
    harness.request_replace(order_id, price="160")
    harness.confirm_replace(order_id)
    assert len(harness.events(Denied)) == 1
    harness.request_replace(order_id, price="159")  # a lower price passes, whatever the rest has come to
    assert len(harness.events(Denied)) == 1


def test_net_exposure_nets_positions_but_never_open_orders() -> None:
    harness = Harness(config=configured(max_net_exposure=D(2_000_000))).open()
    long = harness.request_order(quantity="10000")
    harness.request_order(Side.SELL, "10000")
    harness.request_order(quantity="3000")
    denied(harness, "max_net_exposure", "1560000 JPY and 468000 more are above max_net_exposure 2000000 (all)")
    harness.fill(long, "10000")
    harness.request_order(Side.SELL, "12000")
    assert harness.sent()[-1].quantity == 12000  # 10000 long against 22000 open sells
    harness.request_order(Side.SELL, "1000")
    assert harness.events(Denied)[1].reason == "1872000 JPY and 156000 more are above max_net_exposure 2000000 (all)"


def test_exposure_without_a_price_is_denied() -> None:
    config = configured(max_gross_exposure=D(10))
    instruments = {name: replace(one, reference_price=None) for name, one in config.instruments.items()}
    harness = Harness(config=replace(config, instruments=instruments)).open()
    harness.request_order(price=None, order_type=OrderType.MARKET)
    denied(harness, "no_reference", "max_gross_exposure")


def test_daily_value_counts_executions_and_what_is_open_and_a_bust_gives_back() -> None:
    harness = Harness(config=configured(max_daily_value=D(3_200_000))).open()
    first = harness.request_order(quantity="10000")
    harness.fill(first, "10000", exec_id="E9")
    second = harness.request_order(quantity="10000")
    harness.request_order(quantity="1000")
    denied(harness, "max_daily_value", "1560000 JPY traded today, 1560000 open and 156000 more are above")
    harness.accept(second)
    harness.confirm_cancel(second)
    harness.request_order(quantity="10000")
    assert len(harness.events(Denied)) == 1
    harness.request_order(quantity="1000")
    assert len(harness.events(Denied)) == 2
    harness.report(FillBusted, first, exec_id="B1", exec_ref_id="E9", trade_date=TRADING_DATE, leaves_qty=D(0))
    harness.request_order(quantity="10000")
    assert len(harness.events(Denied)) == 2


def test_daily_orders() -> None:
    harness = Harness(config=configured("strategy:desk", max_daily_orders=2)).open()
    for _ in range(2):
        harness.confirm_cancel(harness.request_order())
    harness.request_order()
    denied(harness, "max_daily_orders", "2 orders today, max_daily_orders is 2 (strategy:desk)")


def test_order_rate_holds_in_any_second_not_in_each_of_the_clock() -> None:
    harness = Harness(config=configured(max_orders_per_second=2)).open()
    harness.request_order()
    harness.now_ns += NANOS * 6 // 10
    harness.request_order()
    harness.request_order()
    denied(harness, "max_orders_per_second", "2 orders within a second already")
    harness.now_ns += NANOS * 4 // 10
    harness.request_order()
    assert len(harness.sent()) == 3
    harness.request_order()
    assert len(harness.events(Denied)) == 2
    harness.now_ns += NANOS * 6 // 10
    harness.request_order()
    assert len(harness.sent()) == 4


def test_the_same_order_again_is_denied_until_time_has_passed() -> None:
    harness = Harness(config=configured(duplicate_order_seconds=5)).open()
    harness.request_order(price="156.000")
    harness.request_order(price="156.0")
    denied(harness, "duplicate_order", "the same order was approved 0.001 s ago, duplicate_order_seconds is 5 (all)")
    harness.request_order(price="156.001")
    harness.request_order(quantity="11000")
    harness.request_order(Side.SELL)
    assert len(harness.sent()) == 4
    harness.now_ns += 5 * NANOS
    harness.request_order(price="156.000")
    assert len(harness.sent()) == 5


def test_old_orders_are_forgotten() -> None:
    harness = Harness(config=configured(duplicate_order_seconds=5)).open()
    for step in range(5):
        harness.request_order(price=f"156.00{step}")
    harness.now_ns += 3600 * NANOS
    harness.request_order(price="157")
    assert len(harness.state.execution.recent) == 1


@pytest.mark.parametrize(
    ("resting", "incoming"),
    [
        ((Side.BUY, "156"), (Side.SELL, "156")),
        ((Side.BUY, "156"), (Side.SELL, "155.999")),
        ((Side.SELL, "156"), (Side.BUY, "156.001")),
        ((Side.SELL, "156"), (Side.BUY, None)),
        ((Side.BUY, None), (Side.SELL, "200")),
    ],
)
def test_an_order_that_could_trade_with_an_own_one_is_denied(
    resting: tuple[Side, str | None], incoming: tuple[Side, str | None]
) -> None:
    harness = Harness(config=configured(prevent_self_match=True)).open()

    def ask(order: tuple[Side, str | None]) -> str:
        kind = OrderType.LIMIT if order[1] else OrderType.MARKET
        return harness.request_order(order[0], price=order[1], order_type=kind)

    own = ask(resting)
    ask((resting[0], resting[1]))  # the same side never meets itself
    ask(incoming)
    denied(harness, "self_match", f"own order {own}")


def test_self_match_ends_with_the_order_and_knows_scope_venue_and_stops() -> None:
    harness = Harness(config=configured("account:A", prevent_self_match=True)).open()
    harness.request_order(Side.BUY, price="157", account="B")
    harness.request_order(Side.BUY, price=None, stop_price=D(150), order_type=OrderType.STOP, account="A")
    own = harness.request_order(Side.BUY, price="156", account="A")
    harness.request_order(Side.SELL, price="156.001", account="A")
    assert len(harness.sent()) == 4
    harness.request_order(Side.SELL, price="156", account="A")
    denied(harness, "self_match", f"own order {own}: buy 10000 at 156 (account:A)")
    harness.fill(own, "10000")
    harness.request_order(Side.SELL, price="155", account="A")
    assert len(harness.events(Denied)) == 1


def test_restricted_and_permitted() -> None:
    risk = {
        "all": RiskLimits(restricted=(OTHER,)),
        "account:A": RiskLimits(permitted_sides=(Side.SELL,)),
        "account:B": RiskLimits(permitted_instruments=("EUR/USD",)),
        "account:C": RiskLimits(permitted_strategies=("maker",)),
    }
    harness = Harness(config=replace(configured(), risk=risk)).open()
    harness.request_order(price="160", symbol=OTHER)
    harness.request_order(account="A")
    harness.request_order(account="B")
    harness.request_order(account="C")
    assert [(event.code, event.reason) for event in harness.events(Denied)] == [
        ("restricted", "EUR/JPY is on the restricted list (all)"),
        ("not_permitted", "buy is not among permitted_sides sell (account:A)"),
        ("not_permitted", "USD/JPY is not among permitted_instruments EUR/USD (account:B)"),
        ("not_permitted", "desk is not among permitted_strategies maker (account:C)"),
    ]
    harness.request_order(Side.SELL, account="A")
    harness.request_order(price="1", symbol="EUR/USD", account="B")
    harness.request_order(account="D")
    assert len(harness.sent()) == 3


def test_market_data_must_be_recent() -> None:
    harness = Harness(config=configured(max_market_data_age_seconds=3)).open()
    harness.request_order()
    harness.book("155", "157")
    harness.now_ns += 3 * NANOS
    harness.request_order()
    harness.feed(MarketTrade(venue=VENUE, symbol=SYMBOL, price=D(156), quantity=D(1)))
    harness.request_order()
    harness.feed(FeedStatus(venue=VENUE, status=FeedState.GAP))
    harness.request_order()
    assert [(event.code, event.reason) for event in harness.events(Denied)] == [
        ("market_data_stale", "no market data of USD/JPY was seen"),
        ("market_data_stale", "market data is 3.001 s old, max_market_data_age_seconds is 3 (all)"),
        ("market_data_stale", "the feed of USD/JPY is gap"),
    ]
    assert len(harness.sent()) == 1


def test_a_strategy_that_executes_too_often_is_disabled_until_a_person_enables_it() -> None:
    limits = {"max_repeated_executions": 3, "repeated_execution_seconds": 10}
    harness = Harness(config=configured("strategy:desk", rate=D(1000), **limits)).open()
    working, other = harness.request_order(quantity="50000"), harness.request_order()
    harness.fill(working, "1000")
    harness.now_ns += 10 * NANOS
    harness.fill(working, "1000")
    harness.fill(working, "1000")
    assert harness.events(StrategyDisabled) == []
    harness.fill(working, "1000")
    (event,) = harness.events(StrategyDisabled)
    assert event.reason == "3 executions within 10 s, max_repeated_executions is 3 (strategy:desk)"
    assert {command.order_id for command in harness.sent(CommandKind.CANCEL)} <= {working, other}
    assert {p.command.order_id for p in harness.state.execution.pending.values()} | {
        c.order_id for c in harness.sent(CommandKind.CANCEL)
    } == {working, other}
    harness.request_order()
    denied(harness, "strategy_disabled", "max_repeated_executions")
    harness.fill(working, "1000")
    assert len(harness.events(StrategyDisabled)) == 1
    harness.feed(TradingSwitched(actor="a", request_id="t", scope="strategy:desk", state=TradingState.ENABLED))
    again = harness.request_order()
    harness.fill(again, "1000")
    assert len(harness.events(StrategyDisabled)) == 1  # it counts anew


def test_the_throttle_drops_what_waits() -> None:
    harness = Harness(config=configured(max_repeated_executions=1, rate=D(1))).open()
    working = harness.request_order()
    waiting = harness.request_order()
    harness.fill(working, "1000")
    assert [event.command.order_id for event in harness.events(ClosedUnsent)] == [waiting]


def test_exposure_is_priced_at_the_market_where_there_is_one() -> None:
    harness = Harness(config=configured(max_gross_exposure=D(2_000_000))).open()
    harness.request_order(quantity="10000")
    level = (Level(D(199), D(1)),), (Level(D(201), D(1)),)
    harness.feed(BookSnapshot(venue=VENUE, symbol=SYMBOL, bids=level[0], asks=level[1]))
    harness.request_order(quantity="1000")
    denied(harness, "max_gross_exposure", "2000000 JPY and 200000 more")
    assert harness.state.execution.exposure.of((ACCOUNT, "desk", VENUE, SYMBOL)).worst == 10_000
