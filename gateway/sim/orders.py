"""One client order as the venue sees it, and the reports that can be made of it.

Exists to keep the arithmetic of CumQty, LeavesQty and AvgPx in one place. It must not decide anything: matching is the
book's, acceptance is the exchange's.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

from gateway.sim.book import ZERO, Lifetime, Side
from gateway.sim.messages import ExecType, NewOrder, OrdStatus, OrdType, Report, TimeInForce

AVG_PX_STEP = Decimal("0.00000001")
SIDES = {"1": Side.BUY, "2": Side.SELL, "5": Side.SELL, "6": Side.SELL}  # Side(54): 5 and 6 are short sales
LIFETIMES = {
    TimeInForce.DAY: Lifetime.RESTS,
    TimeInForce.GTC: Lifetime.RESTS,
    TimeInForce.IOC: Lifetime.IMMEDIATE,
    TimeInForce.FOK: Lifetime.ALL_OR_NOTHING,
}


@dataclass(slots=True)
class Execution:
    """One side of a trade; a bust or a correction refers to it by its ExecID(17)."""

    exec_id: str
    order: Order
    trade_id: int
    quantity: Decimal
    price: Decimal
    busted: bool = False


@dataclass(slots=True)
class Order:
    """A client order. `status` is the OrdStatus(39) once closed; while open it follows from CumQty(14)."""

    order_id: str
    session: str
    terms: NewOrder
    quantity: Decimal
    price: Decimal | None
    stop_px: Decimal | None
    cl_ord_id: str
    orig_cl_ord_id: str | None = None
    closed_as: str | None = None
    waiting_for_stop: bool = False
    reject_text: str | None = None
    reject_reason: str | None = None
    executions: list[Execution] = field(default_factory=list)
    cum_qty: Decimal = ZERO
    notional: Decimal = ZERO

    @property
    def side(self) -> Side:
        return SIDES[self.terms.side]

    @property
    def is_open(self) -> bool:
        return self.closed_as is None

    @property
    def status(self) -> str:
        if self.closed_as is not None:
            return self.closed_as
        return OrdStatus.PARTIALLY_FILLED if self.cum_qty else OrdStatus.NEW

    @property
    def open_qty(self) -> Decimal:
        """LeavesQty(151): zero once the order is closed."""
        return self.quantity - self.cum_qty if self.is_open else ZERO

    @property
    def avg_px(self) -> Decimal:
        return (self.notional / self.cum_qty).quantize(AVG_PX_STEP).normalize() if self.cum_qty else ZERO

    @property
    def limit(self) -> Decimal | None:
        """The price to match at; None for a market order, and for a stop order once triggered."""
        return self.price if self.terms.ord_type in (OrdType.LIMIT, OrdType.STOP_LIMIT) else None

    def fill(self, execution: Execution) -> None:
        """Count an execution; the order closes when nothing is left."""
        self.executions.append(execution)
        self.cum_qty += execution.quantity
        self.notional += execution.quantity * execution.price
        self._settle()

    def recount(self) -> None:
        """Derive the totals again after an execution was busted or corrected; a filled order can open again."""
        live = [execution for execution in self.executions if not execution.busted]
        self.cum_qty = sum((execution.quantity for execution in live), ZERO)
        self.notional = sum((execution.quantity * execution.price for execution in live), ZERO)
        self._settle()

    def _settle(self) -> None:
        if self.closed_as in (None, OrdStatus.FILLED):
            self.closed_as = OrdStatus.FILLED if self.cum_qty >= self.quantity else None

    def report(
        self,
        exec_id: str,
        exec_type: str,
        now_ns: int,
        *,
        last: Execution | None = None,
        text: str | None = None,
        exec_ref_id: str | None = None,
        ord_status_req_id: str | None = None,
        mass_status: tuple[str, int, bool] | tuple[None, None, None] = (None, None, None),
    ) -> Report:
        """An ExecutionReport(8) with the order's present totals; `mass_status` holds tags 584, 911 and 912."""
        is_status = exec_type == ExecType.ORDER_STATUS
        return Report(
            session=self.session,
            order_id=self.order_id,
            exec_id=exec_id,
            exec_type=exec_type,
            ord_status=self.status,
            symbol=self.terms.symbol,
            side=self.terms.side,
            transact_ns=now_ns,
            cl_ord_id=self.cl_ord_id,
            orig_cl_ord_id=self.orig_cl_ord_id,
            account=self.terms.account,
            ord_type=self.terms.ord_type,
            time_in_force=self.terms.time_in_force,
            order_qty=self.quantity,
            price=self.price,
            stop_px=self.stop_px,
            last_qty=last.quantity if last else (ZERO if is_status else None),
            last_px=last.price if last else (ZERO if is_status else None),
            cum_qty=self.cum_qty,
            leaves_qty=self.open_qty,
            avg_px=self.avg_px,
            text=text if text is not None else self.reject_text,
            ord_rej_reason=self.reject_reason,
            exec_ref_id=exec_ref_id,
            ord_status_req_id=ord_status_req_id,
            mass_status_req_id=mass_status[0],
            tot_num_reports=mass_status[1],
            last_rpt_requested=mass_status[2],
        )
