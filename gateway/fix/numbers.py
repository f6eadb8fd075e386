"""FIX numbers to Decimal and back: plain digits, no exponent, nothing that is not a finite number.

Exists because `Decimal("NaN")`, `Decimal("1e5")` and `Decimal("1_000")` are all accepted by Python and none is a FIX float
(FIX 4.4 vol. 1, "Data types: float": digits with an optional sign and decimal point).
"""

from __future__ import annotations

import re
from decimal import Decimal
from functools import lru_cache

from gateway.errors import Denied

MAX_DIGITS = 28
"""Decimal's working precision: beyond it a sum of quantities would be rounded."""
_FLOAT = re.compile(r"-?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)").fullmatch


@lru_cache(maxsize=16_384)  # quantities and prices repeat
def parse_decimal(text: str | None) -> Decimal | None:
    """The number `text` writes, digits as given; None when it is missing, not a FIX float, or over 28 digits long."""
    return Decimal(text) if text and len(text) <= MAX_DIGITS + 2 and _FLOAT(text) and _short(text) else None


def _short(text: str) -> bool:
    return len(text) <= MAX_DIGITS or sum(character.isdigit() for character in text) <= MAX_DIGITS


def format_decimal(value: Decimal) -> str:
    """`value` as a FIX float, digits as given, never an exponent. Raises `Denied` for NaN and infinities."""
    if not value.is_finite():
        raise Denied(f"{value} is not a number that can be sent")
    return format(value, "f")
