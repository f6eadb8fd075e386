"""What the core needs to know of a configuration, as plain immutable values.

They travel inside `RunStarted` and `ConfigurationUpdated`, so the state is a function of the event stream alone: a replay
needs no file, and an incident review sees the limits that were in force at that position.
"""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum

import msgspec

from gateway.core.values import ONE, Side


class Instrument(msgspec.Struct, frozen=True, kw_only=True):
    """Prices are multiples of `tick_size`, quantities of `lot_size`; value = quantity * price * multiplier in `currency`."""

    symbol: str
    tick_size: Decimal
    lot_size: Decimal
    currency: str
    multiplier: Decimal = ONE
    reference_price: Decimal | None = None


class Rate(msgspec.Struct, frozen=True):
    """A token bucket of `burst` tokens, refilled at `per_second`."""

    per_second: Decimal
    burst: int = 1


class Venue(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Timing and pacing of one venue. `rate_*`: token bucket, `None` for no limit of ours; see `gateway.core.pacing`."""

    name: str
    session: str
    orders: bool = True
    """Whether orders may go there; a session for market data alone takes none."""
    feed: str = ""
    """The venue whose market data is this one's; "" for its own."""
    account: str = ""
    ack_timeout_ns: int
    cancel_names_last_sent: bool = False
    """Which ClOrdID a CANCEL that overtakes an unanswered REPLACE names in OrigClOrdID(41): the last one sent, or (usual) the
    last one accepted. FIX 4.4 vol. 4, "Order chaining"."""
    rate_per_second: Decimal | None = None
    rate_burst: int = 1
    rate_group: str = ""
    """Of `rate_groups`: sessions that share another bucket; "" for none."""
    hard_rate: Rate | None = None
    """The venue's own limit, which cancels under kill are paced to as well; None where it has none."""
    cancel_on_disconnect: bool = False
    """Our orders do not outlive the session: cancelled before a logout of ours, and at the first logon after a loss."""
    asks_positions: bool = False
    """The venue tells our positions; it is asked after each reconciliation."""


class RiskLimits(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Limits of one scope; `None` means that this scope says nothing."""

    currency: str | None = None
    """Of the limits of value; None for that of the scope `all`, and without one there for the instrument's own."""

    max_order_quantity: Decimal | None = None
    max_order_value: Decimal | None = None
    price_collar_pct: Decimal | None = None
    fat_finger_pct: Decimal | None = None
    max_open_orders: int | None = None
    max_position_long: Decimal | None = None
    """Units of one instrument, over everything in the scope."""
    max_position_short: Decimal | None = None
    max_gross_exposure: Decimal | None = None
    max_net_exposure: Decimal | None = None
    max_daily_value: Decimal | None = None
    max_daily_orders: int | None = None
    max_orders_per_second: int | None = None
    max_repeated_executions: int | None = None
    """Executions of one strategy within `repeated_execution_seconds` that disable it."""
    repeated_execution_seconds: int = 60
    duplicate_order_seconds: int | None = None
    max_market_data_age_seconds: int | None = None
    prevent_self_match: bool | None = None
    restricted: tuple[str, ...] | None = None
    """Symbols that may not be traded."""
    permitted_instruments: tuple[str, ...] | None = None
    permitted_sides: tuple[Side, ...] | None = None
    permitted_strategies: tuple[str, ...] | None = None


class Trigger(StrEnum):
    """What a strategy is consulted for; its timers reach it in any case."""

    BOOK = "book"
    """A book of its instruments changed."""
    TRADE = "trade"
    """Somebody traded in one of its instruments."""
    FEED = "feed"
    """Its market data came up, went stale or has a gap."""
    ORDER = "order"
    """Something happened to an order of its own."""


class StrategySettings(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`class_path` is `package.module:Class`; `code_sha256` is the hash of that module's source when the run started."""

    name: str
    class_path: str
    code_sha256: str
    venue: str
    account: str
    instruments: tuple[str, ...]
    params: str
    """The strategy's parameters as JSON text, validated against its `Params` before the run."""
    events: tuple[Trigger, ...] = tuple(Trigger)
    max_errors: int = 3
    """After so many errors it is disabled."""


class OpeningSettings(msgspec.Struct, frozen=True, kw_only=True):
    """A position as it stood before the gateway's own executions. `as_of`: YYYYMMDD; taken over once per date."""

    account: str
    strategy: str
    venue: str
    symbol: str
    quantity: Decimal
    avg_px: Decimal
    as_of: str


class BalanceSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Cash as it stood before the gateway's own executions. `as_of`: YYYYMMDD; taken over once per date."""

    account: str
    currency: str
    amount: Decimal
    as_of: str


class CoreSettings(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Everything the core decides with."""

    config_sha256: str
    instruments: dict[str, Instrument] = {}
    venues: dict[str, Venue] = {}
    strategies: dict[str, StrategySettings] = {}
    risk: dict[str, RiskLimits] = {}
    """Scope (see `gateway.core.values`) -> limits; every scope that sets one is checked."""
    rates: dict[str, Decimal] = {}
    """Currency -> value of one unit of it, in a unit common to all of them: only their ratios count."""
    rate_groups: dict[str, Rate] = {}
    positions: tuple[OpeningSettings, ...] = ()
    balances: tuple[BalanceSettings, ...] = ()

    def feed_of(self, venue: str) -> str:
        """The venue under whose name the market data of `venue` is kept."""
        configured = self.venues.get(venue)
        return venue if configured is None else configured.feed or venue
