"""Which command wins: what an order has in flight, what waits for it, what comes in, and what is done about it.

Theory of operation
-------------------
An order has at most one command waiting. CANCEL dominates REPLACE dominates NEW; of a kind the latest wins; what gives way is
closed by an event. In flight an order has at most one NEW or REPLACE, and one CANCEL; what is next waits for an answer, and
reports that a request is pending are no answers.

`MATRIX[in flight, incoming]` says whether the incoming command has to wait for what is in flight, and what it does to each
kind of waiting command. Combinations that cannot arise are `NEVER`: a NEW has its order to itself, and once a CANCEL is on
its way nothing else is let in to wait.

Nothing here decides when a rate limit or a session lets a command go: see `gateway.core.execution_control`.
"""

from __future__ import annotations

from enum import Enum

from gateway.core.orders import Order
from gateway.core.values import CommandKind

NEW, REPLACE, CANCEL = CommandKind


class Flight(Enum):
    """Requests of one order without an answer."""

    NOTHING = "nothing"
    NEW = "new"
    REPLACE = "replace"
    CANCEL = "cancel"
    NEW_AND_CANCEL = "new and cancel"
    REPLACE_AND_CANCEL = "replace and cancel"


class Wait(Enum):
    """Whether a command waits for what is in flight."""

    NO = "no"
    ANSWER = "for the answer"
    OVERDUE = "for the answer, until it is overdue; under the kill switch not at all"


class Do(Enum):
    """What an incoming command does."""

    PLACE = "is sent, or waits"
    SUPERSEDE = "takes the place of what waits"
    REWRITE = "gives a NEW that waits its terms"
    CLOSE = "closes a NEW that waits: nothing reaches the venue"
    YIELD = "is discarded: something stronger is under way, or the same"
    NEVER = "cannot arise"


P, S, R, C, Y, N = Do
F = Flight
MATRIX: dict[tuple[Flight, CommandKind], tuple[Wait, dict[CommandKind | None, Do]]] = {
    # in flight, incoming                           what waits:   None  NEW     REPLACE     CANCEL
    (F.NOTHING, NEW): (Wait.NO, {None: P, NEW: N, REPLACE: N, CANCEL: N}),
    (F.NOTHING, REPLACE): (Wait.NO, {None: P, NEW: R, REPLACE: S, CANCEL: Y}),
    (F.NOTHING, CANCEL): (Wait.NO, {None: P, NEW: C, REPLACE: S, CANCEL: Y}),
    (F.NEW, NEW): (Wait.ANSWER, {None: N, NEW: N, REPLACE: N, CANCEL: N}),
    (F.NEW, REPLACE): (Wait.ANSWER, {None: P, NEW: N, REPLACE: S, CANCEL: Y}),
    (F.NEW, CANCEL): (Wait.OVERDUE, {None: P, NEW: N, REPLACE: S, CANCEL: Y}),
    (F.REPLACE, NEW): (Wait.ANSWER, {None: N, NEW: N, REPLACE: N, CANCEL: N}),
    (F.REPLACE, REPLACE): (Wait.ANSWER, {None: P, NEW: N, REPLACE: S, CANCEL: Y}),
    (F.REPLACE, CANCEL): (Wait.OVERDUE, {None: P, NEW: N, REPLACE: S, CANCEL: Y}),
    (F.CANCEL, NEW): (Wait.ANSWER, {None: N, NEW: N, REPLACE: N, CANCEL: N}),
    (F.CANCEL, REPLACE): (Wait.ANSWER, {None: Y, NEW: N, REPLACE: N, CANCEL: N}),
    (F.CANCEL, CANCEL): (Wait.ANSWER, {None: Y, NEW: N, REPLACE: N, CANCEL: N}),
    (F.NEW_AND_CANCEL, NEW): (Wait.ANSWER, {None: N, NEW: N, REPLACE: N, CANCEL: N}),
    (F.NEW_AND_CANCEL, REPLACE): (Wait.ANSWER, {None: Y, NEW: N, REPLACE: N, CANCEL: N}),
    (F.NEW_AND_CANCEL, CANCEL): (Wait.ANSWER, {None: Y, NEW: N, REPLACE: N, CANCEL: N}),
    (F.REPLACE_AND_CANCEL, NEW): (Wait.ANSWER, {None: N, NEW: N, REPLACE: N, CANCEL: N}),
    (F.REPLACE_AND_CANCEL, REPLACE): (Wait.ANSWER, {None: Y, NEW: N, REPLACE: N, CANCEL: N}),
    (F.REPLACE_AND_CANCEL, CANCEL): (Wait.ANSWER, {None: Y, NEW: N, REPLACE: N, CANCEL: N}),
}
"""(in flight, incoming) -> whether it waits, and what it does to each kind of waiting command."""

_FLIGHTS = {
    (None, False): F.NOTHING, (NEW, False): F.NEW, (REPLACE, False): F.REPLACE,
    (None, True): F.CANCEL, (NEW, True): F.NEW_AND_CANCEL, (REPLACE, True): F.REPLACE_AND_CANCEL,
}  # fmt: skip


def in_flight(order: Order | None) -> Flight:
    """What an order has in flight; nothing before it exists."""
    if order is None:
        return F.NOTHING
    first = None if order.new_in_flight is None else NEW if order.replacing is None else REPLACE
    return _FLIGHTS[first, order.cancel_in_flight is not None]


def waits(order: Order | None, incoming: CommandKind, *, urgent: bool) -> bool:
    """Whether a command must wait for what its order has in flight. A doubt says that the answer is overdue."""
    if order is None:
        return False
    wait, _ = MATRIX[in_flight(order), incoming]
    if incoming is REPLACE and order.in_doubt is not None:
        return True  # new terms for an order whose own terms are unknown
    return wait is Wait.ANSWER or (wait is Wait.OVERDUE and not urgent and order.in_doubt is None)
