"""What stands before a message on its line: when it was logged, and whether it came in or went out.

Clocks of logs rarely say their zone. The distance to SendingTime(52), to the quarter of an hour, tells it: found at the first
message that has both, unless the prefix names a zone itself.
"""

from __future__ import annotations

import re
from collections import defaultdict
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache
from typing import Final, NamedTuple

from gateway.core.values import NANOS

IN: Final = "in"
OUT: Final = "out"

_DIGITS = b"0123456789"
_QUARTER = 900 * NANOS
_DAY = 86_400 * NANOS
_NOON = 12
_FULL = re.compile(
    rb"([12][0-9]{3})[-/.]?([01][0-9])[-/.]?([0-3][0-9])[-T_ ,]{1,2}([0-2][0-9]):([0-5][0-9]):([0-6][0-9])"
    rb"(?:[.,:]([0-9]{1,9}))?\s?(Z|UTC|GMT|[+-][0-9]{2}:?[0-9]{2}(?![0-9]))?"
)
_FRACTION = re.compile(rb"[.,:]([0-9]{1,9})(?![0-9])(?!\s?(?:Z|UTC|GMT|[+-][0-9]))").match
_CLOCK = re.compile(
    rb"(?<![0-9:])([0-2]?[0-9]):([0-5][0-9]):([0-6][0-9])(?:[.,:]([0-9]{1,9}))?(?:\s?([AaPp])[Mm](?![A-Za-z]))?"
)
_EPOCH = re.compile(rb"(?<![0-9.])([12][0-9]{9})(?:\.([0-9]{1,9})|([0-9]{3}|[0-9]{6}|[0-9]{9}))?(?![0-9])")

_WORD = re.compile(
    rb"(?<![A-Za-z])(?:(incoming|inbound|received|receive|receiving|recv|rcvd|recd|rx|in|fromapp|fromadmin|read)"
    rb"|(outgoing|outbound|sent|send|sending|snd|tx|out|toapp|toadmin|write|written))(?![A-Za-z])",
    re.IGNORECASE,
)
_ARROW = re.compile(rb"(?<![A-Za-z0-9])(?:(<<|<-|<=)|(>>|->|=>))(?![A-Za-z0-9])")  # FIX.4.4:A->B is a session's name
_LETTER = re.compile(rb"(?<![A-Za-z0-9])(?:([IR<])|([OS>]))(?![A-Za-z0-9])")
_WAYS = ((_WORD, -1), (_WORD, 0), (_ARROW, -1), (_LETTER, -1))
"""How a direction is told: a pattern, and which of its matches. Mostly the last, but `Sending (thread in-1)` has the first."""
_SHAPES = 4096
_AROUND = 64


