"""From one event and what it changed to the rows of the records: pure, so that live, rebuild and verify cannot differ.

A change yields at most one history row, whose `ordinal` is the change's place among the event's changes, and the new row of
whatever it changed. Nothing here computes: quantities, states and averages are the core's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from gateway.core.changes import (
    AnomalyRaised,
    Change,
    FillChanged,
    OperatorActed,
    OrderChanged,
    PositionChanged,
    SessionChanged,
)
from gateway.core.events import (
    Dispatched,
    EmergencyCancelSent,
    ExecutionEvent,
    FillInferred,
    InDoubt,
    Recorded,
    Resolved,
    SubmissionFailed,
    Transmitted,
)
from gateway.core.orders import Order
from gateway.records.context import Context, Row, RowOp, cleaned, position_in_stream, quotient
from gateway.records.decisions import decision_row
from gateway.records.runs import run_rows


def project(recorded: Recorded, changes: Sequence[Change], context: Context) -> list[RowOp]:
    """Rows for one event, in order. Moves `context` on: call it once per event, in the order of the stream."""
    ops = run_rows(recorded, context)
    decision = decision_row(recorded, context)
    if decision is not None:
        ops.append(RowOp("decisions", decision))
    for ordinal, change in enumerate(changes):
        ops.extend(_BUILDERS[type(change)](recorded, change, _Place(recorded, context, ordinal)))
    return [RowOp(op.table, cleaned(op.row)) for op in ops]


class _Place:
    """Where a change stands: its event, and its place among the event's changes."""

    __slots__ = ("_ordinal", "common", "strategy_of")

    def __init__(self, recorded: Recorded, context: Context, ordinal: int) -> None:
        self._ordinal = ordinal
        self.strategy_of = context.strategy_of
        self.common = position_in_stream(recorded, context)

    def history(self, strategy: str | None) -> Row:
        """The columns every history row begins with."""
        return self.common | {"ordinal": self._ordinal, "strategy": strategy}


def _order(recorded: Recorded, change: OrderChanged, place: _Place) -> list[RowOp]:
    return [
        RowOp("orders", place.common | _order_row(change.after)),
        RowOp("order_events", place.history(change.after.strategy) | _order_event_row(recorded, change)),
    ]


def _order_row(order: Order) -> Row:
    return {
        "order_id": order.order_id,
        "strategy": order.strategy,
        "account": order.account,
        "venue": order.venue,
        "symbol": order.symbol,
        "side": order.side,
        "order_type": order.order_type,
        "time_in_force": order.time_in_force,
        "quantity": order.quantity,
        "price": order.price,
        "stop_price": order.stop_price,
        "state": order.state,
        "in_doubt": order.in_doubt is not None,
        "in_doubt_reason": order.in_doubt,
        "cum_qty": order.cum_qty,
        "leaves_qty": order.leaves_qty,
        "avg_px": quotient(order.avg_px),
        "cl_ord_id": order.cl_ord_id,
        "venue_order_id": order.venue_order_id,
        "venue_status": order.venue_status,
        "reason": order.reason,
        "external": order.external,
        "created_ns": order.created_ns,
        "updated_ns": order.updated_ns,
        "terminal_ns": order.terminal_ns,
    }


def _order_event_row(recorded: Recorded, change: OrderChanged) -> Row:
    """What the event itself said; NULL where it said nothing. `quantity` and `price` are the order's after it."""
    after = change.after
    return {
        "order_id": after.order_id,
        "venue": after.venue,
        "event": recorded.event.kind(),
        "from_state": None if change.before is None else change.before.state,
        "to_state": after.state,
        "orig_cl_ord_id": None,
        "exec_id": None,
        "exec_type": None,
        "ord_status": None,
        "last_qty": None,
        "last_px": None,
        "cum_qty": None,
        "leaves_qty": None,
        "session": None,
        "msg_seq_num": None,
        "poss_dup": False,
        "venue_time_ns": None,
        "anomaly": change.anomaly,
        "quantity": after.quantity,
        "price": after.price,
        "cl_ord_id": after.cl_ord_id,
        "text": None,
    } | _said(recorded.event)


def _said(event: object) -> Row:
    """The columns of `order_events` that an event fills by itself."""
    match event:
        case ExecutionEvent():
            return _reported(event)
        case Dispatched(command=command):
            return {"cl_ord_id": command.cl_ord_id, "orig_cl_ord_id": command.orig_cl_ord_id}
        case Transmitted():
            return {"cl_ord_id": event.cl_ord_id, "session": event.session, "msg_seq_num": event.msg_seq_num}
        case EmergencyCancelSent():
            row = {"cl_ord_id": event.cl_ord_id, "orig_cl_ord_id": event.orig_cl_ord_id, "session": event.session}
            return row | {"msg_seq_num": event.msg_seq_num}
        case SubmissionFailed():
            return {"cl_ord_id": event.cl_ord_id, "text": event.reason}
        case FillInferred():
            return {
                "exec_id": event.exec_id,
                "last_qty": event.last_qty,
                "last_px": event.last_px,
                "venue_time_ns": event.venue_time_ns,
            }
        case InDoubt():
            return {"text": event.reason}
        case Resolved():
            return {"text": f"{event.disposition}: {event.detail}" if event.detail else event.disposition}
        case _:
            return {}


