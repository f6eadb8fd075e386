"""Snapshots in PostgreSQL, in the schema of the journal they belong to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import psycopg

from gateway.errors import JournalError
from gateway.journal.connection import SCHEMA, connect, said
from gateway.journal.snapshots import Content


class PostgresqlSnapshots:
    """Snapshots in the journal's schema, over a connection of their own each time: no order waits for them."""

    def __init__(self, url: str, password: str | None) -> None:
        self._url = url
        self._password = password

    def positions(self) -> Sequence[int]:
        return [row[0] for row in self._run(f"SELECT seq FROM {SCHEMA}.snapshot ORDER BY seq")]  # noqa: S608 - constant names

    def read(self, seq: int) -> bytes:
        rows = self._run(f"SELECT content FROM {SCHEMA}.snapshot WHERE seq = %s", (seq,))  # noqa: S608 - constant names
        if not rows:
            raise JournalError(f"journal {self._url}: there is no snapshot after event {seq}")
        return bytes(rows[0][0])

    def write(self, seq: int, content: Content) -> None:
        self._run(
            f"INSERT INTO {SCHEMA}.snapshot VALUES (%s, %s)"  # noqa: S608 - constant names
            " ON CONFLICT (seq) DO UPDATE SET content = excluded.content RETURNING seq",
            (seq, content),
        )

    def drop(self, seq: int) -> None:
        self._run(f"DELETE FROM {SCHEMA}.snapshot WHERE seq = %s RETURNING seq", (seq,))  # noqa: S608 - constant names

    def _run(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        try:
            with connect(self._url, self._password, "gateway-snapshots", answer_seconds=60) as connection:
                return connection.execute(sql, values, binary=True).fetchall()
        except (psycopg.Error, OSError) as error:
            raise JournalError(f"journal {self._url}: {said(error)}") from error
