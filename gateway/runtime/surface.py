"""The control surface of a running gateway: every change becomes an event; every answer carries its position.

What takes more than an event and its answer has a module of its own: orders, the kill switch, sessions, the configuration.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gateway.control.surface import (
    AdjustPosition,
    Answer,
    ApplyConfiguration,
    CancelAll,
    CancelOrder,
    CloseVenue,
    ConfigurationAnswer,
    Kill,
    KillAnswer,
    NewOrder,
    OpenVenue,
    OrderAnswer,
    ReplaceOrder,
    ResolveOrder,
    RollDay,
    SessionRequest,
    Stop,
    SwitchTrading,
)
from gateway.core.events import (
    CancelRequested,
    Event,
    StopRequested,
    TradingDayRolled,
    TradingSwitched,
    VenueCloseRequested,
    VenueOpenRequested,
)
from gateway.core.turn import Step
from gateway.errors import PreconditionFailed
from gateway.runtime.kill_switch import KillSwitch
from gateway.runtime.order_requests import OrderRequests
from gateway.runtime.position_adjustment import adjustment, adjustment_problem
from gateway.runtime.reload import Reloader
from gateway.runtime.requests import APPLY_SECONDS, cancels, fresh, position, require_scope, require_venue
from gateway.runtime.runtime import Runtime
from gateway.runtime.session_control import SessionControl
from gateway.runtime.status import Reporter
from gateway.venue.gate import KillGate
from gateway.wording import counted


class GatewaySurface:
    """Implements gateway.control.surface.Surface; any thread."""

    def __init__(
        self,
        runtime: Runtime,
        gate: KillGate,
        reporter: Reporter,
        reloader: Reloader,
        request_stop: Callable[[str], None],
    ) -> None:
        self._runtime = runtime
        self._reporter = reporter
        self._reloader = reloader
        self._request_stop = request_stop
        self._orders = OrderRequests(runtime)
        self._kill = KillSwitch(runtime, gate)
        self._sessions = SessionControl(runtime)

    def status(self) -> dict[str, Any]:
        return self._reporter.document()

    def seq(self) -> int:
        return self._runtime.durable_seq

    # ---------------------------------------------------------------------------------------------------------- orders

    def new_order(self, request: NewOrder, actor: str) -> OrderAnswer:
        return self._orders.new(request, actor)

    def replace_order(self, request: ReplaceOrder, actor: str) -> OrderAnswer:
        return self._orders.replace(request, actor)

    def cancel_order(self, request: CancelOrder, actor: str) -> OrderAnswer:
        return self._orders.cancel(request, actor)

    def resolve_order(self, request: ResolveOrder, actor: str) -> OrderAnswer:
        return self._orders.resolve(request, actor)

    def cancel_all(self, request: CancelAll, actor: str) -> Answer:
        self._require_scope(request.scope)
        step = self._submit(
            CancelRequested(actor=actor, reason=request.reason, request_id=request.request_id, scope=request.scope)
        )
        return _answer(step, f"{counted(cancel=cancels(step))} sent or queued")

    # ------------------------------------------------------------------------------------------------- kill and trading

    def engage_kill(self, request: Kill, actor: str) -> KillAnswer:
        return self._kill.engage(request, actor)

    def release_kill(self, request: Kill, actor: str) -> KillAnswer:
        return self._kill.release(request, actor)

    def kill_status(self) -> KillAnswer:
        return self._kill.status()

    def switch_trading(self, request: SwitchTrading, actor: str) -> Answer:
        self._require_scope(request.scope)
        event = TradingSwitched(
            actor=actor,
            reason=request.reason,
            request_id=request.request_id,
            scope=request.scope,
            state=request.state,
        )
        return _answer(self._submit(event), f"trading {request.state} for {request.scope}")

    # ---------------------------------------------------------------------------------------------------------- others

    def open_venue(self, request: OpenVenue, actor: str) -> Answer:
        require_venue(self._runtime.adapters, request.venue)
        event = VenueOpenRequested(actor=actor, reason=request.reason, request_id=request.request_id, venue=request.venue)
        step = self._submit(event)
        control = self._runtime.core.state.control
        if not control.venues[request.venue].opened:
            closed = control.closed.get(request.venue)
            still = "" if closed is None else f", and stays {closed}"
            raise PreconditionFailed(f"venue {request.venue} cannot open: it is not logged on with settled numbers{still}")
        return Answer(seq=position(step), detail=f"venue {request.venue} is open")

    def close_venue(self, request: CloseVenue, actor: str) -> Answer:
        require_venue(self._runtime.adapters, request.venue)
        event = VenueCloseRequested(actor=actor, reason=request.reason, request_id=request.request_id, venue=request.venue)
        return _answer(self._submit(event), f"venue {request.venue} is closed to new orders")

    def adjust_position(self, request: AdjustPosition, actor: str) -> Answer:
        objection = adjustment_problem(self._runtime.core.state, request)
        if objection is not None:
            raise objection
        return Answer(seq=position(self._submit(adjustment(request, actor))), detail="position adjusted")

    def roll_day(self, request: RollDay, actor: str) -> Answer:
        present = self._runtime.core.state.control.run.trading_date
        date = request.trading_date or self._runtime.day.after(present)
        self._runtime.day.check(date, present)
        event = TradingDayRolled(actor=actor, reason=request.reason, request_id=request.request_id, trading_date=date)
        step = self._submit(event)
        return Answer(seq=position(step), detail=f"trading day {self._runtime.core.state.control.run.trading_date}")

    def session(self, request: SessionRequest, actor: str) -> Answer:
        return self._sessions.act(request, actor)

    def apply_configuration(self, request: ApplyConfiguration, actor: str) -> ConfigurationAnswer:
        return self._reloader.apply(request, actor)

    def stop(self, request: Stop, actor: str) -> Answer:
        event = StopRequested(
            actor=actor, reason=request.reason, request_id=request.request_id, cancel_open=request.cancel_open
        )

        def end() -> None:
            """With the event durable, whoever waits for that: trading has ended with it, and the process must follow."""
            self._request_stop(f"{actor}: {request.reason}")

        try:
            return Answer(seq=position(self._runtime.submit(event, APPLY_SECONDS, end)), detail="stopping")
        except PreconditionFailed as error:  # there is no thread any more that could write it down
            end()
            return Answer(seq=None, detail=f"stopping, although {error}")

    def _submit(self, event: Event) -> Step:
        return self._runtime.submit(event, APPLY_SECONDS)

    def _require_scope(self, scope: str) -> None:
        require_scope(self._runtime.core.state, scope)


def _answer(step: Step, done: str) -> Answer:
    """What was done; a request that was made before has done nothing now, whatever it asks for."""
    detail = done if fresh(step) else "this request id was used before: nothing was done now"
    return Answer(seq=position(step), detail=detail)
