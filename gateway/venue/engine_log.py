"""The engine's own log of messages, handed to the FIX log. Called inside the engine: nothing may be raised here."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable

import quickfix as fix

from gateway.venue.fix_log import FixLog

_log = logging.getLogger(__name__)
_UNSPLIT = "Invalid message"
"""How the engine's event begins that tells of a message which it could not split, the last to arrive."""


class _Log(fix.Log):  # type: ignore[misc]  # the engine has no type stubs
    """Message log of one session; also remembers recent arrivals, for the day the engine refuses one."""

    def __init__(self, file: FixLog, recent: deque[str], unsplit: Callable[[str], None]) -> None:
        super().__init__()
        self._file = file
        self._recent = recent
        self._unsplit = unsplit

    def clear(self) -> None: ...

    def backup(self) -> None: ...

    def onIncoming(self, text: str) -> None:  # noqa: N802 - the engine's name
        try:
            self._recent.append(text)
            self._file.put("in", text)
        except Exception:  # noqa: BLE001 - an exception that leaves a callback kills the process
            _log.exception("FIX log")

    def onOutgoing(self, text: str) -> None:  # noqa: N802 - the engine's name
        try:
            self._file.put("out", text)
        except Exception:  # noqa: BLE001 - an exception that leaves a callback kills the process
            _log.exception("FIX log")

    def onEvent(self, text: str) -> None:  # noqa: N802 - the engine's name
        try:
            self._file.put("event", text)
            if text.startswith(_UNSPLIT) and self._recent:
                self._unsplit(self._recent[-1])
        except Exception:  # noqa: BLE001 - an exception that leaves a callback kills the process
            _log.exception("FIX log")


class EngineLogs(fix.LogFactory):  # type: ignore[misc]  # the engine has no type stubs
    """Gives the engine its log. `recent`: what has arrived last is put there too. `unsplit` is told of a message that the
    engine could not split."""

    def __init__(self, file: FixLog, recent: deque[str], unsplit: Callable[[str], None]) -> None:
        super().__init__()
        self._unsplit = unsplit
        self._file = file
        self._recent = recent
        self._alive: list[_Log] = []

    def create(self, *_session: object) -> _Log:
        log = _Log(self._file, self._recent, self._unsplit)
        # Handing over an owned object makes SWIG take a lock that its first use freed: memory corruption at the second log.
        log.thisown = False
        self._alive.append(log)  # the engine keeps a bare pointer
        return log

    def destroy(self, log: _Log) -> None: ...
