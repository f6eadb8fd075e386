"""What operators ask for. An operator's order is an intent of strategy `desk` and passes risk like any other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gateway.core import execution_control as control
from gateway.core.changes import Change
from gateway.core.events import (
    CancelRequested,
    Event,
    KillEngaged,
    OrderRequested,
    OrderResolveRequested,
    ReconciliationFinished,
    ReplaceRequested,
    SessionCommanded,
    StopRequested,
    TradingSwitched,
    VenueCloseRequested,
    VenueOpened,
    VenueOpenRequested,
)
from gateway.core.reactions.intents import cancel, cancel_own, cancel_scope, enforce_kill, intend, repeated
from gateway.core.reactions.resolve import resolve_requested
from gateway.core.strategy import Cancel, New, Replace
from gateway.core.turn import Turn
from gateway.core.values import DESK, SCOPE_ALL, TradingState


def _order_requested(turn: Turn, event: OrderRequested, changes: tuple[Change, ...]) -> None:
    if repeated(changes):
        return
    configured = turn.state.control.settings.venues.get(event.venue)
    account = event.account or ("" if configured is None else configured.account)
    intent = New(
        symbol=event.symbol,
        side=event.side,
        quantity=event.quantity,
        price=event.price,
        stop_price=event.stop_price,
        order_type=event.order_type,
        time_in_force=event.time_in_force,
    )
    intend(turn, intent, strategy=DESK, venue=event.venue, account=account)


def _replace_requested(turn: Turn, event: ReplaceRequested, changes: tuple[Change, ...]) -> None:
    if repeated(changes):
        return
    intent = Replace(order_id=event.order_id, quantity=event.quantity, price=event.price, stop_price=event.stop_price)
    intend(turn, intent, strategy=DESK, venue="", account="")


def _cancel_requested(turn: Turn, event: CancelRequested, changes: tuple[Change, ...]) -> None:
    if repeated(changes):
        return
    if event.order_id is not None:
        intend(turn, Cancel(order_id=event.order_id), strategy=DESK, venue="", account="")
    elif event.scope is not None:
        cancel_scope(turn, event.scope)
    else:
        cancel(turn, "", None, strategy=DESK)  # neither named: refused, never everything


def _kill_engaged(turn: Turn, event: KillEngaged, changes: tuple[Change, ...]) -> None:
    if repeated(changes):
        return
    control.purge(turn, event.scope, "kill switch engaged")
    cancel_scope(turn, event.scope)


def _trading_switched(turn: Turn, event: TradingSwitched, changes: tuple[Change, ...]) -> None:
    if event.state is not TradingState.ENABLED and not repeated(changes):
        control.purge(turn, event.scope, f"trading {event.state}")


def _stop_requested(turn: Turn, event: StopRequested, changes: tuple[Change, ...]) -> None:
    if repeated(changes):
        return
    control.purge(turn, SCOPE_ALL, "the gateway is stopping")
    if event.cancel_open:
        cancel_scope(turn, SCOPE_ALL)
    for venue in turn.state.control.settings.venues:
        cancel_own(turn, venue)


def _venue_open_requested(turn: Turn, event: VenueOpenRequested, changes: tuple[Change, ...]) -> None:
    if not repeated(changes) and turn.state.control.settled(event.venue):
        unanswered = tuple(turn.state.control.unconfirmed_of[event.venue])
        if event.venue in turn.state.control.reconciliations:
            turn.emit(ReconciliationFinished(venue=event.venue, complete=False, unanswered=unanswered))
        turn.emit(VenueOpened(venue=event.venue, reason=f"{event.actor}: {event.reason}"))
        enforce_kill(turn, event.venue)


def _session_commanded(turn: Turn, event: SessionCommanded, changes: tuple[Change, ...]) -> None:
    if not repeated(changes) and event.action in LOGS_OUT:
        cancel_own(turn, event.venue)


LOGS_OUT = frozenset({"logout", "reset", "set-seq"})
"""Actions on a session that end its connection."""


def _venue_close_requested(turn: Turn, event: VenueCloseRequested, changes: tuple[Change, ...]) -> None:
    if not repeated(changes):
        control.purge(turn, f"venue:{event.venue}", "venue closed by an operator")


RULES: dict[type[Event], Callable[[Turn, Any, tuple[Change, ...]], None]] = {
    OrderRequested: _order_requested,
    ReplaceRequested: _replace_requested,
    CancelRequested: _cancel_requested,
    KillEngaged: _kill_engaged,
    TradingSwitched: _trading_switched,
    SessionCommanded: _session_commanded,
    StopRequested: _stop_requested,
    OrderResolveRequested: resolve_requested,
    VenueCloseRequested: _venue_close_requested,
    VenueOpenRequested: _venue_open_requested,
}
