"""The control API as a WSGI application: a table of routes over a `Surface`, and the one edge where its errors become answers.

It decodes, asks, encodes, and decides nothing about trading. Who asks comes from the socket's peer credentials, never from the
request. The body of an answer is JSON; an error is `{"error": {"code", "message", "exit_code"}}`.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import msgspec

from gateway.control.client import HTTP_STATUS
from gateway.control.requests import check_numbers, decode, require_reason
from gateway.control.server import PEER
from gateway.control.surface import (
    AdjustPosition,
    ApplyConfiguration,
    CancelAll,
    CancelOrder,
    CloseVenue,
    Kill,
    NewOrder,
    OpenVenue,
    ReplaceOrder,
    Request,
    ResolveOrder,
    RollDay,
    SessionRequest,
    Stop,
    Surface,
    SwitchTrading,
)
from gateway.errors import GatewayError, NotFound, UnknownOutcome, UsageError

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

RENUMBERING = ("reset", "set-seq")
LARGEST_BODY = 64 * 1024
SESSION_ACTIONS = ("logon", "logout", "test-request", "reset", "set-seq")

_log = logging.getLogger(__name__)


class _Asked(NamedTuple):
    """A request: what it wants changed, who asks, and the names in its path."""

    body: bytes
    actor: str
    names: dict[str, str]


class _TooLarge(UsageError):
    """A body beyond the limit."""


class _WrongMethod(UsageError):
    """A path that exists, asked in a way that does not."""


Asking = TypeVar("Asking", bound=Request)
Handler = Callable[[Surface, _Asked], object]
_STATUS: dict[type[GatewayError], HTTPStatus] = {
    _TooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    _WrongMethod: HTTPStatus.METHOD_NOT_ALLOWED,
}


def application(surface: Surface) -> WSGIApplication:
    """The control API of `surface`."""

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        try:
            status, answer = HTTPStatus.OK, _answer(surface, environ)
        except GatewayError as error:
            status = _STATUS.get(type(error)) or HTTPStatus(HTTP_STATUS[error.exit_code])
            answer = _error(_code(error), str(error), error.exit_code)
        except Exception:  # noqa: BLE001 - a defect behind one request must not end the thread that serves others
            status, answer = HTTPStatus.INTERNAL_SERVER_ERROR, _defect(environ)
        headers = [("Content-Type", "application/json"), ("Content-Length", str(len(answer))), ("Cache-Control", "no-store")]
        start_response(f"{status.value} {status.phrase}", headers)
        return [answer]

    return app


def _answer(surface: Surface, environ: WSGIEnvironment) -> bytes:
    handler, names = _route(environ["REQUEST_METHOD"], environ["PATH_INFO"])
    peer = environ[PEER]
    asked = _Asked(body=_body(environ), actor=f"{peer.user}({peer.uid})", names=names)
    return msgspec.json.encode(handler(surface, asked))


def _body(environ: WSGIEnvironment) -> bytes:
    if environ["REQUEST_METHOD"] == "GET":
        return b""
    body: bytes = environ["wsgi.input"].read(LARGEST_BODY + 1)
    if len(body) > LARGEST_BODY:
        raise _TooLarge(f"the request body is larger than {LARGEST_BODY} bytes")
    return body


def _change(kind: type[Asking], act: Callable[[Surface, Asking, str], object], *, says_why: bool = False) -> Handler:
    """Decode a request of a kind and act on it; `says_why`: it is refused without a reason."""

    def handle(surface: Surface, asked: _Asked) -> object:
        request = decode(asked.body, kind, asked.names)
        if says_why:
            require_reason(request)
        return act(surface, request, asked.actor)

    return handle


def _session(surface: Surface, asked: _Asked) -> object:
    action = asked.names["action"]
    if action not in SESSION_ACTIONS:
        raise NotFound(f"a session has no action {action!r}: use one of {', '.join(SESSION_ACTIONS)}")
    request = decode(asked.body, SessionRequest, asked.names)
    check_numbers(request)
    if action in RENUMBERING:
        require_reason(request)
    return surface.session(request, asked.actor)


ROUTES: dict[tuple[str, str], Handler] = {
    ("GET", "/status"): lambda surface, _: surface.status(),
    ("GET", "/seq"): lambda surface, _: {"seq": surface.seq()},
    ("GET", "/kill"): lambda surface, _: surface.kill_status(),
    ("POST", "/orders"): _change(NewOrder, lambda on, it, who: on.new_order(it, who)),
    ("POST", "/orders/{order_id}/replace"): _change(ReplaceOrder, lambda on, it, who: on.replace_order(it, who)),
    ("POST", "/orders/{order_id}/cancel"): _change(CancelOrder, lambda on, it, who: on.cancel_order(it, who)),
    ("POST", "/orders/{order_id}/resolve"): _change(ResolveOrder, lambda on, it, who: on.resolve_order(it, who), says_why=True),
    ("POST", "/cancel-all"): _change(CancelAll, lambda on, it, who: on.cancel_all(it, who)),
    ("POST", "/kill"): _change(Kill, lambda on, it, who: on.engage_kill(it, who)),
    ("POST", "/kill/release"): _change(Kill, lambda on, it, who: on.release_kill(it, who), says_why=True),
    ("POST", "/trading"): _change(SwitchTrading, lambda on, it, who: on.switch_trading(it, who)),
    ("POST", "/trading/roll-day"): _change(RollDay, lambda on, it, who: on.roll_day(it, who), says_why=True),
    ("POST", "/positions/adjust"): _change(AdjustPosition, lambda on, it, who: on.adjust_position(it, who), says_why=True),
    ("POST", "/venues/{venue}/open"): _change(OpenVenue, lambda on, it, who: on.open_venue(it, who), says_why=True),
    ("POST", "/venues/{venue}/close"): _change(CloseVenue, lambda on, it, who: on.close_venue(it, who), says_why=True),
    ("POST", "/sessions/{venue}/{action}"): _session,
    ("POST", "/configuration"): _change(ApplyConfiguration, lambda on, it, who: on.apply_configuration(it, who)),
    ("POST", "/stop"): _change(Stop, lambda on, it, who: on.stop(it, who), says_why=True),
}
"""(method, path) -> handler. A name in braces is a field of the request."""

_PATTERNS = [
    (method, re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", path)), handler) for (method, path), handler in ROUTES.items()
]


def _route(method: str, path: str) -> tuple[Handler, dict[str, str]]:
    # WSGI hands the decoded bytes of the path over as Latin-1 (PEP 3333).
    path = path.encode("latin-1", "replace").decode("utf-8", "replace")
    matches = [(m, match, handler) for m, pattern, handler in _PATTERNS if (match := pattern.fullmatch(path))]
    for allowed, match, handler in matches:
        if allowed == method:
            return handler, match.groupdict()
    if matches:
        raise _WrongMethod(f"{path} takes {' or '.join(sorted({allowed for allowed, _, _ in matches}))}, not {method}")
    raise NotFound(f"there is nothing at {path}; is the command line of another version than the gateway?")


def _defect(environ: WSGIEnvironment) -> bytes:
    """What went wrong inside goes to the log. A change may have been made before it did: its outcome is unknown."""
    method = environ["REQUEST_METHOD"]
    _log.exception("control request failed: %s %s", method, environ["PATH_INFO"])
    if method == "GET":
        return _error("internal_error", "a defect in the gateway; its log has the details", GatewayError.exit_code)
    message = "a defect in the gateway while it worked on the request, which may have been carried out; its log has the details"
    return _error("unknown_outcome", message, UnknownOutcome.exit_code)


def _error(code: str, message: str, exit_code: int) -> bytes:
    return msgspec.json.encode({"error": {"code": code, "message": message, "exit_code": exit_code}})


def _code(error: GatewayError) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", type(error).__name__.lstrip("_")).lower()
