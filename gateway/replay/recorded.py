"""Orders, executions and positions of the records, by their views, in the shape of `ledger`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

from gateway.errors import NotFound
from gateway.records.queries import view_rows
from gateway.records.store import RecordStore
from gateway.replay.ledger import FillLine, Ledger, OrderLine, Span

_MARGIN_NS = 3_600 * 1_000_000_000
"""Records are read from this long before the span on: clocks differ."""
_NEVER_SENT = "not_sent"


def venues_of(store: RecordStore, sessions: Sequence[str], chosen: Sequence[str]) -> list[str]:
    """The venues of the records that a log is about: those chosen, else those whose session it is, else all of them.

    Raises `NotFound` for a chosen one that the records do not have.
    """
    rows = view_rows(store, "v_sessions")
    known = {str(row["venue"]) for row in rows} | {str(row["venue"]) for row in view_rows(store, "v_orders")}
    for venue in chosen:
        if venue not in known:
            raise NotFound(f"the records have no venue {venue!r}: use one of {', '.join(sorted(known)) or 'none'}")
    same = [str(row["venue"]) for row in rows if row["session"] in sessions]
    return list(chosen) or same or sorted(known)


def of_records(store: RecordStore, venues: Sequence[str], span: Span) -> Ledger:
    """What the records hold for these venues from about the beginning of `span` on. Nothing before it is read."""
    begin = None if span.first_ns is None else span.first_ns - _MARGIN_NS
    ledger = Ledger("records", Span())
    for row in _rows(store, "v_orders", venues, begin):
        if row["venue_order_id"] is None and row["state"] == "Rejected" and str(row["reason"]).startswith(_NEVER_SENT):
            continue  # decided, and never on the wire
        line = _order(row)
        ledger.orders[line.key] = line
    moments: dict[str, list[int]] = defaultdict(list)
    names: dict[str, dict[str, None]] = defaultdict(dict)
    for row in _rows(store, "v_order_events", venues, begin):
        if row["cl_ord_id"] is not None:
            names[row["order_id"]][row["cl_ord_id"]] = None
        if row["msg_seq_num"] is not None:
            moments[row["order_id"]].append(row["recorded_ns"])
    for key, line in ledger.orders.items():
        ledger.orders[key] = replace(line, names=tuple(dict.fromkeys((*names[key], *line.names))))
    ledger.wire_moments = moments
    ledger.fills = [_fill(row) for row in _rows(store, "v_fills", venues, begin)]
    ledger.positions = _held(store, venues)
    ledger.partial = begin is not None and bool(view_rows(store, "v_fills", where={"venue": venues}, to_ns=begin, limit=1))
    return ledger


def _order(row: Mapping[str, Any]) -> OrderLine:
    return OrderLine(
        key=row["order_id"],
        names=(row["cl_ord_id"],) if row["cl_ord_id"] else (),
        venue=row["venue"],
        venue_order_id=row["venue_order_id"],
        symbol=row["symbol"],
        side=row["side"],
        quantity=row["quantity"],
        price=row["price"],
        stop_price=row["stop_price"],
        state=row["state"],
        cum_qty=row["cum_qty"],
        avg_px=row["avg_px"],
        external=bool(row["external"]),
        created_ns=row["created_ns"],
        updated_ns=row["updated_ns"],
        reason=row["reason"],
        account=row["account"],
    )


def _fill(row: Mapping[str, Any]) -> FillLine:
    return FillLine(
        order=row["order_id"],
        exec_id=row["exec_id"],
        symbol=row["symbol"],
        side=row["side"],
        quantity=row["last_qty"],
        price=row["last_px"],
        status=row["status"],
        venue_time_ns=row["venue_time_ns"],
        at_ns=row["recorded_ns"],
        trade_date=row["trade_date"] or "",
    )


def _held(store: RecordStore, venues: Sequence[str]) -> dict[str, Decimal]:
    """Net quantities without what no execution explains: opening positions and adjustments."""
    held: dict[str, Decimal] = defaultdict(Decimal)
    for row in _rows(store, "v_positions", venues):
        held[row["symbol"]] += row["net_qty"]
    for row in _rows(store, "v_position_events", venues):
        if row["cause"] in ("opening", "adjustment"):
            held[row["symbol"]] -= row["quantity"]
    return dict(held)


def _rows(store: RecordStore, view: str, venues: Sequence[str], begin: int | None = None) -> list[dict[str, Any]]:
    """As the views give them, oldest first."""
    found = view_rows(store, view, where={"venue": venues}, from_ns=begin, order_by=("event_seq",))
    return [dict(row) for row in found]
