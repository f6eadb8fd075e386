"""Runs, switches, kill, sessions, time, and messages that could not become anything else."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from msgspec.structs import replace

from gateway.core.apply.positions import executions_window
from gateway.core.changes import AnomalyRaised, Change, OperatorActed, Session, SessionChanged
from gateway.core.events import (
    CancelRequested,
    ConfigurationUpdated,
    ControlTime,
    DefectReported,
    EngineRejected,
    Event,
    KillEngaged,
    KillReleased,
    LostRange,
    OperatorEvent,
    OrderRequested,
    OrderResolveRequested,
    Recorded,
    ReplaceRequested,
    RunStarted,
    RunStopped,
    SessionCommanded,
    SessionDown,
    SessionEvent,
    SessionLoggedOn,
    SessionNotice,
    SessionReset,
    SessionScheduled,
    SessionSettled,
    SessionUnsettled,
    StopRequested,
    StrategyOverran,
    TradingDayRolled,
    TradingSwitched,
    Untranslated,
    VenueCloseRequested,
    VenueOpenRequested,
)
from gateway.core.state import PlannedNumbers, Run, State, VenueState
from gateway.core.values import SCOPE_ALL, SessionState, TradingState

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
        _forget_questions(state, name)
    for scope in event.killed:
        if scope not in control.killed:
            control.killed[scope] = KILL_FILE
    changes: list[Change] = []
    for session in tuple(control.sessions.values()):
        changes += _session(state, replace(session, state=SessionState.DOWN), event="disconnect" if unclean else None)
    return changes


def _run_stopped(state: State, recorded: Recorded, event: RunStopped) -> list[Change]:
    state.control.run = replace(state.control.run, running=False, stopping=False)
    return []


def _act(
    state: State, event: OperatorEvent, scope: str, before: str, after: str, result: str = "done", order_id: str = ""
) -> list[Change]:
    """Remember the request id, and tell the audit trail."""
    state.control.requests[event.request_id] = order_id
    return [
        OperatorActed(
            action=event.kind(),
            actor=event.actor,
            scope=scope,
            reason=event.reason,
            request_id=event.request_id,
            before=before,
            after=after,
            result=result,
        )
    ]


def _once(handler: Callable[[State, Recorded, Any], list[Change]]) -> Callable[[State, Recorded, Any], list[Change]]:
    """A request that was seen before changes nothing: the retry of a release must not undo a later kill."""

    def once(state: State, recorded: Recorded, event: OperatorEvent) -> list[Change]:
        return [] if event.request_id in state.control.requests else handler(state, recorded, event)

    return once


def _trading_switched(state: State, recorded: Recorded, event: TradingSwitched) -> list[Change]:
    before = state.control.trading.get(event.scope, TradingState.ENABLED)
    if event.state is TradingState.ENABLED:
        state.control.trading.discard(event.scope)
        if event.scope == SCOPE_ALL:
            for name in tuple(state.control.broken):
                state.control.broken.discard(name)
        kind, _, name = event.scope.partition(":")
        known = state.control.strategies.get(name)
        if kind == "strategy" and known is not None:
            state.control.strategies[name] = replace(known, disabled=None, errors=0)
            state.execution.windows.clear(executions_window(name, ""))
    else:
        state.control.trading[event.scope] = event.state
    return _act(state, event, event.scope, before, event.state)


def _kill_engaged(state: State, recorded: Recorded, event: KillEngaged) -> list[Change]:
    before = "engaged" if event.scope in state.control.killed else "released"
    state.control.killed[event.scope] = event.reason
    return _act(state, event, event.scope, before, "engaged")


def _kill_released(state: State, recorded: Recorded, event: KillReleased) -> list[Change]:
    before = "engaged" if event.scope in state.control.killed else "released"
    state.control.killed.discard(event.scope)
    return _act(state, event, event.scope, before, "released")


def _order_requested(state: State, recorded: Recorded, event: OrderRequested) -> list[Change]:
    terms = [str(event.price if event.price is not None else event.order_type)]
    if event.stop_price is not None:
        terms = [*([] if event.price is None else terms), f"stop {event.stop_price}"]
    what = f"{event.side} {event.quantity} {event.symbol} at {' '.join(terms)}"
    run = state.control.run
    return _act(state, event, f"venue:{event.venue}", "", what, "requested", f"{run.run_id}-{run.orders + 1}")


def _replace_requested(state: State, recorded: Recorded, event: ReplaceRequested) -> list[Change]:
    order = state.execution.orders.get(event.order_id)
    before = "" if order is None else _terms(order.quantity, order.price, order.stop_price)
    after = _terms(event.quantity, event.price, event.stop_price)
    return _act(state, event, f"order:{event.order_id}", before, f"replace {after}", "requested", event.order_id)


def _terms(quantity: Decimal | None, price: Decimal | None, stop_price: Decimal | None) -> str:
    said = (("quantity", quantity), ("price", price), ("stop price", stop_price))
    return ", ".join(f"{name} {value}" for name, value in said if value is not None)


def _cancel_requested(state: State, recorded: Recorded, event: CancelRequested) -> list[Change]:
    scope = event.scope or (f"order:{event.order_id}" if event.order_id else "")
    return _act(state, event, scope, "", "cancel", "requested")


def _order_resolve_requested(state: State, recorded: Recorded, event: OrderResolveRequested) -> list[Change]:
    order = state.execution.orders.get(event.order_id)
    before = "" if order is None else f"{order.state}, in doubt: {order.in_doubt}" if order.in_doubt else str(order.state)
    filled = "" if event.cum_qty is None else f", CumQty {event.cum_qty} at {event.avg_px}"
    return _act(state, event, f"order:{event.order_id}", before, event.disposition + filled, "requested")


def _venue_close_requested(state: State, recorded: Recorded, event: VenueCloseRequested) -> list[Change]:
    before = state.control.venues.get(event.venue, VenueState())
    state.control.closed[event.venue] = f"closed by {event.actor}: {event.reason}"
    state.control.venues[event.venue] = VenueState(reason=state.control.closed[event.venue])
    return _act(state, event, f"venue:{event.venue}", "open" if before.opened else before.reason, "closed")


def _venue_open_requested(state: State, recorded: Recorded, event: VenueOpenRequested) -> list[Change]:
    before = state.control.venues.get(event.venue, VenueState())
    state.control.closed.discard(event.venue)
    return _act(state, event, f"venue:{event.venue}", before.reason, "open on an operator's word", "requested")


def _configuration_updated(state: State, recorded: Recorded, event: ConfigurationUpdated) -> list[Change]:
    before, after = state.control.config_sha256, event.settings.config_sha256
    state.control.settings = event.settings
    state.control.run = replace(state.control.run, config_sha256=after)
    return _act(state, event, SCOPE_ALL, before, f"{after} {', '.join(event.changed)}".strip())


def _session_commanded(state: State, recorded: Recorded, event: SessionCommanded) -> list[Change]:
    known = state.control.sessions.get(event.venue)
    numbers = {"sender": event.next_sender, "target": event.next_target}
    after = " ".join((event.action, *(f"{name}={number}" for name, number in numbers.items() if number is not None)))
    return _act(state, event, f"venue:{event.venue}", "down" if known is None else known.state, after, "requested")


def _day_rolled(state: State, recorded: Recorded, event: TradingDayRolled) -> list[Change]:
    before = state.control.run.trading_date
    if event.trading_date <= before:
        return _act(state, event, SCOPE_ALL, before, before, "unchanged")
    state.control.run = replace(state.control.run, trading_date=event.trading_date)
    state.execution.forget_days()
    return _act(state, event, SCOPE_ALL, before, event.trading_date)


def _stop_requested(state: State, recorded: Recorded, event: StopRequested) -> list[Change]:
    state.control.run = replace(state.control.run, stopping=True)
    return _act(state, event, SCOPE_ALL, "running", "stopping", "requested")


def _session(
    state: State, after: Session, *, event: str | None, detail: str = "", msg_seq_num: int | None = None
) -> list[Change]:
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
    return _session(state, session, event="logon")


def _settled(state: State, recorded: Recorded, event: SessionSettled) -> list[Change]:
    session = replace(
        _known(state, event), state=SessionState.SETTLED, next_sender=event.next_sender, next_target=event.next_target
    )
    state.control.venues[event.venue] = VenueState(reason="settled, not yet reconciled")
    return _session(state, session, event=None)


def _unsettled(state: State, recorded: Recorded, event: SessionUnsettled) -> list[Change]:
    state.control.venues[event.venue] = VenueState(reason=event.reason)
    _forget_questions(state, event.venue)
    return _session(state, replace(_known(state, event), state=SessionState.LOGGED_ON), event=None)


def _down(state: State, recorded: Recorded, event: SessionDown) -> list[Change]:
    known = _known(state, event)
    reason = state.control.hours.get(event.venue) or event.reason or "disconnected"
    state.control.venues[event.venue] = VenueState(reason=reason)
    _forget_questions(state, event.venue)
    kind = "logout" if event.reason.startswith("logout") else "disconnect"
    after = replace(
        known,
        state=SessionState.DOWN,
        next_sender=event.next_sender or known.next_sender,
        next_target=event.next_target or known.next_target,
        last_logout_ns=recorded.at_ns,
    )
    return _session(state, after, event=kind, detail=event.reason)


def _forget_questions(state: State, venue: str) -> None:
    """What was asked over a session that is gone will not be answered: the next logon reconciles anew."""
    state.control.reconciliations.discard(venue)
    for order_id in tuple(state.control.unconfirmed_of[venue]):
        state.control.confirm(venue, order_id)
    for order_id in [order_id for order_id, asked in state.execution.asked.items() if asked.venue == venue]:
        state.execution.drop_asked(order_id)


def _notice(state: State, recorded: Recorded, event: SessionNotice) -> list[Change]:
    changes = _session(state, _known(state, event), event=event.event, detail=event.detail, msg_seq_num=event.msg_seq_num)
    if event.event in ("reject", "business_reject"):
        changes.append(_anomaly(event, event.event, event.detail, event.msg_seq_num))
    return changes


def _reset(state: State, recorded: Recorded, event: SessionReset) -> list[Change]:
    planned = PlannedNumbers(next_sender=event.next_sender, next_target=event.next_target, ask=event.by == "reset")
    if event.by == "logon":
        state.control.planned.discard(event.venue)
    else:
        state.control.planned[event.venue] = planned
    session = replace(_known(state, event), next_sender=event.next_sender, next_target=event.next_target)
    return _session(state, session, event="reset", detail=event.reason)


def _scheduled(state: State, recorded: Recorded, event: SessionScheduled) -> list[Change]:
    known = _known(state, event)
    if event.up:
        state.control.hours.discard(event.venue)
    else:
        state.control.hours[event.venue] = event.reason
    if known.state is SessionState.DOWN:
        state.control.venues[event.venue] = VenueState(reason="not logged on" if event.up else event.reason)
    kind = "schedule_begin" if event.up else "schedule_end"
    return _session(state, known, event=kind, detail=event.reason)


def _lost_range(state: State, recorded: Recorded, event: LostRange) -> list[Change]:
    detail = f"{event.begin}..{event.end}: {event.reason}"
    return [
        *_session(state, _known(state, event), event="lost_range", detail=detail, msg_seq_num=event.begin),
        _anomaly(event, "lost_range", detail, event.begin),
    ]


def _engine_rejected(state: State, recorded: Recorded, event: EngineRejected) -> list[Change]:
    return [
        *_session(state, _known(state, event), event="reject", detail=event.detail, msg_seq_num=event.msg_seq_num),
        _anomaly(event, "engine_rejected", event.detail, event.msg_seq_num, event.raw),
    ]


def _untranslated(state: State, recorded: Recorded, event: Untranslated) -> list[Change]:
    return [_anomaly(event, "untranslated", event.detail, event.msg_seq_num, event.raw)]


def _only_decided_by(state: State, recorded: Recorded, event: ControlTime | StrategyOverran | DefectReported) -> list[Change]:
    """Nothing changes but by what the core makes of it."""
    return []


def _anomaly(event: SessionEvent, kind: str, detail: str, msg_seq_num: int | None, raw: str | None = None) -> AnomalyRaised:
    return AnomalyRaised(
        anomaly=kind, venue=event.venue, session=event.session, msg_seq_num=msg_seq_num, raw=raw, detail=detail
    )


HANDLERS: dict[type[Event], Callable[[State, Recorded, Any], list[Change]]] = {
    RunStarted: _run_started,
    RunStopped: _run_stopped,
    TradingDayRolled: _once(_day_rolled),
    TradingSwitched: _once(_trading_switched),
    KillEngaged: _kill_engaged,  # engaging again is always meant
    KillReleased: _once(_kill_released),
    OrderRequested: _once(_order_requested),
    ReplaceRequested: _once(_replace_requested),
    CancelRequested: _once(_cancel_requested),
    OrderResolveRequested: _once(_order_resolve_requested),
    VenueCloseRequested: _once(_venue_close_requested),
    VenueOpenRequested: _once(_venue_open_requested),
    ConfigurationUpdated: _once(_configuration_updated),
    SessionCommanded: _once(_session_commanded),
    StopRequested: _once(_stop_requested),
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
    ControlTime: _only_decided_by,
    StrategyOverran: _only_decided_by,
    DefectReported: _only_decided_by,
}
