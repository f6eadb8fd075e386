"""Who may write a journal in PostgreSQL: one advisory lock, held by the writer's connection, and one lease row.

The lock keeps two writers apart while both are connected. The row's epoch rises with every new writer, and each commit is
made only while the epoch is still the writer's own, checked in the same statement. So a connection that was lost, and with
it the lock, cannot go on after somebody else has taken the journal, however short his visit was. The lock says who may try;
the epoch decides. What follows from it for sending is in `fence`.
"""

from __future__ import annotations

import os
import secrets
import socket
from collections.abc import Callable
from time import monotonic, sleep
from typing import Any

import psycopg

from gateway.errors import JournalError, JournalLost, PreconditionFailed
from gateway.journal.connection import SCHEMA, Connection

_LOCK = 0x6761_7465_7761_79
"""Advisory lock, in the database of the journal: "gateway" in ASCII."""
_PATIENCE_SECONDS = 2.0
"""The server may take a moment to notice that a gateway has died."""
_TRY = f"SELECT pg_try_advisory_lock({_LOCK})"
_READ = f"SELECT epoch, token, holder || ' since ' || to_char(since AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS') || ' UTC', backend FROM {SCHEMA}.lease"  # noqa: S608, E501 - constant names
_TAKE = f"""
INSERT INTO {SCHEMA}.lease VALUES (1, 1, %(token)s, %(holder)s, pg_backend_pid(), now())
ON CONFLICT (id) DO UPDATE SET epoch = lease.epoch + 1, token = excluded.token, holder = excluded.holder,
    backend = excluded.backend, since = excluded.since
RETURNING epoch, (SELECT token FROM {SCHEMA}.lease) AS before
"""  # noqa: S608 - constant names
LOCKED = f"""
SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 1
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND classid = {_LOCK >> 32} AND objid = {_LOCK & 0xFFFF_FFFF}
"""  # noqa: S608 - constant numbers
"""The connections that hold the lock."""
_INHERIT = f"""
SELECT pg_terminate_backend(pid) FROM ({LOCKED}) AS lost;
SELECT pg_advisory_lock({_LOCK})
"""  # noqa: S608 - constant names
"""In one round trip: whoever waits for the lock when its holder ends has it at once, and a standby never finds it free."""

_BEAT = f"UPDATE {SCHEMA}.beat SET number = number + 1 WHERE (SELECT epoch FROM {SCHEMA}.lease) = %s RETURNING number"  # noqa: S608 - constant names
RELEASED = ""
"""Token of a lease that was given back: nobody can believe that it is his."""
_RELEASE = f"UPDATE {SCHEMA}.lease SET token = '{RELEASED}' WHERE epoch = %s AND token = %s"  # noqa: S608 - constant names


class Lease:
    """The right to write, from when it was taken until another takes it. `epoch` is part of every commit.

    `follows`: somebody had it before and did not give it back; he may still be alive.
    """

    def __init__(self, name: str, epoch: int, token: str, *, follows: bool) -> None:
        self._name = name
        self.epoch = epoch
        self.follows = follows
        self._token = token

    @classmethod
    def take(cls, connection: Connection, name: str, *, prepare: Callable[[Connection], None]) -> Lease:
        """Lock, `prepare` the schema, and become the holder. Raises PreconditionFailed naming who holds the journal."""
        end = monotonic() + _PATIENCE_SECONDS
        while not _value(connection, _TRY):
            if monotonic() > end:
                raise PreconditionFailed(f"{name} is in use by {_holder(connection)}: stop that gateway first")
            sleep(_PATIENCE_SECONDS / 20)
        prepare(connection)
        token = secrets.token_hex(8)
        holder = f"process {os.getpid()} on {socket.gethostname()}"
        # The epoch must outlive the server even where commits may not.
        with connection.transaction():
            connection.execute("SET LOCAL synchronous_commit = on")
            row = connection.execute(_TAKE, {"token": token, "holder": holder}).fetchone()
        assert row is not None
        return cls(name, row[0], token, follows=row[1] not in (None, RELEASED))

    def beat(self, connection: Connection) -> bool:
        """Show that the holder lives; False when the lease is somebody else's."""
        return _value(connection, _BEAT, self.epoch) is not None

    def release(self, connection: Connection) -> None:
        """Give it back: whoever comes next need not wait for us."""
        connection.execute(_RELEASE, (self.epoch, self._token))

    def regain(self, connection: Connection) -> None:
        """Hold it again on a new connection. Raises JournalLost when it is somebody else's, JournalError when not yet free."""
        if not _value(connection, _TRY):
            if not self._ours(connection):
                raise self.lost(connection)
            self._inherit(connection)
        if not self._ours(connection):
            raise self.lost(connection)
        connection.execute(f"UPDATE {SCHEMA}.lease SET backend = pg_backend_pid()")  # noqa: S608 - constant names

    def _inherit(self, connection: Connection) -> None:
        """From our old connection, which was lost without the server's knowing, or has not answered."""
        try:
            with connection.transaction():
                connection.execute("SET LOCAL lock_timeout = '1s'")
                connection.execute(_INHERIT)
        except psycopg.errors.LockNotAvailable as error:
            raise JournalError(f"{self._name}: the lost connection still holds the lock") from error

    def holds(self, connection: Connection) -> bool:
        """Whether the epoch is still ours, and stays so to the end of the transaction."""
        return bool(_value(connection, f"SELECT epoch FROM {SCHEMA}.lease FOR SHARE") == self.epoch)  # noqa: S608 - constant names

    def lost(self, connection: Connection) -> JournalLost:
        """The error that says who has it."""
        return JournalLost(
            f"{self._name} was taken by {_holder(connection)} while this process was paused or had lost its connection:"
            " nothing more is written or sent here; see that gateway, and start this one when it has stopped"
        )

    def _ours(self, connection: Connection) -> bool:
        row = _read(connection)
        return row is not None and (row[0], row[1]) == (self.epoch, self._token)


def holder(connection: Connection) -> str | None:
    """Who writes the journal now; None when nobody does."""
    return None if connection.execute(LOCKED).fetchone() is None else _holder(connection)


def _holder(connection: Connection) -> str:
    row = _read(connection)
    return "unknown" if row is None else str(row[2])


def _read(connection: Connection) -> tuple[Any, ...] | None:
    try:
        return connection.execute(_READ).fetchone()
    except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName):
        return None


def _value(connection: Connection, sql: str, *values: Any) -> Any:
    row = connection.execute(sql, values).fetchone()
    return None if row is None else row[0]
