"""Execution control: when does an approved request go, and in what order?

Theory of operation
-------------------
Which of two commands for one order wins, and what waits for what, is a table: `gateway.core.dominance`. What must wait for an
answer, for the venue's token bucket or for the session stays pending; every turn ends with `release`, which sends what may go,
cancels first. A request names the order by its last accepted ClOrdID at the moment it goes.

Risk is not run again here: limits hold because exposure counts from approval. Work whose scope was closed in the meantime
is purged by `purge`. A CANCEL is never purged: it waits for the session, and ends when its order does. A turn that engages the
kill switch sends nothing but CANCELs and questions, whatever its scope: a NEW or REPLACE beside it goes with the next turn.

How fast is in `gateway.core.pacing`: token buckets on stream time. Cancels have headroom; cancels under kill are held back by
none of ours, only paced to the venue's own limit.

What waits for time alone (an answer until it is overdue, a token, a strategy's timer) is a scheduling obligation. None is
stored: `next_deadline` finds the earliest in the state, and one control-time event that names it realises whatever is due then.
"""

from __future__ import annotations

from msgspec.structs import replace

from gateway.core.dominance import MATRIX, Do, in_flight, waits
from gateway.core.events import ClosedUnsent, Dispatched, InDoubt, Queued, StatusRequested, Superseded
from gateway.core.orders import Command, Order, Terms
from gateway.core.pacing import free_at, spend, within_rate
from gateway.core.state import State, is_killed
from gateway.core.timers import awake
from gateway.core.turn import Turn
from gateway.core.values import CommandKind, Doubt, Hold

MAX_STATUS_REQUESTS = 50
"""Status requests without an answer, per venue: a reconciliation of many orders goes in waves."""


def place(turn: Turn, command: Command) -> None:
    """Send an approved command now if it may go, else let it wait; or let what is stronger go before it."""
    execution = turn.state.execution
    pending = execution.pending.get(command.order_id)
    order = execution.orders.get(command.order_id)
    waiting = None if pending is None else pending.command
    match MATRIX[in_flight(order), command.kind][1][None if waiting is None else waiting.kind]:
        case Do.PLACE:
            pass
        case Do.SUPERSEDE | Do.REWRITE:
            assert waiting is not None
            turn.emit(Superseded(command=waiting, by=command.cl_ord_id))
        case Do.CLOSE:
            assert waiting is not None
            turn.emit(ClosedUnsent(command=waiting, reason="cancelled before it was sent"))
            return
        case Do.YIELD:
            stronger = waiting.cl_ord_id if waiting is not None else None if order is None else order.cancel_in_flight
            turn.emit(Superseded(command=command, by=stronger or ""))
            return
        case Do.NEVER:
            raise AssertionError(f"order {command.order_id}: a {command.kind} beside what it has cannot arise")
    if waiting is not None and waiting.kind is CommandKind.NEW:  # never sent: the same NEW with other terms
        command = replace(command, kind=CommandKind.NEW, orig_cl_ord_id=None)
    why = held(turn.state, command)
    if why is None:
        _dispatch(turn, command, decided_seq=turn.state.seq + 1)
    else:
        turn.emit(Queued(command=command, why=why))


def held(state: State, command: Command) -> Hold | None:
    """Why the command must wait (`Hold`); None when it may go now."""
    if not state.control.settled(command.venue):
        return Hold.SESSION
    if command.kind is not CommandKind.CANCEL and not state.control.venues[command.venue].opened:
        return Hold.SESSION
    urgent = _urgent(state, command)
    order = state.execution.orders.get(command.order_id)
    if waits(order, command.kind, urgent=urgent):
        return Hold.IN_FLIGHT
    cancel = command.kind is CommandKind.CANCEL
    return None if within_rate(state, command.venue, cancel=cancel, urgent=urgent) else Hold.RATE


def _urgent(state: State, command: Command) -> bool:
    """Cancels under kill wait for no limit of ours, only for the venue's own."""
    return command.kind is CommandKind.CANCEL and is_killed(state, command)


