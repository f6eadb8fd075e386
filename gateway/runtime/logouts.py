"""Sessions that a failure of our own logs out, and on again when it is over: the venue then keeps what it has for us.

More than one thread finds such a failure, or its end: the runtime's, the one that watches its commits, the one that watches
it under kill. What one of them does is done as a whole before the next begins; else a session that is being logged out could
be forgotten by the one that logs on, and stay out for good.
"""

from __future__ import annotations

from collections.abc import Iterable
from threading import Lock

from gateway.venue.adapter import VenueAdapter


class Logouts:
    """Any thread. What it asks of a link is only noted there: nobody waits here for a venue."""

    def __init__(self, adapters: Iterable[VenueAdapter]) -> None:
        self._adapters = tuple(adapters)
        self._lock = Lock()
        self._out: tuple[VenueAdapter, ...] = ()
        self._for_good = False

    def __contains__(self, adapter: VenueAdapter) -> bool:
        """Whether it is out because of us."""
        return adapter in self._out

    def log_out(self, *, for_good: bool = False) -> None:
        """Of every venue, until `log_on_again`; `for_good`: nobody will ever decide here again, and that does nothing."""
        with self._lock:
            self._for_good = self._for_good or for_good
            # Not only those logged on: one may be on its way, and the runtime not know of it yet.
            self._out += tuple(one for one in self._adapters if one not in self._out and one.link.enabled)
            for adapter in self._adapters:
                adapter.link.logout()

    def log_on_again(self) -> None:
        """Those that were up, or coming up; what an operator logged out stays out."""
        with self._lock:
            if self._for_good:
                return
            out, self._out = self._out, ()
            for adapter in out:
                adapter.schedule.come_back()
