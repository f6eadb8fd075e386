"""How a log is written: lines, line ends, prefixes, clocks, words for directions, encoding. Told from its first messages."""

from __future__ import annotations

from collections import Counter
from typing import Any

from gateway.fixlogs import oddities
from gateway.fixlogs.framing import Record
from gateway.fixlogs.prefix import prefix_of
from gateway.fixlogs.reader import Log, LogMessage

_MESSAGES = 1000


class Layout:
    """What the first messages of one log show. Feed it every batch; it looks at as many as it needs."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._seen = 0
        self._ends: Counter[str] = Counter()
        self._same_line = 0
        self._wrapped = 0
        self._prefix = b""
        self._encoding = "ASCII"
        self._types: set[str] = set()

    def add(self, batch: list[Record]) -> None:
        """Look at a batch."""
        for gap, body, odd in batch[: max(0, _MESSAGES - self._seen)]:
            self._seen += 1
            if self._seen > 1:
                if b"\n" not in gap:
                    self._same_line += 1
                else:
                    self._ends["CRLF" if b"\r\n" in gap else "LF"] += 1
            self._wrapped += bool(odd & oddities.WRAPPED)
            if not self._prefix:
                self._prefix = prefix_of(gap).strip()
            self._encode(body)
            message = LogMessage(self._log, self._seen, gap, body, odd, self._log.headers.read(body))
            _ = message.direction, message.logged_ns  # the prefix reader learns from being asked

    def _encode(self, body: bytes) -> None:
        if self._encoding == "neither ASCII nor UTF-8" or body.isascii():
            return
        try:
            body.decode("utf-8")
            self._encoding = "UTF-8"
        except UnicodeDecodeError:
            self._encoding = "neither ASCII nor UTF-8"

    def result(self) -> dict[str, Any]:
        """`lines`: how messages lie on lines; `clock`: how times are written, `clock_ahead_ns`: how far ahead of UTC."""
        reader = self._log.prefixes
        if self._wrapped * 2 > self._seen:
            lines = "a message over several lines"
        elif not self._ends:
            lines = "no lines" if self._seen > 1 else "one line"
        elif self._same_line:
            lines = "several messages a line"
        else:
            lines = "one message a line"
        return {
            "lines": lines,
            "line_ends": self._ends.most_common(1)[0][0] if self._ends else "",
            "prefix": self._prefix.decode("utf-8", "replace"),
            "clock": reader.form,
            "clock_ahead_ns": reader.offset_ns,
            "direction_words": dict(reader.words),
            "encoding": self._encoding,
        }
