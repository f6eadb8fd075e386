"""Between instants (UTC nanoseconds) and the calendar. Pure, exact, and the same in every process: no clock, no local zone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def utc_ns(moment: datetime) -> int:
    """UTC nanoseconds of an aware datetime. Where its local time does not exist, the offset that its `fold` says counts."""
    since = moment.astimezone(UTC) - _EPOCH
    return ((since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds) * 1_000


def local_time(at_ns: int, zone: tzinfo) -> datetime:
    """The moment as clocks in `zone` show it, to the microsecond below."""
    return (_EPOCH + timedelta(microseconds=at_ns // 1_000)).astimezone(zone)
