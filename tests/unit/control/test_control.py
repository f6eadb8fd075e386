"""Server and client of the control API over a real Unix socket."""

from __future__ import annotations

import json
import os
import pwd
import socket
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from gateway.control.client import ERRORS, HTTP_STATUS, ControlClient
from gateway.control.server import PEER, ControlServer
from gateway.errors import (
    Denied,
    GatewayError,
    NotFound,
    NotReachable,
    PreconditionFailed,
    UnknownOutcome,
    UsageError,
)

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

Application = Callable[["WSGIEnvironment", "StartResponse"], Iterable[bytes]]
Serve = Callable[[Application], ControlClient]


def answer(start_response: StartResponse, status: int, document: Any) -> list[bytes]:
    body = json.dumps(document).encode()
    start_response(f"{status} -", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]


def echo(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    length = int(environ.get("CONTENT_LENGTH") or 0)
    peer = environ[PEER]
    seen = {
        "method": environ["REQUEST_METHOD"],
        "path": environ["PATH_INFO"],
        "query": environ["QUERY_STRING"],
        "body": json.loads(environ["wsgi.input"].read(length)) if length else None,
        "peer": [peer.pid, peer.uid, peer.gid, peer.user],
    }
    return answer(start_response, 200, seen)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run" / "control.sock"


@pytest.fixture
def serve(path: Path) -> Iterator[Serve]:
    running: list[ControlServer] = []

    def start(app: Application) -> ControlClient:
        server = ControlServer(path, app)
        server.start()
        running.append(server)
        return ControlClient(path, timeout=100)

    yield start
    for server in running:
        server.stop()


def test_a_request_arrives_with_its_caller(serve: Serve) -> None:
    client = serve(echo)
    user = pwd.getpwuid(os.getuid()).pw_name
    seen = client.get("/orders", venue="SIM", symbol="USD/JPY", open=True, limit=5, after=None)
    assert seen == {
        "method": "GET",
        "path": "/orders",
        "query": "venue=SIM&symbol=USD%2FJPY&open=true&limit=5",
        "body": None,
        "peer": [os.getpid(), os.getuid(), os.getgid(), user],
    }
    assert client.post("/kill", {"reason": "drill é"})["body"] == {"reason": "drill é"}


def test_the_socket_is_private(serve: Serve, path: Path) -> None:
    serve(echo)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_many_callers_are_served_at_once(serve: Serve) -> None:
    together = threading.Barrier(4, timeout=100)

    def app(_: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        together.wait()
        return answer(start_response, 200, "together")

    client = serve(app)
    answers: list[Any] = []
    threads = [threading.Thread(target=lambda: answers.append(client.get("/"))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == ["together"] * 4


STRANGER = """
import os, socket, sys
os.setgroups([])
os.setgid(65534)
os.setuid(65534)
caller = socket.socket(socket.AF_UNIX)
caller.connect(sys.argv[1])
caller.sendall(b"GET / HTTP/1.1\\r\\nHost: x\\r\\nX-Remote-Uid: 0\\r\\nConnection: close\\r\\n\\r\\n")
while block := caller.recv(4096):
    os.write(1, block)
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_another_user_is_refused_even_when_the_socket_is_open(serve: Serve, path: Path) -> None:
    serve(echo)
    path.chmod(0o666)
    for folder in path.parents:
        if folder.stat().st_uid == os.geteuid() and folder != Path("/"):
            folder.chmod(folder.stat().st_mode | 0o011)
    command = [sys.executable, "-I", "-c", STRANGER, str(path)]
    result = subprocess.run(command, check=True, capture_output=True, timeout=100)
    assert result.stdout.startswith(b"HTTP/1.1 403 Forbidden")
    assert b"may not control this gateway" in result.stdout


def test_a_socket_left_by_a_dead_gateway_is_replaced(serve: Serve, path: Path) -> None:
    path.parent.mkdir(mode=0o700)
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    assert serve(echo).get("/")["path"] == "/"


def test_the_socket_of_a_live_gateway_is_not_taken(serve: Serve, path: Path) -> None:
    client = serve(echo)
    with pytest.raises(PreconditionFailed, match="another gateway answers on"):
        ControlServer(path, echo).start()
    assert client.get("/")["path"] == "/"


def test_a_file_that_is_not_a_socket_is_left_alone(path: Path) -> None:
    path.parent.mkdir(mode=0o700)
    path.write_text("precious")
    with pytest.raises(PreconditionFailed, match="is not a socket"):
        ControlServer(path, echo).start()
    assert path.read_text() == "precious"


def test_a_directory_others_can_write_to_is_refused(path: Path) -> None:
    path.parent.mkdir()
    path.parent.chmod(0o777)
    with pytest.raises(PreconditionFailed, match="chmod 700"):
        ControlServer(path, echo).start()


def test_a_path_too_long_for_a_socket_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PreconditionFailed, match=r"control\.socket"):
        ControlServer(tmp_path / ("x" * 120), echo).start()


def test_stopping_removes_the_socket_and_can_be_repeated(path: Path) -> None:
    server = ControlServer(path, echo)
    server.start()
    server.stop()
    server.stop()
    assert not path.exists()


def test_stopping_leaves_the_socket_of_a_successor(path: Path) -> None:
    server = ControlServer(path, echo)
    server.start()
    path.unlink()
    with socket.socket(socket.AF_UNIX) as successor:
        successor.bind(str(path))
        server.stop()
        assert path.exists()


def test_stopping_does_not_wait_for_a_request_that_hangs(path: Path) -> None:
    entered, release = threading.Event(), threading.Event()

    def hang(_: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        entered.set()
        release.wait(100)
        return answer(start_response, 200, None)

    server = ControlServer(path, hang)
    server.start()
    caller = threading.Thread(target=lambda: ControlClient(path, timeout=100).post("/order"))
    caller.start()
    assert entered.wait(100)
    server.stop(timeout=0.1)
    assert caller.is_alive()
    assert not path.exists()
    release.set()
    caller.join(100)
    assert not caller.is_alive()


def test_no_socket_and_no_listener_are_not_reachable(path: Path) -> None:
    client = ControlClient(path, timeout=1)
    with pytest.raises(NotReachable, match=r"control\.sock.*is `gateway run` up\?"):
        client.get("/status")
    path.parent.mkdir()
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    with pytest.raises(NotReachable, match="Connection refused"):
        client.post("/kill")


@pytest.fixture
def mute(path: Path) -> Iterator[socket.socket]:
    """Accepts connections and never answers."""
    path.parent.mkdir()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        yield listener


@pytest.mark.usefixtures("mute")
def test_silence_after_a_post_is_an_unknown_outcome_and_after_a_get_is_not(path: Path) -> None:
    client = ControlClient(path, timeout=0.05)
    with pytest.raises(UnknownOutcome, match="may have been carried out"):
        client.post("/order")
    with pytest.raises(NotReachable, match="no answer in time"):
        client.get("/status")


@pytest.mark.parametrize("reply", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{", b"nonsense\r\n"])
def test_a_connection_cut_after_a_post_is_an_unknown_outcome(mute: socket.socket, path: Path, reply: bytes) -> None:
    def cut() -> None:
        connection, _ = mute.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(reply)

    thread = threading.Thread(target=cut)
    thread.start()
    with pytest.raises(UnknownOutcome):
        ControlClient(path, timeout=100).post("/order", {"symbol": "USD/JPY"})
    thread.join()


@pytest.mark.parametrize("kind", [GatewayError, UsageError, NotFound, Denied, NotReachable, PreconditionFailed, UnknownOutcome])
def test_an_error_arrives_as_what_it_was(serve: Serve, kind: type[GatewayError]) -> None:
    def app(_: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        error = {"code": "x", "message": "order Z is unknown", "exit_code": kind.exit_code}
        return answer(start_response, HTTP_STATUS[kind.exit_code], {"error": error})

    client = serve(app)
    for call in (client.get, client.post):
        with pytest.raises(kind, match="order Z is unknown") as caught:
            call("/orders/Z")
        assert type(caught.value) is kind


def test_an_application_that_breaks_leaves_a_post_unknown(serve: Serve) -> None:
    def app(_: WSGIEnvironment, __: StartResponse) -> Iterable[bytes]:
        raise RuntimeError("defect")

    client = serve(app)
    with pytest.raises(UnknownOutcome):
        client.post("/order")
    with pytest.raises(GatewayError, match="HTTP status 500"):
        client.get("/status")


def test_a_body_beyond_the_limit_is_refused_before_the_application_sees_it(serve: Serve) -> None:
    client = serve(echo)
    with pytest.raises(GatewayError):
        client.post("/order", {"text": "x" * (2 << 20)})


def test_each_exit_code_has_one_error_and_one_status() -> None:
    assert set(ERRORS) == set(HTTP_STATUS) == set(range(1, 8))
    assert len(set(HTTP_STATUS.values())) == 7
