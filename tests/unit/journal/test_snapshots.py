"""Snapshots beside a journal: used only when they belong to it, to the build and to themselves."""

from __future__ import annotations

import gc
import logging
from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal

import msgspec
import pytest

from gateway.core import snapshot
from gateway.core.core import Core
from gateway.core.state import State
from gateway.errors import PreconditionFailed
from gateway.journal import snapshots
from gateway.journal.interface import JournalWriter
from gateway.journal.stores import JournalAt
from gateway.runtime.keeper import Keeper
from gateway.testing.harness import Harness


@pytest.fixture
def journal(place: JournalAt) -> Iterator[JournalWriter]:
    with closing(place.open()) as opened:
        yield opened


@pytest.fixture
def desk() -> Harness:
    """A core that has traded a little."""
    harness = Harness().open()
    for number in range(5):
        order_id = harness.request_order(price="156")
        harness.accept(order_id)
        harness.fill(order_id, "1000", price=f"156.00{number}")
    harness.book("155.9", "156.1")
    return harness


class Desk:
    """Journals what a harness records, a batch a call, with a keeper."""

    def __init__(self, harness: Harness, journal: JournalWriter, place: JournalAt, every: int = 1_000_000) -> None:
        self.harness, self.journal, self.place = harness, journal, place
        self.keeper = Keeper(journal, place.snapshots(), every, rest=0)

    def commit(self) -> None:
        fresh = self.harness.records[self.journal.position()[0] :]
        self.journal.append(fresh, {}, self.harness.state.digest())
        self.keeper.after_commit(fresh, self.harness.state)

    def recovered(self) -> State:
        """The state a new process would start with."""
        return Keeper(self.journal, self.place.snapshots(), 1).recover(Core({})).state


@pytest.fixture
def running(desk, journal, place) -> Desk:
    made = Desk(desk, journal, place)
    made.commit()
    return made


def test_start_from_a_snapshot_and_the_tail(running, caplog):
    running.keeper.write(running.harness.state)
    taken = running.harness.state.seq
    running.harness.request_order()
    running.commit()
    with caplog.at_level(logging.INFO):
        recovered = running.recovered()
    assert f"the snapshot after event {taken} read in " in caplog.text
    assert recovered.digest() == running.harness.state.digest()
    assert recovered.seq == running.harness.state.seq


def test_what_is_open_counts_after_a_start(running):
    """A fold leaves out what nobody asks for meanwhile: afterwards it is all there."""
    running.keeper.write(running.harness.state)
    order_id = running.harness.request_order(quantity="7000", price="150")
    running.harness.accept(order_id)
    running.harness.fill(order_id, "2000")
    running.commit()
    assert running.harness.state.execution.exposure.open_quantity(order_id) == 5000
    from_snapshot = running.recovered()
    running.place.snapshots().drop(running.place.snapshots().positions()[-1])
    for recovered in (from_snapshot, running.recovered()):
        assert _exposed(recovered) == _exposed(running.harness.state)
        assert recovered.execution.exposure.open_quantity(order_id) == 5000
        assert recovered.execution.over.spare == running.harness.state.execution.over.spare


def _exposed(state: State) -> dict[tuple[str, str], list[Decimal]]:
    within = state.execution.exposure.within("all")
    return {
        (symbol, venue): [sums.net, sums.buying, sums.selling, sums.gross]
        for symbol, venues in within.items()
        for venue, sums in venues.items()
    }


def test_a_copy_of_the_state_lives_no_longer_than_its_snapshot_is_being_written(desk, journal, place):
    """It keeps everything alive that was in the state then."""

    def copies() -> int:
        gc.collect()
        return sum(type(one) is snapshot.Part for one in gc.get_objects())

    made = Desk(desk, journal, place, every=10)
    made.keeper.start()
    before = copies()
    made.commit()
    made.keeper._waiting.join()
    assert place.snapshots().positions()
    assert copies() == before
    made.keeper.stop(10)


def test_events_that_come_fast_leave_time_between_snapshots(desk, journal, place):
    made = Desk(desk, journal, place)
    made.keeper = Keeper(journal, place.snapshots(), 10, rest=1e9)
    made.keeper.start()
    for _ in range(8):
        made.harness.request_order()
        made.commit()
        made.keeper._waiting.join()
    made.keeper.stop(10)
    assert len(place.snapshots().positions()) == 1


def damaged(content: bytes, at: float) -> bytes:
    position = int(len(content) * at)
    return content[:position] + bytes([content[position] ^ 1]) + content[position + 1 :]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda content: b"", "damaged"),
        (lambda content: content[:-1], "damaged"),
        (lambda content: content[: len(content) // 2], "damaged"),
        (lambda content: damaged(content, 0.5), "damaged"),
        (lambda content: damaged(content, 0.999), "damaged"),
        (lambda content: content.replace(b'"digest":"', b'"digest":"f', 1), "damaged"),
    ],
)
def test_a_damaged_one_is_discarded_with_a_line(running, caplog, change, words):
    store, state = running.place.snapshots(), running.harness.state
    running.keeper.write(state)
    store.write(state.seq, change(store.read(state.seq)))
    assert running.recovered().digest() == state.digest()
    assert f"snapshot after event {state.seq} is not used: " in caplog.text
    assert words in caplog.text


