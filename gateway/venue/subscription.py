"""The market data of one session: subscribed once its numbers are agreed on, and anew when its books have missed something.

It knows that something was missed, never what: a gap becomes an event, and a fresh snapshot repairs it. Runs on the runtime
thread.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from gateway.core.events import Event, FeedStatus, SessionNotice
from gateway.core.values import FeedState
from gateway.fix.encoder import Encoder, Outgoing
from gateway.venue.link import Connection

MARKET_DATA = frozenset({"W", "X"})
"""MarketDataSnapshotFullRefresh(W), MarketDataIncrementalRefresh(X)."""
RESUBSCRIBE_PAUSE_NS = 1_000_000_000
REFUSED_SNAPSHOT_PAUSE_NS = 30_000_000_000


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

    def opened(self) -> list[Event]:
        """The session is settled: subscribe. What was resent until now is told."""
        self._subscribe()
        self._missed = ""
        return self._told_discarded()

    def closed(self, reason: str) -> list[Event]:
        """The session is down, and with it the subscription."""
        self._current, self._missed = None, ""
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

    def taken(self, events: list[Event], now_ns: int, *, live: bool) -> list[Event]:
        """What a message led to, and what is to be said of the books with it; a gap asks for a fresh snapshot."""
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
                self._subscribe()

    def _again(self, now_ns: int, pause_ns: int) -> None:
        """A fresh snapshot, but not at the pace at which a venue may send snapshots with gaps."""
        self.deadline_ns = max(now_ns, self._repeated_ns + pause_ns)
        self.on_time(now_ns)

    def _subscribe(self) -> None:
        """Ask for a snapshot and updates; the answer repairs any gap."""
        if not self._symbols:
            return
        if self._current is not None:
            self._send(self._encoder.market_data_request(self._current, self._symbols, subscribe=False))
        self._requests += 1
        self._current = f"MD{self._id_prefix}-{self._requests}"
        self._send(self._encoder.market_data_request(self._current, self._symbols))

    def _told_discarded(self) -> list[Event]:
        if not self._discarded:
            return []
        detail, self._discarded = f"{self._discarded} resent market data messages discarded", 0
        here = self._here
        return [
            SessionNotice(
                venue=here.venue, session=here.session, epoch=here.epoch, event="discarded_market_data", detail=detail
            )
        ]

    def _status(self, status: FeedState, reason: str) -> list[Event]:
        return [self._feed(status, reason)] if self._symbols else []

    def _feed(self, status: FeedState, reason: str) -> FeedStatus:
        return FeedStatus(venue=self._here.venue, status=status, detail=reason)
