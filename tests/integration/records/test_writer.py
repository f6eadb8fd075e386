"""The writer against both databases: exactly once, through outages, and never into another history."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, make_url, text

from gateway.errors import JournalCorrupt, JournalError, PreconditionFailed
from gateway.records import sink, verify
from gateway.records.queries import view_rows
from gateway.records.status import WriterStatus
from gateway.records.store import RecordStore
from gateway.records.writer import LOST, RecordWriter

Make = Callable[..., RecordWriter]
Until = Callable[[Callable[[], bool]], None]


@contextmanager
def outage(url: str) -> Iterator[None]:
    """The database refuses the writer: another writer holds SQLite, PostgreSQL cuts its connections and takes no new ones."""
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        other = sqlite3.connect(str(parsed.database), isolation_level=None)
        other.execute("BEGIN EXCLUSIVE")
        yield
        other.rollback()
        other.close()
        return
    admin = create_engine(parsed.set(database="postgres"), isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"ALTER DATABASE {parsed.database} WITH ALLOW_CONNECTIONS false"))
        connection.execute(
            text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name"), {"name": parsed.database}
        )
        yield
        connection.execute(text(f"ALTER DATABASE {parsed.database} WITH ALLOW_CONNECTIONS true"))
    admin.dispose()


def test_it_follows_the_journal(make_writer: Make, desk: Any, store: RecordStore, until: Until) -> None:
    states: list[str] = []
    writer = make_writer(on_change=lambda status: states.append(status.state))
    assert writer.status().state == "initialising"
    writer.start()
    until(lambda: writer.status().seq == 3)
    desk.trades(3)
    writer.wake(len(desk.journal.records))
    until(lambda: writer.status().lag == 0)
    assert store.checkpoint() == desk.journal.head()
    assert writer.status().recorded_ns == desk.journal.records[-1].recorded.at_ns
    assert writer.stop(5)
    assert states == ["running", "stopped"]


def test_it_goes_on_where_it_stopped(make_writer: Make, desk: Any, store: RecordStore) -> None:
    for _ in range(3):
        desk.trades(5)
        writer = make_writer(chunk=7)
        writer.start()
        assert writer.stop(10), writer.status()
    assert list(verify.compare(store, desk.journal)) == []
    again = make_writer()
    again.start()
    assert again.stop(10)
    assert again.status().recorded_ns == desk.journal.records[-1].recorded.at_ns, "known without a row written"


def test_a_decision_survives_a_restart_of_the_writer(make_writer: Make, desk: Any, store: RecordStore) -> None:
    command = desk.command()
    desk.sends(command)
    transmitted = desk.journal.records.pop()
    first = make_writer()
    first.start()
    assert first.stop(5)
    assert view_rows(store, "v_decisions")[0]["sent_ns"] is None
    desk.journal.records.append(transmitted)
    second = make_writer()
    second.start()
    assert second.stop(5)
    (decision,) = view_rows(store, "v_decisions")
    assert decision["sent_ns"] == transmitted.recorded.event.sent_ns


def test_a_transaction_that_dies_midway_leaves_nothing(
    make_writer: Make, desk: Any, store: RecordStore, monkeypatch: pytest.MonkeyPatch, until: Until
) -> None:
    desk.trades(3)
    real = sink.write_batch
    deaths = iter(range(3))

    def dies(connection: Any, batch: sink.Batch) -> None:
        real(connection, batch)
        for _ in deaths:
            connection.exec_driver_sql("SELECT * FROM no_such_table")

    monkeypatch.setattr(sink, "write_batch", dies)
    degraded: list[sink.Checkpoint] = []

    def look(status: WriterStatus) -> None:
        if status.state == "degraded":
            degraded.append(store.checkpoint())

    writer = make_writer(on_change=look)
    writer.start()
    until(lambda: writer.status().seq == len(desk.journal.records))
    assert writer.status().retries == 3
    assert degraded == [sink.BEGINNING], "rolled back with the rows"
    assert list(verify.compare(store, desk.journal)) == []


def test_it_falls_behind_and_catches_up_in_order(
    make_writer: Make, desk: Any, store: RecordStore, url: str, until: Until
) -> None:
    writer = make_writer(chunk=5)
    writer.start()
    until(lambda: writer.status().seq == 3)
    with outage(url):
        desk.trades(10)
        writer.wake(len(desk.journal.records))
        until(lambda: writer.status().state == "degraded" and writer.status().retries > 1)
        status = writer.status()
        assert status.lag == len(desk.journal.records) - 3
        assert status.last_error is not None
        assert "records database" in status.last_error
        assert "\n" not in status.last_error
    until(lambda: writer.status().lag == 0)
    assert writer.status().state == "running"
    assert writer.stop(5)
    assert list(verify.compare(store, desk.journal)) == []


def test_it_starts_while_the_database_is_away(make_writer: Make, desk: Any, store: RecordStore, url: str, until: Until) -> None:
    with outage(url):
        writer = make_writer()
        writer.start()
        until(lambda: writer.status().state == "degraded")
    assert writer.stop(10)
    assert list(verify.compare(store, desk.journal)) == []


def test_stop_is_bounded(make_writer: Make, desk: Any, url: str, until: Until) -> None:
    writer = make_writer(retry_s=(60.0, 60.0))
    writer.start()
    until(lambda: writer.status().seq == 3)
    with outage(url):
        desk.trades(1)
        writer.wake(len(desk.journal.records))
        until(lambda: writer.status().state == "degraded")
        assert not writer.stop(0.2)
    assert writer.status().lag > 0


def test_a_lost_commit_answer_is_not_written_twice(desk: Any, store: RecordStore, make_writer: Make) -> None:
    writer = make_writer()
    writer.start()
    assert writer.stop(5)
    at = sink.Checkpoint(*desk.journal.head())
    batch = sink.Batch(before=sink.BEGINNING, after=at, ops=[])
    with store.transaction() as connection:
        sink.write_batch(connection, batch)
    assert store.checkpoint() == at


@pytest.mark.parametrize("damage", ["another event", "journal too short", "records moved"])
def test_another_history_is_refused(
    make_writer: Make, desk: Any, store: RecordStore, journal: Any, until: Until, damage: str
) -> None:
    desk.trades(2)
    first = make_writer()
    first.start()
    assert first.stop(5)
    before = view_rows(store, "v_order_events")
    if damage == "another event":
        journal.records.clear()
        desk.opens()
        desk.trades(3)
    elif damage == "journal too short":
        del journal.records[5:]
    second = make_writer()
    if damage == "records moved":
        second.start()
        until(lambda: second.status().state == "running")
        with store.transaction() as connection:
            connection.exec_driver_sql("UPDATE checkpoint SET seq = 2")
        desk.trades(1)
        second.wake(len(journal.records))
    else:
        second.start()
    until(lambda: second.status().state == "failed")
    assert "gateway db rebuild" in str(second.status().last_error)
    assert view_rows(store, "v_order_events") == before
    assert not second.stop(1)


def test_rows_beyond_the_checkpoint_are_refused(
    make_writer: Make, desk: Any, store: RecordStore, recorded_all: Callable[[], None], until: Until
) -> None:
    recorded_all()
    with store.transaction() as connection:
        connection.exec_driver_sql(
            "UPDATE session_events SET event_seq = 4, recorded_ns = recorded_ns + 2000000 WHERE event_seq = 2"
        )
    desk.journal.append(desk.journal.records[1].recorded.event)
    writer = make_writer()
    writer.start()
    until(lambda: writer.status().state == "failed")
    assert "gateway db rebuild" in str(writer.status().last_error)


def test_a_journal_that_comes_back_is_waited_for(
    make_writer: Make, desk: Any, journal: Any, monkeypatch: pytest.MonkeyPatch, until: Until
) -> None:
    failures = iter([JournalError("disk I/O error"), JournalError("disk I/O error")])
    real = journal.read

    def read(after: int, limit: int) -> Any:
        for failure in failures:
            raise failure
        return real(after, limit)

    monkeypatch.setattr(journal, "read", read)
    writer = make_writer()
    writer.start()
    until(lambda: writer.status().lag == 0 and writer.status().seq == 3)
    assert writer.status().last_error == "disk I/O error"


def test_a_journal_that_cannot_be_opened_yet_is_waited_for(
    make_writer: Make, desk: Any, journal: Any, monkeypatch: pytest.MonkeyPatch, until: Until
) -> None:
    failures = iter([JournalError("too many open files"), JournalError("too many open files")])

    def reader() -> Any:
        for failure in failures:
            raise failure
        return journal

    writer = make_writer()
    monkeypatch.setattr(writer, "_reader_factory", reader)
    writer.start()
    until(lambda: writer.status().state == "running" and writer.status().seq == 3)
    assert writer.status().last_error == "too many open files"


def test_a_journal_that_has_lost_what_the_records_have_is_waited_for(
    make_writer: Make, desk: Any, journal: Any, store: RecordStore, monkeypatch: pytest.MonkeyPatch, until: Until
) -> None:
    """As a server that crashed after the first look: its gateway writes again what it forgot. Said, and no busy loop."""
    desk.trades(2)
    first = make_writer()
    first.start()
    assert first.stop(10)
    real, asked = journal.read, []

    def read(after: int, limit: int) -> Any:
        asked.append(after)
        return real(after, limit) if len(asked) > 3 else []

    monkeypatch.setattr(journal, "read", read)
    writer = make_writer()
    writer.start()
    desk.trades(1)
    writer.wake(len(journal.records))
    until(lambda: writer.status().state == "running" and writer.status().lag == 0)
    assert writer.status().retries == 3
    assert "the journal has no event 1 any more" in (writer.status().last_error or "")
    assert list(verify.compare(store, journal)) == []


def test_a_comparison_ends_where_the_journal_does(
    desk: Any, journal: Any, store: RecordStore, recorded_all: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    recorded_all()
    monkeypatch.setattr(journal, "read", lambda *_: [])
    with pytest.raises(PreconditionFailed, match="the journal has no event 1 any more"):
        list(verify.compare(store, journal))


@pytest.mark.parametrize("error", [JournalCorrupt("event 2 is not what its hash says"), RuntimeError("a defect")])
def test_what_cannot_mend_itself_ends_the_writer_visibly(
    make_writer: Make, desk: Any, journal: Any, monkeypatch: pytest.MonkeyPatch, until: Until, error: Exception
) -> None:
    def read(after: int, limit: int) -> Any:
        raise error

    monkeypatch.setattr(journal, "read", read)
    writer = make_writer()
    writer.start()
    until(lambda: writer.status().state == "failed")
    assert str(error) in str(writer.status().last_error)


def test_a_wake_up_that_was_lost_loses_no_event(make_writer: Make, desk: Any, until: Until) -> None:
    writer = make_writer()
    writer.start()
    until(lambda: writer.status().seq == 3)
    desk.trades(1)
    until(lambda: writer.status().seq == len(desk.journal.records))


def test_a_listener_that_raises_stops_nothing(make_writer: Make, desk: Any) -> None:
    def listen(status: WriterStatus) -> None:
        raise RuntimeError("no")

    writer = make_writer(on_change=listen)
    writer.start()
    assert writer.stop(5)
    assert writer.status().last_error == "listener: RuntimeError: no"


def test_a_configuration_is_waited_for_like_anything_else(
    make_writer: Make, desk: Any, journal: Any, store: RecordStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    failures = iter([JournalError("disk I/O error")])

    def configurations() -> Any:
        for failure in failures:
            raise failure
        return journal.toml

    monkeypatch.setattr(journal, "configurations", configurations)
    writer = make_writer()
    writer.start()
    assert writer.stop(5)
    assert writer.status().retries == 1
    assert view_rows(store, "v_configurations")[0]["toml"] == journal.toml["c0ffee"]


@pytest.mark.parametrize("replaced", [False, True])
def test_a_file_that_was_removed_is_made_anew(
    make_writer: Make, desk: Any, store: RecordStore, url: str, until: Until, replaced: bool
) -> None:
    """Connections would go on writing to a file that nobody can open."""
    if not url.startswith("sqlite"):
        pytest.skip("a server keeps its files")
    states: list[str | None] = []
    writer = make_writer(on_change=lambda status: states.append(status.last_error))
    writer.start()
    until(lambda: writer.status().seq == len(desk.journal.records))
    file = Path(url.removeprefix("sqlite:///"))
    for part in file.parent.glob(file.name + "*"):
        part.unlink()
    if replaced:
        RecordStore(url).upgrade()
    desk.trades(3)
    writer.wake(len(desk.journal.records))
    until(lambda: file.exists() and writer.status().state == "running" and writer.status().lag == 0)
    assert LOST in states
    assert store.checkpoint().seq == len(desk.journal.records)
    assert list(verify.compare(store, desk.journal)) == []


def test_a_damaged_file_that_is_removed_is_made_anew(
    make_writer: Make, desk: Any, store: RecordStore, url: str, until: Until
) -> None:
    if not url.startswith("sqlite"):
        pytest.skip("a server keeps its files")
    writer = make_writer()
    writer.start()
    until(lambda: writer.status().seq == len(desk.journal.records))
    file = Path(url.removeprefix("sqlite:///"))
    for part in file.parent.glob(file.name + "*"):
        part.write_bytes(b"x" * part.stat().st_size)
    desk.trades(3)
    writer.wake(len(desk.journal.records))
    until(lambda: writer.status().state == "degraded")
    for part in file.parent.glob(file.name + "*"):
        part.unlink()
    until(lambda: file.exists() and writer.status().state == "running" and writer.status().lag == 0)
    assert list(verify.compare(store, desk.journal)) == []
