"""Writing the records anew from the journal, and proving that they are what it amounts to.

For records that were damaged, touched, or belong to another history. The journal must hold everything from its first event, and
no gateway may be writing: whoever calls makes sure of the second, the checkpoint refuses the worst of it. An interrupted
rebuild is gone on with by the next writer, from wherever its checkpoint stands.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from gateway.errors import PreconditionFailed
from gateway.journal.interface import JournalReader
from gateway.records import sink
from gateway.records.fold import Fold
from gateway.records.sink import BEGINNING, Batch, Checkpoint
from gateway.records.store import RecordStore
from gateway.records.verify import compare, stretch

_CHUNK = 2_000

Progress = Callable[[str, int, int], None]
"""What is being done, how far it is, out of how much."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rebuilt:
    """`differed`: rows in which the old records were not what the journal says, None when they belonged to another history;
    `differences`: the same of the new ones, which must be 0; `compared`: how many rows of each table that was said of."""

    events: int
    differed: int | None
    differences: int
    compared: dict[str, int]


def rebuild(store: RecordStore, reader: JournalReader, progress: Progress = lambda *_: None) -> Rebuilt:
    """Empty the records, write them anew, compare. Raises PreconditionFailed before anything is emptied when the journal cannot
    give all of it, or the database is not of this build's revision; SQLite is brought to it."""
    store.ensure_current()
    head, _ = reader.head()
    first = reader.read(0, 1)
    if head and (not first or first[0].recorded.seq != 1):
        raise PreconditionFailed(
            "the journal does not begin at event 1: bring its older segments back, for records cannot begin in the middle;"
            " nothing was changed"
        )
    belongs = reader.hash_at(store.checkpoint().seq) == store.checkpoint().hash
    differed = sum(1 for _ in compare(store, reader, progress=partial(progress, "old records"))) if belongs else None
    store.clear()
    _write(store, reader, head, progress)
    compared: Counter[str] = Counter()
    differences = sum(1 for _ in compare(store, reader, progress=partial(progress, "comparison"), compared=compared))
    return Rebuilt(events=head, differed=differed, differences=differences, compared=dict(sorted(compared.items())))


def _write(store: RecordStore, reader: JournalReader, head: int, progress: Progress) -> None:
    configurations = dict(reader.configurations())
    fold, done = Fold(configurations.get), BEGINNING
    while fold.seq < head:
        records = stretch(reader, fold.seq, min(_CHUNK, head - fold.seq))
        ops = [op for stored in records for op in fold.advance(stored)]
        after = Checkpoint(records[-1].recorded.seq, records[-1].hash)
        with store.transaction() as connection:
            sink.write_batch(connection, Batch(before=done, after=after, ops=ops))
        done = after
        progress("records", done.seq, head)
