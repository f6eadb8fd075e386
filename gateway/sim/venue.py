"""The venue put together: one lock, the exchange, the house, the feed, the faults and the ledger.

Exists as the place where two threads meet: requests arrive on the engine's thread, ticks on another. It knows the wire only
as a `Transport`, and must not import the engine. Whatever changes a book or sends an answer holds the lock, so the order of
the ledger is the order of the wire.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Iterator
from decimal import Decimal
from random import Random
from typing import Protocol

from gateway.sim import interventions
from gateway.sim.clock import utc_ns
from gateway.sim.exchange import Exchange
from gateway.sim.faults import Faults, Outgoing
from gateway.sim.feed import Feed, MarketDataAnswer, MarketDataRequest
from gateway.sim.ledger import Ledger
from gateway.sim.market import Market, Tick, file_ticks, walk
from gateway.sim.messages import Answer, CancelReject, OrderRequest, Report
from gateway.sim.settings import VenueSettings

log = logging.getLogger("gateway.sim")


class Transport(Protocol):
    """The way out. A report for a session that is away is kept and sent when the session asks for it."""

    def answer(self, answer: Answer) -> None: ...

    def market_data(self, answer: MarketDataAnswer) -> None: ...


class Venue:
    """All of the venue but its connections."""

    def __init__(
        self, settings: VenueSettings, run: int, ledger: Ledger, transport: Transport, clock: Callable[[], int] = utc_ns
    ) -> None:
        self._clock = clock
        self.exchange = Exchange(list(settings.symbol), run)
        self.faults = Faults()
        self.ledger = ledger
        self._feed = Feed(self.exchange.books)
        self._transport = transport
        self._lock = threading.RLock()
        self._gone: deque[str] = deque()
        self._cancels: set[str] = set()
        """Sessions whose orders end with their connection."""
        random = Random(settings.seed)
        self._market = Market(
            self.exchange,
            random,
            _sources(settings, random),
            tick_size=settings.tick_size,
            lot=settings.lot,
            flow_per_tick=settings.flow / settings.rate if settings.rate else 0.0,
        )

    def request(self, session: str, request: OrderRequest | MarketDataRequest) -> None:
        """Answer one request."""
        with self._lock:
            self._forget_gone()
            if isinstance(request, MarketDataRequest):
                for answer in self._feed.handle(session, request):
                    self._transport.market_data(answer)
            else:
                now_ns = self._clock()
                self._emit(self.exchange.handle(session, request, now_ns), now_ns)

    def tick(self) -> None:
        """One tick of the market."""
        with self._lock:
            now_ns = self._clock()
            self._emit(self._market.step(now_ns), now_ns)
            self.publish()

    def publish(self) -> None:
        """Send what the market data subscribers have not seen, and the delayed reports that are due."""
        with self._lock:
            self._forget_gone()
            self._send(self.faults.due(self._clock()))
            for update in self._feed.publish(self.exchange.take_prints()):
                self._transport.market_data(update)

    def intervene(self, action: Callable[[Exchange, int], list[Answer]]) -> int:
        """Let the staff act on the exchange; the number of answers that followed."""
        with self._lock:
            now_ns = self._clock()
            answers = action(self.exchange, now_ns)
            self._emit(answers, now_ns)
            return len(answers)

    def arm(self, fault: str, count: int, delay_ns: int = 0) -> None:
        """See `Faults.arm`."""
        with self._lock:
            self.faults.arm(fault, count, delay_ns)

    def disarm(self) -> None:
        """No more faults; what they held back goes out."""
        with self._lock:
            self._send(self.faults.clear())

    def freeze(self) -> None:
        """Let nothing more happen, so that the process can end between two answers. There is no way back."""
        self._lock.acquire()

    def session_gone(self, session: str) -> None:
        """Note that a session logged out. Takes no lock: the engine holds one of its own when it says so."""
        self._gone.append(session)

    def logon_asks(self, session: str, *, cancel_on_disconnect: bool) -> None:
        """What a client's Logon(A) says about the orders it leaves behind."""
        if cancel_on_disconnect:
            self._cancels.add(session)
        else:
            self._cancels.discard(session)

    def _forget_gone(self) -> None:
        while self._gone:
            session = self._gone.popleft()
            self._feed.drop(session)
            if session in self._cancels:
                now_ns = self._clock()
                left = [o.order_id for o in self.exchange.orders.values() if o.session == session and o.is_open]
                for order_id in left:
                    self._emit(interventions.cancel(self.exchange, order_id, now_ns), now_ns)

    def _emit(self, answers: list[Answer], now_ns: int) -> None:
        self._send(self.faults.apply(answers, now_ns))

    def _send(self, outgoing: list[Outgoing]) -> None:
        for out in outgoing:
            if isinstance(out.answer, Report):
                self.ledger.write(out.answer, self._clock(), out.fault)
            if isinstance(out.answer, Report | CancelReject):
                log.info("%s%s", out.answer.told(), f" [fault: {out.fault}]" if out.fault else "")
            if out.fault != "drop":
                self._transport.answer(out.answer)


def _sources(settings: VenueSettings, random: Random) -> dict[str, Iterator[Tick]]:
    """The file feeds the first symbol, random walks the others."""
    start: Decimal = settings.start_price
    sources = {symbol: walk(random, start, settings.tick_size) for symbol in settings.symbol}
    if settings.ticks is not None:
        sources[settings.symbol[0]] = file_ticks(settings.ticks, settings.loop)
    return sources