def _dispatch(turn: Turn, command: Command, *, decided_seq: int) -> None:
    state = turn.state
    timeout = state.control.settings.venues[command.venue].ack_timeout_ns
    spent = spend(state, command.venue, urgent=_urgent(state, command))
    turn.emit(
        Dispatched(
            command=_addressed(state, command),
            decided_seq=decided_seq,
            ack_deadline_ns=state.at_ns + timeout,
            bucket_ns=spent.pop(command.venue, None),
            buckets=spent,
        )
    )


def _addressed(state: State, command: Command) -> Command:
    """The command as it goes now: while it waited, its order may have got another name, and a cancel other terms."""
    order = state.execution.orders.get(command.order_id)
    if order is None or command.kind is CommandKind.NEW:
        return command
    named = replace(command, orig_cl_ord_id=_last_name(state, order), venue_order_id=order.venue_order_id)
    if command.kind is CommandKind.REPLACE:
        return named
    return replace(named, quantity=order.quantity, price=order.price, stop_price=order.stop_price)


def _last_name(state: State, order: Order) -> str:
    """OrigClOrdID(41): the last accepted ClOrdID; where the dialect has it so, the one of a REPLACE still unanswered."""
    venue = state.control.settings.venues.get(order.venue)
    sent = order.new_in_flight if order.replacing is not None else None
    return sent if sent is not None and venue is not None and venue.cancel_names_last_sent else order.cl_ord_id


def release(turn: Turn, *, killing: bool = False) -> None:
    """Send everything that may go now: cancels, then status requests, then new orders; oldest first within each.

    `killing`: the turn engages the kill switch. New orders and replaces stay where they are, also those that only waited for
    a token that is there by now: `next_deadline` is not later than now, so that they go with the next turn.
    """
    execution, control = turn.state.execution, turn.state.control
    for order_id in execution.waiting.ended():
        over = execution.orders[order_id].state
        turn.emit(ClosedUnsent(command=execution.pending[order_id].command, reason=f"the order is {over}"))
    venues = [venue for venue in control.settings.venues if control.settled(venue)]
    for venue in venues:
        for scope in control.killed:
            while (urgent := execution.waiting.first_cancel(venue, scope)) is not None and _release_one(turn, urgent):
                pass  # all of them, unless the venue's own limit holds one back
        _release_line(turn, venue, cancels=True)
    for venue in venues:
        _ask(turn, venue)
    for venue in venues:
        if killing:
            execution.waiting.first(venue, cancels=False)  # what was purged leaves the line now, not at the next event's cost
        else:
            _release_line(turn, venue, cancels=False)


def _release_line(turn: Turn, venue: str, *, cancels: bool) -> None:
    """Oldest first, until one may not go: what it waits for, the rate or the venue, the others at the venue wait for too."""
    while (order_id := turn.state.execution.waiting.first(venue, cancels=cancels)) is not None:
        if not _release_one(turn, order_id):
            return


def _release_one(turn: Turn, order_id: str) -> bool:
    pending = turn.state.execution.pending[order_id]
    if held(turn.state, pending.command) is not None:
        return False
    _dispatch(turn, pending.command, decided_seq=pending.decided_seq)
    return True


def purge(turn: Turn, scope: str, reason: str) -> None:
    """Close every NEW and REPLACE that waits in a scope. CANCELs stay: they are how risk goes down."""
    execution = turn.state.execution
    for order_id in (*execution.pending_new[scope], *execution.pending_replace[scope]):
        turn.emit(ClosedUnsent(command=turn.state.execution.pending[order_id].command, reason=reason))


