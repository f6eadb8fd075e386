"""Serves /metrics, /healthz and /readyz on the loopback interface, for the monitoring platform.

Read-only: nothing that is asked here changes anything, and nothing here may be needed for trading. It listens on
127.0.0.1 alone, because none of the answers is protected; exporting them further is the platform's business.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from prometheus_client import CONTENT_TYPE_LATEST

from gateway.errors import PreconditionFailed
from gateway.serving import SHUTDOWN_SECONDS, Server, ServerThread
from gateway.telemetry.metrics import Metrics

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

HOST = "127.0.0.1"

_THREADS = 2

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
        self._thread = ServerThread(self._server, "metrics")

    @property
    def port(self) -> int:
        """The port in use, which differs from the one asked for when that was 0."""
        return int(self._server.bind_addr[1])

    def start(self) -> None:
        """Listen and serve. Raises PreconditionFailed when the port is taken."""
        try:
            self._thread.start()
        except OSError as failure:
            raise PreconditionFailed(
                f"cannot listen on {HOST}:{self._wanted} for metrics, another process probably does; "
                "change telemetry.metrics_port (0 takes any free port)"
            ) from failure

    def stop(self, timeout: float = 4.0) -> None:
        """Stop serving; a scrape still running after `timeout` seconds is abandoned."""
        self._thread.stop(timeout)

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


class _Server(Server):
    """On the loopback interface, with a socket that does not leak when the port is taken."""

    max_request_body_size = 1 << 16
    max_request_header_size = 1 << 16

    def __init__(self, port: int, app: Callable[[WSGIEnvironment, StartResponse], Iterable[bytes]]) -> None:
        super().__init__((HOST, port), app, numthreads=_THREADS, shutdown_timeout=SHUTDOWN_SECONDS, timeout=10)

    @staticmethod
    def bind_socket(socket_: socket.socket, bind_addr: tuple[str, int]) -> socket.socket:
        try:
            socket_.bind(bind_addr)
        except OSError:
            socket_.close()
            raise
        return socket_
