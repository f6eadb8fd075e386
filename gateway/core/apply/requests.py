"""What becomes of our own requests: sent or not, refused by the venue, or sent past the core in an emergency."""

from __future__ import annotations

from msgspec.structs import replace

from gateway.core.apply import fills
from gateway.core.apply.outcomes import settle_requests
from gateway.core.changes import AnomalyRaised, Change, OrderChanged
from gateway.core.contents import Awaiting
from gateway.core.events import (
    CancelRejected,
    EmergencyCancelSent,
    ExecutionEvent,
    Recorded,
    Rejected,
    ReplaceRejected,
    SubmissionFailed,
    Transmitted,
)
from gateway.core.lifecycle import NO_EDGE, transition
from gateway.core.orders import Order
from gateway.core.state import State
from gateway.core.values import CommandKind, Doubt


def names_request(state: State, event: Rejected, order: Order) -> bool:
    """A rejection of a cancel or replace ends that request, never the order; one that waits no more ends nothing."""
    name = event.cl_ord_id
    return name is not None and name != order.cl_ord_id and (event.venue, name) in state.execution.cl_ord_ids


def refused(state: State, recorded: Recorded, event: CancelRejected | ReplaceRejected | Rejected, order: Order) -> list[Change]:
    """OrderCancelReject(9): the request is answered, the order is what it was. Its OrdStatus(39) closes nothing."""
    after = replace(order, venue_status=event.ord_status or order.venue_status, updated_ns=recorded.at_ns)
    cancel, replacing = order.cancel_in_flight, order.new_in_flight if order.replacing is not None else None
    if not isinstance(event, ReplaceRejected) and cancel is not None and _answers(state, event, cancel, replacing):
        state.execution.drop_awaiting(cancel)
        after = replace(after, cancel_in_flight=None)
    elif replacing is not None and (
        event.cl_ord_id == replacing or (isinstance(event, ReplaceRejected) and _answers(state, event, replacing, cancel))
    ):
        after = _not_replaced(state, recorded, after, "replace_rejected")
    if after.new_in_flight is None and after.cancel_in_flight is None and after.in_doubt is Doubt.ACK_TIMEOUT:
        after = replace(after, in_doubt=None)
    state.execution.put_order(after)
    return [OrderChanged(before=order, after=after)]


def _not_replaced(state: State, recorded: Recorded, order: Order, what: str) -> Order:
    """The order without the REPLACE in flight: what was filled meanwhile may have been all of it."""
    new_state, _ = transition(what, order.state, quantity=order.quantity, cum_qty=order.cum_qty)
    if not new_state.terminal or order.state.terminal:
        return replace(fills.release_requests(state, order, keep_cancel=True), state=new_state)
    ended = replace(order, state=new_state, terminal_ns=recorded.at_ns, in_doubt=None)
    return fills.release_requests(state, ended, keep_cancel=False)


def _answers(state: State, event: ExecutionEvent, request: str, other: str | None) -> bool:
    """A refusal answers the request it names, or the only one there can be when it names nothing of ours. An earlier
    request's refusal, come again, answers nothing."""
    named = event.cl_ord_id
    if named == request:
        return True
    return named is None or (named != other and (event.venue, named) not in state.execution.cl_ord_ids)


def transmitted(state: State, recorded: Recorded, event: Transmitted) -> list[Change]:
    """The request has its number: a restart need not look for it in the send log."""
    awaiting = state.execution.awaiting.get(event.cl_ord_id)
    if awaiting is not None:
        state.execution.put_awaiting(event.cl_ord_id, replace(awaiting, epoch=event.epoch, msg_seq_num=event.msg_seq_num))
    return []


def submission_failed(state: State, recorded: Recorded, event: SubmissionFailed) -> list[Change]:
    """The request never reached the wire: a NEW ends Rejected, a CANCEL or REPLACE leaves its order as it was."""
    order = state.execution.orders.get(event.order_id)
    if order is None:
        return [AnomalyRaised(anomaly="unknown_order", order_id=event.order_id, detail="submission_failed")]
    new_state, anomaly = transition(event.kind(), order.state, quantity=order.quantity, cum_qty=order.cum_qty)
    known = event.cl_ord_id == order.new_in_flight == order.cl_ord_id and anomaly == NO_EDGE  # the venue has it all the same
    if event.cl_ord_id == order.new_in_flight == order.cl_ord_id and not known:
        reason = f"not_sent: {event.reason}"
        ended = replace(
            order,
            state=new_state,
            reason=reason,
            presumed=True,
            in_doubt=None,
            updated_ns=recorded.at_ns,
            terminal_ns=recorded.at_ns,
        )
        return settle_requests(state, order, ended, anomaly, event.kind())
    after = replace(order, updated_ns=recorded.at_ns)
    if order.cancel_in_flight == event.cl_ord_id:
        after = replace(after, cancel_in_flight=None)
    if order.new_in_flight == event.cl_ord_id:
        after = _not_replaced(state, recorded, after, "replace_not_sent")
    state.execution.drop_awaiting(event.cl_ord_id)
    state.execution.put_order(after)
    changes: list[Change] = [OrderChanged(before=order, after=after, anomaly=NO_EDGE if known else None)]
    if known:
        detail = f"submission_failed in state {order.state}"
        changes.append(AnomalyRaised(anomaly=NO_EDGE, order_id=order.order_id, venue=order.venue, detail=detail))
    return changes


def emergency_cancel_sent(state: State, recorded: Recorded, event: EmergencyCancelSent) -> list[Change]:
    """A cancel the core did not decide is followed like one it did; told twice, it is known already."""
    execution = state.execution
    order = execution.orders.get(event.order_id)
    if order is None:
        return [AnomalyRaised(anomaly="unknown_order", order_id=event.order_id, detail=event.kind())]
    if (event.venue, event.cl_ord_id) in execution.cl_ord_ids:
        return []
    execution.cl_ord_ids[event.venue, event.cl_ord_id] = order.order_id
    after = replace(order, updated_ns=recorded.at_ns)
    if not order.state.terminal and order.cancel_in_flight is None:
        after = replace(after, cancel_in_flight=event.cl_ord_id)
        venue = state.control.settings.venues.get(event.venue)
        execution.put_awaiting(
            event.cl_ord_id,
            Awaiting(
                order_id=order.order_id,
                venue=event.venue,
                kind=CommandKind.CANCEL,
                dispatched_ns=recorded.at_ns,
                run_id=recorded.run_id,
                deadline_ns=recorded.at_ns + (0 if venue is None else venue.ack_timeout_ns),
                epoch=event.epoch,
                msg_seq_num=event.msg_seq_num,
            ),
        )
    execution.put_order(after)
    return [OrderChanged(before=order, after=after)]
