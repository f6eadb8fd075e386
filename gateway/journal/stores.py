"""The journal behind a URL: the one place that knows which stores there are."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from gateway.core.state import State
from gateway.errors import JournalError, PreconditionFailed
from gateway.journal import lease, snapshots, sqlite
from gateway.journal.claim import Claim
from gateway.journal.connection import SCHEMA, connect, said
from gateway.journal.interface import JournalReader
from gateway.journal.postgresql import PostgresqlJournal, PostgresqlReader
from gateway.journal.postgresql_snapshots import PostgresqlSnapshots
from gateway.journal.snapshots import SnapshotFiles, SnapshotStore
from gateway.journal.sqlite import SqliteJournal, SqliteReader

_SQLITE = "sqlite:///"


@dataclass(frozen=True, slots=True)
class JournalAt:
    """Where a journal is and how durably it is written. `password` is for PostgreSQL and shown nowhere."""

    url: str
    durability: str = "commit"
    password: str | None = field(default=None, repr=False)

    def open(self) -> SqliteJournal | PostgresqlJournal:
        """For writing, alone. Raises PreconditionFailed naming who holds it, or what is wrong with the place."""
        if self.url.startswith(_SQLITE):
            return SqliteJournal(self._path, self.durability)
        return PostgresqlJournal(self.url, self.durability, self.password)

    def reader(self) -> SqliteReader | PostgresqlReader:
        """For reading, beside whoever writes. Raises PreconditionFailed when there is no journal."""
        return SqliteReader(self._path) if self.url.startswith(_SQLITE) else PostgresqlReader(self.url, self.password)

    def snapshots(self) -> SnapshotStore:
        """Where its snapshots lie."""
        return SnapshotFiles(self._path) if self.url.startswith(_SQLITE) else PostgresqlSnapshots(self.url, self.password)

    def state_at(self, reader: JournalReader, up_to: int) -> State | None:
        """The state of the newest usable snapshot not after a position, without a digest."""
        return snapshots.newest(self.snapshots(), reader, up_to=up_to, with_digest=False)

    def exists(self) -> bool:
        """Whether anything was ever written there. Raises JournalError when that cannot be known."""
        if self.url.startswith(_SQLITE):
            return self._path.exists() or any(self._path.parent.glob(f"{self._path.stem}-*{self._path.suffix}"))
        try:
            with connect(self.url, self.password, "gateway-look", answer_seconds=5) as connection:
                found = connection.execute(f"SELECT to_regclass('{SCHEMA}.segment') IS NOT NULL").fetchone()
                return bool(found and found[0])
        except psycopg.Error as error:
            raise JournalError(f"journal {self.url}: {said(error)}") from error

    def holder(self) -> str | None:
        """Who writes it now, as a process; None when nobody does. Raises JournalError when that cannot be known."""
        if self.url.startswith(_SQLITE):
            return sqlite.holder_of(self._path)
        try:
            with connect(self.url, self.password, "gateway-look", answer_seconds=5) as connection:
                return lease.holder(connection)
        except psycopg.Error as error:
            raise JournalError(f"journal {self.url}: {said(error)}") from error

    def claim(self, silent_seconds: float) -> Claim:
        """For a standby. Raises PreconditionFailed for SQLite, whose lock goes with the process that holds it."""
        if self.url.startswith(_SQLITE):
            raise PreconditionFailed("a standby needs a journal in PostgreSQL: see [journal] url")
        return Claim(self.url, self.password, silent_seconds)

    @property
    def _path(self) -> Path:
        return Path(self.url.removeprefix(_SQLITE))