def ask_status(turn: Turn, order: Order, *, cl_ord_id: str | None = None, again: bool = False) -> None:
    """Ask the venue what became of an order, by its last accepted ClOrdID unless another is given; if that was asked
    already, only `again`."""
    state = turn.state
    if order.venue not in state.control.settings.venues or (order.order_id in state.execution.asked and not again):
        return
    if not state.control.settled(order.venue):
        if state.execution.orders[order.order_id].in_doubt is None:
            turn.emit(InDoubt(order_id=order.order_id, reason=Doubt.NOT_SETTLED))  # the reconciliation after the logon asks
        return
    timeout = state.control.settings.venues[order.venue].ack_timeout_ns
    spent = spend(state, order.venue)
    turn.emit(
        StatusRequested(
            venue=order.venue,
            order_id=order.order_id,
            cl_ord_id=cl_ord_id or order.cl_ord_id,
            request_id=f"S{state.control.run_id}-{state.seq + 1}",
            venue_order_id=order.venue_order_id,
            symbol=order.symbol,
            side=order.side,
            deadline_ns=state.at_ns + timeout,
            bucket_ns=spent.pop(order.venue, None),
            buckets=spent,
        )
    )


def _ask(turn: Turn, venue: str) -> None:
    """Ask about orders a reconciliation waits for, in waves and within the rate."""
    state = turn.state
    while _may_ask(state, venue) and within_rate(state, venue, cancel=True):
        order_id = state.control.to_ask.first(venue)
        assert order_id is not None
        assert order_id not in state.execution.asked, "who was asked about is not in the line"
        ask_status(turn, state.execution.orders[order_id])


def _may_ask(state: State, venue: str) -> bool:
    """Whether an order is to be asked about, and only the rate may hold that back."""
    return state.control.to_ask.first(venue) is not None and state.execution.asked_at[venue] < MAX_STATUS_REQUESTS


def cancel_command(state: State, order: Order) -> Command:
    """The CANCEL of an order."""
    return _request(state, order, CommandKind.CANCEL, order.terms)


def replace_command(state: State, order: Order, terms: Terms) -> Command:
    """The REPLACE that gives an order other terms."""
    return _request(state, order, CommandKind.REPLACE, terms)


def _request(state: State, order: Order, kind: CommandKind, terms: Terms) -> Command:
    number = order.requests + 1
    name = cl_ord_id(state, order.order_id, number)
    return order.command(kind, terms, cl_ord_id=name, orig_cl_ord_id=order.cl_ord_id, request=number)


def cl_ord_id(state: State, order_id: str, request: int) -> str:
    """ClOrdID(11): unique for the life of the state directory and beyond it, a function of position alone."""
    prefix = state.control.run.id_prefix
    return f"{prefix}-{order_id}-{request}" if prefix else f"{order_id}-{request}"


def next_deadline(state: State) -> int | None:
    """The next stream time at which time alone lets something happen; None when nothing waits for time.

    Never stored: it follows from the state, so a restart finds the same obligation.
    """
    execution = state.execution
    times = [first[0] for first in (execution.deadlines.first(), execution.questions.first()) if first is not None]
    times += [deadline for (strategy, _), deadline in state.control.timers.items() if awake(state, strategy)]
    for name in state.control.settings.venues:
        if not state.control.settled(name):
            continue
        left = state.control.unreconciled.get(name)
        if left is not None and left.again_ns is not None and name not in state.control.reconciliations:
            times.append(left.again_ns)
        if any(execution.waiting.first_cancel(name, scope) is not None for scope in state.control.killed):
            times.append(free_at(state, name, cancel=True, urgent=True))
        if execution.waiting.first(name, cancels=True) is not None or _may_ask(state, name):
            times.append(free_at(state, name, cancel=True))
        if state.control.venues[name].opened and execution.waiting.first(name, cancels=False) is not None:
            times.append(free_at(state, name, cancel=False))
    return min(times, default=None)


def overdue(state: State) -> list[Order]:
    """Orders with a request whose acknowledgement deadline has passed."""
    execution = state.execution
    order_ids = dict.fromkeys(execution.awaiting[request].order_id for request in execution.deadlines.due(state.at_ns))
    return [execution.orders[order_id] for order_id in order_ids]
