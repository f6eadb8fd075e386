"""What venues say about orders. Finds the order, moves it along the lifecycle table, and notes what does not fit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from gateway.core.apply import amendments, fills, replaces, requests
from gateway.core.apply.anomalies import misfit
from gateway.core.changes import Change, OrderChanged
from gateway.core.events import (
    Accepted,
    Cancelled,
    CancelRejected,
    DoneForDay,
    EmergencyCancelSent,
    Event,
    ExecutionEvent,
    Expired,
    FillBusted,
    FillCorrected,
    Filled,
    PendingCancel,
    PendingNew,
    PendingReplace,
    Recorded,
    Rejected,
    Replaced,
    ReplaceRejected,
    Restated,
    StatusReported,
    SubmissionFailed,
    Suspended,
    Transmitted,
)
from gateway.core.lifecycle import NO_EDGE, TABLE, transition
from gateway.core.orders import Order
from gateway.core.state import State
from gateway.core.values import ZERO, Doubt, OrderState, OrderType, TimeInForce

DUPLICATE_ORDER = "6"
"""OrdRejReason(103)."""
CALCULATED = "B"
"""ExecType(150): completed for the day, commission and settlement have been worked out."""
CORPORATE_ACTION = "0"
"""ExecRestatementReason(378): GT corporate action, as a stock split (FIX 4.4 vol. 4, appendix D, H.1.b)."""
WORKING = frozenset("01")
"""OrdStatus(39) of an order that can trade now."""


def find_order(state: State, event: ExecutionEvent) -> Order | None:
    """The order an execution event speaks of: by ClOrdID(11), then OrigClOrdID(41), then OrderID(37)."""
    execution = state.execution
    for cl_ord_id in (event.cl_ord_id, event.orig_cl_ord_id):
        if cl_ord_id:
            name = (event.venue, cl_ord_id)
            order_id = execution.cl_ord_ids.here(name) or execution.cl_ord_ids.get(name)
            if order_id is not None:
                return execution.orders.here(order_id) or execution.taken_out(order_id)
    if event.venue_order_id and event.venue_order_id not in fills.PLACEHOLDER_IDS:
        order_id = execution.venue_order_ids.get((event.venue, event.venue_order_id))
        if order_id is not None:
            return execution.taken_out(order_id)
    return None


def _reported(state: State, recorded: Recorded, event: ExecutionEvent) -> list[Change]:
    """Every event that a venue sends about an order comes through here."""
    changes: list[Change] = []
    if event.deviations:
        changes += [misfit("deviation", event, None, text) for text in event.deviations]
    order = find_order(state, event)
    if order is None:
        order = _external(state, recorded, event)
        if order is None:
            return [*changes, misfit("unknown_order", event, None, f"{event.kind()} for ClOrdID(11)={event.cl_ord_id}")]
        changes += [OrderChanged(before=None, after=order), misfit("external_order", event, order, event.kind())]
    if event.side is not None and event.side is not order.side:
        changes.append(misfit("contradiction", event, order, f"Side(54) is {event.side}, the order's is {order.side}"))
    if event.symbol is not None and event.symbol != order.symbol:
        changes.append(misfit("contradiction", event, order, f"Symbol(55) is {event.symbol}, the order's is {order.symbol}"))
    proven = replaces.proven_by_fill(state, recorded, event, order)
    if type(event) is Rejected and requests.names_request(state, event, order):
        changes += requests.refused(state, recorded, event, order)
    else:
        changes += _SPECIAL.get(type(event), _moved)(state, recorded, event, proven)
    if state.execution.orders[order.order_id] is proven is not order:  # a trade known before, under the new name
        changes.append(OrderChanged(before=order, after=proven))
    _stop_asking(state, order)
    now = state.execution.orders[order.order_id]
    if event.cum_qty is not None and event.cum_qty > now.cum_qty and not replaces.plausible(event, now):
        changes.append(misfit("implausible_cum_qty", event, now, f"CumQty(14) is {event.cum_qty} of {now.quantity} ordered"))
    return changes


def _stop_asking(state: State, before: Order) -> None:
    """A report that ended a doubt has answered the question about it; a reconciliation still wants its own answer."""
    now = state.execution.orders[before.order_id]
    if now.in_doubt is not None or (before.in_doubt is None and not now.state.terminal):
        return
    reconciling = now.venue in state.control.reconciliations and (now.venue, now.order_id) in state.control.unconfirmed
    if not reconciling:
        state.execution.drop_asked(now.order_id)
        state.control.confirm(now.venue, now.order_id)


def _moved(state: State, recorded: Recorded, event: ExecutionEvent, order: Order, what: str | None = None) -> list[Change]:
    """The common case: the table says where the state goes; answers end the wait for them."""
    what = what or event.kind()
    if isinstance(event, Accepted) and order.presumed:
        what = "accepted_presumed"
    elif isinstance(event, Rejected) and event.ord_rej_reason == DUPLICATE_ORDER:
        what = "copy_rejected"
    elif isinstance(event, Suspended) and event.exec_type == CALCULATED:
        what = "calculated"
    new_state, anomaly = transition(what, order.state, quantity=order.most_quantity, cum_qty=order.cum_qty)
    if anomaly == NO_EDGE:
        return _refused_edge(event, order)
    after = replace(
        order,
        state=new_state,
        venue_status=event.ord_status or order.venue_status,
        venue_order_id=fills.venue_order_id(event, order),
        updated_ns=recorded.at_ns,
        terminal_ns=(order.terminal_ns or recorded.at_ns) if new_state.terminal else None,
        reason=_reason(event, order) if new_state.terminal else order.reason,
        presumed=order.presumed and new_state.terminal and not isinstance(event, Rejected),
    )
    if new_state.terminal:
        after = replace(fills.release_requests(state, after, keep_cancel=False), in_doubt=None)
    elif isinstance(event, Accepted) and after.new_in_flight is not None and after.replacing is None:
        after = replace(fills.release_requests(state, after, keep_cancel=True), in_doubt=_doubt_of_cancel(after))
    state.execution.put_order(after)
    changes: list[Change] = [OrderChanged(before=order, after=after, anomaly=anomaly)]
    if anomaly is not None:
        changes.append(misfit(anomaly, event, order, f"{what} in state {order.state}"))
    return changes


def _refused_edge(event: ExecutionEvent, order: Order) -> list[Change]:
    """Recorded, counted, visible; the order is what it was."""
    detail = f"{event.kind()} in state {order.state}"
    return [OrderChanged(before=order, after=order, anomaly=NO_EDGE), misfit(NO_EDGE, event, order, detail)]


def _doubt_of_cancel(order: Order) -> str | None:
    """An acknowledgement ends the doubt about the NEW; an unanswered cancel keeps its own."""
    return order.in_doubt if order.cancel_in_flight is not None else None


def _reason(event: ExecutionEvent, order: Order) -> str | None:
    said = event.reason if isinstance(event, Rejected) else None
    return said or event.text or order.reason


def _filled(state: State, recorded: Recorded, event: Filled, order: Order) -> list[Change]:
    if fills.is_guarantee(state, event, order):
        return _moved(state, recorded, event, order, "suspended")
    return fills.fill(state, recorded, event, order)


def _replaced(state: State, recorded: Recorded, event: Replaced, order: Order) -> list[Change]:
    """The request's ClOrdID becomes the order's name, its terms the order's terms."""
    if replaces.is_stale(state, event, order):
        return _come_again(event, order)
    if order.state not in TABLE[event.kind()]:
        return _refused_edge(event, order)
    named = replaces.renamed(state, event, order)
    if named.new_in_flight is None and named.cancel_in_flight is None and named.in_doubt is Doubt.ACK_TIMEOUT:
        named = replace(named, in_doubt=None)
    changes = _moved(state, recorded, event, named)
    return [replace(c, before=order) if isinstance(c, OrderChanged) else c for c in changes]


