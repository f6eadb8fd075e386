"""Serves the control API on a Unix socket, to the user who runs the gateway and to root.

The kernel says who calls (SO_PEERCRED), so there are no passwords and no tokens to lose. The server knows nothing of
what it serves: it takes a WSGI application and adds `environ["gateway.peer"]`. It must never take over the socket of
a gateway that is alive, and stopping must end in bounded time even when a request hangs.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import pwd
import socket
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gateway.control.client import HTTP_STATUS
from gateway.errors import Denied, PreconditionFailed
from gateway.serving import SHUTDOWN_SECONDS, Server, ServerThread

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

PEER = "gateway.peer"
"""The WSGI environ key that holds the `Peer`."""

_THREADS = 24
_LARGEST_BODY = 1 << 20
_LARGEST_HEADER = 1 << 16
_PROBE_SECONDS = 2.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Peer:
    """The process at the other end of the socket, as the kernel knows it."""

    pid: int
    uid: int
    gid: int
    user: str


class ControlServer:
    """A WSGI application on a Unix socket, from `start()` to `stop()`."""

    def __init__(self, path: Path, app: WSGIApplication) -> None:
        self._path = path
        self._server = _Server(str(path), _only_ours(app))
        self._thread = ServerThread(self._server, "control")
        self._bound: os.stat_result | None = None

    def start(self) -> None:
        """Listen and serve. Raises PreconditionFailed when the socket is in use or cannot be made private."""
        _make_private_directory(self._path.parent)
        _remove_stale(self._path)
        try:
            self._thread.start()
        except OSError as failure:
            raise PreconditionFailed(
                f"cannot listen on {self._path} ({failure.strerror or failure}); check control.socket"
            ) from failure
        self._bound = os.stat(self._path)

    def stop(self, timeout: float = 4.0) -> None:
        """Stop serving and remove the socket file; a request still running after `timeout` seconds is abandoned."""
        if self._bound is None:
            return
        # Removed first, so that no caller finds a socket that is about to stop answering.
        self._remove_own_socket(self._bound)
        self._bound = None
        if not self._thread.stop(timeout):
            _log.warning("a control request did not end in time and was abandoned")

    def _remove_own_socket(self, bound: os.stat_result) -> None:
        """Remove the file unless another gateway has put its own there since."""
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.lstat(self._path), bound):
                self._path.unlink()


class _Server(Server):
    """On a Unix socket that only its owner can open."""

    max_request_body_size = _LARGEST_BODY
    max_request_header_size = _LARGEST_HEADER

    def __init__(self, path: str, app: WSGIApplication) -> None:
        super().__init__(path, app, numthreads=_THREADS, peercreds_enabled=True, shutdown_timeout=SHUTDOWN_SECONDS, timeout=10)

    def bind_unix_socket(self, bind_addr: str) -> socket.socket:
        """In place of cheroot's own, which removes any file of that name and lets everybody connect."""
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            os.fchmod(listener.fileno(), 0o600)
            listener.bind(bind_addr)
            os.chmod(bind_addr, 0o600)
        except OSError:
            listener.close()
            raise
        self.socket = listener
        return listener


def _only_ours(app: WSGIApplication) -> WSGIApplication:
    """Refuse everybody but the gateway's own user and root, and tell the application who calls."""
    allowed = {0, os.geteuid()}

    def guarded(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        peer = _peer(environ)
        if peer is None or peer.uid not in allowed:
            who = "a caller without credentials" if peer is None else f"user {peer.user!r}"
            return _forbidden(f"{who} may not control this gateway; run the command as its user", start_response)
        environ[PEER] = peer
        return app(environ, start_response)

    return guarded


def _peer(environ: WSGIEnvironment) -> Peer | None:
    # Header fields arrive as HTTP_..., so a client cannot set these.
    try:
        pid, uid, gid = (int(environ[f"X_REMOTE_{name}"]) for name in ("PID", "UID", "GID"))
    except KeyError:
        return None
    try:
        user = pwd.getpwuid(uid).pw_name
    except KeyError:  # containers run under users that no passwd file names
        user = str(uid)
    return Peer(pid=pid, uid=uid, gid=gid, user=user)


def _forbidden(message: str, start_response: StartResponse) -> list[bytes]:
    error: dict[str, Any] = {"code": "forbidden", "message": message, "exit_code": Denied.exit_code}
    body = json.dumps({"error": error}).encode()
    status = f"{HTTP_STATUS[Denied.exit_code]} Forbidden"
    start_response(status, [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]


def _make_private_directory(directory: Path) -> None:
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        mode = directory.stat().st_mode
    except OSError as error:
        raise PreconditionFailed(
            f"cannot create {directory} for the control socket ({error.strerror}); check control.socket"
        ) from error
    if stat.S_IMODE(mode) & 0o022:
        raise PreconditionFailed(
            f"other users can write to {directory} and could put a socket of theirs there; "
            f"run: chmod 700 {directory}, or change control.socket"
        )


def _remove_stale(path: Path) -> None:
    """Remove what a dead gateway left behind; only a refused connection proves that it is dead."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(_PROBE_SECONDS)
        try:
            probe.connect(str(path))
        except FileNotFoundError:
            return
        except ConnectionRefusedError:
            if not stat.S_ISSOCK(path.lstat().st_mode):
                raise PreconditionFailed(f"{path} exists and is not a socket; move it or change control.socket") from None
            path.unlink(missing_ok=True)
        except TimeoutError:  # a backlog that is full belongs to somebody alive
            raise PreconditionFailed(_in_use(path)) from None
        except OSError as error:
            raise PreconditionFailed(f"cannot use {path} ({error.strerror or error}); check control.socket") from error
        else:
            raise PreconditionFailed(_in_use(path))


def _in_use(path: Path) -> str:
    return f"another gateway answers on {path}; stop it first (`gateway stop`), or change control.socket"
