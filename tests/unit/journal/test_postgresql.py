"""The journal on PostgreSQL when the server, the connection or the lease is lost."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import psycopg
import pytest

from gateway.errors import JournalError, JournalLost, PreconditionFailed
from gateway.journal.interface import GENESIS, Watermark
from gateway.journal.lease import LOCKED
from gateway.journal.postgresql import PostgresqlJournal
from gateway.journal.stores import JournalAt


@pytest.fixture
def place(postgresql_url: str) -> JournalAt:
    return JournalAt(postgresql_url)


@pytest.fixture
def journal(place: JournalAt) -> Iterator[PostgresqlJournal]:
    with closing(place.open()) as opened:
        assert isinstance(opened, PostgresqlJournal)
        yield opened


@pytest.fixture
def sql(place: JournalAt) -> Iterator[Any]:
    """Statements of somebody else."""
    with psycopg.connect(place.url.replace("+psycopg", ""), autocommit=True) as connection:
        yield connection.execute


def cut(sql: Any) -> None:
    """The server ends the writer's connection."""
    sql("SELECT pg_terminate_backend(backend, 5000) FROM gateway_journal.lease")


def holds_the_lock(journal: PostgresqlJournal, sql: Any) -> bool:
    """Without it a standby would believe that nobody has the journal."""
    assert journal._connection is not None
    return sql(LOCKED).fetchall() == [(journal._connection.info.backend_pid,)]


def until_taken(journal: PostgresqlJournal, *batch: Any) -> int:
    """Offer a batch again until it is taken, as the runtime does; how often it was refused."""
    for refused in range(20):
        try:
            journal.append(*batch)
        except JournalError:
            continue
        return refused
    raise AssertionError("never taken")


def test_nothing_in_it_can_be_changed(journal, sql, records):
    journal.append(records(1, 3), {}, "d")
    for statement in ("UPDATE {} SET at_ns = 1", "DELETE FROM {}", "TRUNCATE {}"):
        with pytest.raises(psycopg.errors.RaiseException, match="append-only"):
            sql(statement.format("gateway_journal.event_1"))


@pytest.mark.parametrize(("durability", "setting"), [("commit", "off"), ("fsync", "on")])
def test_durability_is_the_servers(place, durability, setting):
    with closing(JournalAt(place.url, durability).open()) as journal:
        assert journal._connection.execute("SHOW synchronous_commit").fetchone() == (setting,)


def test_a_lost_connection_is_made_again(journal, sql, records):
    journal.append(records(1, 3), {"S": Watermark(1, 1)}, "d")
    cut(sql)
    assert until_taken(journal, records(4, 5), {"S": Watermark(1, 2)}, "e") >= 1
    assert journal.check_chain(0, GENESIS, 100)[::2] == (5, 5)
    assert journal.watermarks() == {"S": Watermark(1, 2)}


def test_a_batch_of_which_only_the_answer_was_lost_is_taken_once(journal, sql, records, monkeypatch):
    journal.append(records(1, 3), {}, "d")
    insert = PostgresqlJournal._insert

    def lose_the_answer(self, rows, watermarks):
        insert(self, rows, watermarks)
        monkeypatch.setattr(PostgresqlJournal, "_insert", insert)
        raise psycopg.OperationalError("server closed the connection unexpectedly")

    monkeypatch.setattr(PostgresqlJournal, "_insert", lose_the_answer)
    assert until_taken(journal, records(4, 5), {"S": Watermark(1, 9)}, "e") >= 1
    journal.append(records(6, 6), {}, "f")
    assert journal.check_chain(0, GENESIS, 100)[::2] == (6, 6)
    assert journal.watermarks() == {"S": Watermark(1, 9)}


def test_a_connection_the_server_still_believes_in_is_ended(journal, sql, records):
    """Cut on our side only, as when the network forgot it: the lock is still held by nobody we can speak to."""
    journal.append(records(1, 1), {}, "d")
    lost, journal._connection = journal._connection, None
    assert until_taken(journal, records(2, 2), {}, "e") >= 1
    with pytest.raises(psycopg.Error):
        lost.execute("SELECT 1")
    lost.close()
    assert holds_the_lock(journal, sql)


