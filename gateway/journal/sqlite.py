"""The journal in SQLite files: WAL, one transaction a batch, hash-chained records.

Plain `sqlite3` on purpose: a commit is on the path of every order, and costs 30 us here. The first segment is the file that
is configured; a later one lies beside it under the position it begins with (`journal-200001.db`).
"""

from __future__ import annotations

import fcntl
import os
import re
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote

from gateway.core.events import Recorded
from gateway.errors import JournalError, JournalLost, PreconditionFailed, remedy
from gateway.journal.chain import COLUMNS, rows_of
from gateway.journal.durable import lock_file, sync_directory
from gateway.journal.interface import GENESIS, Watermark
from gateway.journal.segments import SegmentedReader

FORMAT = 3
_READABLE = (0, 1, 2, FORMAT)
_TIDY_BYTES = 4 << 20
_BUSY_SECONDS = 1
_SCHEMA = """
CREATE TABLE IF NOT EXISTS event (
    seq INTEGER PRIMARY KEY, run_id INTEGER NOT NULL, at_ns INTEGER NOT NULL, wall_ns INTEGER NOT NULL,
    cause INTEGER NOT NULL, kind TEXT NOT NULL, version INTEGER NOT NULL, body BLOB NOT NULL, hash BLOB NOT NULL, digest TEXT
) STRICT;
CREATE TABLE IF NOT EXISTS watermark (
    session TEXT PRIMARY KEY, epoch INTEGER NOT NULL, msg_seq_num INTEGER NOT NULL, next_sender INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE IF NOT EXISTS configuration (sha256 TEXT PRIMARY KEY, toml TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS segment (first_seq INTEGER PRIMARY KEY, previous_hash BLOB NOT NULL) STRICT;
"""
_INSERT = f"INSERT INTO event ({COLUMNS}, digest) VALUES (?,?,?,?,?,?,?,?,?,?)"  # noqa: S608 - constant columns
_MOVE_WATERMARK = "UPDATE watermark SET epoch=?, msg_seq_num=?, next_sender=? WHERE session=?"
_NEW_WATERMARK = "INSERT INTO watermark (epoch, msg_seq_num, next_sender, session) VALUES (?,?,?,?)"


class SqliteReader(SegmentedReader):
    """Reading side. Open as many as needed; each is used by one thread at a time."""

    def __init__(self, path: Path) -> None:
        super().__init__(str(path))
        self._path = path
        self._open: dict[int, sqlite3.Connection] = {}
        self._closed = False
        if not self._find_segments():
            raise PreconditionFailed(f"no journal at {path}: nothing has run here yet")
        self._connection(self.segments()[-1])

    def configurations(self) -> Mapping[str, str]:
        return dict(self._newest("SELECT sha256, toml FROM configuration"))

    def close(self) -> None:
        self._closed = True
        for connection in self._open.values():
            connection.close()

    def _find_segments(self) -> list[int]:
        pattern = re.compile(re.escape(self._path.stem) + r"-([0-9]+)" + re.escape(self._path.suffix))
        names = [pattern.fullmatch(entry.name) for entry in self._path.parent.iterdir()] if self._path.parent.is_dir() else []
        later = [int(match[1]) for match in names if match]
        return sorted([1, *later] if self._path.exists() else later)

    def _exists(self, first: int) -> bool:
        return self._file(first).exists()

    def _file(self, first: int) -> Path:
        return self._path if first == 1 else self._path.with_name(f"{self._path.stem}-{first}{self._path.suffix}")

    def _previous_hash(self, first: int) -> bytes:
        if first == 1:
            return GENESIS
        rows = self._rows(first, "SELECT previous_hash FROM segment")
        return bytes(rows[0][0])

    def _rows(self, first: int, sql: str, *values: int) -> list[tuple[Any, ...]]:
        try:
            return self._connection(first).execute(sql.format(event="event"), values).fetchall()
        except sqlite3.Error as error:
            raise JournalError(f"{self._file(first)}: {error}") from error

    def _newest(self, sql: str) -> list[tuple[Any, ...]]:
        return self._rows((self._firsts or self.segments())[-1], sql)

    def _connection(self, first: int) -> sqlite3.Connection:
        if self._closed:
            raise JournalError(f"{self._path}: the journal is closed")
        if first not in self._open:
            for other in [other for other in self._open if other not in self._firsts[-1:] and not self._writes(other)]:
                self._open.pop(other).close()  # one old segment at a time is enough
            try:
                self._open[first] = self._connect(first)
            except sqlite3.Error as error:
                raise JournalError(f"{self._file(first)}: {error}") from error
        return self._open[first]

    def _writes(self, first: int) -> bool:
        """Whether the connection to a segment is used for more than reading."""
        return False

    def _connect(self, first: int) -> sqlite3.Connection:
        uri = f"file:{quote(str(self._file(first)))}?mode=ro"
        return sqlite3.connect(uri, uri=True, check_same_thread=False, timeout=10)


