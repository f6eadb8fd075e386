"""The records database as a whole: opening it, its revision, and one transaction at a time.

Everything that goes wrong here is the operator's to mend and says so in one line (`PreconditionFailed`); only `transaction`
lets database errors through as they are, because the writer decides what to do about them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from gateway.errors import NotFound, PreconditionFailed
from gateway.records import sink
from gateway.records.engines import (
    READ_ONLY,
    RecordsUnavailable,
    WrongRevision,
    explain,
    is_file,
    open_engine,
    parse_url,
    shown,
)
from gateway.records.revision import WANTED, current_revision


class RecordStore:
    """The records at `url`. Opening connects to nothing; the first use does. Safe to share between threads."""

    def __init__(
        self, url: str, *, password: str | None = None, busy_timeout_ms: int = 2_000, answer_seconds: float | None = None
    ) -> None:
        self._url = parse_url(url, password)
        self._engine = open_engine(self._url, busy_timeout_ms=busy_timeout_ms, answer_seconds=answer_seconds)
        self._in_use: tuple[int, int] | None = None
        """(device, inode) of the SQLite file that `hold` saw."""

    @property
    def shown_url(self) -> str:
        """For messages: without the password."""
        return shown(self._url)

    def require_file(self) -> None:
        """Raises `NotFound` when the records are an SQLite file and it is not there."""
        name = self._url.database or ""
        if is_file(self._url) and not name.startswith("file:") and not Path(name).exists():
            raise NotFound(f"no file {name}; check the path")

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """A transaction that commits at the end, or rolls back. Raises SQLAlchemyError as the database does."""
        with self._engine.begin() as connection:
            yield connection

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """One consistent view of the records, whatever a writer does meanwhile. Writes nothing, creates nothing."""
        self._require_file()
        with self._explained(), self._engine.connect() as connection:
            # Everything read within sees one moment: WAL gives that on SQLite, repeatable read on PostgreSQL.
            options = READ_ONLY if is_file(self._url) else {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
            yield connection.execution_options(**options)

    def current_revision(self) -> str | None:
        """The revision the database has; None when it does not exist yet or has never been migrated."""
        if self._file_missing():
            return None
        with self.reading() as connection:
            return current_revision(connection)

    def upgrade(self) -> str:
        """Bring the database to the revision of this build, creating an SQLite file on the way; returns the revision."""
        with self._explained():
            if is_file(self._url) and self._url.database:
                Path(self._url.database).parent.mkdir(parents=True, exist_ok=True)
            with self.transaction() as connection:
                current = current_revision(connection)
                self._refuse_newer(current)
                if current != WANTED:
                    _schema().upgrade(connection)
        return WANTED

    def ensure_current(self) -> None:
        """SQLite is brought up to date; PostgreSQL, which others may depend on, only by `gateway db upgrade`."""
        if is_file(self._url):
            self.upgrade()
        else:
            self.require_current()

    def require_current(self) -> None:
        """Raise WrongRevision unless the database has the revision of this build."""
        current = self.current_revision()
        self._refuse_newer(current)
        if current != WANTED:
            raise WrongRevision(
                f"records database {self.shown_url} is at revision {current or 'none'}, this build wants {WANTED};"
                " run `gateway db upgrade`"
            )

    def check(self) -> list[str]:
        """Where the database departs from what this build declares, one line each; empty when nowhere."""
        with self.reading() as connection:
            found: list[str] = _schema().differences(connection)
        return found

    def checkpoint(self) -> sink.Checkpoint:
        """Up to where the records are the projection of the journal."""
        with self.reading() as connection:
            return sink.read_checkpoint(connection)

    def clear(self) -> None:
        """Empty the records, in one transaction; a writer then rebuilds them from the journal. No writer may be running."""
        with self._explained(), self.transaction() as connection:
            sink.clear(connection)

    def hold(self) -> None:
        """Remember which SQLite file is written from now on; `lost` compares."""
        self._in_use = self._identity()

    def lost(self) -> bool:
        """Whether the SQLite file in use was removed or replaced: connections would go on writing to one nobody can open."""
        return self._in_use is not None and self._identity() != self._in_use

    def _identity(self) -> tuple[int, int] | None:
        if not is_file(self._url):
            return None
        try:
            found = Path(self._url.database or "").stat()
        except OSError:
            return None
        return found.st_dev, found.st_ino

    def explain(self, error: SQLAlchemyError) -> str:
        """One line for a database error, without the password."""
        return explain(self._url, error)

    def close(self) -> None:
        """Give the connections back."""
        self._engine.dispose()

    def refuse_newer(self) -> None:
        """Raise WrongRevision when a newer build has upgraded the database."""
        self._refuse_newer(self.current_revision())

    def _refuse_newer(self, current: str | None) -> None:
        if current not in (None, WANTED) and not _schema().known(current):
            raise WrongRevision(
                f"records database {self.shown_url} is at revision {current}, which this build does not know:"
                " it was upgraded by a newer gateway; use that one, or restore the database from before"
            )

    def _file_missing(self) -> bool:
        return is_file(self._url) and not Path(self._url.database or "").is_file()

    def _require_file(self) -> None:
        # Connecting would create an empty file, and reading must not.
        if self._file_missing():
            raise PreconditionFailed(f"there are no records at {self.shown_url}; start the gateway or run `gateway db upgrade`")

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (SQLAlchemyError, OSError) as error:
            raise RecordsUnavailable(explain(self._url, error)) from error


def _schema() -> ModuleType:
    """What knows all revisions. Imported when it is needed: a start that finds the right one does not wait for it."""
    from gateway.records import schema

    return schema
