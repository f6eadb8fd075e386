"""Decimals come back as they went in and mean the same in SQL on both databases: docs/decisions/0003-decimals-on-sqlite.md."""

from __future__ import annotations

import random
from collections.abc import Iterator
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Column, Connection, Integer, MetaData, Table, func, insert, select
from sqlalchemy.exc import StatementError

from gateway.records.store import RecordStore
from gateway.records.types import ExactDecimal

VALUES = Table(
    "decimals", MetaData(), Column("id", Integer, primary_key=True), Column("value", ExactDecimal), sqlite_strict=True
)

finite = st.decimals(allow_nan=False, allow_infinity=False) | st.decimals(
    allow_nan=False, allow_infinity=False, places=8, min_value=-(10**12), max_value=10**12
)
fifteen_digits = st.builds(
    lambda digits, exponent: Decimal(digits).scaleb(exponent), st.integers(-(10**15) + 1, 10**15 - 1), st.integers(-12, 3)
)
# The table lives as long as the test; every example empties it first.
shared_table = settings(
    max_examples=settings.default.max_examples // 2, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture
def connection(store: RecordStore) -> Iterator[Connection]:
    with store.transaction() as connection:
        VALUES.create(connection)
        yield connection


def written(connection: Connection, values: list[Decimal]) -> None:
    connection.execute(VALUES.delete())
    if values:
        connection.execute(insert(VALUES), [{"id": number, "value": value} for number, value in enumerate(values)])


def read(connection: Connection) -> list[Decimal]:
    return list(connection.execute(select(VALUES.c.value).order_by(VALUES.c.id)).scalars())


@shared_table
@given(st.lists(finite, max_size=20))
def test_every_decimal_reads_back_equal(connection: Connection, values: list[Decimal]) -> None:
    written(connection, values)
    assert read(connection) == values
    assert all(type(value) is Decimal for value in read(connection))


@shared_table
@given(st.lists(fifteen_digits, min_size=2, max_size=10), st.data())
def test_values_of_fifteen_digits_compare_in_sql(connection: Connection, values: list[Decimal], data: st.DataObject) -> None:
    written(connection, values)
    bound = data.draw(st.sampled_from(values))
    above = connection.execute(select(func.count()).where(VALUES.c.value > bound)).scalar_one()
    assert above == sum(value > bound for value in values)
    equal = connection.execute(select(func.count()).where(VALUES.c.value == bound)).scalar_one()
    assert equal == values.count(bound)


@shared_table
@given(st.lists(st.integers(-(10**13), 10**13).map(Decimal), min_size=1, max_size=50))
def test_whole_quantities_sum_exactly(connection: Connection, values: list[Decimal]) -> None:
    written(connection, values)
    assert Decimal(connection.exec_driver_sql("SELECT SUM(value) FROM decimals").scalar_one()) == sum(values)


def test_averages_of_whole_prices_have_a_fraction(connection: Connection) -> None:
    written(connection, [Decimal(110), Decimal(111)])
    average = connection.exec_driver_sql("SELECT SUM(value * value) / SUM(value) FROM decimals").scalar_one()
    assert round(Decimal(average), 9) == round(Decimal(110**2 + 111**2) / 221, 9)


def test_a_day_of_fractional_values_sums_to_its_cents(connection: Connection) -> None:
    chosen = random.Random(7)
    values = [Decimal(chosen.randrange(10**9)).scaleb(-5) for _ in range(20_000)]
    written(connection, values)
    total = connection.exec_driver_sql("SELECT ROUND(SUM(value), 5) FROM decimals").scalar_one()
    assert Decimal(repr(total) if isinstance(total, float) else total) == sum(values)


@pytest.mark.parametrize("value", ["NaN", "sNaN", "Infinity", "-Infinity", "1E+131072", "1E-16384", "1E+999999"])
def test_what_no_database_can_hold_is_refused(connection: Connection, value: str) -> None:
    with pytest.raises(StatementError, match="cannot be stored"):
        written(connection, [Decimal(value)])


@pytest.mark.parametrize("value", ["9" * 1000, "1E+131071", "1E-16383", "1234567890123.12345678"])
def test_the_extremes(connection: Connection, value: str) -> None:
    written(connection, [Decimal(value)])
    assert read(connection) == [Decimal(value)]


def test_null_stays_null(connection: Connection) -> None:
    connection.execute(insert(VALUES), {"id": 1, "value": None})
    assert read(connection) == [None]
