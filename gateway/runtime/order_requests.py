"""What an operator asks of one order, and what became of it: the event, its step, and on request the venue's answer."""

from __future__ import annotations

import threading
from collections.abc import Callable
from time import monotonic

from msgspec.structs import replace

from gateway.control.surface import CancelOrder, NewOrder, OrderAnswer, ReplaceOrder, ResolveOrder
from gateway.core.events import (
    CancelRequested,
    ClosedUnsent,
    Denied,
    Dispatched,
    Event,
    OrderRequested,
    OrderResolveRequested,
    Queued,
    ReplaceRequested,
    Resolved,
    Superseded,
)
from gateway.core.orders import Command, Order
from gateway.core.reactions.resolve import DISPOSITIONS, objection
from gateway.core.turn import Step
from gateway.core.values import OrderState, OrderType, TimeInForce
from gateway.errors import Denied as RequestDenied
from gateway.errors import NotFound, PreconditionFailed, UnknownOutcome, UsageError
from gateway.runtime.requests import APPLY_SECONDS, position
from gateway.runtime.runtime import Runtime

MOST_WAITS = 16
"""Requests that may wait for a venue at once; fewer than the control server has threads."""
_IMMEDIATE = (TimeInForce.IOC, TimeInForce.FOK)


class OrderRequests:
    """Any thread. Every request raises UnknownOutcome when the core does not apply it in time."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._waits = threading.BoundedSemaphore(MOST_WAITS)

    def new(self, request: NewOrder, actor: str) -> OrderAnswer:
        """The order that a person wants. Raises Denied when the request id was used for another one."""
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

        def make() -> Event:
            """On the runtime thread, where no other request can come between the look and the event."""
            self._refuse_another(request)
            return event

        step = self._runtime.submit(make, APPLY_SECONDS)
        answer = self._answer(step, request.request_id)
        if answer.stage == "denied" or not request.wait_seconds:
            return answer
        at_once = request.order_type is OrderType.MARKET or request.time_in_force in _IMMEDIATE
        return self._wait(answer, request.wait_seconds, _ended if at_once else _answered)

    def replace(self, request: ReplaceOrder, actor: str) -> OrderAnswer:
        """Other terms for an order; `replaced` tells whether the venue took them, once it answered. Raises NotFound."""
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
            return OrderAnswer(order_id=request.order_id, stage="denied", code="superseded", reason=reason, seq=position(step))
        name = decided.command.cl_ord_id
        answer = self._of_order(request.order_id, "dispatched" if isinstance(decided, Dispatched) else "queued", position(step))
        if not request.wait_seconds:
            return answer
        answer = self._wait(answer, request.wait_seconds, lambda order: self._replace_answered(order, name))
        order = self._order(request.order_id)
        if answer.timed_out or order is None or not self._replace_answered(order, name):
            return answer
        replaced = order.cl_ord_id == name
        return replace(answer, replaced=replaced, reason=answer.reason if replaced else self._why(name) or answer.reason)

    def _why(self, name: str) -> str | None:
        """Why a request came to nothing, in the words of whoever refused it, if that was just now."""
        with self._runtime.turned:
            return next((words for one, words in reversed(self._runtime.refusals) if one == name and words), None)

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

    def cancel(self, request: CancelOrder, actor: str) -> OrderAnswer:
        """An order is to end. Raises NotFound."""
        event = CancelRequested(actor=actor, reason=request.reason, request_id=request.request_id, order_id=request.order_id)
        step = self._submit(event)
        answer = self._answer(step, request.request_id, request.order_id)
        if answer.code == "unknown_order":
            raise NotFound(f"order {request.order_id}: there is no such order")
        if answer.stage == "denied" or not request.wait_seconds:
            return answer
        decided, order = _decided(step, request.order_id), self._order(request.order_id)
        name = decided.command.cl_ord_id if decided is not None else None if order is None else order.cancel_in_flight
        answer = self._wait(answer, request.wait_seconds, self._cancel_answered)
        if name is None or answer.timed_out or answer.state == OrderState.CANCELLED:
            return answer
        return replace(answer, reason=self._why(name) or answer.reason)

    def resolve(self, request: ResolveOrder, actor: str) -> OrderAnswer:
        """A person's word on an order in doubt. Raises NotFound, UsageError, PreconditionFailed where it is not due."""
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
        return self._of_order(request.order_id, "dispatched", position(step))

    def _submit(self, event: Event) -> Step:
        return self._runtime.submit(event, APPLY_SECONDS)

    def _answer(self, step: Step, request_id: str, order_id: str | None = None) -> OrderAnswer:
        """What became of the one intent in this step; for a repeated request, what became of it the first time."""
        seq = position(step)
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
        if order is None:
            return OrderAnswer(order_id=order_id, stage=stage, seq=seq)
        why = order.reason if order.state is OrderState.REJECTED else None
        return OrderAnswer(order_id=order_id, stage=stage, state=order.state, reason=why, seq=seq)

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
        seen: int | None = None
        while True:
            with self._runtime.turned:
                order = self._order(answer.order_id)
                if order is None or not enough(order):
                    seen = None
                else:  # the state may be ahead of the journal
                    seen = self._runtime.core.state.seq if seen is None else seen
                    if self._runtime.told_seq >= seen:
                        return self._of_order(answer.order_id, "dispatched", self._runtime.durable_seq)
                left = end - monotonic()
                if left <= 0 or not self._runtime.turned.wait(left):
                    break
        stage = "queued" if self._order(answer.order_id) is None else "dispatched"
        final = self._of_order(answer.order_id, stage, self._runtime.durable_seq)
        return OrderAnswer(order_id=final.order_id, stage=stage, state=final.state, seq=final.seq, timed_out=True)


def _decided(step: Step, order_id: str) -> Dispatched | Queued | Superseded | None:
    """What execution control said last of an order's REPLACE; None when risk said no, or nothing was decided."""
    last = None
    for recorded in step.records:
        event = recorded.event
        if isinstance(event, Dispatched | Queued | Superseded) and event.command.order_id == order_id:
            last = event
    return last


def _answered(order: Order) -> bool:
    return order.state is not OrderState.SUBMITTED


def _ended(order: Order) -> bool:
    return order.state.terminal
