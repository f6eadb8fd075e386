"""What venues said, where it proves more than it says: missing fills, doubts that end, contradictions worth asking about."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from gateway.core import execution_control as control
from gateway.core.apply.execution import find_order
from gateway.core.apply.replaces import plausible
from gateway.core.changes import AnomalyRaised, Change
from gateway.core.events import (
    CancelRejected,
    ControlTime,
    Event,
    ExecutionEvent,
    FillBusted,
    FillCorrected,
    Filled,
    FillInferred,
    InDoubt,
    Rejected,
    ReplaceRejected,
    Resolved,
    StatusReported,
)
from gateway.core.orders import Order
from gateway.core.reactions.contradictions import works_after_all
from gateway.core.reactions.day import DONE, day_is_over
from gateway.core.reactions.intents import enforce_kill_on
from gateway.core.reactions.terms import terms_learned, undecided
from gateway.core.state import State, is_killed
from gateway.core.turn import Turn
from gateway.core.values import ONE, ZERO, Doubt, FillStatus, OrderState

STATUS_ATTEMPTS = 2
FILLED = "2"
"""OrdStatus(39)."""

REPORTED = {
    "0": "reported_accepted", "1": "reported_filled", "2": "reported_filled", "3": "reported_accepted",
    "4": "reported_cancelled", "5": "reported_accepted", "6": "reported_accepted", "7": "reported_accepted",
    "8": "reported_rejected", "9": "reported_accepted", "A": "reported_accepted", "B": "reported_accepted",
    "C": "reported_expired", "D": "reported_accepted", "E": "reported_accepted",
}  # fmt: skip
"""OrdStatus(39) in a status answer -> lifecycle edge (FIX 4.4 vol. 6)."""


ENDED = frozenset({"reported_filled", "reported_cancelled", "reported_rejected", "reported_expired"})
"""Whether a replace took does not matter to an order that is over."""


def _control_time(turn: Turn, event: ControlTime, changes: tuple[Change, ...]) -> None:
    state = turn.state
    for order in control.overdue(state):
        turn.emit(InDoubt(order_id=order.order_id, reason=Doubt.ACK_TIMEOUT))
        control.ask_status(turn, order)
    for order_id in state.execution.questions.due(state.at_ns):
        asked = state.execution.asked[order_id]
        if asked.attempts >= STATUS_ATTEMPTS:
            turn.emit(InDoubt(order_id=order_id, reason=Doubt.STATUS_UNANSWERED))
            enforce_kill_on(turn, order_id)  # whoever is silent may still act
        else:
            control.ask_status(turn, state.execution.orders[order_id], cl_ord_id=asked.cl_ord_id, again=True)


def _status_reported(turn: Turn, event: StatusReported, changes: tuple[Change, ...]) -> None:
    order = find_order(turn.state, event)
    if order is None:
        return
    if event.poss_dup:  # said before the question was asked: only what it proves to be filled counts
        infer_missing_fill(turn, event, order)
        return
    if not event.believed:
        infer_missing_fill(turn, event, order)
        control.ask_status(turn, order)
        return
    if event.unknown:
        if _may_go_by_the_new_name(event, order):
            control.ask_status(turn, order, cl_ord_id=order.new_in_flight)
        elif order.state is OrderState.SUBMITTED and order.cum_qty == ZERO:
            turn.emit(Resolved(order_id=order.order_id, disposition="unknown_at_venue", detail=event.text or ""))
        elif not order.state.terminal and day_is_over(turn.state, order):
            turn.emit(Resolved(order_id=order.order_id, disposition="day_ended", detail=event.text or ""))
        elif order.state.terminal and order.in_doubt is Doubt.SAID_WORKING:  # venues forget orders that have ended
            turn.emit(Resolved(order_id=order.order_id, disposition=_HELD[order.state], detail=event.text or ""))
        elif not order.state.terminal or order.in_doubt is not None:
            turn.emit(InDoubt(order_id=order.order_id, reason=Doubt.UNKNOWN_AT_VENUE))
        return
    if not infer_missing_fill(turn, event, order):
        return
    order = turn.state.execution.orders[order.order_id]
    if works_after_all(turn, event, order):
        return
    disposition = REPORTED.get(event.ord_status or "")
    if event.ord_status in DONE and order.state.terminal:
        disposition = _HELD[order.state]  # outranks how it ended (FIX 4.4 vol. 4, appendix D, precedence of OrdStatus)
    elif event.ord_status in DONE and day_is_over(turn.state, order):
        disposition = "reported_expired"
    learned = terms_learned(event, order)
    if disposition is None or _fills_missing(event, order, learned.get("quantity", order.quantity)):
        turn.emit(InDoubt(order_id=order.order_id, reason=Doubt.STATUS_UNANSWERED))
    elif disposition == "reported_accepted" and event.ord_status == "E" and order.replacing is not None:
        timeout = turn.state.control.settings.venues[order.venue].ack_timeout_ns
        deadline = turn.state.at_ns + timeout
        turn.emit(Resolved(order_id=order.order_id, disposition="reported_pending_replace", deadline_ns=deadline))
    elif disposition not in ENDED and undecided(turn.state, event, order):
        turn.emit(InDoubt(order_id=order.order_id, reason=Doubt.STATUS_UNANSWERED))
    elif learned or order.in_doubt is not None or _unconfirmed(turn, order) or not _agrees(order.state, disposition):
        turn.emit(Resolved(order_id=order.order_id, disposition=disposition, detail=event.text or "", **learned))
    enforce_kill_on(turn, order.order_id)


def _may_go_by_the_new_name(event: StatusReported, order: Order) -> bool:
    """Unknown by the last accepted ClOrdID(11) proves nothing while a REPLACE, which gives it another, is unanswered."""
    return not order.state.terminal and order.replacing is not None and event.cl_ord_id == order.cl_ord_id


def _unconfirmed(turn: Turn, order: Order) -> bool:
    return (order.venue, order.order_id) in turn.state.control.unconfirmed


def _fills_missing(event: StatusReported, order: Order, quantity: Decimal) -> bool:
    """The venue says that more is filled than we know of, and not how much."""
    wanted = {"1": min(quantity, ONE), "2": quantity}.get(event.ord_status or "", ZERO)
    return order.cum_qty < wanted


_AGREES = {
    "reported_accepted": (OrderState.ACCEPTED, OrderState.PARTIALLY_FILLED),
    "reported_filled": (OrderState.PARTIALLY_FILLED, OrderState.FILLED),
    "reported_cancelled": (OrderState.CANCELLED,),
    "reported_rejected": (OrderState.REJECTED,),
    "reported_expired": (OrderState.EXPIRED,),
}


_HELD = {
    OrderState.FILLED: "reported_filled",
    OrderState.CANCELLED: "reported_cancelled",
    OrderState.REJECTED: "reported_rejected",
    OrderState.EXPIRED: "reported_expired",
}
"""The disposition that leaves an order that has ended as it is."""


def _agrees(state: OrderState, disposition: str) -> bool:
    return state in _AGREES[disposition]


def _request_refused(turn: Turn, event: CancelRejected | ReplaceRejected, changes: tuple[Change, ...]) -> None:
    """OrdStatus(39) in a reject never closes an order, but when it contradicts us, we ask."""
    order = find_order(turn.state, event)
    if order is None or order.state.terminal:
        return
    unknown = event.cxl_rej_reason == "1"  # CxlRejReason(102)=1: unknown order
    if unknown or is_killed(turn.state, order) or _contradicts(event.ord_status or "", order):
        control.ask_status(turn, order)


def _contradicts(ord_status: str, order: Order) -> bool:
    """Whether OrdStatus(39) in a refusal says of an open order what is not true of it here."""
    disposition = REPORTED.get(ord_status)
    if disposition is None:
        return False
    return not _agrees(order.state, disposition) or (ord_status == FILLED and order.cum_qty < order.quantity)


def _rejected(turn: Turn, event: Rejected, changes: tuple[Change, ...]) -> None:
    """A reject of an order that has fills cannot be the whole truth, nor one of a request that calls the order rejected."""
    order = find_order(turn.state, event)
    if order is None or order.state.terminal:
        return
    if order.cum_qty or event.ord_status == "8" or is_killed(turn.state, order):
        control.ask_status(turn, order)


def _amended_unseen(turn: Turn, event: FillBusted | FillCorrected, changes: tuple[Change, ...]) -> None:
    """A bust or correction of an execution that was never reported: only the venue knows what is filled now."""
    order = find_order(turn.state, event)
    if order is not None and any(isinstance(change, AnomalyRaised) and change.anomaly == UNKNOWN for change in changes):
        control.ask_status(turn, order)


UNKNOWN = "unknown_execution"


def infer_missing_fill(turn: Turn, event: ExecutionEvent, order: Order) -> bool:
    """CumQty(14) above ours proves a trade whose report we do not have: count it now, replace it when the report comes.

    False when something is missing and has no price, or cannot be true: then the order is in doubt, or the venue is asked.
    """
    if event.cum_qty is None or event.cum_qty <= order.cum_qty or isinstance(event, (FillBusted, FillCorrected)):
        return True
    if _precedes_amendment(turn.state, event, order):
        return True
    if not plausible(event, order):
        if isinstance(event, StatusReported) and event.believed:
            turn.emit(InDoubt(order_id=order.order_id, reason=Doubt.IMPLAUSIBLE_CUM_QTY))
        else:
            control.ask_status(turn, order)
        return False
    missing = event.cum_qty - order.cum_qty
    price = _missing_price(event, order, missing)
    if price is None and isinstance(event, StatusReported) and event.believed:
        turn.emit(InDoubt(order_id=order.order_id, reason=Doubt.STATUS_UNANSWERED))
        return False
    if price is None:
        control.ask_status(turn, order)
        return False
    turn.emit(
        FillInferred(
            order_id=order.order_id,
            venue=order.venue,
            exec_id=f"inferred-{order.order_id}-{turn.state.seq + 1}",
            trade_date=turn.state.control.run.trading_date,
            last_qty=missing,
            last_px=price,
            venue_time_ns=event.venue_time_ns,
        )
    )
    return True


def _missing_price(event: ExecutionEvent, order: Order, missing: Decimal) -> Decimal | None:
    """From AvgPx(6) where it makes sense, else the order's own limit."""
    if event.avg_px is not None and event.cum_qty is not None and event.avg_px > 0:
        price = (event.avg_px * event.cum_qty - order.notional) / missing
        if price > 0:
            return price
    return order.price


def _precedes_amendment(state: State, event: ExecutionEvent, order: Order) -> bool:
    """After a bust or a correction an old report's CumQty proves nothing, nor does that of the amended execution's own."""
    fills = (state.execution.fills[key] for key in state.execution.fills_of(order.order_id))
    amended = [fill.exec_id for fill in fills if fill.status in (FillStatus.BUSTED, FillStatus.CORRECTED)]
    return bool(amended) and (event.poss_dup or (isinstance(event, Filled) and event.exec_id in amended))


RULES: dict[type[Event], Callable[[Turn, Any, tuple[Change, ...]], None]] = {
    ControlTime: _control_time,
    StatusReported: _status_reported,
    CancelRejected: _request_refused,
    ReplaceRejected: _request_refused,
    Rejected: _rejected,
    FillBusted: _amended_unseen,
    FillCorrected: _amended_unseen,
}
