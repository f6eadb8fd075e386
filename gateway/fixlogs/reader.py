"""Logs as streams: batches of what was framed, messages one by one, and several logs merged by time.

A message is looked at no further than somebody asks: its header and its times are read on demand, its fields by `fields`.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from threading import Event

import msgspec
import simplefix

from gateway.errors import UndecodableMessage
from gateway.fix.message import FixMessage
from gateway.fix.timestamps import parse_utc
from gateway.fixlogs.framing import Framer, Record
from gateway.fixlogs.header import HeaderReader
from gateway.fixlogs.prefix import PrefixReader
from gateway.fixlogs.recent import Recent
from gateway.fixlogs.sources import STDIN, Progress, Source, nothing

_PEEK = 1 << 22
"""Bytes. A log whose first message comes later has no time to be ordered by."""


REMEMBERED = 50_000
"""Messages at least by which one that stands in two logs is known again."""
_LESSON = 1000
_LESSONS = 16
"""Messages of a batch, and batches, that directions are learned from until both sides of a session were there."""


class Log:
    """One file or stream, and what was learned about its layout so far."""

    def __init__(self, source: Source, index: int = 0) -> None:
        self.source = source
        self.index = index
        self.framer = Framer()
        self.headers = HeaderReader()
        self.prefixes = PrefixReader()
        self._number = 0
        self._gap = b""
        self._learned = 0

    @property
    def name(self) -> str:
        """Its path; `-` is standard input."""
        return self.source.name

    def batches(self, progress: Progress = nothing) -> Iterator[list[Record]]:
        """What is framed, a list for each block read."""
        for batch in self.framer.frames(self.source.blocks(progress)):
            self._learn(batch)
            yield batch
            self._gap = self.gap_before(batch, len(batch))

    def messages(self, progress: Progress = nothing) -> Iterator[LogMessage]:
        """Every message, in the order of the log."""
        for batch in self.batches(progress):
            yield from self._messages(batch)

    def message(self, batch: list[Record], at: int, before: int) -> LogMessage:
        """One message of a batch; `before`: how many came before the batch."""
        _, body, odd = batch[at]
        return LogMessage(self, before + at + 1, self.gap_before(batch, at + 1), body, odd, self.headers.read(body))

    def gap_before(self, batch: list[Record], at: int) -> bytes:
        """What stands before the last of the first `at` messages of a batch, or before the first message on its line: on a
        line of several the prefix of the first holds for all."""
        for holder in range(at - 1, -1, -1):
            gap = batch[holder][0]
            if not same_line(gap):
                return gap
        return self._gap

    def _learn(self, batch: list[Record]) -> None:
        if not self.prefixes.certain and self._learned < _LESSONS:
            self._learned += 1
            rows = ((gap, self.headers.read(body)) for gap, body, _ in batch[:_LESSON])
            self.prefixes.learn([(gap, header[3], header[4]) for gap, header in rows])

    def growing(self, stop: Event) -> Iterator[LogMessage]:
        """As `messages`, and what is appended until `stop`."""
        for block in self.source.growing(stop):
            if block:
                batch = self.framer.feed(block)
                self._learn(batch)
                yield from self._messages(batch)

    def _messages(self, batch: list[Record]) -> Iterator[LogMessage]:
        if not batch:
            return
        for (gap, body, odd), header in zip(batch, self.headers.all(tuple(body for _, body, _ in batch)), strict=True):
            self._number += 1
            if b"\n" in gap or not same_line(gap):
                self._gap = gap
            yield LogMessage(self, self._number, self._gap, body, odd, header)


class LogMessage(msgspec.Struct, eq=False):
    """One message of a log. `body` has SOH between its fields and one at its end, whatever the log had."""

    log: Log
    number: int
    """Its place in the log, from 1."""
    gap: bytes
    body: bytes
    odd: int
    header: tuple[bytes, ...]
    """See `Header`."""

    @property
    def direction(self) -> str | None:
        """`in` or `out` as the log says; None when it does not."""
        return self.log.prefixes.direction(self.gap)

    @property
    def logged_ns(self) -> int | None:
        """When it was logged, UTC nanoseconds; None when its line does not say."""
        prefixes = self.log.prefixes
        again = prefixes.again(self.gap)
        return prefixes.time_ns(self.gap, self.sent_ns) if again is None else again

    @property
    def version(self) -> str:
        """BeginString(8)."""
        return self.header[0].decode("latin-1")

    @property
    def msg_type(self) -> str:
        """MsgType(35), empty when missing."""
        return self.header[1].decode("latin-1")

    @property
    def msg_seq_num(self) -> int | None:
        """MsgSeqNum(34); None when missing or no number."""
        number = self.header[2]
        return int(number) if number.isdigit() and len(number) <= 18 else None

    @property
    def sender(self) -> str:
        """SenderCompID(49), empty when missing."""
        return self.header[3].decode("latin-1")

    @property
    def target(self) -> str:
        """TargetCompID(56), empty when missing."""
        return self.header[4].decode("latin-1")

    @property
    def sent_ns(self) -> int | None:
        """SendingTime(52), UTC nanoseconds; None when missing or malformed."""
        return parse_utc(self.header[5].decode("latin-1"))

    @property
    def time_ns(self) -> int | None:
        """When it was logged, or else sent."""
        again = self.log.prefixes.again(self.gap)
        if again is not None:
            return again
        logged = self.logged_ns
        return self.sent_ns if logged is None else logged

    @property
    def prefix(self) -> str:
        """What stands before it on its line."""
        return self.gap.rpartition(b"\n")[2].decode("utf-8", "replace").strip()

    @property
    def text(self) -> str:
        """The message as text: UTF-8, or latin-1 where it is not."""
        body = self.body
        return body.decode("ascii") if body.isascii() else text_of(body)

    @property
    def fields(self) -> FixMessage:
        """The message parsed."""
        return parse(self.body)


def same_line(gap: bytes) -> bool:
    """Whether nothing stands between two messages, not even the end of a line."""
    return not gap or (b"\n" not in gap and not gap.strip())


def text_of(body: bytes) -> str:
    """UTF-8, or latin-1 where it is not: no byte is lost."""
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError:
        return body.decode("latin-1")


def parse(body: bytes) -> FixMessage:
    """A framed message as fields. What is no sequence of tag=value is read by simplefix, which forgives blanks and signs around
    tags, and what that refuses piece by piece: a piece without a tag belongs to the value before it."""
    text = text_of(body)
    try:
        return FixMessage.parse(text)
    except UndecodableMessage:
        pass  # the ways that forgive more follow
    fields = _by_simplefix(body)
    return FixMessage(text, tuple(_pieces(text) if fields is None else fields))


def _by_simplefix(body: bytes) -> list[tuple[int, str]] | None:
    parser = simplefix.FixParser(allow_empty_values=True)
    parser.append_buffer(body)
    try:
        message = parser.get_message()
    except (simplefix.errors.ParsingError, ValueError):
        return None
    if message is None or parser.get_buffer():
        return None
    return [(int(tag), text_of(value)) for tag, value in message.pairs]


def _pieces(text: str) -> list[tuple[int, str]]:
    fields: list[tuple[int, str]] = []
    for piece in text.rstrip("\x01").split("\x01"):
        tag, equals, value = piece.partition("=")
        if equals and tag.isascii() and tag.isdigit() and len(tag) <= 9:
            fields.append((int(tag), value))
        elif fields:
            fields[-1] = (fields[-1][0], f"{fields[-1][1]}\x01{piece}")
    return fields


def logs(found: Sequence[Source]) -> list[Log]:
    """A log for each source, numbered."""
    return [Log(source, index) for index, source in enumerate(found)]


def in_order(found: Sequence[Log]) -> list[Log]:
    """The logs by the time of their first message, as the files of a rotated set belong; those without keep to the front."""
    if len(found) < 2:
        return list(found)
    return sorted(found, key=lambda log: _first_time(log.source))


def _first_time(source: Source) -> int:
    if source.name == STDIN or not Path(source.name).is_file():  # what a pipe has given is gone
        return 0
    peeked = Log(Source(source.name))
    for batch in peeked.batches():
        for gap, body, odd in batch:
            return LogMessage(peeked, 1, gap, body, odd, peeked.headers.read(body)).time_ns or 0
        if peeked.source.size > _PEEK:
            break
    return 0


def merged(found: Sequence[Log], progress: Progress = nothing) -> Iterator[LogMessage]:
    """The messages of several logs in the order of their times; each log keeps its own order. One log is not touched.

    A log whose times go back holds its later messages back until the others have caught up, no message is lost.
    """
    if len(found) == 1:
        return found[0].messages(progress)
    return (entry[3] for entry in heapq.merge(*(_timed(log, progress) for log in found)))


class Once:
    """The messages of several logs without copies: what one log has and another had already, as both sides' logs of a session
    do. What one log has twice is passed on twice."""

    def __init__(self) -> None:
        self.copies = 0
        """Messages that were left out."""
        self._seen: Recent[int, int] = Recent(REMEMBERED)

    def of(self, messages: Iterable[LogMessage]) -> Iterator[LogMessage]:
        """Those to be counted; the number and the time in a message make it one of its kind."""
        for message in messages:
            if message.msg_seq_num is not None and message.sent_ns is not None:
                name, index = hash(message.body), message.log.index
                known = self._seen.get(name)
                if known is None:
                    self._seen.put(name, index)
                elif known != index:
                    self.copies += 1
                    continue
            yield message


def _timed(log: Log, progress: Progress) -> Iterator[tuple[int, int, int, LogMessage]]:
    latest = 0
    for message in log.messages(progress):
        latest = max(latest, message.time_ns or 0)
        yield latest, log.index, message.number, message
