"""The trading day as a computation: boundaries in any time zone, over changes of the clock, with and without weekends."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.values import NANOS
from gateway.errors import PreconditionFailed, UsageError
from gateway.runtime.trading_day import TradingDay

NEW_YORK = TradingDay("17:00", "America/New_York")


def ns(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * NANOS


def text(at_ns: int) -> str:
    return datetime.fromtimestamp(at_ns // NANOS, UTC).strftime("%Y-%m-%dT%H:%M:%S")


@pytest.mark.parametrize(
    ("at", "date", "rolls"),
    [
        ("2025-06-16T20:59:59", "20250616", "2025-06-16T21:00:00"),
        ("2025-06-16T21:00:00", "20250617", "2025-06-17T21:00:00"),
        ("2025-03-08T21:59:59", "20250308", "2025-03-08T22:00:00"),
        ("2025-03-08T22:00:00", "20250309", "2025-03-09T21:00:00"),  # the clock springs forward: 23 hours
        ("2025-11-01T21:00:00", "20251102", "2025-11-02T22:00:00"),  # and falls back: 25
        ("2025-12-31T22:00:00", "20260101", "2026-01-01T22:00:00"),
    ],
)
def test_new_york(at: str, date: str, rolls: str) -> None:
    assert NEW_YORK.date_at(ns(at)) == date
    assert text(NEW_YORK.next_roll_ns(ns(at))) == rolls


def test_midnight_ends_the_date_that_was() -> None:
    day = TradingDay("00:00", "UTC")
    assert day.date_at(ns("2025-06-16T00:00:00")) == "20250616"
    assert day.date_at(ns("2025-06-15T23:59:59")) == "20250615"
    assert text(day.next_roll_ns(ns("2025-06-16T00:00:00"))) == "2025-06-17T00:00:00"


@pytest.mark.parametrize(
    ("roll", "rolls"),
    [
        ("01:30", ["2025-11-01T05:30:00", "2025-11-02T05:30:00", "2025-11-03T06:30:00"]),  # occurs twice: rolls the first time
        ("02:30", ["2025-11-01T06:30:00", "2025-11-02T07:30:00", "2025-11-03T07:30:00"]),
    ],
)
def test_an_hour_that_occurs_twice_rolls_once(roll: str, rolls: list[str]) -> None:
    day = TradingDay(roll, "America/New_York")
    at, found = ns("2025-11-01T00:00:00"), []
    for _ in rolls:
        at = day.next_roll_ns(at)
        found.append(text(at))
    assert found == rolls


def test_an_hour_that_is_skipped_rolls_when_it_would_have_been() -> None:
    day = TradingDay("02:30", "America/New_York")
    assert text(day.next_roll_ns(ns("2025-03-09T00:00:00"))) == "2025-03-09T07:30:00"
    assert day.date_at(ns("2025-03-09T07:29:59")) == "20250309"
    assert day.date_at(ns("2025-03-09T07:30:00")) == "20250310"


def test_without_weekends_friday_evening_begins_monday() -> None:
    day = TradingDay("17:00", "America/New_York", weekends=False)
    found = {day.date_at(ns(f"2025-06-{at}")) for at in ("13T21:00:00", "14T12:00:00", "15T23:00:00", "16T20:59:59")}
    assert found == {"20250616"}
    assert day.after("20250613") == "20250616"
    assert day.rolled(ns("2025-06-14T21:00:00"), "20250616") is None


@given(
    st.integers(0, 4_000_000_000),
    st.sampled_from(["00:00", "00:30", "01:30", "02:30", "17:00", "23:59:59"]),
    st.sampled_from(["UTC", "America/New_York", "Europe/London", "Asia/Kolkata", "Australia/Lord_Howe", "Pacific/Apia"]),
)
def test_the_date_changes_at_the_boundary_and_nowhere_else(seconds: int, roll: str, zone: str) -> None:
    day = TradingDay(roll, zone)
    at = seconds * NANOS
    boundary = day.next_roll_ns(at)
    assert boundary > at
    assert day.date_at(boundary - 1) == day.date_at(at)
    assert day.date_at(boundary) > day.date_at(at)


def test_what_rolls() -> None:
    at = ns("2025-06-16T21:00:00")
    event = NEW_YORK.rolled(at, "20250616")
    assert event is not None
    assert (event.trading_date, event.request_id, event.reason) == ("20250617", "day-20250617", "17:00 America/New_York")
    assert NEW_YORK.rolled(at, "20250617") is None  # an operator did
    assert NEW_YORK.rolled(at, "20250618") is None


def test_what_an_operator_may_say() -> None:
    NEW_YORK.check("20250617", "20250616")
    with pytest.raises(PreconditionFailed, match="never comes back"):
        NEW_YORK.check("20250616", "20250616")
    with pytest.raises(PreconditionFailed, match="more than a week"):
        NEW_YORK.check("20250624", "20250616")
    for wrong in ("tomorrow", "2025-06-17", "20250631"):
        with pytest.raises(UsageError, match="YYYYMMDD"):
            NEW_YORK.check(wrong, "20250616")
