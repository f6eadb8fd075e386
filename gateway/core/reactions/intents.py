"""From an intent to a decision: risk, then execution control. Every request to a venue goes through here."""

from __future__ import annotations

from gateway.core import execution_control as control
from gateway.core.changes import Change, OperatorActed
from gateway.core.events import (
    ClosedUnsent,
    Denied,
)
from gateway.core.orders import Command, Order
from gateway.core.risk import check
from gateway.core.state import order_scopes
from gateway.core.strategy import Cancel, Intent
from gateway.core.turn import Turn
from gateway.core.values import CommandKind

MAX_KILL_REQUESTS = 10
"""Requests for one order, after which the kill switch repeats itself no more: a venue that refuses for ever is a person's."""
DESK = "desk"
"""Strategy of orders that people enter."""


def repeated(changes: tuple[Change, ...]) -> bool:
    """An operator's request that was seen before left no change behind."""
    return not any(isinstance(change, OperatorActed) for change in changes)


def intend(turn: Turn, intent: Intent, *, strategy: str, venue: str, account: str) -> None:
    """One intent: decided by risk, then placed."""
    if isinstance(intent, Cancel):
        order = turn.state.execution.orders.get(intent.order_id)
        if order is not None and order.strategy != strategy and strategy != DESK:
            order = None  # a strategy sees its own orders only
        cancel(turn, intent.order_id, order, strategy=strategy)
        return
    state = turn.state
    run = state.control.run
    order_id = f"{run.run_id}-{run.orders + 1}"
    command = Command(
        kind=CommandKind.NEW,
        order_id=order_id,
        cl_ord_id=control.cl_ord_id(state, order_id, 1),
        venue=venue,
        strategy=strategy,
        account=account,
        symbol=intent.symbol,
        side=intent.side,
        order_type=intent.order_type,
        time_in_force=intent.time_in_force,
        quantity=intent.quantity,
        price=intent.price,
        stop_price=intent.stop_price,
    )
    denial = check(state, command)
    if denial is None:
        control.place(turn, command)
        return
    turn.emit(
        Denied(
            order_id=order_id,
            intent=CommandKind.NEW,
            strategy=strategy,
            account=account,
            venue=venue,
            symbol=intent.symbol,
            side=intent.side,
            quantity=intent.quantity,
            price=intent.price,
            code=denial.code,
            reason=denial.reason,
        )
    )


def cancel(turn: Turn, order_id: str, order: Order | None, *, strategy: str) -> None:
    """Cancels pass no limit; the only refusals are an order that is not there and one that has ended."""
    pending = turn.state.execution.pending.get(order_id)
    if order is None and pending is not None and strategy in (DESK, pending.command.strategy):
        turn.emit(ClosedUnsent(command=pending.command, reason="cancelled before it was sent"))
        return
    if order is None or order.state.terminal:
        code, reason = (
            ("unknown_order", "there is no such order") if order is None else ("order_closed", f"it is {order.state}")
        )
        turn.emit(
            Denied(
                order_id=order_id,
                intent=CommandKind.CANCEL,
                strategy=strategy,
                account="" if order is None else order.account,
                venue="" if order is None else order.venue,
                symbol="" if order is None else order.symbol,
                code=code,
                reason=f"order {order_id}: {reason}",
            )
        )
        return
    control.place(turn, control.cancel_command(turn.state, order))


def cancel_scope(turn: Turn, scope: str) -> None:
    """Close what waits, cancel what is open and not being cancelled already."""
    state = turn.state
    control.purge(turn, scope, "cancelled before it was sent")
    for order_id in tuple(state.execution.open[scope]):
        order = state.execution.orders[order_id]
        pending = state.execution.pending.get(order_id)
        if order.cancel_in_flight is None and (pending is None or pending.command.kind is not CommandKind.CANCEL):
            control.place(turn, control.cancel_command(state, order))


def enforce_kill(turn: Turn, venue: str) -> None:
    """Orders found open at a venue whose scope is killed are cancelled, also those a lost cancel was meant for."""
    execution = turn.state.execution
    for order_id in tuple(execution.open[f"venue:{venue}"]):
        order = execution.orders[order_id]
        killed = any(scope in turn.state.control.killed for scope in order_scopes(order))
        tired = order.requests > MAX_KILL_REQUESTS
        if killed and not tired and order.cancel_in_flight is None and order_id not in execution.pending:
            control.place(turn, control.cancel_command(turn.state, order))