def _reported(event: ExecutionEvent) -> Row:
    row: Row = {
        "orig_cl_ord_id": event.orig_cl_ord_id,
        "exec_id": event.exec_id,
        "exec_type": event.exec_type,
        "ord_status": event.ord_status,
        # Filled and FillCorrected have these two.
        "last_qty": getattr(event, "last_qty", None),
        "last_px": getattr(event, "last_px", None),
        "cum_qty": event.cum_qty,
        "leaves_qty": event.leaves_qty,
        "text": event.text,
        "session": event.session or None,
        "msg_seq_num": event.msg_seq_num,
        "poss_dup": event.poss_dup,
        "venue_time_ns": event.venue_time_ns,
    }
    return row | {"cl_ord_id": event.cl_ord_id} if event.cl_ord_id else row


def _fill(recorded: Recorded, change: FillChanged, place: _Place) -> list[RowOp]:
    fill = change.after
    row: Row = {
        "order_id": fill.order_id,
        "exec_id": fill.exec_id,
        "venue": fill.venue,
        "trade_date": fill.trade_date,
        "account": fill.account,
        "strategy": fill.strategy,
        "symbol": fill.symbol,
        "side": fill.side,
        "last_qty": fill.last_qty,
        "last_px": fill.last_px,
        "status": fill.status,
        "venue_time_ns": fill.venue_time_ns,
        "session": fill.session,
        "msg_seq_num": fill.msg_seq_num,
    }
    return [RowOp("fills", place.common | row)]


def _position(recorded: Recorded, change: PositionChanged, place: _Place) -> list[RowOp]:
    after = change.after
    amounts: Row = {
        "net_qty": after.net_qty,
        "avg_px": quotient(after.avg_px),
        "realized_pnl": quotient(after.realized_pnl),
        "bought_qty": after.bought_qty,
        "sold_qty": after.sold_qty,
    }
    where: Row = {"account": after.account, "venue": after.venue, "symbol": after.symbol}
    cause: Row = {
        "cause": change.cause,
        "quantity": change.quantity,
        "price": change.price,
        "order_id": change.order_id,
        "exec_id": change.exec_id,
    }
    return [
        RowOp("positions", place.common | where | amounts | {"strategy": after.strategy, "updated_ns": after.updated_ns}),
        RowOp("position_events", place.history(after.strategy) | where | cause | amounts),
    ]


def _session(recorded: Recorded, change: SessionChanged, place: _Place) -> list[RowOp]:
    after = change.after
    identity: Row = {"venue": after.venue, "session": after.session, "epoch": after.epoch}
    current: Row = {
        "state": after.state,
        "next_sender": after.next_sender,
        "next_target": after.next_target,
        "logons": after.logons,
        "last_logon_ns": after.last_logon_ns,
        "last_logout_ns": after.last_logout_ns,
    }
    ops = [RowOp("sessions", place.common | identity | current)]
    if change.event is not None:
        what: Row = {"event": change.event, "detail": change.detail, "msg_seq_num": change.msg_seq_num}
        ops.append(RowOp("session_events", place.history(None) | identity | what))
    return ops


def _anomaly(recorded: Recorded, change: AnomalyRaised, place: _Place) -> list[RowOp]:
    row: Row = {
        "kind": change.anomaly,
        "order_id": change.order_id,
        "venue": change.venue,
        "session": change.session,
        "msg_seq_num": change.msg_seq_num,
        "raw": change.raw,
        "detail": change.detail,
    }
    # Of the order concerned, or of the strategy that the event itself is about.
    strategy = getattr(recorded.event, "strategy", None) if change.order_id is None else place.strategy_of(change.order_id)
    return [RowOp("anomalies", place.history(strategy) | row)]


def _operator(recorded: Recorded, change: OperatorActed, place: _Place) -> list[RowOp]:
    kind, _, name = change.scope.partition(":")
    row: Row = {
        "actor": change.actor,
        "action": change.action,
        "scope": change.scope,
        "reason": change.reason,
        "request_id": change.request_id,
        "before": change.before,
        "after": change.after,
        "result": change.result,
    }
    return [RowOp("operator_actions", place.history(name if kind == "strategy" else None) | row)]


_BUILDERS: dict[type[Change], Callable[[Recorded, Any, _Place], list[RowOp]]] = {
    OrderChanged: _order,
    FillChanged: _fill,
    PositionChanged: _position,
    SessionChanged: _session,
    AnomalyRaised: _anomaly,
    OperatorActed: _operator,
}
