"""What a venue says of an order's terms: a REPLACE that took or did not, and changes nobody asked for.

An order is named by its last accepted ClOrdID(11). A `Replaced` is an answer when it names the request in flight; one that
names an earlier request than the present name is an old report come again, and moves nothing back. Terms come from the
report where it gives them, else from the request.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from msgspec.structs import replace

from gateway.core.apply.fills import PLACEHOLDER_IDS
from gateway.core.events import ExecutionEvent, Filled, Recorded, Replaced, Resolved, Restated
from gateway.core.orders import Order, request_number
from gateway.core.state import State
from gateway.core.values import ZERO, OrderState

PENDING = frozenset({"6", "E"})
"""OrdStatus(39) of a report made while a request is still being worked on: it proves nothing about the request."""


def is_stale(state: State, event: Replaced | Restated, order: Order) -> bool:
    """Whether this was applied already, or something later was."""
    if (order.order_id, order.cl_ord_id, event.exec_id) in state.execution.restatements:
        return True
    name = event.cl_ord_id
    if name is None or name in (order.cl_ord_id, order.new_in_flight):
        return False
    ours = state.execution.cl_ord_ids.get((event.venue, name)) == order.order_id and not order.external
    said, held = request_number(name, order.order_id), request_number(order.cl_ord_id, order.order_id)
    if held == 0:  # names that a venue gives have no order: only the last request may still be answered
        return ours and not 1 < said == order.requests
    return ours and said < held


def answered_by(state: State, event: Replaced, order: Order) -> bool:
    """Whether this report answers the REPLACE in flight; by its name, or when it has none of ours by what it says."""
    if order.replacing is None:
        return False
    name = event.cl_ord_id
    if name == order.new_in_flight:
        return True
    if name is not None and (event.venue, name) in state.execution.cl_ord_ids:
        return False
    said = said_terms(event, order)
    return bool(said) and all(getattr(order.replacing, what) == value for what, value in said.items())


def renamed(state: State, event: Replaced, order: Order) -> Order:
    """The order under its new name and terms; whatever was answered by it waits no more."""
    named = order
    name = event.cl_ord_id
    if answered_by(state, event, order):
        assert order.replacing is not None
        asked: dict[str, Any] = {k: getattr(order.replacing, k) for k in ("quantity", "price", "stop_price")}
        named = _without_request(state, replace(order, **asked))
        name = order.new_in_flight if name is None else name
    elif order.new_in_flight is not None and order.replacing is None:
        named = _without_request(state, order)  # what can be replaced was acknowledged
    if name and name != order.cl_ord_id:
        state.execution.cl_ord_ids[event.venue, name] = order.order_id
        named = replace(named, cl_ord_id=name)
    return restated(state, event, named)


def restated(state: State, event: Replaced | Restated, order: Order) -> Order:
    """The order with the terms the report gives, which it will not give again."""
    if event.exec_id is not None and event.exec_id not in PLACEHOLDER_IDS:
        state.execution.restatements[order.order_id, order.cl_ord_id, event.exec_id] = 1
    return replace(order, **said_terms(event, order))


def said_terms(event: ExecutionEvent, order: Order) -> dict[str, Decimal]:
    """OrderQty(38), Price(44) and StopPx(99) where the report gives them and the order has such a thing."""
    said = {"quantity": event.order_qty, "price": event.price, "stop_price": event.stop_price}
    return {
        name: value
        for name, value in said.items()
        if value is not None and value > 0 and (name == "quantity" or getattr(order, name) is not None)
    }


def plausible(event: ExecutionEvent, order: Order) -> bool:
    """Whether CumQty(14) can be true: not beyond all that was ordered, as we or the report itself have it. What an order of
    another origin is for, only the venue knows."""
    if event.cum_qty is None or order.external:
        return True
    return event.cum_qty <= max(order.most_quantity, event.order_qty or ZERO)


def proven_by_fill(state: State, recorded: Recorded, event: ExecutionEvent, order: Order) -> Order:
    """A trade under the name of the REPLACE in flight shows that it took, whatever became of the report of it."""
    name = event.cl_ord_id
    if not isinstance(event, Filled) or order.replacing is None or name != order.new_in_flight or event.ord_status in PENDING:
        return order
    assert name is not None
    terms = order.replacing
    named = replace(
        order,
        cl_ord_id=name,
        quantity=terms.quantity,
        price=terms.price,
        stop_price=terms.stop_price,
        in_doubt=order.in_doubt if order.cancel_in_flight is not None else None,
    )
    named = _without_request(state, replace(named, updated_ns=recorded.at_ns))
    if named.cum_qty >= named.quantity:
        if named.cancel_in_flight is not None:
            state.execution.drop_awaiting(named.cancel_in_flight)
        ended = replace(named, state=OrderState.FILLED, terminal_ns=recorded.at_ns)
        named = replace(ended, cancel_in_flight=None, in_doubt=None)
    state.execution.put_order(named)
    return named


def learned(state: State, event: Resolved, order: Order) -> Order:
    """The order as an answer to our question shows it: under another name, with other terms, or still being replaced."""
    found = replace(
        order,
        quantity=order.quantity if event.quantity is None else event.quantity,
        price=order.price if event.price is None else event.price,
        stop_price=order.stop_price if event.stop_price is None else event.stop_price,
    )
    if event.cl_ord_id is not None:
        found = replace(found, cl_ord_id=event.cl_ord_id)
        if event.cl_ord_id == order.new_in_flight:
            found = _without_request(state, found)
    waiting = state.execution.awaiting.get(found.new_in_flight) if found.new_in_flight is not None else None
    if event.deadline_ns is not None and waiting is not None and found.new_in_flight is not None:
        state.execution.drop_awaiting(found.new_in_flight)
        state.execution.put_awaiting(found.new_in_flight, replace(waiting, deadline_ns=event.deadline_ns))
    return found


def _without_request(state: State, order: Order) -> Order:
    if order.new_in_flight is not None:
        state.execution.drop_awaiting(order.new_in_flight)
    return replace(order, new_in_flight=None, replacing=None)
