"""Answers to status requests.

Exists apart from order entry because these answers change nothing: ExecType(150)=I restates an order, and must never be
counted as an execution.
"""

from __future__ import annotations

from collections.abc import Callable

from gateway.sim.book import ZERO
from gateway.sim.messages import (
    NONE,
    Answer,
    BusinessReject,
    ExecType,
    MassStatusRequest,
    OrdRejReason,
    OrdStatus,
    Report,
    StatusRequest,
)
from gateway.sim.orders import Order

ALL_ORDERS = "7"
ONE_SYMBOL = "1"
UNDISCLOSED = "7"
"""Side(54) where a report names no order: the tag is required, and claiming to buy or sell would be wrong."""


def answer(session: str, order: Order | None, request: StatusRequest, exec_id: str, now_ns: int) -> Report:
    """One order, or OrdStatus(39)=8 with OrdRejReason(103)=5 when nobody knows it."""
    if order is not None:
        return order.report(exec_id, ExecType.ORDER_STATUS, now_ns, ord_status_req_id=request.ord_status_req_id)
    return Report(
        session=session,
        order_id=NONE,
        exec_id=exec_id,
        exec_type=ExecType.ORDER_STATUS,
        ord_status=OrdStatus.REJECTED,
        symbol=request.symbol,
        side=request.side,
        transact_ns=now_ns,
        cl_ord_id=request.cl_ord_id,
        last_qty=ZERO,
        last_px=ZERO,
        cum_qty=ZERO,
        leaves_qty=ZERO,
        avg_px=ZERO,
        text="unknown order",
        ord_rej_reason=OrdRejReason.UNKNOWN_ORDER,
        ord_status_req_id=request.ord_status_req_id,
    )


def mass_answer(
    session: str, open_orders: list[Order], request: MassStatusRequest, next_id: Callable[[str], str], now_ns: int
) -> list[Answer]:
    """One report per open order, numbered by TotNumReports(911), the last marked by LastRptRequested(912)."""
    if request.req_type not in (ALL_ORDERS, ONE_SYMBOL):
        return [_unsupported(session, request)]
    if request.req_type == ONE_SYMBOL:
        open_orders = [order for order in open_orders if order.terms.symbol == request.symbol]
    if not open_orders:
        return [_no_orders(session, request, next_id("S"), now_ns)]
    return [
        order.report(
            next_id("S"),
            ExecType.ORDER_STATUS,
            now_ns,
            mass_status=(request.req_id, len(open_orders), number == len(open_orders)),
        )
        for number, order in enumerate(open_orders, start=1)
    ]


def _no_orders(session: str, request: MassStatusRequest, exec_id: str, now_ns: int) -> Report:
    return Report(
        session=session,
        order_id=NONE,
        exec_id=exec_id,
        exec_type=ExecType.ORDER_STATUS,
        ord_status=OrdStatus.REJECTED,
        symbol=request.symbol or "[N/A]",
        side=UNDISCLOSED,
        transact_ns=now_ns,
        last_qty=ZERO,
        last_px=ZERO,
        cum_qty=ZERO,
        leaves_qty=ZERO,
        avg_px=ZERO,
        text="no orders",
        ord_rej_reason=OrdRejReason.UNKNOWN_ORDER,
        mass_status_req_id=request.req_id,
        tot_num_reports=0,
        last_rpt_requested=True,
    )


def _unsupported(session: str, request: MassStatusRequest) -> BusinessReject:
    return BusinessReject(
        session=session,
        ref_msg_type="AF",
        ref_seq_num=None,
        ref_id=request.req_id,
        reason="0",
        text=f"MassStatusReqType {request.req_type} is not supported; ask for 7 or 1",
    )
