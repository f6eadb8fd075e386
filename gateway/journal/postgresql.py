"""The journal in PostgreSQL: one statement, one round trip and one transaction a batch, fenced by a lease.

Everything lies in the schema `gateway_journal` of the database, which holds one journal. A segment is a table of its own,
`event_<first position>`: an old one can be dumped and dropped without a lock on the one that is written to.

`durability = "commit"` runs with `synchronous_commit = off`: a commit is safe from the death of this process, and what the
death of the *server* takes with it (its last 0.6 seconds at most, PostgreSQL documentation, 28.4) is written again from
memory when it is back. With "fsync" a commit has reached the server's disk, and the standbys it waits for.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import psycopg

from gateway.core.events import Recorded
from gateway.errors import JournalError, JournalLost, PreconditionFailed
from gateway.journal.chain import COLUMNS, Row, rows_of
from gateway.journal.connection import SCHEMA, Connection, connect, said
from gateway.journal.fence import HOLD_SECONDS, WAIT_SECONDS, Fence, now
from gateway.journal.interface import ANSWER_SECONDS, GENESIS, Watermark
from gateway.journal.lease import Lease
from gateway.journal.renewal import Renewal
from gateway.journal.segments import SegmentedReader

FORMAT = 1
COMMIT_SECONDS = 2.0
"""A commit that takes longer counts as failed, until a new connection tells what became of it."""
_REMEMBERED_ROWS = 20_000
_DDL = f"""
CREATE SCHEMA IF NOT EXISTS {SCHEMA};
CREATE TABLE IF NOT EXISTS {SCHEMA}.format (version INT NOT NULL);
CREATE TABLE IF NOT EXISTS {SCHEMA}.segment (first_seq BIGINT PRIMARY KEY, previous_hash BYTEA NOT NULL);
CREATE TABLE IF NOT EXISTS {SCHEMA}.watermark (
    session TEXT PRIMARY KEY, epoch BIGINT NOT NULL, msg_seq_num BIGINT NOT NULL);
