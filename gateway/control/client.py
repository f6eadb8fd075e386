"""Asks the live gateway over its Unix socket, and never calls unknown what is known, or failed what is unknown.

The command line is built on this. Once a POST has left, only an answer tells what became of it; without one the
outcome is unknown, and the caller may repeat the request with the same request id. Nothing here retries by itself.
"""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from gateway.errors import (
    Denied,
    GatewayError,
    NotFound,
    NotReachable,
    OperatorError,
    PreconditionFailed,
    UnknownOutcome,
    UsageError,
)

ERRORS: Mapping[int, type[GatewayError]] = {
    kind.exit_code: kind
    for kind in (GatewayError, UsageError, NotFound, Denied, NotReachable, PreconditionFailed, UnknownOutcome)
}
"""Exit code -> the error a client raises for it."""

HTTP_STATUS: Mapping[int, int] = {
    GatewayError.exit_code: 500,
    UsageError.exit_code: 400,
    NotFound.exit_code: 404,
    Denied.exit_code: 403,
    NotReachable.exit_code: 503,
    PreconditionFailed.exit_code: 409,
    UnknownOutcome.exit_code: 504,
}
"""Exit code -> the HTTP status the server answers with. The exit code in the body decides; the status is for curl."""

_EXIT_CODES = {status: code for code, status in HTTP_STATUS.items()}


class ControlClient:
    """One gateway's control API. Each request has its own connection, so one client may serve many threads."""

    def __init__(self, socket_path: Path, timeout: float = 10.0) -> None:
        self._path = socket_path
        self._timeout = timeout

    def get(self, path: str, **params: Any) -> Any:
        """The decoded answer. Parameters that are None are left out; booleans become true and false.

        Raises NotReachable, or the error the gateway reports.
        """
        query = urlencode({name: _parameter(value) for name, value in params.items() if value is not None}, doseq=True)
        return self._request("GET", f"{path}?{query}" if query else path, None)

    def post(self, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """The decoded answer.

        Raises NotReachable when nothing was sent, UnknownOutcome when no answer followed what was sent, or the error
        the gateway reports.
        """
        return self._request("POST", path, json.dumps(body or {}).encode())

    def _request(self, method: str, target: str, body: bytes | None) -> Any:
        connection = _UnixConnection(self._path, self._timeout)
        try:
            self._connect(connection)
            try:
                headers = {"Connection": "close"} | ({"Content-Type": "application/json"} if body is not None else {})
                with suppress(BrokenPipeError):  # a server that has its answer early need not read the rest of the request
                    connection.request(method, target, body, headers)
                response = connection.getresponse()
                content = response.read()
            except (OSError, http.client.HTTPException) as error:
                raise self._unanswered(method, error) from error
            except KeyboardInterrupt as error:
                if method == "GET":
                    raise
                raise self._unanswered(method, InterruptedError("interrupted")) from error
        finally:
            connection.close()
        return self._decode(method, response.status, content)

    def _connect(self, connection: _UnixConnection) -> None:
        try:
            connection.connect()
        except PermissionError as error:
            raise Denied(f"no permission to open {self._path}; run the command as the gateway's user") from error
        except OSError as error:
            reason = error.strerror or str(error)
            raise NotReachable(f"no gateway answers on {self._path} ({reason}); is `gateway run` up?") from error

    def _unanswered(self, method: str, error: Exception) -> OperatorError:
        why = "no answer in time" if isinstance(error, TimeoutError) else f"no answer ({error or type(error).__name__})"
        if method == "GET":
            return NotReachable(f"{why} from the gateway on {self._path}; is `gateway run` up?")
        return UnknownOutcome(
            f"{why} from the gateway on {self._path}: the request was sent and may have been carried out; "
            "look at `gateway status` and `gateway audit list`, or repeat it with the same request id"
        )

    def _decode(self, method: str, status: int, content: bytes) -> Any:
        try:
            answer = json.loads(content) if content else None
        except ValueError as error:
            if status < 400:
                raise self._unanswered(method, error) from error
            answer = None
        if status < 400:
            return answer
        report = answer.get("error") if isinstance(answer, dict) else None
        if isinstance(report, dict):
            raise _reported(status, report)
        if method != "GET" and status >= 500:  # the server broke while it worked on the request
            raise self._unanswered(method, GatewayError(f"HTTP status {status}"))
        raise _reported(status, {})


class _UnixConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket; the host name is only what the Host header says."""

    def __init__(self, path: Path, timeout: float) -> None:
        super().__init__("gateway", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


def _parameter(value: Any) -> Any:
    return ("false", "true")[value] if isinstance(value, bool) else value


def _reported(status: int, report: Mapping[str, Any]) -> GatewayError:
    """The error of `{"error": {"code", "message", "exit_code"}}`; what it leaves out follows from the status."""
    exit_code = report.get("exit_code", _EXIT_CODES.get(status))
    kind = ERRORS.get(exit_code, GatewayError) if isinstance(exit_code, int) else GatewayError
    return kind(str(report.get("message") or f"the gateway answered with HTTP status {status}"))
