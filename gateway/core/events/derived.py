"""Derived events: what the core decided. Recorded so that a restart folds decisions and never makes them again."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from gateway.core.events.base import Event
from gateway.core.orders import Command
from gateway.core.values import Doubt, Hold, Side


class Derived(Event, frozen=True, kw_only=True):
    """Root of what only the core makes: folded on restart, recomputed by `verify` alone."""


class Denied(Derived, frozen=True, kw_only=True):
    """Risk said no: `code` from the closed vocabulary of `gateway.core.risk`, `reason` with the numbers."""

    order_id: str | None
    intent: str
    strategy: str
    account: str
    venue: str
    symbol: str
    side: Side | None = None
    quantity: Decimal | None = None
    price: Decimal | None = None
    code: str
    reason: str


class Queued(Derived, frozen=True, kw_only=True):
    """Approved, waiting: exposure counts from here."""

    command: Command
    why: Hold


class Superseded(Derived, frozen=True, kw_only=True):
    """A pending command gave way to a stronger or a later one."""

    command: Command
    by: str


class ClosedUnsent(Derived, frozen=True, kw_only=True):
    """Pending work that must not be sent any more."""

    command: Command
    reason: str


class Dispatched(Derived, frozen=True, kw_only=True):
    """Decided and durable: the venue adapter sends exactly this. An order exists from its NEW's dispatch on."""

    command: Command
    decided_seq: int
    """Position of the first outcome of this intent: its own when it never waited."""
    ack_deadline_ns: int
    bucket_ns: int | None = None
    """Theoretical arrival time of the venue's token bucket after this send (GCRA); None when not limited."""
    buckets: dict[str, int] = msgspec.field(default_factory=dict)
    """The same of the other buckets it counts in, by their names (`gateway.core.pacing`)."""


class StatusRequested(Derived, frozen=True, kw_only=True):
    """Ask the venue what became of an order: OrderStatusRequest(H)."""

    venue: str
    order_id: str
    cl_ord_id: str
    request_id: str
    venue_order_id: str | None = None
    symbol: str
    side: Side
    deadline_ns: int
    bucket_ns: int | None = None
    buckets: dict[str, int] = msgspec.field(default_factory=dict)


class PositionsRequested(Derived, frozen=True, kw_only=True):
    """Ask the venue what our positions are: RequestForPositions(AN), after a reconciliation and where the dialect has it."""

    venue: str
    account: str = ""
    request_id: str
    trading_date: str
    deadline_ns: int


class InDoubt(Derived, frozen=True, kw_only=True):
    """The order's true state is unknown until the venue is heard."""

    order_id: str
    reason: Doubt


class Resolved(Derived, frozen=True, kw_only=True):
    """A doubt ended by disposition: `not_sent` and `unknown_at_venue` end Rejected, `day_ended` ends Expired, `reported_...`
    follows what the venue reported."""

    order_id: str
    disposition: str
    detail: str = ""
    cl_ord_id: str | None = None
    """The ClOrdID(11) the answer proves accepted, where it is not the one we held."""
    quantity: Decimal | None = None
    """This and the prices: the order's terms as the answer shows them, where they are not those we held."""
    price: Decimal | None = None
    stop_price: Decimal | None = None
    deadline_ns: int | None = None
    """When to ask again, where the venue is still at work on a REPLACE."""


class FillInferred(Derived, frozen=True, kw_only=True):
    """CumQty(14) at the venue is above ours: a synthetic execution for the difference, until the real one replaces it."""

    order_id: str
    venue: str
    exec_id: str
    trade_date: str
    last_qty: Decimal
    last_px: Decimal
    venue_time_ns: int | None = None


class OpeningPosition(Derived, frozen=True, kw_only=True):
    """The configuration tells a position as of a date that was not taken over before: from here it is that."""

    account: str
    strategy: str
    venue: str
    symbol: str
    quantity: Decimal
    avg_px: Decimal
    as_of: str


class OpeningBalance(Derived, frozen=True, kw_only=True):
    """The configuration tells a cash balance as of a date that was not taken over before: from here it is that."""

    account: str
    currency: str
    amount: Decimal
    as_of: str


class ReconciliationStarted(Derived, frozen=True, kw_only=True):
    """The venue is asked about these orders; it opens when all of them are answered for."""

    venue: str
    order_ids: tuple[str, ...]
    reason: str


class ReconciliationFinished(Derived, frozen=True, kw_only=True):
    """Every order was answered for (`complete`), or those named were not and the venue stays closed."""

    venue: str
    complete: bool
    unanswered: tuple[str, ...] = ()
    again_ns: int | None = None
    """When the venue is asked about them again, in stream time; an operator or a late answer may come before."""


class VenueOpened(Derived, frozen=True, kw_only=True):
    """Orders may go: settled and reconciled (or an operator took it on himself)."""

    venue: str
    reason: str


class StrategyRemembered(Derived, frozen=True, kw_only=True):
    """A strategy's memory after it was consulted, as JSON text; recorded so that a restart never runs strategy code."""

    strategy: str
    memory: str


class TimerSet(Derived, frozen=True, kw_only=True):
    """A strategy asked to be woken: at this stream time, under this name. Moves a timer of the same name."""

    strategy: str
    name: str
    deadline_ns: int


class TimerCancelled(Derived, frozen=True, kw_only=True):
    """A strategy asked for a timer to be forgotten."""

    strategy: str
    name: str


class TimerFired(Derived, frozen=True, kw_only=True):
    """A strategy is woken: the deadline it asked for under this name has passed, and the timer is gone."""

    strategy: str
    name: str
    deadline_ns: int


class StrategyFailed(Derived, frozen=True, kw_only=True):
    """A strategy raised an error when it was consulted: no intents, and its memory stays what it was."""

    strategy: str
    error: str


class StrategyDisabled(Derived, frozen=True, kw_only=True):
    """A strategy failed or executed too often, or overran: it is not consulted until an operator enables it."""

    strategy: str
    reason: str


class InvariantBroken(Derived, frozen=True, kw_only=True):
    """What must always hold does not, see `gateway.core.invariants`: no NEW and no REPLACE goes until an operator enables
    trading in the scope `all`."""

    invariant: str
    detail: str
