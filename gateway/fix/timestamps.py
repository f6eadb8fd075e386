"""FIX time texts to UTC nanoseconds and back, exactly.

Exists because a float second has lost its nanoseconds, and because the datetime types stop at microseconds. It reads no clock.
"""

from __future__ import annotations

from datetime import date, timedelta
from functools import lru_cache

from gateway.core.values import NANOS

_EPOCH = date(1970, 1, 1)
_DAY = 86_400
_FRACTIONS = (0, 3, 6, 9)


@lru_cache(maxsize=512)
def _day_ns(text: str) -> int | None:
    """Midnight UTC of YYYYMMDD. None outside 1970..2261: beyond, nanoseconds do not fit 64 bits."""
    if len(text) != 8 or not _digits(text):
        return None
    try:
        day = date(int(text[:4]), int(text[4:6]), int(text[6:]))
    except ValueError:
        return None
    return (day - _EPOCH).days * _DAY * NANOS if 1970 <= day.year <= 2261 else None


def _digits(text: str) -> bool:
    return text.isascii() and text.isdigit()


def parse_time(text: str) -> int | None:
    """UTCTimeOnly `HH:MM:SS[.s...]` as nanoseconds since midnight; None when malformed.

    Up to 12 decimals (FIX 5.0 SP2 allows picoseconds; what is finer than a nanosecond is cut). Second 60 is a leap second
    (FIX 4.4 vol. 1, UTCTimestamp) and reads as the first second of the next minute.
    """
    if len(text) < 8 or text[2] != ":" or text[5] != ":":
        return None
    hours, minutes, seconds, fraction = text[:2], text[3:5], text[6:8], text[8:]
    if not _digits(hours + minutes + seconds):
        return None
    if fraction and not (fraction[0] == "." and 2 <= len(fraction) <= 13 and _digits(fraction[1:])):
        return None
    if hours > "23" or minutes > "59" or seconds > "60":
        return None
    whole = (int(hours) * 60 + int(minutes)) * 60 + int(seconds)
    return whole * NANOS + (int(fraction[1:10].ljust(9, "0")) if fraction else 0)


@lru_cache(maxsize=64)  # a message is asked for its times more than once
def parse_utc(text: str | None) -> int | None:
    """UTCTimestamp `YYYYMMDD-HH:MM:SS[.s...]` as UTC nanoseconds; None when missing or malformed."""
    if not text or len(text) < 17:
        return None
    second, fraction = _second_ns(text[:17]), text[18:]
    if second is None or len(text) == 17:
        return second
    if text[17] != "." or not 1 <= len(fraction) <= 12 or not (fraction.isascii() and fraction.isdigit()):
        return None
    return second + int(fraction[:9].ljust(9, "0"))


@lru_cache(maxsize=512)  # messages of a second come together
def _second_ns(text: str) -> int | None:
    """UTCTimestamp without a fraction."""
    if text[8] != "-":
        return None
    midnight, since = _day_ns(text[:8]), parse_time(text[9:])
    return None if midnight is None or since is None else midnight + since


def is_date(text: str) -> bool:
    """UTCDateOnly, LocalMktDate: a real day written YYYYMMDD."""
    return _day_ns(text) is not None


@lru_cache(maxsize=64)
def _date_text(day: int) -> str:
    return (_EPOCH + timedelta(days=day)).strftime("%Y%m%d")


def utc_date(ns: int) -> str:
    """The UTC day of `ns` as YYYYMMDD."""
    return _date_text(ns // (_DAY * NANOS))


def format_utc(ns: int, decimals: int = 3) -> str:
    """UTCTimestamp of `ns` with 0, 3, 6 or 9 decimals; finer digits are cut, never rounded into the future."""
    if decimals not in _FRACTIONS:
        raise ValueError(f"a UTCTimestamp has 0, 3, 6 or 9 decimals, not {decimals}")
    seconds, fraction = divmod(ns, NANOS)
    day, second = divmod(seconds, _DAY)
    minute, second = divmod(second, 60)
    hour, minute = divmod(minute, 60)
    text = f"{_date_text(day)}-{hour:02d}:{minute:02d}:{second:02d}"
    return f"{text}.{fraction:09d}"[: len(text) + 1 + decimals] if decimals else text
