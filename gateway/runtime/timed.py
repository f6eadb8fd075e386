"""A strategy with a stopwatch around it: the core reads no clock, so its shell times what it consults."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from time import perf_counter
from typing import Any

import msgspec

from gateway.core.core import AnyStrategy
from gateway.core.events import Event
from gateway.core.strategy import Action, Strategy, View
from gateway.runtime.guards import Consultation

_log = logging.getLogger(__name__)


class Timed(Strategy[Any, Any]):
    """Behaves as the strategy it wraps; `observe` gets the seconds of every consultation, `consultation` knows of it while it
    lasts, and the log where an error of it came from."""

    def __init__(self, name: str, strategy: AnyStrategy, observe: Callable[[float], None], consultation: Consultation) -> None:
        super().__init__(strategy.params)
        self.Params = type(strategy).Params  # type: ignore[misc]  # declared a class variable; here each instance wraps another class
        self.Memory = type(strategy).Memory  # type: ignore[misc]  # as above
        self._strategy = strategy
        self._observe = observe
        self._name = name
        self._consultation = consultation

    def on_event(self, event: Event, view: View, memory: Any) -> tuple[msgspec.Struct, Sequence[Action]]:
        self._consultation.begin(self._name)
        started = perf_counter()
        try:
            return self._strategy.on_event(event, view, memory)
        except (Exception, SystemExit):
            _log.warning("strategy %s raised an error", self._name, exc_info=True)
            raise
        finally:
            self._consultation.end()
            self._observe(perf_counter() - started)
