"""What the tables of the state hold, beside orders and what belongs to them (`gateway.core.orders`)."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from gateway.core.events import Level
from gateway.core.orders import Command
from gateway.core.values import CommandKind, Hold


class Book(msgspec.Struct, frozen=True, kw_only=True):
    """Best price first; quantity is the total at the price."""

    bids: tuple[Level, ...] = ()
    asks: tuple[Level, ...] = ()
    updated_ns: int = 0

    @property
    def mid(self) -> Decimal | None:
        """Half way between best bid and best ask; None when a side is empty."""
        return (self.bids[0].price + self.asks[0].price) / 2 if self.bids and self.asks else None


class LastTrade(msgspec.Struct, frozen=True):
    """The newest trade of an instrument at a venue; `at_ns` is the stream time it was seen at."""

    price: Decimal
    quantity: Decimal
    at_ns: int


class Pending(msgspec.Struct, frozen=True, kw_only=True):
    """Approved work that waits: for an answer, for the rate limit, for the session."""

    command: Command
    decided_seq: int
    since_ns: int
    why: Hold


class Awaiting(msgspec.Struct, frozen=True, kw_only=True):
    """A request without an answer. `msg_seq_num` is None until it was transmitted; `deadline_ns` None once it passed."""

    order_id: str
    venue: str
    kind: CommandKind
    dispatched_ns: int
    deadline_ns: int | None
    run_id: int = 0
    """The run that dispatched it."""
    epoch: int | None = None
    msg_seq_num: int | None = None


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A status request without an answer."""

    venue: str
    deadline_ns: int
    attempts: int
    cl_ord_id: str = ""
    """The name it was asked about by."""


class Reconciliation(msgspec.Struct, frozen=True, kw_only=True):
    """A venue is telling us about our orders; those in `failed` gave no usable answer."""

    reason: str
    failed: tuple[str, ...] = ()


class Unreconciled(msgspec.Struct, frozen=True, kw_only=True):
    """The last reconciliation of a settled venue ended without these: it stays closed until they are answered for.

    `attempts`: reconciliations that ended so; `again_ns`: stream time at which the venue is asked again, None for never.
    """

    unanswered: tuple[str, ...]
    attempts: int
    again_ns: int | None


class PlannedNumbers(msgspec.Struct, frozen=True, kw_only=True):
    """What the next logon begins with; `ask`: it asks the venue to restart at 1, too."""

    next_sender: int
    next_target: int
    ask: bool


class VenueState(msgspec.Struct, frozen=True, kw_only=True):
    """`opened`: orders may go. Closed by every session loss, opened when settled and reconciled."""

    opened: bool = False
    reason: str = "not logged on"


class StrategyState(msgspec.Struct, frozen=True, kw_only=True):
    """`memory` as its encoded text; `errors` since it was enabled; `disabled`: why, None while it runs."""

    memory: str | None = None
    errors: int = 0
    disabled: str | None = None


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """The run and its counters. `orders` counts order ids given out, `externals` those met at a venue."""

    run_id: int = 0
    version: str = ""
    id_prefix: str = ""
    config_sha256: str = ""
    trading_date: str = ""
    started_ns: int = 0
    running: bool = False
    stopping: bool = False
    orders: int = 0
    externals: int = 0
