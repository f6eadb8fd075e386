"""Which strategies overran and were not journalled as such: a file beside the kill file, for the next start.

A strategy that never returns keeps the runtime thread, and with it the journal, from ever learning that it was stopped. Were
that forgotten with the process, its next event or timer would stop the next process, too, before anybody could log on.
"""

from __future__ import annotations

import json
import logging
from pathlib import Path

from gateway.core.events import StrategyOverran
from gateway.journal.durable import write_durably

_log = logging.getLogger(__name__)


class OverrunFile:
    """Any thread, one at a time: the watchdog writes it, the runtime thread and the start forget it."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def note(self, event: StrategyOverran) -> None:
        """Keep it until the journal has it. A disk that refuses is logged: the gate is closed all the same."""
        known = {one.strategy: one.running_ns for one in self.untold()}
        try:
            write_durably(self._path, json.dumps(known | {event.strategy: event.running_ns}).encode())
        except OSError as error:
            _log.error("%s: %s: a restart will not know that strategy %s overran", self._path, error.strerror, event.strategy)

    def untold(self) -> list[StrategyOverran]:
        """What no journal holds yet. A file that cannot be read is logged and says nothing."""
        try:
            found = json.loads(self._path.read_bytes())
            return [StrategyOverran(strategy=str(name), running_ns=int(running)) for name, running in found.items()]
        except FileNotFoundError:
            return []
        except (OSError, ValueError, TypeError, AttributeError) as error:
            _log.error("%s cannot be read: %s", self._path, error)
            return []

    def forget(self) -> None:
        """The journal has all of it."""
        try:
            self._path.unlink(missing_ok=True)
        except OSError as error:
            _log.error("%s: %s", self._path, error.strerror)
