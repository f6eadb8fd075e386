"""The control surface of a running gateway: every change becomes an event; every answer carries its position."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from time import monotonic
from typing import Any

import msgspec

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
    ClosedUnsent,
    Denied,
    Dispatched,
    Event,
    KillEngaged,
    KillReleased,
    OrderRequested,
    OrderResolveRequested,
    Queued,
    ReplaceRequested,
    Resolved,
    StopRequested,
    Superseded,
    TradingDayRolled,
    TradingSwitched,
    VenueCloseRequested,
    VenueOpenRequested,
)
from gateway.core.orders import Command, Order
from gateway.core.reactions.intents import DESK
from gateway.core.reactions.resolve import DISPOSITIONS, objection
from gateway.core.turn import Step
from gateway.core.values import OrderState, OrderType, TimeInForce, scope_problem
from gateway.errors import Denied as RequestDenied
from gateway.errors import NotFound, PreconditionFailed, UnknownOutcome, UsageError
from gateway.runtime.positions import adjustment, adjustment_problem
from gateway.runtime.reload import Reloader
from gateway.runtime.runtime import Runtime
from gateway.runtime.session_control import SessionControl, fresh
from gateway.runtime.status import Reporter
from gateway.venue.gate import KillGate

_log = logging.getLogger(__name__)
APPLY_SECONDS = 5.0
MOST_WAITS = 16
"""Requests that may wait for a venue at once; fewer than the control server has threads."""
_KILL_SECONDS = 1.0
_IMMEDIATE = (TimeInForce.IOC, TimeInForce.FOK)


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
        self._gate = gate
        self._reporter = reporter
        self._reloader = reloader
        self._request_stop = request_stop
        self._sessions = SessionControl(runtime)
        self._releasing = threading.Lock()
        self._waits = threading.BoundedSemaphore(MOST_WAITS)

    def status(self) -> dict[str, Any]:
        return self._reporter.document()

    def seq(self) -> int:
        return self._runtime.durable_seq

    # ---------------------------------------------------------------------------------------------------------- orders

    def new_order(self, request: NewOrder, actor: str) -> OrderAnswer:
        event = OrderRequested(
            actor=actor,
            reason=request.reason,
            request_id=request.request_id,
            venue=request.venue,
            symbol=request.symbol,
            side=request.side,
            quantity=request.quantity,
            price=request.price,
            stop_price=request.stop_price,
            order_type=request.order_type,
            time_in_force=request.time_in_force,
            account=request.account,
        )
        self._refuse_another(request)
        step = self._submit(event)
        answer = self._answer(step, request.request_id)
        if answer.stage == "denied" or not request.wait_seconds:
            return answer
        at_once = request.order_type is OrderType.MARKET or request.time_in_force in _IMMEDIATE
        return self._wait(answer, request.wait_seconds, _ended if at_once else _answered)

    def replace_order(self, request: ReplaceOrder, actor: str) -> OrderAnswer:
        event = ReplaceRequested(
            actor=actor,
            reason=request.reason,
            request_id=request.request_id,
            order_id=request.order_id,
            quantity=request.quantity,
            price=request.price,
            stop_price=request.stop_price,
        )
        step = self._submit(event)
        decided = _decided(step, request.order_id)
        if decided is None:  # denied, or made before
            answer = self._answer(step, request.request_id, request.order_id)
            if answer.code == "unknown_order":
                raise NotFound(f"order {request.order_id}: there is no such order")
            return answer
        if isinstance(decided, Superseded):
            reason = f"order {request.order_id} is being cancelled"
            return OrderAnswer(order_id=request.order_id, stage="denied", code="superseded", reason=reason, seq=_position(step))
        name = decided.command.cl_ord_id
        answer = self._of_order(
            request.order_id, "dispatched" if isinstance(decided, Dispatched) else "queued", _position(step)
        )
        if not request.wait_seconds:
            return answer
        answer = self._wait(answer, request.wait_seconds, lambda order: self._replace_answered(order, name))
        order = self._order(request.order_id)
        if answer.timed_out or order is None or not self._replace_answered(order, name):
            return answer
        return msgspec.structs.replace(answer, replaced=order.cl_ord_id == name)

    def _replace_answered(self, order: Order, name: str) -> bool:
        """The request is neither waiting nor on its way: the order goes by its name, or it was refused."""
        pending = self._runtime.core.state.execution.pending.get(order.order_id)
        waiting = pending is not None and pending.command.cl_ord_id == name
        return order.state.terminal or (not waiting and order.new_in_flight != name)

    def _refuse_another(self, request: NewOrder) -> None:
        """A request id stands for one request: under a used one, another order would look sent and not be."""
        execution = self._runtime.core.state.execution
        made = self._runtime.core.state.control.requests.get(request.request_id)
        if made is None:
            return
        pending = execution.pending.get(made)
        order = execution.orders.get(made) or (None if pending is None else pending.command)
        if order is None:
            return
        same = ["venue", "symbol", "side", "order_type", "time_in_force"]
        if isinstance(order, Command) or order.requests == 1:
            same += ["quantity", "price", "stop_price"]
        for name in same:
            before, now = getattr(order, name), getattr(request, name)
            if before != now:
                raise RequestDenied(
                    f"request id {request.request_id} was used for order {made}, whose {name} is {before}, not {now}:"
                    " nothing was sent; use another id for another order"
                )

    def cancel_order(self, request: CancelOrder, actor: str) -> OrderAnswer:
        event = CancelRequested(actor=actor, reason=request.reason, request_id=request.request_id, order_id=request.order_id)
        step = self._submit(event)
        answer = self._answer(step, request.request_id, request.order_id)
        if answer.code == "unknown_order":
            raise NotFound(f"order {request.order_id}: there is no such order")
        if answer.stage == "denied" or not request.wait_seconds:
            return answer
        return self._wait(answer, request.wait_seconds, self._cancel_answered)

    def resolve_order(self, request: ResolveOrder, actor: str) -> OrderAnswer:
        if request.disposition not in DISPOSITIONS:
            raise UsageError(f"{request.disposition!r} is not a disposition: use one of {', '.join(DISPOSITIONS)}")
        if self._order(request.order_id) is None:
            raise NotFound(f"order {request.order_id}: there is no such order")
        event = OrderResolveRequested(
            actor=actor,
            reason=request.reason,
            request_id=request.request_id,
            order_id=request.order_id,
            disposition=request.disposition,
            cum_qty=request.cum_qty,
            avg_px=request.avg_px,
        )
        state = self._runtime.core.state
        known = request.request_id in state.control.requests
        problem = None if known else objection(state, event)
        if problem is not None:
            raise PreconditionFailed(problem)
        step = self._submit(event)
        if not known and not any(isinstance(recorded.event, Resolved) for recorded in step.records):
            raise PreconditionFailed(f"order {request.order_id} has changed since: look at `gateway order show` again")
        return self._of_order(request.order_id, "dispatched", _position(step))

    def cancel_all(self, request: CancelAll, actor: str) -> Answer:
        self._names_something(request.scope)
        step = self._submit(
            CancelRequested(actor=actor, reason=request.reason, request_id=request.request_id, scope=request.scope)
        )
        return _answer(step, f"{_cancels(step)} cancels sent or queued")

    def _answer(self, step: Step, request_id: str, order_id: str | None = None) -> OrderAnswer:
        """What became of the one intent in this step; for a repeated request, what became of it the first time."""
        seq = _position(step)
        for recorded in step.records:
            event = recorded.event
            if isinstance(event, Denied):
                return OrderAnswer(order_id=event.order_id, stage="denied", code=event.code, reason=event.reason, seq=seq)
            if isinstance(event, (Dispatched, Queued)) and order_id in (None, event.command.order_id):
                stage = "dispatched" if isinstance(event, Dispatched) else "queued"
                return self._of_order(event.command.order_id, stage, seq)
            if isinstance(event, (ClosedUnsent, Superseded)) and event.command.order_id == order_id:
                return self._of_order(order_id, "dispatched" if isinstance(event, Superseded) else "queued", seq)
        made = order_id or self._runtime.core.state.control.requests.get(request_id)
        if not made:
            raise UnknownOutcome("the request was applied and led to nothing; see `gateway decision list`")
        if made in self._runtime.core.state.execution.pending:
            return self._of_order(made, "queued", seq)
        if self._order(made) is None:
            raise RequestDenied(
                f"request {request_id} was made before; its order {made} was never sent: see `gateway decision list`"
            )
        return self._of_order(made, "dispatched", seq)

    def _of_order(self, order_id: str, stage: str, seq: int) -> OrderAnswer:
        order = self._order(order_id)
        return OrderAnswer(order_id=order_id, stage=stage, state=None if order is None else order.state, seq=seq)

    def _order(self, order_id: str) -> Order | None:
        return self._runtime.core.state.execution.orders.get(order_id)

    def _cancel_answered(self, order: Order) -> bool:
        """The order has ended, or its cancel is neither waiting nor on its way: it was refused."""
        pending = order.order_id in self._runtime.core.state.execution.pending
        return order.state.terminal or (order.cancel_in_flight is None and not pending)

    def _wait(self, answer: OrderAnswer, seconds: float, enough: Callable[[Order], bool]) -> OrderAnswer:
        """Until the venue's answer is durable, or the time is up."""
        assert answer.order_id is not None
        if not self._waits.acquire(blocking=False):
            return answer  # too many are waiting already: the kill switch must always find a free thread
        try:
            return self._awaited(answer, seconds, enough)
        finally:
            self._waits.release()

    def _awaited(self, answer: OrderAnswer, seconds: float, enough: Callable[[Order], bool]) -> OrderAnswer:
        assert answer.order_id is not None
        end = monotonic() + seconds
        while True:
            with self._runtime.turned:
                order = self._order(answer.order_id)
                if order is not None and enough(order):
                    return self._of_order(answer.order_id, "dispatched", self._runtime.durable_seq)
                left = end - monotonic()
                if left <= 0 or not self._runtime.turned.wait(left):
                    break
        stage = "queued" if self._order(answer.order_id) is None else "dispatched"
        final = self._of_order(answer.order_id, stage, self._runtime.durable_seq)
        return OrderAnswer(order_id=final.order_id, stage=stage, state=final.state, seq=final.seq, timed_out=True)

    # ------------------------------------------------------------------------------------------------------------ kill

    def engage_kill(self, request: Kill, actor: str) -> KillAnswer:
        self._names_something(request.scope)
        problem = ""
        try:
            self._gate.engage(request.scope, request.reason)
        except PreconditionFailed as error:
            problem = f"; the gate is closed in this process only: {error}"
            _log.critical("%s", error)
        event = KillEngaged(actor=actor, reason=request.reason, request_id=request.request_id, scope=request.scope)
        try:
            step = self._runtime.submit(event, _KILL_SECONDS)
        except UnknownOutcome:
            detail = "the gate is closed; the core does not answer, cancels follow when it does" + problem
            return KillAnswer(engaged=dict(self._gate.engaged), detail=detail)
        with self._releasing:  # a release that was decided before this may have opened the gate since
            if request.scope not in self._gate.engaged:
                self._gate.engage(request.scope, request.reason)
        detail = "gate closed" + problem
        return KillAnswer(engaged=dict(self._gate.engaged), cancelling=_cancels(step), seq=_position(step), detail=detail)

    def release_kill(self, request: Kill, actor: str) -> KillAnswer:
        _check(request.scope)
        state = self._runtime.core.state
        if request.scope not in self._gate.engaged and request.scope not in state.control.killed:
            raise PreconditionFailed(f"the kill switch is not engaged for {request.scope}; engaged: {self._engaged()}")
        event = KillReleased(actor=actor, reason=request.reason, request_id=request.request_id, scope=request.scope)
        times = self._gate.times(request.scope)

        def open_gate() -> None:
            """With the release durable and before what a strategy makes of it is sent: else the gate would stop all that."""
            if request.scope not in state.control.killed:
                self._gate.release(request.scope, times)

        with self._releasing:
            step = self._runtime.submit(event, APPLY_SECONDS, open_gate)
            if request.scope in state.control.killed or request.scope in self._gate.engaged:
                raise PreconditionFailed(
                    f"the kill switch stays engaged for {request.scope}: it was engaged again since this request; "
                    "release it with a request of its own"
                )
        return KillAnswer(engaged=dict(self._gate.engaged), seq=_position(step), detail="released")

    def kill_status(self) -> KillAnswer:
        state = self._runtime.core.state
        return KillAnswer(engaged={**state.control.killed, **self._gate.engaged}, seq=self._runtime.durable_seq)

    def _engaged(self) -> str:
        return ", ".join(sorted({*self._gate.engaged, *self._runtime.core.state.control.killed})) or "nothing"

    # ---------------------------------------------------------------------------------------------------------- others

    def switch_trading(self, request: SwitchTrading, actor: str) -> Answer:
        self._names_something(request.scope)
        event = TradingSwitched(
            actor=actor,
            reason=request.reason,
            request_id=request.request_id,
            scope=request.scope,
            state=request.state,
        )
        return _answer(self._submit(event), f"trading {request.state} for {request.scope}")

    def open_venue(self, request: OpenVenue, actor: str) -> Answer:
        self._adapter_exists(request.venue)
        event = VenueOpenRequested(actor=actor, reason=request.reason, request_id=request.request_id, venue=request.venue)
        step = self._submit(event)
        if not self._runtime.core.state.control.venues[request.venue].opened:
            raise PreconditionFailed(f"venue {request.venue} cannot open: it is not logged on with settled numbers")
        return Answer(seq=_position(step), detail=f"venue {request.venue} is open")

    def close_venue(self, request: CloseVenue, actor: str) -> Answer:
        self._adapter_exists(request.venue)
        event = VenueCloseRequested(actor=actor, reason=request.reason, request_id=request.request_id, venue=request.venue)
        return _answer(self._submit(event), f"venue {request.venue} is closed to new orders")

    def adjust_position(self, request: AdjustPosition, actor: str) -> Answer:
        objection = adjustment_problem(self._runtime.core.state, request)
        if objection is not None:
            raise objection
        return Answer(seq=_position(self._submit(adjustment(request, actor))), detail="position adjusted")

    def roll_day(self, request: RollDay, actor: str) -> Answer:
        present = self._runtime.core.state.control.run.trading_date
        date = request.trading_date or self._runtime.day.after(present)
        self._runtime.day.check(date, present)
        event = TradingDayRolled(actor=actor, reason=request.reason, request_id=request.request_id, trading_date=date)
        step = self._submit(event)
        return Answer(seq=_position(step), detail=f"trading day {self._runtime.core.state.control.run.trading_date}")

    def session(self, request: SessionRequest, actor: str) -> Answer:
        return self._sessions.act(request, actor)

    def apply_configuration(self, request: ApplyConfiguration, actor: str) -> ConfigurationAnswer:
        return self._reloader.apply(request, actor)

    def stop(self, request: Stop, actor: str) -> Answer:
        event = StopRequested(
            actor=actor, reason=request.reason, request_id=request.request_id, cancel_open=request.cancel_open
        )
        step = self._submit(event)
        self._request_stop(f"{actor}: {request.reason}")
        return Answer(seq=_position(step), detail="stopping")

    def _submit(self, event: Event) -> Step:
        return self._runtime.submit(event, APPLY_SECONDS)

    def _adapter_exists(self, venue: str) -> None:
        if venue not in self._runtime.adapters:
            raise NotFound(f"venue {venue!r} is not configured; known: {', '.join(sorted(self._runtime.adapters))}")

    def _names_something(self, scope: str) -> None:
        """A scope with a slip in it would stop nothing, and its author would believe it had. Accounts are not declared."""
        _check(scope)
        kind, _, name = scope.partition(":")
        state = self._runtime.core.state
        settings = state.control.settings
        known: dict[str, set[str]] = {
            "venue": set(settings.venues),
            "strategy": {*settings.strategies, DESK},
            "instrument": set(settings.instruments),
        }
        if kind in known and name not in known[kind] and scope not in state.execution.open:
            raise NotFound(f"there is no {kind} {name!r}; known: {', '.join(sorted(known[kind]))}")


def _decided(step: Step, order_id: str) -> Dispatched | Queued | Superseded | None:
    """What execution control said last of an order's REPLACE; None when risk said no, or nothing was decided."""
    last = None
    for recorded in step.records:
        event = recorded.event
        if isinstance(event, Dispatched | Queued | Superseded) and event.command.order_id == order_id:
            last = event
    return last


def _check(scope: str) -> None:
    problem = scope_problem(scope)
    if problem is not None:
        raise UsageError(problem)


def _answer(step: Step, done: str) -> Answer:
    """What was done; a request that was made before has done nothing now, whatever it asks for."""
    detail = done if fresh(step) else "this request id was used before: nothing was done now"
    return Answer(seq=_position(step), detail=detail)


def _position(step: Step) -> int:
    return step.records[-1].seq


def _cancels(step: Step) -> int:
    return sum(
        1
        for recorded in step.records
        if isinstance(recorded.event, (Dispatched, Queued)) and recorded.event.command.kind == "CANCEL"
    )


def _answered(order: Order) -> bool:
    return order.state is not OrderState.SUBMITTED


def _ended(order: Order) -> bool:
    return order.state.terminal
