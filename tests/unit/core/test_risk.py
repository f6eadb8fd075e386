"""Risk: every control denies with numbers, and passes at the limit exactly."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from gateway.core import risk
from gateway.core.events import Denied, FeedStatus, KillEngaged, MarketTrade, StrategyDisabled, TradingSwitched
from gateway.core.risk import CODES, CONTROLS, REACTIONS, Control, check
from gateway.core.risk.basis import reference_price
from gateway.core.settings import RiskLimits
from gateway.core.strategy import New
from gateway.core.values import CommandKind, FeedState, OrderType, Side, TradingState
from gateway.testing.harness import SYMBOL, VENUE, Harness, settings

D = Decimal


@dataclass
class Case:
    """An order that is denied with `code` and words, and what of it changed makes it pass."""

    code: str
    words: str
    denied: dict[str, Any]
    passes: dict[str, Any]
    limits: RiskLimits = field(default_factory=RiskLimits)


CASES = [
    Case("unknown_venue", "'NYSE' is not configured; orders go to: SIM", {"venue": "NYSE"}, {"venue": VENUE}),
    Case("unknown_symbol", "'EUR/USD' is not configured; known: USD/JPY", {"symbol": "EUR/USD"}, {"symbol": SYMBOL}),
    Case("bad_text", "control character", {"account": "A\x0135=8"}, {"account": "A-1"}),
    Case("bad_text", "holds '='", {"account": "A=1"}, {"account": "A"}),
    Case("bad_text", "outside ASCII", {"account": "\N{SNOWMAN}"}, {"account": ""}),
    Case("bad_order", "quantity 0 is not above zero", {"quantity": "0"}, {"quantity": "1000"}),
    Case("bad_order", "quantity -1000 is not above zero", {"quantity": "-1000"}, {"quantity": "1000"}),
    Case("bad_order", "quantity NaN is not above zero", {"quantity": "NaN"}, {"quantity": "1000"}),
    Case("bad_order", "price Infinity is not above zero", {"price": "Infinity"}, {"price": "0.001"}),
    Case("bad_order", "price 0 is not above zero", {"price": "0"}, {"price": "0.001"}),
    Case("bad_order", "quantity 1E+99 has more than 15 digits", {"quantity": "1E+99"}, {"quantity": "1E+3"}),
    Case("bad_order", "quantity 1E+15 has more than 15 digits", {"quantity": "1E+15"}, {"quantity": "1000"}),
    Case("bad_order", "price 1E+40 has more than 15 digits", {"price": "1E+40"}, {"price": "156.0000000000000000"}),
    Case("bad_order", "0000000000001 has more than 15 digits", {"price": "156.0000000000001"}, {"price": "156"}),
    Case("bad_order", "a limit order needs a price", {"price": None}, {"price": "156"}),
    Case(
        "bad_order",
        "a market order takes no price",
        {"order_type": OrderType.MARKET, "price": "156"},
        {"order_type": OrderType.MARKET, "price": None},
    ),
    Case(
        "bad_order",
        "a stop order needs a stop price",
        {"order_type": OrderType.STOP, "price": None},
        {"order_type": OrderType.STOP, "price": None, "stop_price": D(157)},
    ),
    Case(
        "bad_order",
        "a stop-limit order needs a price",
        {"order_type": OrderType.STOP_LIMIT, "price": None, "stop_price": D(157)},
        {"order_type": OrderType.STOP_LIMIT, "price": "157", "stop_price": D(157)},
    ),
    Case("bad_order", "a limit order takes no stop price", {"stop_price": D(157)}, {"stop_price": None}),
    Case("off_tick", "price 156.0005 is not a multiple of tick_size 0.001", {"price": "156.0005"}, {"price": "156.0010"}),
    Case("off_lot", "quantity 1500 is not a multiple of lot_size 1000", {"quantity": "1500"}, {"quantity": "2000"}),
    Case(
        "max_order_quantity",
        "quantity 6000 above max_order_quantity 5000 (all)",
        {"quantity": "6000"},
        {"quantity": "5000"},
        RiskLimits(max_order_quantity=D(5000)),
    ),
    Case(
        "max_order_value",
        "value 780005 JPY above max_order_value 780000 (all)",
        {"quantity": "5000", "price": "156.001"},
        {"quantity": "5000", "price": "156"},
        RiskLimits(max_order_value=D(780000)),
    ),
    Case(
        "max_order_value",
        "value 936000 JPY above max_order_value 780000 (all)",
        {"quantity": "6000", "price": None, "order_type": OrderType.MARKET},
        {"quantity": "5000", "price": None, "order_type": OrderType.MARKET},
        RiskLimits(max_order_value=D(780000)),
    ),
    Case(
        "price_collar",
        "price 157.561 is 1.00 % from the reference 156, price_collar_pct is 1 (all)",
        {"price": "157.561"},
        {"price": "157.560"},
        RiskLimits(price_collar_pct=D(1)),
    ),
    Case(
        "price_collar",
        "price 154.439 is 1.00 % from the reference 156",
        {"price": "154.439"},
        {"price": "154.440"},
        RiskLimits(price_collar_pct=D(1)),
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.code}-{case.words[:20]}")
def test_control_denies_with_numbers_and_passes_at_the_limit(case: Case) -> None:
    harness = Harness(config=settings(risk={"all": case.limits})).open()
    denied = harness.request_order(**case.denied)
    (event,) = harness.events(Denied)
    assert (event.order_id, event.code) == (denied, case.code)
    assert case.words in event.reason
    passed = harness.request_order(**case.passes)
    assert [command.order_id for command in harness.sent()] == [passed]


@pytest.mark.parametrize(("configured", "said"), [("AQBPCNDMELFK", "known: A, B, C, D, E, F, K, L, M, N"), ("", "known: none")])
def test_of_what_is_configured_the_first_ten_are_named(configured: str, said: str) -> None:
    base = settings()
    instruments = {name: replace(base.instruments[SYMBOL], symbol=name) for name in configured}
    harness = Harness(config=replace(base, instruments=instruments)).open()
    harness.request_order()
    (event,) = harness.events(Denied)
    assert event.reason == f"symbol 'USD/JPY' is not configured; {said}"


def test_an_order_is_replaced_up_to_its_ninetieth_request_and_can_still_be_cancelled() -> None:
    harness = Harness().open()
    order_id = harness.request_order(quantity="1000")
    harness.accept(order_id)
    for request in range(2, 91):
        harness.request_replace(order_id, quantity=str(1000 * request))
        harness.confirm_replace(order_id)
    assert harness.sent()[-1].cl_ord_id == f"T-{order_id}-90"
    harness.request_replace(order_id, quantity="1000")
    (event,) = harness.events(Denied)
    assert event.code == "replaced_too_often"
    assert event.reason.startswith("90 requests were made about this order, 90 is the most")
    harness.request_cancel(order_id)
    assert (harness.sent()[-1].kind, harness.sent()[-1].cl_ord_id) == (CommandKind.CANCEL, f"T-{order_id}-91")


def test_fat_finger_compares_with_the_last_trade_and_before_the_first_with_the_reference() -> None:
    limits = {"all": RiskLimits(fat_finger_pct=D(2))}
    harness = Harness(config=settings(risk=limits, reference_price=None)).open()
    harness.request_order(price="300")
    harness.book("150", "152")
    harness.request_order(price="154.021")
    harness.request_order(price="154.020")
    assert len(harness.sent()) == 1
    harness.feed(MarketTrade(venue=VENUE, symbol=SYMBOL, price=D(150), quantity=D(1)))
    harness.request_order(price="153")
    harness.request_order(price="153.001")
    assert [(event.code, event.reason) for event in harness.events(Denied)] == [
        ("no_reference", "fat_finger has nothing to compare with: no feed, no trade, no reference_price"),
        ("fat_finger", "price 154.021 is 2.00 % from the reference (no trade seen yet) 151, fat_finger_pct is 2 (all)"),
        ("fat_finger", "price 153.001 is 2.00 % from the last trade 150, fat_finger_pct is 2 (all)"),
    ]
    assert len(harness.sent()) == 2


def test_open_orders_count_from_approval() -> None:
    limits = {"all": RiskLimits(max_open_orders=2)}
    harness = Harness(config=settings(risk=limits, rate_per_second=D(1))).open()
    sent = harness.request_order()
    waiting = harness.request_order()
    assert waiting not in harness.state.execution.orders
    harness.request_order()
    (event,) = harness.events(Denied)
    assert (event.code, event.reason) == ("max_open_orders", "2 orders open, max_open_orders is 2 (all)")
    harness.accept(sent)
    harness.confirm_cancel(sent)
    harness.request_order()
    assert len(harness.events(Denied)) == 1


@pytest.mark.parametrize("tight", ["all", "venue:SIM", "instrument:USD/JPY", "strategy:desk", "account:ACC"])
def test_the_tightest_scope_rules_whichever_it_is(tight: str) -> None:
    scopes = ("all", "venue:SIM", "instrument:USD/JPY", "strategy:desk", "account:ACC", "account:OTHER")
    limits = {scope: RiskLimits(max_order_quantity=D(2000 if scope == tight else 9000)) for scope in scopes}
    limits["account:OTHER"] = RiskLimits(max_order_quantity=D(1))  # somebody else's
    harness = Harness(config=settings(risk=limits)).open()
    harness.request_order(quantity="2000")
    assert len(harness.sent()) == 1
    harness.request_order(quantity="3000")
    assert harness.events(Denied)[0].reason.endswith(f"({tight})")


def test_a_rule_that_raises_denies(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> str | None:
        raise ZeroDivisionError("no number")

    monkeypatch.setattr(risk, "CONTROLS", (Control("fat_finger", "broken", "test", broken), *CONTROLS))
    harness = Harness().open()
    harness.request_order()
    (event,) = harness.events(Denied)
    assert (event.code, event.reason) == ("rule_error", "fat_finger: ZeroDivisionError: no number")
    assert harness.sent() == []


@pytest.mark.parametrize(("name", "code"), [("price_collar_pct", "price_collar"), ("max_order_value", "max_order_value")])
def test_without_anything_to_compare_with_the_order_is_denied(name: str, code: str) -> None:
    config = settings(risk={"all": RiskLimits(**{name: D(10)})}, reference_price=None)
    harness = Harness(config=config).open()
    harness.request_order(price=None, order_type=OrderType.MARKET)
    (event,) = harness.events(Denied)
    assert event.code == "no_reference"
    assert event.reason.startswith(code)


@pytest.mark.parametrize("name", ["price_collar_pct", "max_order_value", "fat_finger_pct", "max_gross_exposure"])
@pytest.mark.parametrize(("bid", "ask"), [("-1", "1"), ("-111", "-109")])
def test_a_market_price_that_is_not_above_zero_is_none(name: str, bid: str, ask: str) -> None:
    """A value measured with it would be zero or less, and so below every limit."""
    config = settings(risk={"all": RiskLimits(**{name: D(10)})}, reference_price=None)
    harness = Harness(config=config).open()
    harness.book(bid, ask)
    harness.feed(MarketTrade(venue=VENUE, symbol=SYMBOL, price=D(ask) - 1, quantity=D(1)))
    harness.request_order(price=None, order_type=OrderType.MARKET)
    assert [event.code for event in harness.events(Denied)] == ["no_reference"]


def test_reference_is_the_live_book_then_the_last_trade_then_the_configuration() -> None:
    harness = Harness().open()
    assert reference_price(harness.state, VENUE, SYMBOL) == 156
    harness.feed(MarketTrade(venue=VENUE, symbol=SYMBOL, price=D(150), quantity=D(1)))
    assert reference_price(harness.state, VENUE, SYMBOL) == 150
    harness.book("151", "153")
    assert reference_price(harness.state, VENUE, SYMBOL) == 152
    harness.feed(FeedStatus(venue=VENUE, status=FeedState.STALE))
    assert reference_price(harness.state, VENUE, SYMBOL) == 150


def _command(harness: Harness) -> Any:
    harness.request_order()
    return harness.sent()[-1]


def test_scopes_that_are_not_tradable() -> None:
    harness = Harness().open()
    command = _command(harness)
    harness.feed(StrategyDisabled(strategy="desk", reason="3 errors"))
    found = check(harness.state, command)
    assert found is not None
    assert (found.code, found.reason) == ("strategy_disabled", "strategy desk: 3 errors")
    harness.feed(TradingSwitched(actor="a", request_id="t", scope="account:ACC", state=TradingState.DISABLED))
    found = check(harness.state, command)
    assert found is not None
    assert (found.code, found.reason) == ("trading_disabled", "trading is disabled for account:ACC")
    harness.feed(KillEngaged(actor="a", request_id="k", scope="strategy:desk"))
    found = check(harness.state, command)
    assert found is not None
    assert (found.code, found.reason) == ("kill_engaged", "kill switch engaged for strategy:desk: no reason given")


def test_a_venue_that_is_not_open_is_named() -> None:
    harness = Harness()
    harness.start()
    harness.request_order()
    harness.log_on()
    harness.request_order()
    assert [event.reason for event in harness.events(Denied)] == [
        "venue SIM is not open: not logged on",
        "venue SIM is not open: settling sequence numbers",
    ]


def test_reduced_trading_counts_what_already_works_against_the_position() -> None:
    harness = Harness().open()
    order_id = harness.request_order(quantity="10000")
    harness.fill(order_id, "10000")
    harness.feed(TradingSwitched(actor="a", request_id="t", scope="all", state=TradingState.REDUCED))
    for side, quantity in ((Side.BUY, "1000"), (Side.SELL, "11000"), (Side.SELL, "6000"), (Side.SELL, "5000")):
        harness.request_order(side=side, quantity=quantity)
    assert [event.code for event in harness.events(Denied)] == ["trading_disabled"] * 3
    assert harness.sent()[-1].quantity == 6000
    harness.request_order(side=Side.SELL, quantity="4000")
    assert harness.sent()[-1].quantity == 4000


def test_reduced_trading_without_a_position_lets_nothing_through() -> None:
    harness = Harness().open()
    harness.feed(TradingSwitched(actor="a", request_id="t", scope="all", state=TradingState.REDUCED))
    harness.request_order(side=Side.SELL)
    assert harness.sent() == []


def test_every_control_is_described_and_every_limit_belongs_to_one() -> None:
    assert all(control.title and control.source and control.about for control in (*CONTROLS, *REACTIONS))
    assert len({control.code for control in CONTROLS}) == len(CONTROLS)
    assert {control.code for control in CONTROLS} < CODES
    assert risk.PRECONDITIONS < CODES
    named = {name for control in (*CONTROLS, *REACTIONS) for name in control.limits}
    assert named == set(RiskLimits.__struct_fields__)


def test_intents_are_values() -> None:
    assert New(symbol="X", side=Side.BUY, quantity=D(1)) == New(symbol="X", side=Side.BUY, quantity=D("1.0"))