class SqliteJournal(SqliteReader):
    """Writing side: holds an exclusive lock, so a second gateway on the same journal is refused."""

    def __init__(self, path: Path, durability: str) -> None:
        self.name, self._firsts = str(path), []
        self._path = path
        self._closed = False
        self._open = {}
        self._retired: list[tuple[int, sqlite3.Connection]] = []
        self._synchronous = "FULL" if durability == "fsync" else "NORMAL"
        self._lock = _lock(path)
        with ExitStack() as undo:
            undo.callback(self._lock.close)
            undo.callback(self._close_all)
            self._current = max(self._find_segments(), default=1)
            try:
                self._db = self._open_for_writing(self._current)
            except sqlite3.Error as error:
                raise PreconditionFailed(
                    f"journal {path} cannot be opened: {error}; check the disk and its permissions"
                ) from error
            self._seq, self._hash = self.head()
            undo.pop_all()

    def _open_for_writing(self, first: int) -> sqlite3.Connection:
        file = self._file(first)
        db = sqlite3.connect(file, isolation_level=None, check_same_thread=False, timeout=_BUSY_SECONDS)
        self._open[first] = db
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("PRAGMA wal_autocheckpoint=0")
        db.execute("PRAGMA synchronous=" + self._synchronous)
        (found,) = db.execute("PRAGMA user_version").fetchone()
        if found not in _READABLE:
            raise PreconditionFailed(f"journal {file} has format {found}, this build writes {FORMAT}: use the other build")
        db.executescript(_SCHEMA)
        if "next_sender" not in [column[1] for column in db.execute("PRAGMA table_info(watermark)")]:
            db.execute("ALTER TABLE watermark ADD COLUMN next_sender INTEGER NOT NULL DEFAULT 0")
        db.execute(f"PRAGMA user_version={FORMAT}")
        self._wal = file.with_name(file.name + "-wal")
        return db

    def position(self) -> tuple[int, bytes]:
        return self._seq, self._hash

    def roll(self) -> bool:
        first = self._seq + 1
        if first == self._current:
            return False
        try:
            self._publish(self._prepare_segment(first), self._file(first))
        except (sqlite3.Error, OSError) as error:
            raise JournalError(f"{self._file(first)}: {error}") from error
        # From here on a start continues in the new segment: so must we, or take it back.
        retired, self._db = (self._current, self._db), self._switch(first)
        self._current = first
        self._firsts = [*self._firsts, first]
        self._retired.append(retired)
        return True

    def _prepare_segment(self, first: int) -> Path:
        """The next segment, complete, under a name nobody reads."""
        file = self._file(first)
        temporary = file.with_name(file.name + ".new")
        temporary.unlink(missing_ok=True)
        with closing(sqlite3.connect(temporary, isolation_level=None)) as new:
            new.executescript(f"PRAGMA synchronous=FULL; PRAGMA user_version={FORMAT}; BEGIN; {_SCHEMA}")
            new.execute("INSERT INTO segment VALUES (?,?)", (first, self._hash))
            for table, columns in (("watermark", "?,?,?,?"), ("configuration", "?,?")):
                rows = self._db.execute(f"SELECT * FROM {table}").fetchall()  # noqa: S608 - constant names
                new.executemany(f"INSERT INTO {table} VALUES ({columns})", rows)  # noqa: S608 - constant names
            new.execute("COMMIT")
        return temporary

    def _publish(self, temporary: Path, file: Path) -> None:
        """The moment of the roll: before it the old segment is the newest, after it the new one."""
        os.replace(temporary, file)
        sync_directory(file.parent)

    def _switch(self, first: int) -> sqlite3.Connection:
        try:
            return self._open_for_writing(first)
        except (sqlite3.Error, OSError) as error:
            self._open.pop(first, None)
            try:
                self._file(first).unlink()
                sync_directory(self._path.parent)
            except OSError as again:
                raise JournalLost(f"{self._file(first)} can neither be written nor removed: {again}; see the disk") from error
            raise JournalError(f"{self._file(first)}: {error}") from error

    def append(self, batch: Sequence[Recorded], watermarks: Mapping[str, Watermark], digest: str | None) -> None:
        rows = rows_of(batch, self._hash, digest)
        try:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                self._db.executemany(_INSERT, rows)
                for session, mark in watermarks.items():
                    values = (mark.epoch, mark.msg_seq_num, mark.next_sender, session)
                    if not self._db.execute(_MOVE_WATERMARK, values).rowcount:  # a replaced row writes its index, too
                        self._db.execute(_NEW_WATERMARK, values)
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise
        except sqlite3.Error as error:
            raise JournalError(f"{self._path}: {error}") from error
        if rows:
            self._seq, self._hash = rows[-1].seq, rows[-1].hash

    def watermarks(self) -> Mapping[str, Watermark]:
        rows = self._newest("SELECT session, epoch, msg_seq_num, next_sender FROM watermark")
        return {session: Watermark(*numbers) for session, *numbers in rows}

    def tidy(self) -> None:
        """Move what the write-ahead log holds into the file. On another thread: it syncs the disk, which no order waits for."""
        while self._retired:
            self._retire(*self._retired.pop())
        wal, file = self._wal, self._file(self._current)
        if wal.exists() and wal.stat().st_size > _TIDY_BYTES:
            try:
                with closing(sqlite3.connect(file, timeout=0)) as other:
                    other.execute("PRAGMA wal_checkpoint(PASSIVE)")
            except sqlite3.Error as error:
                raise JournalError(f"{file}: {error}") from error

    def _retire(self, first: int, db: sqlite3.Connection) -> None:
        """A closed segment is one file that can be moved: nothing of it stays in a write-ahead log."""
        try:
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            if self._open.get(first) is db:
                del self._open[first]
            db.close()
        except sqlite3.Error as error:
            self._retired.append((first, db))
            raise JournalError(f"{self._file(first)}: {error}") from error

    writers = 0
    alone_in = 0.0
    """The kernel holds the lock for as long as the process lives, paused or not: there is no other writer."""
    lost = None

    def refusal(self) -> str | None:
        return None

    def remember_configuration(self, config_sha256: str, toml: str) -> None:
        try:
            self._db.execute("INSERT OR IGNORE INTO configuration VALUES (?,?)", (config_sha256, toml))
        except sqlite3.Error as error:
            raise JournalError(f"{self._path}: {error}") from error

    def close(self) -> None:
        super().close()
        self._lock.close()

    def _writes(self, first: int) -> bool:
        return first == self._current or any(first == retired for retired, _ in self._retired)

    def _close_all(self) -> None:
        for connection in self._open.values():
            connection.close()


def holder_of(path: Path) -> str | None:
    """The process that writes the journal, as its lock file names it; None when nobody does."""
    try:
        with open(lock_file(path), encoding="ascii") as handle:
            try:
                # Shared and given back at once: two commands that look do not see each other.
                fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return f"process {handle.read().strip() or 'unknown'}"
    except (FileNotFoundError, NotADirectoryError):
        pass  # no lock file: nobody has ever written here
    except IsADirectoryError as error:
        raise PreconditionFailed(f"journal {path}: {error.filename} is not a file; move it away") from error
    return None


def _lock(path: Path) -> IO[str]:
    """An exclusive lock beside the journal; released by the kernel when the process ends, however it ends."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = open(lock_file(path), "a+", encoding="ascii")  # noqa: SIM115 - held while the journal is open
    except OSError as error:
        raise PreconditionFailed(f"journal {path}: {error.strerror}: {error.filename}; {remedy(error)}") from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        handle.seek(0)
        holder = handle.read().strip() or "unknown"
        handle.close()
        raise PreconditionFailed(f"journal {path} is in use by process {holder}: stop that gateway first") from error
    handle.truncate(0)
    handle.write(str(os.getpid()))
    handle.flush()
    return handle
