"""What operators ask for: switches, the kill switch, requests. Each counts once, and is told to the audit trail."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from msgspec.structs import replace

from gateway.core.apply.positions import executions_window, set_position
from gateway.core.changes import Change, OperatorActed
from gateway.core.contents import VenueState
from gateway.core.events import (
    CancelRequested,
    ConfigurationUpdated,
    Event,
    KillEngaged,
    KillReleased,
    OperatorEvent,
    OrderRequested,
    OrderResolveRequested,
    PositionAdjusted,
    Recorded,
    ReplaceRequested,
    SessionCommanded,
    StopRequested,
    TradingDayRolled,
    TradingSwitched,
    VenueCloseRequested,
    VenueOpenRequested,
)
from gateway.core.orders import Position
from gateway.core.state import State
from gateway.core.values import SCOPE_ALL, TradingState


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
    if not state.control.settled(event.venue):  # what is refused lifts nothing: closed stays closed at the next logon
        return _act(state, event, f"venue:{event.venue}", before.reason, before.reason, "refused")
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


def _position_adjusted(state: State, recorded: Recorded, event: PositionAdjusted) -> list[Change]:
    key = (event.account, event.strategy, event.venue, event.symbol)
    change = set_position(state, recorded, key, event.quantity, event.avg_px, "adjustment")
    return [change, *_act(state, event, f"account:{event.account}", _words(change.before), _words(change.after))]


def _words(position: Position) -> str:
    where = f"{position.strategy} {position.venue} {position.symbol}"
    return f"{where}: {position.net_qty.normalize():f} at {position.avg_px.normalize():f}"


HANDLERS: dict[type[Event], Callable[[State, Recorded, Any], list[Change]]] = {
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
    PositionAdjusted: _once(_position_adjusted),
}
