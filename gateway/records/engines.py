"""Database engines for the records, and what their errors mean to whoever runs the gateway.

One place knows how SQLite and PostgreSQL are opened, and makes sure that no password reaches a message.
"""

from __future__ import annotations

import sqlite3
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError

from gateway.errors import PreconditionFailed


class RecordsUnavailable(PreconditionFailed):
    """The records database does not answer, or refuses: it may later. Everything else about it needs a change first."""


class WrongRevision(PreconditionFailed):
    """The records are of another build, or nobody has upgraded them yet. A start refuses them; a run waits for them."""


READ_ONLY = {"records_read_only": True}
"""Execution options of a connection that only reads: on SQLite it takes no write lock."""

_DRIVERS = {"sqlite": "sqlite", "postgresql": "postgresql+psycopg", "postgresql+psycopg": "postgresql+psycopg"}

# Without these a server that vanishes from the network holds a statement until TCP itself gives up, some fifteen minutes.
_POSTGRESQL_LIMITS: dict[str, str | int] = {
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,
    "application_name": "gateway-records",
}
_REMEDIES = dict.fromkeys(
    ("file is not a database", "database disk image is malformed"), "; move it away: it is made anew from the journal"
) | {"unable to open database file": "; make its directory one this user can write to"}
"""Of what SQLite says about a file."""
_POSTGRESQL_SESSION = (
    # A gateway that was stopped in the middle of a transaction must not keep its successor from the checkpoint.
    "SET idle_in_transaction_session_timeout = '60s'",
    "SET lock_timeout = '5s'",
)


def parse_url(text: str, password: str | None) -> URL:
    """The URL with the password in it. Raises PreconditionFailed for anything but SQLite and PostgreSQL."""
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        # Neither the text nor the cause: a URL that does not parse may still hold a password.
        raise PreconditionFailed(
            "the records URL cannot be read; write sqlite:///path/to/records.db or postgresql+psycopg://user@host/database"
        ) from None
    driver = _DRIVERS.get(url.drivername)
    if driver is None:
        raise PreconditionFailed(f"records cannot live in {url.drivername}; use sqlite:///... or postgresql+psycopg://...")
    url = url.set(drivername=driver)
    if is_file(url) and url.database in {None, "", ":memory:"}:
        raise PreconditionFailed("records must outlive the process: name a file, sqlite:///path/to/records.db")
    return url if password is None else url.set(password=password)


def is_file(url: URL) -> bool:
    """Whether the records are an SQLite file."""
    return url.get_backend_name() == "sqlite"


def open_engine(url: URL, *, busy_timeout_ms: int, answer_seconds: float | None = None) -> Engine:
    """An engine; nothing is connected yet. `answer_seconds`: for each statement on PostgreSQL; None for as long as it takes."""
    if not is_file(url):
        engine = create_engine(url, pool_pre_ping=True, pool_size=2, connect_args=_POSTGRESQL_LIMITS)
        event.listen(engine, "connect", _limit)
        if answer_seconds is not None:
            from gateway.records.answering import connect_with  # SQLite needs none of it

            event.listen(engine, "do_connect", connect_with(answer_seconds))
        return engine
    engine = create_engine(url)

    @event.listens_for(engine, "connect")
    def prepare(connection: sqlite3.Connection, _: object) -> None:
        # SQLAlchemy begins transactions below; sqlite3's own implicit BEGIN would come too late, and never before DDL.
        connection.isolation_level = None
        connection.execute(f"PRAGMA busy_timeout = {busy_timeout_ms}")
        connection.execute("PRAGMA journal_mode = WAL")
        # The journal is the truth and the checkpoint moves with the rows: what a power cut takes is written again.
        connection.execute("PRAGMA synchronous = NORMAL")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # A transaction that begins as a reader and writes later fails at once when another writer came between.
        read_only = connection.get_execution_options().get("records_read_only")
        connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")

    return engine


def _limit(connection: Any, _: object) -> None:
    with connection.cursor() as cursor:
        for statement in _POSTGRESQL_SESSION:
            cursor.execute(statement)
    connection.commit()


def explain(url: URL, error: SQLAlchemyError | OSError) -> str:
    """One line: which database, and what it said; the password is in neither."""
    said: Any = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    text = " ".join(str(said).split()) or type(said).__name__
    if url.password:
        text = text.replace(str(url.password), "***")
    remedy = _REMEDIES.get(text, "") if is_file(url) else ""
    return f"records database {shown(url)}: {text}{remedy}"


def shown(url: URL) -> str:
    """The URL as it may be shown."""
    return url.render_as_string(hide_password=True)
