"""The first records: state tables, history tables, the checkpoint, and the public views.

Frozen: a later change is a later revision.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.types import UserDefinedType

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


class _Any(UserDefinedType[Any]):
    """SQLite: a STRICT column that converts nothing (docs/decisions/0003-decimals-on-sqlite.md)."""

    cache_ok = True

    def get_col_spec(self, **_: object) -> str:
        return "ANY"


INT64 = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
NUMBER = sa.Numeric().with_variant(_Any(), "sqlite")
FLAG = sa.Boolean().with_variant(sa.Integer(), "sqlite")
GENESIS = bytes(16)

VIEWS = """
CREATE VIEW v_orders AS SELECT
    order_id, strategy, account, venue, symbol, side, order_type, time_in_force, quantity, price, stop_price, state,
    in_doubt, cum_qty, leaves_qty, avg_px, cl_ord_id, venue_order_id, venue_status, reason, external, created_ns,
    updated_ns, terminal_ns, run_id, event_seq, recorded_ns, config_sha256, in_doubt_reason
FROM orders;

CREATE VIEW v_order_events AS SELECT
    order_id, event, from_state, to_state, cl_ord_id, orig_cl_ord_id, exec_id, exec_type, ord_status, last_qty, last_px,
    cum_qty, leaves_qty, text, session, msg_seq_num, poss_dup, venue_time_ns, anomaly, run_id, event_seq, recorded_ns,
    config_sha256, strategy, venue, quantity, price, ordinal
FROM order_events;

CREATE VIEW v_fills AS SELECT
    order_id, exec_id, venue, account, strategy, symbol, side, last_qty, last_px, status, venue_time_ns, session,
    msg_seq_num, run_id, event_seq, recorded_ns, config_sha256, trade_date
FROM fills;

CREATE VIEW v_positions AS SELECT
    account, strategy, venue, symbol, net_qty, avg_px, realized_pnl, bought_qty, sold_qty, updated_ns, run_id, event_seq,
    recorded_ns, config_sha256
FROM positions;

CREATE VIEW v_position_events AS SELECT
    account, strategy, venue, symbol, cause, quantity, price, order_id, exec_id, net_qty, avg_px, realized_pnl, bought_qty,
    sold_qty, run_id, event_seq, recorded_ns, config_sha256, ordinal
FROM position_events;

CREATE VIEW v_decisions AS SELECT
    order_id, venue, symbol, side, intent, outcome, code, reason, quantity, price, cl_ord_id, session, msg_seq_num,
    trigger_seq, decided_ns, dispatched_ns, sent_ns, trading_state, run_id, event_seq, recorded_ns, config_sha256, strategy,
    account, updated_seq
FROM decisions;

CREATE VIEW v_sessions AS SELECT
    venue, session, epoch, state, next_sender, next_target, logons, last_logon_ns, last_logout_ns, run_id, event_seq,
    recorded_ns, config_sha256
FROM sessions;

CREATE VIEW v_session_events AS SELECT
    venue, session, epoch, event, detail, msg_seq_num, run_id, event_seq, recorded_ns, config_sha256, strategy, ordinal
FROM session_events;

CREATE VIEW v_anomalies AS SELECT
    kind, order_id, session, msg_seq_num, raw, detail, run_id, event_seq, recorded_ns, config_sha256, strategy, venue,
    ordinal
FROM anomalies;

CREATE VIEW v_operator_actions AS SELECT
    actor, action, scope, reason, request_id, before, after, result, run_id, event_seq, recorded_ns, config_sha256,
    strategy, ordinal
FROM operator_actions;

CREATE VIEW v_runs AS SELECT
    run_id, runtime, experiment_id, parameters, data_sha256, started_ns, stopped_ns, clean_stop, version, event_seq,
    recorded_ns, config_sha256
FROM runs;

CREATE VIEW v_configurations AS SELECT
    config_sha256, toml, first_used_ns, run_id, event_seq, recorded_ns
