"""An operator's hand on a session: logon, logout, test request, and new sequence numbers.

Numbers are changed on a session that is logged out, by an event that is durable before they are: what a crash leaves between
the two is carried out by the next start.
"""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic

from gateway.control.surface import Answer, SessionRequest
from gateway.core.changes import OperatorActed
from gateway.core.events import Event, SessionCommanded
from gateway.core.turn import Step
from gateway.errors import NotFound, PreconditionFailed, UsageError
from gateway.runtime.runtime import Runtime
from gateway.venue.adapter import VenueAdapter

LOGOUT_SECONDS = 8.0
_APPLY_SECONDS = 5.0


class SessionControl:
    """Any thread."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._actions: dict[str, Callable[[VenueAdapter, SessionRequest, str], int | None]] = {
            "logon": self._logon,
            "logout": self._logout,
            "test-request": self._test,
            "reset": self._renumber,
            "set-seq": self._renumber,
        }

    def act(self, request: SessionRequest, actor: str) -> Answer:
        """Journal the request, then do it. Raises NotFound, UsageError, PreconditionFailed, UnknownOutcome."""
        adapters = self._runtime.adapters
        if request.venue not in adapters:
            raise NotFound(f"venue {request.venue!r} is not configured; known: {', '.join(sorted(adapters))}")
        action = self._actions.get(request.action)
        if action is None:
            raise UsageError(f"unknown session action {request.action!r}: use {', '.join(self._actions)}")
        adapter = adapters[request.venue]
        event = SessionCommanded(
            actor=actor,
            reason=request.reason,
            request_id=request.request_id,
            venue=request.venue,
            session=adapter.session,
            action=request.action,
            next_sender=request.next_sender,
            next_target=request.next_target,
        )
        step = self._runtime.submit(event, _APPLY_SECONDS)
        seq = step.records[-1].seq
        if not fresh(step):
            return Answer(seq=seq, detail=f"{request.action} of {adapter.session} was asked for before")
        return Answer(seq=action(adapter, request, actor) or seq, detail=f"{request.action} of {adapter.session} asked for")

    def _logon(self, adapter: VenueAdapter, request: SessionRequest, actor: str) -> None:
        adapter.schedule.held = False
        adapter.link.logon()

    def _logout(self, adapter: VenueAdapter, request: SessionRequest, actor: str) -> None:
        adapter.schedule.held = True
        adapter.link.logout()

    def _test(self, adapter: VenueAdapter, request: SessionRequest, actor: str) -> None:
        adapter.test()

    def _renumber(self, adapter: VenueAdapter, request: SessionRequest, actor: str) -> int:
        """Log out, journal the new numbers, set them, log on again if it was to be up. The position of the new numbers."""
        wanted = adapter.link.enabled
        adapter.link.logout()
        if not adapter.link.logged_on:
            adapter.link.drop()  # a logon that is under way

        def plan() -> Event:
            return adapter.plan_numbers(
                request.next_sender,
                request.next_target,
                ask=request.action == "reset",
                reason=f"{request.action} by {actor}: {request.reason}",
            )

        def carry_out() -> None:
            planned = self._runtime.core.state.control.planned.get(adapter.venue)
            assert planned is not None, "the event's own doing"
            adapter.renumber(planned)

        try:
            self._await_logout(adapter)
            step = self._runtime.submit(plan, _APPLY_SECONDS, carry_out)
        finally:
            if wanted:
                adapter.link.logon()
        return step.records[-1].seq

    def _await_logout(self, adapter: VenueAdapter) -> None:
        end = monotonic() + LOGOUT_SECONDS
        while not adapter.down or adapter.link.logged_on:
            left = end - monotonic()
            if left <= 0:
                raise PreconditionFailed(
                    f"{adapter.session} did not log out within {LOGOUT_SECONDS:g} s; its numbers are as they were"
                )
            with self._runtime.turned:
                self._runtime.turned.wait(min(left, 0.1))


def fresh(step: Step) -> bool:
    """Whether an operator's request was new: a repeated one leaves no change behind, and must not act again."""
    return any(isinstance(change, OperatorActed) for _, changes in step.changes for change in changes)
