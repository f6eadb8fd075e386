"""The kinds of value a configuration may hold, each refusing what would do harm further down.

A value that passes here can be put on the wire, into a file name or a metric label as it is: no SOH, no control
character, no float that lost digits on its way. Nothing here looks at another key, at the environment
or at a file (but for the system's list of time zones).
"""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from typing import Annotated, Any
from zoneinfo import available_timezones

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_core import PydanticCustomError

# Twenty digits either side: enough for any market, and arithmetic on the values stays exact within 50 digits.
_DECIMAL = re.compile(r"-?[0-9]{1,20}(\.[0-9]{1,20})?")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")
_DIALECT = re.compile(rf"{_NAME.pattern}|[^\x00-\x1f\x7f-\x9f]+\.toml")
_CLASS_PATH = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*", re.ASCII)
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_CURRENCY = re.compile(r"[A-Z0-9]{3,8}")
_CLOCK = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def refuse(what: str, remedy: str) -> PydanticCustomError:
    """The error a validator raises: `what` is wrong, and the `remedy`, which the report shows beside it."""
    return PydanticCustomError("gateway", "{what}", {"what": what, "remedy": remedy})


def _decimal(value: Any) -> Decimal:
    if isinstance(value, Decimal):
        return value
    if isinstance(value, float):
        raise refuse("is a float, which cannot hold a decimal exactly", f'quote it: "{value}"')
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise refuse("is not a decimal number", 'write it as a string, for example "0.001"')
    if not _DECIMAL.fullmatch(str(value)):
        raise refuse(
            "is not a plain decimal number of at most 20 digits on either side of the point",
            'write digits with one point, no exponent, no separators, for example "1000000.50"',
        )
    return Decimal(value)


def _optional_decimal(value: Any) -> Decimal | None:
    return None if value in ("", None) else _decimal(value)


def _positive(value: Decimal) -> Decimal:
    if value <= 0:
        raise refuse("must be greater than zero", "give a positive number")
    return value


def _not_negative(value: Decimal) -> Decimal:
    if value < 0:
        raise refuse("must not be negative", "give zero or more")
    return value


def _optional_positive(value: Decimal | None) -> Decimal | None:
    return None if value is None else _positive(value)


def _text(value: str) -> str:
    if _CONTROL.search(value):
        raise refuse("contains a control character", "remove it")
    return value


def _wire_text(value: str) -> str:
    """Text that becomes a FIX field: SOH and '=' would break out of it, and the wire is ASCII."""
    _text(value)
    if "=" in value:
        raise refuse("contains '=', which separates tag and value in FIX", "remove it")
    if not value.isascii():
        raise refuse("contains a character outside ASCII", "use the identifier exactly as the venue issued it")
    if value != value.strip():
        raise refuse("begins or ends with a blank", "remove the blank")
    return value


def _filled(value: str) -> str:
    if not value:
        raise refuse("is empty", "give it a value")
    return value


def _matches(pattern: re.Pattern[str], what: str, remedy: str) -> AfterValidator:
    def check(value: str) -> str:
        if not pattern.fullmatch(value):
            raise refuse(what, remedy)
        return value

    return AfterValidator(check)


def _time_zone(value: str) -> str:
    if value not in available_timezones():
        raise refuse("is not a known time zone", 'use an IANA name, for example "Europe/London"')
    return value


def _calendar_date(value: str) -> str:
    try:
        if not re.fullmatch("[0-9]{8}", value):
            raise ValueError(value)
        date.fromisoformat(value)
    except ValueError:
        raise refuse("is not a date", 'write it as "YYYYMMDD"') from None
    return value


Text = Annotated[str, AfterValidator(_text)]
"""Free text without control characters."""

FilledText = Annotated[str, AfterValidator(_text), AfterValidator(_filled)]

WireText = Annotated[str, AfterValidator(_wire_text)]
"""Text that may become a FIX field value; may be empty."""

WireId = Annotated[str, AfterValidator(_wire_text), AfterValidator(_filled)]
"""A CompID, a symbol: not empty."""

Name = Annotated[
    str,
    _matches(
        _NAME,
        "is not usable as a name",
        "use 1 to 40 letters, digits, '.', '_' or '-', beginning with a letter or digit",
    ),
]
"""Becomes a file name, a metric label and part of a scope such as `venue:NAME`."""

DialectName = Annotated[
    str,
    _matches(
        _DIALECT,
        "is neither a dialect's name nor a file of one",
        "use a name that `gateway spec list` shows, or the path of a .toml file",
    ),
]
"""A path is taken from the folder of the configuration file."""

ClassPath = Annotated[str, _matches(_CLASS_PATH, "does not name a class", 'write it as "package.module:ClassName"')]
Currency = Annotated[
    str, _matches(_CURRENCY, "is not a currency code", 'use 3 to 8 capital letters or digits, for example "JPY"')
]
VariableName = Annotated[
    str, _matches(_VARIABLE, "is not the name of an environment variable", "name the variable, not its content")
]
ClockTime = Annotated[str, _matches(_CLOCK, "is not a time of day", 'write it as "HH:MM" or "HH:MM:SS"')]
CalendarDate = Annotated[str, AfterValidator(_calendar_date)]
TimeZone = Annotated[str, AfterValidator(_time_zone)]

SignedDecimal = Annotated[Decimal, BeforeValidator(_decimal)]
PositiveDecimal = Annotated[Decimal, BeforeValidator(_decimal), AfterValidator(_positive)]
NotNegativeDecimal = Annotated[Decimal, BeforeValidator(_decimal), AfterValidator(_not_negative)]
OptionalPositiveDecimal = Annotated[Decimal | None, BeforeValidator(_optional_decimal), AfterValidator(_optional_positive)]
"""As a TOML string or integer; an empty string means unset."""

Port = Annotated[int, Field(ge=1, le=65535)]
PortOrAny = Annotated[int, Field(ge=0, le=65535)]
Count = Annotated[int, Field(ge=0, le=1_000_000_000)]
PositiveCount = Annotated[int, Field(ge=1, le=1_000_000)]
Seconds = Annotated[int, Field(ge=1, le=3600)]
