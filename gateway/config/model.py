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
    CalendarDate,
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
    SignedDecimal,
    Text,
    TimeZone,
    VariableName,
    WireId,
    WireText,
)

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]

# TOML arrays arrive as lists; only the container is converted, the elements stay strict.
_Array = Field(default=(), strict=False)
_OptionalArray = Field(default=None, strict=False)


class Section(BaseModel):
    """Strict (no value is converted silently), frozen, and closed to unknown keys."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", hide_input_in_errors=True)


class GatewaySection(Section):
    name: Name
    state_dir: FilledText = "var"
    strategy_path: Text = ""
    """Folder of strategy modules of one's own, relative to this file; "" for none but those that are installed."""


class PasswordSource(Section):
    """Where a password comes from: at most one of the two; with neither, PostgreSQL asks PGPASSWORD and ~/.pgpass."""

    password_env: VariableName | None = None
    password_file: FilledText | None = None


class JournalSection(PasswordSource):
    url: FilledText = "sqlite:///var/journal.db"
    durability: Literal["commit", "fsync"] = "commit"
    """`commit` survives the death of the process, `fsync` the loss of power."""
    snapshot_events: PositiveCount = 20_000
    """Events between two snapshots of the state, which is about what a start has to fold; more when they come so fast that
    snapshots would take more than a tenth of the time."""


class StandbySection(Section):
    """Two gateways of one journal, each with this: one is active, the other follows it and takes over."""

    enabled: bool = False
    """Wait while another gateway has the journal, instead of refusing to start. Only with a journal in PostgreSQL."""
    silent_seconds: Seconds = 5
    """How long the active gateway may show no sign of life before its journal is taken from it."""


class RecordsSection(PasswordSource):
    url: FilledText = "sqlite:///var/records.db"


class ControlSection(Section):
    socket: FilledText = "var/control.sock"


class TelemetrySection(Section):
    metrics_port: PortOrAny = 9464
    """On 127.0.0.1; 0 takes any free port."""


class TradingDaySection(Section):
    """When a trading day ends and the next begins: daily limits restart, DAY orders are asked about."""

    roll: ClockTime = "00:00"
    timezone: TimeZone = "UTC"
    weekends: bool = True
    """false: Saturday and Sunday belong to the Monday after them."""


class RiskLimits(Section):
    """Limits of one scope; None means that this scope sets no such limit."""

    currency: Currency | None = None
    """Of the limits of value (order value, gross and net exposure, daily value); they then cover instruments of every currency,
    by `[risk.rates]`. Left out: as in `[risk]`; left out there: each instrument's own, and those of its currency alone."""
    max_order_quantity: NotNegativeDecimal | None = None
    max_order_value: NotNegativeDecimal | None = None
    price_collar_pct: NotNegativeDecimal | None = None
    fat_finger_pct: NotNegativeDecimal | None = None
    max_open_orders: Count | None = None
    max_position_long: NotNegativeDecimal | None = None
    """Units of one instrument, summed over everything in the scope, if every open buy order filled."""
    max_position_short: NotNegativeDecimal | None = None
    """The same the other way, if every open sell order filled."""
    max_gross_exposure: NotNegativeDecimal | None = None
    """Value of positions and open orders, sign aside, over every instrument of the currency in the scope."""
    max_net_exposure: NotNegativeDecimal | None = None
    """The same with positions netted; open orders are never netted."""
    max_daily_value: NotNegativeDecimal | None = None
    """Value executed this trading day and open, over every instrument of the currency in the scope."""
    max_daily_orders: Count | None = None
    """New orders this trading day."""
    max_orders_per_second: PositiveCount | None = None
    """New orders and replacements in any second."""
    max_repeated_executions: PositiveCount | None = None
    """So many executions of one strategy within `repeated_execution_seconds` disable it until an operator enables it."""
    repeated_execution_seconds: Seconds = 60
    """The time `max_repeated_executions` looks back."""
    duplicate_order_seconds: Seconds | None = None
    """The same order again within this time is denied."""
    max_market_data_age_seconds: Seconds | None = None
    """Orders are denied on prices older than this, and on a feed that is stale or has a gap."""
    prevent_self_match: bool | None = None
    """Whether an order is denied that could trade with another one of the scope at the same venue."""
    restricted: tuple[WireId, ...] | None = _OptionalArray
    """Symbols that may not be traded in the scope."""
    permitted_instruments: tuple[WireId, ...] | None = _OptionalArray
    """The only symbols that may be traded in the scope."""
    permitted_sides: tuple[Literal["buy", "sell"], ...] | None = _OptionalArray
    """The only sides."""
    permitted_strategies: tuple[Name, ...] | None = _OptionalArray
    """The only strategies."""


class RiskSection(RiskLimits):
    """Limits for everything, and the scopes that narrow them.

    The three limits with a value here hold when the file says nothing: a forgotten section must not mean no limit.
    """

    max_order_quantity: NotNegativeDecimal | None = Decimal(1_000_000)
    max_order_value: NotNegativeDecimal | None = Decimal(50_000_000)
    price_collar_pct: NotNegativeDecimal | None = Decimal(5)
    rates: dict[Currency, PositiveDecimal] = {}
    """What one unit of a currency is worth, in a unit common to all that are named: only their ratios count."""
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


class OpeningPosition(Section):
    """A position from before the gateway's own executions. Taken over once per `as_of`: a later date sets it anew."""

    account: WireText = ""
    strategy: Name
    venue: Name
    symbol: WireId
    quantity: SignedDecimal
    """Negative when short."""
    avg_px: PositiveDecimal
    as_of: CalendarDate
    """YYYYMMDD."""


class OpeningBalance(Section):
    """Cash from before the gateway's own executions. Taken over once per `as_of`: a later date sets it anew."""

    account: WireText = ""
    currency: Currency
    amount: SignedDecimal
    as_of: CalendarDate
    """YYYYMMDD."""


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
    """Of this session. Cancels have a quarter of the burst on top; those under the kill switch do not wait for it."""
    rate_group: Text = ""
    """One of `[rate_groups]`: several sessions to one venue share its bucket, too."""
    hard_rate_limit: RateLimit | None = None
    """The venue's own limit, where going beyond it is refused or punished: kill cancels are paced to it, too."""
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
    events: Annotated[tuple[Literal["book", "trade", "feed", "order"], ...], Field(strict=False)] = (
        "book",
        "trade",
        "feed",
        "order",
    )
    """What it is consulted for; its timers reach it in any case."""
    params: dict[str, Any] = {}
    max_errors: int = Field(default=3, ge=1)
    """After so many errors since it was enabled a strategy is disabled, until an operator enables it."""


class Configuration(Section):
    gateway: GatewaySection
    journal: JournalSection = JournalSection()
    standby: StandbySection = StandbySection()
    records: RecordsSection = RecordsSection()
    control: ControlSection = ControlSection()
    telemetry: TelemetrySection = TelemetrySection()
    trading_day: TradingDaySection = TradingDaySection()
    risk: RiskSection = RiskSection()
    rate_groups: dict[Name, RateLimit] = {}
    """Buckets that the sessions naming one of them share."""
    instruments: tuple[Instrument, ...] = _Array
    venues: tuple[Venue, ...] = _Array
    strategies: tuple[StrategySection, ...] = _Array
    positions: tuple[OpeningPosition, ...] = _Array
    balances: tuple[OpeningBalance, ...] = _Array
