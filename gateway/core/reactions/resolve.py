"""An operator's disposition of an order in doubt: what he may say, when it may be said, and what follows.

The venue was asked by other means (its own screen, the telephone), because it does not answer here. His word counts as the
venue's would: through the same table of transitions, and a later report of the venue is applied on top of it.
"""

from __future__ import annotations

from decimal import Decimal

from gateway.core.apply.outcomes import PRESUMED_EDGE
from gateway.core.changes import Change
from gateway.core.events import FillInferred, OrderResolveRequested, Resolved
from gateway.core.lifecycle import NO_EDGE, transition
from gateway.core.orders import Order
from gateway.core.reactions.intents import enforce_kill_on, repeated
from gateway.core.state import State
from gateway.core.turn import Turn
from gateway.core.values import ZERO

DISPOSITIONS = {
    "working": "reported_accepted",
    "filled": "reported_filled",
    "cancelled": "reported_cancelled",
    "rejected": "reported_rejected",
    "expired": "reported_expired",
    "never-arrived": "unknown_at_venue",
}
"""What an operator says -> the edge of `gateway.core.lifecycle`."""


def objection(state: State, event: OrderResolveRequested) -> str | None:
    """Why this disposition cannot be taken for this order as it stands; None when it can. The order exists."""
    order = state.execution.orders[event.order_id]
    if order.in_doubt is None:
        return f"order {order.order_id} is not in doubt: it is {order.state}"
    if event.disposition not in DISPOSITIONS:
        return f"{event.disposition!r} is not a disposition: use one of {', '.join(DISPOSITIONS)}"
    cum_qty = order.cum_qty if event.cum_qty is None else event.cum_qty
    if event.disposition == "filled" and event.cum_qty is None:
        cum_qty = order.quantity
    if cum_qty < order.cum_qty:
        return f"{order.cum_qty} of order {order.order_id} is filled already, and cannot become {cum_qty}"
    if cum_qty > order.quantity:
        return f"order {order.order_id} is for {order.quantity}; {cum_qty} cannot be filled"
    if event.disposition == "filled" and cum_qty < order.quantity:
        return f"order {order.order_id} is filled only at {order.quantity}, not at {cum_qty}: say what became of the rest"
    if event.disposition == "never-arrived" and cum_qty:
        return f"{cum_qty} of order {order.order_id} is filled: it did arrive"
    if cum_qty > order.cum_qty and _price(event, order, cum_qty) is None:
        return f"order {order.order_id}: give the average price (--avg-px) of all {cum_qty} that is filled"
    _, anomaly = transition(_edge(order, event.disposition), order.state, quantity=order.quantity, cum_qty=cum_qty)
    return f"order {order.order_id} is {order.state}, and cannot be {event.disposition}" if anomaly == NO_EDGE else None


def _edge(order: Order, disposition: str) -> str:
    edge = DISPOSITIONS[disposition]
    return PRESUMED_EDGE.get(edge, edge) if order.presumed else edge


def _price(event: OrderResolveRequested, order: Order, cum_qty: Decimal) -> Decimal | None:
    """Of what is missing: from the average of everything, else the order's own limit."""
    if event.avg_px is None:
        return order.price
    price = (event.avg_px * cum_qty - order.notional) / (cum_qty - order.cum_qty)
    return price if price > ZERO else None


def resolve_requested(turn: Turn, event: OrderResolveRequested, changes: tuple[Change, ...]) -> None:
    """The rule: what is missing is counted, then the doubt ends. An objection changes nothing."""
    order = turn.state.execution.orders.get(event.order_id)
    if repeated(changes) or order is None or objection(turn.state, event) is not None:
        return
    cum_qty = event.cum_qty if event.cum_qty is not None else order.quantity if event.disposition == "filled" else order.cum_qty
    if cum_qty > order.cum_qty:
        price = _price(event, order, cum_qty)
        assert price is not None, "an objection otherwise"
        turn.emit(
            FillInferred(
                order_id=order.order_id,
                venue=order.venue,
                exec_id=f"inferred-{order.order_id}-{turn.state.seq + 1}",
                trade_date=turn.state.control.run.trading_date,
                last_qty=cum_qty - order.cum_qty,
                last_px=price,
            )
        )
    detail = f"{event.actor}: {event.reason}"
    turn.emit(Resolved(order_id=order.order_id, disposition=DISPOSITIONS[event.disposition], detail=detail))
    enforce_kill_on(turn, order.order_id)
