"""What an operator can ask of a running gateway, transport aside. The control API speaks it; the runtime implements it.

Every change is an event: who, why, what, result. The answer carries the position (`seq`) that applied it, and a repeated
`request_id` changes nothing. All methods may be called from any thread, and are bounded in time.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Protocol

import msgspec

from gateway.core.values import OrderType, Side, TimeInForce, TradingState


class Request(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who asks and why. `actor` is filled in from the socket's peer credentials, never by the client."""

    request_id: str
    reason: str = ""


class NewOrder(Request, frozen=True, kw_only=True):
    """`wait_seconds`: how long to wait for the venue's answer before the reply (for the end of a market, IOC or FOK order)."""

    venue: str
    symbol: str
    side: Side
    quantity: Decimal
    price: Decimal | None = None
    stop_price: Decimal | None = None
    order_type: OrderType = OrderType.LIMIT
    time_in_force: TimeInForce = TimeInForce.DAY
    account: str = ""
    wait_seconds: float = 0


class ReplaceOrder(Request, frozen=True, kw_only=True):
    """New terms; what is None stays as last asked for. `wait_seconds`: how long to wait for the venue's answer."""

    order_id: str
    quantity: Decimal | None = None
    price: Decimal | None = None
    stop_price: Decimal | None = None
    wait_seconds: float = 0


class CancelOrder(Request, frozen=True, kw_only=True):
    """The end of one order. `wait_seconds`: how long to wait for the venue's answer."""

    order_id: str
    wait_seconds: float = 0


class CancelAll(Request, frozen=True, kw_only=True):
    """The end of every open order in a scope."""

    scope: str


class Kill(Request, frozen=True, kw_only=True):
    """The kill switch of a scope, engaged or released."""

    scope: str = "all"


class SwitchTrading(Request, frozen=True, kw_only=True):
    """The trading state of a scope."""

    scope: str = "all"
    state: TradingState


class OpenVenue(Request, frozen=True, kw_only=True):
    """Orders may go there although not everything is reconciled; on the word of whoever asks."""

    venue: str


class CloseVenue(Request, frozen=True, kw_only=True):
    """No new orders there until `OpenVenue`; cancels still go."""

    venue: str


class ResolveOrder(Request, frozen=True, kw_only=True):
    """What an operator knows of an order in doubt; see `gateway.core.reactions.resolve`."""

    order_id: str
    disposition: str
    cum_qty: Decimal | None = None
    avg_px: Decimal | None = None


class AdjustPosition(Request, frozen=True, kw_only=True):
    """`quantity` is what the position shall be (negative when short), `avg_px` its average cost."""

    account: str = ""
    strategy: str
    venue: str
    symbol: str
    quantity: Decimal
    avg_px: Decimal


class RollDay(Request, frozen=True, kw_only=True):
    """`trading_date`: YYYYMMDD; None for the one after the present."""

    trading_date: str | None = None


class ApplyConfiguration(Request, frozen=True, kw_only=True):
    """Take up what the gateway's configuration file says now."""


class Stop(Request, frozen=True, kw_only=True):
    """The end of the run; `cancel_open`: open orders are cancelled before."""

    cancel_open: bool = False


class SessionRequest(Request, frozen=True, kw_only=True):
    """`action`: logon, logout, test-request, reset, set-seq. The numbers are those of `set-seq`; None leaves one as it is."""

    venue: str
    action: str
    next_sender: int | None = None
    next_target: int | None = None


class OrderAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """`stage`: denied, queued, dispatched. `state`: the order's state when one exists. `timed_out`: `wait_seconds` passed.
    `code` and `reason` of a denial; `reason` alone is why the order is Rejected, or why a replace or cancel that
    was waited for came to nothing. `replaced`: of a replace, whether the order
    goes by its new terms; None while that is open."""

    order_id: str | None
    stage: str
    state: str | None = None
    code: str | None = None
    reason: str | None = None
    seq: int
    timed_out: bool = False
    replaced: bool | None = None


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """`seq` is the position that applied the request, None when the core could not be reached in time (see `detail`)."""

    seq: int | None
    detail: str = ""


class ConfigurationAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """`sha256` is in effect from `seq` on; `changed` are the keys that differ from what was."""

    seq: int
    sha256: str
    changed: tuple[str, ...]
    detail: str = ""


class KillAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """`engaged`: scope -> reason, after the request. `cancelling`: how many cancels. `seq`: None if the core is stuck."""

    engaged: dict[str, str]
    cancelling: int = 0
    seq: int | None = None
    detail: str = ""


class Surface(Protocol):
    """Raises gateway.errors: Denied, NotFound, PreconditionFailed, UnknownOutcome (the core did not answer in time)."""

    def status(self) -> dict[str, Any]:
        """The whole status document of `gateway status --json`."""

    def seq(self) -> int:
        """Position of the last event whose effects are durable."""

    def new_order(self, request: NewOrder, actor: str) -> OrderAnswer:
        """What risk and execution control made of it: an order that risk denies is an answer with `stage` denied, no error.

        Raises Denied for a request id that was used for another order.
        """

    def replace_order(self, request: ReplaceOrder, actor: str) -> OrderAnswer:
        """The same for other terms. Raises NotFound for an order that is not there."""

    def cancel_order(self, request: CancelOrder, actor: str) -> OrderAnswer:
        """The same for an end. Raises NotFound for an order that is not there."""

    def cancel_all(self, request: CancelAll, actor: str) -> Answer:
        """Every open order of a scope. Raises NotFound for a scope that names nothing."""

    def engage_kill(self, request: Kill, actor: str) -> KillAnswer:
        """The gate closes before anything else, also when the core is stuck. Raises NotFound for a scope that names nothing."""

    def release_kill(self, request: Kill, actor: str) -> KillAnswer:
        """Raises PreconditionFailed when it is not engaged, or was engaged again since."""

    def kill_status(self) -> KillAnswer:
        """What is engaged, and why: by the kill file or by the journal."""

    def switch_trading(self, request: SwitchTrading, actor: str) -> Answer:
        """Raises NotFound for a scope that names nothing."""

    def open_venue(self, request: OpenVenue, actor: str) -> Answer:
        """Raises NotFound for a venue that is not configured, PreconditionFailed for one whose numbers are not settled."""

    def close_venue(self, request: CloseVenue, actor: str) -> Answer:
        """No new orders there until it is opened again. Raises NotFound for a venue that is not configured."""

    def resolve_order(self, request: ResolveOrder, actor: str) -> OrderAnswer:
        """Raises NotFound for an order that is not there, PreconditionFailed for one this cannot be said of."""

    def adjust_position(self, request: AdjustPosition, actor: str) -> Answer:
        """Raises NotFound for a venue, symbol or strategy that is not configured, Denied for a price that cannot be."""

    def roll_day(self, request: RollDay, actor: str) -> Answer:
        """Raises PreconditionFailed for a date that is not after the present one."""

    def session(self, request: SessionRequest, actor: str) -> Answer:
        """Raises NotFound for a venue that is not configured, PreconditionFailed for a session that does not log out."""

    def apply_configuration(self, request: ApplyConfiguration, actor: str) -> ConfigurationAnswer:
        """All of it or nothing. Raises Denied naming the keys that need a restart."""

    def stop(self, request: Stop, actor: str) -> Answer:
        """Accepts the request and returns; the process ends after a bounded drain."""
