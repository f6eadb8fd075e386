"""The journal in one SQLite file: WAL, one transaction a batch, hash-chained records.

Plain `sqlite3` on purpose: a commit is on the path of every order, and costs 30 us here.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from hashlib import blake2b
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote

from gateway.core.codec import decode, encode
from gateway.core.events import Recorded
from gateway.errors import JournalCorrupt, JournalError, PreconditionFailed
from gateway.journal.interface import GENESIS, Stored, Watermark

FORMAT = 1
_TIDY_BYTES = 4 << 20
_SCHEMA = """
CREATE TABLE IF NOT EXISTS event (
    seq INTEGER PRIMARY KEY, run_id INTEGER NOT NULL, at_ns INTEGER NOT NULL, wall_ns INTEGER NOT NULL,
    cause INTEGER NOT NULL, kind TEXT NOT NULL, version INTEGER NOT NULL, body BLOB NOT NULL, hash BLOB NOT NULL, digest TEXT
) STRICT;
CREATE TABLE IF NOT EXISTS watermark (
    session TEXT PRIMARY KEY, epoch INTEGER NOT NULL, msg_seq_num INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS configuration (sha256 TEXT PRIMARY KEY, toml TEXT NOT NULL) STRICT;
"""
_COLUMNS = "seq, run_id, at_ns, wall_ns, cause, kind, version, body, hash"
_DIGESTS = "SELECT seq, digest FROM event WHERE seq > ? AND digest IS NOT NULL ORDER BY seq LIMIT 1000"
_INSERT = f"INSERT INTO event ({_COLUMNS}, digest) VALUES (?,?,?,?,?,?,?,?,?,?)"  # noqa: S608 - constant columns
_Row = tuple[int, int, int, int, int, str, int, bytes, bytes]


def chain(previous: bytes, recorded: Recorded, body: bytes) -> bytes:
    """The hash of a record: over the one before it, its place, and its stored bytes."""
    place = f"{recorded.seq} {recorded.run_id} {recorded.at_ns} {recorded.wall_ns} {recorded.cause} "
    return blake2b(previous + place.encode() + body, digest_size=16).digest()


class SqliteReader:
    """Reading side. Open as many as needed; each is used by one thread at a time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        if not path.exists():
            raise PreconditionFailed(f"no journal at {path}: nothing has run here yet")
        try:
            self._db = sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True, check_same_thread=False, timeout=10)
        except sqlite3.Error as error:
            raise JournalError(f"{path}: {error}") from error

    def head(self) -> tuple[int, bytes]:
        row = self._one("SELECT seq, hash FROM event ORDER BY seq DESC LIMIT 1")
        return (0, GENESIS) if row is None else (row[0], row[1])

    def read(self, after: int, limit: int) -> Sequence[Stored]:
        rows = self._all(f"SELECT {_COLUMNS} FROM event WHERE seq > ? ORDER BY seq LIMIT ?", (after, limit))  # noqa: S608 - constant columns
        return [_stored(row) for row in rows]

    def hash_at(self, seq: int) -> bytes | None:
        if seq == 0:
            return GENESIS
        row = self._one("SELECT hash FROM event WHERE seq = ?", (seq,))
        return None if row is None else bytes(row[0])

    def digests(self, after: int) -> Iterator[tuple[int, str]]:
        while rows := self._all(_DIGESTS, (after,)):
            yield from rows
            after = rows[-1][0]

    def configurations(self) -> Mapping[str, str]:
        return dict(self._all("SELECT sha256, toml FROM configuration"))

    def check_chain(self, after: int, previous: bytes, limit: int) -> tuple[int, bytes, int]:
        """Recompute up to `limit` hashes after position `after`; (position, hash, records checked).

        Raises JournalCorrupt at the first record that is missing or not what its hash says.
        """
        rows = self._all(f"SELECT {_COLUMNS} FROM event WHERE seq > ? ORDER BY seq LIMIT ?", (after, limit))  # noqa: S608 - constant columns
        for row in rows:
            if row[0] != after + 1:
                raise JournalCorrupt(f"{self._path}: record {after + 1} is missing; restore the journal from a copy")
            previous = chain(previous, _stored(row).recorded, row[7])
            if previous != row[8]:
                raise JournalCorrupt(
                    f"{self._path}: record {row[0]} is not what its hash says; restore the journal from a copy"
                )
            after = row[0]
        return after, previous, len(rows)

    def close(self) -> None:
        self._db.close()

    def _one(self, sql: str, values: tuple[int, ...] = ()) -> tuple[int, bytes] | None:
        try:
            found: tuple[int, bytes] | None = self._db.execute(sql, values).fetchone()
        except sqlite3.Error as error:
            raise JournalError(f"{self._path}: {error}") from error
        return found

    def _all(self, sql: str, values: tuple[int, ...] = ()) -> list[Any]:
        try:
            return self._db.execute(sql, values).fetchall()
        except sqlite3.Error as error:
            raise JournalError(f"{self._path}: {error}") from error


