"""The configuration as typed, frozen values: the table of keys the gateway understands, and their defaults.

Every key here has an effect; a key that would have none is refused (`gateway.config.unsupported`), because a setting
that is read and ignored is worse than one that is missing. The models check one value at a time. What concerns
several keys is in `gateway.config.checks`, so that all problems can be reported together.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from gateway.config.values import (
    ClassPath,
    ClockTime,
    Count,
    Currency,
    DialectName,
    FilledText,
    Name,
    NotNegativeDecimal,
    OptionalPositiveDecimal,
    Port,
    PortOrAny,
    PositiveCount,
    PositiveDecimal,
    Seconds,
    Text,
    TimeZone,
    VariableName,
    WireId,
    WireText,
)

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]

# TOML arrays arrive as lists; only the container is converted, the elements stay strict.
_Array = Field(default=(), strict=False)


class Section(BaseModel):
    """Strict (no value is converted silently), frozen, and closed to unknown keys."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", hide_input_in_errors=True)


class GatewaySection(Section):
    name: Name
    state_dir: FilledText = "var"


class JournalSection(Section):
    url: FilledText = "sqlite:///var/journal.db"
    durability: Literal["commit", "fsync"] = "commit"
    """`commit` survives the death of the process, `fsync` the loss of power."""


class PasswordSource(Section):
    """Where a password comes from: at most one of the two; with neither, PostgreSQL asks PGPASSWORD and ~/.pgpass."""

    password_env: VariableName | None = None
    password_file: FilledText | None = None


class RecordsSection(PasswordSource):
    url: FilledText = "sqlite:///var/records.db"


class ControlSection(Section):
    socket: FilledText = "var/control.sock"


class TelemetrySection(Section):
    metrics_port: PortOrAny = 9464
    """On 127.0.0.1; 0 takes any free port."""


class RiskLimits(Section):
    """Limits of one scope; None means that this scope sets no such limit."""

    max_order_quantity: NotNegativeDecimal | None = None
    max_order_value: NotNegativeDecimal | None = None
    price_collar_pct: NotNegativeDecimal | None = None
    fat_finger_pct: NotNegativeDecimal | None = None
    max_open_orders: Count | None = None


class RiskSection(RiskLimits):
    """Limits for everything, and the scopes that narrow them.

    The three limits with a value here hold when the file says nothing: a forgotten section must not mean no limit.
    """

    max_order_quantity: NotNegativeDecimal | None = Decimal(1_000_000)
    max_order_value: NotNegativeDecimal | None = Decimal(50_000_000)
    price_collar_pct: NotNegativeDecimal | None = Decimal(5)
    venue: dict[str, RiskLimits] = {}
    instrument: dict[str, RiskLimits] = {}
    strategy: dict[str, RiskLimits] = {}
    account: dict[WireId, RiskLimits] = {}


class Instrument(Section):
    symbol: WireId
    tick_size: PositiveDecimal
    lot_size: PositiveDecimal
    currency: Currency
    reference_price: OptionalPositiveDecimal = None
    """For price collars when no feed is there, in `currency`."""
    multiplier: PositiveDecimal = Decimal(1)
    """Value of one unit of quantity at price one, in `currency`."""


class RateLimit(Section):
    """A token bucket of `burst` tokens, refilled at `per_second`."""

    per_second: PositiveCount = 50
    burst: PositiveCount = 20


class Schedule(Section):
    """When a session is up, in the venue's own time zone."""

    start: ClockTime
    end: ClockTime
    days: Annotated[tuple[Day, ...], Field(strict=False)] = ("mon", "tue", "wed", "thu", "fri")
    timezone: TimeZone = "UTC"


class Venue(Section):
    """One FIX session. A venue with a session of its own for market data is two of these, tied by `market_data_from`."""

    name: Name
    role: Literal["both", "orders", "market-data"] = "both"
    """What the session is for: no order ever goes to one for market data, nothing is subscribed to on one for orders."""
    dialect: DialectName
    """A name in `fix_specs/`, or a `.toml` file of one's own, relative to the configuration."""
    host: FilledText
    port: Port
    sender_comp_id: WireId
    target_comp_id: WireId
    account: WireText = ""
    """Account(1) of an order that names none."""
    heartbeat_seconds: Seconds = 30
    reconnect_seconds: Seconds = 5
    reset_on_logon: bool = False
    environment: Literal["production", "test"] = "production"
    ack_timeout_seconds: Seconds = 5
    resend_timeout_seconds: Seconds = 10
    market_data: tuple[WireId, ...] = _Array
    market_data_from: Text = ""
    """The venue whose session brings this one's prices; "" when they come on this one, or none do."""
    username: WireText = ""
    password_env: VariableName | None = None
    password_file: FilledText | None = None
    tls: bool = False
    tls_ca_file: Text = ""
    tls_cert_file: Text = ""
    tls_key_file: Text = ""
    tls_server_name: Text = ""
    rate_limit: RateLimit = RateLimit()
    cancel_on_disconnect: bool = False
    schedule: Schedule | None = None


class StrategySection(Section):
    name: Name
    class_path: ClassPath = Field(alias="class")
    """`module:Class`; the TOML key is `class`."""
    venue: Text = ""
    """Where it trades; "" for the first venue that takes orders."""
    account: WireText = ""
    """Account(1) of its orders; "" for the venue's."""
    instruments: tuple[WireId, ...] = _Array
    params: dict[str, Any] = {}


class Configuration(Section):
    gateway: GatewaySection
    journal: JournalSection = JournalSection()
    records: RecordsSection = RecordsSection()
    control: ControlSection = ControlSection()
    telemetry: TelemetrySection = TelemetrySection()
    risk: RiskSection = RiskSection()
    instruments: tuple[Instrument, ...] = _Array
    venues: tuple[Venue, ...] = _Array
    strategies: tuple[StrategySection, ...] = _Array
