"""FIX message logs: every message of a session in both directions, one line each, passwords redacted.

Written on a thread of its own from a bounded queue: the engine's thread never waits for a disk. What the queue could not
take is counted in the log itself, never dropped in silence. Lines: `<UTC time> <in|out|event> <text>`, SOH kept.
"""

from __future__ import annotations

import queue
import threading
from pathlib import Path
from typing import IO

from gateway.clock import wall_ns
from gateway.errors import PreconditionFailed
from gateway.fix.timestamps import format_utc
from gateway.redaction import redact

_CAPACITY = 100_000


class FixLog:
    """One file a session, `<directory>/<session>.log`; appended to over restarts."""

    def __init__(self, path: Path) -> None:
        self._queue: queue.Queue[tuple[int, str, str] | None] = queue.Queue(_CAPACITY)
        self._lost = 0
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file: IO[str] = open(path, "a", encoding="utf-8", errors="surrogateescape")  # noqa: SIM115 - closed by close()
            path.chmod(0o600)
        except OSError as error:
            raise PreconditionFailed(f"FIX log {path}: {error.strerror}; make the directory writable") from error
        self._thread = threading.Thread(target=self._write, name=f"fix-log-{path.stem}", daemon=True)
        self._thread.start()

    def put(self, direction: str, text: str) -> None:
        """From any thread; never blocks."""
        try:
            self._queue.put_nowait((wall_ns(), direction, text))
        except queue.Full:
            self._lost += 1

    def close(self) -> None:
        """Write what is queued and close; bounded by the disk alone."""
        self._queue.put(None)
        self._thread.join(timeout=5)

    def _write(self) -> None:
        running = True
        while running:
            lines = [self._queue.get()]
            while not self._queue.empty() and len(lines) < 1000:
                lines.append(self._queue.get_nowait())
            lost, self._lost = self._lost, 0
            try:
                for line in lines:
                    if line is None:
                        running = False
                        break
                    at, direction, text = line
                    self._file.write(f"{format_utc(at, 6)} {direction} {redact(text)}\n")
                if lost:
                    self._file.write(
                        f"{format_utc(wall_ns(), 6)} event {lost} lines lost: the disk was slower than the session\n"
                    )
                self._file.flush()
            except (OSError, ValueError):
                self._lost += len(lines)
        self._file.close()
