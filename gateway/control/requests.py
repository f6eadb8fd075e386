"""From a request body to what the surface takes: strict, and refused before the core hears of it.

Malformed is a usage error (exit code 2): unknown fields, wrong types, a scope that is none. Well-formed text that must not
reach the wire is denied (exit code 4). Which venues or orders exist is not decided here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

import msgspec

from gateway.control.surface import AdjustPosition, NewOrder, ReplaceOrder, Request, ResolveOrder, SessionRequest
from gateway.core.values import scope_problem, text_problem
from gateway.errors import Denied, UsageError

LONGEST_WAIT_SECONDS = 300
HIGHEST_NUMBER = 2**31 - 2
"""The engine counts messages in an int."""
_LONGEST = {"request_id": 100, "reason": 2_000}
_WIRE_TEXT = ("account", "symbol", "venue", "strategy")
_DECIMALS = ("quantity", "price", "stop_price", "cum_qty", "avg_px")

R = TypeVar("R", bound=Request)


def decode(body: bytes, kind: type[R], place: Mapping[str, str]) -> R:
    """The request of a body; `place` holds the fields that stand in the path. Raises UsageError or Denied."""
    try:
        fields = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
        twice = sorted(fields.keys() & place.keys())
        if twice:
            raise UsageError(f"{', '.join(twice)} is in the path, and may not be in the body")
        # Put together as JSON and decoded once, so that a number in the body becomes a Decimal from its own digits.
        whole = fields | {name: msgspec.Raw(msgspec.json.encode(value)) for name, value in place.items()}
        request = msgspec.json.decode(msgspec.json.encode(whole), type=kind)
    except (msgspec.MsgspecError, UnicodeError) as error:
        raise UsageError(f"the request body is not understood: {error}") from error
    check(request)
    return request


def check(request: Request) -> None:
    """Raise UsageError or Denied for values that the types alone let pass."""
    if not request.request_id:
        raise UsageError("request_id is empty; it is what makes a retry harmless")
    for name, longest in _LONGEST.items():
        if len(getattr(request, name)) > longest:
            raise UsageError(f"{name} is longer than {longest} characters")
    for name in _WIRE_TEXT:
        problem = text_problem(getattr(request, name, ""))
        if problem is not None:
            raise Denied(f"{name}: {problem}; it must not reach the wire")
    scope = getattr(request, "scope", None)
    if scope is not None:
        check_scope(scope)
    if isinstance(request, ReplaceOrder) and (request.quantity, request.price, request.stop_price) == (None, None, None):
        raise UsageError("nothing to replace: give a quantity, a price or a stop price")
    if isinstance(request, (NewOrder, ReplaceOrder, ResolveOrder, AdjustPosition)):
        _check_numbers(request)
    if not 0 <= getattr(request, "wait_seconds", 0) <= LONGEST_WAIT_SECONDS:
        raise UsageError(f"wait_seconds is not between 0 and {LONGEST_WAIT_SECONDS}")


def require_reason(request: Request) -> None:
    """For what opens a door again, or ends the run. Engaging the kill switch never fails for want of words."""
    if not request.reason.strip():
        raise UsageError("reason is empty: say why, it is recorded")


def check_numbers(request: SessionRequest) -> None:
    """Raise UsageError for sequence numbers that are none, or that the action does not take."""
    given = [number for number in (request.next_sender, request.next_target) if number is not None]
    if (request.action == "set-seq") is not bool(given):
        raise UsageError("set-seq takes next_sender, next_target or both; the other actions neither")
    if any(not 1 <= number <= HIGHEST_NUMBER for number in given):
        raise UsageError(f"a MsgSeqNum(34) is between 1 and {HIGHEST_NUMBER}")


def check_scope(scope: str) -> None:
    """Raise Denied for text that is not allowed, UsageError for what is not a scope."""
    problem = text_problem(scope)
    if problem is not None:
        raise Denied(f"scope: {problem}")
    problem = scope_problem(scope)
    if problem is not None:
        raise UsageError(problem)


def _check_numbers(request: NewOrder | ReplaceOrder | ResolveOrder | AdjustPosition) -> None:
    for name in _DECIMALS:
        value = getattr(request, name, None)
        if value is not None and not value.is_finite():
            raise UsageError(f"{name} {value} is not a number")
