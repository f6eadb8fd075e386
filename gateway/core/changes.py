"""What applying one event changed: the facts a projection needs, so that nobody computes a difference twice.

`gateway.core.apply` returns them in order. The record writer turns them into rows, telemetry into counters, the runtime into
answers. They are values of the moment and never stored: replaying the journal yields them again.
"""

from __future__ import annotations

from decimal import Decimal

import msgspec

from gateway.core.orders import Fill, Order, Position
from gateway.core.values import SessionState


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """Root of all changes. The event that caused it is the one just applied."""


class OrderChanged(Change, frozen=True, kw_only=True):
    """An event concerned an order. `before` is None when the order begins; `anomaly` names an edge that does not exist."""

    before: Order | None
    after: Order
    anomaly: str | None = None


class FillChanged(Change, frozen=True, kw_only=True):
    """An execution is new, or changed its status or content."""

    before: Fill | None
    after: Fill
    counted: bool = False
    """New, and all that was still missing of one that had been inferred: it happened once, and was counted then."""


class PositionChanged(Change, frozen=True, kw_only=True):
    """`cause` is `fill`, `correction`, `bust`, `inferred`, `replaced` or `opening`; `quantity` is signed."""

    before: Position
    after: Position
    cause: str
    quantity: Decimal
    price: Decimal
    order_id: str | None = None
    exec_id: str | None = None


class SessionChanged(Change, frozen=True, kw_only=True):
    """`event` is from the vocabulary of `v_session_events`, or a state change that has no row there (None)."""

    before: Session | None
    after: Session
    event: str | None = None
    detail: str = ""
    msg_seq_num: int | None = None


class AnomalyRaised(Change, frozen=True, kw_only=True):
    """Something that should not be: recorded, counted, visible."""

    anomaly: str
    order_id: str | None = None
    venue: str | None = None
    session: str | None = None
    msg_seq_num: int | None = None
    raw: str | None = None
    detail: str = ""


class OperatorActed(Change, frozen=True, kw_only=True):
    """An operator's request took effect (or changed nothing): what the scope held before and after."""

    action: str
    actor: str
    scope: str
    reason: str
    request_id: str
    before: str
    after: str
    result: str


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """One FIX session as the core knows it."""

    venue: str
    session: str
    epoch: int = 1
    state: SessionState = SessionState.DOWN
    next_sender: int = 1
    next_target: int = 1
    logons: int = 0
    last_logon_ns: int | None = None
    last_logout_ns: int | None = None
