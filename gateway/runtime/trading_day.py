"""When a trading day ends: a pure computation from a time of day and a time zone. Reads no clock.

A trading day bears the date of its last calendar day: with `roll` at 17:00 in New York, 17:00 on Monday begins Tuesday. A
roll at midnight ends the date that was. Boundaries are instants, not readings of a wall clock: an hour that occurs twice
rolls once (the first time), and one that is skipped rolls at the instant it would have been.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from gateway.core.events import TradingDayRolled
from gateway.errors import PreconditionFailed, UsageError
from gateway.instants import local_time, utc_ns

_DAY = timedelta(days=1)


class TradingDay:
    """`roll` is HH:MM or HH:MM:SS in `timezone` (IANA). Without `weekends`, Saturday and Sunday belong to Monday."""

    def __init__(self, roll: str, timezone: str, *, weekends: bool = True) -> None:
        self._roll = time.fromisoformat(roll)
        self._zone = ZoneInfo(timezone)
        self._weekends = weekends
        self._why = f"{roll} {timezone}"

    def date_at(self, at_ns: int) -> str:
        """YYYYMMDD of the trading day at this time (UTC nanoseconds)."""
        return self._date_at(at_ns).strftime("%Y%m%d")

    def next_roll_ns(self, at_ns: int) -> int:
        """The first boundary after this time, in UTC nanoseconds. Without weekends, one of them may change no date."""
        day = self._local_date(at_ns) - _DAY
        while (begins := self._begins_ns(day)) <= at_ns:
            day += _DAY
        return begins

    def rolled(self, at_ns: int, present: str) -> TradingDayRolled | None:
        """The event when the day at `at_ns` is after the `present` one."""
        today = self.date_at(at_ns)
        if today <= present:
            return None
        return TradingDayRolled(actor="schedule", reason=self._why, request_id=f"day-{today}", trading_date=today)

    def after(self, present: str) -> str:
        """The trading date that follows `present`."""
        return self._trading(date.fromisoformat(present) + _DAY).strftime("%Y%m%d")

    def check(self, wanted: str, present: str) -> None:
        """Raises UsageError when `wanted` is no date, PreconditionFailed when it is not after `present` or too far off."""
        try:
            day = date.fromisoformat(wanted)
            if day.strftime("%Y%m%d") != wanted:
                raise ValueError(wanted)
        except ValueError:
            raise UsageError(f"{wanted!r} is not a date: write it as YYYYMMDD") from None
        if wanted <= present:
            raise PreconditionFailed(f"the trading day is {present} already; a day never comes back")
        if day > date.fromisoformat(present) + 7 * _DAY:
            raise PreconditionFailed(f"{wanted} is more than a week after {present}: until then no day would roll")

    def _date_at(self, at_ns: int) -> date:
        day = self._local_date(at_ns) + _DAY
        while self._begins_ns(day) > at_ns:
            day -= _DAY
        return self._trading(day)

    def _local_date(self, at_ns: int) -> date:
        return local_time(at_ns, self._zone).date()

    def _begins_ns(self, day: date) -> int:
        """When the trading day of this date begins: at midnight on the date itself, else on the evening before."""
        calendar = day if self._roll == time(0) else day - _DAY
        return utc_ns(datetime.combine(calendar, self._roll, self._zone))

    def _trading(self, day: date) -> date:
        while not self._weekends and day.weekday() >= 5:
            day += _DAY
        return day
