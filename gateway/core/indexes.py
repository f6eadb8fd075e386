"""Indexes over the state's tables: they find what is next without looking at everything there is.

An `Index` follows from the tables whatever their history, so it is in no snapshot and no digest: a state that comes back from
bytes makes it anew and goes on the same. What is removed from the front of a dict leaves holes that the next look walks over,
hence heaps and queues whose entries are checked when they come up.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable, Iterator
from decimal import Decimal
from heapq import heapify, heappop, heappush
from typing import Any, NamedTuple

from gateway.core.dominance import waits
from gateway.core.orders import Command, Order, Position, PositionKey
from gateway.core.values import CommandKind, scopes_of


class Index:
    """Root of what follows from the tables."""


class Read(Index):
    """What was worked out of settings, once for each key: orders are many, and settings seldom change."""

    def __init__(self) -> None:
        self._settings: object = None
        self._found: dict[Hashable, Any] = {}

    def of(self, settings: object, key: Hashable, read: Callable[[], Any]) -> Any:
        """What `read` makes of these settings for `key`; it must depend on nothing else."""
        if settings is not self._settings or len(self._found) > MOST_READ:
            self._settings, self._found = settings, {}
        found = self._found.get(key)
        if found is None:
            found = self._found[key] = read()
        return found


MOST_READ = 10_000
"""Keys: an operator may name accounts without end."""


class Deadlines(Index):
    """Names, each with a time; the earliest first, and by name where times are equal."""

    def __init__(self) -> None:
        self._at: dict[str, int] = {}
        self._heap: list[tuple[int, str]] = []

    def put(self, name: str, at_ns: int) -> None:
        """Set or move the time of `name`."""
        if self._at.get(name) == at_ns:
            return
        self._at[name] = at_ns
        heappush(self._heap, (at_ns, name))
        if len(self._heap) > 2 * len(self._at) + 64:
            self._heap = [(at, known) for known, at in self._at.items()]
            heapify(self._heap)

    def drop(self, name: str) -> None:
        """Forget `name`, if it is there."""
        self._at.pop(name, None)

    def first(self) -> tuple[int, str] | None:
        """The earliest time, and whose it is."""
        while self._heap and self._at.get(self._heap[0][1]) != self._heap[0][0]:
            heappop(self._heap)
        return self._heap[0] if self._heap else None

    def due(self, at_ns: int) -> list[str]:
        """Names whose time is `at_ns` or earlier, the earliest first. They stay."""
        found: list[tuple[int, str]] = []
        while (first := self.first()) is not None and first[0] <= at_ns:
            found.append(heappop(self._heap))
            while self._heap and self._heap[0] == found[-1]:
                heappop(self._heap)
        for entry in found:
            heappush(self._heap, entry)
        return [name for _, name in found]

    def items(self) -> dict[str, int]:
        """Every name and its time."""
        return dict(self._at)


class Marks(Index):
    """What positions had come to at places of their ledgers, so that an amended execution is counted anew from the last place
    before it. Made while a ledger is replayed, for the multiplier it was replayed with; an amendment takes away what it
    changes."""

    def __init__(self) -> None:
        self._of: dict[PositionKey, tuple[Decimal, list[Position]]] = {}

    def before(self, key: PositionKey, multiplier: Decimal) -> tuple[int, Position | None]:
        """Entries counted, and the position they came to; (0, None) where nothing is known."""
        known = self._of.get(key)
        if known is None or known[0] != multiplier or not known[1]:
            self._of[key] = (multiplier, [])
            return 0, None
        return len(known[1]) * MARK_EVERY, known[1][-1]

    def add(self, key: PositionKey, position: Position) -> None:
        """The position after the next `MARK_EVERY` entries of its ledger."""
        self._of[key][1].append(position)

    def forget(self, key: PositionKey, place: Callable[[], int]) -> None:
        """The entry at a place of the ledger changed: what was counted with it does not hold."""
        known = self._of.get(key)
        if known is not None and known[1]:
            del known[1][place() // MARK_EVERY :]


MARK_EVERY = 64


class Lines(Index):
    """Names in line, at each venue, in the order they came."""

    def __init__(self) -> None:
        self._queues: dict[str, deque[tuple[int, str]]] = {}
        self._tickets: dict[tuple[str, str], int] = {}
        self._given = 0

    def add(self, venue: str, name: str) -> None:
        """Behind the others; where it stands already it stays."""
        if (venue, name) not in self._tickets:
            self._given += 1
            self._tickets[venue, name] = self._given
            self._queues.setdefault(venue, deque()).append((self._given, name))

    def discard(self, venue: str, name: str) -> bool:
        """Leave the line. Whether it was in it."""
        return self._tickets.pop((venue, name), None) is not None

    def first(self, venue: str) -> str | None:
        """Whose turn it is."""
        queue = self._queues.get(venue)
        while queue:
            ticket, name = queue[0]
            if self._tickets.get((venue, name)) == ticket:
                return name
            queue.popleft()
        return None

    def all(self, venue: str) -> list[str]:
        """Everything in the line."""
        return [name for ticket, name in self._queues.get(venue, ()) if self._tickets.get((venue, name)) == ticket]


class Over(Index):
    """Orders that ended and are kept as they are, the first first. One may be here twice, or have begun anew since.

    `keep`: so many, as most late reports are about the last ones; `spare`: so many more, before the end of the next order has
    to make a record of another.
    """

    def __init__(self, keep: int = 1_000, spare: int = 200) -> None:
        self._ids: deque[str] = deque()
        self.keep = keep
        self.spare = spare

    def add(self, order_id: str) -> None:
        """Behind the others."""
        self._ids.append(order_id)

    def next(self, keep: int) -> str | None:
        """Take out the first; None when no more than `keep` are here."""
        return self._ids.popleft() if len(self._ids) > keep else None


class _Place(NamedTuple):
    """Where a pending command stands. `seq` is the position of its decision: the order of the line."""

    seq: int
    command: Command
    ended: bool
    ready: bool


class Waiting(Index):
    """Pending commands by what they wait for.

    *Ended* are those whose order is over; *ready* those that wait for nothing of their own order, only for the session or the
    rate. What waits for an answer is in neither, and comes up when its order changes.
    """

    def __init__(self) -> None:
        self.places: dict[str, _Place] = {}
        """Order id -> where its pending command stands."""
        self._ended: dict[str, int] = {}
        self._ready: dict[tuple[str, bool], list[tuple[int, str]]] = {}
        self._cancels: dict[tuple[str, str], list[tuple[int, str]]] = {}

    def leave(self, order_id: str) -> None:
        """An order has nothing pending any more."""
        del self.places[order_id]
        self._ended.pop(order_id, None)

    def follow(self, order_id: str, order: Order | None, command: Command, seq: int) -> None:
        """Take note of what an order has pending, and whether that may go."""
        before = self.places.get(order_id)
        ended = order is not None and order.state.terminal
        after = _Place(seq, command, ended, not ended and not waits(order, command.kind, urgent=False))
        self.places[order_id] = after
        if ended:
            self._ended[order_id] = seq
            return
        self._ended.pop(order_id, None)
        stood = before is not None and before.seq == seq and not before.ended
        cancel = command.kind is CommandKind.CANCEL
        if after.ready and not (stood and before is not None and before.ready):
            self._push(self._ready.setdefault((command.venue, cancel), []), (seq, order_id))
        if cancel and not stood:
            for scope in _scopes(command):
                self._push(self._cancels.setdefault((command.venue, scope), []), (seq, order_id))

    def _push(self, line: list[tuple[int, str]], entry: tuple[int, str]) -> None:
        heappush(line, entry)
        if len(line) > 2 * len(self.places) + 64:
            line[:] = [known for known in line if self._stands(known)]
            heapify(line)

    def _stands(self, entry: tuple[int, str]) -> bool:
        place = self.places.get(entry[1])
        return place is not None and place.seq == entry[0] and not place.ended

    def ended(self) -> list[str]:
        """Orders that are over and have something pending all the same, in the order of the line."""
        return sorted(self._ended, key=self._ended.__getitem__)

    def first_cancel(self, venue: str, scope: str) -> str | None:
        """The order of a scope whose CANCEL has waited longest at a venue, whatever it waits for."""
        line = self._cancels.get((venue, scope), [])
        while line and not self._stands(line[0]):
            heappop(line)
        return line[0][1] if line else None

    def first(self, venue: str, *, cancels: bool) -> str | None:
        """The order whose CANCEL, or whose NEW or REPLACE, is next at a venue."""
        line = self._ready.get((venue, cancels), [])
        while line and not (self._stands(line[0]) and self.places[line[0][1]].ready):
            heappop(line)
        return line[0][1] if line else None

    def __iter__(self) -> Iterator[str]:
        return iter(self.places)


def _scopes(command: Command) -> tuple[str, ...]:
    return scopes_of(venue=command.venue, strategy=command.strategy, account=command.account, symbol=command.symbol)
