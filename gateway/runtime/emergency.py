"""The watchdog of the kill switch: engaged, and the runtime thread does nothing any more, so the venues' adapters act.

A thread of its own, because whatever stops the runtime (a strategy that never returns, a journal that never answers) may stop
the others too; and one more for each venue while it acts, because what hangs in one engine must not hold up the next. It sleeps
while nothing is killed. The runtime is stuck when it has made no step, no commit and no send for `STUCK_SECONDS` since the
kill; one that is slow but works is left alone, and so is one that was not running because the machine or the process slept:
only time in which this thread could look counts.

Where the journal may be somebody else's (`fence`) nothing is sent: so may be the session. Then it logs out, and keeps the
other one from it no longer.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from functools import partial
from time import monotonic

from gateway.runtime.intake import Intake
from gateway.runtime.runtime import Runtime
from gateway.venue.adapter import VenueAdapter
from gateway.venue.gate import KillGate

_log = logging.getLogger(__name__)
STUCK_SECONDS = 2.0
HANGS_SECONDS = 5.0
_LOOK_SECONDS = 0.1
_LONGEST_LOOK_SECONDS = 0.5
"""What passes between two looks counts up to this: later, nobody was running."""


class _Turn:
    """What one venue's adapter does, on a thread that may hang."""

    def __init__(self, adapter: VenueAdapter, act: Callable[[], None], since: float) -> None:
        self.adapter = adapter
        self.told = False
        self.since = since
        self._act = act
        self._thread = threading.Thread(target=self._run, name=f"emergency-{adapter.venue}", daemon=True)
        self._thread.start()

    @property
    def over(self) -> bool:
        return not self._thread.is_alive()

    def wait(self, seconds: float) -> None:
        self._thread.join(seconds)

    def _run(self) -> None:
        try:
            self._act()
        except Exception:  # noqa: BLE001 - a defect on one venue's side leaves the others their turn
            _log.exception("%s: emergency cancels", self.adapter.session)


class EmergencyWatch:
    """Owns its threads. `fence`: why no emergency cancel may be sent now; None when it may. Any thread."""

    def __init__(self, runtime: Runtime, gate: KillGate, intake: Intake, fence: Callable[[], str | None]) -> None:
        self._runtime = runtime
        self._gate = gate
        self._intake = intake
        self._fence = fence
        self._ending = threading.Event()
        self.active = False
        """Whether the adapters are cancelling by themselves now."""
        self._turns: dict[str, _Turn] = {}
        """The last turn of each venue that has had one and has not rested since."""
        self._withheld = False
        """Whether nothing may be cancelled now, because the sessions may be somebody else's."""
        self._logged_out = False
        """Whether that made us log out since the runtime turned last."""
        self._thread = threading.Thread(target=self._run, name="emergency", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._ending.set()
        self._gate.closed.set()
        self._thread.join(2)

    def report(self) -> dict[str, dict[str, int]]:
        """Venue -> how its emergency cancels stand, or how many are `withheld`; empty while there are none."""
        scopes, adapters = self._gate.engaged, self._runtime.adapters
        found = {name: adapter.emergency.report for name, adapter in adapters.items()}
        if self._withheld:
            waiting = {name: adapter.emergency.covered(scopes) for name, adapter in adapters.items()}
            return {name: {"withheld": count} for name, count in waiting.items() if count}
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
            elif stuck > STUCK_SECONDS:
                self._act(now)
        self._rest()

    def _act(self, now: float) -> None:
        refusal = self._fence()
        if refusal is not None:
            self._give_up_sessions(refusal)
            return
        if not self.active:
            self.active = True
            self._intake.widen()
            _log.critical("kill switch engaged and the runtime is stuck: emergency cancels from here on")
        self._withheld = False  # and `Emergency.act` logs on again by itself
        for name, adapter in self._runtime.adapters.items():
            turn = self._turns.get(name)
            if turn is None or turn.over:
                self._turns[name] = _Turn(adapter, partial(self._cancel, adapter, now), now)
            elif not turn.told and now - turn.since > HANGS_SECONDS:
                turn.told = True
                _log.critical("%s: the engine hangs in a send: nothing can be cancelled here, ask the venue", adapter.session)

    def _cancel(self, adapter: VenueAdapter, now: float) -> None:
        logged_out = adapter in self._runtime.logouts
        adapter.emergency.act(self._gate.engaged, now, logged_out=logged_out, fence=self._fence)

    def _give_up_sessions(self, refusal: str) -> None:
        if not self._withheld:
            self._withheld, self._logged_out, self.active = True, True, False
            _log.critical("kill switch engaged and the runtime is stuck, but no emergency cancel may be sent: %s", refusal)
            self._runtime.logouts.log_out()

    def _rest(self) -> None:
        self._withheld = False
        if self._logged_out and self._runtime.running and not self._ending.is_set():
            self._logged_out = False
            self._runtime.logouts.log_on_again()
        if self.active:
            self.active = False
            _log.warning("the runtime turns again: its own cancels follow")
        for name, turn in list(self._turns.items()):
            turn.wait(_LOOK_SECONDS)
            if turn.over:
                turn.adapter.emergency.rest()
                del self._turns[name]
