"""Market data messages as market events: absolute quantities at prices, whatever way the venue says it.

Exists because venues speak of entries (added, changed, deleted, named by an id or by their price) while a book is quantities at
prices. `EntryBook` is the only memory of this layer: what each id stands for since the last snapshot. It never corrects
content: crossed or strange books are passed on as they are.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

from gateway.core.events import BookChange, BookSnapshot, BookUpdate, Event, FeedStatus, Level, MarketTrade
from gateway.core.values import ZERO, FeedState, Side
from gateway.errors import UndecodableMessage
from gateway.fix import tags
from gateway.fix.message import FieldSet, FixMessage, GroupDefinition
from gateway.fix.numbers import parse_decimal
from gateway.fix.schema import Dialect, MarketData
from gateway.fix.strict import StrictDictionary
from gateway.fix.timestamps import parse_utc

_NEW, _CHANGE, _DELETE, _OVERLAY = "0", "1", "2", "5"
"""MDUpdateAction(279). Delete thru and from (3, 4) number levels by position, which a book keyed by price cannot follow."""


@dataclass(slots=True)
class EntryBook:
    """What the ids of one symbol stand for since its last snapshot, and the totals where ids add up.

    With `adds_up` (entries are single orders) a level's quantity is the sum over its ids; otherwise an entry states the level's
    total, and an id only helps to find the price of an entry that does not repeat it.
    """

    adds_up: bool
    entries: dict[str, tuple[Side, Decimal, Decimal]] = field(default_factory=dict)
    totals: dict[tuple[Side, Decimal], Decimal] = field(default_factory=dict)

    def put(self, key: str | None, side: Side, price: Decimal, quantity: Decimal) -> list[BookChange]:
        """An entry is new or changed: the levels it leaves and enters, as absolute quantities."""
        changes = []
        before = self.entries.get(key) if key is not None else None
        if before is not None and (self.adds_up or before[:2] != (side, price)):
            changes.append(self._leave(*before))
        if key is not None:
            self.entries[key] = (side, price, quantity)
        if self.adds_up and key is not None:
            quantity += self.totals.get((side, price), ZERO)
            self.totals[side, price] = quantity
        if changes and (changes[0].side, changes[0].price) == (side, price):
            changes.clear()
        return [*changes, BookChange(side, price, quantity)]

    def drop(self, key: str) -> list[BookChange] | None:
        """An entry is gone: what is left at its level. None when the id is not known."""
        before = self.entries.pop(key, None)
        return None if before is None else [self._leave(*before)]

    def _leave(self, side: Side, price: Decimal, quantity: Decimal) -> BookChange:
        left = self.totals.get((side, price), ZERO) - quantity if self.adds_up else ZERO
        if self.adds_up:
            self.totals[side, price] = left
            if not left:
                del self.totals[side, price]
        return BookChange(side, price, left)


class MarketReader:
    """Reads W, X and Y of one session. A snapshot resets the memory of its symbol, `forget` that of all."""

    def __init__(self, dialect: Dialect, strict: StrictDictionary, venue: str) -> None:
        self._venue = venue
        self._data = dialect.market_data
        self._full = strict.group("W", tags.NO_MD_ENTRIES)
        self._incremental = strict.group("X", tags.NO_MD_ENTRIES)
        self._strict = strict
        self._books: dict[str, EntryBook] = {}
        self._broken: set[str] = set()

    def forget(self) -> None:
        """The subscription ended: no id means anything any more."""
        self._books.clear()
        self._broken.clear()

    def snapshot(self, message: FixMessage, received_ns: int, problems: list[str]) -> list[Event]:
        """W: the whole book of a symbol, and its trades. Raises `UndecodableMessage` if it cannot be a book.

        What only spoils a trade goes to `problems`.
        """
        data, group = self._settings(message, self._full)
        symbol = message.get(tags.SYMBOL)
        if symbol is None:
            raise UndecodableMessage("Symbol(55) is missing from a snapshot", message.raw)
        book = EntryBook(adds_up=data.entries == "id")
        levels: dict[Side, dict[Decimal, Decimal]] = {Side.BUY: {}, Side.SELL: {}}
        trades: list[Event] = []
        for number, entry in enumerate(message.groups(group), start=1):
            kind = entry.get(tags.MD_ENTRY_TYPE)
            if kind == data.trade:
                trades += _trade(self._venue, symbol, entry, message, received_ns, problems)
            elif kind in (data.bid, data.offer):
                price, size = parse_decimal(entry.get(tags.MD_ENTRY_PX)), parse_decimal(entry.get(tags.MD_ENTRY_SIZE))
                if price is None or size is None or size < ZERO:
                    raise UndecodableMessage(f"entry {number} of the snapshot of {symbol} lacks a price or a size", message.raw)
                side = Side.BUY if kind == data.bid else Side.SELL
                book.put(entry.get(tags.MD_ENTRY_ID), side, price, size)
                levels[side][price] = levels[side].get(price, ZERO) + size
        self._books[symbol] = book
        self._broken.discard(symbol)
        snapshot = BookSnapshot(
            venue=self._venue,
            symbol=symbol,
            venue_time_ns=parse_utc(message.get(tags.SENDING_TIME)),
            received_ns=received_ns,
            bids=_best_first(levels[Side.BUY], descending=True),
            asks=_best_first(levels[Side.SELL], descending=False),
        )
        return [snapshot, *trades]

    def update(self, message: FixMessage, received_ns: int, problems: list[str]) -> list[Event]:
        """X: changes and trades, one update per symbol in the order of the entries; a gap where an entry means nothing.

        Raises `UndecodableMessage` when no symbol is named. What only spoils a trade goes to `problems`.
        """
        data, group = self._settings(message, self._incremental)
        changes: dict[str, list[BookChange]] = {}
        others: list[Event] = []
        symbol: str | None = None
        for entry in message.groups(group):
            symbol = entry.get(tags.SYMBOL) or symbol or message.get(tags.SYMBOL)  # named once, it holds for the entries after
            if symbol is None:
                raise UndecodableMessage("Symbol(55) is missing from an update", message.raw)
            kind = entry.get(tags.MD_ENTRY_TYPE)
            if kind == data.trade:
                if entry.get(tags.MD_UPDATE_ACTION) == _NEW:
                    others += _trade(self._venue, symbol, entry, message, received_ns, problems)
                continue
            if kind is not None and kind not in (data.bid, data.offer):
                continue
            made = self._change(data, symbol, kind, entry)
            if isinstance(made, str):
                others += self._gap(symbol, made)
            else:
                changes.setdefault(symbol, []).extend(made)
        at = parse_utc(message.get(tags.SENDING_TIME))
        updates: list[Event] = [
            BookUpdate(venue=self._venue, symbol=name, venue_time_ns=at, received_ns=received_ns, changes=tuple(found))
            for name, found in changes.items()
            if found
        ]
        return [*updates, *others]

    def refused(self, message: FixMessage) -> FeedStatus:
        """Y: MarketDataRequestReject. It names a request, not a symbol; whoever made the request knows which."""
        reason = message.get(tags.MD_REQ_REJ_REASON)
        words = self._strict.describe(tags.MD_REQ_REJ_REASON, reason) if reason is not None else None
        detail = ": ".join(part for part in (words, message.get(tags.TEXT)) if part)
        request = message.get(tags.MD_REQ_ID)
        return FeedStatus(
            venue=self._venue, status=FeedState.STALE, detail=f"market data request {request} refused: {detail or 'no reason'}"
        )

    def _settings(self, message: FixMessage, group: GroupDefinition | None) -> tuple[MarketData, GroupDefinition]:
        if self._data is None or group is None:
            raise UndecodableMessage("the dialect has no market data", message.raw)
        return self._data, group

    def _change(self, data: MarketData, symbol: str, kind: str | None, entry: FieldSet) -> list[BookChange] | str:
        """The absolute changes one entry makes; why not, if it cannot be followed."""
        book = self._books.setdefault(symbol, EntryBook(adds_up=data.entries == "id"))
        action, key = entry.get(tags.MD_UPDATE_ACTION), entry.get(tags.MD_ENTRY_ID)
        referred = entry.get(tags.MD_ENTRY_REF_ID)
        known = book.entries.get(referred or key or "")
        if action not in (_NEW, _CHANGE, _DELETE, _OVERLAY):
            return f"MDUpdateAction(279)={action} cannot be followed"
        if book.adds_up and (key is None or (action != _NEW and known is None)):
            return f"MDEntryID(278)={key} is not known"
        side = known[0] if kind is None and known else Side.BUY if kind == data.bid else Side.SELL
        price = parse_decimal(entry.get(tags.MD_ENTRY_PX))
        if price is None and known is not None and tags.MD_ENTRY_PX not in entry:
            price = known[1]
        if price is None or (kind is None and known is None):
            return f"an entry without price or type, and MDEntryID(278)={key} is not known"
        if action == _DELETE:
            gone = book.drop(referred or key or "")
            return gone if gone is not None else [BookChange(side, price, ZERO)]
        size = parse_decimal(entry.get(tags.MD_ENTRY_SIZE))
        if size is None and known is not None and tags.MD_ENTRY_SIZE not in entry:
            size = known[2]
        if size is None or size < ZERO:
            return f"MDEntrySize(271)={entry.get(tags.MD_ENTRY_SIZE)} is not a quantity"
        moved = book.drop(referred) or [] if referred is not None and referred != key else []
        return [*moved, *book.put(key or referred, side, price, size)]

    def _gap(self, symbol: str, why: str) -> list[Event]:
        """The book of `symbol` can no longer be believed; said once until the next snapshot."""
        if symbol in self._broken:
            return []
        self._broken.add(symbol)
        return [FeedStatus(venue=self._venue, symbol=symbol, status=FeedState.GAP, detail=why)]


def _best_first(levels: dict[Decimal, Decimal], *, descending: bool) -> tuple[Level, ...]:
    return tuple(Level(price, levels[price]) for price in sorted(levels, reverse=descending) if levels[price])


def _trade(venue: str, symbol: str, entry: FieldSet, message: FixMessage, received_ns: int, problems: list[str]) -> list[Event]:
    """A trade somebody made, at MDEntryDate(272) and MDEntryTime(273) where both are said."""
    price, size = parse_decimal(entry.get(tags.MD_ENTRY_PX)), parse_decimal(entry.get(tags.MD_ENTRY_SIZE))
    if price is None or size is None or size <= ZERO:
        problems.append(f"a trade in {symbol} without a price or a size")
        return []
    date, time = entry.get(tags.MD_ENTRY_DATE), entry.get(tags.MD_ENTRY_TIME)
    at = parse_utc(f"{date}-{time}") if date and time else None
    at = parse_utc(message.get(tags.SENDING_TIME)) if at is None else at
    return [MarketTrade(venue=venue, symbol=symbol, venue_time_ns=at, received_ns=received_ns, price=price, quantity=size)]
