"""When a standby may take the journal: nobody holds it, or its holder has not shown for a while that he lives.

A holder whose lock went with the server, when that was restarted, gets the same while to come back as one who is silent: he may
have commits to write again that the server forgot.

Silence is what was listened to: where we were stopped ourselves, or the database did not answer, the holder may have lived.

Decides only when to try. That there is one writer is the matter of the lease and its epoch, and that the one before does not
send any more that of the fence: a holder who is silent and yet alive loses nothing but his role.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from time import monotonic
from typing import Any

import psycopg

from gateway.errors import JournalError
from gateway.journal.connection import SCHEMA, Connection, connect, said
from gateway.journal.lease import LOCKED, RELEASED

_LOOK = f"""
SELECT epoch, number, holder, EXISTS ({LOCKED}), pg_postmaster_start_time(),
    token <> '{RELEASED}' AND since < pg_postmaster_start_time() FROM {SCHEMA}.lease, {SCHEMA}.beat
"""  # noqa: S608 - constant names
_END = f"SELECT pg_terminate_backend(pid, 2000) FROM ({LOCKED}) AS holders"  # noqa: S608 - constant names

LISTENED_SECONDS = 1.0
"""Between two looks at most, however long they are apart: who looks rarely has not heard silence meanwhile."""


class Claim:
    """On one thread. `holder` is who has the journal, for people; "" when nobody."""

    def __init__(self, url: str, password: str | None, silent_seconds: float) -> None:
        self._url = url
        self._password = password
        self._silent_seconds = silent_seconds
        self._connection: Connection | None = None
        self._seen: tuple[Any, ...] | None = None
        self._silent = self._looked = 0.0
        """How long nothing was heard; when we looked last."""
        self._held_since: datetime | None = None
        """Start of the server under which somebody was last seen to hold the lock."""
        self.holder = ""

    def free(self) -> bool:
        """Whether to try now. A silent holder's connection is ended first. Raises JournalError when nothing can be known."""
        try:
            if self._connection is None:
                self._connection = connect(self._url, self._password, "gateway-standby", answer_seconds=5)
            return self._look(self._connection)
        except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName):
            return True  # nothing has run here yet
        except (psycopg.Error, OSError) as error:
            self.close()
            raise JournalError(f"journal {self._url}: {said(error)}") from error

    def close(self) -> None:
        if self._connection is not None:
            with suppress(psycopg.Error, OSError):
                self._connection.close()
        self._connection, self._seen = None, None

    def _nobody(self) -> bool:
        self.holder, self._seen = "", None
        return True

    def _look(self, connection: Connection) -> bool:
        row = connection.execute(_LOOK).fetchone()
        if row is None:
            return self._nobody()
        _, _, _, held, server_began, lock_went_with_it = row
        if held:
            self._held_since = server_began
        elif not lock_went_with_it or self._held_since == server_began:
            return self._nobody()
        self.holder = str(row[2])
        now = monotonic()
        self._silent = self._silent + min(now - self._looked, LISTENED_SECONDS) if self._seen == row[:2] else 0.0
        self._seen, self._looked = row[:2], now
        if self._silent < self._silent_seconds:
            return False
        try:
            connection.execute(_END)
        except psycopg.errors.InsufficientPrivilege as error:
            raise JournalError(
                f"journal {self._url}: {self.holder} has been silent for {self._silent_seconds:g} s, and its connection cannot"
                f" be ended ({said(error)}); use the same role for both gateways, or grant pg_signal_backend"
            ) from error
        self._seen = None
        return True
