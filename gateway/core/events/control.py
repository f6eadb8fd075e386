"""Control events: runs, operators, sessions, time, and messages that could not become anything else."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from gateway.core.events.base import Event
from gateway.core.settings import CoreSettings
from gateway.core.values import OrderType, Side, TimeInForce, TradingState


class RunStarted(Event, frozen=True, kw_only=True):
    """First event of a run; its number is part of every id made in it."""

    version: str
    id_prefix: str
    """Made once for a state directory: ClOrdIDs of a directory that was lost never come back."""
    settings: CoreSettings
    trading_date: str
    killed: tuple[str, ...] = ()
    """Scopes the kill file held when the run started."""
    killed_why: tuple[str, ...] = ()
    """The reason of each of them, in the same order; none from builds that did not say it."""
    core_sha256: str = ""
    """Hash of the source of the core that ran; "" from builds that did not say it."""


class RunStopped(Event, frozen=True, kw_only=True):
    """Last event of a run that ended by itself: a run without one died."""

    reason: str = ""


class OperatorEvent(Event, frozen=True, kw_only=True):
    """Somebody asked for something: who, why, and an id that makes a retry harmless."""

    actor: str
    reason: str = ""
    request_id: str


class TradingSwitched(OperatorEvent, frozen=True, kw_only=True):
    """Trading enabled, reduced or disabled in a scope. Enabling a strategy also forgives its errors."""

    scope: str
    state: TradingState


class KillEngaged(OperatorEvent, frozen=True, kw_only=True):
    """No new orders in a scope, open ones are cancelled, until it is released. The gate in front of the wire closed before."""

    scope: str


class KillReleased(OperatorEvent, frozen=True, kw_only=True):
    """Orders may be sent again in a scope, as far as its trading state allows."""

    scope: str


class OrderRequested(OperatorEvent, frozen=True, kw_only=True):
    """An operator's new order. Becomes an intent of strategy `desk` and passes risk like any other."""

    venue: str
    symbol: str
    side: Side
    quantity: Decimal
    price: Decimal | None = None
    stop_price: Decimal | None = None
    order_type: OrderType = OrderType.LIMIT
    time_in_force: TimeInForce = TimeInForce.DAY
    account: str = ""


class ReplaceRequested(OperatorEvent, frozen=True, kw_only=True):
    """New terms for an order; None keeps what was last asked for. Passes risk and execution control like any intent."""

    order_id: str
    quantity: Decimal | None = None
    price: Decimal | None = None
    stop_price: Decimal | None = None


class CancelRequested(OperatorEvent, frozen=True, kw_only=True):
    """Cancel one order (`order_id`), or every open one in a `scope`."""

    order_id: str | None = None
    scope: str | None = None


class VenueOpenRequested(OperatorEvent, frozen=True, kw_only=True):
    """Trade at a venue although not everything there is reconciled: on the operator's word."""

    venue: str


class VenueCloseRequested(OperatorEvent, frozen=True, kw_only=True):
    """No new orders at a venue until an operator opens it again, whatever its session does; cancels still go."""

    venue: str


class OrderResolveRequested(OperatorEvent, frozen=True, kw_only=True):
    """An operator's word on an order in doubt, got from the venue by other means.

    `disposition` is of `gateway.core.reactions.resolve`. `cum_qty` and `avg_px`: CumQty(14) and AvgPx(6) as the venue told
    them; what is above ours is counted as an inferred fill. None means that nothing is missing.
    """

    order_id: str
    disposition: str
    cum_qty: Decimal | None = None
    avg_px: Decimal | None = None


class TradingDayRolled(OperatorEvent, frozen=True, kw_only=True):
    """A trading day begins, by the configured time (`actor` is `schedule`) or on an operator's word. An earlier date than the
    present one changes nothing."""

    trading_date: str
    """YYYYMMDD."""


class PositionAdjusted(OperatorEvent, frozen=True, kw_only=True):
    """An operator's word on a position that no execution explains: from here it is `quantity` (signed) at `avg_px`."""

    account: str
    strategy: str
    venue: str
    symbol: str
    quantity: Decimal
    avg_px: Decimal


class SessionCommanded(OperatorEvent, frozen=True, kw_only=True):
    """An operator's hand on a session: `action` is logon, logout, test-request, reset or set-seq."""

    venue: str
    session: str
    action: str
    next_sender: int | None = None
    next_target: int | None = None


