"""Closing the gate against ourselves: while an invariant is broken, and while a strategy overruns.

The runtime thread cannot watch itself while a strategy has it. `Watchdog` looks from outside and closes the gate: for the
strategy until an operator enables it again, and for everybody while the thread is stuck, because what the others decided in
that batch is as old as it. Cancels pass all the time. What counts is time in which the watchdog could look: that a machine was
suspended, or a process got no turn, is no fault of a strategy. `tend` follows what the journal says, before anything of a batch
is sent.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from time import monotonic

from gateway.core.contents import StrategyState
from gateway.core.events import Event, InvariantBroken, Recorded, StrategyOverran, TradingSwitched
from gateway.core.state import State
from gateway.core.values import NANOS, SCOPE_ALL
from gateway.journal.interface import Watermark
from gateway.runtime.intake import Intake, Submit
from gateway.runtime.overruns import OverrunFile
from gateway.venue.gate import KillGate

_log = logging.getLogger(__name__)
OVERRUN_SECONDS = 2.0
LONGEST_LOOK_SECONDS = 1.0
"""What passes between two looks counts up to this: later, nobody was running."""
INVARIANT = "invariant"
STUCK = "stuck"
GUARDED: frozenset[type[Event]] = frozenset({InvariantBroken, TradingSwitched})
"""Events after which the gate may have to be closed, or opened."""


def tend(gate: KillGate, records: Iterable[Recorded], state: State) -> None:
    """Close or open the gate as these say, with them durable and before what was decided with them is sent."""
    for one in records:
        if isinstance(one.event, InvariantBroken):
            _log.critical("dispatch halted: invariant %s is broken: %s", one.event.invariant, one.event.detail)
        elif isinstance(one.event, TradingSwitched):
            kind, _, name = one.event.scope.partition(":")
            known = state.control.strategies.get(name, StrategyState())
            if kind == "strategy" and known.disabled is None:
                gate.resume(one.event.scope)
    hold(gate, state)


def fallen(before: Watermark | None, after: Watermark) -> bool:
    """Whether an inbound watermark went where it never may: a repeated reset's Logon alone takes it to 0."""
    if before is None or after.epoch > before.epoch:
        return False
    return after.epoch < before.epoch or 0 < after.msg_seq_num < before.msg_seq_num


def hold(gate: KillGate, state: State) -> None:
    """Closed for everybody while the state says that an invariant is broken."""
    if state.control.broken:
        gate.stop(INVARIANT, SCOPE_ALL, f"invariant {' and '.join(state.control.broken)} broken")
    elif INVARIANT in gate.stops:
        gate.resume(INVARIANT)


class Consultation:
    """Which strategy is being asked, and since when: written by the thread that asks, read by any."""

    def __init__(self) -> None:
        self.now: tuple[str, float] | None = None

    def begin(self, strategy: str) -> None:
        self.now = (strategy, monotonic())

    def end(self) -> None:
        self.now = None


class Watchdog:
    """`look` every so often, on a thread that no strategy can hold."""

    def __init__(self, consultation: Consultation, gate: KillGate, intake: Intake, file: OverrunFile) -> None:
        self._consultation = consultation
        self._file = file
        self._gate = gate
        self._intake = intake
        self._told: str | None = None
        self._looked = monotonic()
        self._seen: tuple[tuple[str, float] | None, float] = (None, 0.0)
        """The consultation of the last look, and how much of it was watched."""

    def look(self) -> None:
        """Close the gate when a strategy overruns; open it for the others when it came back."""
        found = self._overdue()
        if found is None:
            if self._told is not None:
                _log.warning("strategy %s came back; it stays stopped until it is enabled again", self._told)
                self._told = None
                self._gate.resume(STUCK)
            return
        name, seconds = found
        if self._told == name:
            return
        self._told = name
        why = f"strategy {name} overruns"
        scope = f"strategy:{name}"
        self._gate.stop(STUCK, SCOPE_ALL, why)
        self._gate.stop(scope, scope, why)
        _log.critical(
            "%s: consulted for %.1f s; nothing new is sent until it comes back, nothing of it after that. If it never does: "
            "end this process (SIGTERM, or SIGKILL) and start again; the strategy starts disabled, until it is enabled",
            why,
            seconds,
        )
        event = StrategyOverran(strategy=name, running_ns=int(seconds * NANOS))
        self._file.note(event)
        self._intake.insist(Submit(event, after=self._file.forget))

    def _overdue(self) -> tuple[str, float] | None:
        """(strategy, seconds since it was asked) of one that should have come back; None while all is well."""
        now, at = self._consultation.now, monotonic()
        before, watched = self._seen
        passed, self._looked = min(at - self._looked, LONGEST_LOOK_SECONDS), at
        if now is None:
            self._seen = (None, 0.0)
            return None
        watched = watched + passed if now is before else min(at - now[1], passed)
        self._seen = (now, watched)
        return (now[0], at - now[1]) if watched > OVERRUN_SECONDS else None
