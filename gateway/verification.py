"""Verifying one instance: hash chain, decisions, state digests, records. Independent of the command line; writes nothing.

The head of the journal is taken once, so this may run beside a live gateway and ends where it began to look. Differences that
another build or other strategy code explains are named as such and not counted: from the first of them on, the recomputed
state is no longer the recorded one, and nothing after it can be compared.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial

from gateway import __version__
from gateway.core.events import RunStarted
from gateway.core.state import State
from gateway.core.verify import Difference, StrategyLoader, Verifier
from gateway.errors import JournalCorrupt, PreconditionFailed
from gateway.journal import snapshots
from gateway.journal.interface import JournalReader
from gateway.journal.snapshots import SnapshotStore
from gateway.journal.stores import JournalAt
from gateway.records.store import RecordStore
from gateway.records.verify import compare
from gateway.runtime.strategies import code_sha256
from gateway.wording import counted

SHOWN = 10
_CHUNK = 1_000

Progress = Callable[[str, int, int], None]
"""What is being done, how far it is, out of how much."""


@dataclass(slots=True, kw_only=True)
class Verdict:
    """What was checked and what differs. `first` holds the first differences as text, of every kind together."""

    first_event: int = 1
    """Later than 1 when older segments were moved away: nothing before it was verified."""
    events: int = 0
    recomputed: int = 0
    decision_differences: int = 0
    digests: int = 0
    digest_differences: int = 0
    snapshots: int = 0
    """Of this build: hashed entry by entry, and compared with the digest recorded there."""
    snapshot_differences: int = 0
    records_seq: int | None = None
    record_differences: int = 0
    compared: dict[str, int] = field(default_factory=dict)
    """Table of the records -> rows that were compared with what the journal amounts to."""
    not_comparable: int = 0
    first: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    suspects: dict[str, int] = field(default_factory=dict)
    """Strategy -> position of the first decision that does not follow from the events."""
    equal: bool = True

    def suspect(self, strategy: str, seq: int) -> None:
        """The first difference is a strategy's; what comes after it may follow from that."""
        if not self.suspects:
            self.suspects[strategy] = seq
            self.notes.append(
                f"strategy {strategy} decided otherwise at event {seq} than it does now, from the same events and the same"
                " code: it reads a clock, a random source, or memory it keeps elsewhere"
            )

    def differs(self, line: str) -> None:
        self.equal = False
        if len(self.first) < SHOWN:
            self.first.append(line)


def verify_instance(place: JournalAt, store: RecordStore | None, load: StrategyLoader, progress: Progress) -> Verdict:
    """Check the journal, from its oldest segment on, and, unless `store` is None, the records, which are closed in the end.

    Raises PreconditionFailed when one of them is not there, JournalCorrupt when the chain is broken.
    """
    verdict = Verdict()
    try:
        with closing(place.reader()) as reader:
            if store is not None:
                store.require_current()  # said before the long part
                verdict.records_seq = store.checkpoint().seq
            _check_chain(reader, verdict, progress)
            labels = _check_snapshots(place.snapshots(), reader, verdict)
            _Recomputation(reader, verdict, load, _start(place, reader, verdict), labels).run(progress)
            if store is not None:
                _compare_records(reader, store, verdict, _start(place, reader, verdict), progress)
    finally:
        if store is not None:
            store.close()
    return verdict


def _check_chain(reader: JournalReader, verdict: Verdict, progress: Progress) -> None:
    head, expected = reader.head()
    position, previous = reader.begins()
    verdict.first_event = position + 1
    while position < head:
        position, previous, _ = reader.check_chain(position, previous, min(_CHUNK, head - position))
        progress("hash chain", position, head)
    if previous != expected:
        raise JournalCorrupt(f"the journal's head at event {head} changed while it was read; restore the journal from a copy")
    verdict.events = head


def _check_snapshots(store: SnapshotStore, reader: JournalReader, verdict: Verdict) -> dict[int, str]:
    """Position -> digest of each snapshot. A start believes what the journal confirms; here all entries are hashed."""
    found: dict[int, str] = {}
    for seq in store.positions():
        if not verdict.first_event - 1 <= seq <= verdict.events:
            continue
        try:
            digest = snapshots.check(store, reader, seq)
        except ValueError as error:
            verdict.snapshots += 1
            verdict.snapshot_differences += 1
            verdict.differs(f"the snapshot after event {seq}: {error}; remove it, a start does without")
        else:
            if digest is not None:
                verdict.snapshots += 1
                found[seq] = digest
    return found


def _start(place: JournalAt, reader: JournalReader, verdict: Verdict) -> State | None:
    """The state before the oldest segment; None for the first. Raises PreconditionFailed when no snapshot tells it."""
    before = verdict.first_event - 1
    if before == 0:
        return None
    state = snapshots.at(place.snapshots(), reader, before)
    if state is None:
        raise PreconditionFailed(
            f"the journal begins with event {before + 1}, and no snapshot of this build was taken before it:"
            " move the older segments back, or verify with the build that made it"
        )
    return state


