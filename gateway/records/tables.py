"""The tables behind the public views, as SQLAlchemy Core.

Two kinds. State tables hold the latest row per key and are upserted. History tables are append-only, keyed by
(event_seq, ordinal within the event), and partitioned by stream time on PostgreSQL, which wants `recorded_ns` in their key for
that (`gateway.records.partitions`). Tables may change with a migration: users read the views. Nothing here runs SQL.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import CheckConstraint, Column, Index, LargeBinary, MetaData, Table, Text

from gateway.records.types import INT64, ExactDecimal, Flag

METADATA = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)


_BY_TIME = "RANGE (recorded_ns)"


def _text(name: str, *, null: bool = False, key: bool = False) -> Column[Any]:
    return Column(name, Text, nullable=null, primary_key=key)


def _int(name: str, *, null: bool = False, key: bool = False) -> Column[Any]:
    return Column(name, INT64, nullable=null, primary_key=key, autoincrement=False)


def _number(name: str, *, null: bool = False) -> Column[Any]:
    return Column(name, ExactDecimal, nullable=null)


def _flag(name: str) -> Column[Any]:
    return Column(name, Flag, nullable=False)


def _position_in_stream() -> list[Column[Any]]:
    """Of the event that last touched the row; of a decision, the event that began it."""
    return [_int("run_id"), _int("event_seq"), _int("recorded_ns"), _text("config_sha256")]


def _state(name: str, *columns: Column[Any] | Index) -> Table:
    return Table(name, METADATA, *_position_in_stream(), *columns, sqlite_strict=True)


def _history(name: str, *columns: Column[Any] | Index) -> Table:
    return Table(
        name,
        METADATA,
        _int("event_seq", key=True),
        _int("ordinal", key=True),
        _int("recorded_ns", key=True),
        _int("run_id"),
        _text("config_sha256"),
        _text("strategy", null=True),
        *columns,
        Index(None, "recorded_ns"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
        postgresql_partition_by=_BY_TIME,
    )


ORDERS = _state(
    "orders",
    _text("order_id", key=True),
    _text("strategy"),
    _text("account"),
    _text("venue"),
    _text("symbol"),
    _text("side"),
    _text("order_type"),
    _text("time_in_force"),
    _number("quantity"),
    _number("price", null=True),
    _number("stop_price", null=True),
    _text("state"),
    _flag("in_doubt"),
    _text("in_doubt_reason", null=True),
    _number("cum_qty"),
    _number("leaves_qty"),
    _number("avg_px"),
    _text("cl_ord_id"),
    _text("venue_order_id", null=True),
    _text("venue_status", null=True),
    _text("reason", null=True),
    _flag("external"),
    _int("created_ns"),
    _int("updated_ns"),
    _int("terminal_ns", null=True),
    Index(None, "state"),
    Index(None, "created_ns"),
)

FILLS = _state(
    "fills",
    _text("order_id", key=True),
    _text("exec_id", key=True),
    _text("venue", key=True),
    _text("trade_date", key=True),
    _text("account"),
    _text("strategy"),
    _text("symbol"),
    _text("side"),
    _number("last_qty"),
    _number("last_px"),
    _text("status"),
    _int("venue_time_ns", null=True),
    _text("session"),
    _int("msg_seq_num", null=True),
    Index(None, "recorded_ns"),
)

POSITIONS = _state(
    "positions",
    _text("account", key=True),
    _text("strategy", key=True),
    _text("venue", key=True),
    _text("symbol", key=True),
    _number("net_qty"),
    _number("avg_px"),
    _number("realized_pnl"),
    _number("bought_qty"),
    _number("sold_qty"),
    _int("updated_ns"),
)

SESSIONS = _state(
    "sessions",
    _text("venue", key=True),
    _text("session", key=True),
    _int("epoch"),
    _text("state"),
    _int("next_sender"),
    _int("next_target"),
    _int("logons"),
    _int("last_logon_ns", null=True),
    _int("last_logout_ns", null=True),
)

DECISIONS = Table(
    "decisions",
    METADATA,
    _int("event_seq", key=True),
    _int("run_id"),
    _int("recorded_ns", key=True),
    _text("config_sha256"),
    _text("strategy"),
    _int("updated_seq"),
    _text("order_id", null=True),
    _text("account"),
    _text("venue"),
    _text("symbol"),
    _text("side", null=True),
    _text("intent"),
    _text("outcome"),
    _text("code", null=True),
    _text("reason", null=True),
    _number("quantity", null=True),
    _number("price", null=True),
    _text("cl_ord_id", null=True),
    _text("session", null=True),
    _int("msg_seq_num", null=True),
    _int("trigger_seq"),
    _int("decided_ns"),
    _int("dispatched_ns", null=True),
    _int("sent_ns", null=True),
    _text("trading_state"),
    Index(None, "order_id"),
    Index(None, "recorded_ns"),
    sqlite_strict=True,
    postgresql_partition_by=_BY_TIME,
)

RUNS = Table(
    "runs",
    METADATA,
    _int("run_id", key=True),
    _int("event_seq"),
    _int("recorded_ns"),
    _text("config_sha256"),
    _text("runtime"),
    _text("experiment_id", null=True),
    _text("parameters", null=True),
    _text("data_sha256", null=True),
    _int("started_ns"),
    _int("stopped_ns", null=True),
    _flag("clean_stop"),
    _text("version"),
    sqlite_strict=True,
)

CONFIGURATIONS = Table(
    "configurations",
    METADATA,
    _text("config_sha256", key=True),
    _text("toml", null=True),
    _int("first_used_ns"),
    _int("run_id"),
    _int("event_seq"),
    _int("recorded_ns"),
    sqlite_strict=True,
)

ORDER_EVENTS = _history(
    "order_events",
    _text("order_id"),
    _text("venue"),
    _text("event"),
    _text("from_state", null=True),
    _text("to_state"),
    _text("cl_ord_id", null=True),
    _text("orig_cl_ord_id", null=True),
    _text("exec_id", null=True),
    _text("exec_type", null=True),
    _text("ord_status", null=True),
    _number("last_qty", null=True),
    _number("last_px", null=True),
    _number("cum_qty", null=True),
    _number("leaves_qty", null=True),
    _text("text", null=True),
    _text("session", null=True),
    _int("msg_seq_num", null=True),
    _flag("poss_dup"),
    _int("venue_time_ns", null=True),
    _text("anomaly", null=True),
    _number("quantity"),
    _number("price", null=True),
    Index(None, "order_id"),
)

POSITION_EVENTS = _history(
    "position_events",
    _text("account"),
    _text("venue"),
    _text("symbol"),
    _text("cause"),
    _number("quantity"),
    _number("price"),
    _text("order_id", null=True),
    _text("exec_id", null=True),
    _number("net_qty"),
    _number("avg_px"),
    _number("realized_pnl"),
    _number("bought_qty"),
    _number("sold_qty"),
)

SESSION_EVENTS = _history(
    "session_events",
    _text("venue"),
    _text("session"),
    _int("epoch"),
    _text("event"),
    _text("detail"),
    _int("msg_seq_num", null=True),
)

ANOMALIES = _history(
    "anomalies",
    _text("kind"),
    _text("order_id", null=True),
    _text("venue", null=True),
    _text("session", null=True),
    _int("msg_seq_num", null=True),
    _text("raw", null=True),
    _text("detail"),
)

OPERATOR_ACTIONS = _history(
    "operator_actions",
    _text("actor"),
    _text("action"),
    _text("scope"),
    _text("reason"),
    _text("request_id"),
    _text("before"),
    _text("after"),
    _text("result"),
)

CHECKPOINT = Table(
    "checkpoint",
    METADATA,
    _int("id", key=True),
    _int("seq"),
    Column("hash", LargeBinary, nullable=False),
    CheckConstraint("id = 1", name="one_row"),
    sqlite_strict=True,
)
"""Up to which journal record, and to which history, the other tables are the projection."""

HISTORY = (ORDER_EVENTS, POSITION_EVENTS, SESSION_EVENTS, ANOMALIES, OPERATOR_ACTIONS)
STATE = (ORDERS, FILLS, POSITIONS, SESSIONS, DECISIONS, RUNS, CONFIGURATIONS)
PARTITIONED = (*HISTORY, DECISIONS)
"""Tables whose rows keep their stream time for ever, partitioned by it on PostgreSQL."""
PROJECTED = {table.name: table for table in (*STATE, *HISTORY)}
"""Every table a row of the projection can be for, by name."""
