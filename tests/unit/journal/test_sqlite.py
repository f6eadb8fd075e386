"""The journal on SQLite: what is appended is read, what is damaged is named, what fails can be offered again."""

from __future__ import annotations

import multiprocessing
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from gateway.core.events import Recorded, RunStopped
from gateway.errors import JournalCorrupt, JournalError, PreconditionFailed
from gateway.journal.interface import GENESIS, Watermark
from gateway.journal.sqlite import SqliteJournal, SqliteReader


def records(first: int, last: int, text: str = "") -> list[Recorded]:
    return [
        Recorded(seq=seq, run_id=1, at_ns=seq * 10, wall_ns=seq * 11, cause=seq, event=RunStopped(reason=f"{text}{seq}"))
        for seq in range(first, last + 1)
    ]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal" / "100% #1?.db"


@pytest.fixture
def journal(path: Path) -> Iterator[SqliteJournal]:
    with closing(SqliteJournal(path, "os")) as opened:
        yield opened


def tamper(path: Path, sql: str, *values: object) -> None:
    with closing(sqlite3.connect(path)) as db, db:
        db.execute(sql, values)


def test_an_empty_journal(journal: SqliteJournal) -> None:
    assert journal.head() == (0, GENESIS)
    assert journal.hash_at(0) == GENESIS
    assert journal.hash_at(1) is None
    assert list(journal.read(0, 10)) == []
    assert journal.watermarks() == {}
    assert journal.check_chain(0, GENESIS, 10) == (0, GENESIS, 0)


def test_what_is_appended_is_read(journal: SqliteJournal, path: Path) -> None:
    journal.append(records(1, 3), {"S": Watermark(1, 5)}, "d3")
    journal.append(records(4, 5), {"S": Watermark(1, 9), "T": Watermark(2, 1)}, "d5")
    assert [stored.recorded for stored in journal.read(0, 100)] == records(1, 5)
    assert [stored.recorded.seq for stored in journal.read(1, 2)] == [2, 3]
    assert journal.watermarks() == {"S": Watermark(1, 9), "T": Watermark(2, 1)}
    assert list(journal.digests(0)) == [(3, "d3"), (5, "d5")]
    assert list(journal.digests(3)) == [(5, "d5")]
    with closing(SqliteReader(path)) as reader:
        assert reader.head() == journal.head()
        assert reader.hash_at(3) == journal.read(2, 1)[0].hash


def test_a_reopened_journal_goes_on_where_it_stood(path: Path) -> None:
    with closing(SqliteJournal(path, "fsync")) as first:
        first.append(records(1, 3), {"S": Watermark(1, 5)}, "d")
        head = first.head()
    with closing(SqliteJournal(path, "fsync")) as second:
        assert second.head() == head
        second.append(records(4, 4), {}, "e")
        assert second.check_chain(0, GENESIS, 100)[::2] == (4, 4)
        assert second.watermarks() == {"S": Watermark(1, 5)}


@pytest.mark.parametrize(("durability", "synchronous"), [("commit", 1), ("fsync", 2)])
def test_fsync_syncs_every_commit_and_commit_does_not(path: Path, durability: str, synchronous: int) -> None:
    """SQLite: 1 (NORMAL) syncs the write-ahead log at checkpoints, 2 (FULL) at every commit; in segments that follow, too."""
    with closing(SqliteJournal(path, durability)) as journal:
        for first in (1, 2):
            assert journal._db.execute("PRAGMA synchronous").fetchone() == (synchronous,)
            assert journal._db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
            journal.append(records(first, first), {}, "d")
            assert journal.roll()


def test_a_torn_end_is_no_commit_and_the_journal_goes_on_before_it(path: Path, tmp_path: Path) -> None:
    """Power loss: the write-ahead log ends anywhere in a commit. What is whole is there, and its chain goes on."""
    with closing(SqliteJournal(path, "commit")) as journal:
        ends = []
        for first in (1, 11, 21):
            journal.append(records(first, first + 9, "long " * 30), {"S": Watermark(1, first + 9)}, f"d{first}")
            ends.append(path.with_name(path.name + "-wal").stat().st_size)
        copies = {cut: tmp_path / f"cut-{cut}" for cut in (ends[0] + 1, ends[1] - 1, ends[1] + 4096, ends[2] - 1, ends[2])}
        for cut, copy in copies.items():
            copy.mkdir()
            for file in (path, path.with_name(path.name + "-wal")):
                (copy / file.name).write_bytes(file.read_bytes())
            os.truncate(copy / (path.name + "-wal"), cut)
    for cut, copy in copies.items():
        whole = 10 * sum(end <= cut for end in ends)
        with closing(SqliteJournal(copy / path.name, "commit")) as torn:
            assert torn.head()[0] == whole, cut
            assert torn.watermarks() == {"S": Watermark(1, whole)}
            torn.append(records(whole + 1, whole + 1), {}, "d")
            assert torn.check_chain(0, GENESIS, 100)[::2] == (whole + 1, whole + 1)


