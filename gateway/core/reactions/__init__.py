"""What follows from an event, as a table from its type to the rule. Every consequence is emitted as an event of its own."""

from __future__ import annotations

from gateway.core.apply.execution import find_order
from gateway.core.changes import Change, OrderChanged
from gateway.core.events import Event, ExecutionEvent, StatusReported
from gateway.core.reactions import contradictions, day, defects, limits, operators, reports, sessions
from gateway.core.reactions.intents import enforce_kill_on
from gateway.core.turn import Turn

RULES = {**operators.RULES, **sessions.RULES, **reports.RULES, **day.RULES, **defects.RULES}


def react(turn: Turn, event: Event, changes: tuple[Change, ...]) -> None:
    """Everything that an input event entails before strategies are consulted."""
    rule = RULES.get(type(event))
    if rule is not None:
        rule(turn, event, changes)
    if isinstance(event, ExecutionEvent) and type(event) is not StatusReported:  # its own rule did
        order = find_order(turn.state, event)
        if order is not None:
            reports.infer_missing_fill(turn, event, order)
            contradictions.ask_if_contradicted(turn, event, changes, order.order_id)
    limits.throttle(turn)
    for change in changes:
        if type(change) is OrderChanged and _reopened(change):
            enforce_kill_on(turn, change.after.order_id)
    sessions.finish_reconciliations(turn)


def _reopened(change: OrderChanged) -> bool:
    """Whether an order is open that was not: one that had ended, or one of another origin met just now."""
    was_open = not (change.after.external if change.before is None else change.before.state.terminal)
    return not was_open and not change.after.state.terminal
