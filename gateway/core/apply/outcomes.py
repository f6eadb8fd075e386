"""Derived events: what the core decided, applied like anything else that happened."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from gateway.core.apply.fills import infer
from gateway.core.apply.positions import count_approval
from gateway.core.apply.replaces import learned
from gateway.core.changes import AnomalyRaised, Change, OrderChanged
from gateway.core.contents import Asked, Awaiting, Pending, Reconciliation, StrategyState, Unreconciled, VenueState
from gateway.core.events import (
    ClosedUnsent,
    Denied,
    Dispatched,
    Event,
    FillInferred,
    InDoubt,
    InvariantBroken,
    Queued,
    ReconciliationFinished,
    ReconciliationStarted,
    Recorded,
    Resolved,
    StatusRequested,
    StrategyDisabled,
    StrategyFailed,
    StrategyRemembered,
    Superseded,
    TimerCancelled,
    TimerFired,
    TimerSet,
    VenueOpened,
)
from gateway.core.lifecycle import NO_EDGE, transition
from gateway.core.orders import Command, Order, Terms
from gateway.core.state import State, is_killed
from gateway.core.values import NANOS, SCOPE_ALL, CommandKind, Doubt, OrderState, TradingState
from gateway.wording import counted


def _count_order(state: State, order_id: str | None) -> None:
    """Order ids are given out in order; whichever event first carries one moves the counter past it."""
    run = state.control.run
    if order_id == f"{run.run_id}-{run.orders + 1}":
        state.control.run = replace(run, orders=run.orders + 1)


def _denied(state: State, recorded: Recorded, event: Denied) -> list[Change]:
    if event.intent == CommandKind.NEW:
        _count_order(state, event.order_id)
    return []


def _queued(state: State, recorded: Recorded, event: Queued) -> list[Change]:
    _count_order(state, event.command.order_id)
    count_approval(state, recorded.at_ns, event.command)
    state.execution.put_pending(
        Pending(command=event.command, decided_seq=recorded.seq, since_ns=recorded.at_ns, why=event.why)
    )
    order = state.execution.orders.get(event.command.order_id)
    if order is not None and event.command.kind is not CommandKind.NEW:
        state.execution.put_order(_counted(state, event.command, order))
    return []


def _counted(state: State, command: Command, order: Order) -> Order:
    """A ClOrdID is used up once it is given to a request about an order, sent or not."""
    kill_cancels = order.kill_cancels
    if command.kind is CommandKind.CANCEL:
        kill_cancels = kill_cancels + 1 if is_killed(state, command) else 0
    return replace(order, requests=order.requests + 1, kill_cancels=kill_cancels)


def _unqueued(state: State, recorded: Recorded, event: Superseded | ClosedUnsent) -> list[Change]:
    pending = state.execution.pending.get(event.command.order_id)
    if pending is not None and pending.command.cl_ord_id == event.command.cl_ord_id:
        state.execution.drop_pending(event.command.order_id)
    return []


def _dispatched(state: State, recorded: Recorded, event: Dispatched) -> list[Change]:
    command, execution = event.command, state.execution
    was_pending = event.decided_seq != recorded.seq
    if was_pending:
        execution.drop_pending(command.order_id)
    else:
        _count_order(state, command.order_id)
        count_approval(state, recorded.at_ns, command)
    before = execution.orders.get(command.order_id)
    if command.kind is CommandKind.NEW:
        after = _born(command, recorded.at_ns, state.control.run.trading_date)
    else:
        assert before is not None, "a cancel or replace is only ever dispatched for an order that exists"
        before = before if was_pending else _counted(state, command, before)
        after = replace(before, updated_ns=recorded.at_ns, **_in_flight(command))
    execution.put_order(after)
    execution.cl_ord_ids[command.venue, command.cl_ord_id] = command.order_id
    execution.put_awaiting(
        command.cl_ord_id,
        Awaiting(
            order_id=command.order_id,
            venue=command.venue,
            kind=command.kind,
            dispatched_ns=recorded.at_ns,
            run_id=recorded.run_id,
            deadline_ns=event.ack_deadline_ns,
        ),
    )
    if event.bucket_ns is not None:
        execution.buckets[command.venue] = event.bucket_ns
    for bucket, at_ns in event.buckets.items():
        execution.buckets[bucket] = at_ns
    return [OrderChanged(before=before, after=after)]


def _in_flight(command: Command) -> dict[str, Any]:
    if command.kind is CommandKind.CANCEL:
        return {"cancel_in_flight": command.cl_ord_id}
    terms = Terms(quantity=command.quantity, price=command.price, stop_price=command.stop_price)
    return {"new_in_flight": command.cl_ord_id, "replacing": terms}


def _born(command: Command, at_ns: int, trading_date: str) -> Order:
    return Order(
        order_id=command.order_id,
        strategy=command.strategy,
        account=command.account,
        venue=command.venue,
        symbol=command.symbol,
        side=command.side,
        order_type=command.order_type,
        time_in_force=command.time_in_force,
        quantity=command.quantity,
        price=command.price,
        stop_price=command.stop_price,
        state=OrderState.SUBMITTED,
        cl_ord_id=command.cl_ord_id,
        new_in_flight=command.cl_ord_id,
        requests=command.request,
        created_ns=at_ns,
        updated_ns=at_ns,
        trading_date=trading_date,
    )


def _status_requested(state: State, recorded: Recorded, event: StatusRequested) -> list[Change]:
    earlier = state.execution.asked.get(event.order_id)
    attempts = 1 if earlier is None else earlier.attempts + 1
    asked = Asked(venue=event.venue, deadline_ns=event.deadline_ns, attempts=attempts, cl_ord_id=event.cl_ord_id)
    state.execution.put_asked(event.order_id, asked)
    state.control.asked_about(event.venue, event.order_id)
    if event.bucket_ns is not None:
        state.execution.buckets[event.venue] = event.bucket_ns
    for bucket, at_ns in event.buckets.items():
        state.execution.buckets[bucket] = at_ns
    return []


def _in_doubt(state: State, recorded: Recorded, event: InDoubt) -> list[Change]:
    before = state.execution.orders.get(event.order_id)
    if before is None:
        return [AnomalyRaised(anomaly="unknown_order", order_id=event.order_id, detail="in_doubt")]
    after = replace(before, in_doubt=event.reason, updated_ns=recorded.at_ns)
    for cl_ord_id in (before.new_in_flight, before.cancel_in_flight):
        awaiting = state.execution.awaiting.get(cl_ord_id) if cl_ord_id else None
        overdue = awaiting is not None and awaiting.deadline_ns is not None and awaiting.deadline_ns <= recorded.at_ns
        if cl_ord_id and awaiting is not None and (overdue or event.reason in ANSWERS_LOST):
            state.execution.put_awaiting(cl_ord_id, replace(awaiting, deadline_ns=None))
    if event.reason in UNANSWERABLE:
        _give_up(state, before)
        if before.cancel_in_flight is not None and not _running(state, before.cancel_in_flight):
            state.execution.drop_awaiting(before.cancel_in_flight)
            after = replace(after, cancel_in_flight=None)  # neither it nor the question was answered: another may go
    state.execution.put_order(after)
    if event.reason is Doubt.DAY_ROLLED and state.control.settled(before.venue):
        state.control.expect_confirmation(before.venue, before.order_id)  # else the reconciliation after the logon asks
        if before.order_id in state.execution.asked:
            state.control.asked_about(before.venue, before.order_id)
    return [OrderChanged(before=before, after=after)]


def _running(state: State, cl_ord_id: str) -> bool:
    """Whether a request may still be answered in time."""
    awaiting = state.execution.awaiting.get(cl_ord_id)
    return awaiting is not None and awaiting.deadline_ns is not None


ANSWERS_LOST = frozenset({Doubt.DISCONNECT, Doubt.RESTART})
"""Doubts after which no request sent before is waited for."""

UNANSWERABLE = frozenset({Doubt.STATUS_UNANSWERED, Doubt.UNKNOWN_AT_VENUE, Doubt.IMPLAUSIBLE_CUM_QTY})
"""Doubts that asking again will not end: an operator's, or the next reconciliation's."""


def _give_up(state: State, order: Order) -> None:
    state.execution.drop_asked(order.order_id)
    if (order.venue, order.order_id) not in state.control.unconfirmed:
        return
    state.control.confirm(order.venue, order.order_id)
    reconciliation = state.control.reconciliations.get(order.venue)
    if reconciliation is not None:
        failed = (*reconciliation.failed, order.order_id)
        state.control.reconciliations[order.venue] = replace(reconciliation, failed=failed)


def _resolved(state: State, recorded: Recorded, event: Resolved) -> list[Change]:
    before = state.execution.orders.get(event.order_id)
    if before is None:
        return [AnomalyRaised(anomaly="unknown_order", order_id=event.order_id, detail="resolved")]
    what = PRESUMED_EDGE.get(event.disposition, event.disposition) if before.presumed else event.disposition
    found = learned(state, event, before)
    undecided = found.new_in_flight is not None and _running(state, found.new_in_flight)
    quantity = found.most_quantity if undecided else found.quantity
    new_state, anomaly = transition(what, before.state, quantity=quantity, cum_qty=before.cum_qty)
    if anomaly == NO_EDGE and found.quantity <= before.cum_qty:
        found = replace(
            found, quantity=before.quantity
        )  # an answer that contradicts itself leaves no order open without quantity
    state.control.confirm(before.venue, before.order_id)
    state.execution.drop_asked(before.order_id)
    # What the venue gave as its reason to reject stays, whatever it answers about the order later.
    rejected = new_state is OrderState.REJECTED and anomaly != NO_EDGE and (before.presumed or before.state is not new_state)
    after = replace(
        found,
        state=new_state,
        in_doubt=None,
        updated_ns=recorded.at_ns,
        terminal_ns=(before.terminal_ns or recorded.at_ns) if new_state.terminal else None,
        reason=(event.detail or event.disposition) if rejected else before.reason,
        presumed=before.presumed if anomaly == NO_EDGE else event.disposition in ("not_sent", "unknown_at_venue"),
    )
    changes = settle_requests(state, before, after, anomaly, what)
    if event.cl_ord_id is None and after.terms != before.terms:
        detail = f"the venue has {after.terms}, we had {before.terms}"
        changes.append(AnomalyRaised(anomaly="terms_differ", order_id=after.order_id, venue=after.venue, detail=detail))
    return changes


PRESUMED_EDGE = {"reported_accepted": "accepted_presumed", "reported_filled": "filled_presumed"}
"""A status answer about an order that only we had ended."""


def settle_requests(state: State, before: Order, after: Order, anomaly: str | None, what: str) -> list[Change]:
    """Store `after`, in which `what` results; requests of an order that has ended wait for no answer any more, nor do overdue
    ones once a doubt is resolved. A request that was sent since then is not overdue: it is still followed to its answer."""
    for field, cl_ord_id in (("new_in_flight", after.new_in_flight), ("cancel_in_flight", after.cancel_in_flight)):
        if cl_ord_id is not None and (after.state.terminal or not _running(state, cl_ord_id)):
            state.execution.drop_awaiting(cl_ord_id)
            given_up = after.replacing if field == "new_in_flight" else None
            after = replace(after, **{field: None}, replacing=None if field == "new_in_flight" else after.replacing)
            if given_up is not None and not after.state.terminal and after.cum_qty >= after.quantity:  # nothing more was added
                after = replace(after, state=OrderState.FILLED, terminal_ns=after.updated_ns, in_doubt=None)
    state.execution.put_order(after)
    changes: list[Change] = [OrderChanged(before=before, after=after, anomaly=anomaly)]
    if anomaly is not None:
        detail = f"{what} in state {before.state}"
        changes.append(AnomalyRaised(anomaly=anomaly, order_id=after.order_id, venue=after.venue, detail=detail))
    return changes


def _reconciliation_started(state: State, recorded: Recorded, event: ReconciliationStarted) -> list[Change]:
    state.control.reconciliations[event.venue] = Reconciliation(reason=event.reason)
    if event.venue not in state.control.unreconciled:  # asked again, it is still not reconciled, and says so
        state.control.venues[event.venue] = VenueState(reason="reconciling")
    for order_id in event.order_ids:
        state.control.expect_confirmation(event.venue, order_id)
        state.execution.drop_asked(order_id)
    return []


def _reconciliation_finished(state: State, recorded: Recorded, event: ReconciliationFinished) -> list[Change]:
    state.control.reconciliations.discard(event.venue)
    for order_id in tuple(state.control.unconfirmed_of[event.venue]):
        state.control.confirm(event.venue, order_id)
    closed = state.control.closed.get(event.venue)
    if closed is not None:
        state.control.venues[event.venue] = VenueState(reason=closed)
    before = state.control.unreconciled.get(event.venue)
    if event.complete:
        state.control.unreconciled.discard(event.venue)
        return []
    attempts = 1 if before is None else before.attempts + 1
    left = Unreconciled(unanswered=event.unanswered, attempts=attempts, again_ns=event.again_ns)
    state.control.unreconciled[event.venue] = left
    detail = _open_questions(state, event.unanswered)
    if closed is None:
        asked = f"; asked {counted(time=attempts)}, again in "
        again = "" if event.again_ns is None else asked + _seconds(event.again_ns - recorded.at_ns)
        state.control.venues[event.venue] = VenueState(reason=f"not reconciled: {detail}{again}")
    if before is not None and before.unanswered == event.unanswered:
        return []
    return [AnomalyRaised(anomaly="not_reconciled", venue=event.venue, detail=detail)]


def _open_questions(state: State, order_ids: tuple[str, ...]) -> str:
    """Orders a venue has not told of, and orders it says it does not know: somebody has to say what became of those."""
    orders = [state.execution.orders.get(order_id) for order_id in order_ids]
    unknown = [one.order_id for one in orders if one is not None and one.in_doubt == Doubt.UNKNOWN_AT_VENUE]
    silent = [order_id for order_id in order_ids if order_id not in unknown]
    parts = ((silent, "unanswered"), (unknown, "unknown to the venue"))
    return "; ".join(f"{counted(order=len(ids))} {how}: {', '.join(ids[:10])}" for ids, how in parts if ids)


def _seconds(ns: int) -> str:
    return f"{-(-ns // NANOS)} s"


def _venue_opened(state: State, recorded: Recorded, event: VenueOpened) -> list[Change]:
    state.control.unreconciled.discard(event.venue)
    state.control.venues[event.venue] = VenueState(opened=True, reason=event.reason)
    return []


def _strategy(state: State, name: str) -> StrategyState:
    return state.control.strategies.get(name, StrategyState())


def _remembered(state: State, recorded: Recorded, event: StrategyRemembered) -> list[Change]:
    state.control.strategies[event.strategy] = replace(_strategy(state, event.strategy), memory=event.memory)
    return []


def _strategy_failed(state: State, recorded: Recorded, event: StrategyFailed) -> list[Change]:
    known = _strategy(state, event.strategy)
    state.control.strategies[event.strategy] = replace(known, errors=known.errors + 1)
    return [AnomalyRaised(anomaly="strategy_failed", detail=f"{event.strategy}: {event.error}")]


def _strategy_disabled(state: State, recorded: Recorded, event: StrategyDisabled) -> list[Change]:
    state.control.strategies[event.strategy] = replace(_strategy(state, event.strategy), disabled=event.reason)
    return [AnomalyRaised(anomaly="strategy_disabled", detail=f"{event.strategy}: {event.reason}")]


def _invariant_broken(state: State, recorded: Recorded, event: InvariantBroken) -> list[Change]:
    state.control.broken[event.invariant] = event.detail
    state.control.trading[SCOPE_ALL] = TradingState.DISABLED
    return [AnomalyRaised(anomaly="invariant_broken", detail=f"{event.invariant}: {event.detail}")]


def _timer_set(state: State, recorded: Recorded, event: TimerSet) -> list[Change]:
    state.control.timers[event.strategy, event.name] = event.deadline_ns
    return []


def _timer_gone(state: State, recorded: Recorded, event: TimerCancelled | TimerFired) -> list[Change]:
    state.control.timers.discard((event.strategy, event.name))
    return []


HANDLERS: dict[type[Event], Callable[[State, Recorded, Any], list[Change]]] = {
    Denied: _denied,
    Queued: _queued,
    Superseded: _unqueued,
    ClosedUnsent: _unqueued,
    Dispatched: _dispatched,
    StatusRequested: _status_requested,
    InDoubt: _in_doubt,
    Resolved: _resolved,
    FillInferred: infer,
    ReconciliationStarted: _reconciliation_started,
    ReconciliationFinished: _reconciliation_finished,
    VenueOpened: _venue_opened,
    StrategyRemembered: _remembered,
    StrategyFailed: _strategy_failed,
    StrategyDisabled: _strategy_disabled,
    InvariantBroken: _invariant_broken,
    TimerSet: _timer_set,
    TimerCancelled: _timer_gone,
    TimerFired: _timer_gone,
}
