"""Market data: who subscribed to what, and what changed for them since the last time.

Exists to turn books into snapshots and increments. It aggregates by price, keeps per subscription what was last published,
and must not touch the wire or a clock.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

from gateway.sim.book import Book, Side
from gateway.sim.exchange import Print

BID, OFFER, TRADE = "0", "1", "2"
SNAPSHOT_ONLY, SUBSCRIBE, UNSUBSCRIBE = "0", "1", "2"
NEW, CHANGE, DELETE = "0", "1", "2"
UNKNOWN_SYMBOL, DUPLICATE_REQUEST = "0", "1"


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketDataRequest:
    """MarketDataRequest(V). `depth` is MarketDepth(264), 0 for all; `full_refresh` is MDUpdateType(265)=0."""

    req_id: str
    subscription: str
    depth: int
    full_refresh: bool
    entry_types: frozenset[str]
    symbols: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One entry of MDEntries(268). `action` is MDUpdateAction(279) and unused in a snapshot."""

    action: str
    entry_type: str
    entry_id: str
    price: Decimal
    size: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """MarketDataSnapshotFullRefresh(W)."""

    session: str
    req_id: str
    symbol: str
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Increment:
    """MarketDataIncrementalRefresh(X)."""

    session: str
    req_id: str
    symbol: str
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketDataReject:
    """MarketDataRequestReject(Y)."""

    session: str
    req_id: str
    reason: str
    text: str


MarketDataAnswer = Snapshot | Increment | MarketDataReject
_Levels = dict[tuple[str, Decimal], Decimal]


@dataclass(slots=True)
class _Subscription:
    request: MarketDataRequest
    published: dict[str, _Levels] = field(default_factory=dict)


class Feed:
    """All subscriptions of all sessions on one set of books."""

    def __init__(self, books: dict[str, Book]) -> None:
        self._books = books
        self._subscriptions: dict[tuple[str, str], _Subscription] = {}
        self._trades = 0

    def handle(self, session: str, request: MarketDataRequest) -> list[MarketDataAnswer]:
        """Snapshots of what is asked for, or one reject; nothing for an unsubscription."""
        key = (session, request.req_id)
        if request.subscription == UNSUBSCRIBE:
            self._subscriptions.pop(key, None)
            return []
        unknown = [symbol for symbol in request.symbols if symbol not in self._books]
        if unknown:
            return [_reject(session, request, UNKNOWN_SYMBOL, f"unknown symbol {', '.join(unknown)}")]
        if key in self._subscriptions:
            return [_reject(session, request, DUPLICATE_REQUEST, "MDReqID is in use")]
        subscription = _Subscription(request)
        if request.subscription == SUBSCRIBE:
            self._subscriptions[key] = subscription
        return [self._snapshot(session, subscription, symbol) for symbol in request.symbols]

    def drop(self, session: str) -> None:
        """Forget the subscriptions of a session: they end with its connection."""
        self._subscriptions = {key: value for key, value in self._subscriptions.items() if key[0] != session}

    def publish(self, prints: list[Print]) -> list[MarketDataAnswer]:
        """What changed for every subscription since it was last told, with the trades in between."""
        trades = {symbol: self._trade_entries(symbol, prints) for symbol in {p.symbol for p in prints}}
        answers: list[MarketDataAnswer] = []
        for (session, _), subscription in self._subscriptions.items():
            for symbol in subscription.request.symbols:
                update = self._update(session, subscription, symbol, trades.get(symbol, ()))
                if update is not None:
                    answers.append(update)
        return answers

    def _snapshot(self, session: str, subscription: _Subscription, symbol: str) -> Snapshot:
        levels = self._levels(subscription.request, symbol)
        subscription.published[symbol] = levels
        entries = tuple(_entry(NEW, key, size) for key, size in levels.items())
        return Snapshot(session=session, req_id=subscription.request.req_id, symbol=symbol, entries=entries)

    def _update(
        self, session: str, subscription: _Subscription, symbol: str, trades: tuple[Entry, ...]
    ) -> MarketDataAnswer | None:
        request = subscription.request
        before = subscription.published[symbol]
        levels = self._levels(request, symbol)
        entries = _changes(before, levels) + (trades if TRADE in request.entry_types else ())
        if not entries:
            return None
        if request.full_refresh:
            return self._snapshot(session, subscription, symbol)
        subscription.published[symbol] = levels
        return Increment(session=session, req_id=request.req_id, symbol=symbol, entries=entries)

    def _levels(self, request: MarketDataRequest, symbol: str) -> _Levels:
        sides = ((BID, Side.BUY), (OFFER, Side.SELL))
        return {
            (entry_type, price): size
            for entry_type, side in sides
            if entry_type in request.entry_types
            for price, size in self._books[symbol].levels(side, request.depth)
        }

    def _trade_entries(self, symbol: str, prints: list[Print]) -> tuple[Entry, ...]:
        entries = []
        for trade in prints:
            if trade.symbol == symbol:
                self._trades += 1
                entry_id = f"T{self._trades}"
                entries.append(Entry(action=NEW, entry_type=TRADE, entry_id=entry_id, price=trade.price, size=trade.quantity))
        return tuple(entries)


def _changes(before: _Levels, after: _Levels) -> tuple[Entry, ...]:
    """Deletions first, so that a reader who applies them in order never holds a crossed book."""
    gone = [_entry(DELETE, key, size) for key, size in before.items() if key not in after]
    changed = [_entry(CHANGE if key in before else NEW, key, size) for key, size in after.items() if before.get(key) != size]
    return (*gone, *changed)


def _entry(action: str, key: tuple[str, Decimal], size: Decimal) -> Entry:
    """A price level is an entry; its MDEntryID(278) names side and price, so it is the same in every update."""
    entry_type, price = key
    entry_id = f"{'B' if entry_type == BID else 'S'}{format(price, 'f')}"
    return Entry(action=action, entry_type=entry_type, entry_id=entry_id, price=price, size=size)


def _reject(session: str, request: MarketDataRequest, reason: str, text: str) -> MarketDataReject:
    return MarketDataReject(session=session, req_id=request.req_id, reason=reason, text=text)
