"""Partitions of history and decisions on PostgreSQL: one a calendar month (UTC) of stream time, made before they are needed.

The gateway makes partitions and never removes one. How long history is kept is the owner's choice: `ALTER TABLE ... DETACH
PARTITION` takes a month out, and `gateway verify` says that it did not compare it. Partitions that the owner makes himself,
of whatever size, are used as they are. On SQLite nothing here does anything.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC

from sqlalchemy import Connection, text
from sqlalchemy.exc import ProgrammingError

from gateway.instants import local_time, utc_ns
from gateway.records.engines import RecordsUnavailable
from gateway.records.tables import PARTITIONED

_BOUNDS = re.compile(r"FROM \('?(-?\d+|MINVALUE)'?\) TO \('?(-?\d+|MAXVALUE)'?\)")
_EVERYTHING = range(-(2**63), 2**63)

_ATTACHED = text(
    "SELECT parent.relname AS table_name, child.relname AS name, pg_get_expr(child.relpartbound, child.oid) AS bounds"
    " FROM pg_inherits JOIN pg_class parent ON parent.oid = inhparent JOIN pg_class child ON child.oid = inhrelid"
    " WHERE inhparent = ANY (CAST(:tables AS regclass[])) AND NOT inhdetachpending"
)
_NOT_ALLOWED = "42501"
"""SQLSTATE insufficient_privilege."""
_EXISTS = text("SELECT to_regclass(:name) IS NOT NULL")


@dataclass(frozen=True, slots=True)
class Partition:
    """`span`: the stream times it holds, UTC nanoseconds."""

    name: str
    span: range


Partitions = dict[str, list[Partition]]
"""Name of a partitioned table -> its attached partitions."""


def attached(connection: Connection) -> Partitions | None:
    """The partitions of every partitioned table; None where the database does not partition."""
    if connection.dialect.name != "postgresql":
        return None
    found: Partitions = {table.name: [] for table in PARTITIONED}
    for row in connection.execute(_ATTACHED, {"tables": list(found)}):
        found[row.table_name].append(Partition(row.name, _span(row.bounds)))
    return found


def holds(partitions: Partitions | None, table: str, recorded_ns: int) -> bool:
    """Whether a row of that stream time has a place in `table`."""
    return partitions is None or table not in partitions or _held(partitions[table], recorded_ns)


def _held(existing: list[Partition], recorded_ns: int) -> bool:
    return any(recorded_ns in partition.span for partition in existing)


def make(connection: Connection, times_ns: Iterable[int]) -> None:
    """Give every partitioned table a partition for each of these stream times, and for the month after the last of them.

    Raises RecordsUnavailable when a table stands in the way that looks like a partition that was detached, and when the role
    may not make one.
    """
    if connection.dialect.name != "postgresql":
        return
    times = sorted(set(times_ns))
    if not times:
        return
    ahead = month(times[-1])[1].stop
    for table, existing in (attached(connection) or {}).items():
        missing = dict(month(ns) for ns in times if not _held(existing, ns))
        label, span = month(ahead)
        if not any(span.start < one.span.stop and one.span.start < span.stop for one in existing):
            missing[label] = span
        for label, span in missing.items():
            _make(connection, table, f"{table}_{label}", span)


def month(ns: int) -> tuple[str, range]:
    """The calendar month (UTC) around a time: `2026_11`, and from its first nanosecond up to the next month's."""
    first = local_time(ns, UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    following = first.replace(year=first.year + first.month // 12, month=first.month % 12 + 1)
    return f"{first:%Y_%m}", range(utc_ns(first), utc_ns(following))


def _make(connection: Connection, table: str, name: str, span: range) -> None:
    """As a table of its own first: attaching waits for no reader, creating in place would wait for all of them."""
    if connection.execute(_EXISTS, {"name": name}).scalar_one():
        raise RecordsUnavailable(
            f"{name} is not a partition of {table}, and one of that name is needed:"
            f" attach it again, or move it to another schema (ALTER TABLE {name} SET SCHEMA ...)"
        )
    create = f"CREATE TABLE {name} (LIKE {table} INCLUDING ALL)"
    attach = f"ALTER TABLE {table} ATTACH PARTITION {name} FOR VALUES FROM ({span.start}) TO ({span.stop})"
    try:
        connection.exec_driver_sql(create)
        connection.exec_driver_sql(attach)
    except ProgrammingError as error:
        if getattr(error.orig, "sqlstate", None) != _NOT_ALLOWED:
            raise
        raise RecordsUnavailable(
            f"{' '.join(str(error.orig).split())}: partition {name} is needed and this role may not make it; nothing is lost,"
            f" records wait. As the owner of the tables run: {create}; {attach}; or make this role their owner"
        ) from error


def _span(bounds: str) -> range:
    """What `pg_get_expr` says of a partition's bounds; a default partition holds everything."""
    found = _BOUNDS.search(bounds)
    if found is None:
        return _EVERYTHING
    begin, end = found.groups()
    return range(_EVERYTHING.start if begin == "MINVALUE" else int(begin), _EVERYTHING.stop if end == "MAXVALUE" else int(end))
