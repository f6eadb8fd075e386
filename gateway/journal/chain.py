"""How a record is stored and chained, whichever store holds it."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from typing import NamedTuple

from gateway.core.codec import decode, encode
from gateway.core.events import Recorded
from gateway.errors import JournalCorrupt
from gateway.journal.interface import Stored

COLUMNS = "seq, run_id, at_ns, wall_ns, cause, kind, version, body, hash"


class Row(NamedTuple):
    """A record as a row; `digest` is that of the state after a batch, on the batch's last row, where it was taken."""

    seq: int
    run_id: int
    at_ns: int
    wall_ns: int
    cause: int
    kind: str
    version: int
    body: bytes
    hash: bytes
    digest: str | None = None


def chain(previous: bytes, recorded: Recorded, body: bytes) -> bytes:
    """The hash of a record: over the one before it, its place, and its stored bytes."""
    place = f"{recorded.seq} {recorded.run_id} {recorded.at_ns} {recorded.wall_ns} {recorded.cause} "
    return blake2b(previous + place.encode() + body, digest_size=16).digest()


def rows_of(batch: Sequence[Recorded], previous: bytes, digest: str | None) -> list[Row]:
    """The rows of a batch that follows the record whose hash is `previous`."""
    rows: list[Row] = []
    last = len(batch) - 1
    for index, one in enumerate(batch):
        event, body = one.event, encode(one.event)
        previous = chain(previous, one, body)
        place = (one.seq, one.run_id, one.at_ns, one.wall_ns, one.cause)
        rows.append(Row(*place, event.kind(), event.VERSION, body, previous, digest if index == last else None))
    return rows


def stored(row: Row) -> Stored:
    """The record of a row. Raises JournalCorrupt when it cannot be decoded."""
    try:
        event = decode(row.kind, row.version, row.body)
    except ValueError as error:
        raise JournalCorrupt(f"journal record {row.seq}: {error}") from error
    recorded = Recorded(seq=row.seq, run_id=row.run_id, at_ns=row.at_ns, wall_ns=row.wall_ns, cause=row.cause, event=event)
    return Stored(recorded, row.hash)
