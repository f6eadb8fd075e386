"""The schedule's boundaries, in zones whose clocks change."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.venue.hours import Hours

WEEK = ("mon", "tue", "wed", "thu", "fri")
ALL = (*WEEK, "sat", "sun")


def ns(text: str) -> int:
    """UTC."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1_000_000_000


def hours(start: str, end: str, days: tuple[str, ...] = WEEK, timezone: str = "UTC") -> Hours:
    return Hours(start=start, end=end, days=days, timezone=timezone)


def test_a_day_in_utc() -> None:
    london = hours("07:00", "17:00:30")
    assert not london.covers(ns("2024-06-03 06:59:59"))
    assert london.covers(ns("2024-06-03 07:00"))
    assert london.covers(ns("2024-06-03 17:00:29"))
    assert not london.covers(ns("2024-06-03 17:00:30")), "the end is outside"
    assert london.next_change(ns("2024-06-03 06:00")) == ns("2024-06-03 07:00")
    assert london.next_change(ns("2024-06-03 07:00")) == ns("2024-06-03 17:00:30"), "strictly after"
    assert london.next_change(ns("2024-06-07 18:00")) == ns("2024-06-10 07:00"), "over the weekend"
    assert not london.covers(ns("2024-06-08 12:00"))


def test_over_midnight_belongs_to_the_day_it_begins_on() -> None:
    night = hours("22:00", "06:00", ("sun", "mon"))
    assert night.covers(ns("2024-06-03 05:00")), "Sunday's window, on Monday morning"
    assert not night.covers(ns("2024-06-03 12:00"))
    assert night.covers(ns("2024-06-04 05:59"))
    assert not night.covers(ns("2024-06-05 01:00"))


def test_whole_days_that_touch_are_one_window() -> None:
    fx = hours("17:00", "17:00", ("sun", "mon", "tue", "wed", "thu"), "America/New_York")
    assert fx.next_change(ns("2024-06-02 00:00")) == ns("2024-06-02 21:00")
    assert fx.next_change(ns("2024-06-02 21:00")) == ns("2024-06-07 21:00"), "no boundary in the week"
    assert fx.covers(ns("2024-06-05 21:00"))


def test_always_up_and_never_changing() -> None:
    always = hours("00:00", "00:00", ALL)
    assert always.covers(ns("2024-06-05 00:00"))
    assert always.next_change(ns("2024-06-05 00:00")) is None
    never = hours("07:00", "17:00", ())
    assert not never.covers(ns("2024-06-05 12:00"))
    assert never.next_change(ns("2024-06-05 12:00")) is None


def test_local_time_is_that_of_the_date() -> None:
    london = hours("07:00", "17:00", WEEK, "Europe/London")
    assert london.next_change(ns("2024-03-29 18:00")) == ns("2024-04-01 06:00"), "summer time began on the 31st"
    assert london.next_change(ns("2024-10-25 18:00")) == ns("2024-10-28 07:00"), "and ended on the 27th"


def test_a_time_that_comes_twice_cuts_nothing_short() -> None:
    """New York, 3 November 2024: 01:30 comes at 05:30 and again at 06:30 UTC."""
    begins = hours("01:30", "05:00", ("sun",), "America/New_York")
    assert begins.next_change(ns("2024-11-03 00:00")) == ns("2024-11-03 05:30")
    ends = hours("00:30", "01:30", ("sun",), "America/New_York")
    assert ends.next_change(ns("2024-11-03 05:00")) == ns("2024-11-03 06:30")


def test_a_time_that_does_not_come_is_moved_and_not_lost() -> None:
    """New York, 10 March 2024: 02:30 does not exist; 02:00 is 03:00, at 07:00 UTC."""
    begins = hours("02:30", "05:00", ("sun",), "America/New_York")
    assert begins.next_change(ns("2024-03-10 00:00")) == ns("2024-03-10 07:30")
    ends = hours("01:00", "02:30", ("sun",), "America/New_York")
    assert ends.next_change(ns("2024-03-10 06:30")) == ns("2024-03-10 07:30")


@pytest.mark.parametrize("zone", ["America/New_York", "Europe/London", "Australia/Lord_Howe", "Asia/Tokyo"])
@given(at=st.integers(1_700_000_000, 1_800_000_000), start=st.integers(0, 1439), end=st.integers(0, 1439))
def test_every_change_is_one(zone: str, at: int, start: int, end: int) -> None:
    clock = [f"{minutes // 60:02}:{minutes % 60:02}" for minutes in (start, end)]
    weekly = hours(clock[0], clock[1], ("mon", "wed", "thu", "sun"), zone)
    now = at * 1_000_000_000
    change = weekly.next_change(now)
    assert change is not None
    assert now < change <= now + 8 * 86_400 * 1_000_000_000
    assert weekly.covers(change) is not weekly.covers(now)
    assert weekly.covers(change - 1) is weekly.covers(now)


def test_moments_are_told_in_the_venue_s_own_time() -> None:
    assert hours("07:00", "17:00", WEEK, "Europe/London").text(ns("2024-06-03 06:00")) == "Mon 2024-06-03 07:00 Europe/London"