def test_a_read_only_file_refuses_the_batch_and_takes_it_later(journal: SqliteJournal) -> None:
    journal.append(records(1, 2), {}, "d")
    journal._db.execute("PRAGMA query_only=1")
    for _ in range(2):
        with pytest.raises(JournalError, match="readonly database"):
            journal.append(records(3, 4), {"S": Watermark(1, 4)}, "e")
    assert journal.head()[0] == 2
    journal._db.execute("PRAGMA query_only=0")
    journal.append(records(3, 4), {"S": Watermark(1, 4)}, "e")
    assert journal.check_chain(0, GENESIS, 100)[::2] == (4, 4)


def test_the_same_events_have_the_same_hashes_however_they_are_batched(tmp_path: Path) -> None:
    with closing(SqliteJournal(tmp_path / "a", "os")) as one, closing(SqliteJournal(tmp_path / "b", "os")) as other:
        one.append(records(1, 4), {}, "d")
        for seq in range(1, 5):
            other.append(records(seq, seq), {}, "d")
        assert one.head() == other.head()


def test_watermarks_move_without_events(journal: SqliteJournal) -> None:
    journal.append([], {"S": Watermark(1, 7)}, "d")
    assert journal.watermarks() == {"S": Watermark(1, 7)}
    assert journal.head() == (0, GENESIS)
    assert list(journal.digests(0)) == []


def test_configurations_are_kept_once(journal: SqliteJournal) -> None:
    journal.remember_configuration("a", "x = 1")
    journal.remember_configuration("a", "x = 2")
    assert journal.configurations() == {"a": "x = 1"}


def test_the_chain_is_checked_in_pieces(journal: SqliteJournal) -> None:
    journal.append(records(1, 5), {}, "d")
    seq, digest, count = journal.check_chain(0, GENESIS, 2)
    assert (seq, count) == (2, 2)
    assert journal.check_chain(seq, digest, 100) == (5, journal.head()[1], 3)


@pytest.mark.parametrize(
    ("column", "value"),
    [("at_ns", 31), ("wall_ns", 1), ("run_id", 2), ("cause", 1), ("hash", bytes(16)), ("body", b'{"kind":"run_stopped"}')],
)
def test_a_changed_record_is_named(journal: SqliteJournal, path: Path, column: str, value: object) -> None:
    journal.append(records(1, 5), {}, "d")
    tamper(path, f"UPDATE event SET {column} = ? WHERE seq = 3", value)
    with pytest.raises(JournalCorrupt, match="record 3 is not what its hash says"):
        journal.check_chain(0, GENESIS, 100)


@pytest.mark.parametrize("byte", range(0, 30, 5))
def test_one_flipped_byte_is_named(journal: SqliteJournal, path: Path, byte: int) -> None:
    journal.append(records(1, 5, "why "), {}, "d")
    ((body,),) = [sqlite3_row(path, "SELECT body FROM event WHERE seq = 3")]
    damaged = bytes(value ^ (1 if at == byte else 0) for at, value in enumerate(body))
    tamper(path, "UPDATE event SET body = ? WHERE seq = 3", damaged)
    with pytest.raises(JournalCorrupt, match="record 3"):
        journal.check_chain(0, GENESIS, 100)


def sqlite3_row(path: Path, sql: str) -> tuple[bytes, ...]:
    with closing(sqlite3.connect(path)) as db:
        row: tuple[bytes, ...] = db.execute(sql).fetchone()
    return row


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("UPDATE event SET kind = 'run_started' WHERE seq = 3", "record 3: .*holds a 'run_stopped'"),
        ("UPDATE event SET version = 9 WHERE seq = 3", "record 3: .*written by a newer one"),
        ("UPDATE event SET version = 0 WHERE seq = 3", "record 3: .*has no version 0"),
        ("UPDATE event SET body = x'00' WHERE seq = 3", "record 3: "),
    ],
)
def test_a_record_that_cannot_be_decoded_is_named(journal: SqliteJournal, path: Path, sql: str, words: str) -> None:
    journal.append(records(1, 5), {}, "d")
    tamper(path, sql)
    with pytest.raises(JournalCorrupt, match=words):
        journal.read(0, 100)
    assert [stored.recorded.seq for stored in journal.read(3, 100)] == [4, 5]


def test_a_missing_record_is_named(journal: SqliteJournal, path: Path) -> None:
    journal.append(records(1, 5), {}, "d")
    tamper(path, "DELETE FROM event WHERE seq = 3")
    with pytest.raises(JournalCorrupt, match="record 3 is missing; restore the journal from a copy"):
        journal.check_chain(0, GENESIS, 100)


