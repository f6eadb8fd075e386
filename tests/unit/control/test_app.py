"""The control API over a socket: strict bodies, the caller's name, and errors with their exit codes."""

from __future__ import annotations

import io
import json
import logging
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from gateway.control.app import LARGEST_BODY, application
from gateway.control.client import ControlClient
from gateway.control.server import PEER, ControlServer, Peer
from gateway.control.surface import Answer, KillAnswer, OrderAnswer
from gateway.errors import Denied, NotFound, PreconditionFailed, UnknownOutcome

ORDER = {"request_id": "r1", "venue": "SIM", "symbol": "USD/JPY", "side": "buy", "quantity": "1000.10", "price": "150.125"}
KILLED = KillAnswer(engaged={"all": "drill"}, cancelling=2, seq=5)


class Recorder:
    """Answers everything and keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[Any] = []
        self.failure: Exception | None = None

    def __getattr__(self, method: str) -> Any:
        def call(*arguments: Any) -> Any:
            self.asked.append((method, *arguments))
            if self.failure is not None:
                raise self.failure
            if "kill" in method:
                return KILLED
            if method.endswith("_order"):
                return OrderAnswer(order_id="7-1", stage="queued", seq=3)
            return {"status": {"name": "desk-1"}, "seq": 41}.get(method, Answer(seq=4))

        return call


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


class Api:
    """Calls the application as a server would."""

    def __init__(self, surface: Any) -> None:
        self._app = application(surface)

    def __call__(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode() if body is not None else b""
        seen: list[str] = []
        environ = {
            "REQUEST_METHOD": method,
            "PATH_INFO": path,
            "wsgi.input": io.BytesIO(raw),
            PEER: Peer(pid=1, uid=1000, gid=1000, user="alice"),
        }
        answer = b"".join(self._app(environ, lambda status, headers, _=None: seen.append(status)))  # type: ignore[arg-type, return-value, misc]
        return int(seen[0].split()[0]), json.loads(answer)


@pytest.fixture
def api(recorder: Recorder) -> Api:
    return Api(recorder)


def test_reads(api: Api) -> None:
    assert api("GET", "/status") == (200, {"name": "desk-1"})
    assert api("GET", "/seq") == (200, {"seq": 41})
    assert api("GET", "/kill")[1]["engaged"] == {"all": "drill"}


def test_an_order_is_decoded_exactly_and_carries_its_caller(api: Api, recorder: Recorder) -> None:
    status, answer = api("POST", "/orders", ORDER)
    assert (status, answer["order_id"], answer["stage"], answer["state"]) == (200, "7-1", "queued", None)
    _, request, actor = recorder.asked[-1]
    assert actor == "alice(1000)"
    assert (str(request.quantity), str(request.price)) == ("1000.10", "150.125")
    api("POST", "/orders", json.dumps(ORDER).replace('"1000.10"', "0.1234567890123456789").encode())
    assert recorder.asked[-1][1].quantity == Decimal("0.1234567890123456789")


@pytest.mark.parametrize(
    ("path", "fields", "seen"),
    [
        ("/orders/7-1/cancel", {"wait_seconds": 2}, {"order_id": "7-1", "wait_seconds": 2}),
        ("/cancel-all", {"scope": "venue:SIM"}, {"scope": "venue:SIM"}),
        ("/kill", {"scope": "strategy:maker"}, {"scope": "strategy:maker"}),
        ("/kill/release", {"reason": "over"}, {"scope": "all", "reason": "over"}),
        ("/trading", {"state": "reduced"}, {"scope": "all", "state": "reduced"}),
        ("/trading/roll-day", {"reason": "early"}, {"trading_date": None}),
        (
            "/positions/adjust",
            {"reason": "r", "strategy": "desk", "venue": "SIM", "symbol": "X", "quantity": "-1.50", "avg_px": "2"},
            {"account": "", "quantity": Decimal("-1.50"), "avg_px": Decimal(2)},
        ),
        ("/venues/SIM/open", {"reason": "phone"}, {"venue": "SIM", "reason": "phone"}),
        ("/sessions/SIM/test-request", {}, {"venue": "SIM", "action": "test-request"}),
        ("/stop", {"reason": "night", "cancel_open": True}, {"cancel_open": True}),
    ],
)
def test_every_change_reaches_the_surface(api: Api, recorder: Recorder, path: str, fields: Any, seen: Any) -> None:
    status, _ = api("POST", path, {"request_id": "r1"} | fields)
    assert status == 200
    _, request, actor = recorder.asked[-1]
    assert {name: getattr(request, name) for name in seen} == seen
    assert (request.request_id, actor) == ("r1", "alice(1000)")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"\xff",
        ORDER | {"actor": "root"},
        ORDER | {"quantity": "much"},
        ORDER | {"quantity": "NaN"},
        ORDER | {"quantity": "Infinity"},
        ORDER | {"side": "short"},
        ORDER | {"request_id": ""},
        ORDER | {"request_id": "r" * 101},
        ORDER | {"reason": "r" * 2001},
        ORDER | {"reason": "\udcff"},
        ORDER | {"wait_seconds": 301},
        ORDER | {"wait_seconds": -1},
        {name: value for name, value in ORDER.items() if name != "venue"},
    ],
)
def test_malformed_bodies_are_usage_errors(api: Api, recorder: Recorder, body: Any) -> None:
    status, answer = api("POST", "/orders", body)
    assert (status, answer["error"]["exit_code"], answer["error"]["code"]) == (400, 2, "usage_error")
    assert recorder.asked == []


@pytest.mark.parametrize("name", ["venue", "symbol", "account"])
@pytest.mark.parametrize("value", ["A\x01B", "A=B", "A\r\nB"])
def test_text_for_the_wire_is_denied(api: Api, recorder: Recorder, name: str, value: str) -> None:
    status, answer = api("POST", "/orders", ORDER | {name: value})
    assert (status, answer["error"]["exit_code"]) == (403, 4)
    assert recorder.asked == []


def test_names_in_the_path(api: Api, recorder: Recorder) -> None:
    assert api("POST", "/venues/A=B/open", {"request_id": "r1", "reason": "x"})[0] == 403
    assert api("POST", "/sessions/SIM/twist", {"request_id": "r1"})[1]["error"]["exit_code"] == 3
    assert api("POST", "/orders/7-1/cancel", {"request_id": "r1", "order_id": "7-2"})[1]["error"]["exit_code"] == 2
    assert recorder.asked == []


def test_sequence_numbers_are_numbers_and_only_where_they_belong(api: Api, recorder: Recorder) -> None:
    for action, numbers in [
        ("set-seq", {}),
        ("set-seq", {"next_sender": 0}),
        ("set-seq", {"next_target": 2**31}),
        ("set-seq", {"next_target": "5"}),
        ("reset", {"next_sender": 5}),
        ("logon", {"next_target": 5}),
    ]:
        assert api("POST", f"/sessions/SIM/{action}", {"request_id": "r1", "reason": "x", **numbers})[0] == 400, (
            action,
            numbers,
        )
    assert recorder.asked == []
    assert api("POST", "/sessions/SIM/set-seq", {"request_id": "r1", "reason": "x", "next_sender": 5})[0] == 200
    assert api("POST", "/sessions/SIM/reset", {"request_id": "r1", "reason": " "})[0] == 400, "no reason"


def test_scopes(api: Api) -> None:
    asked = {"request_id": "r1", "state": "disabled"}
    assert api("POST", "/trading", asked | {"scope": "desk:A"})[1]["error"]["exit_code"] == 2
    assert api("POST", "/trading", asked | {"scope": "account:A=B"})[1]["error"]["exit_code"] == 4
    assert api("POST", "/trading", asked | {"scope": "instrument:USD/JPY"})[0] == 200


def test_what_opens_a_door_needs_a_reason_and_closing_it_does_not(api: Api) -> None:
    for path in ("/kill/release", "/venues/SIM/open", "/stop"):
        assert api("POST", path, {"request_id": "r1", "reason": " "})[1]["error"]["exit_code"] == 2
    assert api("POST", "/kill", {"request_id": "r1"})[0] == 200


def test_unknown_paths_and_wrong_methods(api: Api) -> None:
    assert api("GET", "/nothing")[0] == 404
    assert api("GET", "/orders")[0] == 405
    assert api("DELETE", "/kill")[1]["error"]["message"] == "/kill takes GET or POST, not DELETE"
    assert api("POST", "/orders/a/b/cancel", {})[0] == 404


def test_a_body_has_its_limit(api: Api, recorder: Recorder) -> None:
    status, answer = api("POST", "/orders", b" " * (LARGEST_BODY + 1))
    assert (status, answer["error"]["code"]) == (413, "too_large")
    assert recorder.asked == []


@pytest.mark.parametrize(
    ("failure", "status", "exit_code", "code"),
    [
        (Denied("no"), 403, 4, "denied"),
        (NotFound("no"), 404, 3, "not_found"),
        (PreconditionFailed("no"), 409, 6, "precondition_failed"),
        (UnknownOutcome("no"), 504, 7, "unknown_outcome"),
    ],
)
def test_errors_keep_their_exit_code(
    api: Api, recorder: Recorder, failure: Exception, status: int, exit_code: int, code: str
) -> None:
    recorder.failure = failure
    found, answer = api("POST", "/orders", ORDER)
    assert (found, answer["error"]) == (status, {"code": code, "message": "no", "exit_code": exit_code})


@pytest.mark.parametrize(("method", "path", "exit_code"), [("GET", "/status", 1), ("POST", "/orders", 7)])
def test_a_defect_tells_nothing_and_is_logged(
    api: Api, recorder: Recorder, caplog: pytest.LogCaptureFixture, method: str, path: str, exit_code: int
) -> None:
    """A POST may have done its work before the defect: never reported as failed."""
    recorder.failure = RuntimeError("inner detail")
    with caplog.at_level(logging.ERROR):
        status, answer = api(method, path, ORDER)
    assert (status, answer["error"]["exit_code"]) == (500, exit_code)
    assert "inner detail" not in json.dumps(answer)
    assert "inner detail" in caplog.text


def test_over_a_socket(recorder: Recorder, tmp_path: Path) -> None:
    server = ControlServer(tmp_path / "c.sock", application(recorder))  # type: ignore[arg-type]
    server.start()
    try:
        client = ControlClient(tmp_path / "c.sock")
        assert client.get("/seq") == {"seq": 41}
        assert client.post("/orders", ORDER)["stage"] == "queued"
        with pytest.raises(NotFound):
            client.post("/nothing")
    finally:
        server.stop()