@lru_cache(maxsize=512)
def _seconds(year: int, month: int, day: int, zone: int) -> int | None:
    try:
        moment = datetime(year, month, day, tzinfo=timezone(timedelta(minutes=zone)))
    except ValueError:
        return None
    return round((moment - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds())


def prefix_of(gap: bytes) -> bytes:
    """The text before a message on its line."""
    return gap[gap.rfind(b"\n") + 1 :]


class _Second(NamedTuple):
    """What a line with a date begins with, up to its second, and when that is on the log's clock."""

    text: bytes
    at_ns: int


class PrefixReader:
    """Reads the prefixes of one log."""

    def __init__(self) -> None:
        self.offset_ns: int | None = None
        """How far the log's clock is ahead of UTC; None until it is known."""
        self.form = ""
        """How the log writes its times; empty when it writes none."""
        self.words: dict[str, str] = {}
        """What the log calls a direction -> `in` or `out`."""
        self.certain = False
        """Both sides of a session were seen by `learn`."""
        self._ways = list(_WAYS)
        self._directions: dict[bytes, str | None] = {}
        self._second = _Second(b"\xff", 0)
        self._digits = 0
        self._unit_ns = 0
        self._around: set[bytes] = set()
        """What stood around so many digits of a fraction: a line that is the same there needs no second look."""

    def learn(self, seen: list[tuple[bytes, bytes, bytes]]) -> None:
        """Give up what tells the same direction for both sides of a session: it is another thing (a level, a bracket).

        `seen`: of some messages what stands before them, SenderCompID(49) and TargetCompID(56).
        """
        pairs = {(sender, target) for _, sender, target in seen if sender != target}
        self.certain = any((target, sender) in pairs for sender, target in pairs)
        for way in list(self._ways) if self.certain else ():
            said: dict[tuple[bytes, bytes], set[str]] = defaultdict(set)
            for shape, sender, target in {(prefix_of(gap).translate(None, _DIGITS), *pair) for gap, *pair in seen}:
                told = _told(way, shape)
                if told is not None:
                    said[sender, target].add(told[1])
            if any(len(told) == 1 and said.get(pair[::-1]) == told for pair, told in list(said.items()) if pair[0] != pair[1]):
                self._ways.remove(way)
                self._directions.clear()
                self.words.clear()

    def direction(self, gap: bytes) -> str | None:
        """`in` or `out`, None when the prefix says neither. `gap`: what stands between two messages."""
        prefix = prefix_of(gap)
        shape = prefix.translate(None, _DIGITS)
        try:
            return self._directions[shape]
        except KeyError:
            found = self._read_direction(shape)
            if len(self._directions) >= _SHAPES:
                self._directions.clear()
            self._directions[shape] = found
            return found

    def again(self, gap: bytes) -> int | None:
        """As `time_ns`, where the second is that of the message before, as it mostly is, and SendingTime tells nothing more;
        None where that is not so."""
        if self.offset_ns is None:
            return None
        text, at_ns = self._second
        prefix = gap[gap.rfind(b"\n") + 1 :]
        if not prefix.startswith(text):
            return None
        begin, size = len(text) + 1, self._digits
        digits = prefix[begin : begin + size]
        if digits.isdigit() and prefix[begin - 1 : begin] + prefix[begin + size :] in self._around and len(digits) == size:
            return at_ns + int(digits) * self._unit_ns - self.offset_ns
        fraction = _FRACTION(prefix, begin - 1)
        if fraction is None:
            return None
        if len(fraction[1]) != size or len(self._around) >= _AROUND:
            self._digits, self._unit_ns = len(fraction[1]), 10 ** (9 - len(fraction[1]))
            self._around.clear()
        self._around.add(prefix[begin - 1 : begin] + prefix[fraction.end() :])
        return at_ns + int(fraction[1]) * self._unit_ns - self.offset_ns

    def time_ns(self, gap: bytes, sent_ns: int | None) -> int | None:
        """When the message was logged, UTC nanoseconds; None when its line does not say. `sent_ns`: its SendingTime."""
        prefix = prefix_of(gap)
        if len(prefix) < 8:
            return None
        found = _FULL.search(prefix)
        return self._undated(prefix, sent_ns) if found is None else self._dated(found, sent_ns)

    def _read_direction(self, shape: bytes) -> str | None:
        for way in self._ways:
            told = _told(way, shape)
            if told is not None:
                self.words.setdefault(*told)
                return told[1]
        return None

    def _dated(self, found: re.Match[bytes], sent_ns: int | None) -> int | None:
        zone = found[8]
        minutes = 0
        if zone and zone[:1] in b"+-":
            minutes = (int(zone[1:3]) * 60 + int(zone[-2:])) * (-1 if zone[:1] == b"-" else 1)
        midnight = _seconds(int(found[1]), int(found[2]), int(found[3]), minutes) if minutes < 1440 else None
        if midnight is None:
            return None
        at = midnight * NANOS + _since_midnight(found[4], found[5], found[6], found[7])
        self.form = self.form or "date and time" + (" with zone" if zone else "")
        if not zone:
            self._second = _Second(found.string[: found.end(6)], at // NANOS * NANOS)
        return at if zone else self._utc(at, sent_ns)

    def _undated(self, prefix: bytes, sent_ns: int | None) -> int | None:
        """Times that are not dates: seconds since 1970, or a clock whose day SendingTime has to tell."""
        found = _EPOCH.search(prefix)
        if found is not None:
            self.form = self.form or "seconds since 1970"
            return int(found[1]) * NANOS + int((found[2] or found[3] or b"0").ljust(9, b"0"))
        found = _CLOCK.search(prefix)
        if found is None or sent_ns is None:
            return None
        self.form = self.form or "time of day"
        since = _since_midnight(found[1], found[2], found[3], found[4])
        if found[5]:  # 12 AM is midnight, 12 PM is noon
            since += ((found[5] in b"Pp") - (int(found[1]) == _NOON)) * _NOON * 3600 * NANOS
        at = sent_ns // _DAY * _DAY + since
        offset = self.offset_ns or 0
        # Of the days around, the one nearest to SendingTime.
        at += round((sent_ns + offset - at) / _DAY) * _DAY
        return self._utc(at, sent_ns)

    def _utc(self, at: int, sent_ns: int | None) -> int:
        if self.offset_ns is None:
            if sent_ns is None:
                return at
            self.offset_ns = round((at - sent_ns) / _QUARTER) * _QUARTER
            if abs(self.offset_ns) > _DAY // 2 + 3 * 3600 * NANOS:  # no zone is so far: a log written later, or a wrong clock
                self.offset_ns = 0
        return at - self.offset_ns


def _told(way: tuple[re.Pattern[bytes], int], shape: bytes) -> tuple[str, str] | None:
    """The word that tells a direction, and the direction."""
    pattern, which = way
    marks = list(pattern.finditer(shape))
    return (marks[which][0].decode("latin-1"), IN if marks[which][1] else OUT) if marks else None


def _since_midnight(hours: bytes, minutes: bytes, seconds: bytes, fraction: bytes | None) -> int:
    whole = (int(hours) * 60 + int(minutes)) * 60 + int(seconds)
    return whole * NANOS + int((fraction or b"0").ljust(9, b"0"))
