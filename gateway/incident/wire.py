"""The text of messages, from the FIX logs the gateway writes itself (`<state_dir>/fix/<venue>/messages.log`).

The journal knows which messages there were and their numbers; what exactly stood in them is in these logs. A log that is not
there, or no longer has a message, leaves the text empty, and the review says so: it is a convenience, never the truth.
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import BinaryIO

import msgspec

from gateway.fix.message import readable, whole_number
from gateway.fix.timestamps import format_utc, parse_utc
from gateway.incident.model import Entry, Incident
from gateway.redaction import redact

_MARGIN_NS = 2_000_000_000
_STAMP = len("20240531-14:30:00.000000")
_DIRECTIONS = {b"in": False, b"out": True}

Found = dict[tuple[bool, int], list[tuple[int, str]]]
"""(outgoing, MsgSeqNum) -> every message of that number in the window: when it was logged, and its text."""


def add_texts(incident: Incident, logs: Path) -> None:
    """Put the text of each message into its entry, and a note where there is none. `logs`: the folder of all venues' logs."""
    venues = {entry.wire.venue for entry in incident.entries if entry.wire is not None}
    for venue in sorted(venues):
        path = logs / venue / "messages.log"
        # The log has the wall's clock, which stream time leaves when it jumps.
        times = [entry.wall_ns for entry in incident.entries if _of(entry, venue)]
        try:
            with open(path, "rb") as file:
                found = _messages(file, min(times) - _MARGIN_NS, max(times) + _MARGIN_NS)
        except OSError as error:
            incident.notes.append(
                f"messages of {venue} are shown without their text: {path.name} of the venue: {error.strerror}"
            )
            continue
        incident.entries = [_with_text(entry, found) if _of(entry, venue) else entry for entry in incident.entries]
        missing = sum(_of(entry, venue) and _textless(entry) for entry in incident.entries)
        if missing:
            incident.notes.append(f"{missing} messages of {venue} are shown without their text: {path.name} does not have them")


def _of(entry: Entry, venue: str) -> bool:
    return entry.wire is not None and entry.wire.venue == venue


def _textless(entry: Entry) -> bool:
    return entry.wire is not None and entry.wire.msg_seq_num is not None and not entry.wire.text


def _with_text(entry: Entry, found: Found) -> Entry:
    wire = entry.wire
    if wire is None or wire.msg_seq_num is None:
        return entry
    candidates = found.get((wire.outgoing, wire.msg_seq_num), ())
    if not candidates:
        return entry
    # A number comes again with a resend or after a reset: the one logged nearest to the event is meant.
    _, text = min(candidates, key=lambda one: abs(one[0] - entry.wall_ns))
    return msgspec.structs.replace(entry, wire=msgspec.structs.replace(wire, text=readable(redact(text)).strip()))


def _messages(file: BinaryIO, from_ns: int, to_ns: int) -> Found:
    found: Found = defaultdict(list)
    begin, end = format_utc(from_ns, 6).encode(), format_utc(to_ns, 6).encode()
    _seek(file, begin)
    for line in file:
        stamp = line[:_STAMP]
        if stamp < begin:
            continue
        if stamp > end:
            break
        direction, _, text = line[_STAMP + 1 :].rstrip(b"\n").partition(b" ")
        at = parse_utc(stamp.decode("ascii", "replace"))
        place = text[:80].find(b"\x0134=")
        if direction in _DIRECTIONS and at is not None and place >= 0:
            number = whole_number(text[place + 4 : text.find(b"\x01", place + 4)].decode("ascii", "replace"))
            if number is not None:
                found[_DIRECTIONS[direction], number].append((at, text.decode("utf-8", "replace")))
    return found


def _seek(file: BinaryIO, stamp: bytes) -> None:
    """To a line before `stamp`: lines are in order of time, and a log can be large."""
    low, high = 0, file.seek(0, 2)
    while high - low > 65_536:
        middle = (low + high) // 2
        file.seek(middle)
        file.readline()
        line = file.readline()
        if line and line[:_STAMP] < stamp:
            low = middle
        else:
            high = middle
    file.seek(low)
    if low:
        file.readline()
