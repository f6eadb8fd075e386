"""Cash balances: opened from the configuration, moved by executions and whatever becomes of them, currencies kept apart."""

from __future__ import annotations

from decimal import Decimal

from msgspec.structs import replace

from gateway.core.events import FillBusted, FillCorrected, OpeningBalance
from gateway.core.settings import BalanceSettings, Instrument
from gateway.core.values import Side
from gateway.testing.harness import ACCOUNT, SYMBOL, TRADING_DATE, Harness, settings

D = Decimal


def cash(amount: str, as_of: str, currency: str = "JPY") -> BalanceSettings:
    return BalanceSettings(account=ACCOUNT, currency=currency, amount=D(amount), as_of=as_of)


def balance(harness: Harness, currency: str = "JPY") -> Decimal:
    return harness.state.execution.balances[ACCOUNT, currency].amount


def test_a_balance_is_taken_over_once_per_date() -> None:
    harness = Harness(config=replace(settings(), balances=(cash("1000000", "20250614"), cash("5", "20250614", "USD")))).open()
    assert (balance(harness), balance(harness, "USD")) == (1_000_000, 5)
    harness.fill(harness.request_order(quantity="2000"), "2000", "150")
    assert balance(harness) == 1_000_000 - 300_000
    harness.start()
    assert balance(harness) == 700_000, "the same date again changes nothing"
    harness.settings = replace(harness.settings, balances=(cash("42", "20250615"),))
    harness.start()
    assert (balance(harness), balance(harness, "USD")) == (42, 5)
    assert [event.as_of for event in harness.events(OpeningBalance)] == ["20250614", "20250614", "20250615"]


def test_an_account_without_an_opening_balance_begins_at_nothing() -> None:
    harness = Harness().open()
    harness.fill(harness.request_order(quantity="1000", side=Side.SELL), "1000", "150.5")
    assert balance(harness) == 150_500
    assert harness.state.execution.balances[ACCOUNT, "JPY"].as_of == ""


def test_corrections_and_busts_move_it_by_what_they_change() -> None:
    harness = Harness().open()
    command = harness.request_order(quantity="2000")
    harness.fill(command, "2000", "150", exec_id="E1")
    harness.report(
        FillCorrected, command, exec_id="C1", exec_ref_id="E1", last_qty=D(1000), last_px=D(151), trade_date=TRADING_DATE
    )
    assert balance(harness) == -151_000
    harness.report(FillBusted, command, exec_id="B1", exec_ref_id="E1", trade_date=TRADING_DATE)
    assert balance(harness) == 0


def test_the_multiplier_counts_and_currencies_stay_apart() -> None:
    base = settings()
    contract = Instrument(
        symbol="FUT", tick_size=D("0.25"), lot_size=D(1), currency="USD", multiplier=D(50), reference_price=D(100)
    )
    harness = Harness(config=replace(base, instruments={**base.instruments, "FUT": contract})).open()
    harness.fill(harness.request_order(quantity="1000"), "1000", "150")
    harness.fill(harness.request_order(symbol="FUT", quantity="2", price="100"), "2", "100")
    assert (balance(harness), balance(harness, "USD")) == (-150_000, -10_000)
    assert SYMBOL in harness.settings.instruments
