"""The fields every command needs of every message, without parsing the rest: version, type, number, CompIDs, sending time.

Logs repeat a few orders of header fields, so each order is compiled once and tried again; a message of no known order is
searched field by field. Either way the first occurrence of a tag counts, and b"" stands for a missing one.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from operator import itemgetter
from typing import Any, Generic, NamedTuple, TypeVar

from gateway.fixlogs.layout import BEGIN

_TAGS = rb"(?:34|43|49|50|52|56|57|97|115|116|122|128|129|142|143|144|145|1128)="
_RUN = re.compile(rb"8=[^\x01]*\x019=[^\x01]*\x0135=[^\x01]*\x01((?:" + _TAGS + rb"[^\x01]*\x01)*)")
T = TypeVar("T")
_WANTED = (b"34", b"49", b"56", b"52")
_ORDERS = 12
_HEAD = 160
"""Bytes in which a header is looked for at once with others; a longer one is read by itself."""
_VERSION = re.compile(rb"8=([^\x01]*)\x01")


class Header(NamedTuple, Generic[T]):
    """Of one message, as bytes; or where each of its fields is, as numbers."""

    version: T
    msg_type: T
    number: T
    sender: T
    target: T
    sent: T


_COLUMNS = Header(*range(6))


def field(message: bytes, tag: bytes) -> bytes:
    """The first value of `tag`, b"" when missing; not looking into data fields."""
    start = message.find(b"\x01" + tag + b"=")
    if start < 0:
        return b""
    start += len(tag) + 2
    return message[start : message.find(b"\x01", start)]


def searched(message: bytes) -> Header[bytes]:
    """The header of any message, field by field."""
    version = _VERSION.match(message)
    return Header(version[1] if version else b"", field(message, b"35"), *(field(message, tag) for tag in _WANTED))


class HeaderReader:
    """Reads headers, and learns in which orders they come."""

    def __init__(self) -> None:
        self._known: list[_Order] = []

    def read(self, message: bytes) -> tuple[bytes, ...]:
        """The fields of `Header`, in its order."""
        for order in self._known:
            found = order.match(message)
            if found is not None:
                return found.group(*order.places)
        header = searched(message)
        if len(self._known) < _ORDERS and all(header) and (learned := _order(message)) is not None:
            self._known.append(learned)
        return header

    def all(self, messages: tuple[bytes, ...]) -> list[tuple[bytes, ...]]:
        """The fields of `Header` of many messages, in its order."""
        found, at = self.rows(messages)
        return found if at is _COLUMNS else list(map(itemgetter(*at), found))

    def rows(self, messages: tuple[bytes, ...]) -> tuple[list[Any], Header[int]]:
        """The headers of many messages, and where in a row each field is; at once where all have the same order."""
        self.read(messages[0])
        text = b"\x01".join([message[:_HEAD] for message in messages])
        if text.count(BEGIN) == len(messages):  # no header contains another
            for order in self._known[:2]:
                found = order.findall(text)
                if len(found) == len(messages):
                    return found, order.columns
        return list(map(self.read, messages)), _COLUMNS


class _Order(NamedTuple):
    match: Callable[[bytes], re.Match[bytes] | None]
    findall: Callable[[bytes], list[Any]]
    places: tuple[int, ...]
    """The groups of `Header`'s fields."""
    columns: Header[int]
    """The same for what `findall` finds."""


def _order(message: bytes) -> _Order | None:
    """The order of this message's header, compiled; None when a field is missing, repeated, or stands in the body."""
    run = _RUN.match(message)
    order = [piece.partition(b"=")[0] for piece in run[1].split(b"\x01")[:-1]] if run else []
    if any(order.count(tag) != 1 for tag in _WANTED):
        return None
    fields = b"".join(tag + (rb"=([^\x01]*)\x01" if tag in _WANTED else rb"=[^\x01]*\x01") for tag in order)
    # What follows is no header field: another order must not pass for this one.
    pattern = re.compile(rb"8=([^\x01]*)\x019=[^\x01]*\x0135=([^\x01]*)\x01" + fields + rb"(?!" + _TAGS + rb")")
    wanted = [tag for tag in order if tag in _WANTED]
    places = (1, 2, *(3 + wanted.index(tag) for tag in _WANTED))
    return _Order(pattern.match, pattern.findall, places, Header(*(place - 1 for place in places)))
