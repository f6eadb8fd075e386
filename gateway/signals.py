"""Signals, acted on by a thread of their own.

A handler runs in the middle of whatever the main thread does, also where that holds a lock. One that sets the `Event` the main
thread waits for can find it on its way into or out of `wait`, and waits for a lock that is never let go: from then on nobody
can end the process. So a handler only hands its signal over; `SimpleQueue.put` is made for that.
"""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Callable
from queue import SimpleQueue

_log = logging.getLogger(__name__)
Act = Callable[[signal.Signals], None]


class SignalThread:
    """For the main thread, which alone may install handlers, and must wait with a limit: handlers run there, and one that is
    due at the moment a wait begins runs when it ends."""

    def __init__(self) -> None:
        self._acts: dict[int, Act] = {}
        self._heard: SimpleQueue[int] = SimpleQueue()
        threading.Thread(target=self._run, name="signals", daemon=True).start()

    def on(self, number: signal.Signals, act: Act) -> None:
        """From here on `act` follows each signal of this number, one after the other."""
        self._acts[number] = act
        signal.signal(number, lambda received, _frame: self._heard.put(received))

    def _run(self) -> None:
        while True:
            number = self._heard.get()
            try:
                self._acts[number](signal.Signals(number))
            except Exception:  # noqa: BLE001 - the next signal is acted on all the same
                _log.exception("signal %d", number)