def _compare_records(
    reader: JournalReader, store: RecordStore, verdict: Verdict, start: State | None, progress: Progress
) -> None:
    behind = verdict.events - (verdict.records_seq or 0)
    if verdict.records_seq == 0 and behind:
        verdict.record_differences += 1
        verdict.differs("the records hold nothing: start the gateway, which writes them, or run `gateway db rebuild`")
    elif behind > 0:
        verdict.notes.append(f"the last {behind} events are not in the records yet: a running gateway writes them")
    compared: Counter[str] = Counter()
    for difference in compare(
        store, reader, verdict.notes.append, start, progress=partial(progress, "records"), compared=compared
    ):
        verdict.record_differences += 1
        verdict.differs(str(difference))
    verdict.compared = dict(sorted(compared.items()))


class _Recomputation:
    """Decides the whole journal again, stopping at every recorded digest to compare the state."""

    def __init__(
        self,
        reader: JournalReader,
        verdict: Verdict,
        load: StrategyLoader,
        start: State | None,
        snapshot_digests: dict[int, str],
    ) -> None:
        self._reader = reader
        self._verdict = verdict
        self._verifier = Verifier(load, start)
        self._snapshot_digests = snapshot_digests
        self._other_build: str | None = None
        self._lost_at: int | None = None
        self._configured: set[str] = set()

    def run(self, progress: Progress) -> None:
        head = self._verdict.events
        position = self._verdict.first_event - 1
        for seq, digest in self._reader.digests(position):
            if seq > head:
                break
            self._advance(position, seq)
            self._verdict.digests += 1
            if self._verifier.digest != digest:
                self._count(seq, f"event {seq}: the recomputed state has another digest than the recorded one", digest=True)
            if self._snapshot_digests.get(seq, self._verifier.digest) != self._verifier.digest:
                self._count(seq, f"event {seq}: the snapshot there has another digest than the recomputed state", digest=True)
            if seq // _CHUNK > position // _CHUNK:
                progress("decisions", seq, head)
            position = seq
        self._advance(position, head)  # the process died before the batch with the next digest
        self._differences(self._verifier.finish())
        progress("decisions", head, head)
        self._verdict.recomputed = head
        if self._lost_at is not None:
            self._verdict.notes.append(
                f"not counted: {counted(difference=self._verdict.not_comparable)} from event {self._lost_at} on:"
                f" {self._other_build}; verify that part with the build that made it"
            )

    def _advance(self, after: int, up_to: int) -> None:
        while after < up_to:
            records = [stored.recorded for stored in self._reader.read(after, min(_CHUNK, up_to - after))]
            if not records:
                raise PreconditionFailed(f"the journal has no event {after + 1}; is it being replaced?")
            for one in records:
                if isinstance(one.event, RunStarted):
                    self._begin(one.run_id, one.event)
                self._differences(self._verifier.feed((one,)))
            after = records[-1].seq

    def _begin(self, run_id: int, event: RunStarted) -> None:
        """Note what differs between the build that made a run and this one."""
        self._configured = set(event.settings.strategies)
        found = list(_mismatches(event))
        self._other_build = f"run {run_id} was made by another build ({'; '.join(found)})" if found else self._other_build
        if found:
            self._verdict.notes.append(self._other_build or "")
        elif self._lost_at is None:
            self._other_build = None

    def _differences(self, found: Iterator[Difference]) -> None:
        for difference in found:
            recorded, computed = difference.recorded or "nothing", difference.computed or "nothing"
            what = "; ".join(difference.what) or f"recorded {recorded}, computed {computed}"
            whose = "" if difference.strategy is None else f" strategy {difference.strategy}:"
            self._count(difference.seq, f"event {difference.seq}:{whose} {what}", digest=False)
            if difference.strategy is not None and difference.strategy in self._configured and self._other_build is None:
                self._verdict.suspect(difference.strategy, difference.seq)

    def _count(self, seq: int, line: str, *, digest: bool) -> None:
        if self._other_build is not None:
            self._lost_at = seq if self._lost_at is None else self._lost_at
            self._verdict.not_comparable += 1
            return
        if digest:
            self._verdict.digest_differences += 1
        else:
            self._verdict.decision_differences += 1
        self._verdict.differs(line)


def _mismatches(event: RunStarted) -> Iterator[str]:
    if event.version != __version__:
        yield f"version {event.version}, this is {__version__}"
    if event.core_sha256 not in ("", snapshots.code_sha256()):
        yield f"core {event.core_sha256[:12]}, here {snapshots.code_sha256()[:12]}"
    for name, settings in event.settings.strategies.items():
        try:
            found = code_sha256(settings.class_path)
        except PreconditionFailed:
            found = "not installed"
        if found != settings.code_sha256:
            yield f"strategy {name}: code {settings.code_sha256[:12]}, here {found[:13]}"
