"""What every journal does, whichever store holds it."""

from __future__ import annotations

import multiprocessing
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from gateway.errors import JournalCorrupt, JournalError, PreconditionFailed
from gateway.journal.interface import GENESIS, JournalWriter, Watermark
from gateway.journal.sqlite import SqliteJournal
from gateway.journal.stores import JournalAt


@pytest.fixture(params=["commit", "fsync"])
def journal(place: JournalAt, request: pytest.FixtureRequest) -> Iterator[JournalWriter]:
    with closing(replace(place, durability=request.param).open()) as opened:
        yield opened


def test_an_empty_journal(journal):
    assert journal.head() == (0, GENESIS)
    assert journal.begins() == (0, GENESIS)
    assert journal.hash_at(0) == GENESIS
    assert journal.hash_at(1) is None
    assert list(journal.read(0, 10)) == []
    assert list(journal.digests(0)) == []
    assert journal.watermarks() == {}
    assert journal.check_chain(0, GENESIS, 10) == (0, GENESIS, 0)


def test_what_is_appended_is_read(journal, place, records):
    journal.append(records(1, 3), {"S": Watermark(1, 5)}, "d3")
    journal.append(records(4, 5), {"S": Watermark(1, 9), "T": Watermark(2, 1)}, "d5")
    assert [stored.recorded for stored in journal.read(0, 100)] == records(1, 5)
    assert [stored.recorded.seq for stored in journal.read(1, 2)] == [2, 3]
    assert journal.watermarks() == {"S": Watermark(1, 9), "T": Watermark(2, 1)}
    assert list(journal.digests(0)) == [(3, "d3"), (5, "d5")]
    assert list(journal.digests(3)) == [(5, "d5")]
    with closing(place.reader()) as reader:
        assert reader.head() == journal.head()
        assert reader.hash_at(3) == journal.read(2, 1)[0].hash
        assert reader.check_chain(0, GENESIS, 100) == (5, journal.head()[1], 5)


def test_records_are_checked_as_they_are_read(journal, records):
    journal.append(records(1, 5), {}, "d")
    checked = journal.read_checked(0, GENESIS, 3)
    assert checked == journal.read(0, 3)
    assert journal.read_checked(3, checked[-1].hash, 100) == journal.read(3, 100)
    with pytest.raises(JournalCorrupt, match="record 4 is not what its hash says"):
        journal.read_checked(3, GENESIS, 100)
    assert list(journal.read_checked(5, journal.head()[1], 100)) == []


def test_a_reopened_journal_goes_on_where_it_stood(place, records):
    with closing(place.open()) as first:
        first.append(records(1, 3), {"S": Watermark(1, 5)}, "d")
        head = first.head()
    with closing(place.open()) as second:
        assert second.head() == head
        second.append(records(4, 4), {}, "e")
        assert second.check_chain(0, GENESIS, 100)[::2] == (4, 4)
        assert second.watermarks() == {"S": Watermark(1, 5)}


def test_both_stores_give_the_same_hashes(tmp_path, postgresql_url, records):
    heads = []
    for url in (f"sqlite:///{tmp_path}/j.db", postgresql_url):
        with closing(JournalAt(url).open()) as journal:
            for seq in range(1, 6):
                journal.append(records(seq, seq, "é\0\x1b"), {}, "d")
            heads.append(journal.head())
    assert heads[0] == heads[1]


def test_watermarks_move_without_events(journal):
    journal.append([], {"S": Watermark(1, 7)}, "d")
    assert journal.watermarks() == {"S": Watermark(1, 7)}
    assert journal.head() == (0, GENESIS)
    assert list(journal.digests(0)) == []


def test_configurations_are_kept_once(journal):
    journal.remember_configuration("a", "x = 1")
    journal.remember_configuration("a", "x = 2")
    assert journal.configurations() == {"a": "x = 1"}


def test_a_batch_is_there_whole_or_not_at_all(journal, records):
    journal.append(records(1, 2), {}, "d")
    with pytest.raises(JournalError, match=r"UNIQUE|unique"):
        journal.append([*records(3, 3), *records(2, 2)], {"S": Watermark(1, 3)}, "e")
    assert journal.head()[0] == 2
    assert journal.watermarks() == {}
    journal.append(records(3, 3), {"S": Watermark(1, 3)}, "e")
    assert journal.head()[0] == 3


