"""Execution events: what venues said about orders, and what became of our own sends."""

from __future__ import annotations

from decimal import Decimal

from gateway.core.events.base import Event
from gateway.core.values import Side


class ExecutionEvent(Event, frozen=True, kw_only=True):
    """What a venue said about an order, whatever message carried it. Found by ClOrdID(11), then by OrderID(37)."""

    venue: str
    session: str = ""
    msg_seq_num: int | None = None
    poss_dup: bool = False
    """PossDupFlag(43) or PossResend(97)."""
    venue_time_ns: int | None = None
    received_ns: int | None = None
    cl_ord_id: str | None = None
    orig_cl_ord_id: str | None = None
    venue_order_id: str | None = None
    exec_id: str | None = None
    exec_type: str | None = None
    ord_status: str | None = None
    symbol: str | None = None
    side: Side | None = None
    order_qty: Decimal | None = None
    price: Decimal | None = None
    stop_price: Decimal | None = None
    cum_qty: Decimal | None = None
    leaves_qty: Decimal | None = None
    avg_px: Decimal | None = None
    account: str | None = None
    text: str | None = None
    deviations: tuple[str, ...] = ()
    """How the message departs from the strict dictionary; what was certain in it is applied all the same."""
    raw: str | None = None
    """The message itself, kept when it deviates."""


class Accepted(ExecutionEvent, frozen=True, kw_only=True):
    """ExecType(150)=0."""


class Rejected(ExecutionEvent, frozen=True, kw_only=True):
    """ExecType(150)=8, or a Reject(3) / BusinessMessageReject(j) naming the request by RefSeqNum(45)."""

    reason: str = ""
    ord_rej_reason: str | None = None
    """OrdRejReason(103), verbatim; None as well in journals before this field."""


class Filled(ExecutionEvent, frozen=True, kw_only=True):
    """ExecType(150)=F, or 1 / 2 before FIX 4.3: partial and full are one event."""

    last_qty: Decimal
    last_px: Decimal
    trade_date: str = ""
    """TradeDate(75), else the UTC date of TransactTime(60): YYYYMMDD."""
    epoch: int | None = None
    """Of the session; said when there is no ExecID(17), for MsgSeqNum(34) names a message only within its epoch."""


class Cancelled(ExecutionEvent, frozen=True, kw_only=True):
    """ExecType(150)=4, asked for or not."""


class Replaced(ExecutionEvent, frozen=True, kw_only=True):
    """ExecType(150)=5, asked for or not."""


class Expired(ExecutionEvent, frozen=True, kw_only=True):
    """ExecType(150)=C."""


class DoneForDay(ExecutionEvent, frozen=True, kw_only=True):
    """ExecType(150)=3: no more executions today; the order may live on tomorrow."""


class PendingCancel(ExecutionEvent, frozen=True, kw_only=True):
    """ExecType(150)=6: not an answer."""


class PendingReplace(ExecutionEvent, frozen=True, kw_only=True):
    """ExecType(150)=E: not an answer."""


class PendingNew(ExecutionEvent, frozen=True, kw_only=True):
    """ExecType(150)=A: received, not yet accepted; not an answer."""


class Suspended(ExecutionEvent, frozen=True, kw_only=True):
    """ExecType(150)=9, 7 (stopped) or B (calculated): the state stays."""


class Restated(ExecutionEvent, frozen=True, kw_only=True):
    """ExecType(150)=D: the venue changed the order by itself."""

    restatement_reason: str | None = None
    """ExecRestatementReason(378), verbatim: after a corporate action CumQty(14) is another without an execution."""


class FillCorrected(ExecutionEvent, frozen=True, kw_only=True):
    """ExecType(150)=G: the execution ExecRefID(19) now reads LastQty / LastPx."""

    exec_ref_id: str
    last_qty: Decimal
    last_px: Decimal
    trade_date: str = ""


class FillBusted(ExecutionEvent, frozen=True, kw_only=True):
    """ExecType(150)=H: the execution ExecRefID(19) never counted."""

    exec_ref_id: str
    trade_date: str = ""


class StatusReported(ExecutionEvent, frozen=True, kw_only=True):
    """ExecType(150)=I: the answer to an OrderStatusRequest(H). `unknown`: the venue does not know the order."""

    unknown: bool = False
    believed: bool = True
    """Not so for a report of something else that contradicts itself or lacks what it takes, unless it repeats the
    OrdStatusReqID(790) of a question: it makes us ask, and answers nothing."""


class CancelRejected(ExecutionEvent, frozen=True, kw_only=True):
    """OrderCancelReject(9) with CxlRejResponseTo(434)=1. OrdStatus(39) in it never closes an order; it makes us ask."""

    cxl_rej_reason: str | None = None


class ReplaceRejected(ExecutionEvent, frozen=True, kw_only=True):
    """OrderCancelReject(9) with CxlRejResponseTo(434)=2."""

    cxl_rej_reason: str | None = None


class SubmissionFailed(Event, frozen=True, kw_only=True):
    """A dispatch that provably never reached the wire: the gate was closed, the session gone, the send log empty."""

    order_id: str
    cl_ord_id: str
    reason: str


class Transmitted(Event, frozen=True, kw_only=True):
    """A dispatch was handed to the socket under this MsgSeqNum(34)."""

    venue: str
    session: str
    epoch: int
    msg_seq_num: int
    order_id: str
    cl_ord_id: str
    sent_ns: int | None = None
    recovered: bool = False
    """Learnt from the send log after a crash: on the wire as far as this machine knows, the answer is not."""


class EmergencyCancelSent(Event, frozen=True, kw_only=True):
    """The kill switch was engaged while core or journal was stuck, and the adapter sent this cancel by itself.

    It became an event when the core turned again, or at the next start. `sent_ns` is when it went to the wire.
    """

    venue: str
    session: str
    epoch: int
    msg_seq_num: int
    order_id: str
    cl_ord_id: str
    orig_cl_ord_id: str
    sent_ns: int
