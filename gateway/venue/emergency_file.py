"""The emergency file: one fsynced line for every emergency cancel, written before the wire sees it.

The journal cannot hold what is sent while it is stuck, so this does, until the lines are ingested as events: by the same run
when it turns again, else by the next start. Its blocks are taken from the disk beforehand, because a full disk is one of the
reasons to need it.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path
from threading import Lock

import msgspec

from gateway.core.events import EmergencyCancelSent
from gateway.errors import PreconditionFailed, remedy
from gateway.journal.durable import sync_directory

_log = logging.getLogger(__name__)
_RESERVED = 1 << 18


class Line(msgspec.Struct, frozen=True):
    """A cancel that was about to be sent, and the run that sent it."""

    run_id: int
    event: EmergencyCancelSent


class EmergencyFile:
    """One file for all venues. `lines` is what earlier runs left in it."""

    def __init__(self, path: Path, run_id: int) -> None:
        self._run_id = run_id
        self._lock = Lock()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
            content = os.read(self._file, max(os.fstat(self._file).st_size, 1))
            written = content.partition(b"\0")[0]
            self._end = written.rfind(b"\n") + 1
            os.pwrite(self._file, b"\0" * (len(written) - self._end), self._end)  # a torn line must not swallow the next one
            os.posix_fallocate(self._file, 0, max(_RESERVED, self._end + _RESERVED))
            sync_directory(path.parent)
        except OSError as error:
            raise PreconditionFailed(f"emergency file {path}: {error.strerror}; {remedy(error)}") from error
        self.lines = _parse(content[: self._end], path)

    def append(self, event: EmergencyCancelSent) -> None:
        """On disk when it returns. Raises OSError: the cancel goes all the same, but this run alone knows of it."""
        line = msgspec.json.encode(Line(self._run_id, event)) + b"\n"
        with self._lock:
            if os.pwrite(self._file, line, self._end) != len(line):
                raise OSError("emergency file: short write")
            self._end += len(line)
            os.fsync(self._file)

    def untold(self, last_run_id: int) -> list[EmergencyCancelSent]:
        """What the journal, whose last run this was, may not hold: a run's opening ingests what the runs before it left."""
        return [line.event for line in self.lines if line.run_id >= last_run_id]

    def forget(self, last_run_id: int) -> None:
        """Drop what the journal holds for certain; what it may not hold stays until the next start."""
        kept = b"".join(msgspec.json.encode(line) + b"\n" for line in self.lines if line.run_id >= last_run_id)
        with self._lock:
            try:
                os.pwrite(self._file, kept + b"\0" * max(0, self._end - len(kept)), 0)
                self._end = len(kept)
                os.fsync(self._file)
            except OSError as error:
                _log.warning("emergency file not shortened: %s", error)

    def close(self) -> None:
        """A cancel that hangs in an engine may come after this: it must not find another file under the old number."""
        file, self._file = self._file, -1
        os.close(file)


def _parse(content: bytes, path: Path) -> list[Line]:
    """A last line that was not finished never reached the wire: the cancel follows its line."""
    found: list[Line] = []
    for number, line in enumerate(content.splitlines(), 1):
        try:
            found.append(msgspec.json.decode(line, type=Line))
        except msgspec.MsgspecError as error:
            _log.error("emergency file %s, line %d is unreadable: %s", path, number, error)
    return found