def relabelled(running: Desk, **changes: object) -> None:
    state = running.harness.state
    known = {"seq": state.seq, "hash": running.journal.position()[1], "digest": state.digest()}
    known["config_sha256"] = state.control.config_sha256
    label = snapshots.Label(**{**known, "code_sha256": snapshots.code_sha256(), **changes})
    running.place.snapshots().write(label.seq, snapshots.encode(label, snapshot.image(state)))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"code_sha256": "0" * 64}, "made by other code"),
        ({"hash": bytes(16)}, "the journal has another event there"),
        ({"digest": "0" * 32}, "another digest"),
        ({"seq": 3}, "holds the state after event"),
        ({"config_sha256": "1" * 64}, "under another configuration"),
    ],
)
def test_one_that_does_not_belong_is_discarded(running, caplog, changes, words):
    relabelled(running, **changes)
    assert running.recovered().digest() == running.harness.state.digest()
    assert words in caplog.text


def test_one_past_the_end_of_the_journal_is_discarded(running, caplog, tmp_path, place):
    """The tail was lost: the snapshot knows events that nobody else does."""
    running.keeper.write(running.harness.state)
    content = place.snapshots().read(running.harness.state.seq)
    shorter = JournalAt(f"sqlite:///{tmp_path}/shorter/journal.db")
    with closing(shorter.open()) as journal:
        journal.append(running.harness.records[:5], {}, "d")
        shorter.snapshots().write(running.harness.state.seq, content)
        recovered = Keeper(journal, shorter.snapshots(), 1).recover(Core({})).state
    assert recovered.seq == 5
    assert "the journal ends before it" in caplog.text


def test_the_next_best_is_taken(running, caplog):
    running.keeper.write(running.harness.state)
    first = running.harness.state.seq
    running.harness.request_order()
    running.commit()
    relabelled(running, code_sha256="other")
    with caplog.at_level(logging.INFO):
        assert running.recovered().digest() == running.harness.state.digest()
    assert f"the snapshot after event {first} read in " in caplog.text


def test_they_are_taken_as_the_journal_grows_and_old_ones_go(desk, journal, place):
    made = Desk(desk, journal, place, every=10)
    made.keeper.start()
    expected = []
    for _ in range(8):
        made.harness.request_order()
        made.commit()
        made.keeper._waiting.join()
        expected = [*place.snapshots().positions()]
    made.keeper.stop(10)
    assert len(expected) == snapshots.KEPT
    assert max(expected) > journal.position()[0] - 20
    assert made.recovered().digest() == made.harness.state.digest()


def test_a_class_a_snapshot_cannot_carry_is_refused_when_it_is_made(running, caplog):
    running.harness.state.execution.buckets["SIM"] = object()  # type: ignore[assignment]
    with pytest.raises(TypeError, match="cannot carry"):
        list(snapshot.frames(snapshot.image(running.harness.state)))


def test_decimals_keep_their_digits(running):
    state = running.harness.state
    again = snapshot.restore(snapshot.frames(snapshot.image(state)))
    assert [str(fill.last_px) for fill in again.execution.fills.values()] == [f"156.00{n}" for n in range(5)]
    assert all(type(fill.last_px) is Decimal for fill in again.execution.fills.values())


def test_without_a_snapshot_a_journal_that_begins_late_is_no_start(running, journal):
    journal.roll()
    running.harness.request_order()
    running.commit()
    journal.begins = lambda: (journal.segments()[-1] - 1, b"")
    with pytest.raises(PreconditionFailed, match="move the older segments back"):
        running.recovered()


def forged(running: Desk, **changes: object) -> None:
    """A snapshot whose checksum, label and place are right, and whose last fill is not what was filled."""
    state = running.harness.state
    key, fill = list(state.execution.fills.items())[-1]
    taken = snapshot.image(state)
    fills = next(part for part in taken if part.path == ("execution", "fills")).content
    fills[key] = msgspec.structs.replace(fill, last_qty=fill.last_qty + 1)
    label = snapshots.label_of(running.place.snapshots().read(state.seq))
    running.place.snapshots().write(state.seq, snapshots.encode(msgspec.structs.replace(label, **changes), taken))


def test_what_its_digest_does_not_cover_is_found_by_whoever_hashes_it(running, journal, place):
    state, store = running.harness.state, place.snapshots()
    running.keeper.write(state)
    assert snapshots.check(store, journal, state.seq)
    forged(running)
    with pytest.raises(ValueError, match="another digest than it says"):
        snapshots.check(store, journal, state.seq)
    assert snapshots.at(store, journal, state.seq) is None


def test_one_without_a_digest_in_the_journal_is_hashed_by_a_start(running, journal, caplog):
    """What the journal cannot confirm is not believed."""
    running.keeper.write(running.harness.state)
    forged(running)
    journal.digests = lambda _after: iter(())
    assert running.recovered().execution.fills == running.harness.state.execution.fills
    assert "another digest than it says" in caplog.text


def test_a_state_whose_digest_is_wrong_is_not_written(running, caplog):
    state = running.harness.state
    state.digest()
    state.go_on_from("0" * 32)
    running.keeper.write(state)
    assert running.place.snapshots().positions() == []
    assert "another digest than it says" in caplog.text
