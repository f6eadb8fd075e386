"""Decisions partitioned by month on PostgreSQL, like history: the time a decision was made joins its key, on both databases.

Frozen: a later change is a later revision.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.types import UserDefinedType

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

NANOS = 1_000_000_000


class _Any(UserDefinedType[Any]):
    """SQLite: a STRICT column that converts nothing."""

    cache_ok = True

    def get_col_spec(self, **_: object) -> str:
        return "ANY"


INT64 = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
NUMBER = sa.Numeric().with_variant(_Any(), "sqlite")

VIEW = """
CREATE VIEW v_decisions AS SELECT
    order_id, venue, symbol, side, intent, outcome, code, reason, quantity, price, cl_ord_id, session, msg_seq_num,
    trigger_seq, decided_ns, dispatched_ns, sent_ns, trading_state, run_id, event_seq, recorded_ns, config_sha256, strategy,
    account, updated_seq
FROM decisions
"""


def upgrade() -> None:
    connection = op.get_bind()
    op.execute("DROP VIEW v_decisions")
    op.drop_index("ix_decisions_order_id", "decisions")
    op.drop_index("ix_decisions_recorded_ns", "decisions")
    op.rename_table("decisions", "decisions_before")
    if connection.dialect.name == "postgresql":
        op.execute("ALTER TABLE decisions_before DROP CONSTRAINT pk_decisions")
    _create()
    if connection.dialect.name == "postgresql":
        first, last = connection.execute(sa.text("SELECT MIN(recorded_ns), MAX(recorded_ns) FROM decisions_before")).one()
        while first is not None and first <= last:
            label, begin, end = _month(first)
            op.execute(f"CREATE TABLE decisions_{label} PARTITION OF decisions FOR VALUES FROM ({begin}) TO ({end})")
            first = end
    op.execute("INSERT INTO decisions SELECT * FROM decisions_before")
    op.drop_table("decisions_before")
    op.execute(VIEW)


def _create() -> None:
    op.create_table(
        "decisions",
        sa.Column("event_seq", INT64, nullable=False, autoincrement=False),
        sa.Column("run_id", INT64, nullable=False),
        sa.Column("recorded_ns", INT64, nullable=False, autoincrement=False),
        sa.Column("config_sha256", sa.Text(), nullable=False),
        sa.Column("strategy", sa.Text(), nullable=False),
        sa.Column("updated_seq", INT64, nullable=False),
        sa.Column("order_id", sa.Text(), nullable=True),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("venue", sa.Text(), nullable=False),
        sa.Column("symbol", sa.Text(), nullable=False),
        sa.Column("side", sa.Text(), nullable=True),
        sa.Column("intent", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("quantity", NUMBER, nullable=True),
        sa.Column("price", NUMBER, nullable=True),
        sa.Column("cl_ord_id", sa.Text(), nullable=True),
        sa.Column("session", sa.Text(), nullable=True),
        sa.Column("msg_seq_num", INT64, nullable=True),
        sa.Column("trigger_seq", INT64, nullable=False),
        sa.Column("decided_ns", INT64, nullable=False),
        sa.Column("dispatched_ns", INT64, nullable=True),
        sa.Column("sent_ns", INT64, nullable=True),
        sa.Column("trading_state", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("event_seq", "recorded_ns", name=op.f("pk_decisions")),
        sqlite_strict=True,
        postgresql_partition_by="RANGE (recorded_ns)",
    )
    op.create_index(op.f("ix_decisions_order_id"), "decisions", ["order_id"])
    op.create_index(op.f("ix_decisions_recorded_ns"), "decisions", ["recorded_ns"])


def _month(ns: int) -> tuple[str, int, int]:
    """Label and bounds of the calendar month (UTC) around a time."""
    first = datetime.fromtimestamp(ns // NANOS, UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    following = first.replace(year=first.year + first.month // 12, month=first.month % 12 + 1)
    return f"{first:%Y_%m}", int(first.timestamp()) * NANOS, int(following.timestamp()) * NANOS
