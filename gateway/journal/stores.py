"""The journal behind a URL: the one place that knows which stores there are.

What belongs to PostgreSQL is imported where it is asked for: its driver costs every start on SQLite a tenth of a second.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.core.state import State
from gateway.errors import PreconditionFailed
from gateway.journal import snapshots, sqlite
from gateway.journal.interface import ANSWER_SECONDS, JournalReader
from gateway.journal.snapshots import SnapshotFiles, SnapshotStore
from gateway.journal.sqlite import SqliteJournal, SqliteReader

if TYPE_CHECKING:
    from gateway.journal.claim import Claim
    from gateway.journal.postgresql import PostgresqlJournal, PostgresqlReader

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
        from gateway.journal.postgresql import PostgresqlJournal

        return PostgresqlJournal(self.url, self.durability, self.password)

    def reader(self, answer_seconds: float = ANSWER_SECONDS) -> SqliteReader | PostgresqlReader:
        """For reading, beside whoever writes; a server may take `answer_seconds` for each answer.

        Raises PreconditionFailed when there is no journal.
        """
        if self.url.startswith(_SQLITE):
            return SqliteReader(self._path)
        from gateway.journal.postgresql import PostgresqlReader

        return PostgresqlReader(self.url, self.password, answer_seconds)

    def snapshots(self) -> SnapshotStore:
        """Where its snapshots lie."""
        if self.url.startswith(_SQLITE):
            return SnapshotFiles(self._path)
        from gateway.journal.postgresql_snapshots import PostgresqlSnapshots

        return PostgresqlSnapshots(self.url, self.password)

    def state_at(self, reader: JournalReader, up_to: int) -> State | None:
        """The state of the newest usable snapshot not after a position, without a digest."""
        return snapshots.newest(self.snapshots(), reader, up_to=up_to, with_digest=False)

    def exists(self) -> bool:
        """Whether anything was ever written there. Raises JournalError when that cannot be known."""
        if self.url.startswith(_SQLITE):
            return self._path.exists() or any(self._path.parent.glob(f"{self._path.stem}-*{self._path.suffix}"))
        from gateway.journal import postgresql_look

        return postgresql_look.exists(self.url, self.password)

    def holder(self) -> str | None:
        """Who writes it now, as a process; None when nobody does. Raises JournalError when that cannot be known."""
        if self.url.startswith(_SQLITE):
            return sqlite.holder_of(self._path)
        from gateway.journal import postgresql_look

        return postgresql_look.holder(self.url, self.password)

    def claim(self, silent_seconds: float) -> Claim:
        """For a standby. Raises PreconditionFailed for SQLite, whose lock goes with the process that holds it."""
        if self.url.startswith(_SQLITE):
            raise PreconditionFailed("a standby needs a journal in PostgreSQL: see [journal] url")
        from gateway.journal.claim import Claim

        return Claim(self.url, self.password, silent_seconds)

    @property
    def _path(self) -> Path:
        return Path(self.url.removeprefix(_SQLITE))
