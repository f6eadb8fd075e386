"""Between instants (UTC nanoseconds) and the calendar. Pure, exact, and the same in every process: no clock, no local zone."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, tzinfo

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FRACTION = re.compile(r"(?<=[0-9]{2}:[0-9]{2}:[0-9]{2})[.,]([0-9]{1,9})(?![0-9])")


def utc_ns(moment: datetime) -> int:
    """UTC nanoseconds of an aware datetime. Where its local time does not exist, the offset that its `fold` says counts."""
    since = moment.astimezone(UTC) - _EPOCH
    return ((since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds) * 1_000


def parse_instant(text: str) -> int | None:
    """UTC nanoseconds of a time as people and logs write it, to the last of nine decimals: ISO 8601, as FIX has it
    (20240531-14:30:00.123), or a day alone; UTC unless it says another zone. None when it is no time."""
    fraction = _FRACTION.search(text)
    whole = text if fraction is None else text[: fraction.start()] + text[fraction.end() :]
    try:
        found = datetime.fromisoformat(whole)
        ns = utc_ns(found if found.tzinfo else found.replace(tzinfo=UTC))
    except (ValueError, OverflowError):
        return None
    return ns if fraction is None else ns + int(fraction[1].ljust(9, "0"))


def local_time(at_ns: int, zone: tzinfo) -> datetime:
    """The moment as clocks in `zone` show it, to the microsecond below."""
    return (_EPOCH + timedelta(microseconds=at_ns // 1_000)).astimezone(zone)
