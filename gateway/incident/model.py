"""What a review consists of: plain values, the same for the page, the terminal and --json, as recorded.

Text of a venue or an operator is kept as it was; whoever shows it escapes it for where it is shown.
"""

from __future__ import annotations

from decimal import Decimal

import msgspec

from gateway.core.events import Level

Lane = str
"""Who speaks: `market`, `decision`, `risk`, `queue`, `wire`, `venue`, `operator`, `session`, `feed`, `run`, `system`."""
LANES: tuple[Lane, ...] = (
    "market", "decision", "risk", "queue", "wire", "venue", "operator", "session", "feed", "run", "system",
)  # fmt: skip


class BookView(msgspec.Struct, frozen=True, kw_only=True):
    """A book as it was believed at a position. Best price first; `feed` says whether it could be believed."""

    venue: str
    symbol: str
    seq: int
    at_ns: int
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]
    last_price: Decimal | None = None
    feed: str = ""


class Wire(msgspec.Struct, frozen=True, kw_only=True):
    """One message on a session. `outgoing`: from us. `text`: the message, SOH as `|`; "" when no FIX log has it."""

    venue: str
    session: str
    outgoing: bool
    msg_seq_num: int | None
    what: str
    text: str = ""


class OrderState(msgspec.Struct, frozen=True, kw_only=True):
    """An order after an event."""

    order_id: str
    state: str
    cum_qty: Decimal
    leaves_qty: Decimal
    in_doubt: str | None = None


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One event of the review. `cause` is the position of the input event that led to it."""

    seq: int
    cause: int
    at_ns: int
    wall_ns: int
    kind: str
    lane: Lane
    title: str
    detail: str = ""
    order_id: str | None = None
    venue: str | None = None
    after: OrderState | None = None
    anomalies: tuple[str, ...] = ()
    wire: Wire | None = None
    book: BookView | None = None
    """The market as it was seen right before a decision."""
    price: Decimal | None = None
    """The price that was decided about."""
    since_ns: int | None = None
    """Since the entry before it."""


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """How long a step took; None where the journal does not know one end of it."""

    order_id: str
    cl_ord_id: str
    step: str
    nanoseconds: int


class Stage(msgspec.Struct, frozen=True, kw_only=True):
    """A state an order was in from a moment on; `price` as last accepted."""

    at_ns: int
    state: str
    cum_qty: Decimal
    price: Decimal | None = None
    in_doubt: bool = False


class Execution(msgspec.Struct, frozen=True, kw_only=True):
    """One execution as it stood at the end of the review."""

    at_ns: int
    exec_id: str
    last_qty: Decimal
    last_px: Decimal
    status: str


class OrderLane(msgspec.Struct, kw_only=True):
    """One order over the time of the review. `end_ns`: when it ended, None while it was open."""

    order_id: str
    venue: str
    symbol: str
    side: str
    strategy: str
    quantity: Decimal
    price: Decimal | None
    stages: list[Stage] = msgspec.field(default_factory=list)
    executions: list[Execution] = msgspec.field(default_factory=list)
    end_ns: int | None = None


class Quote(msgspec.Struct, frozen=True, kw_only=True):
    """Best prices of a symbol from a moment on; None when a side is empty."""

    at_ns: int
    bid: Decimal | None
    ask: Decimal | None


class Incident(msgspec.Struct, kw_only=True):
    """A review. `left_out`: entries beyond the most that are shown; `market_events`: seen in the window, most of them not
    entries."""

    subject: str
    from_seq: int
    to_seq: int
    from_ns: int
    to_ns: int
    runs: list[int]
    config_sha256: list[str]
    entries: list[Entry]
    orders: list[OrderLane]
    spans: list[Span]
    quotes: dict[str, list[Quote]]
    """`venue symbol` -> its best prices over the window."""
    market_events: int = 0
    left_out: int = 0
    notes: list[str] = msgspec.field(default_factory=list)
