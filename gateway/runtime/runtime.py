"""The runtime thread: hosts the core, and is the only thread that touches its state.

    take what has arrived -> translate -> step the core -> commit -> send what was committed -> answer -> again

One turn is one batch and one commit. What the sends led to (`transmitted`, `submission failed`) is the input of the next
turn, which follows within two milliseconds. Timers are deadlines the core or an adapter asks for, realised as control-time
events; there is no tick. No SQL on records and no log I/O happens here.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from time import perf_counter
from typing import TypeVar

from gateway.clock import StreamClock, wall_ns
from gateway.core.changes import OrderChanged
from gateway.core.core import Core
from gateway.core.events import (
    ControlTime,
    DefectReported,
    Event,
    Recorded,
    RunStopped,
    SessionScheduled,
)
from gateway.core.execution_control import next_deadline
from gateway.core.state import State
from gateway.core.turn import Step
from gateway.core.values import SCOPE_ALL
from gateway.errors import JournalError, JournalLost, PreconditionFailed, UnknownOutcome
from gateway.journal.interface import JournalWriter, Watermark
from gateway.runtime.batch import Batch, venue_of
from gateway.runtime.guards import INVARIANT, fallen, hold, tend
from gateway.runtime.intake import Ask, Intake, Item, Submit
from gateway.runtime.journaling import Committer
from gateway.runtime.logouts import Logouts
from gateway.runtime.observer import Observer
from gateway.runtime.trading_day import TradingDay
from gateway.venue.adapter import VenueAdapter
from gateway.venue.gate import KillGate
from gateway.venue.link import Inbound

T = TypeVar("T")
_log = logging.getLogger(__name__)
MAX_BATCH = 256
MAX_IDLE_SECONDS = 1.0
MAX_BATCH_SECONDS = 0.05
_WATCH_SECONDS = 0.25
_REFUSALS = 256
_NO_THREAD = "see the log, `gateway stop` and start again"
MAX_UNDIGESTED = 64
"""Batches in a row without a digest of the state after them."""
CARRY_SECONDS = 0.002
"""How long a `transmitted` may wait for company: the venue's answer should not find us busy with it."""


