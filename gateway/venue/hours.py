"""When a session is to be up: the boundaries of a weekly schedule in local time, as UTC nanoseconds. Pure; time is handed in.

Theory of operation
-------------------
A *window* begins on each day of the schedule at `start` and ends at the first `end` after it: on the same day when `end` is
later than `start`, on the next one otherwise (17:00 to 17:00 is a whole day). Windows that touch or overlap are one, so a
week of whole days has no boundaries at all.

Local times are those of the time zone on that date. Where the clocks go back and a local time comes twice, a window begins at
the first and ends at the second; where they go forward and it does not come, it counts with the offset before the change. A
session is thus never cut short by a change of clocks.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from gateway.instants import local_time, utc_ns

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_REACH = 9
"""Days to look ahead and back: more than a week, and the longest window is a week."""


class Hours:
    """`start` and `end` are `HH:MM[:SS]` in `timezone` (IANA), `days` those on which a window begins (`mon` .. `sun`)."""

    def __init__(self, *, start: str, end: str, days: Iterable[str], timezone: str) -> None:
        self._start = time.fromisoformat(start)
        self._end = time.fromisoformat(end)
        self._days = frozenset(_DAYS.index(day) for day in days)
        self._zone = ZoneInfo(timezone)

    def covers(self, at_ns: int) -> bool:
        """Whether the session is to be up at this moment (UTC nanoseconds); the end itself is outside."""
        return any(begin <= at_ns < end for begin, end in self._windows(at_ns))

    def next_change(self, at_ns: int) -> int | None:
        """The first boundary after this moment, in UTC nanoseconds; None when there is none: always up, or never."""
        times = [at for window in self._windows(at_ns) for at in window if at > at_ns]
        # Windows that reach the horizon of the search are cut there, which is no boundary.
        horizon = self._ns(self._local_date(at_ns) + timedelta(days=_REACH - 1), time(), fold=0)
        return min((at for at in times if at < horizon), default=None)

    def text(self, at_ns: int) -> str:
        """A moment as the venue's people read it: `Mon 2024-06-03 07:00 Europe/London`."""
        return f"{local_time(at_ns, self._zone):%a %Y-%m-%d %H:%M} {self._zone.key}"

    def _windows(self, at_ns: int) -> list[tuple[int, int]]:
        """Windows around a moment, merged where they touch, in order."""
        merged: list[tuple[int, int]] = []
        for begin, end in self._single(self._local_date(at_ns)):
            if merged and begin <= merged[-1][1]:
                merged[-1] = (merged[-1][0], max(merged[-1][1], end))
            else:
                merged.append((begin, end))
        return merged

    def _single(self, around: date) -> Iterator[tuple[int, int]]:
        for offset in range(-_REACH, _REACH + 1):
            day = around + timedelta(days=offset)
            if day.weekday() in self._days:
                last = day if self._end > self._start else day + timedelta(days=1)
                begin, finish = self._ns(day, self._start, fold=0), self._ns(last, self._end, fold=1)
                if begin < finish:  # a change forward can swallow a short window whole
                    yield begin, finish

    def _ns(self, day: date, clock: time, *, fold: int) -> int:
        local = datetime.combine(day, clock, self._zone)
        # In the gap of a change forward, fold=0 is the offset before it: never earlier than meant.
        exists = local.astimezone(UTC).astimezone(self._zone).replace(tzinfo=None) == local.replace(tzinfo=None)
        return utc_ns(local.replace(fold=fold if exists else 0))

    def _local_date(self, at_ns: int) -> date:
        return local_time(at_ns, self._zone).date()