class ConfigurationUpdated(OperatorEvent, frozen=True, kw_only=True):
    """The core decides with other settings from here on. `changed`: the keys of the configuration that differ."""

    settings: CoreSettings
    changed: tuple[str, ...] = ()


class StopRequested(OperatorEvent, frozen=True, kw_only=True):
    """Stop the run; with `cancel_open`, cancel what is open first."""

    cancel_open: bool = False


class SessionEvent(Event, frozen=True, kw_only=True):
    venue: str
    session: str
    epoch: int = 1


class SessionLoggedOn(SessionEvent, frozen=True, kw_only=True):
    """Logon answered. Nothing may be sent yet: the numbers are not known to agree."""

    next_sender: int
    next_target: int


class SessionSettled(SessionEvent, frozen=True, kw_only=True):
    """Our TestRequest(1) came back as Heartbeat(0) with no resend open: both sides agree on the numbers."""

    next_sender: int
    next_target: int


class SessionUnsettled(SessionEvent, frozen=True, kw_only=True):
    """Messages of the venue are missing and were asked for: nothing new is sent until they are here."""

    reason: str


class SessionDown(SessionEvent, frozen=True, kw_only=True):
    """Logged out or disconnected. The numbers are those the next logon will use, when they are known."""

    reason: str = ""
    next_sender: int | None = None
    next_target: int | None = None


class SessionNotice(SessionEvent, frozen=True, kw_only=True):
    """Something an operator or an incident review wants to see of a session; changes no number.

    `event`: reject, business_reject, resend_request, gap, sequence_reset, logon_refused, discarded_market_data,
    market_data_refused.
    """

    event: str
    detail: str = ""
    msg_seq_num: int | None = None


class SessionReset(SessionEvent, frozen=True, kw_only=True):
    """Sequence numbers begin anew: a new epoch. Journalled before it happens.

    `by`: `logon` (both sides restart at 1 in a Logon), `reset` (an operator: the next Logon asks for that), `numbers` (an
    operator set ours to `next_sender` and `next_target`, as agreed with the venue).
    """

    reason: str
    by: str = "logon"
    next_sender: int = 1
    next_target: int = 1


class SessionScheduled(SessionEvent, frozen=True, kw_only=True):
    """The schedule's hours begin (`up`) or end; the session logs on or out once this is durable."""

    up: bool
    reason: str


class LostRange(SessionEvent, frozen=True, kw_only=True):
    """Inbound messages begin..end will never be seen: the venue gap-filled or refused them. Reconcile."""

    begin: int
    end: int
    reason: str


class EngineRejected(SessionEvent, frozen=True, kw_only=True):
    """Our own engine answered this message with a reject, so no callback saw it. Kept raw; the venue is asked.

    `market_data`: it was no message about an order, and its book is asked for anew instead.
    """

    msg_seq_num: int | None = None
    raw: str
    detail: str = ""
    market_data: bool = False


class Untranslated(SessionEvent, frozen=True, kw_only=True):
    """A message that became no other event: unknown type, or contradicting itself. Kept raw, passwords redacted."""

    msg_seq_num: int | None = None
    msg_type: str = ""
    raw: str
    detail: str


class ReportedPosition(msgspec.Struct, frozen=True, kw_only=True):
    """Net quantity at the venue, short below zero."""

    symbol: str
    net_qty: Decimal


class PositionsReported(SessionEvent, frozen=True, kw_only=True):
    """What the venue says our positions are: all reports that answered one question, or (`complete` false) why not all.

    `account` is that of the question; "" for all accounts. A symbol that is not there is flat.
    """

    request_id: str
    account: str = ""
    positions: tuple[ReportedPosition, ...] = ()
    complete: bool = True
    detail: str = ""


class ControlTime(Event, frozen=True, kw_only=True):
    """A deadline the core asked for has passed."""

    deadline_ns: int


class StrategyOverran(Event, frozen=True, kw_only=True):
    """A strategy that was consulted did not come back in time, as seen from outside: it is disabled, what it has open is
    cancelled."""

    strategy: str
    running_ns: int
    """How long it had been at it when it was noticed."""


class DefectReported(Event, frozen=True, kw_only=True):
    """The shell found one of its own invariants broken, see `gateway.core.invariants.SHELL`."""

    invariant: str
    detail: str