def test_a_large_batch(journal, records):
    journal.append(records(1, 3_000, "long " * 50), {}, "d")
    assert journal.check_chain(0, GENESIS, 10_000)[::2] == (3_000, 3_000)


def test_readers_follow_and_are_never_in_the_way(journal, place, records):
    with closing(place.reader()) as reader:
        assert list(reader.read(0, 10)) == []
        journal.append(records(1, 2), {}, "d")
        assert [stored.recorded.seq for stored in reader.read(0, 10)] == [1, 2]


def _open_elsewhere(place: JournalAt, answer: multiprocessing.Queue[str]) -> None:
    try:
        place.open().close()
    except PreconditionFailed as refusal:
        answer.put(str(refusal))
    else:
        answer.put("opened")


def test_a_second_opener_is_refused_with_the_pid_of_the_first(place, records):
    assert place.holder() is None
    journal = place.open()
    with pytest.raises(PreconditionFailed, match=f"is in use by process {os.getpid()}.*: stop that gateway first"):
        place.open()
    assert f"process {os.getpid()}" in place.holder()
    context = multiprocessing.get_context("spawn")
    answer: multiprocessing.Queue[str] = context.Queue()
    process = context.Process(target=_open_elsewhere, args=(place, answer))
    process.start()
    try:
        assert f"process {os.getpid()}" in answer.get(timeout=100)
    finally:
        process.join(100)
        answer.close()
        answer.join_thread()
    journal.append(records(1, 1), {}, "d")
    journal.close()
    assert place.holder() is None
    place.open().close()


def test_a_closed_journal_is_a_journal_error(place, records):
    journal = place.open()
    journal.close()
    with pytest.raises(JournalError, match="closed"):
        journal.head()


def test_reading_where_nothing_ran(place):
    with pytest.raises(PreconditionFailed, match="nothing has run here yet"), closing(place.reader()) as reader:
        reader.head()


def test_segments_follow_each_other(place, records):
    with closing(place.open()) as journal:
        assert not journal.roll(), "an empty segment is not closed"
        journal.append(records(1, 3), {"S": Watermark(1, 3)}, "d3")
        journal.remember_configuration("a", "x = 1")
        reader = place.reader()
        assert [one.recorded.seq for one in reader.read(0, 10)] == [1, 2, 3]
        assert list(reader.read(3, 10)) == []
        assert journal.roll()
        assert not journal.roll()
        assert journal.position() == journal.head()
        journal.tidy()
        journal.append(records(4, 6), {"S": Watermark(1, 6)}, "d6")
        assert journal.roll()
        journal.append(records(7, 7), {}, "d7")
        assert list(journal.segments()) == [1, 4, 7]
        # A reader from before follows, one record or a whole stretch at a time.
        assert [one.recorded.seq for one in reader.read(3, 2)] == [4, 5]
        assert [one.recorded.seq for one in reader.read(5, 10)] == [6]
        assert [one.recorded.seq for one in reader.read(6, 10)] == [7]
        reader.close()
    with closing(place.open()) as journal:
        assert journal.head()[0] == 7
        assert journal.watermarks() == {"S": Watermark(1, 6)}
        assert journal.configurations() == {"a": "x = 1"}
        position, previous = 0, GENESIS
        while position < 7:
            position, previous, _ = journal.check_chain(position, previous, 100)
        assert (position, previous) == journal.head()
        assert [seq for seq, _ in journal.digests(0)] == [3, 6, 7]
        assert [journal.hash_at(seq) is not None for seq in range(9)] == [True] * 8 + [False]
        journal.append(records(8, 8), {}, "d8")


