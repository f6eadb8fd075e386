"""How SQLite holds a decimal: the storage class, without a database library in between."""

from __future__ import annotations

import sqlite3
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.records.types import from_sqlite, to_sqlite


@pytest.mark.parametrize(
    ("value", "storage"),
    [
        ("1000", "real"),
        ("1000.00", "real"),
        ("-0", "real"),
        ("1E+5", "real"),
        ("9007199254740993", "integer"),
        ("9223372036854775807", "integer"),
        ("150.125", "real"),
        ("1E-9", "real"),
        ("1E+20", "real"),
        ("9223372036854775809", "text"),
        ("1234567890123.12345678", "text"),
        ("1E+400", "text"),
    ],
)
def test_what_sqlite_holds(value: str, storage: str) -> None:
    database = sqlite3.connect(":memory:")
    database.execute("CREATE TABLE decimals (value ANY) STRICT")
    database.execute("INSERT INTO decimals VALUES (?)", (to_sqlite(Decimal(value)),))
    ((kind, back),) = database.execute("SELECT typeof(value), value FROM decimals").fetchall()
    database.close()
    assert kind == storage
    assert from_sqlite(back) == Decimal(value)


@given(st.decimals(allow_nan=False, allow_infinity=False))
def test_nothing_is_ever_lost(value: Decimal) -> None:
    assert from_sqlite(to_sqlite(value)) == value
