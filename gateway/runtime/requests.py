"""What every operator's request has in common: how long its step may take, what it may name, and whether it was made before."""

from __future__ import annotations

from collections.abc import Collection

from gateway.control.requests import check_scope
from gateway.core.events import Dispatched, Queued
from gateway.core.reactions.intents import repeated
from gateway.core.state import State
from gateway.core.turn import Step
from gateway.core.values import DESK, CommandKind
from gateway.errors import NotFound

APPLY_SECONDS = 5.0
"""How long the core may take to apply a request before its outcome is unknown."""


def fresh(step: Step) -> bool:
    """Whether the request was new: a repeated one leaves no change behind, and must not act again."""
    return any(not repeated(changes) for _, changes in step.changes)


def position(step: Step) -> int:
    """`seq` of the last event of a step."""
    return step.records[-1].seq


def cancels(step: Step) -> int:
    """How many cancels a step dispatched or queued."""
    return sum(
        1
        for recorded in step.records
        if isinstance(recorded.event, Dispatched | Queued) and recorded.event.command.kind is CommandKind.CANCEL
    )


def require_scope(state: State, scope: str) -> None:
    """A scope with a slip in it would stop nothing, and its author would believe it had. Accounts are not declared.

    Raises Denied or UsageError for what is not a scope, NotFound for one that names nothing.
    """
    check_scope(scope)
    kind, _, name = scope.partition(":")
    settings = state.control.settings
    known: dict[str, set[str]] = {
        "venue": set(settings.venues),
        "strategy": {*settings.strategies, DESK},
        "instrument": set(settings.instruments),
    }
    if kind in known and name not in known[kind] and scope not in state.execution.open:
        raise NotFound(f"there is no {kind} {name!r}; known: {', '.join(sorted(known[kind]))}")


def require_venue(venues: Collection[str], venue: str) -> None:
    """Raises NotFound for a venue that is not configured."""
    if venue not in venues:
        raise NotFound(f"venue {venue!r} is not configured; known: {', '.join(sorted(venues))}")
