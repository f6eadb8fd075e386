"""The record writer: follows the journal on a thread of its own and keeps the records its projection.

With the database away it falls behind on disk, not in memory: it holds one batch, tries it again with growing pauses, and
goes on in order. Records that belong to another history are never written to. Whatever happens, the thread ends by itself
and says so in its status: nothing is ever raised into whoever started it, and trading does not wait for records. Of a gateway
it is in a process of its own (`child`; `process` is the gateway's side).
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from time import monotonic
from typing import TypeVar

from sqlalchemy.exc import DataError, DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from gateway.core.state import State
from gateway.errors import GatewayError, JournalCorrupt, JournalError, PreconditionFailed
from gateway.journal.interface import JournalReader, Stored
from gateway.records import sink
from gateway.records.context import Context, RowOp
from gateway.records.engines import RecordsUnavailable, WrongRevision
from gateway.records.fold import Fold
from gateway.records.resume import context_at
from gateway.records.sink import ANEW, Batch, Checkpoint, Moved
from gateway.records.status import WriterState, WriterStatus
from gateway.records.store import RecordStore

T = TypeVar("T")

_POLL_S = 1.0
"""How often the journal is looked at although nobody woke us: a wake-up can be lost, an event cannot."""


LOST = "the records file was removed or replaced while in use; making it anew from the journal"


class _Lost(Exception):
    """The SQLite file is not the one that was opened."""

    def __str__(self) -> str:
        return LOST


class _OutOfTime(Exception):
    """The time given to `stop` is over."""


class RecordWriter:
    """One per process. `now_ns` is the clock for the status; `on_change` hears each change of state, `on_news` that the status
    is not what it was; both on the writer's thread."""

    def __init__(
        self,
        reader_factory: Callable[[], JournalReader],
        store: RecordStore,
        *,
        now_ns: Callable[[], int],
        on_change: Callable[[WriterStatus], None] | None = None,
        on_news: Callable[[], None] = lambda: None,
        state_at: Callable[[JournalReader, int], State | None] = lambda _reader, _seq: None,
        chunk: int = 500,
        rest_s: float = 0.02,
        retry_s: tuple[float, float] = (0.2, 5.0),
    ) -> None:
        """`state_at`: the state of a snapshot not after a position, None to fold from the beginning.

        `chunk`: events a transaction; `rest_s`: least time between small ones; `retry_s`: first and longest pause.
        """
        self._reader_factory = reader_factory
        self._store = store
        self._now_ns = now_ns
        self._on_change = on_change
        self._on_news = on_news
        self._state_at = state_at
        self._chunk = chunk
        self._rest_s = rest_s
        self._retry_s = retry_s
        self._signal = threading.Condition()
        self._head = 0
        self._stop_at: float | None = None
        self._phase: WriterState = "initialising"
        self._status = WriterStatus(state="initialising", since_ns=now_ns())
        self._thread = threading.Thread(target=self._run, name="record-writer", daemon=True)

    def start(self) -> None:
        """Begin to follow the journal. Once only."""
        self._thread.start()

    def wake(self, seq: int) -> None:
        """The journal has been committed up to `seq`. Cheap; any thread."""
        with self._signal:
            if seq > self._head:
                self._head = seq
                self._signal.notify_all()

    def stop(self, timeout: float) -> bool:
        """Write what is committed, then end; True if all of it was written within `timeout` seconds."""
        with self._signal:
            self._stop_at = monotonic() + timeout
            self._signal.notify_all()
        if self._thread.ident is not None:
            # A statement that hangs in the database is left behind: its transaction is all or nothing.
            self._thread.join(timeout + 0.5)
        else:
            self._change("stopped")
        return self.status().state == "stopped" and self.status().lag == 0

    def status(self) -> WriterStatus:
        """How it stands. Any thread."""
        status = self._status
        return replace(status, head=max(self._head, status.head, status.seq))

    def _run(self) -> None:
        try:
            with closing(self._persist(self._reader_factory)) as reader:
                while (why := self._follow(reader)) is not None:
                    self._begin_again(why)
        except _OutOfTime:
            self._change("stopped")
        except GatewayError as error:
            self._change("failed", str(error))
        except Exception as error:  # noqa: BLE001 - a defect here must not reach the gateway; it shows as a failed component
            self._change("failed", f"{type(error).__name__}: {error}")
        else:
            self._change("stopped")

    def _follow(self, reader: JournalReader) -> str | None:
        """Until it was asked to end; why not, when the records are not what they were when it wrote to them last."""
        try:
            self._write_on(reader)
        except (_Lost, Moved) as error:
            return str(error)
        return None

    def _begin_again(self, why: str) -> None:
        """From wherever the records stand, if that belongs to this journal."""
        self._status = replace(self._status, seq=0, recorded_ns=None)
        self._try_later(why, self._retry_s[0])
        self._store.close()

    def _write_on(self, reader: JournalReader) -> None:
        self._persist(self._store.ensure_current)
        self._store.hold()
        done = self._persist(self._checkpoint)
        fold = self._resume(reader, done)
        self._phase = "running"
        self._change("running")
        while True:
            if self._store.lost():
                raise _Lost
            records = self._persist(lambda: reader.read(fold.seq, self._chunk))
            if records:
                done = self._write(fold, done, records)
            elif self._stop_at is not None:
                return
            if len(records) < self._chunk:
                self._await_more(done.seq)

    def _resume(self, reader: JournalReader, done: Checkpoint) -> Fold:
        """Bring a fold to where the records stand, after making sure that it is the same history."""
        self._status = replace(self._status, seq=done.seq, head=self._persist(reader.head)[0])
        found = self._persist(lambda: reader.hash_at(done.seq))
        if found != done.hash:
            what = "the journal has another event there"
            if found is None:
                moved = self._status.head > done.seq
                what = "that segment was moved away: move it back" if moved else "the journal ends before it"
            raise PreconditionFailed(
                f"records and journal disagree at event {done.seq}: {what}; nothing was written."
                f" Restore the journal or the records that belong together, or {ANEW}"
            )
        state = self._persist(lambda: self._state_at(reader, done.seq))
        context = None if state is None else self._persist(lambda: self._context_at(state))
        fold = Fold(lambda sha256: self._persist(reader.configurations).get(sha256), state, context)
        while fold.seq < done.seq:
            for stored in self._persist(lambda: self._read_again(reader, fold.seq, done.seq)):
                _advance(fold, stored)
        self._status = replace(self._status, recorded_ns=fold.at_ns or None)
        return fold

    def _read_again(self, reader: JournalReader, after: int, up_to: int) -> Sequence[Stored]:
        """What the records have already. It can be away for a while: a server that crashed gets it again from its gateway."""
        records = reader.read(after, min(self._chunk, up_to - after))
        if not records:
            raise JournalError(f"the journal has no event {after + 1} any more, and the records go up to event {up_to}")
        return records

    def _context_at(self, state: State) -> Context:
        with self._store.transaction() as connection:
            return context_at(connection, state)

    def _write(self, fold: Fold, done: Checkpoint, records: Sequence[Stored]) -> Checkpoint:
        """Rows are computed once; only writing them is ever repeated."""
        last = records[-1]
        after = Checkpoint(last.recorded.seq, last.hash)
        batch = Batch(before=done, after=after, ops=[op for stored in records for op in _advance(fold, stored)])
        self._status = replace(self._status, head=max(self._status.head, after.seq))
        self._persist(lambda: self._commit(batch))
        self._status = replace(self._status, seq=after.seq, recorded_ns=last.recorded.at_ns)
        self._on_news()
        return after

    def _checkpoint(self) -> Checkpoint:
        with self._store.transaction() as connection:
            return sink.read_checkpoint(connection)

    def _commit(self, batch: Batch) -> None:
        with self._store.transaction() as connection:
            sink.write_batch(connection, batch)

    def _persist(self, action: Callable[[], T]) -> T:
        """The result of `action`, however long the database or the journal's store stays away."""
        pause, longest = self._retry_s
        while True:
            self._in_time()
            try:
                result = action()
            except JournalCorrupt:
                raise
            except (IntegrityError, DataError) as error:
                raise PreconditionFailed(f"{self._store.explain(error)}; {ANEW}") from error
            except (DBAPIError, PoolTimeout) as error:
                if self._store.lost():  # what was wrong with it has been removed
                    raise _Lost from error
                self._try_later(self._store.explain(error), pause)
            except (JournalError, RecordsUnavailable, WrongRevision) as error:
                self._try_later(str(error), pause)
            else:
                if self._status.state == "degraded":
                    self._change(self._phase)
                return result
            pause = min(pause * 2, longest)

    def _try_later(self, error: str, pause: float) -> None:
        """Say what is wrong, then wait; a stop cuts the first wait short, for one more attempt."""
        self._status = replace(self._status, retries=self._status.retries + 1)
        self._change("degraded", error)
        with self._signal:
            stop_at = self._stop_at
            if stop_at is None:
                self._signal.wait_for(lambda: self._stop_at is not None, pause)
            else:
                self._signal.wait_for(lambda: False, min(pause, max(stop_at - monotonic(), 0)))

    def _await_more(self, seq: int) -> None:
        """Rest, so that a busy journal is written in larger transactions, then wait for events after `seq`."""
        with self._signal:
            self._signal.wait_for(lambda: self._stop_at is not None, self._rest_s)
            self._signal.wait_for(lambda: self._stop_at is not None or self._head > seq, _POLL_S)

    def _in_time(self) -> None:
        stop_at = self._stop_at
        if stop_at is not None and monotonic() > stop_at:
            raise _OutOfTime

    def _change(self, state: WriterState, error: str | None = None) -> None:
        """Publish a state; `last_error` outlives the trouble it tells of."""
        before = self._status
        since_ns = before.since_ns if before.state == state else self._now_ns()
        self._status = replace(before, state=state, since_ns=since_ns, last_error=error or before.last_error)
        if self._on_change is not None and before.state != state:
            try:
                self._on_change(self.status())
            except Exception as caught:  # noqa: BLE001 - who listens must not be able to stop the records
                self._status = replace(self._status, last_error=f"listener: {type(caught).__name__}: {caught}")
        self._on_news()


def _advance(fold: Fold, stored: Stored) -> Sequence[RowOp]:
    """Who trades may wait for this processor, and many kernels take it from us only at their next tick, milliseconds later."""
    os.sched_yield()
    return fold.advance(stored)