def move_away(place, first):
    """What the owner of the journal does with an old segment."""
    if place.url.startswith("sqlite"):
        path = Path(place.url.removeprefix("sqlite:///"))
        file = path if first == 1 else path.with_name(f"{path.stem}-{first}{path.suffix}")
        away = path.parent / "away"
        away.mkdir(exist_ok=True)
        file.rename(away / file.name)
        return lambda: (away / file.name).rename(file)
    with psycopg.connect(place.url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute(f"ALTER TABLE gateway_journal.event_{first} RENAME TO away_{first}")

    def back():
        with psycopg.connect(place.url.replace("+psycopg", ""), autocommit=True) as connection:
            connection.execute(f"ALTER TABLE gateway_journal.away_{first} RENAME TO event_{first}")

    return back


def test_old_segments_can_be_moved_away_and_back(place, records):
    with closing(place.open()) as journal:
        for first in (1, 4, 7):
            journal.append(records(first, first + 2), {"S": Watermark(1, first)}, f"d{first}")
            journal.roll()
            journal.tidy()
        expected = [journal.hash_at(seq) for seq in range(10)]
    back = [move_away(place, first) for first in (1, 4)]
    with closing(place.open()) as journal:
        assert journal.begins() == (6, expected[6])
        assert journal.head() == (9, expected[9])
        assert journal.watermarks() == {"S": Watermark(1, 7)}
        assert journal.check_chain(6, expected[6], 100)[:2] == (9, expected[9])
        assert [journal.hash_at(seq) for seq in (0, 5, 6, 8)] == [GENESIS, None, expected[6], expected[8]]
        with pytest.raises(PreconditionFailed, match="events before 7 were moved away"):
            journal.read(3, 10)
        journal.append(records(10, 10), {}, "d10")
    # A hole: what lies before it does not count.
    back[0]()
    with closing(place.reader()) as reader:
        assert list(reader.segments()) == [7, 10]
    back[1]()
    with closing(place.reader()) as reader:
        assert reader.begins() == (0, GENESIS)
        assert [reader.hash_at(seq) for seq in range(10)] == expected


AGAIN = "INSERT INTO {0} SELECT 4, run_id, at_ns, wall_ns, cause, kind, version, body, hash, digest FROM {0} WHERE seq = 3"


def test_a_segment_that_was_left_behind_and_written_to_is_noticed(place, records):
    """Two segments that claim the same event: somebody wrote where nobody should have."""
    with closing(place.open()) as journal:
        journal.append(records(1, 3), {}, "d")
        journal.roll()
    if place.url.startswith("sqlite"):
        path = Path(place.url.removeprefix("sqlite:///"))
        with closing(sqlite3.connect(path)) as db, db:
            db.execute(AGAIN.format("event"))
    else:
        with psycopg.connect(place.url.replace("+psycopg", ""), autocommit=True) as connection:
            connection.execute(AGAIN.format("gateway_journal.event_1"))
    with pytest.raises((JournalError, PreconditionFailed), match="event 4 is in two segments"):
        place.open()


def test_an_unfinished_segment_is_not_looked_at(tmp_path, records):
    place = JournalAt(f"sqlite:///{tmp_path}/journal.db")
    with closing(place.open()) as journal:
        journal.append(records(1, 3), {}, "d")
        (tmp_path / "journal-4.db.new").write_bytes(b"half")
    with closing(place.open()) as journal:
        assert journal.head()[0] == 3
        assert journal.roll()
        journal.append(records(4, 4), {}, "e")
    assert sorted(path.name for path in tmp_path.glob("journal*.db*")) == ["journal-4.db", "journal.db", "journal.db.lock"]


def test_a_roll_that_cannot_be_made_leaves_the_segment_as_it_was(tmp_path, records, monkeypatch):
    place = JournalAt(f"sqlite:///{tmp_path}/journal.db")
    with closing(place.open()) as journal:
        journal.append(records(1, 3), {}, "d")
        for method in ("_prepare_segment", "_publish", "_open_for_writing"):
            with monkeypatch.context() as patch:

                def fails(*_):
                    raise OSError(28, "No space left on device")

                patch.setattr(SqliteJournal, method, fails)
                with pytest.raises(JournalError, match="No space left"):
                    journal.roll()
        journal.append(records(4, 4), {}, "e")
        assert list(journal.segments()) == [1]
        assert journal.roll()