def _restated(state: State, recorded: Recorded, event: Restated, order: Order) -> list[Change]:
    """The venue changed the order by itself: what it says of quantity and prices holds."""
    if replaces.is_stale(state, event, order):
        return _come_again(event, order)
    if order.state.terminal:
        return _moved(state, recorded, event, order)
    known = replaces.restated(state, event, order)
    if known.in_doubt is Doubt.DAY_ROLLED and event.ord_status in WORKING and not event.poss_dup:
        known = replace(known, in_doubt=None)  # renewed for the new day (FIX 4.4 vol. 4, appendix D, H.1.a)
    split: list[Change] = []
    if event.restatement_reason == CORPORATE_ACTION:
        known = fills.split(state, event, known)
        detail = f"{order.quantity} / {order.cum_qty} became {known.quantity} / {known.cum_qty} (OrderQty / CumQty)"
        split = [misfit("corporate_action", event, order, detail)]
    changes = _moved(state, recorded, event, known)
    return [*(replace(c, before=order) if isinstance(c, OrderChanged) else c for c in changes), *split]


def _come_again(event: ExecutionEvent, order: Order) -> list[Change]:
    """An old report moves nothing back. Only a resend (PossDupFlag(43)) is nothing to look at."""
    if event.poss_dup:
        return []
    return [misfit("stale_report", event, order, f"{event.kind()} of {event.cl_ord_id}, which {order.cl_ord_id} came after")]


