"""The writer through everything a PostgreSQL server does to its clients: behind for a while, in order, exactly once."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import make_url, text

from gateway.journal.interface import GENESIS
from gateway.records import engines, sink, verify
from gateway.records.store import RecordStore
from gateway.records.writer import RecordWriter

Until = Callable[..., None]
ROLE = "desk_writer"


@pytest.fixture(scope="module")
def server(own_postgresql: Any) -> Any:
    own_postgresql.psql(f"CREATE ROLE {ROLE} LOGIN;")
    return own_postgresql


@pytest.fixture
def admin(server: Any) -> Iterator[Callable[..., Any]]:
    """Statements of the server's owner, to the database `postgres`; reconnects when it must."""

    def run(sql: str, database: str = "postgres") -> Any:
        uri = str(server.get_uri(database))
        with psycopg.connect(uri, autocommit=True) as connection:
            cursor = connection.execute(sql)
            return cursor.fetchall() if cursor.description else None

    return run


@pytest.fixture
def url(server: Any, admin: Callable[..., Any]) -> str:
    """A database of its own, as a role that is not a superuser."""
    admin("DROP DATABASE IF EXISTS records WITH (FORCE)")
    admin(f"CREATE DATABASE records OWNER {ROLE}")
    return make_url(server.get_uri("records", driver="psycopg")).set(username=ROLE).render_as_string()


class Scene:
    """A writer that follows a desk's journal, and what can be said of it."""

    def __init__(self, writer: RecordWriter, desk: Any, store: RecordStore, until: Until) -> None:
        self.writer = writer
        self._desk = desk
        self._store = store
        self._until = until

    def trade(self) -> None:
        self._desk.trades(3)
        self.writer.wake(len(self._desk.journal.records))

    def degraded(self, said: str) -> None:
        """Until it says what is wrong and how far it is behind."""
        self._until(lambda: self.writer.status().state == "degraded" and said in (self.writer.status().last_error or ""))
        assert self.writer.status().lag > 0
        assert self.writer.status().retries > 0

    def catches_up(self) -> None:
        """Everything is there once, in order."""
        self.trade()
        self._until(lambda: self.writer.status().state == "running" and self.writer.status().lag == 0, 30)
        assert self._store.checkpoint() == self._desk.journal.head()
        assert list(verify.compare(self._store, self._desk.journal)) == []


@pytest.fixture
def scene(make_writer: Callable[..., RecordWriter], desk: Any, store: RecordStore, until: Until) -> Scene:
    made = Scene(make_writer(chunk=5), desk, store, until)
    made.writer.start()
    made.catches_up()
    return made


def end_connections(admin: Callable[..., Any]) -> None:
    admin("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = 'records'")


def test_the_server_is_killed_and_comes_back(scene: Scene, server: Any) -> None:
    pid = server.get_pid()
    os.kill(pid, signal.SIGQUIT)
    scene._until(lambda: not Path(f"/proc/{pid}").exists() or "Z" in Path(f"/proc/{pid}/stat").read_text().rsplit(")")[1])
    scene.trade()
    scene.degraded("connection")
    server.ensure_postgres_running()
    scene.catches_up()


def test_a_connection_that_never_answers(
    journal: Any, desk: Any, url: str, store: RecordStore, until: Until, admin: Callable[..., Any]
) -> None:
    """It stands, and nothing is heard over it any more; another one is answered."""
    ours = "SELECT pid FROM pg_stat_activity WHERE datname = 'records' AND application_name = 'gateway-records'"
    answering = RecordStore(url, answer_seconds=0.5)
    writer = RecordWriter(lambda: journal, answering, now_ns=lambda: 0, rest_s=0.0, retry_s=(0.01, 0.05))
    scene = Scene(writer, desk, store, until)
    writer.start()
    scene.catches_up()
    store.close()
    until(lambda: len(admin(ours)) == 1)
    ((backend,),) = admin(ours)
    os.kill(backend, signal.SIGSTOP)
    try:
        scene.catches_up()
    finally:
        os.kill(backend, signal.SIGCONT)
    assert writer.stop(5)
    answering.close()


def test_the_database_is_read_only(scene: Scene, admin: Callable[..., Any]) -> None:
    admin("ALTER DATABASE records SET default_transaction_read_only = on")
    end_connections(admin)
    scene.trade()
    scene.degraded("read-only transaction")
    admin("ALTER DATABASE records RESET default_transaction_read_only")
    end_connections(admin)
    scene.catches_up()


