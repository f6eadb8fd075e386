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
    """An opened venue directory, held until it is closed or the process ends.

    Raises PreconditionFailed when it cannot be written or another venue has it.
    """

    def __init__(self, path: Path) -> None:
        self.store = path / "store"
        try:
            self.store.mkdir(parents=True, exist_ok=True)
            self._lock = (path / "lock").open("w")
        except OSError as error:
            raise _unwritable(path, error) from error
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self.run = _next_run(path / "run")
            _keep_over_midnight(self.store)
        except BlockingIOError as error:
            self.close()
            raise PreconditionFailed(f"{path}: another venue is running here; stop it or name another --dir") from error
        except OSError as error:
            self.close()
            raise _unwritable(path, error) from error
        except PreconditionFailed:
            self.close()
            raise

    def close(self) -> None:
        """Let another venue have the directory."""
        self._lock.close()


def _unwritable(path: Path, error: OSError) -> PreconditionFailed:
    return PreconditionFailed(f"{path}: cannot write here: {error.strerror}; name another --dir")


def _next_run(path: Path) -> int:
    """A number never used before in this directory, durable before it is used."""
    last = path.read_text().strip() if path.exists() else "0"
    if not last.isdecimal():
        raise PreconditionFailed(
            f"{path}: {last!r} is not a run number; write one above all used before, or name another --dir"
        )
    run = int(last) + 1
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
