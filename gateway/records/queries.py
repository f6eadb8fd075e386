"""Reading the records through the public views: what the command line, reports and tests ask.

View and column names come from a closed set, values are always bound, and everything returned is int, str, Decimal, bool or
None whichever database answered. Reads only what users can read themselves; never the tables behind the views.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, select

from gateway.errors import NotFound, UsageError
from gateway.records.context import Row, Value
from gateway.records.store import RecordStore
from gateway.records.views import VIEWS, View


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which orders, fills or decisions; None means any. Times are stream time of the row's event, `to_ns` exclusive."""

    order_id: str | None = None
    strategy: str | None = None
    account: str | None = None
    venue: str | None = None
    symbol: str | None = None
    state: str | None = None
    status: str | None = None
    outcome: str | None = None
    run_id: int | None = None
    from_ns: int | None = None
    to_ns: int | None = None


ANY = Filter()


def view_rows(
    store: RecordStore,
    view: str,
    *,
    where: Mapping[str, Value | Sequence[Value]] | None = None,
    from_ns: int | None = None,
    to_ns: int | None = None,
    order_by: Sequence[str] = (),
    limit: int | None = None,
) -> list[Row]:
    """Rows of a public view as dicts, in the view's column order.

    `where`: column -> value (None is NULL) or several values of which one must match. `order_by`: columns, `-name` descending.
    Raises UsageError for an unknown view or column.
    """
    subject = VIEWS.get(view)
    if subject is None:
        raise UsageError(f"{view!r} is not a view of the records: use one of {', '.join(VIEWS)}")
    statement = select(subject.table).limit(limit)
    for name, value in (where or {}).items():
        column = _column(subject, name)
        if isinstance(value, Sequence) and not isinstance(value, str | bytes):
            statement = statement.where(column.in_(value))
        else:
            statement = statement.where(column == value)
    if from_ns is not None:
        statement = statement.where(_column(subject, "recorded_ns") >= from_ns)
    if to_ns is not None:
        statement = statement.where(_column(subject, "recorded_ns") < to_ns)
    for name in order_by:
        column = _column(subject, name.removeprefix("-"))
        statement = statement.order_by(column.desc() if name.startswith("-") else column)
    with store.reading() as connection:
        return [dict(row) for row in connection.execute(statement).mappings()]


def came_of(store: RecordStore, actions: Sequence[Row]) -> dict[Value, str]:
    """Position of an operator's action -> what was decided because of it, in words; absent where nothing was.

    One decision: its outcome, with code or order (`denied: max_order_quantity`, `dispatched: 1-17`); several are counted.
    """
    found: dict[Value, list[Row]] = {}
    moments = list({row["event_seq"]: row["recorded_ns"] for row in actions}.items())
    for begin in range(0, len(moments), _AT_ONCE):
        # What is decided because of an event has its stream time, which has an index.
        seqs, times = zip(*moments[begin : begin + _AT_ONCE], strict=True)
        where = {"trigger_seq": seqs, "recorded_ns": times}
        for row in view_rows(store, "v_decisions", where=where, order_by=("event_seq",)):
            found.setdefault(row["trigger_seq"], []).append(row)
    return {seq: _in_words(rows) for seq, rows in found.items()}


_AT_ONCE = 1_000
"""A statement takes 65,535 values at most (PostgreSQL), and each action is two."""


def _in_words(rows: Sequence[Row]) -> str:
    said = [(str(row["outcome"]), str(row["code"] if row["outcome"] == "denied" else row["order_id"])) for row in rows]
    if len(said) == 1:
        return ": ".join(said[0])
    outcomes = Counter(f"denied ({what})" if outcome == "denied" else outcome for outcome, what in said)
    return ", ".join(f"{count} {outcome}" for outcome, count in outcomes.items())


def _column(view: View, name: str) -> ColumnElement[Value]:
    if name not in view.table.columns:
        raise UsageError(f"{view.name} has no column {name!r}: use one of {', '.join(view.columns)}")
    return view.table.columns[name]


def _filtered(store: RecordStore, view: str, chosen: Filter, order_by: Sequence[str], limit: int | None) -> list[Row]:
    names = ("order_id", "strategy", "account", "venue", "symbol", "state", "status", "outcome", "run_id")
    where = {name: value for name in names if (value := getattr(chosen, name)) is not None}
    return view_rows(store, view, where=where, from_ns=chosen.from_ns, to_ns=chosen.to_ns, order_by=order_by, limit=limit)


def orders(store: RecordStore, chosen: Filter = ANY, *, limit: int | None = None) -> list[Row]:
    """Orders, newest first."""
    return _filtered(store, "v_orders", chosen, ("-created_ns", "-event_seq"), limit)


def order(store: RecordStore, order_id: str) -> Row:
    """One order. Raises NotFound."""
    found = orders(store, Filter(order_id=order_id))
    if not found:
        raise NotFound(f"there is no order {order_id} in the records; what never left is in `gateway decision list`")
    return found[0]


def order_events(store: RecordStore, order_id: str) -> list[Row]:
    """Everything that happened to one order, oldest first."""
    return view_rows(store, "v_order_events", where={"order_id": order_id}, order_by=("event_seq", "ordinal"))


def fills(store: RecordStore, chosen: Filter = ANY, *, limit: int | None = None) -> list[Row]:
    """Executions, newest first."""
    return _filtered(store, "v_fills", chosen, ("-event_seq", "order_id", "exec_id"), limit)


def decisions(store: RecordStore, chosen: Filter = ANY, *, limit: int | None = None) -> list[Row]:
    """Decisions, newest first."""
    return _filtered(store, "v_decisions", chosen, ("-event_seq",), limit)


def positions(store: RecordStore) -> list[Row]:
    """Every position ever held, flat ones included."""
    return view_rows(store, "v_positions", order_by=("account", "strategy", "venue", "symbol"))


def sessions(store: RecordStore) -> list[Row]:
    """Every FIX session as the records last saw it."""
    return view_rows(store, "v_sessions", order_by=("venue", "session"))
