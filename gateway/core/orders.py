"""Orders, fills and positions as immutable values; what may happen to them is in `lifecycle` and `apply`."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from gateway.core.values import ZERO, CommandKind, Doubt, FillStatus, OrderState, OrderType, Side, TimeInForce

PositionKey = tuple[str, str, str, str]
"""(account, strategy, venue, symbol)."""


class Command(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One request as it goes to a venue: everything the venue adapter needs, nothing it has to look up.

    `order_id` is ours and stable; `cl_ord_id` names this request, `orig_cl_ord_id` the last *accepted* one it acts on.
    """

    kind: CommandKind
    order_id: str
    cl_ord_id: str
    request: int = 1
    """Which request about the order this is, counted from 1; `cl_ord_id` is made of it."""
    orig_cl_ord_id: str | None = None
    venue_order_id: str | None = None
    venue: str
    strategy: str
    account: str
    symbol: str
    side: Side
    order_type: OrderType
    time_in_force: TimeInForce
    quantity: Decimal
    price: Decimal | None = None
    stop_price: Decimal | None = None


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """What a REPLACE can change."""

    quantity: Decimal
    price: Decimal | None = None
    stop_price: Decimal | None = None


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """An order from dispatch on. CumQty + LeavesQty = OrderQty while it works; LeavesQty = 0 once terminal."""

    order_id: str
    strategy: str
    account: str
    venue: str
    symbol: str
    side: Side
    order_type: OrderType
    time_in_force: TimeInForce
    quantity: Decimal
    price: Decimal | None
    stop_price: Decimal | None
    state: OrderState
    cl_ord_id: str
    """The last accepted ClOrdID(11); before the first acknowledgement the one sent."""
    created_ns: int
    updated_ns: int
    terminal_ns: int | None = None
    cum_qty: Decimal = ZERO
    split_qty: Decimal = ZERO
    """What a corporate action added to CumQty(14) or took from it: no execution, and no value."""
    notional: Decimal = ZERO
    """Sum of LastQty * LastPx over live fills; AvgPx follows from it."""
    venue_order_id: str | None = None
    venue_status: str | None = None
    """OrdStatus(39) as last reported, verbatim."""
    reason: str | None = None
    external: bool = False
    presumed: bool = False
    """Rejected by our own conclusion (never sent, unknown at the venue), not on the venue's word."""
    in_doubt: Doubt | None = None
    """Why the order's true state is unknown; None when it is known."""
    requests: int = 1
    """Requests made so far; the next ClOrdID is derived from it."""
    kill_cancels: int = 0
    """CANCELs made under the kill switch, since the last one made without it."""
    new_in_flight: str | None = None
    """ClOrdID of the unanswered NEW or REPLACE."""
    replacing: Terms | None = None
    """What the unanswered REPLACE asks for; None when none is in flight."""
    cancel_in_flight: str | None = None
    """ClOrdID of the unanswered CANCEL."""
    trading_date: str = ""
    """The trading day it was sent on, or met at the venue: YYYYMMDD."""

    @property
    def leaves_qty(self) -> Decimal:
        """LeavesQty(151): open quantity, 0 once terminal; never negative, also after an over-fill."""
        return ZERO if self.state.terminal else max(self.quantity - self.cum_qty, ZERO)

    @property
    def most_quantity(self) -> Decimal:
        """OrderQty(38) as it may be at the venue: the larger one while a REPLACE is in flight."""
        return self.quantity if self.replacing is None else max(self.quantity, self.replacing.quantity)

    @property
    def terms(self) -> Terms:
        """The terms as last accepted."""
        return Terms(quantity=self.quantity, price=self.price, stop_price=self.stop_price)

    def command(
        self, kind: CommandKind, terms: Terms, *, cl_ord_id: str, orig_cl_ord_id: str | None, request: int = 1
    ) -> Command:
        """A request about this order; whatever a request cannot change is the order's."""
        return Command(
            kind=kind,
            order_id=self.order_id,
            cl_ord_id=cl_ord_id,
            request=request,
            orig_cl_ord_id=orig_cl_ord_id,
            venue_order_id=self.venue_order_id,
            venue=self.venue,
            strategy=self.strategy,
            account=self.account,
            symbol=self.symbol,
            side=self.side,
            order_type=self.order_type,
            time_in_force=self.time_in_force,
            quantity=terms.quantity,
            price=terms.price,
            stop_price=terms.stop_price,
        )

    @property
    def avg_px(self) -> Decimal:
        """AvgPx(6): 0 while nothing is filled."""
        return self.notional / self.cum_qty if self.cum_qty else ZERO


def request_number(cl_ord_id: str, order_id: str) -> int:
    """Which request about an order one of our own ClOrdIDs names, counted from 1; 0 for a name that the venue gave."""
    stem, _, last = cl_ord_id.rpartition("-")
    ours = stem == order_id or stem.endswith(f"-{order_id}")  # behind the prefix of the run that sent it
    return int(last) if ours and last.isascii() and last.isdigit() and len(last) < 10 else 0


class Fill(msgspec.Struct, frozen=True, kw_only=True):
    """One execution. Identified by (venue, trade date, order, ExecID(17)); `status` says whether it still counts."""

    order_id: str
    exec_id: str
    trade_date: str
    venue: str
    account: str
    strategy: str
    symbol: str
    side: Side
    last_qty: Decimal
    last_px: Decimal
    status: FillStatus
    reported_cum_qty: Decimal | None = None
    """CumQty(14) of the report that brought it: tells the same trade under another ExecID from a new one."""
    venue_time_ns: int | None = None
    session: str = ""
    msg_seq_num: int | None = None
    amendments: tuple[str, ...] = ()
    """ExecIDs of the corrections and the bust applied to it: one that comes again changes nothing."""
    counted_on: str = ""
    """Our trading date when it came: whose daily limits it counts against."""

    @property
    def live(self) -> bool:
        """Counts towards CumQty and the position."""
        return self.status not in (FillStatus.BUSTED, FillStatus.REPLACED)

    @property
    def position(self) -> PositionKey:
        return (self.account, self.strategy, self.venue, self.symbol)


class Adjustment(msgspec.Struct, frozen=True, kw_only=True):
    """A change of a position that no execution explains. `quantity` is signed and adds; `avg_px` is the average after it."""

    quantity: Decimal
    avg_px: Decimal


class Balance(msgspec.Struct, frozen=True, kw_only=True):
    """Cash of one account in one currency: the opening balance of `as_of` (YYYYMMDD, "" before the first) and the value of
    live executions since."""

    amount: Decimal = ZERO
    as_of: str = ""
    updated_ns: int = 0


class Day(msgspec.Struct, frozen=True, kw_only=True):
    """What one position did this trading day: new orders approved, and the value of live executions in `currency`."""

    orders: int = 0
    traded: Decimal = ZERO
    currency: str = ""


class Position(msgspec.Struct, frozen=True, kw_only=True):
    """Net position at average cost, per (account, strategy, venue, symbol). P&L in the instrument's currency."""

    account: str
    strategy: str
    venue: str
    symbol: str
    net_qty: Decimal = ZERO
    avg_px: Decimal = ZERO
    realized_pnl: Decimal = ZERO
    bought_qty: Decimal = ZERO
    sold_qty: Decimal = ZERO
    updated_ns: int = 0

    @property
    def key(self) -> PositionKey:
        return (self.account, self.strategy, self.venue, self.symbol)
