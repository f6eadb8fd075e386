"""A cheroot server on threads of its own: it listens before `start` returns, and stops in bounded time.

What it serves, and to whom, is its users' business: the control socket and the monitoring port.
"""

from __future__ import annotations

import logging
import sys
import threading

from cheroot import wsgi

SHUTDOWN_SECONDS = 2

_log = logging.getLogger(__name__)


class Server(wsgi.Server):
    """cheroot, with errors that go to the log."""

    expiration_interval = 0.1  # also how long its loop takes to notice a stop

    def error_log(self, msg: str = "", level: int = logging.INFO, traceback: bool = False) -> None:
        _log.log(level, "%s", msg, exc_info=traceback and sys.exc_info()[0] is not None)


class ServerThread:
    """Runs one server; `name` is that of its threads."""

    def __init__(self, server: Server, name: str) -> None:
        self._server = server
        self._name = name
        self._failure: OSError | None = None

    def start(self) -> None:
        """Listen and serve. Raises OSError when it cannot listen."""
        listening = threading.Event()
        thread = threading.Thread(target=self._run, args=(listening,), name=self._name, daemon=True)
        thread.start()
        listening.wait()
        if self._failure is not None:
            thread.join()
            raise self._failure

    def stop(self, timeout: float) -> bool:
        """False when a request still runs after `timeout` seconds: it is abandoned."""
        closing = threading.Thread(target=self._server.stop, name=f"{self._name}-stop", daemon=True)
        closing.start()
        closing.join(timeout)
        return not closing.is_alive()

    def _run(self, listening: threading.Event) -> None:
        # Threads inherit being daemons: prepared on this one, no worker of the pool can hold up the end of the process.
        try:
            self._server.prepare()
        except OSError as failure:
            self._failure = failure
            return
        finally:
            listening.set()
        self._server.serve()
