"""What the core needs to know of a configuration, as plain immutable values.

They travel inside `RunStarted` and `ConfigurationUpdated`, so the state is a function of the event stream alone: a replay
needs no file, and an incident review sees the limits that were in force at that position.
"""

from __future__ import annotations

from decimal import Decimal

import msgspec

from gateway.core.values import ONE


class Instrument(msgspec.Struct, frozen=True, kw_only=True):
    """Prices are multiples of `tick_size`, quantities of `lot_size`; value = quantity * price * multiplier in `currency`."""

    symbol: str
    tick_size: Decimal
    lot_size: Decimal
    currency: str
    multiplier: Decimal = ONE
    reference_price: Decimal | None = None


class Venue(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Timing and pacing of one venue. `rate_*`: token bucket, `None` for no limit of ours."""

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


class RiskLimits(msgspec.Struct, frozen=True, kw_only=True):
    """Limits of one scope; `None` means that this scope says nothing. Values in the instrument's currency."""

    max_order_quantity: Decimal | None = None
    max_order_value: Decimal | None = None
    price_collar_pct: Decimal | None = None
    fat_finger_pct: Decimal | None = None
    max_open_orders: int | None = None


class StrategySettings(msgspec.Struct, frozen=True, kw_only=True):
    """`class_path` is `package.module:Class`; `code_sha256` is the hash of that module's source when the run started."""

    name: str
    class_path: str
    code_sha256: str
    venue: str
    account: str
    instruments: tuple[str, ...]
    params: str
    """The strategy's parameters as JSON text, validated against its `Params` before the run."""


class CoreSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Everything the core decides with."""

    config_sha256: str
    instruments: dict[str, Instrument] = {}
    venues: dict[str, Venue] = {}
    strategies: dict[str, StrategySettings] = {}
    risk: dict[str, RiskLimits] = {}
    """Scope (see `gateway.core.values`) -> limits; every scope that sets one is checked."""

    def feed_of(self, venue: str) -> str:
        """The venue under whose name the market data of `venue` is kept."""
        configured = self.venues.get(venue)
        return venue if configured is None else configured.feed or venue
