"""The intake: where every thread's input waits for the runtime thread. Bounded; nothing in it is ever dropped in silence.

Every venue has a lane of its own, and operators have one that goes first: a venue that floods fills its own lane and waits
its turn, and neither the others nor a kill switch wait behind it. Within a lane the order of arrival is kept.

When a lane is full, order messages are refused: the adapter then cuts the connection and rewinds to the first message not
taken, so the venue is the buffer. A full snapshot (W) of a symbol that is still waiting here is replaced in its place by
the newer one and counted in it. What operators ask and what the engine did is few and always taken.
"""

from __future__ import annotations

import queue
import re
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from gateway.core.events import Event
from gateway.core.turn import Step
from gateway.venue.link import Inbound, Kind

_SNAPSHOT = "\x0135=W\x01"
_INCREMENT = "\x0135=X\x01"
_TRADE = "\x01269=2\x01"
_NUMBER = re.compile("\x0134=([0-9]+)")
_SYMBOL = re.compile("\x0155=([^\x01]*)")


class Ask:
    """Run `function` on the runtime thread, between batches."""

    def __init__(self, function: Callable[[], Any]) -> None:
        self.function = function
        self.answer: Future[Any] = Future()


class Submit:
    """Feed an event to the core; the answer is its step, once that is durable.

    An event that depends on how things are then is made on the runtime thread. `after` runs there once the step is durable,
    before anything that the event led to is sent.
    """

    def __init__(self, event: Event | Callable[[], Event], after: Callable[[], None] | None = None) -> None:
        self.event = event
        self.after = after
        self.answer: Future[Step] = Future()


Item = Inbound | Ask | Submit | None
"""None only wakes the runtime thread."""
_OPERATORS = ""
"""The lane of everything that comes from no venue."""


class Intake:
    """Many writers, one reader. `capacity` is that of one venue's lane."""

    def __init__(self, capacity: int) -> None:
        self._capacity = self._configured = capacity
        self._arrivals: queue.SimpleQueue[None] = queue.SimpleQueue()
        """One for every item that is in a lane: what the reader waits for."""
        self._lanes: dict[str, queue.SimpleQueue[Item]] = {_OPERATORS: queue.SimpleQueue()}
        self._snapshots: dict[tuple[str, str], Inbound] = {}
        self._lock = threading.Lock()

    @property
    def depth(self) -> int:
        return self._arrivals.qsize()

    def offer(self, inbound: Inbound) -> bool:
        """Take a message from a venue, unless there is no room for it."""
        lane = self._lane(inbound.venue)
        if self._snapshots:
            begins = inbound.raw[:64]
            if _INCREMENT in begins or (_SNAPSHOT in begins and _TRADE in inbound.raw):
                self._settle_snapshots(inbound.venue)
            elif _snapshot_key(inbound) in self._snapshots:
                # Whatever room there is now: a third must not take the place of the first, ahead of this one.
                return self._squeeze(lane, inbound)
        if lane.qsize() < self._capacity // 2:
            self._put(inbound.venue, inbound)
            return True
        return self._squeeze(lane, inbound)

    def _lane(self, name: str) -> queue.SimpleQueue[Item]:
        lane = self._lanes.get(name)
        if lane is not None:
            return lane
        with self._lock:  # a new dict, because the reader may be going through the old one
            self._lanes = {name: queue.SimpleQueue(), **self._lanes}
        return self._lanes[name]

    def _put(self, lane: str, item: Item) -> None:
        """The item first: whoever is told of it must find it."""
        self._lane(lane).put(item)
        self._arrivals.put(None)

    def _settle_snapshots(self, venue: str) -> None:
        """An increment, or trades, come after the snapshots before them: a later one must not take their place, ahead of it."""
        with self._lock:
            for key in [key for key in self._snapshots if key[0] == venue]:
                del self._snapshots[key]

    def _squeeze(self, lane: queue.SimpleQueue[Item], inbound: Inbound) -> bool:
        key = _snapshot_key(inbound)
        with self._lock:
            waiting = self._snapshots.get(key) if key is not None else None
            if waiting is not None:
                # The old place keeps its MsgSeqNum(34): the watermark must not run ahead of messages still waiting.
                if waiting.msg_seq_num is None:
                    number = _NUMBER.search(waiting.raw)
                    waiting.msg_seq_num = int(number[1]) if number else None
                waiting.raw, waiting.received_ns = inbound.raw, inbound.received_ns
                waiting.conflated += 1
                return True
            if lane.qsize() >= self._capacity:
                return False
            if key is not None:
                self._snapshots[key] = inbound
        self._put(inbound.venue, inbound)
        return True

    def widen(self) -> None:
        """Room for ten times as much, for good: under kill with a stuck reader, a session has to stay up for its cancels."""
        self._capacity = max(self._capacity, 10 * self._configured)

    def insist(self, item: Item) -> None:
        """Take it whatever the bound."""
        self._put(item.venue if isinstance(item, Inbound) else _OPERATORS, item)

    def take(self, most: int, timeout: float) -> list[Item]:
        """Whatever has arrived, up to `most`; waits for the first item at most `timeout` seconds."""
        arrived = 0
        try:
            self._arrivals.get(timeout=timeout) if timeout > 0 else self._arrivals.get_nowait()
            arrived = 1
            while arrived < most:
                self._arrivals.get_nowait()
                arrived += 1
        except queue.Empty:
            pass  # the time is up, or nothing more has arrived
        items = self._next(arrived)
        if self._snapshots:
            with self._lock:
                for item in items:
                    key = _snapshot_key(item) if isinstance(item, Inbound) else None
                    if key is not None and self._snapshots.get(key) is item:
                        del self._snapshots[key]
        return items

    def _next(self, count: int) -> list[Item]:
        """As many items: what operators want first, then one of each venue in turn."""
        items: list[Item] = []
        lanes = self._lanes
        operators = lanes[_OPERATORS]
        while len(items) < count:
            try:
                items.append(operators.get_nowait())
            except queue.Empty:
                break
        while len(items) < count:
            for lane in lanes.values():
                if len(items) < count and lane.qsize() and lane is not operators:
                    items.append(lane.get_nowait())
        return items


def _snapshot_key(inbound: Inbound) -> tuple[str, str] | None:
    """(venue, symbol) of a full snapshot without trades, which are never conflated; None for everything else."""
    if inbound.kind is not Kind.MESSAGE or _SNAPSHOT not in inbound.raw[:64] or _TRADE in inbound.raw:
        return None
    symbol = _SYMBOL.search(inbound.raw)
    return None if symbol is None else (inbound.venue, symbol[1])