class SqliteJournal(SqliteReader):
    """Writing side: holds an exclusive lock, so a second gateway on the same journal is refused."""

    def __init__(self, path: Path, durability: str) -> None:
        self._path = path
        self._wal = path.with_name(path.name + "-wal")
        self._lock = _lock(path)
        with ExitStack() as undo:
            undo.callback(self._lock.close)
            try:
                self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=5)
                undo.callback(self._db.close)
                self._db.execute("PRAGMA journal_mode=WAL")
                self._db.execute("PRAGMA wal_autocheckpoint=0")
                self._db.execute("PRAGMA synchronous=" + ("FULL" if durability == "fsync" else "NORMAL"))
                self._check_format(path)
                self._db.executescript(_SCHEMA)
            except sqlite3.Error as error:
                raise PreconditionFailed(
                    f"journal {path} cannot be opened: {error}; check the disk and its permissions"
                ) from error
            self._seq, self._hash = self.head()
            undo.pop_all()

    def _check_format(self, path: Path) -> None:
        (found,) = self._db.execute("PRAGMA user_version").fetchone()
        if found not in (0, FORMAT):
            raise PreconditionFailed(f"journal {path} has format {found}, this build writes {FORMAT}: use the other build")
        self._db.execute(f"PRAGMA user_version={FORMAT}")

    def append(self, batch: Sequence[Recorded], watermarks: Mapping[str, Watermark], digest: str) -> None:
        rows: list[tuple[Any, ...]] = []
        last = self._hash
        for one in batch:
            body = encode(one.event)
            last = chain(last, one, body)
            place = (one.seq, one.run_id, one.at_ns, one.wall_ns, one.cause)
            rows.append((*place, one.event.kind(), one.event.VERSION, body, last, None))
        if rows:
            rows[-1] = (*rows[-1][:-1], digest)
        try:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                self._db.executemany(_INSERT, rows)
                for session, mark in watermarks.items():
                    self._db.execute("INSERT OR REPLACE INTO watermark VALUES (?,?,?)", (session, mark.epoch, mark.msg_seq_num))
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise
        except sqlite3.Error as error:
            raise JournalError(f"{self._path}: {error}") from error
        if batch:
            self._seq, self._hash = batch[-1].seq, last

    def watermarks(self) -> Mapping[str, Watermark]:
        rows = self._all("SELECT session, epoch, msg_seq_num FROM watermark")
        return {session: Watermark(epoch, msg_seq_num) for session, epoch, msg_seq_num in rows}

    def tidy(self) -> None:
        """Move what the write-ahead log holds into the file. On another thread: it syncs the disk, which no order waits for."""
        if self._wal.exists() and self._wal.stat().st_size > _TIDY_BYTES:
            try:
                with closing(sqlite3.connect(self._path, timeout=0)) as other:
                    other.execute("PRAGMA wal_checkpoint(PASSIVE)")
            except sqlite3.Error as error:
                raise JournalError(f"{self._path}: {error}") from error

    def remember_configuration(self, config_sha256: str, toml: str) -> None:
        try:
            self._db.execute("INSERT OR IGNORE INTO configuration VALUES (?,?)", (config_sha256, toml))
        except sqlite3.Error as error:
            raise JournalError(f"{self._path}: {error}") from error

    def close(self) -> None:
        super().close()
        self._lock.close()


def holder_of(path: Path) -> str | None:
    """The process that writes a journal, as its lock file names it; None when nobody does."""
    try:
        with open(path.with_name(path.name + ".lock"), encoding="ascii") as handle:
            try:
                # Shared and given back at once: two commands that look do not see each other.
                fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return handle.read().strip() or "unknown"
    except FileNotFoundError:
        pass
    return None


def _stored(row: _Row) -> Stored:
    seq, run_id, at_ns, wall_ns, cause, kind, version, body, digest = row
    try:
        event = decode(kind, version, body)
    except ValueError as error:
        raise JournalCorrupt(f"journal record {seq}: {error}") from error
    recorded = Recorded(seq=seq, run_id=run_id, at_ns=at_ns, wall_ns=wall_ns, cause=cause, event=event)
    return Stored(recorded, digest)


def _lock(path: Path) -> IO[str]:
    """An exclusive lock beside the journal; released by the kernel when the process ends, however it ends."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = open(path.with_name(path.name + ".lock"), "a+", encoding="ascii")  # noqa: SIM115 - held while the journal is open
    except OSError as error:
        raise PreconditionFailed(f"journal {path}: {error.strerror}: {error.filename}; make the directory writable") from error
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
