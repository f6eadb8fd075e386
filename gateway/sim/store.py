"""The venue's directory: who owns it, which run this is, and what the engine left in it.

Exists because ids must be unique over restarts and because stored reports must outlive midnight. It must not import the
engine: the files are looked after before the engine opens them.
"""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path

from gateway.errors import PreconditionFailed
from gateway.sim.clock import utc_ns


class Directory:
    """An opened venue directory, held until the process ends.

    Raises PreconditionFailed when it cannot be written or another venue has it.
    """

    def __init__(self, path: Path) -> None:
        self.store = path / "store"
        try:
            self.store.mkdir(parents=True, exist_ok=True)
            self._lock = (path / "lock").open("w")
        except OSError as error:
            raise PreconditionFailed(f"{path}: cannot write here: {error.strerror}; name another --dir") from error
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self.run = _next_run(path / "run")
        except BlockingIOError as error:
            self._lock.close()
            raise PreconditionFailed(f"{path}: another venue is running here; stop it or name another --dir") from error
        _keep_over_midnight(self.store)


def _next_run(path: Path) -> int:
    """A number never used before in this directory, durable before it is used."""
    run = int(path.read_text()) + 1 if path.exists() else 1
    fresh = path.with_suffix(".new")
    with fresh.open("w") as file:
        file.write(f"{run}\n")
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    return run


def _keep_over_midnight(store: Path) -> None:
    """Date every store to this moment.

    The engine's Session constructor empties a store created on an earlier UTC day, even with NonStopSession=Y, and with it
    the numbers and the reports that a client has yet to ask for. The creation time is all that it looks at.
    """
    now = time.strftime("%Y%m%d-%H:%M:%S", time.gmtime(utc_ns() // 1_000_000_000))
    for session in store.glob("*.session"):
        session.write_text(now)