def _status(state: State, recorded: Recorded, event: StatusReported, order: Order) -> list[Change]:
    """A status answer informs; what it implies is decided by the core and comes as `Resolved` or `FillInferred`."""
    if event.poss_dup:
        return [OrderChanged(before=order, after=order)]  # what was true when it was said need not be true now
    if not event.believed:
        return [OrderChanged(before=order, after=order)]
    state.execution.drop_asked(order.order_id)
    if order.state.terminal and order.in_doubt is None:
        state.control.confirm(order.venue, order.order_id)  # venues forget orders that have ended
    status = order.venue_status if event.unknown else event.ord_status or order.venue_status
    after = replace(order, venue_status=status, venue_order_id=fills.venue_order_id(event, order), updated_ns=recorded.at_ns)
    state.execution.put_order(after)
    changes: list[Change] = [OrderChanged(before=order, after=after)]
    if not event.unknown:
        changes += amendments.disproved(state, recorded, event, after)
    cum_qty = state.execution.orders[order.order_id].cum_qty
    if event.cum_qty is not None and event.cum_qty < cum_qty and not event.unknown:
        detail = f"CumQty(14) is {event.cum_qty} at the venue, {cum_qty} here"
        changes.append(misfit("cum_qty_behind", event, order, detail))
    return changes


def _external(state: State, recorded: Recorded, event: ExecutionEvent) -> Order | None:
    """An order we did not send, but which the venue says is ours: visible, counted, cancellable."""
    unknown = isinstance(event, StatusReported) and event.unknown
    if event.side is None or event.symbol is None or unknown or isinstance(event, (CancelRejected, ReplaceRejected)):
        return None
    quantity = event.order_qty
    if quantity is None:
        quantity = (event.cum_qty or ZERO) + (event.leaves_qty or ZERO)
    run = state.control.run
    state.control.run = replace(run, externals=run.externals + 1)
    order = Order(
        order_id=f"X{run.run_id}-{run.externals + 1}",
        strategy="external",
        account=event.account or "",
        venue=event.venue,
        symbol=event.symbol,
        side=event.side,
        order_type=OrderType.MARKET if event.price is None else OrderType.LIMIT,
        time_in_force=TimeInForce.DAY,
        quantity=quantity,
        price=event.price,
        stop_price=None,
        state=OrderState.SUBMITTED,
        cl_ord_id=event.cl_ord_id or event.venue_order_id or "",
        venue_order_id=_venue_order_id_of(event),
        external=True,
        trading_date=run.trading_date,
        created_ns=recorded.at_ns,
        updated_ns=recorded.at_ns,
    )
    state.execution.put_order(order)
    if event.cl_ord_id and event.cl_ord_id not in fills.PLACEHOLDER_IDS:
        state.execution.cl_ord_ids[event.venue, event.cl_ord_id] = order.order_id
    return order


def _venue_order_id_of(event: ExecutionEvent) -> str | None:
    return event.venue_order_id if event.venue_order_id not in fills.PLACEHOLDER_IDS else None


_SPECIAL: dict[type[Event], Callable[[State, Recorded, Any, Order], list[Change]]] = {
    Filled: _filled,
    FillCorrected: amendments.correct,
    FillBusted: amendments.bust,
    Replaced: _replaced,
    Restated: _restated,
    CancelRejected: requests.refused,
    ReplaceRejected: requests.refused,
    StatusReported: _status,
}

HANDLERS: dict[type[Event], Callable[[State, Recorded, Any], list[Change]]] = {
    **dict.fromkeys(
        (
            Accepted, Rejected, Filled, Cancelled, Replaced, Expired, DoneForDay, PendingCancel, PendingReplace, PendingNew,
            Suspended, Restated, FillCorrected, FillBusted, StatusReported, CancelRejected, ReplaceRejected,
        ),
        _reported,
    ),
    Transmitted: requests.transmitted,
    SubmissionFailed: requests.submission_failed,
    EmergencyCancelSent: requests.emergency_cancel_sent,
}  # fmt: skip
