"""A session's schedule at work: when its hours begin or end, an event says so, and once that is durable it logs on or out.

The engine's own schedules are off: they would reset numbers behind our back. Runs on the runtime thread.
"""

from __future__ import annotations

from gateway.core.events import SessionScheduled
from gateway.venue.hours import Hours
from gateway.venue.link import Connection


class Schedule:
    """Of one session; without `hours` it never says anything."""

    def __init__(self, here: Connection, hours: Hours | None) -> None:
        self._here = here
        self._hours = hours
        self.deadline_ns: int | None = None
        """The next boundary, in stream time; None when there is none, or nothing has begun."""
        self.held = False
        """Logged out by an operator: no schedule logs it on again."""

    def begin(self, now_ns: int) -> list[SessionScheduled]:
        """Before the link starts: what the schedule says now. Outside its hours the session stays out."""
        if self._hours is None:
            return []
        event = self._look(self._hours, now_ns)
        if not event.up:
            self._here.link.logout()
        return [event]

    def due(self, now_ns: int) -> list[SessionScheduled]:
        """The boundary that has passed, if one has."""
        if self._hours is None or self.deadline_ns is None or self.deadline_ns > now_ns:
            return []
        return [self._look(self._hours, now_ns)]

    def carry_out(self, event: SessionScheduled) -> None:
        """Log on or out as the event says; once it is durable, and what it led to is sent."""
        if not event.up:
            self._here.link.logout()
        elif not self.held:
            self._here.link.logon()

    def _look(self, hours: Hours, now_ns: int) -> SessionScheduled:
        up = hours.covers(now_ns)
        self.deadline_ns = hours.next_change(now_ns)
        until = "for good" if self.deadline_ns is None else f"until {hours.text(self.deadline_ns)}"
        here = self._here
        reason = f"{'within' if up else 'outside'} its hours {until}"
        return SessionScheduled(venue=here.venue, session=here.session, epoch=here.epoch, up=up, reason=reason)
