"""One step in progress: an input event and everything the core derives from it, each applied the moment it is decided."""

from __future__ import annotations

import msgspec

from gateway.core import invariants
from gateway.core.apply import apply
from gateway.core.changes import Change, FillChanged
from gateway.core.events import Derived, Dispatched, Event, Recorded
from gateway.core.state import State


class Step(msgspec.Struct, frozen=True):
    """What one input event led to: the records to journal, in order, each with what it changed."""

    records: tuple[Recorded, ...]
    changes: tuple[tuple[Recorded, tuple[Change, ...]], ...]


class Turn:
    """Collects records and changes. Every derived event carries the stream time and the cause of its input."""

    def __init__(self, state: State, *, run_id: int, at_ns: int, wall_ns: int) -> None:
        self.state = state
        self._run_id = run_id
        self._at_ns = at_ns
        self._wall_ns = wall_ns
        self._cause = state.seq + 1
        self._since_ns = state.at_ns
        self._repeated: list[str] = []
        self._changes: list[tuple[Recorded, tuple[Change, ...]]] = []

    def take(self, event: Event) -> tuple[Change, ...]:
        """Apply the input event that this turn is about: it comes first, and all that is emitted has it as its cause."""
        return self._apply(event)

    def emit(self, event: Derived) -> tuple[Change, ...]:
        """Apply what the core decided, at the next position."""
        if type(event) is Dispatched and (event.command.venue, event.command.cl_ord_id) in self.state.execution.cl_ord_ids:
            self._repeated.append(event.command.cl_ord_id)
        return self._apply(event)

    def _apply(self, event: Event) -> tuple[Change, ...]:
        recorded = Recorded(
            seq=self.state.seq + 1,
            run_id=self._run_id,
            at_ns=self._at_ns,
            wall_ns=self._wall_ns,
            cause=self._cause,
            event=event,
        )
        changes = tuple(apply(self.state, recorded))
        self._changes.append((recorded, changes))
        return changes

    def changes(self) -> list[Change]:
        """What was changed so far, in order."""
        return [change for _, found in self._changes for change in found]

    def new_fills(self) -> list[FillChanged]:
        """Executions that came in this turn, in order."""
        return [one for _, found in self._changes for one in found if type(one) is FillChanged and one.before is None]

    def broken(self) -> invariants.Broken:
        """Invariants that do not hold after what was done so far, each with what is wrong."""
        return invariants.check(self.state, self._changes, self._cause, self._since_ns, self._repeated)

    def step(self) -> Step:
        return Step(tuple(recorded for recorded, _ in self._changes), tuple(self._changes))