class Runtime:
    """Owns the runtime thread. Everything public may be called from other threads."""

    def __init__(
        self,
        core: Core,
        journal: JournalWriter,
        intake: Intake,
        adapters: Mapping[str, VenueAdapter],
        clock: StreamClock,
        observer: Observer,
        *,
        run_id: int,
        gate: KillGate,
        day: TradingDay,
        wake_writer: Callable[[int], None],
        stay_up: Callable[[], bool] = lambda: False,
        after_commit: Callable[[Sequence[Recorded], State], None] = lambda _records, _state: None,
    ) -> None:
        self._core = core
        self._intake = intake
        self._adapters = dict(adapters)
        self._clock = clock
        self._observer = observer
        self._run_id = run_id
        self._gate = gate
        self.day = day
        self._roll_ns = 0
        self._wake_writer = wake_writer
        self._stay_up = stay_up
        self._after_commit = after_commit
        self._ending = threading.Event()
        self._aborting = threading.Event()
        self._carry: list[Event] = []
        self._undigested = 0
        self._commits: list[float] = []
        """Seconds of commits that telemetry has not been told of."""
        self._backlog: list[Item] = []
        self._working: list[Item] = []
        """What the present turn is about."""
        self._refusing = threading.Lock()
        self.logouts = Logouts(adapters.values())
        self.progress = 0
        """Counts turns, steps, commits and sends: whoever sees it stand still for longer than `MAX_IDLE_SECONDS` knows that the
        thread is stuck."""
        self._stop_reason = ""
        self._marks: dict[str, Watermark] = {}
        self._committed: dict[str, Watermark] = {}
        self.committer = Committer(
            journal,
            wait=self._aborting.wait,
            on_halt=self._halt,
            on_recovery=self.logouts.log_on_again,
            observe=self._commits.append,
        )
        self.turned = threading.Condition()
        """Notified after every batch whose effects are durable."""
        self.refusals: deque[tuple[str, str]] = deque(maxlen=_REFUSALS)
        """ClOrdID(11) of the newest requests that came to nothing, and why; changed under `turned`."""
        self.alive_ns = wall_ns()
        """When the thread last began a turn: a strategy or a rule that overruns shows here."""
        self.durable_seq = core.state.seq
        self.told_seq = core.state.seq
        """Up to here who waits for `turned` was told, and why requests came to nothing is in `refusals`."""
        self.failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="runtime", daemon=True)
        self._ended = threading.Event()
        self._watch = threading.Thread(target=self._watch_commits, name="commit-watch", daemon=True)

    @property
    def core(self) -> Core:
        """Its state belongs to the runtime thread; others may look up single immutable values in it."""
        return self._core

    @property
    def adapters(self) -> Mapping[str, VenueAdapter]:
        return self._adapters

    @property
    def running(self) -> bool:
        return self._thread.is_alive()

    def begin(self, events: list[Event]) -> None:
        """Commit the first events of the run on the caller's thread, then start turning."""
        batch = Batch()
        for event in events:
            self._step(batch, event)
        if not self._commit(batch):
            raise JournalError(self.committer.error)
        hold(self._gate, self._core.state)
        self._tell(batch)
        self._after_commit(batch.records, self._core.state)
        self._thread.start()
        self._watch.start()

    def submit(self, event: Event | Callable[[], Event], timeout: float, after: Callable[[], None] | None = None) -> Step:
        """Feed an event (or what makes one there) to the core and wait until its step is durable; see `Submit`.

        Raises UnknownOutcome when that takes too long, PreconditionFailed when the thread has ended and nothing was done, and
        whatever making the event raises.
        """
        return self.hand_in(event, after)(timeout)

    def hand_in(self, event: Event | Callable[[], Event], after: Callable[[], None] | None = None) -> Callable[[float], Step]:
        """As `submit`, without waiting: what is returned waits, that many seconds at most."""
        item = Submit(event, after)
        self._hand_over(item)

        def applied(timeout: float) -> Step:
            try:
                return item.answer.result(timeout)
            except TimeoutError as error:
                raise UnknownOutcome(
                    f"the gateway took the request but did not apply it within {timeout:g} s; see `gateway status`"
                ) from error

        return applied

    def ask(self, function: Callable[[], T], timeout: float) -> T:
        """Run `function` between two turns, with the state at rest. Raises TimeoutError; PreconditionFailed once the thread has
        ended."""
        item = Ask(function)
        self._hand_over(item)
        answer: T = item.answer.result(timeout)
        return answer

    def _hand_over(self, item: Submit | Ask) -> None:
        """Whichever of this and the end of the thread comes later finds the other."""
        self._intake.insist(item)
        if self._ended.is_set():
            self._refuse_waiting()

    def _refuse_waiting(self) -> None:
        """Nobody takes what is in the intake any more: whoever waits for an answer is told."""
        why = "has ended" if self.failure is None else f"ended by {type(self.failure).__name__}: {self.failure}"
        with self._refusing:
            for item in self._working:  # it may be in the journal already
                _tell_asker(item, UnknownOutcome(f"the runtime thread {why}, while it worked on this request; {_NO_THREAD}"))
            self._working = []
            while items := [*self._backlog, *self._intake.take(MAX_BATCH, 0)]:
                self._backlog = []
                for item in items:
                    _tell_asker(item, PreconditionFailed(f"nothing was done: the runtime thread {why}; {_NO_THREAD}"))

    def end(self, reason: str, timeout: float) -> bool:
        """Journal `RunStopped` and end the thread; False when it did not end in time."""
        self._stop_reason = reason
        self._ending.set()
        self._intake.insist(None)
        self._thread.join(timeout)
        if self._thread.is_alive():
            self._aborting.set()  # a batch that the journal refuses to the end is given up, and with it a clean end
            self._thread.join(2)
            return False
        return self.failure is None

    # ------------------------------------------------------------------------------------------------------ the thread

    def _run(self) -> None:
        try:
            while not self._turn():
                pass
        except BaseException as error:  # noqa: BLE001 - the thread's end must be seen: dispatch has stopped, nobody is deciding
            self.failure = error
            if isinstance(error, JournalLost):
                _log.critical("nothing is dispatched any more: %s", error)
            else:
                _log.critical("runtime thread ended by a defect; nothing is dispatched any more", exc_info=True)
            self.logouts.log_out(for_good=True)
        finally:
            self._ended.set()
            self._refuse_waiting()

    def _watch_commits(self) -> None:
        """A thread of its own: this one may hang in a commit, and housekeeping at the same disk."""
        while not self._ended.wait(_WATCH_SECONDS):
            self.committer.watch()

    def _turn(self) -> bool:
        """One batch. True when it was the last."""
        last = self._ending.is_set()
        items = self._backlog or self._intake.take(MAX_BATCH, 0 if last else self._idle_seconds())
        self._backlog, self._working = [], items
        self.alive_ns = wall_ns()
        self.progress += 1
        batch = Batch()
        carried, self._carry = self._carry, []
        for event in carried:
            self._step(batch, event)
        for adapter in self._adapters.values():
            while adapter.emergency.untold:
                self._step(batch, adapter.emergency.untold.popleft())
        self._take_all(batch, items)
        self._timers(batch)
        if last:
            self._step(batch, RunStopped(reason=self._stop_reason))
        if (batch.records or batch.heard) and not self._commit(batch):
            return True
        if batch.guarded:
            tend(self._gate, batch.guarded, self._core.state)
        for submitted, _ in batch.answers:
            self._follow_up(submitted)
        self._send(batch)
        for adapter, event in batch.scheduled:
            adapter.schedule.carry_out(event)
        for submitted, step in batch.answers:
            if not submitted.answer.done():
                submitted.answer.set_result(step)
        self._tell(batch)
        if batch.digested and batch.records and not last:
            self._after_commit(batch.records, self._core.state)
        return last

    def _follow_up(self, submitted: Submit) -> None:
        try:
            if submitted.after is not None:
                submitted.after()
        except Exception as error:  # noqa: BLE001 - what follows from a request failed, not the runtime: the asker gets the error
            submitted.answer.set_exception(error)

    def _tell(self, batch: Batch) -> None:
        """Everybody who only watches, once the orders are on their way."""
        if batch.records:
            self._wake_writer(self.durable_seq)
            with self.turned:
                self.refusals.extend(batch.refused)
                self.told_seq = batch.records[-1].seq
                self.turned.notify_all()
        while self._commits:
            self._observer.committed(self._commits.pop())
        for step, seconds in batch.steps:
            self._observer.stepped(step, seconds)
        self._observer.durable(batch.received)

    def _take_all(self, batch: Batch, items: list[Item]) -> None:
        """A batch is capped in time as well as in count; what is left is the next batch's."""
        started = perf_counter()
        for index, item in enumerate(items):
            self._take(batch, item)
            if perf_counter() - started > MAX_BATCH_SECONDS:
                self._backlog = items[index + 1 :]
                return

    def _take(self, batch: Batch, item: Item) -> None:
        if isinstance(item, Inbound):
            adapter = self._adapters[item.venue]
            for event in self._translated(adapter, item):
                self._step(batch, event, wall=item.received_ns)
            self._marks[adapter.session] = adapter.watermark
            batch.heard = True
            batch.received.append(item.received_ns)
        elif isinstance(item, Submit):
            self._take_submitted(batch, item)
        elif isinstance(item, Ask):
            try:
                item.answer.set_result(item.function())
            except Exception as error:  # noqa: BLE001 - the question failed, not the runtime: the asker gets the error
                item.answer.set_exception(error)

    def _take_submitted(self, batch: Batch, item: Submit) -> None:
        event = item.event
        if not isinstance(event, Event):
            try:
                event = event()
            except Exception as error:  # noqa: BLE001 - the request failed, not the runtime: the asker gets the error
                item.answer.set_exception(error)
                return
            self._marks |= {adapter.session: adapter.watermark for adapter in self._adapters.values()}
        batch.answers.append((item, self._step(batch, event)))

    def _translated(self, adapter: VenueAdapter, inbound: Inbound) -> list[Event]:
        """No message may end the run: one that trips a defect of ours is kept as it came, and somebody is told."""
        try:
            return adapter.translate(inbound, self._clock.now_ns())
        except Exception as error:  # noqa: BLE001 - whatever the defect, the message is recorded and the run goes on
            _log.exception("%s: a message could not be translated", adapter.session)
            self._observer.error("venue")
            return [adapter.untranslatable(inbound, f"{type(error).__name__}: {error}")]

    def _timers(self, batch: Batch) -> None:
        now = self._clock.now_ns()
        if now >= self._roll_ns:
            self._roll_day(batch, now)
        for adapter in self._adapters.values():
            for event in self._due(adapter, now):
                self._step(batch, event)
                if isinstance(event, SessionScheduled):
                    batch.scheduled.append((adapter, event))
        deadline = next_deadline(self._core.state)
        if deadline is not None and deadline <= now:
            self._step(batch, ControlTime(deadline_ns=deadline))

    def _due(self, adapter: VenueAdapter, now_ns: int) -> list[Event]:
        """A defect on one venue's side costs the others nothing."""
        try:
            return adapter.on_time(now_ns)
        except Exception:  # noqa: BLE001 - whatever the defect, the other venues trade on
            _log.exception("%s: what was due could not be done", adapter.session)
            self._observer.error("venue")
            return []

    def _roll_day(self, batch: Batch, now: int) -> None:
        event = self.day.rolled(now, self._core.state.control.run.trading_date)
        if event is not None:
            self._step(batch, event)
            batch.rolled = True
        self._roll_ns = self.day.next_roll_ns(now)

    def _step(self, batch: Batch, event: Event, wall: int | None = None) -> Step:
        started = perf_counter()
        step = self._core.step(
            event, run_id=self._run_id, at_ns=self._clock.now_ns(), wall_ns=wall_ns() if wall is None else wall
        )
        batch.add(step, perf_counter() - started)
        self.progress += 1
        return step

    def _commit(self, batch: Batch) -> bool:
        if not self.committer.commit(batch.records, self._reached(batch), self._digest(batch)):
            return False
        self._look_at_commit()
        self._marks = {}
        self.progress += 1
        if batch.records:
            self.durable_seq = batch.records[-1].seq
            self._keep_open_orders(batch)
        return True

    def _digest(self, batch: Batch) -> str | None:
        """None while something waits to be sent: that of the next quiet batch, which has what became of it, covers it, too."""
        if not batch.records:
            return None
        batch.digested = not batch.urgent or self._undigested >= MAX_UNDIGESTED
        self._undigested = 0 if batch.digested else self._undigested + 1
        return self._core.state.digest() if batch.digested else None

    def _keep_open_orders(self, batch: Batch) -> None:
        """What an adapter would cancel by itself in an emergency: orders as committed, before anything of them is sent."""
        for step, _ in batch.steps:
            for _, changes in step.changes:
                for change in changes:
                    if isinstance(change, OrderChanged) and change.after.venue in self._adapters:
                        self._adapters[change.after.venue].emergency.keep(change.after)

    def _look_at_commit(self) -> None:
        """The invariants that only the shell can see."""
        for session, mark in self._marks.items():
            before = self._committed.get(session)
            if fallen(before, mark):
                self._defect("watermark_rises", f"session {session}: {mark} after {before}")
        self._committed |= self._marks
        if self.committer.position != self._core.state.seq:
            ends = f"the journal ends with event {self.committer.position}, the state with event {self._core.state.seq}"
            self._defect("journal_is_state", ends)

    def _defect(self, invariant: str, detail: str) -> None:
        """Closed at once; the next turn makes it history."""
        self._gate.stop(INVARIANT, SCOPE_ALL, f"invariant {invariant} broken")
        if invariant not in self._core.state.control.broken:
            self._carry.append(DefectReported(invariant=invariant, detail=detail))

    def _reached(self, batch: Batch) -> dict[str, Watermark]:
        """Per session: what was heard, and the number below which everything stays that was sent and is about to be."""
        leaving = batch.leaving()
        marks: dict[str, Watermark] = {}
        for name, adapter in self._adapters.items():
            if adapter.session in self._marks or name in leaving:
                heard, (sender, _) = adapter.watermark, adapter.link.numbers
                marks[adapter.session] = Watermark(heard.epoch, heard.msg_seq_num, sender + leaving[name])
        return marks

    def _send(self, batch: Batch) -> None:
        """Only now, that it is durable. What became of it is the next turn's input."""
        for dispatch in batch.dispatches:
            self.progress += 1
            venue = venue_of(dispatch)
            try:
                outcome = self._adapters[venue].outbound.send(dispatch)
            except Exception:  # noqa: BLE001 - whether it left is not known: its deadline will ask the venue
                _log.exception("venue %s: a request could not be sent", venue)
                self._observer.error("venue")
                continue
            if outcome is not None:
                self._carry.append(outcome)

    def _halt(self) -> None:
        """Under kill the sessions stay up: over them the emergency cancels go."""
        self._observer.error("journal")
        if not self._stay_up():
            self.logouts.log_out()

    def _idle_seconds(self) -> float:
        if self._carry:
            return CARRY_SECONDS
        now = self._clock.now_ns()
        deadlines = [
            self._roll_ns,
            next_deadline(self._core.state),
            *(adapter.deadline_ns for adapter in self._adapters.values()),
        ]
        earliest = min((deadline for deadline in deadlines if deadline is not None), default=None)
        return MAX_IDLE_SECONDS if earliest is None else min(max((earliest - now) / 1e9, 0), MAX_IDLE_SECONDS)


def _tell_asker(item: Item, error: Exception) -> None:
    if isinstance(item, (Submit, Ask)) and not item.answer.done():
        item.answer.set_exception(error)
