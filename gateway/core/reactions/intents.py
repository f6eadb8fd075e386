"""From an intent to a decision: risk, then execution control. Every request to a venue goes through here."""

from __future__ import annotations

import msgspec

from gateway.core import execution_control as control
from gateway.core.changes import Change, OperatorActed
from gateway.core.events import Denied
from gateway.core.orders import Command, Order, Terms
from gateway.core.risk import Denial, check
from gateway.core.state import State, intended, is_killed
from gateway.core.strategy import Cancel, Intent, New, Replace
from gateway.core.turn import Turn
from gateway.core.values import DESK, CommandKind

MAX_KILL_REQUESTS = 10
"""CANCELs of one order under the kill switch, after which it repeats itself no more: a venue that refuses for ever is a
person's."""


def repeated(changes: tuple[Change, ...]) -> bool:
    """An operator's request that was seen before left no change behind."""
    return not any(isinstance(change, OperatorActed) for change in changes)


def intend(turn: Turn, intent: Intent, *, strategy: str, venue: str, account: str) -> None:
    """One intent: decided by risk, then placed."""
    if not isinstance(intent, New):
        order = turn.state.execution.orders.get(intent.order_id)
        if order is not None and order.strategy != strategy and strategy != DESK:
            order = None  # a strategy sees its own orders only
        if isinstance(intent, Cancel):
            cancel(turn, intent.order_id, order, strategy=strategy)
        else:
            amend(turn, intent, order, strategy=strategy)
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
    _decide(turn, command)


def _decide(turn: Turn, command: Command) -> None:
    """Risk, then execution control."""
    denial = check(turn.state, command)
    if denial is None:
        control.place(turn, command)
    else:
        _deny(turn, command, denial)


def _deny(turn: Turn, command: Command, denial: Denial) -> None:
    turn.emit(
        Denied(
            order_id=command.order_id,
            intent=command.kind,
            strategy=command.strategy,
            account=command.account,
            venue=command.venue,
            symbol=command.symbol,
            side=command.side,
            quantity=command.quantity,
            price=command.price,
            code=denial.code,
            reason=denial.reason,
        )
    )


def amend(turn: Turn, intent: Replace, order: Order | None, *, strategy: str) -> None:
    """A REPLACE of an order, or of a NEW that was not sent yet. What it does not name stays as last asked for."""
    state = turn.state
    pending = state.execution.pending.get(intent.order_id)
    unsent = pending is not None and pending.command.kind is CommandKind.NEW and strategy in (DESK, pending.command.strategy)
    if pending is not None and unsent:
        waiting = pending.command
        before = Terms(quantity=waiting.quantity, price=waiting.price, stop_price=waiting.stop_price)
        request = waiting.request + 1
        name = control.cl_ord_id(state, waiting.order_id, request)
        command = msgspec.structs.replace(waiting, kind=CommandKind.REPLACE, cl_ord_id=name, request=request)
    elif order is not None and not order.state.terminal:
        before = intended(state.execution, order)
        command = control.replace_command(state, order, before)
    else:
        _no_such_order(turn, CommandKind.REPLACE, intent.order_id, order, strategy=strategy)
        return
    after = Terms(
        quantity=before.quantity if intent.quantity is None else intent.quantity,
        price=before.price if intent.price is None else intent.price,
        stop_price=before.stop_price if intent.stop_price is None else intent.stop_price,
    )
    wanted = msgspec.structs.replace(command, quantity=after.quantity, price=after.price, stop_price=after.stop_price)
    if after == before:
        _deny(turn, wanted, Denial("no_change", "these are the terms it has, or was last asked to have"))
    else:
        _decide(turn, wanted)


def cancel(turn: Turn, order_id: str, order: Order | None, *, strategy: str) -> None:
    """Cancels pass no limit; the only refusals are an order that is not there and one that has ended."""
    pending = turn.state.execution.pending.get(order_id)
    if order is None and pending is not None and strategy in (DESK, pending.command.strategy):
        unsent = pending.command
        name = control.cl_ord_id(turn.state, order_id, unsent.request + 1)
        control.place(turn, msgspec.structs.replace(unsent, kind=CommandKind.CANCEL, cl_ord_id=name))
        return
    if order is None or order.state.terminal:
        _no_such_order(turn, CommandKind.CANCEL, order_id, order, strategy=strategy)
        return
    control.place(turn, control.cancel_command(turn.state, order))


def _no_such_order(turn: Turn, intent: CommandKind, order_id: str, order: Order | None, *, strategy: str) -> None:
    """There is no such order, or it has ended."""
    code, reason = ("unknown_order", "there is no such order") if order is None else ("order_closed", f"it is {order.state}")
    turn.emit(
        Denied(
            order_id=order_id,
            intent=intent,
            strategy=strategy,
            account="" if order is None else order.account,
            venue="" if order is None else order.venue,
            symbol="" if order is None else order.symbol,
            code=code,
            reason=f"order {order_id}: {reason}",
        )
    )


def cancel_scope(turn: Turn, scope: str) -> None:
    """Close what waits, cancel what is open and not being cancelled already."""
    state = turn.state
    control.purge(turn, scope, "cancelled before it was sent")
    for order_id in tuple(state.execution.open[scope]):
        order = state.execution.orders[order_id]
        if not _cancelling(state, order):
            control.place(turn, control.cancel_command(state, order))


def cancel_own(turn: Turn, venue: str) -> None:
    """Cancel what this gateway has open at a venue, where its orders must not outlive the session."""
    settings = turn.state.control.settings.venues.get(venue)
    if settings is None or not settings.cancel_on_disconnect:
        return
    state = turn.state
    control.purge(turn, f"venue:{venue}", "the session ends")
    for order_id in tuple(state.execution.open[f"venue:{venue}"]):
        order = state.execution.orders[order_id]
        if not order.external and not _cancelling(state, order):
            control.place(turn, control.cancel_command(state, order))


def enforce_kill(turn: Turn, venue: str) -> None:
    """Orders found open at a venue whose scope is killed are cancelled, also those a lost cancel was meant for."""
    if turn.state.control.killed:
        for order_id in tuple(turn.state.execution.open[f"venue:{venue}"]):
            enforce_kill_on(turn, order_id)


def enforce_kill_on(turn: Turn, order_id: str) -> None:
    """The same for one order."""
    order = turn.state.execution.orders[order_id]
    tired = order.kill_cancels >= MAX_KILL_REQUESTS
    if is_killed(turn.state, order) and not order.state.terminal and not tired and not _cancelling(turn.state, order):
        control.place(turn, control.cancel_command(turn.state, order))


def _cancelling(state: State, order: Order) -> bool:
    pending = state.execution.pending.get(order.order_id)
    return order.cancel_in_flight is not None or (pending is not None and pending.command.kind is CommandKind.CANCEL)
