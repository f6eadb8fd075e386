"""What clients ask and what the venue answers, as plain values.

Exists so that order entry can be written and tested without an engine; it must not import quickfix. Field names are those of
FIX 4.4, prices and quantities are `Decimal`, `*_ns` are UTC nanoseconds, and None means that the tag is absent.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

NONE = "NONE"
"""OrderID(37) of an answer about an order that the venue does not know."""


class ExecType:
    """ExecType(150), FIX 4.4."""

    NEW = "0"
    CANCELED = "4"
    REPLACED = "5"
    REJECTED = "8"
    EXPIRED = "C"
    TRADE = "F"
    TRADE_CORRECT = "G"
    TRADE_CANCEL = "H"
    ORDER_STATUS = "I"


class OrdStatus:
    """OrdStatus(39), FIX 4.4."""

    NEW = "0"
    PARTIALLY_FILLED = "1"
    FILLED = "2"
    CANCELED = "4"
    REJECTED = "8"
    EXPIRED = "C"


class OrdType:
    """OrdType(40): the four this venue takes."""

    MARKET = "1"
    LIMIT = "2"
    STOP = "3"
    STOP_LIMIT = "4"


class TimeInForce:
    """TimeInForce(59): the four this venue takes."""

    DAY = "0"
    GTC = "1"
    IOC = "3"
    FOK = "4"


class OrdRejReason:
    """OrdRejReason(103)."""

    BROKER = "0"
    UNKNOWN_SYMBOL = "1"
    UNKNOWN_ORDER = "5"
    DUPLICATE = "6"
    UNSUPPORTED = "11"
    INCORRECT_QUANTITY = "13"
    OTHER = "99"


class CxlRejReason:
    """CxlRejReason(102)."""

    TOO_LATE = "0"
    UNKNOWN_ORDER = "1"
    BROKER = "2"
    DUPLICATE = "6"
    OTHER = "99"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewOrder:
    """NewOrderSingle(D)."""

    cl_ord_id: str
    symbol: str
    side: str
    ord_type: str
    quantity: Decimal
    price: Decimal | None = None
    stop_px: Decimal | None = None
    time_in_force: str = TimeInForce.DAY
    account: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelRequest:
    """OrderCancelRequest(F)."""

    cl_ord_id: str
    orig_cl_ord_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplaceRequest:
    """OrderCancelReplaceRequest(G). `quantity` is the new OrderQty(38), filled quantity included."""

    cl_ord_id: str
    orig_cl_ord_id: str
    quantity: Decimal
    price: Decimal | None = None
    stop_px: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusRequest:
    """OrderStatusRequest(H)."""

    cl_ord_id: str
    symbol: str
    side: str
    ord_status_req_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MassStatusRequest:
    """OrderMassStatusRequest(AF): MassStatusReqType(585)=7 all orders, 1 one symbol."""

    req_id: str
    req_type: str
    symbol: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionsRequest:
    """RequestForPositions(AN) for one account."""

    req_id: str
    account: str


OrderRequest = NewOrder | CancelRequest | ReplaceRequest | StatusRequest | MassStatusRequest | PositionsRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """ExecutionReport(8) to one session."""

    session: str
    order_id: str
    exec_id: str
    exec_type: str
    ord_status: str
    symbol: str
    side: str
    transact_ns: int
    cl_ord_id: str | None = None
    orig_cl_ord_id: str | None = None
    account: str | None = None
    ord_type: str | None = None
    time_in_force: str | None = None
    order_qty: Decimal | None = None
    price: Decimal | None = None
    stop_px: Decimal | None = None
    last_qty: Decimal | None = None
    last_px: Decimal | None = None
    cum_qty: Decimal
    leaves_qty: Decimal
    avg_px: Decimal
    text: str | None = None
    ord_rej_reason: str | None = None
    exec_ref_id: str | None = None
    ord_status_req_id: str | None = None
    mass_status_req_id: str | None = None
    tot_num_reports: int | None = None
    last_rpt_requested: bool | None = None

    def told(self) -> str:
        """One line for the venue's log, with FIX's own numbers where there is no word."""
        trade = "" if self.last_qty is None else f", {self.last_qty:f} at {self.last_px}"
        chain = "" if self.orig_cl_ord_id is None else f" (was {self.orig_cl_ord_id})"
        return (
            f"{self.session}: ExecType(150)={self.exec_type} OrdStatus(39)={self.ord_status} order {self.order_id}"
            f" ClOrdID {self.cl_ord_id}{chain}: side {self.side}, {self.order_qty} {self.symbol} at {self.price}"
            f"{trade}, CumQty {self.cum_qty:f}, LeavesQty {self.leaves_qty:f}{f', {self.text}' if self.text else ''}"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelReject:
    """OrderCancelReject(9). `response_to` is CxlRejResponseTo(434): 1 for a cancel, 2 for a replace."""

    session: str
    order_id: str
    cl_ord_id: str
    orig_cl_ord_id: str
    ord_status: str
    reason: str
    response_to: str
    text: str
    transact_ns: int

    def told(self) -> str:
        """One line for the venue's log."""
        return (
            f"{self.session}: refused {self.cl_ord_id} (of {self.orig_cl_ord_id}), order {self.order_id}"
            f" OrdStatus(39)={self.ord_status}: {self.text}"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class BusinessReject:
    """BusinessMessageReject(j)."""

    session: str
    ref_msg_type: str
    ref_seq_num: str | None
    ref_id: str | None
    reason: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionReport:
    """PositionReport(AP), or RequestForPositionsAck(AO) with no symbol where the account is flat everywhere."""

    session: str
    req_id: str
    report_id: str
    account: str
    date: str
    total: int
    symbol: str | None = None
    net_qty: Decimal = Decimal(0)


Answer = Report | CancelReject | BusinessReject | PositionReport
