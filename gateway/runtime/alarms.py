"""Looking at the status also when nobody asks: since when things are as they are is then known, and alarms are in the log."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from time import monotonic
from typing import Any

LOOK_SECONDS = 1.0

_log = logging.getLogger(__name__)


class AlarmLog:
    """Takes the status document once in `LOOK_SECONDS` and says which alarms came and went. For one thread."""

    def __init__(self, document: Callable[[], Mapping[str, Any]]) -> None:
        self._document = document
        self._known: dict[str, str] = {}
        self._next = 0.0

    def look(self) -> None:
        """Look when it is time to."""
        if monotonic() < self._next:
            return
        self._next = monotonic() + LOOK_SECONDS
        try:
            self.tell(self._document()["alarms"])
        except Exception:  # noqa: BLE001 - what is only looked at must not end the gateway
            _log.exception("the status could not be looked at")

    def tell(self, alarms: list[dict[str, Any]]) -> None:
        """Compare with the alarms of the last look."""
        now = {alarm["name"]: alarm for alarm in alarms}
        for name, alarm in now.items():
            if self._known.get(name) != alarm["severity"]:
                level = logging.CRITICAL if alarm["severity"] == "critical" else logging.WARNING
                _log.log(level, "alarm: %s", alarm["what"])
        for name in self._known.keys() - now.keys():
            _log.info("alarm over: %s", name)
        self._known = {name: alarm["severity"] for name, alarm in now.items()}