def test_a_connection_that_does_not_let_go_is_said_and_ended_later(journal, sql, records):
    """As a server process does that waits for its disk: it ends when that answers."""
    journal.append(records(1, 1), {}, "d")
    lost, journal._connection = journal._connection, None
    os.kill(lost.info.backend_pid, signal.SIGSTOP)
    try:
        with pytest.raises(JournalError, match="the connection is closed"):
            journal.append(records(2, 2), {}, "e")
        with pytest.raises(JournalError, match="the lost connection still holds the lock"):
            journal.append(records(2, 2), {}, "e")
    finally:
        os.kill(lost.info.backend_pid, signal.SIGCONT)
    until_taken(journal, records(2, 2), {}, "e")
    lost.close()
    assert holds_the_lock(journal, sql)


def test_a_commit_that_arrives_after_it_was_given_up_is_taken_once(journal, sql, records, monkeypatch):
    """Its connection still holds the lock then, as after a cable that was pulled is plugged in again."""
    journal.append(records(1, 3), {}, "d")
    insert, lost = PostgresqlJournal._insert, []

    def give_up(self, rows, watermarks):
        insert(self, rows, watermarks)
        monkeypatch.setattr(PostgresqlJournal, "_insert", insert)
        lost.append(self._connection)
        self._connection = None
        raise psycopg.OperationalError("no answer within 2 s")

    monkeypatch.setattr(PostgresqlJournal, "_insert", give_up)
    assert until_taken(journal, records(4, 5), {"S": Watermark(1, 9)}, "e") >= 1
    lost[0].close()
    assert holds_the_lock(journal, sql)
    journal.append(records(6, 6), {}, "f")
    assert journal.check_chain(0, GENESIS, 100)[::2] == (6, 6)
    assert journal.watermarks() == {"S": Watermark(1, 9)}


def test_a_journal_that_somebody_else_has_taken_meanwhile_is_lost(journal, place, sql, records):
    journal.append(records(1, 2), {}, "d")
    cut(sql)
    with closing(place.open()) as other:
        other.append(records(3, 3, "other "), {}, "o")
        with pytest.raises(JournalError):
            journal.append(records(3, 3), {}, "e")
        with pytest.raises(JournalLost, match=r"was taken by process \d+ on .* since .* UTC"):
            journal.append(records(3, 3), {}, "e")
    # Nor when he has gone again, having written nothing more.
    with pytest.raises(JournalLost, match="was taken by"):
        journal.append(records(3, 3), {}, "e")
    with closing(place.reader()) as reader:
        assert [one.recorded.event.reason for one in reader.read(0, 10)] == ["1", "2", "other 3"]


def test_an_epoch_that_has_moved_on_refuses_a_commit_on_a_living_connection(journal, sql, records):
    """The fence itself: whoever holds the lock, a writer of an older epoch writes nothing."""
    journal.append(records(1, 1), {}, "d")
    sql("UPDATE gateway_journal.lease SET epoch = epoch + 1, holder = 'process 1 on elsewhere'")
    for batch in (records(2, 2), []):
        with pytest.raises(JournalLost, match="taken by process 1 on elsewhere"):
            journal.append(batch, {"S": Watermark(1, 5)}, "e")
    assert journal.head()[0] == 1
    assert journal.watermarks() == {}


def test_what_the_server_lost_is_written_again(journal, sql, records):
    """Commits it confirmed and forgot in its own crash: they come back from memory, the same records."""
    for first in (1, 3, 5, 7):
        journal.append(records(first, first + 1), {}, f"d{first}")
    head = journal.head()
    sql("ALTER TABLE gateway_journal.event_1 DISABLE TRIGGER append_only")
    sql("DELETE FROM gateway_journal.event_1 WHERE seq > 4")
    sql("ALTER TABLE gateway_journal.event_1 ENABLE TRIGGER append_only")
    cut(sql)
    assert until_taken(journal, records(9, 9), {}, "d9") >= 1
    assert journal.check_chain(0, GENESIS, 100)[::2] == (9, 9)
    assert journal.hash_at(8) == head[1]
    assert [seq for seq, _ in journal.digests(0)] == [2, 4, 6, 8, 9]


