"""Runs and sessions: what is in doubt after a loss, and reconciliation before a venue opens again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gateway.core import execution_control as control
from gateway.core.changes import Change
from gateway.core.events import (
    ClosedUnsent,
    EngineRejected,
    Event,
    InDoubt,
    LostRange,
    PositionsRequested,
    ReconciliationFinished,
    ReconciliationStarted,
    RunStarted,
    SessionDown,
    SessionNotice,
    SessionScheduled,
    SessionSettled,
    Untranslated,
    VenueOpened,
)
from gateway.core.reactions.intents import cancel_own, enforce_kill
from gateway.core.reactions.limits import take_over
from gateway.core.turn import Turn
from gateway.core.values import CommandKind, Doubt


def _run_started(turn: Turn, event: RunStarted, changes: tuple[Change, ...]) -> None:
    """What was approved and never sent belongs to the run that decided it; what was sent is in doubt."""
    state = turn.state
    for pending in tuple(state.execution.pending.values()):
        if pending.command.kind is not CommandKind.CANCEL:
            turn.emit(ClosedUnsent(command=pending.command, reason="the run that decided it has ended"))
    for order_id in dict.fromkeys(awaiting.order_id for awaiting in state.execution.awaiting.values()):
        turn.emit(InDoubt(order_id=order_id, reason=Doubt.RESTART))
    take_over(turn, event)


def _session_down(turn: Turn, event: SessionDown, changes: tuple[Change, ...]) -> None:
    control.purge(turn, f"venue:{event.venue}", "session down")
    awaiting = turn.state.execution.awaiting.values()
    for order_id in dict.fromkeys(a.order_id for a in awaiting if a.venue == event.venue):
        turn.emit(InDoubt(order_id=order_id, reason=Doubt.DISCONNECT))


def _session_settled(turn: Turn, event: SessionSettled, changes: tuple[Change, ...]) -> None:
    _reconcile(turn, event.venue, "logon")
    cancel_own(turn, event.venue)


def _scheduled(turn: Turn, event: SessionScheduled, changes: tuple[Change, ...]) -> None:
    if not event.up:
        cancel_own(turn, event.venue)


def _reports_missing(turn: Turn, event: LostRange | EngineRejected, changes: tuple[Change, ...]) -> None:
    """Something the venue said will never be seen: ask for its outcome. Before the session is settled that happens anyway."""
    concerns_orders = isinstance(event, LostRange) or not event.market_data
    if concerns_orders and turn.state.control.settled(event.venue):
        _reconcile(turn, event.venue, event.kind())


def _untranslated(turn: Turn, event: Untranslated, changes: tuple[Change, ...]) -> None:
    """ExecutionReport(8) or OrderCancelReject(9) that names no order or says nothing certain: it was about one of ours."""
    if event.msg_type in ("8", "9") and turn.state.control.settled(event.venue):
        _reconcile(turn, event.venue, event.kind())


def _noticed(turn: Turn, event: SessionNotice, changes: tuple[Change, ...]) -> None:
    """What the venue missed of ours is gap-filled, never sent again: find out which orders that concerns."""
    if event.event == "resend_request" and turn.state.control.settled(event.venue):
        _reconcile(turn, event.venue, event.event)


def _reconcile(turn: Turn, venue: str, reason: str) -> None:
    execution = turn.state.execution
    order_ids = tuple(dict.fromkeys((*execution.open[f"venue:{venue}"], *execution.doubtful[venue])))
    turn.emit(ReconciliationStarted(venue=venue, order_ids=order_ids, reason=reason))


def finish_reconciliations(turn: Turn) -> None:
    """End every reconciliation that waits for nothing more, and open its venue when all was answered. One that left orders
    unanswered is taken up again: by their late answers, or after a pause by asking once more."""
    state = turn.state.control
    if not state.reconciliations and not state.unreconciled:
        return
    for venue, reconciliation in tuple(state.reconciliations.items()):
        if state.unconfirmed_of[venue]:
            continue
        unanswered = _in_doubt(turn, venue, reconciliation.failed)
        if unanswered:
            again_ns = turn.state.at_ns + _pause_ns(turn, venue)
            turn.emit(ReconciliationFinished(venue=venue, complete=False, unanswered=unanswered, again_ns=again_ns))
            enforce_kill(turn, venue)
        else:
            _reconciled(turn, venue, reconciliation.reason)
    for venue, left in tuple(state.unreconciled.items()):
        if venue in state.reconciliations:
            continue
        if not _in_doubt(turn, venue, left.unanswered):
            _reconciled(turn, venue, "answered late")
        elif left.again_ns is not None and left.again_ns <= turn.state.at_ns:
            order_ids = tuple(turn.state.execution.doubtful[venue])
            turn.emit(ReconciliationStarted(venue=venue, order_ids=order_ids, reason="asked again"))


def _in_doubt(turn: Turn, venue: str, order_ids: tuple[str, ...]) -> tuple[str, ...]:
    """Those that are still in doubt: a venue may answer when the question was given up."""
    doubtful = turn.state.execution.doubtful[venue]
    return tuple(order_id for order_id in order_ids if order_id in doubtful)


def _pause_ns(turn: Turn, venue: str) -> int:
    """How long to wait before a venue that left orders unanswered is asked again: twice as long each time."""
    before = turn.state.control.unreconciled.get(venue)
    attempts = 1 if before is None else before.attempts + 1
    return min(turn.state.control.settings.venues[venue].ack_timeout_ns << min(attempts, 20), LONGEST_PAUSE_NS)


LONGEST_PAUSE_NS = 300_000_000_000


def _reconciled(turn: Turn, venue: str, reason: str) -> None:
    turn.emit(ReconciliationFinished(venue=venue, complete=True))
    if venue not in turn.state.control.closed:
        turn.emit(VenueOpened(venue=venue, reason=f"reconciled ({reason})"))
    _ask_positions(turn, venue)
    enforce_kill(turn, venue)


def _ask_positions(turn: Turn, venue: str) -> None:
    """Once all orders are answered for, ours should be the venue's: one question for each account that trades there."""
    state = turn.state
    settings = state.control.settings
    configured = settings.venues.get(venue)
    if configured is None or not configured.asks_positions:
        return
    trading = (strategy.account for strategy in settings.strategies.values() if strategy.venue == venue)
    holding = (account for account, _, where, _ in state.execution.positions if where == venue)
    accounts = sorted({configured.account, *trading, *holding} - {""}) or [""]
    for account in accounts:
        turn.emit(
            PositionsRequested(
                venue=venue,
                account=account,
                request_id=f"P{state.control.run_id}-{state.seq + 1}",
                trading_date=state.control.run.trading_date,
                deadline_ns=state.at_ns + POSITIONS_PATIENCE_NS,
            )
        )


POSITIONS_PATIENCE_NS = 30_000_000_000
"""How long the answer about positions may take; the venue is open meanwhile."""


RULES: dict[type[Event], Callable[[Turn, Any, tuple[Change, ...]], None]] = {
    RunStarted: _run_started,
    SessionDown: _session_down,
    SessionSettled: _session_settled,
    SessionNotice: _noticed,
    SessionScheduled: _scheduled,
    LostRange: _reports_missing,
    EngineRejected: _reports_missing,
    Untranslated: _untranslated,
}
