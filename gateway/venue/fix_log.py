"""FIX message logs: every message of a session in both directions, one line each, passwords redacted.

Written on a thread of its own from a bounded queue: the engine's thread never waits for a disk. What the queue could not
take is counted in the log itself, never dropped in silence. Lines: `<UTC time> <in|out|event> <text>`, SOH kept; a line
break inside a message shows as its Unicode symbol, so that no venue can write a line of its own.
"""

from __future__ import annotations

import threading
from collections import deque
from pathlib import Path

from gateway.clock import wall_ns
from gateway.errors import PreconditionFailed, remedy
from gateway.fix.timestamps import format_utc
from gateway.redaction import redact

_CAPACITY = 100_000
_LOOK_SECONDS = 0.02
_BLOCK_LINES = 256


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
        self._block = b""
        """Taken from the queue, and not on disk yet: a full disk holds it up, and costs no line before the queue is full."""
        self._closing = threading.Event()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = open(path, "ab", buffering=0)  # noqa: SIM115 - closed by close()
            path.chmod(0o600)
        except OSError as error:
            raise PreconditionFailed(f"FIX log {path}: {error.strerror}; {remedy(error)}") from error
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
        try:
            while self._block or self._lines or self._lost:
                self._block = self._block or self._next_block()
                while self._block:
                    self._block = self._block[self._file.write(self._block) :]
        except OSError:
            return  # what is left of the block is tried again

    def _next_block(self) -> bytes:
        lines = [self._lines.popleft() for _ in range(min(len(self._lines), _BLOCK_LINES))]
        text = "".join(f"{format_utc(at, 6)} {direction} {_one_line(redact(text))}\n" for at, direction, text in lines)
        if not self._lines and self._lost:
            lost, self._lost = self._lost, 0
            text += f"{format_utc(wall_ns(), 6)} event {lost} lines lost: the disk was slower than the session\n"
        try:
            return text.encode("utf-8", "surrogateescape")
        except UnicodeEncodeError:
            return text.encode("utf-8", "backslashreplace")