def test_there_are_no_connections_left(scene: Scene, admin: Callable[..., Any]) -> None:
    admin(f"ALTER ROLE {ROLE} CONNECTION LIMIT 0")
    end_connections(admin)
    scene.trade()
    scene.degraded("too many connections")
    admin(f"ALTER ROLE {ROLE} CONNECTION LIMIT -1")
    scene.catches_up()


def test_a_deadlock(scene: Scene, server: Any, until: Until) -> None:
    with psycopg.connect(str(server.get_uri("records"))) as other:
        other.execute("SET deadlock_timeout = '1h'")  # so that the writer is the one who gives up
        other.execute("LOCK TABLE orders IN EXCLUSIVE MODE")
        scene.trade()
        waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = 'records' AND wait_event_type = 'Lock'"
        with psycopg.connect(str(server.get_uri("postgres")), autocommit=True) as look:
            until(lambda: look.execute(waiting).fetchone() == (1,))
        other.execute("UPDATE checkpoint SET seq = seq")  # the writer holds this one, and waits for the other
        scene.degraded("deadlock detected")
        other.rollback()
    scene.catches_up()


def test_somebody_sits_on_the_checkpoint(
    make_writer: Any, desk: Any, store: RecordStore, until: Until, server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a gateway does that was stopped in the middle of a transaction."""
    store.close()
    monkeypatch.setattr(engines, "_POSTGRESQL_SESSION", ("SET lock_timeout = '50ms'",))
    scene = Scene(make_writer(), desk, store, until)
    scene.writer.start()
    scene.catches_up()
    with psycopg.connect(str(server.get_uri("records"))) as other:
        other.execute("UPDATE checkpoint SET seq = seq")
        scene.trade()
        scene.degraded("lock timeout")
    scene.catches_up()


@pytest.mark.parametrize("behind", [False, True], ids=["same data", "without the last commits"])
def test_a_failover_to_another_database_at_the_same_url(scene: Scene, admin: Callable[..., Any], behind: bool) -> None:
    def copy() -> None:
        admin("CREATE DATABASE other TEMPLATE records")

    def change_over(prepare: Callable[[], None]) -> None:
        admin("ALTER DATABASE records WITH ALLOW_CONNECTIONS false")
        end_connections(admin)
        prepare()
        admin("DROP DATABASE records")
        admin("ALTER DATABASE other RENAME TO records")
        admin(f"ALTER DATABASE records OWNER TO {ROLE}")

    if behind:
        admin("ALTER DATABASE records WITH ALLOW_CONNECTIONS false")
        end_connections(admin)
        copy()
        admin("ALTER DATABASE records WITH ALLOW_CONNECTIONS true")
        scene.catches_up()
    scene.trade()
    change_over((lambda: None) if behind else copy)
    scene.catches_up()
    assert ("without this writer" in (scene.writer.status().last_error or "")) == behind


def test_another_gateway_of_the_same_journal_wrote_meanwhile(
    scene: Scene, make_writer: Any, desk: Any, store: RecordStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a predecessor does that has not noticed yet that it is none any more."""
    write = sink.write_batch
    others: list[RecordWriter] = []

    def overtaken(connection: Any, batch: sink.Batch) -> None:
        if not others:
            others.append(make_writer())
            others[0].start()
            scene._until(lambda: others[0].status().lag == 0 and others[0].status().seq == len(desk.journal.records))
            assert others[0].stop(5)
        write(connection, batch)

    monkeypatch.setattr(sink, "write_batch", overtaken)
    scene.trade()
    scene.catches_up()
    assert "without this writer" in (scene.writer.status().last_error or "")


def test_a_role_that_may_not_make_partitions(
    make_writer: Any, desk: Any, store: RecordStore, until: Until, admin: Callable[..., Any]
) -> None:
    for statement in (
        "REASSIGN OWNED BY desk_writer TO postgres",
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {ROLE}",
        "REVOKE CREATE ON SCHEMA public FROM PUBLIC",
    ):
        admin(statement, "records")
    scene = Scene(make_writer(), desk, store, until)
    scene.writer.start()
    scene.trade()
    scene.degraded("this role may not make it")
    assert store.checkpoint() == (0, GENESIS)
    done: set[str] = set()
    while (
        len(done) < 20 and scene.writer.status().state != "running"
    ):  # what it says is what has to be done, one after the other
        wanted = (scene.writer.status().last_error or "").partition("run: ")[2].rpartition("; or")[0]
        if wanted and wanted not in done:
            admin(f"BEGIN; {wanted}; COMMIT", "records")
            done.add(wanted)
    scene.catches_up()
    with store.reading() as connection:
        assert connection.execute(text("SELECT count(*) FROM v_fills")).scalar_one() == desk.fills
