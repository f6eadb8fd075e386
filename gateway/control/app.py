"""The control API as a WSGI application: a table of routes over a `Surface`, and the one edge where its errors become answers.

It decodes, asks, encodes, and decides nothing about trading. Who asks comes from the socket's peer credentials, never from the
request. The body of an answer is JSON; an error is `{"error": {"code", "message", "exit_code"}}`.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import TYPE_CHECKING, NamedTuple

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


def _new_order(surface: Surface, asked: _Asked) -> object:
    return surface.new_order(decode(asked.body, NewOrder, asked.names), asked.actor)


def _replace_order(surface: Surface, asked: _Asked) -> object:
    return surface.replace_order(decode(asked.body, ReplaceOrder, asked.names), asked.actor)


def _cancel_order(surface: Surface, asked: _Asked) -> object:
    return surface.cancel_order(decode(asked.body, CancelOrder, asked.names), asked.actor)


def _cancel_all(surface: Surface, asked: _Asked) -> object:
    return surface.cancel_all(decode(asked.body, CancelAll, asked.names), asked.actor)


def _engage_kill(surface: Surface, asked: _Asked) -> object:
    return surface.engage_kill(decode(asked.body, Kill, asked.names), asked.actor)


def _release_kill(surface: Surface, asked: _Asked) -> object:
    request = decode(asked.body, Kill, asked.names)
    require_reason(request)
    return surface.release_kill(request, asked.actor)


def _trading(surface: Surface, asked: _Asked) -> object:
    return surface.switch_trading(decode(asked.body, SwitchTrading, asked.names), asked.actor)


def _open_venue(surface: Surface, asked: _Asked) -> object:
    request = decode(asked.body, OpenVenue, asked.names)
    require_reason(request)
    return surface.open_venue(request, asked.actor)


def _close_venue(surface: Surface, asked: _Asked) -> object:
    request = decode(asked.body, CloseVenue, asked.names)
    require_reason(request)
    return surface.close_venue(request, asked.actor)


def _resolve_order(surface: Surface, asked: _Asked) -> object:
    request = decode(asked.body, ResolveOrder, asked.names)
    require_reason(request)
    return surface.resolve_order(request, asked.actor)


def _adjust_position(surface: Surface, asked: _Asked) -> object:
    request = decode(asked.body, AdjustPosition, asked.names)
    require_reason(request)
    return surface.adjust_position(request, asked.actor)


def _roll_day(surface: Surface, asked: _Asked) -> object:
    request = decode(asked.body, RollDay, asked.names)
    require_reason(request)
    return surface.roll_day(request, asked.actor)


def _session(surface: Surface, asked: _Asked) -> object:
    action = asked.names["action"]
    if action not in SESSION_ACTIONS:
        raise NotFound(f"a session has no action {action!r}: use one of {', '.join(SESSION_ACTIONS)}")
    request = decode(asked.body, SessionRequest, asked.names)
    check_numbers(request)
    if action in RENUMBERING:
        require_reason(request)
    return surface.session(request, asked.actor)


def _apply_configuration(surface: Surface, asked: _Asked) -> object:
    return surface.apply_configuration(decode(asked.body, ApplyConfiguration, asked.names), asked.actor)


def _stop(surface: Surface, asked: _Asked) -> object:
    request = decode(asked.body, Stop, asked.names)
    require_reason(request)
    return surface.stop(request, asked.actor)


ROUTES: dict[tuple[str, str], Handler] = {
    ("GET", "/status"): lambda surface, _: surface.status(),
    ("GET", "/seq"): lambda surface, _: {"seq": surface.seq()},
    ("GET", "/kill"): lambda surface, _: surface.kill_status(),
    ("POST", "/orders"): _new_order,
    ("POST", "/orders/{order_id}/replace"): _replace_order,
    ("POST", "/orders/{order_id}/cancel"): _cancel_order,
    ("POST", "/orders/{order_id}/resolve"): _resolve_order,
    ("POST", "/cancel-all"): _cancel_all,
    ("POST", "/kill"): _engage_kill,
    ("POST", "/kill/release"): _release_kill,
    ("POST", "/trading"): _trading,
    ("POST", "/trading/roll-day"): _roll_day,
    ("POST", "/positions/adjust"): _adjust_position,
    ("POST", "/venues/{venue}/open"): _open_venue,
    ("POST", "/venues/{venue}/close"): _close_venue,
    ("POST", "/sessions/{venue}/{action}"): _session,
    ("POST", "/configuration"): _apply_configuration,
    ("POST", "/stop"): _stop,
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
