"""What this venue does not accept, and how it says so.

Exists so that the reasons stand side by side. Pure: it looks at one request and one order, and changes neither.
"""

from __future__ import annotations

from collections.abc import Container
from decimal import Decimal

from gateway.sim.book import ZERO
from gateway.sim.messages import (
    NONE,
    CancelReject,
    CancelRequest,
    CxlRejReason,
    NewOrder,
    OrdRejReason,
    OrdStatus,
    OrdType,
    ReplaceRequest,
)
from gateway.sim.orders import LIFETIMES, SIDES, Order

Refusal = tuple[str, str]
"""OrdRejReason(103) or CxlRejReason(102), and Text(58)."""

LARGEST = Decimal(10) ** 15
"""Of a price or a quantity; far below where decimal arithmetic would begin to round."""


def order_refusal(request: NewOrder, symbols: Container[str]) -> Refusal | None:
    """Why an order cannot be taken, None if it can."""
    if request.symbol not in symbols:
        return OrdRejReason.UNKNOWN_SYMBOL, f"unknown symbol {request.symbol}"
    if not ZERO < request.quantity <= LARGEST:
        return OrdRejReason.INCORRECT_QUANTITY, f"OrderQty must be positive and at most {LARGEST}"
    if request.side not in SIDES:
        return OrdRejReason.UNSUPPORTED, f"Side {request.side} is not supported"
    if request.time_in_force not in LIFETIMES:
        return OrdRejReason.UNSUPPORTED, f"TimeInForce {request.time_in_force} is not supported"
    return _price_problem(request.ord_type, request.price, request.stop_px)


def replace_refusal(order: Order, request: ReplaceRequest) -> Refusal | None:
    """Why an open order cannot get these terms, None if it can."""
    if not order.cum_qty < request.quantity <= LARGEST:
        return CxlRejReason.OTHER, f"OrderQty must be above CumQty and at most {LARGEST}"
    price = request.price if request.price is not None else order.price
    stop_px = request.stop_px if request.stop_px is not None else order.stop_px
    problem = _price_problem(order.terms.ord_type, price, stop_px)
    return (CxlRejReason.OTHER, problem[1]) if problem else None


def cancel_reject(
    session: str, request: CancelRequest | ReplaceRequest, order: Order | None, refusal: Refusal, now_ns: int
) -> CancelReject:
    """OrderCancelReject(9); OrdStatus(39) tells how the order really stands."""
    return CancelReject(
        session=session,
        order_id=order.order_id if order else NONE,
        cl_ord_id=request.cl_ord_id,
        orig_cl_ord_id=request.orig_cl_ord_id,
        ord_status=order.status if order else OrdStatus.REJECTED,
        reason=refusal[0],
        response_to="1" if isinstance(request, CancelRequest) else "2",
        text=refusal[1],
        transact_ns=now_ns,
    )


def _price_problem(ord_type: str, price: Decimal | None, stop_px: Decimal | None) -> Refusal | None:
    if ord_type not in (OrdType.MARKET, OrdType.LIMIT, OrdType.STOP, OrdType.STOP_LIMIT):
        return OrdRejReason.UNSUPPORTED, f"OrdType {ord_type} is not supported"
    if ord_type in (OrdType.LIMIT, OrdType.STOP_LIMIT) and not _usable(price):
        return OrdRejReason.OTHER, f"a positive Price of at most {LARGEST} is required"
    if ord_type in (OrdType.STOP, OrdType.STOP_LIMIT) and not _usable(stop_px):
        return OrdRejReason.OTHER, f"a positive StopPx of at most {LARGEST} is required"
    return None


def _usable(price: Decimal | None) -> bool:
    return price is not None and ZERO < price <= LARGEST
