"""The watchdog of the kill switch: engaged, and the runtime thread does nothing any more, so the venues' adapters act.

A thread of its own, because whatever stops the runtime (a strategy that never returns, a journal that never answers) may stop
the others too. It sleeps while nothing is killed. The runtime is stuck when it has made no step, no commit and no send for
`STUCK_SECONDS` since the kill; one that is slow but works is left alone, and so is one that was not running because the machine
or the process slept: only time in which this thread could look counts. Where the journal has become somebody else's nothing is
done: so has the session.
"""

from __future__ import annotations

import logging
import threading
from time import monotonic

from gateway.errors import JournalLost
from gateway.runtime.intake import Intake
from gateway.runtime.runtime import Runtime
from gateway.venue.gate import KillGate

_log = logging.getLogger(__name__)
STUCK_SECONDS = 2.0
_LOOK_SECONDS = 0.1
_LONGEST_LOOK_SECONDS = 0.5
"""What passes between two looks counts up to this: later, nobody was running."""


class EmergencyWatch:
    """Owns its thread."""

    def __init__(self, runtime: Runtime, gate: KillGate, intake: Intake) -> None:
        self._runtime = runtime
        self._gate = gate
        self._intake = intake
        self._ending = threading.Event()
        self.active = False
        """Whether the adapters are cancelling by themselves now."""
        self._thread = threading.Thread(target=self._run, name="emergency", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._ending.set()
        self._gate.closed.set()
        self._thread.join(2)

    def report(self) -> dict[str, dict[str, int]]:
        """Venue -> how its emergency cancels stand; empty while there are none."""
        found = {name: adapter.emergency.report for name, adapter in self._runtime.adapters.items()}
        return {name: counts for name, counts in found.items() if counts}

    def _run(self) -> None:
        while not self._ending.is_set():
            self._gate.closed.wait()
            try:
                self._watch()
            except Exception:  # noqa: BLE001 - whatever the defect, the watch goes on
                _log.exception("emergency watch")
                self._ending.wait(_LOOK_SECONDS)

    def _watch(self) -> None:
        """From the moment the gate is closed until it is open."""
        seen, stuck, scopes, looked = -1, 0.0, self._gate.engaged, monotonic()
        while self._gate.engaged and not self._ending.wait(_LOOK_SECONDS):
            now = monotonic()
            stuck, looked = stuck + min(now - looked, _LONGEST_LOOK_SECONDS), now
            if self._gate.engaged != scopes:  # another scope: the runtime has its time for that one too
                scopes, stuck = self._gate.engaged, stuck if self.active else 0.0
            if self._runtime.progress != seen:
                seen, stuck = self._runtime.progress, 0.0
                self._rest()
            elif stuck > STUCK_SECONDS and not isinstance(self._runtime.failure, JournalLost):
                self._act(now)
        self._rest()

    def _act(self, now: float) -> None:
        if not self.active:
            self.active = True
            self._intake.widen()
            _log.critical("kill switch engaged and the runtime is stuck: emergency cancels from here on")
        for adapter in self._runtime.adapters.values():
            try:
                adapter.emergency.act(self._gate.engaged, now, logged_out=adapter in self._runtime.halted)
            except Exception:  # noqa: BLE001 - a defect on one venue's side leaves the others their turn
                _log.exception("%s: emergency cancels", adapter.session)

    def _rest(self) -> None:
        if self.active:
            self.active = False
            _log.warning("the runtime turns again: its own cancels follow")
            for adapter in self._runtime.adapters.values():
                adapter.emergency.rest()
