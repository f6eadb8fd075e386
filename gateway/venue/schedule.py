"""A session's schedule at work: when its hours begin or end, an event says so, and once that is durable it logs on or out.

An operator's word goes before it: a session he logged out stays out until he logs it on, or the gateway starts anew. The
engine's own schedules are off: they would reset numbers behind our back.
"""

from __future__ import annotations

from threading import Lock

from gateway.core.events import SessionScheduled
from gateway.venue.hours import Hours
from gateway.venue.link import Connection


class Schedule:
    """Of one session; without `hours` it never says anything. `log_on`, `log_out`, `come_back`: any thread; the rest:
    the runtime thread."""

    def __init__(self, here: Connection, hours: Hours | None) -> None:
        self._here = here
        self._hours = hours
        self.deadline_ns: int | None = None
        """The next boundary, in stream time; None when there is none, or nothing has begun."""
        self._told_out = False
        """Logged out by an operator."""
        self._lock = Lock()
        """Held to act: else a boundary that passes at the same moment could undo what an operator has just done."""

    def log_on(self) -> None:
        """On an operator's word, whatever the hours."""
        with self._lock:
            self._told_out = False
            self._here.link.logon()

    def log_out(self) -> None:
        """On an operator's word, until his `log_on`."""
        with self._lock:
            self._told_out = True
            self._here.link.logout()

    def come_back(self) -> None:
        """After a logout of our own, unless an operator has logged it out meanwhile."""
        with self._lock:
            if not self._told_out:
                self._here.link.logon()

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
        with self._lock:
            if not event.up:
                self._here.link.logout()
            elif not self._told_out:
                self._here.link.logon()

    def _look(self, hours: Hours, now_ns: int) -> SessionScheduled:
        up = hours.covers(now_ns)
        self.deadline_ns = hours.next_change(now_ns)
        until = "for good" if self.deadline_ns is None else f"until {hours.text(self.deadline_ns)}"
        here = self._here
        reason = f"{'within' if up else 'outside'} its hours {until}"
        return SessionScheduled(venue=here.venue, session=here.session, epoch=here.epoch, up=up, reason=reason)
