"""An operator's hand on a session: logon, logout, test request, and new sequence numbers.

Numbers are changed on a session that is logged out, by an event that is durable before they are: what a crash leaves between
the two is carried out by the next start.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock
from time import monotonic

from gateway.control.surface import Answer, SessionRequest
from gateway.core.events import Event, SessionCommanded
from gateway.errors import GatewayError, PreconditionFailed, UnknownOutcome, UsageError
from gateway.runtime.requests import APPLY_SECONDS, fresh, position, require_venue
from gateway.runtime.runtime import Runtime
from gateway.venue.adapter import VenueAdapter

LOGOUT_SECONDS = 8.0


class SessionControl:
    """Any thread."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._renumbering = {name: Lock() for name in runtime.adapters}
        """Held while the numbers of a session change: what one request logs out, another must not log on."""
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
        require_venue(adapters, request.venue)
        action = self._actions.get(request.action)
        if action is None:
            raise UsageError(f"unknown session action {request.action!r}: use {', '.join(self._actions)}")
        adapter = adapters[request.venue]
        if request.action == "test-request" and not adapter.link.logged_on:
            raise PreconditionFailed(f"{adapter.session} is not logged on: nobody is there to be asked; nothing was sent")
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
        step = self._runtime.submit(event, APPLY_SECONDS)
        seq = position(step)
        if not fresh(step):
            return Answer(seq=seq, detail=f"{request.action} of {adapter.session} was asked for before")
        return Answer(seq=action(adapter, request, actor) or seq, detail=f"{request.action} of {adapter.session} asked for")

    def _logon(self, adapter: VenueAdapter, request: SessionRequest, actor: str) -> None:
        with self._alone_with_numbers(adapter):
            adapter.schedule.log_on()

    def _logout(self, adapter: VenueAdapter, request: SessionRequest, actor: str) -> None:
        adapter.schedule.log_out()

    def _test(self, adapter: VenueAdapter, request: SessionRequest, actor: str) -> None:
        adapter.test()

    def _renumber(self, adapter: VenueAdapter, request: SessionRequest, actor: str) -> int:
        """Log out, journal the new numbers, set them, log on again if it was to be up. The position of the new numbers."""
        with self._alone_with_numbers(adapter):
            return self._renumbered(adapter, request, actor)

    @contextmanager
    def _alone_with_numbers(self, adapter: VenueAdapter) -> Iterator[None]:
        lock = self._renumbering[adapter.venue]
        if not lock.acquire(blocking=False):
            raise PreconditionFailed(
                f"the numbers of {adapter.session} are being changed by another request: wait for its answer"
            )
        try:
            yield
        finally:
            lock.release()

    def _renumbered(self, adapter: VenueAdapter, request: SessionRequest, actor: str) -> int:
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
            if wanted:
                adapter.schedule.come_back()

        try:
            self._await_logout(adapter)
            return position(self._runtime.submit(plan, APPLY_SECONDS, carry_out))
        except UnknownOutcome:
            raise  # the numbers may still change: until then nobody logs on with the old ones
        except GatewayError:
            if wanted:
                adapter.schedule.come_back()
            raise

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
