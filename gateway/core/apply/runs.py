"""Runs, and what changes nothing but by what the core makes of it."""

from __future__ import annotations

from collections.abc import Callable
from itertools import zip_longest
from typing import Any

from msgspec.structs import replace

from gateway.core.apply.sessions import forget_questions, session_changed
from gateway.core.changes import Change, OperatorActed
from gateway.core.contents import Run, VenueState
from gateway.core.events import (
    ControlTime,
    DefectReported,
    Event,
    KillEngaged,
    Recorded,
    RunStarted,
    RunStopped,
    StrategyOverran,
)
from gateway.core.state import State
from gateway.core.values import SessionState

KILL_FILE = "kill file"


def _run_started(state: State, recorded: Recorded, event: RunStarted) -> list[Change]:
    control = state.control
    unclean = control.run.running
    trading_date = max(event.trading_date, control.run.trading_date)  # a clock that fell back brings no day back
    if trading_date != control.run.trading_date:
        state.execution.forget_days()
    control.settings = event.settings
    control.run = Run(
        run_id=recorded.run_id,
        version=event.version,
        id_prefix=event.id_prefix,
        config_sha256=event.settings.config_sha256,
        trading_date=trading_date,
        started_ns=recorded.at_ns,
        running=True,
    )
    for name in tuple(control.hours):
        control.hours.discard(name)
    for name in dict.fromkeys((*control.venues, *event.settings.venues)):
        control.venues[name] = VenueState()
        forget_questions(state, name)
    changes: list[Change] = []
    for scope, why in zip_longest(event.killed, event.killed_why[: len(event.killed)], fillvalue=KILL_FILE):
        if scope not in control.killed:  # engaged while nobody ran: this is where history learns of it
            control.killed[scope] = why
            changes.append(_engaged_by_file(scope, why))
    for session in tuple(control.sessions.values()):
        changes += session_changed(state, replace(session, state=SessionState.DOWN), event="disconnect" if unclean else None)
    return changes


def _engaged_by_file(scope: str, why: str) -> OperatorActed:
    return OperatorActed(
        action=KillEngaged.kind(),
        actor=KILL_FILE,
        scope=scope,
        reason=why,
        request_id="",
        before="released",
        after="engaged",
        result="done",
    )


def _run_stopped(state: State, recorded: Recorded, event: RunStopped) -> list[Change]:
    state.control.run = replace(state.control.run, running=False, stopping=False)
    return []


def _only_decided_by(state: State, recorded: Recorded, event: ControlTime | StrategyOverran | DefectReported) -> list[Change]:
    """Nothing changes but by what the core makes of it."""
    return []


HANDLERS: dict[type[Event], Callable[[State, Recorded, Any], list[Change]]] = {
    RunStarted: _run_started,
    RunStopped: _run_stopped,
    ControlTime: _only_decided_by,
    StrategyOverran: _only_decided_by,
    DefectReported: _only_decided_by,
}
