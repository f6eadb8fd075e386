"""Recompute every decision from the recorded inputs and compare it with what was recorded.

The only place where recorded history is decided again. A difference means that the code or a strategy's hidden memory
decided otherwise than it did live: a defect, or another build (compare the versions in `RunStarted` first).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

import msgspec

from gateway.core.core import AnyStrategy, Core
from gateway.core.events import DERIVED, ConfigurationUpdated, Event, Recorded, RunStarted
from gateway.core.settings import StrategySettings
from gateway.core.state import State

StrategyLoader = Callable[[Mapping[str, StrategySettings]], Mapping[str, AnyStrategy]]
"""Turns strategy settings into strategies: the shell imports code, the core does not."""


class Difference(msgspec.Struct, frozen=True):
    """What the journal holds at `seq` and what this build computes there; None when one side has nothing.

    `strategy`: whose decision differs, None where it is nobody's; `what`: the fields that do, each with both values.
    """

    seq: int
    recorded: str | None
    computed: str | None
    strategy: str | None = None
    what: tuple[str, ...] = ()


class Verifier:
    """Feed it the journal in order; `differences` are yielded as they are found."""

    def __init__(self, load: StrategyLoader, start: State | None = None) -> None:
        """`start`: the state before the first event that is fed; None for an empty one."""
        self._load = load
        self._core = Core({}) if start is None else Core(load(start.control.settings.strategies), start)
        self._expected: list[Recorded] = []

    @property
    def digest(self) -> str:
        """Digest of the recomputed state after everything fed so far."""
        return self._core.state.digest()

    def feed(self, recorded: Iterable[Recorded]) -> Iterator[Difference]:
        """Advance by recorded events; one step of the core per input event."""
        for one in recorded:
            if one.event.kind() not in DERIVED:
                yield from self._left_over()
                yield from self._step(one)
                continue
            computed = self._expected.pop(0) if self._expected else None
            if computed is None or computed.event != one.event:
                yield _difference(one.seq, one, computed)

    def finish(self) -> Iterator[Difference]:
        yield from self._left_over()

    def _step(self, one: Recorded) -> Iterator[Difference]:
        if isinstance(one.event, RunStarted):
            self._core = Core(self._load(one.event.settings.strategies), self._core.state)
        elif isinstance(one.event, ConfigurationUpdated) and one.event.request_id not in self._core.state.control.requests:
            self._core.use(self._load(one.event.settings.strategies))
        step = self._core.step(one.event, run_id=one.run_id, at_ns=one.at_ns, wall_ns=one.wall_ns)
        self._expected = list(step.records[1:])
        if step.records[0].seq != one.seq:
            yield _difference(one.seq, one, step.records[0])

    def _left_over(self) -> Iterator[Difference]:
        for computed in self._expected:
            yield _difference(computed.seq, None, computed)
        self._expected = []


def _difference(seq: int, recorded: Recorded | None, computed: Recorded | None) -> Difference:
    ours, theirs = (None if one is None else one.event for one in (computed, recorded))
    strategy = next((name for name in map(strategy_of, (theirs, ours)) if name is not None), None)
    return Difference(seq, _text(recorded), _text(computed), strategy, tuple(_fields(theirs, ours)))


def strategy_of(event: Event | None) -> str | None:
    """The strategy that decided this, or that it is about; None for events without one."""
    command = getattr(event, "command", None)
    name: str | None = getattr(event if command is None else command, "strategy", None)
    return name


def _fields(recorded: object, computed: object, within: str = "") -> Iterator[str]:
    """Where two events of a kind differ, down to the fields of a command."""
    if type(recorded) is not type(computed) or not isinstance(recorded, msgspec.Struct):
        return
    for name in recorded.__struct_fields__:
        was, now = getattr(recorded, name), getattr(computed, name)
        if was == now:
            continue
        if isinstance(was, msgspec.Struct) and type(was) is type(now):
            yield from _fields(was, now, f"{within}{name}.")
        else:
            yield f"{within}{name} {was} was recorded, {now} is computed"


def _text(one: Recorded | None) -> str | None:
    return None if one is None else msgspec.json.encode(one.event).decode()
