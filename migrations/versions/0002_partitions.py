"""History partitioned by month on PostgreSQL; what is there is moved. SQLite has no partitions and stays as it is.

Frozen: a later change is a later revision.
"""

from __future__ import annotations

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

HISTORY = ("order_events", "position_events", "session_events", "anomalies", "operator_actions")
NANOS = 1_000_000_000

INDEXES = {
    **{f"ix_{table}_recorded_ns": (table, "recorded_ns") for table in HISTORY},
    "ix_order_events_order_id": ("order_events", "order_id"),
}


def upgrade() -> None:
    if op.get_bind().dialect.name != "postgresql":
        return
    for table in HISTORY:
        _partition(table)


def _partition(table: str) -> None:
    """The table becomes its own successor; the view over it is made again from the database's own text of it."""
    connection = op.get_bind()
    view = connection.execute(sa.text("SELECT pg_get_viewdef(CAST(:view AS regclass))"), {"view": f"v_{table}"}).scalar_one()
    indexes = [name for name, (of, _) in INDEXES.items() if of == table]
    op.execute(f"DROP VIEW v_{table}")
    op.execute(f"ALTER TABLE {table} RENAME TO {table}_unpartitioned")
    op.execute(f"ALTER TABLE {table}_unpartitioned DROP CONSTRAINT pk_{table}")
    for name in indexes:
        op.execute(f"DROP INDEX {name}")
    op.execute(f"CREATE TABLE {table} (LIKE {table}_unpartitioned INCLUDING ALL) PARTITION BY RANGE (recorded_ns)")
    op.execute(f"ALTER TABLE {table} ADD CONSTRAINT pk_{table} PRIMARY KEY (event_seq, ordinal, recorded_ns)")
    for name in indexes:
        op.execute(f"CREATE INDEX {name} ON {table} ({INDEXES[name][1]})")
    first, last = connection.execute(
        sa.text(f"SELECT MIN(recorded_ns), MAX(recorded_ns) FROM {table}_unpartitioned")  # noqa: S608 - names from this file
    ).one()
    while first is not None and first <= last:
        label, begin, end = _month(first)
        op.execute(f"CREATE TABLE {table}_{label} PARTITION OF {table} FOR VALUES FROM ({begin}) TO ({end})")
        first = end
    op.execute(f"INSERT INTO {table} SELECT * FROM {table}_unpartitioned")  # noqa: S608 - names from this file
    op.execute(f"DROP TABLE {table}_unpartitioned")
    op.execute(f"CREATE VIEW v_{table} AS {view}")


def _month(ns: int) -> tuple[str, int, int]:
    """Label and bounds of the calendar month (UTC) around a time."""
    first = datetime.fromtimestamp(ns // NANOS, UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    following = first.replace(year=first.year + first.month // 12, month=first.month % 12 + 1)
    return f"{first:%Y_%m}", int(first.timestamp()) * NANOS, int(following.timestamp()) * NANOS
