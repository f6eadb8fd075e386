"""A look from outside at a journal in PostgreSQL: whether there is one, and who writes it. Reads only, and takes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from gateway.errors import JournalError
from gateway.journal import lease
from gateway.journal.connection import SCHEMA, Connection, connect, said

_ANSWER_SECONDS = 5


def exists(url: str, password: str | None) -> bool:
    """Whether anything was ever written there. Raises JournalError when that cannot be known."""
    with _looking(url, password) as connection:
        found = connection.execute(f"SELECT to_regclass('{SCHEMA}.segment') IS NOT NULL").fetchone()
        return bool(found and found[0])


def holder(url: str, password: str | None) -> str | None:
    """Who writes it now, as a process; None when nobody does. Raises JournalError when that cannot be known."""
    with _looking(url, password) as connection:
        return lease.holder(connection)


@contextmanager
def _looking(url: str, password: str | None) -> Iterator[Connection]:
    try:
        with connect(url, password, "gateway-look", answer_seconds=_ANSWER_SECONDS) as connection:
            yield connection
    except psycopg.Error as error:
        raise JournalError(f"journal {url}: {said(error)}; check the server, the database and its permissions") from error
