"""Bytes to messages, block by block: a loop that proves each message by its length and checksum, and `irregular` for the rest.

A message is proven when exactly its BodyLength(9) bytes lie before its trailer and its CheckSum(10) is right; then nothing in
it can have been mistaken for a begin or an end. Memory is bounded: a message has at most `irregular.LONGEST` bytes, and of text
that is no message only the last line is kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import islice
from zlib import adler32

from gateway.fixlogs import irregular, oddities
from gateway.fixlogs.layout import BEGIN, BEGINNING, CHECKSUMS, SOH, TRAILER, checksum, separator_of

Record = tuple[bytes, bytes, int]
"""What stands between the message before and this one (the end of its line, other lines, this line's prefix); the message with
SOH between its fields; its oddities."""
_LONGEST_GAP = 4096
_BEGINNING = 48
"""Bytes. Longer than BeginString(8), a separator and the next tag."""
_TRAILERS = tuple(number + SOH for number in CHECKSUMS)
_LINE_ENDS = frozenset((b"\r", b"\n"))
_BEGUN = adler32(BEGIN)


@lru_cache(maxsize=8192)
def _declared(text: bytes) -> int:
    """What `9=...` declares; -1 when it is another field, or no number that a message could have."""
    number = text[2:]
    return int(number) if text.startswith(b"9=") and number.isdigit() and len(number) <= 6 else -1


class Framer:
    """Frames one log. Feed it with `frames`, or block by block."""

    def __init__(self) -> None:
        self.separator: bytes | None = None
        """What separates fields in this log; None until the first message has begun."""
        self.other_lines = 0
        """Lines that hold no message and no part of one."""
        self.read = 0
        """Bytes taken so far, and one for the beginning of the first line."""
        self._held = b""
        self._several = b""
        self._opened = b""

    def frames(self, blocks: Iterable[bytes]) -> Iterator[list[Record]]:
        """The messages of a log, a list for each block that has any."""
        for block in blocks:
            found = self.feed(block)
            if found:
                yield found
        found = self.feed(b"", final=True)
        if found:
            yield found

    def feed(self, block: bytes, *, final: bool = False) -> list[Record]:
        """The messages that are whole once `block` has come; with `final` also the last one, whole or not."""
        if not self.read:
            block = b"\n" + block  # the first line is preceded by one, as all others are
        self.read += len(block)
        raw = self._replaced(block, final=final)
        if self.separator is None:
            self.separator = separator_of(raw)
            if self.separator is None:
                self._held = b"" if final else self._tail(raw, 0)
                return []
            raw = self._tail(raw, 0)  # what came before is no message, also where the separator would make it one
            if len(self.separator) > 1:
                self._several, self._held = self.separator, b""
                raw = self._replaced(raw, final=final)
        separator = SOH if self._several else self.separator
        found: list[Record] = []
        position = self._regular(raw, separator, found, final=final)
        position = self._rest(raw, position, separator, found, final=final)
        self._held = b"" if final else self._tail(raw, position)
        return found

    def _replaced(self, block: bytes, *, final: bool) -> bytes:
        """What is held and the block, a separator of several bytes replaced. Its beginning at the end of a block waits."""
        if not self._several:
            return self._held + block if self._held else block
        text = self._opened + block
        self._opened = b""
        if not final:
            for size in range(min(len(self._several) - 1, len(text)), 0, -1):
                if text.endswith(self._several[:size]):
                    text, self._opened = text[:-size], text[-size:]
                    break
        return self._held + text.replace(self._several, SOH)

    def _regular(self, raw: bytes, separator: bytes, found: list[Record], *, final: bool) -> int:
        """Up to where the messages of `raw` were taken."""
        text = raw if separator == SOH or self._several else raw.replace(separator, SOH)
        other = separator != SOH
        parts = text.split(TRAILER)
        position = start = 0
        add = found.append
        for part, follow in zip(parts, islice(parts, 1, None), strict=False):
            at, start = start, start + len(part) + 4
            if position >= start:
                continue
            lead = position - at
            if lead > 4:  # something irregular ended in this part
                part, at, lead = part[lead:], position, 0
            gap, _, rest = part.partition(BEGIN)
            pieces = rest.split(SOH, 2)
            if len(pieces) == 3 and len(pieces[0]) < 10 and _declared(pieces[1]) == len(pieces[2]) + 1:
                # Up to these lengths the sum stays below the modulus of adler32.
                if len(rest) <= 250 or (len(rest) <= 510 and rest.isascii()):
                    stated = _TRAILERS[adler32(rest, _BEGUN) & 255]
                else:
                    stated = _TRAILERS[checksum(BEGIN + rest)]
                begin = at + len(gap)
                odd = oddities.SEPARATOR if other and raw[begin + 5 + len(pieces[0])] == 1 else 0
                ended = follow[:4]
                if ended == stated:
                    position = start + 4
                    add((gap[lead:], text[begin:position], odd))
                    if gap.count(b"\n") > 1:
                        self._count(gap)
                    continue
                if ended[:3] == stated[:3] and ended[3:] in _LINE_ENDS:
                    position = start + 3
                    add((gap[lead:], text[begin:position] + SOH, odd))
                    if gap.count(b"\n") > 1:
                        self._count(gap)
                    continue
            while position < start:
                framed = irregular.frame(raw, position, separator, final=final)
                if framed is None:
                    return position
                position = self._take(raw, position, framed, found)
        return position

    def _rest(self, raw: bytes, position: int, separator: bytes, found: list[Record], *, final: bool) -> int:
        while (framed := irregular.frame(raw, position, separator, final=final)) is not None:
            position = self._take(raw, position, framed, found)
        if final:
            self._count(raw[position:] + b"\n")
        return position

    def _take(self, raw: bytes, position: int, framed: irregular.Framed, found: list[Record]) -> int:
        gap = raw[position : framed.begin]
        if gap.count(b"\n") > 1:
            self._count(gap)
        found.append((gap, framed.message, framed.odd))
        return framed.end

    def _count(self, gap: bytes) -> None:
        """Lines of a gap that are neither the end of the message before nor the beginning of this one's line."""
        self.other_lines += sum(1 for line in gap.split(b"\n")[1:-1] if line.strip())

    def _tail(self, raw: bytes, position: int) -> bytes:
        """What has to be kept of `raw`: everything from the line on in which a message has begun, or else the last line."""
        begun = BEGINNING.search(raw, position)
        if begun is not None:
            until = begun.start()
        else:  # what follows its first characters may not have come yet
            partial = raw.rfind(b"8=", max(position, len(raw) - _BEGINNING))
            until = len(raw) if partial < 0 else partial
        line = raw.rfind(b"\n", position, until)
        keep = max(position, line, until - _LONGEST_GAP)
        if keep > position:
            self._count(raw[position:keep] + b"\n")
        return raw[keep:]
