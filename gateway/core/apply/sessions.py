"""FIX sessions: logons, sequence numbers, what was lost, and messages that could not become anything else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from gateway.core.apply.anomalies import session_misfit
from gateway.core.changes import Change, Session, SessionChanged
from gateway.core.contents import PlannedNumbers, VenueState
from gateway.core.events import (
    EngineRejected,
    Event,
    LostRange,
    Recorded,
    SessionDown,
    SessionEvent,
    SessionLoggedOn,
    SessionNotice,
    SessionReset,
    SessionScheduled,
    SessionSettled,
    SessionUnsettled,
    Untranslated,
)
from gateway.core.state import State
from gateway.core.values import SessionState


def session_changed(
    state: State, after: Session, *, event: str | None, detail: str = "", msg_seq_num: int | None = None
) -> list[Change]:
    """The session is `after` from here on; `event` is what its history calls that, None for nothing."""
    before = state.control.sessions.get(after.venue)
    state.control.sessions[after.venue] = after
    return [SessionChanged(before=before, after=after, event=event, detail=detail, msg_seq_num=msg_seq_num)]


def _known(state: State, event: SessionEvent) -> Session:
    """One session a venue; its epoch and name are the event's."""
    session = state.control.sessions.get(event.venue, Session(venue=event.venue, session=event.session))
    return replace(session, session=event.session, epoch=event.epoch)


def _logged_on(state: State, recorded: Recorded, event: SessionLoggedOn) -> list[Change]:
    known = _known(state, event)
    session = replace(
        known,
        state=SessionState.LOGGED_ON,
        next_sender=event.next_sender,
        next_target=event.next_target,
        logons=known.logons + 1,
        last_logon_ns=recorded.at_ns,
    )
    state.control.venues[event.venue] = VenueState(reason="settling sequence numbers")
    state.control.planned.discard(event.venue)
    return session_changed(state, session, event="logon")


def _settled(state: State, recorded: Recorded, event: SessionSettled) -> list[Change]:
    session = replace(
        _known(state, event), state=SessionState.SETTLED, next_sender=event.next_sender, next_target=event.next_target
    )
    state.control.venues[event.venue] = VenueState(reason="settled, not yet reconciled")
    return session_changed(state, session, event=None)


def _unsettled(state: State, recorded: Recorded, event: SessionUnsettled) -> list[Change]:
    state.control.venues[event.venue] = VenueState(reason=event.reason)
    forget_questions(state, event.venue)
    return session_changed(state, replace(_known(state, event), state=SessionState.LOGGED_ON), event=None)


def _down(state: State, recorded: Recorded, event: SessionDown) -> list[Change]:
    known = _known(state, event)
    reason = state.control.hours.get(event.venue) or event.reason or "disconnected"
    state.control.venues[event.venue] = VenueState(reason=reason)
    forget_questions(state, event.venue)
    kind = "logout" if event.reason.startswith("logout") else "disconnect"
    after = replace(
        known,
        state=SessionState.DOWN,
        next_sender=event.next_sender or known.next_sender,
        next_target=event.next_target or known.next_target,
        last_logout_ns=recorded.at_ns,
    )
    return session_changed(state, after, event=kind, detail=event.reason)


def forget_questions(state: State, venue: str) -> None:
    """What was asked over a session that is gone will not be answered: the next logon reconciles anew."""
    state.control.reconciliations.discard(venue)
    state.control.unreconciled.discard(venue)
    for order_id in tuple(state.control.unconfirmed_of[venue]):
        state.control.confirm(venue, order_id)
    for order_id in [order_id for order_id, asked in state.execution.asked.items() if asked.venue == venue]:
        state.execution.drop_asked(order_id)


def _notice(state: State, recorded: Recorded, event: SessionNotice) -> list[Change]:
    changes = session_changed(
        state, _known(state, event), event=event.event, detail=event.detail, msg_seq_num=event.msg_seq_num
    )
    if event.event in ("reject", "business_reject"):
        changes.append(session_misfit(event.event, event, event.detail, event.msg_seq_num))
    return changes


def _reset(state: State, recorded: Recorded, event: SessionReset) -> list[Change]:
    planned = PlannedNumbers(next_sender=event.next_sender, next_target=event.next_target, ask=event.by == "reset")
    if event.by == "logon":
        state.control.planned.discard(event.venue)
    else:
        state.control.planned[event.venue] = planned
    session = replace(_known(state, event), next_sender=event.next_sender, next_target=event.next_target)
    return session_changed(state, session, event="reset", detail=event.reason)


def _scheduled(state: State, recorded: Recorded, event: SessionScheduled) -> list[Change]:
    known = _known(state, event)
    if event.up:
        state.control.hours.discard(event.venue)
    else:
        state.control.hours[event.venue] = event.reason
    if known.state is SessionState.DOWN:
        state.control.venues[event.venue] = VenueState(reason="not logged on" if event.up else event.reason)
    kind = "schedule_begin" if event.up else "schedule_end"
    return session_changed(state, known, event=kind, detail=event.reason)


def _lost_range(state: State, recorded: Recorded, event: LostRange) -> list[Change]:
    detail = f"{event.begin}..{event.end}: {event.reason}"
    return [
        *session_changed(state, _known(state, event), event="lost_range", detail=detail, msg_seq_num=event.begin),
        session_misfit("lost_range", event, detail, event.begin),
    ]


def _engine_rejected(state: State, recorded: Recorded, event: EngineRejected) -> list[Change]:
    return [
        *session_changed(state, _known(state, event), event="reject", detail=event.detail, msg_seq_num=event.msg_seq_num),
        session_misfit("engine_rejected", event, event.detail, event.msg_seq_num, event.raw),
    ]


def _untranslated(state: State, recorded: Recorded, event: Untranslated) -> list[Change]:
    return [session_misfit("untranslated", event, event.detail, event.msg_seq_num, event.raw)]


HANDLERS: dict[type[Event], Callable[[State, Recorded, Any], list[Change]]] = {
    SessionLoggedOn: _logged_on,
    SessionSettled: _settled,
    SessionUnsettled: _unsettled,
    SessionDown: _down,
    SessionNotice: _notice,
    SessionReset: _reset,
    SessionScheduled: _scheduled,
    LostRange: _lost_range,
    EngineRejected: _engine_rejected,
    Untranslated: _untranslated,
}
