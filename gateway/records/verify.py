"""Comparing the records with the journal they are the projection of: the SQL half of `gateway verify`.

Folds the journal up to the records' checkpoint and reports every row that is missing, too many, or different. History is
compared chunk by chunk; of the state tables, one row a key is held. Reads one consistent view and writes nothing, so it may
run beside a live writer.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, select

from gateway.core.state import State
from gateway.errors import PreconditionFailed
from gateway.journal.interface import JournalReader, Stored
from gateway.records import partitions, sink
from gateway.records.context import Row, RowOp, Value
from gateway.records.fold import Fold
from gateway.records.resume import context_at
from gateway.records.sink import KEYS
from gateway.records.store import RecordStore
from gateway.records.tables import HISTORY, PROJECTED, STATE

_CHUNK = 1_000

Key = tuple[Value, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """`column` is None when one side lacks the whole row; `records` and `journal` then say (bool) which side has it."""

    table: str
    key: dict[str, Value]
    column: str | None
    records: Value
    journal: Value

    def __str__(self) -> str:
        key = ", ".join(f"{name}={value!r}" for name, value in self.key.items())
        if self.column is not None:
            return f"{self.table} [{key}] {self.column}: records {_shown(self.records)}, journal {_shown(self.journal)}"
        where = "records only" if self.records else "journal only"
        return f"{self.table} [{key}]: row in the {where}"


def _shown(value: Value) -> str:
    """A hash as its first digits, as everywhere else."""
    return value.hex()[:12] if isinstance(value, bytes) else repr(value)


def compare(
    store: RecordStore,
    reader: JournalReader,
    note: Callable[[str], None] = lambda _: None,
    start: State | None = None,
    *,
    progress: Callable[[int, int], None] = lambda *_: None,
    compared: Counter[str] | None = None,
) -> Iterator[Difference]:
    """Differences between the records and the journal up to the records' checkpoint; nothing when they agree.

    A checkpoint the journal does not have is the first difference and the last. History whose partition was detached is not
    compared; `note` is told of it. Nor are rows that were last touched before `start`, the state the journal begins with.
    `progress` is told (position, end); `compared` counts the rows of each table for which the journal and the records had to
    agree. Raises PreconditionFailed when the journal loses events meanwhile.
    """
    counts = Counter[str]() if compared is None else compared
    before = 0 if start is None else start.seq
    with store.reading() as connection:
        attached = partitions.attached(connection)
        detached: Counter[str] = Counter()
        checkpoint = sink.read_checkpoint(connection)
        found = reader.hash_at(checkpoint.seq)
        if found != checkpoint.hash:
            position: dict[str, Value] = {"seq": checkpoint.seq}
            yield Difference(table="checkpoint", key=position, column="hash", records=checkpoint.hash, journal=found)
            return
        latest: dict[str, dict[Key, Row]] = {table.name: {} for table in STATE}
        for (first, last), ops in _chunks(reader, checkpoint.seq, start, connection):
            histories: dict[str, dict[Key, Row]] = {table.name: {} for table in HISTORY}
            for name, row in ops:
                if partitions.holds(attached, name, row["recorded_ns"]):  # type: ignore[arg-type]  # an int
                    (histories if name in histories else latest)[name][_key(name, row)] = row
                else:
                    detached[name] += row.get("updated_seq", row["event_seq"]) == row["event_seq"]  # a decision counts once
            progress(last, checkpoint.seq)
            counts.update({name: len(rows) for name, rows in histories.items() if rows})
            for name, rows in histories.items():
                yield from _compared(name, _history_rows(connection, name, first, last), rows)
        for table in HISTORY:
            yield from _compared(table.name, _history_rows(connection, table.name, checkpoint.seq + 1, None), {})
        counts.update({name: len(rows) for name, rows in latest.items() if rows})
        for name, rows in latest.items():
            yield from _compared(name, _rows(connection, name), rows, before)
    for name, count in sorted(detached.items()):
        note(f"{name}: {count} rows belong to partitions that are not attached, and were not compared")


def stretch(reader: JournalReader, after: int, limit: int) -> Sequence[Stored]:
    """Up to `limit` events after a position. Raises PreconditionFailed when there are none: they were there a moment ago."""
    found = reader.read(after, limit)
    if not found:
        raise PreconditionFailed(f"the journal has no event {after + 1} any more: is it being replaced?")
    return found


def _chunks(
    reader: JournalReader, up_to: int, start: State | None = None, connection: Connection | None = None
) -> Iterator[tuple[tuple[int, int], list[RowOp]]]:
    """((first seq, last seq), rows) for one stretch of the journal after another; `start` needs the records it begins with."""
    context = None if start is None or connection is None else context_at(connection, start)
    fold = Fold(lambda sha256: reader.configurations().get(sha256), start, context)
    while fold.seq < up_to:
        first = fold.seq + 1
        ops = [op for stored in stretch(reader, fold.seq, min(_CHUNK, up_to - fold.seq)) for op in fold.advance(stored)]
        yield (first, fold.seq), ops


def _history_rows(connection: Connection, name: str, first: int, last: int | None) -> Iterable[Row]:
    seq = PROJECTED[name].c.event_seq
    wanted = seq >= first if last is None else seq.between(first, last)
    return (dict(row) for row in connection.execute(select(PROJECTED[name]).where(wanted)).mappings())


def _rows(connection: Connection, name: str) -> Iterable[Row]:
    streamed = connection.execute(select(PROJECTED[name]), execution_options={"yield_per": _CHUNK})
    return (dict(row) for row in streamed.mappings())


def _compared(name: str, found: Iterable[Row], expected: dict[Key, Row], before: int = 0) -> Iterator[Difference]:
    """Differences within one table; empties `expected`. What was last touched up to event `before` has nothing to compare."""
    for row in found:
        wanted = expected.pop(_key(name, row), None)
        if wanted is None and _touched(row) <= before:
            continue
        if wanted is None:
            yield _one_sided(name, row, in_records=True)
            continue
        for column, value in row.items():
            if value != wanted[column]:
                yield Difference(table=name, key=_named_key(name, row), column=column, records=value, journal=wanted[column])
    for row in expected.values():
        yield _one_sided(name, row, in_records=False)


def _touched(row: Row) -> int:
    """Position of the last event that wrote a row."""
    return max(seq for seq in (row["event_seq"], row.get("updated_seq")) if isinstance(seq, int))


def _one_sided(name: str, row: Row, *, in_records: bool) -> Difference:
    return Difference(table=name, key=_named_key(name, row), column=None, records=in_records, journal=not in_records)


def _key(name: str, row: Row) -> Key:
    return tuple(row[column] for column in KEYS[name])


def _named_key(name: str, row: Row) -> dict[str, Value]:
    return {column: row[column] for column in KEYS[name]}
