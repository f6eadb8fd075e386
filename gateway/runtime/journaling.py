"""Committing batches: nothing leaves that is not durable, and a journal that refuses stops dispatch, not reception.

A batch that the journal refuses is kept and offered again, the same batch, until it is taken: its effects are in the state
already and nothing of it was sent. While it waits the intake fills, its bound makes the adapters cut their connections, and
the venues keep what they have for us. No restart is needed when the journal comes back.

A disk may also say nothing at all: the commit hangs, and the runtime thread in it. `watch`, on another thread, halts then.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from threading import Lock
from time import monotonic, perf_counter

from gateway.clock import wall_ns
from gateway.core.events import Recorded
from gateway.errors import JournalError
from gateway.journal.interface import JournalWriter, Watermark

_log = logging.getLogger(__name__)
_PAUSES = (0.01, 0.05, 0.2, 0.5)
LOGOUT_AFTER_SECONDS = 2.0
SLOW_SECONDS = 0.25
"""A commit that takes longer is worth telling somebody: orders wait for it."""
SLOW_SHOWN_SECONDS = 60.0


class Committer:
    """Wraps the journal for the runtime thread. `failing_since_ns`, `error` and `slow` tell everybody else."""

    def __init__(
        self,
        journal: JournalWriter,
        *,
        wait: Callable[[float], bool],
        on_halt: Callable[[], None],
        on_recovery: Callable[[], None],
        observe: Callable[[float], None],
    ) -> None:
        self._journal = journal
        self._wait = wait
        self._on_halt = on_halt
        self._on_recovery = on_recovery
        self._observe = observe
        self.failing_since_ns: int | None = None
        self.error = ""
        self._halting = Lock()
        """Two threads may find that it is time to halt: the one that commits, and the one that watches it."""
        self._halted = False
        self._began: float | None = None
        """When the present attempt began."""
        self._slow: tuple[float, float] | None = None
        """When the last slow commit ended, and how long it took."""

    @property
    def position(self) -> int:
        """Of the last record the journal took."""
        return self._journal.position()[0]

    def commit(self, records: Sequence[Recorded], watermarks: Mapping[str, Watermark], digest: str | None) -> bool:
        """True once the batch is durable; False when the process was told to end before that.

        Raises JournalLost when the journal is somebody else's: nothing of the batch may ever be sent.
        """
        attempt = 0
        waited = 0.0
        while True:
            started = perf_counter()
            try:
                self._append(records, watermarks, digest)
            except JournalError as error:
                self._fails(str(error))
            else:
                self._taken(perf_counter() - started)
                return True
            if waited + perf_counter() - started >= LOGOUT_AFTER_SECONDS:
                with self._halting:
                    self._halt()
            pause = _PAUSES[min(attempt, len(_PAUSES) - 1)]
            attempt += 1
            waited += pause + perf_counter() - started
            if self._wait(pause):
                return False

    def watch(self) -> None:
        """Halt when the store has said nothing for too long. From another thread, now and then."""
        with self._halting:  # a commit that ends now finds either nothing done, or all of it
            seconds = 0.0 if self._began is None else monotonic() - self._began
            if seconds >= LOGOUT_AFTER_SECONDS:
                self._fails(f"the store has not answered for {seconds:.0f} s: see the disk, or the server")
                self._halt()

    @property
    def slow(self) -> str:
        """What to say of commits that took long lately; empty when none did."""
        if self._slow is None or monotonic() - self._slow[0] > SLOW_SHOWN_SECONDS:
            return ""
        return f"slow: a commit took {self._slow[1]:.2f} s in the last minute, and orders wait for it: see the disk"

    def _append(self, records: Sequence[Recorded], watermarks: Mapping[str, Watermark], digest: str | None) -> None:
        self._began = monotonic()
        try:
            self._journal.append(records, watermarks, digest)
        finally:
            with self._halting:
                self._began = None

    def _fails(self, error: str) -> None:
        if self.failing_since_ns is None:
            _log.error("journal refuses a batch, dispatch is halted: %s", error)
            self.failing_since_ns = wall_ns()
        self.error = error

    def _halt(self) -> None:
        if not self._halted:
            self._halted = True
            self._on_halt()

    def _taken(self, seconds: float) -> None:
        self._observe(seconds)
        if seconds > SLOW_SECONDS:
            _log.warning("a commit took %.2f s", seconds)
            self._slow = monotonic(), seconds
        if self.failing_since_ns is not None:
            _log.warning("journal takes batches again")
            self.failing_since_ns, self.error = None, ""
        if self._halted:
            self._halted = False
            self._on_recovery()