FROM configurations;
"""


def upgrade() -> None:
    _orders()
    _fills()
    _positions()
    _sessions()
    _decisions()
    _runs()
    _configurations()
    _order_events()
    _position_events()
    _session_events()
    _anomalies()
    _operator_actions()
    _checkpoint()
    for statement in VIEWS.split(";"):
        if statement.strip():
            op.execute(" ".join(statement.split()))


def _orders() -> None:
    op.create_table(
        "orders",
        sa.Column("run_id", INT64, nullable=False),
        sa.Column("event_seq", INT64, nullable=False),
        sa.Column("recorded_ns", INT64, nullable=False),
        sa.Column("config_sha256", sa.Text(), nullable=False),
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.Column("strategy", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("venue", sa.Text(), nullable=False),
        sa.Column("symbol", sa.Text(), nullable=False),
        sa.Column("side", sa.Text(), nullable=False),
        sa.Column("order_type", sa.Text(), nullable=False),
        sa.Column("time_in_force", sa.Text(), nullable=False),
        sa.Column("quantity", NUMBER, nullable=False),
        sa.Column("price", NUMBER, nullable=True),
        sa.Column("stop_price", NUMBER, nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("in_doubt", FLAG, nullable=False),
        sa.Column("in_doubt_reason", sa.Text(), nullable=True),
        sa.Column("cum_qty", NUMBER, nullable=False),
        sa.Column("leaves_qty", NUMBER, nullable=False),
        sa.Column("avg_px", NUMBER, nullable=False),
        sa.Column("cl_ord_id", sa.Text(), nullable=False),
        sa.Column("venue_order_id", sa.Text(), nullable=True),
        sa.Column("venue_status", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("external", FLAG, nullable=False),
        sa.Column("created_ns", INT64, nullable=False),
        sa.Column("updated_ns", INT64, nullable=False),
        sa.Column("terminal_ns", INT64, nullable=True),
        sa.PrimaryKeyConstraint("order_id", name=op.f("pk_orders")),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_orders_created_ns"), "orders", ["created_ns"])
    op.create_index(op.f("ix_orders_state"), "orders", ["state"])


def _fills() -> None:
    op.create_table(
        "fills",
        sa.Column("run_id", INT64, nullable=False),
        sa.Column("event_seq", INT64, nullable=False),
        sa.Column("recorded_ns", INT64, nullable=False),
        sa.Column("config_sha256", sa.Text(), nullable=False),
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.Column("exec_id", sa.Text(), nullable=False),
        sa.Column("venue", sa.Text(), nullable=False),
        sa.Column("trade_date", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("strategy", sa.Text(), nullable=False),
        sa.Column("symbol", sa.Text(), nullable=False),
        sa.Column("side", sa.Text(), nullable=False),
        sa.Column("last_qty", NUMBER, nullable=False),
        sa.Column("last_px", NUMBER, nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("venue_time_ns", INT64, nullable=True),
        sa.Column("session", sa.Text(), nullable=False),
        sa.Column("msg_seq_num", INT64, nullable=True),
        sa.PrimaryKeyConstraint("order_id", "exec_id", "venue", "trade_date", name=op.f("pk_fills")),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_fills_recorded_ns"), "fills", ["recorded_ns"])


def _positions() -> None:
    op.create_table(
        "positions",
        sa.Column("run_id", INT64, nullable=False),
        sa.Column("event_seq", INT64, nullable=False),
        sa.Column("recorded_ns", INT64, nullable=False),
        sa.Column("config_sha256", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("strategy", sa.Text(), nullable=False),
        sa.Column("venue", sa.Text(), nullable=False),
        sa.Column("symbol", sa.Text(), nullable=False),
        sa.Column("net_qty", NUMBER, nullable=False),
        sa.Column("avg_px", NUMBER, nullable=False),
        sa.Column("realized_pnl", NUMBER, nullable=False),
        sa.Column("bought_qty", NUMBER, nullable=False),
        sa.Column("sold_qty", NUMBER, nullable=False),
        sa.Column("updated_ns", INT64, nullable=False),
        sa.PrimaryKeyConstraint("account", "strategy", "venue", "symbol", name=op.f("pk_positions")),
        sqlite_strict=True,
    )


def _sessions() -> None:
    op.create_table(
        "sessions",
        sa.Column("run_id", INT64, nullable=False),
        sa.Column("event_seq", INT64, nullable=False),
        sa.Column("recorded_ns", INT64, nullable=False),
        sa.Column("config_sha256", sa.Text(), nullable=False),
        sa.Column("venue", sa.Text(), nullable=False),
        sa.Column("session", sa.Text(), nullable=False),
        sa.Column("epoch", INT64, nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("next_sender", INT64, nullable=False),
        sa.Column("next_target", INT64, nullable=False),
        sa.Column("logons", INT64, nullable=False),
        sa.Column("last_logon_ns", INT64, nullable=True),
        sa.Column("last_logout_ns", INT64, nullable=True),
        sa.PrimaryKeyConstraint("venue", "session", name=op.f("pk_sessions")),
        sqlite_strict=True,
    )


def _decisions() -> None:
    op.create_table(
        "decisions",
        sa.Column("event_seq", INT64, nullable=False, autoincrement=False),
        sa.Column("run_id", INT64, nullable=False),
        sa.Column("recorded_ns", INT64, nullable=False),
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
        sa.PrimaryKeyConstraint("event_seq", name=op.f("pk_decisions")),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_decisions_order_id"), "decisions", ["order_id"])
    op.create_index(op.f("ix_decisions_recorded_ns"), "decisions", ["recorded_ns"])


def _runs() -> None:
    op.create_table(
        "runs",
        sa.Column("run_id", INT64, nullable=False, autoincrement=False),
        sa.Column("event_seq", INT64, nullable=False),
        sa.Column("recorded_ns", INT64, nullable=False),
        sa.Column("config_sha256", sa.Text(), nullable=False),
        sa.Column("runtime", sa.Text(), nullable=False),
        sa.Column("experiment_id", sa.Text(), nullable=True),
        sa.Column("parameters", sa.Text(), nullable=True),
        sa.Column("data_sha256", sa.Text(), nullable=True),
        sa.Column("started_ns", INT64, nullable=False),
        sa.Column("stopped_ns", INT64, nullable=True),
        sa.Column("clean_stop", FLAG, nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("run_id", name=op.f("pk_runs")),
        sqlite_strict=True,
    )


def _configurations() -> None:
    op.create_table(
        "configurations",
        sa.Column("config_sha256", sa.Text(), nullable=False),
        sa.Column("toml", sa.Text(), nullable=True),
        sa.Column("first_used_ns", INT64, nullable=False),
        sa.Column("run_id", INT64, nullable=False),
        sa.Column("event_seq", INT64, nullable=False),
        sa.Column("recorded_ns", INT64, nullable=False),
        sa.PrimaryKeyConstraint("config_sha256", name=op.f("pk_configurations")),
        sqlite_strict=True,
    )


def _order_events() -> None:
    op.create_table(
        "order_events",
        sa.Column("event_seq", INT64, nullable=False, autoincrement=False),
        sa.Column("ordinal", INT64, nullable=False, autoincrement=False),
        sa.Column("recorded_ns", INT64, nullable=False, autoincrement=False),
        sa.Column("run_id", INT64, nullable=False),
        sa.Column("config_sha256", sa.Text(), nullable=False),
        sa.Column("strategy", sa.Text(), nullable=True),
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.Column("venue", sa.Text(), nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("from_state", sa.Text(), nullable=True),
        sa.Column("to_state", sa.Text(), nullable=False),
        sa.Column("cl_ord_id", sa.Text(), nullable=True),
        sa.Column("orig_cl_ord_id", sa.Text(), nullable=True),
        sa.Column("exec_id", sa.Text(), nullable=True),
        sa.Column("exec_type", sa.Text(), nullable=True),
        sa.Column("ord_status", sa.Text(), nullable=True),
        sa.Column("last_qty", NUMBER, nullable=True),
        sa.Column("last_px", NUMBER, nullable=True),
        sa.Column("cum_qty", NUMBER, nullable=True),
        sa.Column("leaves_qty", NUMBER, nullable=True),
        sa.Column("text", sa.Text(), nullable=True),
        sa.Column("session", sa.Text(), nullable=True),
        sa.Column("msg_seq_num", INT64, nullable=True),
        sa.Column("poss_dup", FLAG, nullable=False),
        sa.Column("venue_time_ns", INT64, nullable=True),
        sa.Column("anomaly", sa.Text(), nullable=True),
        sa.Column("quantity", NUMBER, nullable=False),
        sa.Column("price", NUMBER, nullable=True),
        sa.PrimaryKeyConstraint("event_seq", "ordinal", "recorded_ns", name=op.f("pk_order_events")),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_order_events_order_id"), "order_events", ["order_id"])
    op.create_index(op.f("ix_order_events_recorded_ns"), "order_events", ["recorded_ns"])


def _position_events() -> None:
    op.create_table(
        "position_events",
        sa.Column("event_seq", INT64, nullable=False, autoincrement=False),
        sa.Column("ordinal", INT64, nullable=False, autoincrement=False),
        sa.Column("recorded_ns", INT64, nullable=False, autoincrement=False),
        sa.Column("run_id", INT64, nullable=False),
        sa.Column("config_sha256", sa.Text(), nullable=False),
        sa.Column("strategy", sa.Text(), nullable=True),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("venue", sa.Text(), nullable=False),
        sa.Column("symbol", sa.Text(), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("quantity", NUMBER, nullable=False),
        sa.Column("price", NUMBER, nullable=False),
        sa.Column("order_id", sa.Text(), nullable=True),
        sa.Column("exec_id", sa.Text(), nullable=True),
        sa.Column("net_qty", NUMBER, nullable=False),
        sa.Column("avg_px", NUMBER, nullable=False),
        sa.Column("realized_pnl", NUMBER, nullable=False),
        sa.Column("bought_qty", NUMBER, nullable=False),
        sa.Column("sold_qty", NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("event_seq", "ordinal", "recorded_ns", name=op.f("pk_position_events")),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_position_events_recorded_ns"), "position_events", ["recorded_ns"])


def _session_events() -> None:
    op.create_table(
        "session_events",
        sa.Column("event_seq", INT64, nullable=False, autoincrement=False),
        sa.Column("ordinal", INT64, nullable=False, autoincrement=False),
        sa.Column("recorded_ns", INT64, nullable=False, autoincrement=False),
        sa.Column("run_id", INT64, nullable=False),
        sa.Column("config_sha256", sa.Text(), nullable=False),
        sa.Column("strategy", sa.Text(), nullable=True),
        sa.Column("venue", sa.Text(), nullable=False),
        sa.Column("session", sa.Text(), nullable=False),
        sa.Column("epoch", INT64, nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("msg_seq_num", INT64, nullable=True),
        sa.PrimaryKeyConstraint("event_seq", "ordinal", "recorded_ns", name=op.f("pk_session_events")),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_session_events_recorded_ns"), "session_events", ["recorded_ns"])


def _anomalies() -> None:
    op.create_table(
        "anomalies",
        sa.Column("event_seq", INT64, nullable=False, autoincrement=False),
        sa.Column("ordinal", INT64, nullable=False, autoincrement=False),
        sa.Column("recorded_ns", INT64, nullable=False, autoincrement=False),
        sa.Column("run_id", INT64, nullable=False),
        sa.Column("config_sha256", sa.Text(), nullable=False),
        sa.Column("strategy", sa.Text(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("order_id", sa.Text(), nullable=True),
        sa.Column("venue", sa.Text(), nullable=True),
        sa.Column("session", sa.Text(), nullable=True),
        sa.Column("msg_seq_num", INT64, nullable=True),
        sa.Column("raw", sa.Text(), nullable=True),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("event_seq", "ordinal", "recorded_ns", name=op.f("pk_anomalies")),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_anomalies_recorded_ns"), "anomalies", ["recorded_ns"])


def _operator_actions() -> None:
    op.create_table(
        "operator_actions",
        sa.Column("event_seq", INT64, nullable=False, autoincrement=False),
        sa.Column("ordinal", INT64, nullable=False, autoincrement=False),
        sa.Column("recorded_ns", INT64, nullable=False, autoincrement=False),
        sa.Column("run_id", INT64, nullable=False),
        sa.Column("config_sha256", sa.Text(), nullable=False),
        sa.Column("strategy", sa.Text(), nullable=True),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("before", sa.Text(), nullable=False),
        sa.Column("after", sa.Text(), nullable=False),
        sa.Column("result", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("event_seq", "ordinal", "recorded_ns", name=op.f("pk_operator_actions")),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_operator_actions_recorded_ns"), "operator_actions", ["recorded_ns"])


def _checkpoint() -> None:
    op.create_table(
        "checkpoint",
        sa.Column("id", INT64, nullable=False, autoincrement=False),
        sa.Column("seq", INT64, nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_checkpoint")),
        sa.CheckConstraint("id = 1", name=op.f("ck_checkpoint_one_row")),
        sqlite_strict=True,
    )
    beginning = sa.text("INSERT INTO checkpoint (id, seq, hash) VALUES (1, 0, :hash)")
    op.execute(beginning.bindparams(sa.bindparam("hash", GENESIS, sa.LargeBinary())))
