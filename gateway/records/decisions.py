"""Decisions: one row per intent, keyed by the position of its first outcome, followed until it is on the wire or closed.

    Denied                            denied
    Queued                            queued
      -> Superseded | ClosedUnsent    superseded | closed_unsent
      -> Dispatched                   dispatched     (without Queued: a row of its own, as are the two above)
         -> Transmitted               dispatched, with session, MsgSeqNum and sent_ns
         -> SubmissionFailed          failed

A ClOrdID names one request, so it ties the outcomes of an intent together. Pure: no SQL, no state but the context's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gateway.core.events import (
    ClosedUnsent,
    Denied,
    Dispatched,
    Event,
    Queued,
    Recorded,
    SubmissionFailed,
    Superseded,
    Transmitted,
)
from gateway.core.orders import Command
from gateway.records.context import Context, Row, position_in_stream

OUTCOMES = {
    "denied": "risk said no: `code` and `reason` say why, with the numbers",
    "queued": "approved, and waiting: `reason` says for what; exposure counts",
    "superseded": "gave way to a stronger or a later request of the same order, named in `reason`",
    "closed_unsent": "approved, waited, and must not be sent any more: `reason` says why",
    "dispatched": "decided and durable; on the wire once `sent_ns` is there",
    "failed": "dispatched, and proven never to have reached the wire",
}
"""`v_decisions.outcome`."""

CODES = {
    "superseded": "outcome `superseded`",
    "closed_unsent": "outcome `closed_unsent`",
    "submission_failed": "outcome `failed`: the gate was closed, the session gone, or the send log empty after a crash",
}
"""`v_decisions.code` where nothing was denied."""

Handler = Callable[[Recorded, Any, Context], Row | None]


def decision_row(recorded: Recorded, context: Context) -> Row | None:
    """The row of the decision that this event makes or moves on; None when it concerns none."""
    handler = _HANDLERS.get(type(recorded.event))
    if handler is None:
        return None
    row = handler(recorded, recorded.event, context)
    return None if row is None else row | {"updated_seq": recorded.seq}


def _begun(recorded: Recorded, context: Context, subject: Command | Denied) -> Row:
    """Columns the first outcome settles."""
    return position_in_stream(recorded, context) | {
        "strategy": subject.strategy,
        "order_id": subject.order_id,
        "account": subject.account,
        "venue": subject.venue,
        "symbol": subject.symbol,
        "side": subject.side,
        "code": None,
        "reason": None,
        "quantity": subject.quantity,
        "price": subject.price,
        "session": None,
        "msg_seq_num": None,
        "trigger_seq": recorded.cause,
        "decided_ns": recorded.at_ns,
        "dispatched_ns": None,
        "sent_ns": None,
        "trading_state": context.trading_state(
            venue=subject.venue, strategy=subject.strategy, account=subject.account, symbol=subject.symbol
        ),
    }


def _of_command(recorded: Recorded, context: Context, command: Command) -> Row:
    return _begun(recorded, context, command) | {"intent": command.kind, "cl_ord_id": command.cl_ord_id}


def _denied(recorded: Recorded, event: Denied, context: Context) -> Row:
    return _begun(recorded, context, event) | {
        "intent": event.intent.upper(),
        "cl_ord_id": None,
        "outcome": "denied",
        "code": event.code,
        "reason": event.reason,
    }


def _queued(recorded: Recorded, event: Queued, context: Context) -> Row:
    row = _of_command(recorded, context, event.command) | {"outcome": "queued", "reason": event.why}
    context.decisions[event.command.cl_ord_id] = row
    return row


def _dispatched(recorded: Recorded, event: Dispatched, context: Context) -> Row:
    row = context.decisions.get(event.command.cl_ord_id)
    if row is None or row["event_seq"] != event.decided_seq:
        row = _of_command(recorded, context, event.command)
    row = row | {"outcome": "dispatched", "dispatched_ns": recorded.at_ns}
    context.decisions[event.command.cl_ord_id] = row
    return row


def _closed(recorded: Recorded, event: Superseded | ClosedUnsent, context: Context) -> Row:
    row = context.decisions.pop(event.command.cl_ord_id, None)
    if row is None:
        row = _of_command(recorded, context, event.command)
    if isinstance(event, Superseded):
        return row | {"outcome": "superseded", "code": "superseded", "reason": event.by}
    return row | {"outcome": "closed_unsent", "code": "closed_unsent", "reason": event.reason}


def _transmitted(recorded: Recorded, event: Transmitted, context: Context) -> Row | None:
    row = context.decisions.pop(event.cl_ord_id, None)
    if row is None:
        return None
    return row | {"session": event.session, "msg_seq_num": event.msg_seq_num, "sent_ns": event.sent_ns}


def _failed(recorded: Recorded, event: SubmissionFailed, context: Context) -> Row | None:
    row = context.decisions.pop(event.cl_ord_id, None)
    if row is None:
        return None
    return row | {"outcome": "failed", "code": "submission_failed", "reason": event.reason}


_HANDLERS: dict[type[Event], Handler] = {
    Denied: _denied,
    Queued: _queued,
    Dispatched: _dispatched,
    Superseded: _closed,
    ClosedUnsent: _closed,
    Transmitted: _transmitted,
    SubmissionFailed: _failed,
}
