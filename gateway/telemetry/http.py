"""Serves /metrics, /healthz and /readyz on the loopback interface, for the monitoring platform.

Read-only: nothing that is asked here changes anything, and nothing here may be needed for trading. It listens on
127.0.0.1 alone, because none of the answers is protected; exporting them further is the platform's business.
"""

from __future__ import annotations

import json
import logging
import socket
import sys
import threading
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from cheroot import wsgi
from prometheus_client import CONTENT_TYPE_LATEST

from gateway.errors import PreconditionFailed
from gateway.telemetry.metrics import Metrics

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

HOST = "127.0.0.1"

_THREADS = 2
_SHUTDOWN_SECONDS = 2

_log = logging.getLogger(__name__)

_Answer = tuple[str, str, bytes]


class MetricsServer:
    """The monitoring endpoints, from `start()` to `stop()`.

    `not_ready` gives the reasons why the gateway is not ready to trade; none means ready. It is called on the server's
    threads.
    """

    def __init__(self, metrics: Metrics, not_ready: Callable[[], Sequence[str]], port: int) -> None:
        self._metrics = metrics
        self._not_ready = not_ready
        self._wanted = port
        self._server = _Server(port, self._app)
        self._thread: threading.Thread | None = None

    @property
    def port(self) -> int:
        """The port in use, which differs from the one asked for when that was 0."""
        return int(self._server.bind_addr[1])

    def start(self) -> None:
        """Listen and serve. Raises PreconditionFailed when the port is taken."""
        failures: list[OSError] = []
        listening = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(listening, failures), name="metrics", daemon=True)
        self._thread.start()
        listening.wait()
        if failures:
            self._thread.join()
            raise PreconditionFailed(
                f"cannot listen on {HOST}:{self._wanted} for metrics, another process probably does; "
                "change telemetry.metrics_port (0 takes any free port)"
            ) from failures[0]

    def stop(self, timeout: float = 4.0) -> None:
        """Stop serving; a scrape still running after `timeout` seconds is abandoned."""
        closing = threading.Thread(target=self._server.stop, name="metrics-stop", daemon=True)
        closing.start()
        closing.join(timeout)

    def _run(self, listening: threading.Event, failures: list[OSError]) -> None:
        # Threads inherit being daemons: prepared on this one, no worker of the pool can hold up the end of the process.
        try:
            self._server.prepare()
        except OSError as failure:
            failures.append(failure)
            return
        finally:
            listening.set()
        self._server.serve()

    def _app(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        method = environ["REQUEST_METHOD"]
        status, content_type, body = self._answer(method, environ["PATH_INFO"])
        headers = [("Content-Type", content_type), ("Content-Length", str(len(body))), ("Cache-Control", "no-store")]
        if status.startswith("405"):
            headers.append(("Allow", "GET, HEAD"))
        start_response(status, headers)
        return [] if method == "HEAD" else [body]

    def _answer(self, method: str, path: str) -> _Answer:
        if method not in ("GET", "HEAD"):
            return "405 Method Not Allowed", "text/plain", b"only GET and HEAD\n"
        if path == "/metrics":
            return "200 OK", CONTENT_TYPE_LATEST, self._metrics.exposition()
        if path == "/healthz":
            return "200 OK", "text/plain", b"alive\n"
        if path == "/readyz":
            return self._readiness()
        return "404 Not Found", "text/plain", b"try /metrics, /healthz or /readyz\n"

    def _readiness(self) -> _Answer:
        reasons = list(self._not_ready())
        body = json.dumps({"ready": not reasons, "reasons": reasons}).encode()
        return ("503 Service Unavailable" if reasons else "200 OK"), "application/json", body


class _Server(wsgi.Server):
    """cheroot, with errors that go to the log and a socket that does not leak when the port is taken."""

    max_request_body_size = 1 << 16
    max_request_header_size = 1 << 16
    expiration_interval = 0.1  # also how long its loop takes to notice a stop

    def __init__(self, port: int, app: Callable[[WSGIEnvironment, StartResponse], Iterable[bytes]]) -> None:
        super().__init__((HOST, port), app, numthreads=_THREADS, shutdown_timeout=_SHUTDOWN_SECONDS, timeout=10)

    @staticmethod
    def bind_socket(socket_: socket.socket, bind_addr: tuple[str, int]) -> socket.socket:
        try:
            socket_.bind(bind_addr)
        except OSError:
            socket_.close()
            raise
        return socket_

    def error_log(self, msg: str = "", level: int = logging.INFO, traceback: bool = False) -> None:
        _log.log(level, "%s", msg, exc_info=traceback and sys.exc_info()[0] is not None)
