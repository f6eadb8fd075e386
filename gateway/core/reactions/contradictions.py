"""Reports that contradict what we hold of an order: open here and over at the venue, or the other way round.

A report moves an order by what it is (ExecType), never by the OrdStatus(39) it carries; but where that says the opposite of
what we hold, the venue is asked. An order that had ended is opened again on the second word only: venues answer questions on
a path of their own, and the first answer may have been made before the end that we were told of.

    we hold     the venue says                          what follows
    open        over (Filled, Cancelled, ...)           asked
    open        a larger OrderQty(38)                   asked
    ended       working, with open quantity             asked
    ended       the same in a status answer             in doubt (`said_working`), asked again
    ended       the same in the second answer           open again, under the name and terms it has there
"""

from __future__ import annotations

from typing import Any

from gateway.core import execution_control as control
from gateway.core.apply.replaces import said_terms
from gateway.core.changes import Change, OrderChanged
from gateway.core.events import (
    Cancelled,
    CancelRejected,
    ExecutionEvent,
    Expired,
    InDoubt,
    PendingCancel,
    Rejected,
    Replaced,
    ReplaceRejected,
    Resolved,
    StatusReported,
)
from gateway.core.orders import Order, request_number
from gateway.core.reactions.intents import enforce_kill_on
from gateway.core.state import State
from gateway.core.turn import Turn
from gateway.core.values import ZERO, Doubt, OrderState

_OVER = frozenset("248C")
_WORKING = frozenset("015679ADE")
"""OrdStatus(39), FIX 4.4 vol. 6."""
_OWN_RULE = frozenset({StatusReported, CancelRejected, ReplaceRejected, Rejected})


def ask_if_contradicted(turn: Turn, event: ExecutionEvent, changes: tuple[Change, ...], order_id: str) -> None:
    """The rule for every report but those that have one of their own. What comes again (PossDup) contradicts nothing."""
    if event.poss_dup or type(event) in _OWN_RULE:
        return
    order = turn.state.execution.orders[order_id]
    if order.state.terminal:
        settled = turn.state.control.settled(order.venue)  # before, a venue may tell the whole day again
        wrong = settled and (_says_working(event, order) or _ended_by_old_name(turn.state, event, order))
    else:
        wrong = (
            (event.ord_status in _OVER and _says_over(event, order))
            or (type(event) is Replaced and _has_unknown_terms(event, order, changes))
            or _is_larger_there(event, order)
        )
    if wrong:
        control.ask_status(turn, order, cl_ord_id=_own_name(turn.state, event, order))


def works_after_all(turn: Turn, event: StatusReported, order: Order) -> bool:
    """Whether a status answer says that an order works which has ended here; if so, what follows."""
    if order.presumed or not order.state.terminal or not _says_working(event, order):
        return False
    name = _own_name(turn.state, event, order)
    if order.in_doubt is not Doubt.SAID_WORKING:
        turn.emit(InDoubt(order_id=order.order_id, reason=Doubt.SAID_WORKING))
        control.ask_status(turn, order, cl_ord_id=name)
        return True
    terms: dict[str, Any] = {what: value for what, value in said_terms(event, order).items() if value != getattr(order, what)}
    quantity = terms.get("quantity", order.quantity)
    if quantity <= order.cum_qty:
        terms["quantity"] = order.cum_qty + (event.leaves_qty or ZERO)
    turn.emit(
        Resolved(
            order_id=order.order_id,
            disposition="reported_working",
            detail=event.text or "",
            cl_ord_id=name if name != order.cl_ord_id else None,
            **terms,
        )
    )
    enforce_kill_on(turn, order.order_id)
    return True


def _says_over(event: ExecutionEvent, order: Order) -> bool:
    """A fill of all that was ordered does not end an order for which more is asked: its REPLACE is unanswered."""
    return not (event.ord_status == "2" and order.replacing is not None)


def _is_larger_there(event: ExecutionEvent, order: Order) -> bool:
    """OrderQty(38) under the order's present name is more than we hold or asked for: exposure is never understated."""
    named = event.cl_ord_id is None or event.cl_ord_id == order.cl_ord_id
    return named and event.order_qty is not None and event.order_qty > order.most_quantity


def _says_working(event: ExecutionEvent, order: Order) -> bool:
    if event.ord_status not in _WORKING or (event.cum_qty is not None and event.cum_qty < order.cum_qty):
        return False  # or it was made before the last execution
    if event.leaves_qty is not None:
        return event.leaves_qty > ZERO
    return order.state is not OrderState.FILLED or (event.order_qty or ZERO) > order.cum_qty


def _ended_by_old_name(state: State, event: ExecutionEvent, order: Order) -> bool:
    """Some venues cancel the old order when they replace it, and say so after the replace."""
    name = event.cl_ord_id
    if not isinstance(event, (Cancelled, Expired)) or name is None or order.external or name == order.cl_ord_id:
        return False
    ours = state.execution.cl_ord_ids.get((event.venue, name)) == order.order_id
    return ours and request_number(name, order.order_id) < request_number(order.cl_ord_id, order.order_id)


def _has_unknown_terms(event: ExecutionEvent, order: Order, changes: tuple[Change, ...]) -> bool:
    """It took a name whose request waits no more, and the report does not say on which terms."""
    if said_terms(event, order):
        return False
    moved = next((change for change in changes if isinstance(change, OrderChanged)), None)
    before = None if moved is None else moved.before
    return before is not None and before.replacing is None and before.cl_ord_id != order.cl_ord_id


def _own_name(state: State, event: ExecutionEvent, order: Order) -> str:
    """The name the venue has for it, where that is one of its own and later than the one we hold."""
    name = event.cl_ord_id
    if name is None or order.external or isinstance(event, PendingCancel):
        return order.cl_ord_id
    if state.execution.cl_ord_ids.get((event.venue, name)) != order.order_id:
        return order.cl_ord_id
    later = request_number(name, order.order_id) > request_number(order.cl_ord_id, order.order_id)
    return name if later else order.cl_ord_id
