from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.fix.timestamps import format_utc, is_date, parse_time, parse_utc, utc_date

LAST = parse_utc("22611231-23:59:59.999999999")
assert LAST is not None


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        ("19700101-00:00:00", 0),
        ("20240102-10:11:12", 1704190272_000000000),
        ("20240102-10:11:12.1", 1704190272_100000000),
        ("20240102-10:11:12.123", 1704190272_123000000),
        ("20240102-10:11:12.123456", 1704190272_123456000),
        ("20240102-10:11:12.123456789", 1704190272_123456789),
        ("20240102-10:11:12.123456789999", 1704190272_123456789),
        ("20161231-23:59:60", 1483228800_000000000),
        ("20161231-23:59:60.500", 1483228800_500000000),
        ("20240229-00:00:00", 1709164800_000000000),
    ],
)
def test_exact_nanoseconds(text, ns):
    assert parse_utc(text) == ns


@pytest.mark.parametrize(
    "text",
    [
        None, "", "20240102", "20240102-10:11", "20240102 10:11:12", "20240102-10:11:12.", "20240102-10:11:12,5",
        "20230229-00:00:00",
        "20240102-24:00:00", "20240102-10:60:00", "20240102-10:11:61", "2024010a-10:11:12", "20240102-10:11:1٣",
        "00000000-00:00:00",
        "99991231-00:00:00", "19691231-23:59:59", "20240102-10:11:12Z", "20240102-10:11:12.1234567890123", "+0240102-10:11:12",
    ],
)  # fmt: skip
def test_malformed_times_are_not_times(text):
    assert parse_utc(text) is None


@given(st.integers(0, LAST), st.sampled_from([0, 3, 6, 9]))
def test_round_trip_cuts_to_the_decimals(ns, decimals):
    unit = 10 ** (9 - decimals)
    assert parse_utc(format_utc(ns, decimals)) == ns // unit * unit


@given(st.integers(0, LAST // 1000))
def test_agrees_with_datetime(microseconds):
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)
    assert format_utc(microseconds * 1000, 6) == f"{moment:%Y%m%d-%H:%M:%S.%f}"
    assert utc_date(microseconds * 1000) == f"{moment:%Y%m%d}"


@given(st.text() | st.from_regex(r"[0-9]{8}-[0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]{1,9})?", fullmatch=True))
def test_any_text_is_a_time_that_reads_the_same_or_none(text):
    ns = parse_utc(text)
    if ns is not None:
        digits = len(text.partition(".")[2])
        assert format_utc(ns, digits) == text


def test_dates_and_odd_decimals():
    assert is_date("20240229")
    assert not is_date("20230229")
    assert parse_time("10:00:00.5") == 36_000_500_000_000
    with pytest.raises(ValueError, match="decimals"):
        format_utc(0, 4)
