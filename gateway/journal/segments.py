"""Reading a journal that lies in segments: one after the other, each beginning where the one before it ends.

A segment is named by its first position and never renamed. Only the newest is written to; the others may be moved away, the
oldest first, and the journal then begins later. A reader follows a roll by looking for the segment that begins right after
the last record it has seen, whenever there is nothing more in the one it reads.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import Any

from gateway.errors import JournalCorrupt, PreconditionFailed
from gateway.journal.chain import COLUMNS, Row, chain, stored
from gateway.journal.interface import GENESIS, Stored

_RECORDS = f"SELECT {COLUMNS} FROM {{event}} WHERE seq > ? ORDER BY seq LIMIT ?"  # noqa: S608 - constant columns
_LAST = "SELECT seq, hash FROM {event} ORDER BY seq DESC LIMIT 1"
_HASH = "SELECT seq, hash FROM {event} WHERE seq = ?"
_DIGESTS = "SELECT seq, digest FROM {event} WHERE seq > ? AND digest IS NOT NULL ORDER BY seq LIMIT 1000"


class SegmentedReader(ABC):
    """What both stores have in common. One thread at a time."""

    def __init__(self, name: str) -> None:
        self.name = name
        """For messages."""
        self._firsts: list[int] = []

    # What a store has to say.

    @abstractmethod
    def _find_segments(self) -> list[int]:
        """First positions of the segments that are there, ascending."""

    @abstractmethod
    def _previous_hash(self, first: int) -> bytes:
        """Hash of the record before a segment."""

    @abstractmethod
    def _rows(self, first: int, sql: str, *values: int) -> list[tuple[Any, ...]]:
        """Query one segment; `{event}` is its table, `?` a value."""

    # What follows from it.

    def segments(self) -> Sequence[int]:
        """First positions of the segments that follow each other without a gap up to the newest, ascending."""
        found = self._find_segments()
        if not found:
            raise PreconditionFailed(f"{self.name}: no segment is there; restore the journal from a copy")
        keep = len(found) - 1
        while keep > 0 and (end := self._end(found[keep - 1])) >= found[keep] - 1:
            if end >= found[keep]:
                raise JournalCorrupt(f"{self.name}: event {end} is in two segments; restore the journal from a copy")
            keep -= 1
        self._firsts = found[max(keep, 0) :]
        return self._firsts

    def begins(self) -> tuple[int, bytes]:
        """Position and hash before the oldest record that is there; (0, GENESIS) unless older segments were moved away."""
        first = (self._firsts or self.segments())[0]
        return first - 1, self._previous_hash(first)

    def head(self) -> tuple[int, bytes]:
        first = self.segments()[-1]
        rows = self._rows(first, _LAST)
        return (rows[0][0], bytes(rows[0][1])) if rows else (first - 1, self._previous_hash(first))

    def read(self, after: int, limit: int) -> Sequence[Stored]:
        return [stored(row) for row in self._records(after, limit)]

    def hash_at(self, seq: int) -> bytes | None:
        if seq == 0:
            return GENESIS
        if seq < self.begins()[0]:
            return None
        if seq == self.begins()[0]:
            return self.begins()[1]
        for first in (self._holding(seq), self.segments()[-1]):
            if rows := self._rows(first, _HASH, seq):
                return bytes(rows[0][1])
        return None

    def digests(self, after: int) -> Iterator[tuple[int, str]]:
        first = self._holding(after + 1)
        while True:
            rows = self._rows(first, _DIGESTS, after)
            yield from rows
            if rows:
                after = rows[-1][0]
                continue
            following = [other for other in self._firsts if other > first]
            if not following:
                return
            first = following[0]

    def check_chain(self, after: int, previous: bytes, limit: int) -> tuple[int, bytes, int]:
        """Recompute up to `limit` hashes after position `after`; (position, hash, records checked).

        Raises JournalCorrupt at the first record that is missing or not what its hash says.
        """
        found = self.read_checked(after, previous, limit)
        return (found[-1].recorded.seq, found[-1].hash, len(found)) if found else (after, previous, 0)

    def read_checked(self, after: int, previous: bytes, limit: int) -> Sequence[Stored]:
        found: list[Stored] = []
        for row in self._records(after, limit):
            if row.seq != after + 1:
                raise JournalCorrupt(f"{self.name}: record {after + 1} is missing; restore the journal from a copy")
            one = stored(row)
            previous = chain(previous, one.recorded, row.body)
            if previous != row.hash:
                raise JournalCorrupt(
                    f"{self.name}: record {row.seq} is not what its hash says; restore the journal from a copy"
                )
            found.append(one)
            after = row.seq
        return found

    def _records(self, after: int, limit: int) -> list[Row]:
        first = self._holding(after + 1)
        rows = [Row._make((*row, None)) for row in self._rows(first, _RECORDS, after, limit)]
        if rows:
            return rows
        if first == after + 1 or not self._exists(after + 1):
            return []
        self._firsts = [*self._firsts, after + 1]
        return [Row._make((*row, None)) for row in self._rows(after + 1, _RECORDS, after, limit)]

    def _exists(self, first: int) -> bool:
        """Whether there is a segment that begins with this position."""
        return first in self._find_segments()

    def _holding(self, seq: int) -> int:
        """The segment a record is in, or would be in. Raises PreconditionFailed when it was moved away."""
        if not self._firsts:
            self.segments()
        index = bisect_right(self._firsts, seq) - 1
        if index < 0:
            raise PreconditionFailed(
                f"{self.name}: events before {self._firsts[0]} were moved away, and event {seq} is wanted:"
                " move those segments back"
            )
        return self._firsts[index]

    def _end(self, first: int) -> int:
        rows = self._rows(first, _LAST)
        return int(rows[0][0]) if rows else first - 1
