"""The market data of one session: subscribed once its numbers are agreed on, and anew when its books have missed something.

It knows that something was missed, never what: a gap becomes an event, and a fresh snapshot repairs it. Runs on the runtime
thread.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable

from gateway.core.events import BookSnapshot, Event, FeedStatus, SessionNotice
from gateway.core.values import FeedState
from gateway.fix.encoder import Encoder, Outgoing
from gateway.venue.link import Connection

MARKET_DATA = frozenset({"W", "X"})
"""MarketDataSnapshotFullRefresh(W), MarketDataIncrementalRefresh(X)."""
RESUBSCRIBE_PAUSE_NS = 1_000_000_000
REFUSED_SNAPSHOT_PAUSE_NS = 30_000_000_000
REFUSED_REQUEST_PAUSE_NS = 5_000_000_000
"""After the venue refused a request for a reason that may pass; doubled each time, up to `LONGEST_PAUSE_NS`."""
LONGEST_PAUSE_NS = 300_000_000_000
ANSWER_NS = 10_000_000_000
"""How long a request may go without a snapshot before somebody is told."""
FOR_GOOD = frozenset("03456789ABC")
"""MDReqRejReason(281) about what was asked for: unknown symbol, no permission, an unsupported field. The same request gets the
same answer. The others (duplicate MDReqID, bandwidth, credit, none, a venue's own) may get another (FIX 4.4, tag 281)."""

_log = logging.getLogger(__name__)


class Subscription:
    """Of one session; without `symbols` nothing is asked for, and no book can have a gap.

    `send` puts a request on the wire, or drops it when the session is down: the next logon subscribes anew.
    """

    def __init__(
        self,
        here: Connection,
        encoder: Encoder,
        symbols: Iterable[str],
        *,
        send: Callable[[Outgoing], None],
        id_prefix: str,
    ) -> None:
        self._here = here
        self._encoder = encoder
        self._symbols = tuple(symbols)
        self._send = send
        self._id_prefix = id_prefix
        self.deadline_ns: int | None = None
        """When to subscribe again, in stream time; None while no gap asks for it."""
        self._requests = 0
        self._current: str | None = None
        """MDReqID(262) of the subscription of this connection."""
        self._repeated_ns = 0
        self._discarded = 0
        self._missed = ""
        """Why the books of a settled session may have missed something; mended with the next live message."""
        self._asked_ns: int | None = None
        """When the request left that no snapshot has answered."""
        self._refusal = ""
        self._refused: str | None = None
        """MDReqID(262) of the request that was refused, while no other has followed."""
        self._refusals = 0
        self._refused_ns = 0

    def trouble(self, now_ns: int) -> str:
        """Why there is no market data although the session is up; "" while nothing is known."""
        if self._refusal or self._asked_ns is None or now_ns - self._asked_ns < ANSWER_NS:
            return self._refusal
        return f"the market data request {self._current} was not answered"

    def opened(self, now_ns: int) -> list[Event]:
        """The session is settled: subscribe. What was resent until now is told."""
        self._refusals, self.deadline_ns = 0, None
        self._subscribe(now_ns)
        self._missed = ""
        return self._told_discarded()

    def closed(self, reason: str) -> list[Event]:
        """The session is down, and with it the subscription."""
        self._current, self._asked_ns, self._missed, self._refusal = None, None, "", ""
        return self._status(FeedState.STALE, reason)

    def interrupted(self, reason: str) -> list[Event]:
        """What the venue sends now waits behind a gap in the session."""
        return self._status(FeedState.GAP, reason)

    def missed(self, reason: str) -> None:
        """The books may lack an update; said with the next live message, which may itself be part of a resend."""
        self._missed = reason

    def resent(self) -> None:
        """An update that came too late to be applied was discarded."""
        self._discarded += 1
        if self._here.settled:
            self._missed = "market data was resent"

    def refused(self, msg_type: str, now_ns: int) -> list[Event]:
        """Our engine refused a W or X, so the books miss what it said: ask for a snapshot.

        After a refused snapshot the next may be no better, so that is asked for at leisure.
        """
        self._again(now_ns, REFUSED_SNAPSHOT_PAUSE_NS if msg_type == "W" else RESUBSCRIBE_PAUSE_NS)
        return [self._feed(FeedState.GAP, "market data that our engine refused")]

    def turned_down(self, request: str | None, told: str, now_ns: int, *, for_good: bool) -> list[Event]:
        """The venue refused a request: asked again after a while, unless for good; then the next logon asks.

        An answer to an older request, such as to the end of a subscription the venue had ended, says nothing of this one.
        """
        if self._current is None or request not in (None, self._current):
            return [self._notice("market_data_refused", told)]
        self._current, self._asked_ns, self._refused = None, None, self._current
        if for_good:
            self.deadline_ns = None
            then = "not asked again before the next logon"
        else:
            self._refusals = 0 if now_ns - self._refused_ns > 2 * LONGEST_PAUSE_NS else self._refusals
            pause = min(REFUSED_REQUEST_PAUSE_NS << self._refusals, LONGEST_PAUSE_NS)
            self._refusals, self._refused_ns, self.deadline_ns = self._refusals + 1, now_ns, now_ns + pause
            then = "asked again at intervals"
        self._refusal = f"{told}; {then}"
        _log.warning("%s: %s", self._here.session, self._refusal)
        return [self._feed(FeedState.STALE, told)]

    def taken(self, events: list[Event], now_ns: int, *, live: bool, request: str | None = None) -> list[Event]:
        """What a message led to, and what is to be said of the books with it; a gap asks for a fresh snapshot.

        `request`: the MDReqID(262) it names. After a refusal only a snapshot of the refused request, or of the next one, shows
        that there is an answer: the last ones of the subscription before it may still be on their way.
        """
        if live and (not self._refusal or request in (None, self._current or self._refused)) and _has_snapshot(events):
            if self._refusal:  # it was of another request, or the venue changed its mind
                self._current, self.deadline_ns = self._current or self._refused, None
            self._asked_ns, self._refusal = None, ""
        if live and self._missed and self._here.settled:
            reason, self._missed = self._missed, ""
            events = [*events, *self._told_discarded(), *self._status(FeedState.GAP, reason)]
        if any(isinstance(event, FeedStatus) and event.status is FeedState.GAP for event in events):
            self._again(now_ns, RESUBSCRIBE_PAUSE_NS)
        return events

    def on_time(self, now_ns: int) -> None:
        """Call when `deadline_ns` may have passed."""
        if self.deadline_ns is not None and self.deadline_ns <= now_ns:
            self.deadline_ns, self._repeated_ns = None, now_ns
            if self._here.settled:
                self._subscribe(now_ns)

    def _again(self, now_ns: int, pause_ns: int) -> None:
        """A fresh snapshot, but not at the pace at which a venue may send snapshots with gaps."""
        self.deadline_ns = max(now_ns, self._repeated_ns + pause_ns)
        self.on_time(now_ns)

    def _subscribe(self, now_ns: int) -> None:
        """Ask for a snapshot and updates; the answer repairs any gap."""
        if not self._symbols:
            return
        if self._current is not None:
            self._send(self._encoder.market_data_request(self._current, self._symbols, subscribe=False))
        self._requests += 1
        self._current, self._asked_ns = f"MD{self._id_prefix}-{self._requests}", now_ns
        self._send(self._encoder.market_data_request(self._current, self._symbols))

    def _told_discarded(self) -> list[Event]:
        if not self._discarded:
            return []
        detail, self._discarded = f"{self._discarded} resent market data messages discarded", 0
        return [self._notice("discarded_market_data", detail)]

    def _notice(self, event: str, detail: str) -> SessionNotice:
        here = self._here
        return SessionNotice(venue=here.venue, session=here.session, epoch=here.epoch, event=event, detail=detail)

    def _status(self, status: FeedState, reason: str) -> list[Event]:
        return [self._feed(status, reason)] if self._symbols else []

    def _feed(self, status: FeedState, reason: str) -> FeedStatus:
        return FeedStatus(venue=self._here.venue, status=status, detail=reason)


def _has_snapshot(events: list[Event]) -> bool:
    return any(isinstance(event, BookSnapshot) for event in events)