def _open_elsewhere(path: Path, answer: multiprocessing.Queue[str]) -> None:
    try:
        SqliteJournal(path, "os").close()
    except PreconditionFailed as refusal:
        answer.put(str(refusal))
    else:
        answer.put("opened")


def test_a_second_opener_is_refused_with_the_pid_of_the_first(journal: SqliteJournal, path: Path) -> None:
    with pytest.raises(PreconditionFailed, match=f"is in use by process {os.getpid()}: stop that gateway first"):
        SqliteJournal(path, "os")
    context = multiprocessing.get_context("spawn")
    answer: multiprocessing.Queue[str] = context.Queue()
    process = context.Process(target=_open_elsewhere, args=(path, answer))
    process.start()
    try:
        assert f"process {os.getpid()}" in answer.get(timeout=100)
    finally:
        process.join(100)
        answer.close()
        answer.join_thread()
    journal.append(records(1, 1), {}, "d")


def test_readers_are_never_in_the_way(journal: SqliteJournal, path: Path) -> None:
    with closing(SqliteReader(path)) as reader:
        reader.read(0, 10)
        journal.append(records(1, 2), {}, "d")
        assert [stored.recorded.seq for stored in reader.read(0, 10)] == [1, 2]
        with pytest.raises(JournalError, match=r"readonly|read-only"):
            reader._rows(1, "DELETE FROM event")


def test_a_full_disk_refuses_the_batch_and_takes_it_later(journal: SqliteJournal) -> None:
    journal.append(records(1, 2), {"S": Watermark(1, 2)}, "d")
    head = journal.head()
    (pages,) = journal._db.execute("PRAGMA page_count").fetchone()
    journal._db.execute(f"PRAGMA max_page_count={pages}")
    batch = records(3, 400, "long " * 50)
    for _ in range(2):
        with pytest.raises(JournalError, match="full"):
            journal.append(batch, {"S": Watermark(1, 400)}, "e")
    assert journal.head() == head
    assert journal.watermarks() == {"S": Watermark(1, 2)}
    journal._db.execute("PRAGMA max_page_count=100000")
    journal.append(batch, {"S": Watermark(1, 400)}, "e")
    assert journal.check_chain(0, GENESIS, 1000)[::2] == (400, 400)
    assert journal.watermarks() == {"S": Watermark(1, 400)}


def test_a_batch_is_there_whole_or_not_at_all(journal: SqliteJournal) -> None:
    journal.append(records(1, 2), {}, "d")
    with pytest.raises(JournalError, match="UNIQUE"):
        journal.append([*records(3, 3), *records(2, 2)], {"S": Watermark(1, 3)}, "e")
    assert journal.head()[0] == 2
    assert journal.watermarks() == {}


def test_a_closed_store_is_a_journal_error(path: Path) -> None:
    journal = SqliteJournal(path, "os")
    journal.close()
    for use in (
        journal.head,
        journal.watermarks,
        lambda: journal.read(0, 1),
        lambda: journal.append(records(1, 1), {}, "d"),
        lambda: journal.remember_configuration("a", "b"),
    ):
        with pytest.raises(JournalError, match="closed"):
            use()


def test_another_format_is_refused_and_lets_go_of_the_lock(path: Path) -> None:
    SqliteJournal(path, "os").close()
    tamper(path, "PRAGMA user_version=99")
    for _ in range(2):
        with pytest.raises(PreconditionFailed, match="has format 99"):
            SqliteJournal(path, "os")


def test_a_file_that_is_no_journal_is_refused_and_lets_go_of_the_lock(path: Path) -> None:
    path.parent.mkdir(parents=True)
    path.write_bytes(b"no database, but long enough to look like one" * 100)
    for _ in range(2):
        with pytest.raises(PreconditionFailed, match="cannot be opened"):
            SqliteJournal(path, "os")


def test_a_directory_where_the_journal_should_be(tmp_path: Path) -> None:
    with pytest.raises(PreconditionFailed, match="cannot be opened"):
        SqliteJournal(tmp_path, "os")
    with pytest.raises(JournalError):
        SqliteReader(tmp_path)


def test_a_directory_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(PreconditionFailed, match="make the directory writable"):
        SqliteJournal(tmp_path / "file" / "journal.db", "os")


def test_reading_where_nothing_ran(tmp_path: Path) -> None:
    with pytest.raises(PreconditionFailed, match="nothing has run here yet"):
        SqliteReader(tmp_path / "journal.db")


def test_tidying_moves_the_log_into_the_file(journal: SqliteJournal, path: Path) -> None:
    journal.tidy()
    size = path.stat().st_size
    for number in range(30):
        journal.append(records(number * 300 + 1, number * 300 + 300, "long " * 100), {}, "d")
    journal.tidy()
    assert path.stat().st_size > size
    assert journal.check_chain(0, GENESIS, 10_000)[::2] == (9000, 9000)
