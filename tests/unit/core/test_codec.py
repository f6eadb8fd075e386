"""Events as bytes and back: newer builds, older versions, and bytes that are no event."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from gateway.core.apply import HANDLERS
from gateway.core.codec import UPCASTERS, decode, encode
from gateway.core.events import DERIVED, EVENTS, Filled, MarketTrade, RunStopped

D = Decimal


def test_every_kind_has_a_handler() -> None:
    assert set(EVENTS.values()) == set(HANDLERS)


def test_derived_kinds_are_known_kinds() -> None:
    assert set(EVENTS) > DERIVED


def test_numbers_keep_their_digits() -> None:
    event = Filled(venue="SIM", last_qty=D("1000.00"), last_px=D("0.000000001"), cum_qty=D("12345678901234567890.12"))
    again = decode("filled", 1, encode(event))
    assert isinstance(again, Filled)
    assert again == event
    assert (str(again.last_qty), str(again.last_px)) == ("1000.00", "1E-9")


def test_an_unknown_kind_and_a_newer_version_are_refused() -> None:
    body = encode(RunStopped(reason="x"))
    with pytest.raises(ValueError, match="'run_paused' version 1 is not known to this build: it was written by a newer one"):
        decode("run_paused", 1, body)
    with pytest.raises(ValueError, match="version 2 is not known to this build"):
        decode("run_stopped", 2, body)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"kind":"run_stopped","reason":7}', b"\xff\xfe", b'{"kind":"nothing"}'])
def test_bytes_that_are_no_event(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"run_stopped|utf-8"):
        decode("run_stopped", 1, body)


def test_a_record_that_holds_another_kind_than_it_says() -> None:
    with pytest.raises(ValueError, match="the record holds a 'run_stopped'"):
        decode("run_started", 1, encode(RunStopped()))


def test_a_version_that_never_was() -> None:
    with pytest.raises(ValueError, match="has no version 0"):
        decode("run_stopped", 0, encode(RunStopped()))


def test_an_old_version_passes_every_upcaster(monkeypatch: pytest.MonkeyPatch) -> None:
    def rename(fields: dict[str, Any]) -> dict[str, Any]:
        return {"price" if key == "px" else key: value for key, value in fields.items()}

    def add(fields: dict[str, Any]) -> dict[str, Any]:
        return {**fields, "quantity": "5"}

    monkeypatch.setattr(MarketTrade, "VERSION", 3)
    monkeypatch.setitem(UPCASTERS, ("market_trade", 1), rename)
    monkeypatch.setitem(UPCASTERS, ("market_trade", 2), add)
    body = b'{"kind":"market_trade","venue":"SIM","symbol":"X","px":"1.50"}'
    expected = MarketTrade(venue="SIM", symbol="X", price=D("1.50"), quantity=D(5))
    assert decode("market_trade", 1, body) == expected
    assert decode("market_trade", 2, body.replace(b"px", b"price")) == expected
    assert decode("market_trade", 3, encode(expected)) == expected
    with pytest.raises(ValueError, match="market_trade"):
        decode("market_trade", 2, body)  # an upcaster that does not fit leaves something undecodable
