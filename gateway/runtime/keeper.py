"""Keeping the journal short to start from: snapshots every so many events, and a new segment with each trading day.

The runtime thread rolls the journal (one small file or table) and copies the containers of the state; a thread of its own
turns the copy into a snapshot, stepping aside after every few hundred entries. A snapshot that fails is a warning: the next
start takes longer, nothing else.
"""

from __future__ import annotations

import gc
import logging
import queue
import threading
from collections.abc import Callable, Sequence
from time import monotonic, process_time

from gateway.core.core import Core
from gateway.core.events import Event, Recorded, TradingDayRolled
from gateway.core.snapshot import Image, image
from gateway.core.state import State
from gateway.errors import JournalError, PreconditionFailed
from gateway.journal import snapshots
from gateway.journal.interface import JournalWriter
from gateway.journal.snapshots import Label, SnapshotStore

_log = logging.getLogger(__name__)
ROLLS: set[type[Event]] = {TradingDayRolled}
"""Events after which a segment ends."""
_FOLD_CHUNK = 2_000
_REST_SECONDS = 0.002
_PUT_AWAY = 8
"""Orders a commit, each about 20 us: as many as can end in a batch, in the long run."""

Progress = Callable[[int, int], None]
"""Told how far a fold is, and how far it goes. What it raises ends the fold."""


class Keeper:
    """`after_commit` and `recover` on the thread that owns the core; the rest on any.

    `rest`: seconds without a snapshot for each that one took, however fast events come.
    """

    def __init__(self, journal: JournalWriter, store: SnapshotStore, every: int, rest: float = 9.0) -> None:
        self._journal = journal
        self._store = store
        self._every = every
        self._last = 0
        self._not_before = 0.0
        """Monotonic seconds."""
        self._rest = rest
        self._starts: set[int] = set()
        """Where segments begin: the snapshots that stay."""
        self._waiting: queue.Queue[tuple[Label, Image] | None] = queue.Queue()
        self._thread = threading.Thread(target=self._write_all, name="snapshots", daemon=True)
        self._pause = threading.Event()

    # ---------------------------------------------------------------------------------------------------------- start

    def recover(self, core: Core, progress: Progress = lambda *_: None) -> Core:
        """The core brought to the end of the journal: newest snapshot, unless it is further already, then the events after it.

        `progress` is told (position, head) as it goes. Raises PreconditionFailed when older segments were moved away and no
        snapshot of this build replaces them.
        """
        began, cpu = monotonic(), [process_time()]
        gc.disable()  # nothing that is made here is garbage
        try:
            found = None if core.state.seq else snapshots.newest(self._store, self._journal, quick=True)
            start = core.state.seq if found is None else found.seq
            before = self._journal.begins()[0]
            if start < before:
                raise PreconditionFailed(
                    f"the journal begins with event {before + 1}, and no snapshot of this build leads there: move the older"
                    " segments back for this start, which writes a new snapshot (see docs/recovery.md)"
                )
            if found is not None:
                core = core.at(found)
            restored = monotonic()
            cpu.append(process_time())
            self._fold(core, progress)
            cpu.append(process_time())
        finally:
            gc.enable()
        self._last = start
        _log.info(
            "state as after event %d: the snapshot after event %d read in %.2f s, the events since folded in %.2f s"
            " (processor seconds so far: %.2f before, %.2f with the snapshot, %.2f now)",
            *(core.state.seq, start, restored - began, monotonic() - restored, *cpu),
        )
        return core

    def _fold(self, core: Core, progress: Progress) -> None:
        """Fold the tail, checking its hashes, and write on the way what a death kept from being written: the snapshots
        segments begin with. Raises JournalCorrupt at a record that is not what was written."""
        previous = self._hash_at(core.state.seq)
        self._starts = {first - 1 for first in self._journal.segments()}
        head = self._journal.head()[0]
        boundaries = sorted(start for start in self._starts if start > core.state.seq)
        with core.state.execution.folding():
            for boundary in [*boundaries, None]:
                while boundary is None or core.state.seq < boundary:
                    limit = _FOLD_CHUNK if boundary is None else min(_FOLD_CHUNK, boundary - core.state.seq)
                    chunk = self._journal.read_checked(core.state.seq, previous, limit)
                    if not chunk:
                        break
                    previous = chunk[-1].hash
                    core.fold(stored.recorded for stored in chunk)
                    progress(core.state.seq, head)
                if boundary is not None and boundary not in self._store.positions():
                    self.write(core.state)

    # ------------------------------------------------------------------------------------------------------------ run

    def start(self) -> None:
        self._thread.start()

    def after_commit(self, records: Sequence[Recorded], state: State) -> None:
        """Put away orders that ended, roll when a trading day ended, take a snapshot when one is due. The state is exactly
        that of the journal."""
        state.execution.put_away(_PUT_AWAY)
        rolled = any(type(one.event) in ROLLS for one in records) and self._roll()
        due = state.seq - self._last >= self._every and self._waiting.empty() and monotonic() >= self._not_before
        if rolled or due:
            self._last = state.seq
            self._waiting.put((self._label(state), image(state)))

    def _roll(self) -> bool:
        try:
            if not self._journal.roll():
                return False
            self._starts.add(self._journal.position()[0])
            return True
        except JournalError as error:
            _log.error("the journal stays in its segment over the day roll: %s", error)
            return False

    def stop(self, timeout: float) -> None:
        """Write what waits, then end."""
        if self._thread.is_alive():
            self._waiting.put(None)
            self._thread.join(timeout)

    def write(self, state: State) -> None:
        """A snapshot here and now, when nobody waits: at a clean end, or before the first logon."""
        self._write(self._label(state), image(state))

    def _label(self, state: State) -> Label:
        return Label(
            seq=state.seq,
            hash=self._hash_at(state.seq),
            digest=state.digest(),
            code_sha256=snapshots.code_sha256(),
            config_sha256=state.control.config_sha256,
        )

    def _hash_at(self, seq: int) -> bytes:
        last, found = self._journal.position()
        if last == seq:
            return found
        recorded = self._journal.hash_at(seq)
        assert recorded is not None, f"event {seq} was folded from this journal"
        return recorded

    # ----------------------------------------------------------------------------------------------------- the thread

    def _write_all(self) -> None:
        while (waiting := self._waiting.get()) is not None:
            self._write(*waiting, aside=True)
            waiting = None  # or the copy of the state would be kept until the next one comes
            self._waiting.task_done()

    def _write(self, label: Label, content: Image, *, aside: bool = False) -> None:
        began = monotonic()
        try:
            rest = (lambda: self._pause.wait(_REST_SECONDS)) if aside else (lambda: False)
            encoded = snapshots.encode(label, content, rest)
            snapshots.written(encoded, rest, believing=True)
            self._store.write(label.seq, encoded)
            snapshots.prune(self._store, self._starts)
        except (JournalError, TypeError, ValueError) as error:
            _log.warning("no snapshot after event %d: %s", label.seq, error)
        else:
            size, seconds = len(encoded) / 1e6, monotonic() - began
            self._not_before = monotonic() + self._rest * seconds
            _log.info("snapshot after event %d: %.1f MB in %.2f s", label.seq, size, seconds)
