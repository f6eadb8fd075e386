"""Writing one batch of rows and the checkpoint that covers them, in one transaction: exactly once.

The checkpoint moves from the position and hash the batch was computed after, or not at all. So a commit whose answer was
lost is recognised on the next attempt, and a second writer, or a database restored from elsewhere, is refused before a row
is touched. Nothing here reads the journal or decides when to try again.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

from sqlalchemy import Connection, Table, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.dml import Insert

from gateway.errors import PreconditionFailed
from gateway.journal.interface import GENESIS
from gateway.records import partitions
from gateway.records.context import Row, RowOp, Value
from gateway.records.tables import CHECKPOINT, HISTORY, PARTITIONED, PROJECTED

ANEW = "stop the gateway and run `gateway db rebuild`: it writes the records anew from the journal"
"""The remedy when records and journal do not belong together."""


class Moved(PreconditionFailed):
    """The records stand elsewhere than this writer left them: another wrote meanwhile, or the server lost its last commits."""


class Checkpoint(NamedTuple):
    """The records are the projection of the journal up to `seq`, whose record there has this hash."""

    seq: int
    hash: bytes


BEGINNING = Checkpoint(0, GENESIS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """The rows of the journal records after `before` up to and including `after`."""

    before: Checkpoint
    after: Checkpoint
    ops: Sequence[RowOp]


def read_checkpoint(connection: Connection) -> Checkpoint:
    """Where the records stand."""
    row = connection.execute(select(CHECKPOINT.c.seq, CHECKPOINT.c.hash)).one_or_none()
    if row is None:
        raise PreconditionFailed(f"the records have no checkpoint row: not made by this gateway; {ANEW}")
    return Checkpoint(row.seq, bytes(row.hash))


def write_batch(connection: Connection, batch: Batch) -> None:
    """Write `batch` within the transaction of `connection`.

    Does nothing when this very batch is already there. Raises Moved when the records stand anywhere else than where the batch
    begins.
    """
    if not _moved(connection, batch.before, batch.after):
        found = read_checkpoint(connection)
        if found == batch.after:
            return
        raise Moved(
            f"the records moved from event {batch.before.seq} to {found.seq} without this writer: another gateway of the same"
            " journal wrote, or the database lost its last commits; going on from where they stand"
        )
    by_table = _by_table(batch.ops)
    partitions.make(connection, _times(by_table))
    for name, rows in by_table.items():
        connection.execute(_statement(PROJECTED[name], connection.dialect.name), rows)
        os.sched_yield()  # to who trades, as after every event that is folded


def _times(by_table: dict[str, list[Row]]) -> set[int]:
    """Stream times for which rows are about to be written to partitioned tables."""
    return {row["recorded_ns"] for table in PARTITIONED for row in by_table.get(table.name, ())}  # type: ignore[misc]  # an int


def clear(connection: Connection) -> None:
    """Empty every table and set the checkpoint to the beginning, for a rebuild from the journal."""
    for table in PROJECTED.values():
        connection.execute(table.delete())
    connection.execute(CHECKPOINT.delete())
    connection.execute(insert(CHECKPOINT).values(id=1, seq=BEGINNING.seq, hash=BEGINNING.hash))


def _moved(connection: Connection, before: Checkpoint, after: Checkpoint) -> bool:
    """Move the checkpoint if it stands at `before`. First in the transaction, so that it also locks out another writer."""
    at_before = (CHECKPOINT.c.seq == before.seq) & (CHECKPOINT.c.hash == before.hash)
    result = connection.execute(update(CHECKPOINT).where(at_before).values(seq=after.seq, hash=after.hash))
    return result.rowcount == 1


def _by_table(ops: Sequence[RowOp]) -> dict[str, list[Row]]:
    """Rows per table in order; of a state table only the last row of each key, as it replaces the others anyway."""
    histories: dict[str, list[Row]] = {}
    states: dict[str, dict[tuple[Value, ...], Row]] = {}
    for name, row in ops:
        if PROJECTED[name] in _APPENDED:
            histories.setdefault(name, []).append(row)
        else:
            key = tuple(row[column] for column in KEYS[name])
            states.setdefault(name, {})[key] = row
    return histories | {name: list(rows.values()) for name, rows in states.items()}


@cache
def _statement(table: Table, dialect: str) -> Insert:
    """INSERT for a history table; for a state table the upsert, in the words of each database."""
    if table in _APPENDED:
        return insert(table)
    build = sqlite.insert if dialect == "sqlite" else postgresql.insert
    statement = build(table)
    key = KEYS[table.name]
    replaced = {column.name: statement.excluded[column.name] for column in table.columns if column.name not in key}
    return statement.on_conflict_do_update(index_elements=key, set_=replaced)


_APPENDED = frozenset(HISTORY)
KEYS = {table.name: tuple(column.name for column in table.primary_key.columns) for table in PROJECTED.values()}
"""Primary key columns of every projected table."""
