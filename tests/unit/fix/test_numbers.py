from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import Denied
from gateway.fix.numbers import MAX_DIGITS, format_decimal, parse_decimal


@pytest.mark.parametrize("text", ["0", "-0", "1.", ".5", "-.5", "00023.2300", "9" * MAX_DIGITS, "1.10"])
def test_fix_floats(text):
    assert parse_decimal(text) == Decimal(text)


@pytest.mark.parametrize(
    "text",
    [None, "", "-", ".", "NaN", "Infinity", "-inf", "1e5", "1E5", "1_000", "1,000",
     " 1", "1 ", "+1", "٣", "0x1", "9" * (MAX_DIGITS + 1), "1\n"],
)  # fmt: skip
def test_what_is_no_fix_float(text):
    assert parse_decimal(text) is None


@given(st.text())
def test_never_anything_but_a_finite_number(text):
    value = parse_decimal(text)
    assert value is None or value.is_finite()


@given(st.decimals(allow_nan=False, allow_infinity=False, places=8, min_value=-(10**15), max_value=10**15))
def test_round_trip(value):
    text = format_decimal(value)
    assert "e" not in text.lower()
    assert parse_decimal(text) == value


def test_digits_are_sent_as_given_and_never_with_an_exponent():
    assert format_decimal(Decimal("1.50")) == "1.50"
    assert format_decimal(Decimal("1E+3")) == "1000"
    assert format_decimal(Decimal("1E-9")) == "0.000000001"
    for bad in ("NaN", "Infinity", "-Infinity"):
        with pytest.raises(Denied):
            format_decimal(Decimal(bad))
