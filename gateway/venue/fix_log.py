"""FIX message logs: every message of a session in both directions, one line each, passwords redacted.

Written on a thread of its own from a bounded queue: the engine's thread never waits for a disk. What the queue could not
take is counted in the log itself, never dropped in silence. Lines: `<UTC time> <in|out|event> <text>`, SOH kept; a line
break inside a message shows as its Unicode symbol, so that no venue can write a line of its own.
"""

from __future__ import annotations

import threading
from collections import deque
from pathlib import Path
from typing import IO

from gateway.clock import wall_ns
from gateway.errors import PreconditionFailed
from gateway.fix.timestamps import format_utc
from gateway.redaction import redact

_CAPACITY = 100_000
_LOOK_SECONDS = 0.02


_BREAKS = str.maketrans({"\n": "\u240a", "\r": "\u240d"})


def _one_line(text: str) -> str:
    return text.translate(_BREAKS) if "\n" in text or "\r" in text else text


class FixLog:
    """One file a session; appended to over restarts.

    The writer looks every few milliseconds instead of being woken: waking a thread costs its waker more than the line does.
    """

    def __init__(self, path: Path) -> None:
        self._lines: deque[tuple[int, str, str]] = deque()
        self._lost = 0
        self._closing = threading.Event()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file: IO[str] = open(path, "a", encoding="utf-8", errors="surrogateescape")  # noqa: SIM115 - closed by close()
            path.chmod(0o600)
        except OSError as error:
            raise PreconditionFailed(f"FIX log {path}: {error.strerror}; make the directory writable") from error
        self._thread = threading.Thread(target=self._run, name=f"fix-log-{path.stem}", daemon=True)
        self._thread.start()

    def put(self, direction: str, text: str) -> None:
        """From any thread; never blocks."""
        if len(self._lines) >= _CAPACITY:
            self._lost += 1
        else:
            self._lines.append((wall_ns(), direction, text))

    def close(self) -> None:
        """Write what is queued and close; harmless when repeated."""
        self._closing.set()
        self._thread.join(timeout=5)

    def _run(self) -> None:
        while not self._closing.wait(_LOOK_SECONDS):
            self._write()
        self._write()
        self._file.close()

    def _write(self) -> None:
        lost, self._lost = self._lost, 0
        try:
            while self._lines:
                at, direction, text = self._lines.popleft()
                self._file.write(f"{format_utc(at, 6)} {direction} {_one_line(redact(text))}\n")
            if lost:
                self._file.write(f"{format_utc(wall_ns(), 6)} event {lost} lines lost: the disk was slower than the session\n")
            self._file.flush()
        except (OSError, ValueError):
            self._lost += lost + 1
