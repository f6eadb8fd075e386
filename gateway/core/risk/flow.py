"""Is it too fast, again the same, or against oneself? Order rate, duplicates, self-match prevention."""

from __future__ import annotations

from decimal import Decimal

from gateway.core.apply.positions import order_text, orders_window
from gateway.core.orders import Command
from gateway.core.risk.basis import first_request, limits, shown
from gateway.core.state import State, order_scopes
from gateway.core.values import NANOS, OrderType


def order_rate(state: State, command: Command) -> str | None:
    for most, scope in limits(state, command, "max_orders_per_second"):
        if state.execution.windows.reached(orders_window(scope), most, state.at_ns, NANOS):
            return f"{most} orders within a second already, max_orders_per_second is {most} ({scope})"
    return None


def duplicate(state: State, command: Command) -> str | None:
    found = limits(state, command, "duplicate_order_seconds")
    if not found or not first_request(command):
        return None
    at_ns = state.execution.recent.get(order_text(command))
    for seconds, scope in found:
        if at_ns is not None and at_ns > state.at_ns - seconds * NANOS:
            age = (Decimal(state.at_ns - at_ns) / NANOS).quantize(Decimal("0.001"))
            return f"the same order was approved {age} s ago, duplicate_order_seconds is {seconds} ({scope})"
    return None


def self_match(state: State, command: Command) -> str | None:
    """Against own orders of the scope that sets it, at the same venue. A stop order matches nothing until it is triggered."""
    scopes = [scope for wanted, scope in limits(state, command, "prevent_self_match") if wanted]
    if not scopes or command.order_type not in (OrderType.LIMIT, OrderType.MARKET):
        return None
    exposure = state.execution.exposure
    for order_id, working in exposure.crossing(command.venue, command.symbol, command.side, command.price):
        other = state.execution.orders.get(order_id) or state.execution.pending[order_id].command
        shared = [scope for scope in scopes if scope in order_scopes(other)]
        if shared:
            price = "market" if working.price is None else shown(working.price)
            return (
                f"it could trade with own order {order_id}: {working.side} {shown(working.quantity)} at {price} ({shared[0]})"
            )
    return None
