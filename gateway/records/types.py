"""Column types that mean the same on SQLite and PostgreSQL, above all exact decimals.

SQLAlchemy's own `Numeric` goes through float on SQLite and loses digits without a word, hence `ExactDecimal`
(docs/decisions/0003-decimals-on-sqlite.md). Nothing here knows a table, and nothing rounds.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, TypeAlias

from sqlalchemy import BigInteger, Boolean, Dialect, Integer, Numeric
from sqlalchemy.types import TypeDecorator, TypeEngine, UserDefinedType

_INTEGER_LIMIT = 2**63
_MAX_INTEGER_DIGITS = 131_072
_MAX_FRACTION_DIGITS = 16_383
"""What PostgreSQL's NUMERIC can hold before and after the decimal point (manual, table 8.2): the limit on both databases."""

SqliteNumber: TypeAlias = int | float | str


class AnyValue(UserDefinedType[Any]):
    """SQLite's ANY in a STRICT table: keeps the storage class of what was written, converts nothing."""

    cache_ok = True

    def get_col_spec(self, **_: object) -> str:
        return "ANY"


def storable(value: Decimal) -> bool:
    """Whether both databases can hold `value`: finite, and within PostgreSQL's limits."""
    if not value.is_finite():
        return False
    exponent = value.as_tuple().exponent
    return value.adjusted() < _MAX_INTEGER_DIGITS and isinstance(exponent, int) and exponent >= -_MAX_FRACTION_DIGITS


def to_sqlite(value: Decimal) -> SqliteNumber:
    """The SQLite value that reads back as exactly `value`: REAL where a double round-trips, else INTEGER, else TEXT.

    Whole numbers are REAL too, because SQLite divides INTEGER by INTEGER without a remainder.
    """
    real = float(value) + 0.0  # no negative zero
    if Decimal(repr(real)) == value:
        return real
    whole = value.to_integral_value()
    if whole == value and -_INTEGER_LIMIT <= whole < _INTEGER_LIMIT:
        return int(whole)
    return format(value, "f")


def from_sqlite(value: SqliteNumber) -> Decimal:
    """Inverse of `to_sqlite`. A double stands for its shortest decimal, which is what `repr` gives, without its `.0`."""
    return Decimal(repr(value).removesuffix(".0")) if isinstance(value, float) else Decimal(value)


class ExactDecimal(TypeDecorator[Decimal]):
    """A decimal that reads back equal to what was written; NUMERIC without a scale on PostgreSQL.

    Raises ValueError for NaN, infinities and anything beyond the limits of NUMERIC.
    """

    impl = Numeric
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(AnyValue() if dialect.name == "sqlite" else Numeric())

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> Decimal | SqliteNumber | None:
        if value is None:
            return None
        if not storable(value):
            raise ValueError(f"{value:.20} cannot be stored: not a finite number of at most {_MAX_INTEGER_DIGITS} digits")
        return to_sqlite(value) if dialect.name == "sqlite" else value

    def process_result_value(self, value: Any, dialect: Dialect) -> Decimal | None:
        if value is None:
            return None
        return from_sqlite(value) if dialect.name == "sqlite" else Decimal(value)


class Flag(TypeDecorator[bool]):
    """BOOLEAN on PostgreSQL, 0 or 1 on SQLite, whose STRICT tables know no BOOLEAN."""

    impl = Boolean
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(Integer() if dialect.name == "sqlite" else Boolean())

    def process_bind_param(self, value: bool | None, dialect: Dialect) -> bool | int | None:
        if value is None:
            return None
        return int(value) if dialect.name == "sqlite" else value

    def process_result_value(self, value: Any, dialect: Dialect) -> bool | None:
        return None if value is None else bool(value)


INT64 = BigInteger().with_variant(Integer(), "sqlite")
"""64 bits on both; a STRICT table wants the word INTEGER."""
