"""Committing batches: nothing leaves that is not durable, and a journal that refuses stops dispatch, not reception.

A batch that the journal refuses is kept and offered again, the same batch, until it is taken: its effects are in the state
already and nothing of it was sent. While it waits the intake fills, its bound makes the adapters cut their connections, and
the venues keep what they have for us. No restart is needed when the journal comes back.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from time import perf_counter

from gateway.clock import wall_ns
from gateway.core.events import Recorded
from gateway.errors import JournalError
from gateway.journal.interface import JournalWriter, Watermark

_log = logging.getLogger(__name__)
_PAUSES = (0.01, 0.05, 0.2, 0.5)
LOGOUT_AFTER_SECONDS = 2.0


class Committer:
    """Wraps the journal for the runtime thread. `failing_since_ns` and `error` tell everybody else."""

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

    @property
    def position(self) -> int:
        """Of the last record the journal took."""
        return self._journal.position()[0]

    def commit(self, records: Sequence[Recorded], watermarks: Mapping[str, Watermark], digest: str) -> bool:
        """True once the batch is durable; False when the process was told to end before that.

        Raises JournalLost when the journal is somebody else's: nothing of the batch may ever be sent.
        """
        attempt = 0
        halted = False
        waited = 0.0
        while True:
            started = perf_counter()
            try:
                self._journal.append(records, watermarks, digest)
            except JournalError as error:
                if self.failing_since_ns is None:
                    _log.error("journal refuses a batch, dispatch is halted: %s", error)
                    self.failing_since_ns = wall_ns()
                self.error = str(error)
            else:
                self._observe(perf_counter() - started)
                if self.failing_since_ns is not None:
                    _log.warning("journal takes batches again")
                    self.failing_since_ns, self.error = None, ""
                if halted:
                    self._on_recovery()
                return True
            if waited + perf_counter() - started >= LOGOUT_AFTER_SECONDS and not halted:
                halted = True
                self._on_halt()
            pause = _PAUSES[min(attempt, len(_PAUSES) - 1)]
            attempt += 1
            waited += pause + perf_counter() - started
            if self._wait(pause):
                return False
