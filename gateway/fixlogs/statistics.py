"""What a log holds, counted as it streams by: types, sessions, directions, span, rates, and everything odd.

Nothing is counted per message that grows with the log: keys are bounded, what does not fit is counted as `others`.
"""

from __future__ import annotations

from collections import Counter
from operator import itemgetter
from typing import Any

from gateway.fix.timestamps import parse_utc
from gateway.fixlogs import oddities
from gateway.fixlogs.framing import Record
from gateway.fixlogs.layout import separator_name
from gateway.fixlogs.prefix import IN, OUT
from gateway.fixlogs.reader import Log, same_line

_KEYS = 20_000
_SECONDS = 100_000
_DIGITS = b"0123456789"


class Statistics:
    """Counts over any number of logs. Feed it with `add`, a batch at a time."""

    def __init__(self) -> None:
        self.messages = 0
        self.others = 0
        self._size = 0
        self._kinds: Counter[tuple[bytes, ...]] = Counter()
        self._seconds: Counter[bytes] = Counter()
        self._directions: Counter[str | None] = Counter()
        self._odd: Counter[int] = Counter()
        self._without: Counter[str] = Counter()
        self._first: bytes = b""
        self._last: bytes = b""
        self._logs: dict[int, Log] = {}
        self._counts: Counter[int] = Counter()

    def add(self, log: Log, batch: list[Record]) -> None:
        """Count a batch of a log; it is not empty."""
        self._logs[log.index] = log
        self._counts[log.index] += len(batch)
        self.messages += len(batch)
        gaps, bodies, odd = zip(*batch, strict=True)
        self._size += sum(map(len, bodies))
        rows, at = log.headers.rows(bodies)
        self._kinds.update(map(itemgetter(at.version, at.msg_type, at.sender, at.target), rows))
        if any(odd):
            self._odd.update(odd)
        direction = log.prefixes.direction
        shapes = Counter([gap.translate(None, _DIGITS) for gap in gaps])
        if (len(shapes) > 1 or log.gap_before(batch, 0).strip()) and any(map(same_line, shapes)):
            shapes = Counter(log.gap_before(batch, at + 1).translate(None, _DIGITS) for at in range(len(batch)))
        for shape, count in shapes.items():
            self._directions[direction(shape)] += count
        self._times(list(map(itemgetter(at.sent), rows)))
        missing = list(map(itemgetter(at.number), rows)).count(b"")
        if missing:
            self._without["MsgSeqNum(34)"] += missing
        self._bound()

    def _times(self, sent: list[bytes]) -> None:
        first, last = min(sent), max(sent)
        if len(first) < 17 or parse_utc(first.decode("latin-1")) is None or parse_utc(last.decode("latin-1")) is None:
            good = [text for text in sent if parse_utc(text.decode("latin-1")) is not None]
            self._without["SendingTime(52)"] += len(sent) - len(good)
            if not good:
                return
            sent, first, last = good, min(good), max(good)
        self._first = min(self._first, first) if self._first else first
        self._last = max(self._last, last)
        if first[:17] == last[:17]:
            self._seconds[first[:17]] += len(sent)
        else:
            self._seconds.update([text[:17] for text in sent])

    def _bound(self) -> None:
        if len(self._seconds) > _SECONDS:
            self._seconds = Counter(dict(self._seconds.most_common(_SECONDS // 10)))
        if len(self._kinds) > _KEYS:
            kept = dict(self._kinds.most_common(_KEYS // 2))
            self.others += self._kinds.total() - sum(kept.values())
            self._kinds = Counter(kept)

    def result(self) -> dict[str, Any]:
        """Everything counted. Times are SendingTime(52), UTC nanoseconds, None where no message has a valid one."""
        without = Counter(self._without)
        types: Counter[tuple[str, str]] = Counter()
        versions: Counter[str] = Counter()
        sessions: Counter[tuple[str, str, str]] = Counter()
        for (version, kind, sender, target), count in self._kinds.items():
            begin = version.decode("latin-1")
            types[kind.decode("latin-1"), begin] += count
            versions[begin] += count
            sessions[begin, sender.decode("latin-1"), target.decode("latin-1")] += count
            for missing, label in ((kind, "MsgType(35)"), (sender, "SenderCompID(49)"), (target, "TargetCompID(56)")):
                if not missing:
                    without[label] += count
        busiest = self._seconds.most_common(1)
        return {
            "files": [self._file(index, log) for index, log in self._logs.items()],
            "messages": self.messages,
            "bytes": self._size,
            "first_ns": parse_utc(self._first.decode("latin-1")),
            "last_ns": parse_utc(self._last.decode("latin-1")),
            "busiest_second_ns": parse_utc(busiest[0][0].decode("latin-1")) if busiest else None,
            "busiest_second_messages": busiest[0][1] if busiest else 0,
            "versions": dict(versions.most_common()),
            "directions": {IN: self._directions[IN], OUT: self._directions[OUT], "unknown": self._directions[None]},
            "types": [{"msg_type": kind, "version": begin, "messages": n} for (kind, begin), n in types.most_common()],
            "sessions": [
                {"version": begin, "sender": sender, "target": target, "messages": n}
                for (begin, sender, target), n in sessions.most_common()
            ],
            "others": self.others,
            "odd": oddities.counted(self._odd),
            "without": dict(without.most_common()),
            "other_lines": sum(log.framer.other_lines for log in self._logs.values()),
        }

    def _file(self, index: int, log: Log) -> dict[str, Any]:
        separator = log.framer.separator
        return {
            "name": log.name,
            "compression": log.source.compression,
            "separator": None if separator is None else separator_name(separator),
            "bytes": log.source.size,
            "messages": self._counts[index],
            "other_lines": log.framer.other_lines,
            "problem": log.source.problem,
        }