def test_all_that_this_writer_wrote_is_written_again(place, journal, sql, records):
    """From where it began on, and with what the sessions had reached: a promise that came back older would be broken."""
    journal.append(records(1, 4), {"S": Watermark(1, 5, 7), "T": Watermark(1, 2, 3)}, "d1")
    journal.close()
    with closing(place.open()) as journal:
        journal.append(records(5, 6), {"S": Watermark(1, 8, 9)}, "d5")
        journal.append(records(7, 8), {"S": Watermark(2, 1, 2)}, "d7")
        sql("ALTER TABLE gateway_journal.event_1 DISABLE TRIGGER append_only")
        sql("DELETE FROM gateway_journal.event_1 WHERE seq > 4")
        sql("ALTER TABLE gateway_journal.event_1 ENABLE TRIGGER append_only")
        sql("UPDATE gateway_journal.watermark SET epoch = 1, msg_seq_num = 5, next_sender = 7 WHERE session = 'S'")
        cut(sql)
        assert until_taken(journal, records(9, 9), {}, "d9") >= 1
        assert journal.check_chain(0, GENESIS, 100)[::2] == (9, 9)
        assert journal.watermarks() == {"S": Watermark(2, 1, 2), "T": Watermark(1, 2, 3)}


def test_what_the_server_lost_while_it_refused_is_written_again(journal, sql, records):
    """The connection is the same, as over a failover behind it: nothing of ours may leave a hole in the journal."""
    for first in (1, 3):
        journal.append(records(first, first + 1), {}, f"d{first}")
    journal._connection.execute("SET default_transaction_read_only = on")
    with pytest.raises(JournalError, match="read-only"):
        journal.append(records(5, 5), {}, "d5")
    sql("ALTER TABLE gateway_journal.event_1 DISABLE TRIGGER append_only")
    sql("DELETE FROM gateway_journal.event_1 WHERE seq > 2")
    sql("ALTER TABLE gateway_journal.event_1 ENABLE TRIGGER append_only")
    journal._connection.execute("SET default_transaction_read_only = off")
    journal.append(records(5, 5), {}, "d5")
    assert journal.check_chain(0, GENESIS, 100)[::2] == (5, 5)


@pytest.mark.parametrize("damage", ["DELETE FROM {}", "UPDATE {} SET hash = '\\x00' WHERE seq = 4", "DROP TABLE {}"])
def test_a_database_that_is_another_one_is_not_written_to(place, sql, records, damage):
    with closing(JournalAt(place.url, "fsync").open()) as journal:
        journal.append(records(1, 4), {}, "d")
        sql("ALTER TABLE gateway_journal.event_1 DISABLE TRIGGER append_only")
        sql(damage.format("gateway_journal.event_1"))
        cut(sql)
        with pytest.raises(JournalError):
            journal.append(records(5, 5), {}, "e")
        with pytest.raises((JournalLost, PreconditionFailed)):
            journal.append(records(5, 5), {}, "e")


def test_a_server_that_hangs_is_noticed_in_time_and_costs_nobody_the_journal(journal, place, sql, records):
    """Somebody's lock keeps the commit waiting: it is given up and taken later; no standby finds the journal free meanwhile."""
    journal.append(records(1, 1), {}, "d")
    journal._connection.answer_seconds = 0.3
    sql("BEGIN")
    sql("LOCK TABLE gateway_journal.event_1 IN ACCESS EXCLUSIVE MODE")
    with pytest.raises(JournalError, match="no answer within"):
        journal.append(records(2, 2), {}, "e")
    sql("ROLLBACK")
    busy = "SELECT 1 FROM pg_stat_activity WHERE application_name = 'gateway-journal' AND state <> 'idle'"
    while sql(busy).fetchone():
        pass
    with closing(place.claim(60)) as claim:
        assert not claim.free()
        assert until_taken(journal, records(2, 2), {}, "e") == 0
        assert not claim.free()
    assert holds_the_lock(journal, sql)
    assert journal._silent is None
    assert journal.check_chain(0, GENESIS, 10)[::2] == (2, 2)


def test_another_format_is_refused(place, sql):
    place.open().close()
    sql("UPDATE gateway_journal.format SET version = 99")
    for _ in range(2):
        with pytest.raises(PreconditionFailed, match="has format 99"):
            place.open()


def test_a_server_that_is_not_there(tmp_path):
    place = JournalAt(f"postgresql+psycopg://nobody@/nothing?host={tmp_path}", password="s3cret")
    for use in (place.open, place.holder, lambda: place.reader().head()):
        with pytest.raises((PreconditionFailed, JournalError)) as refused:
            use()
        assert "s3cret" not in str(refused.value)
    assert "s3cret" not in repr(place)
