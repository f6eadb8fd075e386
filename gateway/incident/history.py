"""The journal walked with the state beside it: every recorded event, what it changed, and the state right before it.

Folds from the nearest usable snapshot; decides nothing. The one way every review, what-if and look at a position goes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

import msgspec

from gateway.core.apply import apply
from gateway.core.changes import Change
from gateway.core.events import Recorded
from gateway.core.state import State
from gateway.errors import NotFound, PreconditionFailed
from gateway.journal import snapshots
from gateway.journal.interface import JournalReader
from gateway.journal.stores import JournalAt

_CHUNK = 2_000

Progress = Callable[[str, int, int], None]
"""What is being done, how far it is, out of how much."""


class Moment(msgspec.Struct, frozen=True):
    """One recorded event and what applying it changed. The state it was applied to is `History.state` until the next one."""

    recorded: Recorded
    changes: tuple[Change, ...]


class History:
    """A journal as it stood when it was opened: what a live gateway appends meanwhile is not looked at."""

    def __init__(self, place: JournalAt, reader: JournalReader) -> None:
        """Raises PreconditionFailed when nothing was ever recorded."""
        self._place = place
        self._reader = reader
        self.first = reader.begins()[0] + 1
        """Position of the oldest event that is there."""
        self.head = reader.head()[0]
        if self.head < self.first:
            raise PreconditionFailed("the journal is empty: nothing has happened here yet")

    def one(self, seq: int) -> Recorded:
        """The event at a position. Raises NotFound."""
        found = self._reader.read(seq - 1, 1) if self.first <= seq <= self.head else ()
        if not found:
            raise NotFound(f"there is no event {seq}: the journal holds {self.first} to {self.head}")
        return found[0].recorded

    def digest_at(self, seq: int) -> str | None:
        """The state digest that was recorded with a commit that ended at `seq`; None where none was."""
        at, digest = next(self._reader.digests(seq - 1), (0, ""))
        return digest if at == seq else None

    def holds(self, seq: int, hash: bytes) -> bool:
        """Whether the record at a position has this hash: whether what was made of a journal was made of this one."""
        return self._reader.hash_at(seq) == hash

    def first_at(self, at_ns: int) -> int:
        """Position of the first event at or after a stream time; one past the head when there is none."""
        low, high = self.first, self.head + 1
        while low < high:
            middle = (low + high) // 2
            if self.one(middle).at_ns < at_ns:
                low = middle + 1
            else:
                high = middle
        return low

    def state_before(self, seq: int, progress: Progress = lambda *_: None, *, with_digest: bool = False) -> State:
        """The state right before an event. Raises PreconditionFailed when older segments were moved away without a snapshot."""
        start = snapshots.newest(self._place.snapshots(), self._reader, up_to=seq - 1, with_digest=with_digest)
        if start is None:
            start = State(with_digest=with_digest)
        if start.seq < self.first - 1:
            raise PreconditionFailed(
                f"the journal begins with event {self.first}, and no snapshot of this build leads to event {seq}:"
                " move the older segments back, or use the build that made it"
            )
        begin = start.seq
        for recorded in self.events(begin, seq - 1):
            apply(start, recorded)
            if recorded.seq % _CHUNK == 0:
                progress("state before", recorded.seq - begin, seq - 1 - begin)
        return start

    def walk(self, state: State, up_to: int, progress: Progress = lambda *_: None) -> Iterator[Recorded]:
        """The events after `state`, each yielded before it is applied; the caller applies it with `advance`."""
        begin = state.seq
        for recorded in self.events(begin, up_to):
            yield recorded
            if recorded.seq % _CHUNK == 0:
                progress("events", recorded.seq - begin, up_to - begin)

    def events(self, after: int, up_to: int) -> Iterator[Recorded]:
        """Recorded events of positions after `after`, up to `up_to`, in bounded memory."""
        while after < up_to:
            chunk = self._reader.read(after, min(_CHUNK, up_to - after))
            if not chunk:
                raise PreconditionFailed(f"the journal has no event {after + 1}; is it being replaced?")
            for stored in chunk:
                yield stored.recorded
            after = chunk[-1].recorded.seq


@contextmanager
def opened(place: JournalAt) -> Iterator[History]:
    """The history behind a journal, closed in the end. Raises PreconditionFailed when there is none."""
    with closing(place.reader()) as reader:
        yield History(place, reader)


def advance(state: State, recorded: Recorded) -> Moment:
    """Apply one event of a walk."""
    return Moment(recorded, tuple(apply(state, recorded)))
