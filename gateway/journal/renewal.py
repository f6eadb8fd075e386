"""Confirms the lease between commits, on a thread and a connection of its own, and shows a standby that its holder lives.

The writing connection is busy with commits, and silent when nothing happens; a gateway that trades nothing must not look dead.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from contextlib import suppress

import psycopg

from gateway.journal.connection import Connection, said
from gateway.journal.fence import Fence, now
from gateway.journal.lease import Lease

_log = logging.getLogger(__name__)
_EVERY_SECONDS = 0.25


class Renewal:
    """From construction until `stop`. Raises psycopg.Error when the first connection cannot be made."""

    def __init__(self, open_connection: Callable[[], Connection], lease: Lease, fence: Fence) -> None:
        self._open_connection = open_connection
        self._lease = lease
        self._fence = fence
        self._stop = threading.Event()
        self._connection: Connection | None = open_connection()
        self._thread = threading.Thread(target=self._run, name="lease", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """No confirmation follows."""
        self._stop.set()
        if self._thread is not threading.current_thread():
            self._thread.join()

    def _run(self) -> None:
        while not self._stop.is_set() and self._renew():
            self._stop.wait(_EVERY_SECONDS)
        self._drop()

    def _renew(self) -> bool:
        """False when the lease is somebody else's."""
        asked_at = now()
        try:
            if self._connection is None:
                self._connection = self._open_connection()
            if not self._lease.beat(self._connection):
                self._fence.lose(self._lease.lost(self._connection))
                return False
        except (psycopg.Error, OSError) as error:
            _log.debug("lease not confirmed: %s", said(error))  # commits fail too, and say so louder
            self._drop()
        else:
            self._fence.confirmed(asked_at)
        return True

    def _drop(self) -> None:
        if self._connection is not None:
            with suppress(psycopg.Error, OSError):
                self._connection.close()
            self._connection = None
