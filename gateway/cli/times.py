"""UTC nanoseconds as people read them. Reads no clock."""

from __future__ import annotations

from datetime import UTC, datetime

from gateway.core.values import NANOS


def moment(ns: int | None) -> str:
    """Date and time to the nanosecond: `2024-05-31 14:30:00.000000001`."""
    return _formatted(ns, "%Y-%m-%d %H:%M:%S", 9)


def short(ns: int | None) -> str:
    """For a column: `05-31 14:30:00`."""
    return _formatted(ns, "%m-%d %H:%M:%S", 0)


def clock(ns: int | None) -> str:
    """Within a day: `14:30:00.000123`."""
    return _formatted(ns, "%H:%M:%S", 6)


def day(ns: int | None) -> str:
    """The day alone, UTC: `2024-05-31`."""
    return _formatted(ns, "%Y-%m-%d", 0)


def span(ns: int) -> str:
    """A duration: `3d 04:05:06`."""
    minutes, seconds = divmod(max(ns, 0) // NANOS, 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    return (f"{days}d " if days else "") + f"{hours:02}:{minutes:02}:{seconds:02}"


def _formatted(ns: int | None, form: str, digits: int) -> str:
    if ns is None:
        return "-"
    seconds, rest = divmod(ns, NANOS)
    try:
        text = datetime.fromtimestamp(seconds, UTC).strftime(form)
    except (ValueError, OverflowError, OSError):  # venues can send any number
        return str(ns)
    return f"{text}.{rest:09}"[: len(text) + 1 + digits] if digits else text
