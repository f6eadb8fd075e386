"""One message out of bytes that are not regular: wrong or missing length and checksum, data with anything in it, text cut off,
lines broken inside a message, a separator of its own.

It is tried in this order: where BodyLength(9) says the trailer is; the first trailer before the next message begins, data
fields stepped over; the same with line breaks taken out; and what is left is a message that was cut off.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from gateway.fixlogs import oddities
from gateway.fixlogs.layout import BEGINNING, CHECKSUMS, SOH, TRAILER, Marks, checksum, marks

LONGEST: Final = 1 << 20
"""Bytes. No message is longer; what claims to be is cut."""
_WAIT: Final = -1
_FIELD: Final = 16
"""Bytes. Longer than a separator, a tag and `=`."""
_DECLARED = re.compile(rb"8=[^\x01]*\x019=([0-9]{1,7})\x01")
_LINE_FEED = 10
_BREAK = re.compile(rb"\r?\n")
_BREAK_AND_INDENT = re.compile(rb"[ \t]*\r?\n[ \t]*")


class Framed(NamedTuple):
    """A message between `begin` and `end` of the bytes it was found in; `message` is the same with SOH between its fields."""

    begin: int
    end: int
    message: bytes
    odd: int


def frame(raw: bytes, position: int, separator: bytes, *, final: bool) -> Framed | None:
    """The first message that begins at or after `position`; None when there is none, or when more bytes have to come first.

    `separator` is the log's: another one is odd. With `final` nothing more will come. `end` is always behind `begin`.
    """
    beginning = BEGINNING.search(raw, position)
    if beginning is None:
        return None
    begin, found = beginning.start(), marks(beginning[2])
    odd = 0 if found.separator == separator else oddities.SEPARATOR
    after = beginning.end()
    exact = _exact(raw, begin, after, found, final=final)
    if exact == _WAIT:
        return None
    if exact is not None:
        return Framed(begin, exact, *_normal(raw[begin:exact], found, odd))
    region = _region(raw, after, found, final=final)
    if region is None:
        return None
    spans, following = region
    stop = len(raw) if following is None else following
    known = following is not None or final or len(raw) - begin >= LONGEST
    trailer = _trailer(raw, after, min(stop, begin + LONGEST), found, spans)
    if trailer is not None:
        if trailer == len(raw) and not (final or raw.endswith(found.separator)):
            return None
        framed = Framed(begin, trailer, *_normal(raw[begin:trailer], found, odd))
        if framed.odd & (oddities.CHECKSUM | oddities.LENGTH):  # the line may have been broken inside the trailer
            if not final and raw[trailer:] in (b"", b"\r"):
                return None  # whether it ends here has still to come
            if raw[trailer - 1] == _LINE_FEED or _BREAK.match(raw, trailer):
                joined = _unwrapped(raw, begin, stop, found, odd)
                if joined is not None and not joined.odd & (oddities.CHECKSUM | oddities.LENGTH):
                    return joined if known else None
        return framed
    if not known:
        return None
    return _unwrapped(raw, begin, stop, found, odd) or _cut_off(raw, begin, stop, found, odd)


def _exact(raw: bytes, begin: int, after: int, found: Marks, *, final: bool) -> int | None:
    """Where the message ends if its BodyLength is right, else None; `_WAIT` when that cannot be known yet."""
    declared = found.length.match(raw, after)
    if declared is None or len(found.separator) > 1 or found.lines:
        return None
    at = declared.end() + int(declared[1])
    if at - begin > LONGEST:
        return None
    if len(raw) < at + 7 and not final:
        return _WAIT
    if not raw.startswith(found.separator, at - 1):
        return None
    trailer = found.trailer.match(raw, at)
    return None if trailer is None else trailer.end()


def _region(raw: bytes, after: int, found: Marks, *, final: bool) -> tuple[list[tuple[int, int]], int | None] | None:
    """The data fields from `after` on that are as long as they are said to be, and where the next message begins.

    None when what follows a data field has still to come.
    """
    spans: list[tuple[int, int]] = []
    at = after
    while True:
        following = BEGINNING.search(raw, at, min(len(raw), after + LONGEST))
        stop = len(raw) if following is None else following.start()
        grown = False
        for announced in found.data_length.finditer(raw, at - 1, min(stop, after + LONGEST)):
            end = announced.end() + int(announced[1])
            if not final and end + _FIELD > len(raw) and end - after <= LONGEST:
                return None
            if end <= len(raw) and found.field_follows.match(raw, end):
                spans.append((announced.end(), end))
                if end > stop:
                    at, grown = end, True
                    break
        if not grown:
            return spans, None if following is None else stop


def _trailer(raw: bytes, start: int, stop: int, found: Marks, spans: list[tuple[int, int]]) -> int | None:
    for match in found.any_trailer.finditer(raw, start - 1, stop):
        if not any(begin <= match.start() < end for begin, end in spans):
            return match.end()
    return None


def _unwrapped(raw: bytes, begin: int, stop: int, found: Marks, odd: int) -> Framed | None:
    """The message with its line breaks taken out, if that gives it a trailer."""
    if found.lines or b"\n" not in raw[begin:stop]:
        return None
    for pattern in (_BREAK, _BREAK_AND_INDENT):
        pieces: list[bytes] = []
        at = begin
        for broken in pattern.finditer(raw, begin, min(stop, begin + LONGEST)):
            pieces.append(raw[at : broken.start()])
            at = broken.end()
        pieces.append(raw[at : min(stop, begin + LONGEST)])
        joined = b"".join(pieces)
        trailer = found.any_trailer.search(joined)
        if trailer is not None:
            end = _end_of(pieces, trailer.end(), raw, begin, pattern)
            return Framed(begin, end, *_normal(joined[: trailer.end()], found, odd | oddities.WRAPPED))
    return None


def _end_of(pieces: list[bytes], length: int, raw: bytes, begin: int, pattern: re.Pattern[bytes]) -> int:
    """Where in `raw` the first `length` bytes of the joined pieces end."""
    at = begin
    for piece in pieces:
        if length <= len(piece):
            return at + length
        length -= len(piece)
        broken = pattern.match(raw, at + len(piece))
        at = at + len(piece) if broken is None else broken.end()
    return at


def _cut_off(raw: bytes, begin: int, stop: int, found: Marks, odd: int) -> Framed:
    """A message without a trailer: it ends with its line, or where the next one begins."""
    end = min(stop, begin + LONGEST)
    odd |= oddities.TRUNCATED
    if stop - begin > LONGEST:
        odd |= oddities.OVERSIZED
    if not found.lines:
        line = raw.find(b"\n", begin, end)
        end = end if line < 0 else line
    text = raw[begin:end].rstrip(b"\r\n")
    message = found.boundary.sub(SOH, text)
    return Framed(begin, end, message if message.endswith(SOH) else message + SOH, odd)


def _normal(text: bytes, found: Marks, odd: int) -> tuple[bytes, int]:
    """The message with SOH between its fields, and what is odd about it. Of several readings the one that adds up is right."""
    if not found.lines:
        text = text.removesuffix(found.separator).rstrip(b"\r\n")  # the line may have been broken before the last separator
    if not text.endswith(found.separator):
        text += found.separator
    readings = [text] if found.separator == SOH else [text.replace(found.separator, SOH), found.boundary.sub(SOH, text)]
    for reading in readings:
        if not (wrong := _wrong(reading)):
            return reading, odd
    if not found.lines and b"\n" in text:
        for pattern in (_BREAK, _BREAK_AND_INDENT):
            for reading in readings:
                joined = pattern.sub(b"", reading)
                if not _wrong(joined):
                    return joined, odd | oddities.WRAPPED
    return readings[-1], odd | wrong


def _wrong(message: bytes) -> int:
    """Which of length and checksum are wrong; `message` ends with its trailer."""
    at = message.rfind(TRAILER)
    declared = _DECLARED.match(message)
    odd = 0
    if declared is None or declared.end() + int(declared[1]) != at + 1:
        odd = oddities.LENGTH
    if at < 0 or message[at + 4 : -1] != CHECKSUMS[checksum(message[:at])]:
        odd |= oddities.CHECKSUM
    return odd