ALTER TABLE {SCHEMA}.watermark ADD COLUMN IF NOT EXISTS next_sender BIGINT NOT NULL DEFAULT 0;
CREATE TABLE IF NOT EXISTS {SCHEMA}.configuration (sha256 TEXT PRIMARY KEY, toml TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS {SCHEMA}.snapshot (seq BIGINT PRIMARY KEY, content BYTEA NOT NULL);
CREATE TABLE IF NOT EXISTS {SCHEMA}.lease (
    id INT PRIMARY KEY CHECK (id = 1), epoch BIGINT NOT NULL, token TEXT NOT NULL, holder TEXT NOT NULL,
    backend INT NOT NULL, since TIMESTAMPTZ NOT NULL);
CREATE TABLE IF NOT EXISTS {SCHEMA}.beat (id INT PRIMARY KEY CHECK (id = 1), number BIGINT NOT NULL);
INSERT INTO {SCHEMA}.beat VALUES (1, 0) ON CONFLICT DO NOTHING;
CREATE OR REPLACE FUNCTION {SCHEMA}.refuse() RETURNS TRIGGER LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'the journal is append-only'; END $$;
"""  # noqa: S608 - constant names
_SEGMENT = f"""
CREATE TABLE {SCHEMA}.event_{{first}} (
    seq BIGINT PRIMARY KEY, run_id BIGINT NOT NULL, at_ns BIGINT NOT NULL, wall_ns BIGINT NOT NULL, cause BIGINT NOT NULL,
    kind TEXT NOT NULL, version INT NOT NULL, body BYTEA NOT NULL, hash BYTEA NOT NULL, digest TEXT);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {SCHEMA}.event_{{first}}
    FOR EACH STATEMENT EXECUTE FUNCTION {SCHEMA}.refuse();
"""
_APPEND = f"""
WITH held AS (SELECT 1 FROM {SCHEMA}.lease WHERE epoch = %b::bigint FOR SHARE),
marks AS (
    INSERT INTO {SCHEMA}.watermark
    SELECT s, e, n, o FROM unnest(%b::text[], %b::bigint[], %b::bigint[], %b::bigint[]) AS mark(s, e, n, o)
    WHERE EXISTS (SELECT FROM held)
    ON CONFLICT (session) DO UPDATE
    SET epoch = excluded.epoch, msg_seq_num = excluded.msg_seq_num, next_sender = excluded.next_sender),
events AS (
    INSERT INTO {SCHEMA}.event_{{first}} ({COLUMNS}, digest)
    SELECT * FROM unnest(%b::bigint[], %b::bigint[], %b::bigint[], %b::bigint[], %b::bigint[], %b::text[], %b::int[],
        %b::bytea[], %b::bytea[], %b::text[]) AS one WHERE EXISTS (SELECT FROM held))
SELECT count(*) FROM held
"""  # noqa: S608 - constant names and a number of ours
_REMEMBER = f"""
WITH durable AS MATERIALIZED (SELECT set_config('synchronous_commit', 'on', true))
INSERT INTO {SCHEMA}.configuration SELECT %s, %s FROM durable ON CONFLICT DO NOTHING RETURNING sha256
"""  # noqa: S608 - constant names
_WIDTH = len(Row._fields)


class PostgresqlReader(SegmentedReader):
    """Reading side. Connects when first asked, and anew after a failure; each is used by one thread at a time."""

    def __init__(self, url: str, password: str | None = None, answer_seconds: float = ANSWER_SECONDS) -> None:
        super().__init__(f"journal {url}")
        self._answer_seconds = answer_seconds
        self._url = url
        self._password = password
        self._connection: Connection | None = None

    def configurations(self) -> Mapping[str, str]:
        return dict(self._query(f"SELECT sha256, toml FROM {SCHEMA}.configuration"))  # noqa: S608 - constant names

    def close(self) -> None:
        self._drop()

    def _drop(self) -> None:
        """The connection is of no use any more; the next question makes another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _connected(self) -> Connection:
        if self._connection is None:
            self._connection = connect(self._url, self._password, "gateway-journal-reader", answer_seconds=self._answer_seconds)
        return self._connection

    def _query(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        try:
            return self._connected().execute(sql, values, binary=True).fetchall()
        except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName) as error:
            raise PreconditionFailed(f"{self.name}: nothing has run here yet ({said(error)})") from error
        except (psycopg.Error, OSError) as error:
            self._drop()
            raise JournalError(f"{self.name}: {said(error)}") from error

    def _find_segments(self) -> list[int]:
        """Those of which the table is still there."""
        sql = (
            f"SELECT first_seq FROM {SCHEMA}.segment WHERE to_regclass('{SCHEMA}.event_' || first_seq) IS NOT NULL"  # noqa: S608 - constant names
            " ORDER BY first_seq"
        )
        return [row[0] for row in self._query(sql)]

    def _previous_hash(self, first: int) -> bytes:
        rows = self._query(f"SELECT previous_hash FROM {SCHEMA}.segment WHERE first_seq = %s", (first,))  # noqa: S608 - constant names
        return bytes(rows[0][0])

    def _rows(self, first: int, sql: str, *values: int) -> list[tuple[Any, ...]]:
        return self._query(sql.format(event=f"{SCHEMA}.event_{first}").replace("?", "%s"), values)


class PostgresqlJournal(PostgresqlReader):
    """Writing side: holds the journal's lock and lease on the connection it writes with."""

    def __init__(self, url: str, durability: str, password: str | None = None) -> None:
        super().__init__(url, password)
        self._durability = durability
        self._remembered: deque[Row] = deque(maxlen=_REMEMBERED_ROWS if durability == "commit" else 0)
        """What the server has confirmed but may lose with its own death."""
        self._marks: dict[str, Watermark] = {}
        """The watermarks of the same commits: the newest of each session."""
        self._before: tuple[int, bytes] = (0, GENESIS)
        """What is durable whatever happens: the end of the journal when this writer, or the segment, began."""
        self._doubted = False
        """Since an attempt failed: whether the lock is ours, and where the journal ends, has to be seen before the next."""
        self._silent: Connection | None = None
        """The one that had the lock and did not answer: open until another has it, or nobody would seem to hold the journal."""
        self._fence = Fence()
        self._renewal: Renewal | None = None
        try:
            self._connection = connect(url, password, "gateway-journal", answer_seconds=10)
            self._configure(self._connection)
            asked_at = now()
            self._lease = Lease.take(self._connection, self.name, prepare=self._prepare)
            self._fence.confirmed(asked_at)
            self._alone_at = now() + WAIT_SECONDS if self._lease.follows else 0
            self._renewal = Renewal(self._second_connection, self._lease, self._fence)
            self._seq, self._hash = self._before = self.head()
            self._use(self.segments()[-1])
            self._connected().answer_seconds = COMMIT_SECONDS
        except (psycopg.Error, OSError, JournalError) as error:
            self._give_up()
            raise PreconditionFailed(
                f"{self.name} cannot be opened: {said(error)}; check the server, the database and its permissions"
            ) from error
        except PreconditionFailed:
            self._give_up()
            raise

    def _second_connection(self) -> Connection:
        """For confirming the lease: a beat that the server forgets is followed by the next one."""
        connection = connect(self._url, self._password, "gateway-lease", answer_seconds=HOLD_SECONDS)
        connection.execute("SET synchronous_commit = off")
        return connection

    def refusal(self) -> str | None:
        return self._fence.refusal()

    @property
    def lost(self) -> JournalLost | None:
        return self._fence.lost

    @property
    def writers(self) -> int:
        return self._lease.epoch

    @property
    def alone_in(self) -> float:
        return max(self._alone_at - now(), 0)

    def _configure(self, connection: Connection) -> None:
        connection.execute(f"SET synchronous_commit = {'on' if self._durability == 'fsync' else 'off'}")

    def _prepare(self, connection: Connection) -> None:
        """Make what is missing; called with the lock held."""
        with connection.transaction():
            connection.execute(_DDL)
            found = connection.execute(f"SELECT version FROM {SCHEMA}.format").fetchone()  # noqa: S608 - constant names
            if found is None:
                connection.execute(f"INSERT INTO {SCHEMA}.format VALUES (%s)", (FORMAT,))  # noqa: S608 - constant names
                self._make_segment(connection, 1, GENESIS)
            elif found[0] != FORMAT:
                raise PreconditionFailed(f"{self.name} has format {found[0]}, this build writes {FORMAT}: use the other build")

    @staticmethod
    def _make_segment(connection: Connection, first: int, previous_hash: bytes) -> None:
        connection.execute(_SEGMENT.format(first=first))
        connection.execute(f"INSERT INTO {SCHEMA}.segment VALUES (%s, %s)", (first, previous_hash))  # noqa: S608 - constant names

    def _use(self, first: int) -> None:
        self._current = first
        self._append_sql = _APPEND.format(first=first)

    def position(self) -> tuple[int, bytes]:
        return self._seq, self._hash

    def roll(self) -> bool:
        first = self._seq + 1
        if first == self._current:
            return False
        if self._connection is None or self._doubted:
            raise JournalError(f"{self.name}: not connected")
        connection = self._connection
        try:
            with connection.transaction():
                # Durable, and everything before it too, whatever the setting.
                connection.execute("SET LOCAL synchronous_commit = on")
                if not self._lease.holds(connection):
                    raise self._lease.lost(connection)
                self._make_segment(connection, first, self._hash)
        except (psycopg.Error, OSError) as error:
            self._drop()  # whether it happened shows when the next commit connects again
            raise JournalError(f"{self.name}: {said(error)}") from error
        self._use(first)
        self._firsts = [*self._firsts, first]
        self._remembered.clear()
        self._before = (self._seq, self._hash)
        return True

    def append(self, batch: Sequence[Recorded], watermarks: Mapping[str, Watermark], digest: str | None) -> None:
        rows = rows_of(batch, self._hash, digest)
        asked_at = now()
        try:
            if not (self._doubted and self._regain(rows)):
                self._insert(rows, watermarks)
        except JournalLost as error:
            self._fence.lose(error)
            raise
        except (psycopg.Error, OSError) as error:
            self._doubted = True
            if self._connection is not None and not self._connection.at_rest:
                self._drop()
            raise JournalError(f"{self.name}: {said(error)}") from error
        self._fence.confirmed(asked_at)
        self._marks.update(watermarks)
        if rows:
            self._seq, self._hash = rows[-1].seq, rows[-1].hash
            self._remembered.extend(rows)

    def close(self) -> None:
        """Give the lease back: from here on nothing may be sent, and whoever comes next need not wait."""
        self._fence.close()
        if self._connection is not None and self._connection.at_rest:
            with suppress(psycopg.Error, OSError):
                self._lease.release(self._connection)
        self._give_up()

    def _give_up(self) -> None:
        """Let go of the lock at once: the server would notice a closed connection a moment later."""
        if self._renewal is not None:
            self._renewal.stop()
        if self._connection is not None and self._connection.at_rest:
            with suppress(psycopg.Error, OSError):
                self._connection.execute("SELECT pg_advisory_unlock_all()")
        self._drop()
        self._forget_silent()

    def _drop(self) -> None:
        """The connection is of no use any more, but it may hold the lock: a server that hangs is no reason to lose the role."""
        self._doubted = True
        if self._connection is not None and self._silent is None and not self._connection.closed:
            self._connection, self._silent = None, self._connection
        super()._drop()

    def _forget_silent(self) -> None:
        if self._silent is not None:
            with suppress(psycopg.Error, OSError):
                self._silent.close()
            self._silent = None

    def _insert(self, rows: Sequence[Row], watermarks: Mapping[str, Watermark]) -> None:
        columns: Sequence[Sequence[Any]] = list(zip(*rows, strict=True)) if rows else [()] * _WIDTH
        of = watermarks.values()
        marks = [list(watermarks), [m.epoch for m in of], [m.msg_seq_num for m in of], [m.next_sender for m in of]]
        values = (self._lease.epoch, *marks, *(list(column) for column in columns))
        held = self._connected().execute(self._append_sql, values, prepare=True).fetchone()
        if held is None or held[0] != 1:
            raise self._lease.lost(self._connected())

    def _connected(self) -> Connection:
        if self._connection is None:
            raise psycopg.OperationalError("the connection is closed")
        return self._connection

    def _regain(self, offered: Sequence[Row]) -> bool:
        """Make sure that the journal is still ours and holds what it confirmed, on a new connection if there is none.

        `offered`: the batch that failed. True when it is there: only the answer was lost.
        """
        if self._connection is None:
            self._connection = connect(self._url, self._password, "gateway-journal", answer_seconds=COMMIT_SECONDS)
            self._configure(self._connection)
        self._lease.regain(self._connection)
        self._forget_silent()
        try:
            seq, found = self.head()
            self._use(self._firsts[-1])
        except PreconditionFailed as error:
            raise JournalLost(f"{error}: is this the database we wrote to?") from error
        taken = bool(offered) and (seq, found) == (offered[-1].seq, offered[-1].hash)
        if not taken and (seq, found) != (self._seq, self._hash):
            self._write_again(seq, found)
        self._doubted = False
        return taken

    def _write_again(self, seq: int, found: bytes) -> None:
        """The server lost what it had confirmed: give it again, if this is the same history and memory reaches that far."""
        rows = [row for row in self._remembered if row.seq > seq]
        known = {self._before[0]: self._before[1]} | {row.seq: row.hash for row in self._remembered}
        if seq > self._seq or known.get(seq) != found or not rows or rows[0].seq != seq + 1:
            raise JournalLost(
                f"{self.name}: it ended with event {self._seq}, and now with event {seq} of another history or from too long"
                " ago: was the database restored from a copy? Stop here, and start again once it is the right one"
            )
        self._insert(rows, self._marks)

    def watermarks(self) -> Mapping[str, Watermark]:
        rows = self._query(f"SELECT session, epoch, msg_seq_num, next_sender FROM {SCHEMA}.watermark")  # noqa: S608 - constant names
        return {session: Watermark(*numbers) for session, *numbers in rows}

    def remember_configuration(self, config_sha256: str, toml: str) -> None:
        """On disk when it returns, whatever the durability: unlike the records, it is not written again from memory."""
        self._query(_REMEMBER, (config_sha256, toml))

    def tidy(self) -> None:
        """Nothing: the server tidies up after itself."""
