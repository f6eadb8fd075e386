"""Order entry: what a client may do, and the reports that follow.

Exists between the books, which know no clients, and the wire, which decides nothing. It must do no I/O, read no clock and
import no engine: every method takes the time and returns the answers in the order in which they are to be sent.

Rules of this venue, where FIX 4.4 leaves a choice:
* any ClOrdID(11) of an order's chain finds the order, in cancels and replaces too, as some venues allow;
* a quantity that finds no counterparty in an immediate order is ExecType(150)=4 Canceled, not Expired;
* a replace to OrderQty(38) <= CumQty(14) is refused with CxlRejReason(102)=99;
* a mass status request without open orders is answered by one ExecType(150)=I, OrdStatus(39)=8, Text(58) "no orders".
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from decimal import Decimal

from gateway.sim import positions, rules, status
from gateway.sim.book import ZERO, Book, BookEvent, Cancelled, Lifetime, Side, Trade
from gateway.sim.messages import (
    NONE,
    Answer,
    CancelRequest,
    CxlRejReason,
    ExecType,
    MassStatusRequest,
    NewOrder,
    OrderRequest,
    OrdRejReason,
    OrdStatus,
    OrdType,
    PositionsRequest,
    ReplaceRequest,
    Report,
    StatusRequest,
)
from gateway.sim.orders import LIFETIMES, Execution, Order

HOUSE = "house"
"""Prefix of the ids of orders that belong to no client; no report is made of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Print:
    """A trade as the market data shows it."""

    symbol: str
    price: Decimal
    quantity: Decimal


class Exchange:
    """Books, client orders and their executions. `run` makes the ids unique over restarts of the venue."""

    def __init__(self, symbols: list[str], run: int) -> None:
        self.books = {symbol: Book() for symbol in symbols}
        self.orders: dict[str, Order] = {}
        self.executions: dict[str, Execution] = {}
        self.reject_next = 0
        self.booked: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
        """(account, symbol) -> what the staff has added to a position."""
        self._run = run
        self._counter = 0
        self._by_cl_ord_id: dict[tuple[str, str], Order] = {}
        self._seen: set[tuple[str, str]] = set()
        self._stops: dict[str, list[Order]] = {symbol: [] for symbol in symbols}
        self._last_price: dict[str, Decimal] = {}
        self._prints: list[Print] = []

    # --- what clients ask ---------------------------------------------------------------------------------------------

    def handle(self, session: str, request: OrderRequest, now_ns: int) -> list[Answer]:
        """Answer one request of one session."""
        match request:
            case NewOrder():
                return self._new(session, request, now_ns)
            case CancelRequest():
                return self._cancel(session, request, now_ns)
            case ReplaceRequest():
                return self._replace(session, request, now_ns)
            case StatusRequest():
                order = self.find(session, request.cl_ord_id)
                return [status.answer(session, order, request, self.next_id("S"), now_ns)]
            case MassStatusRequest():
                mine = [order for order in self.orders.values() if order.session == session and order.is_open]
                return status.mass_answer(session, mine, request, self.next_id, now_ns)
            case PositionsRequest():
                own = (order for order in self.orders.values() if order.session == session)
                return positions.answer(session, request, own, self.booked, self.next_id, now_ns)

    def find(self, session: str, cl_ord_id: str) -> Order | None:
        """The order that any ClOrdID of its chain names."""
        return self._by_cl_ord_id.get((session, cl_ord_id))

    def next_id(self, kind: str) -> str:
        """An id that this venue's directory has never seen."""
        self._counter += 1
        return f"{kind}{self._run}-{self._counter}"

    def rename_execution(self, execution: Execution, exec_id: str) -> None:
        """A corrected execution is known by the ExecID(17) of its correction, which a further one refers to."""
        self.executions.pop(execution.exec_id)
        execution.exec_id = exec_id
        self.executions[exec_id] = execution

    def take_prints(self) -> list[Print]:
        """The trades since the last call."""
        prints, self._prints = self._prints, []
        return prints

    def _new(self, session: str, request: NewOrder, now_ns: int) -> list[Answer]:
        key = (session, request.cl_ord_id)
        known = key in self._seen
        order = Order(
            order_id=NONE if known else self.next_id("O"),
            session=session,
            terms=request,
            quantity=request.quantity,
            price=request.price,
            stop_px=request.stop_px,
            cl_ord_id=request.cl_ord_id,
        )
        refusal = (OrdRejReason.DUPLICATE, "duplicate ClOrdID") if known else self._refusal(request)
        if not known:
            self._seen.add(key)
            self._by_cl_ord_id[key] = order
            self.orders[order.order_id] = order
        if refusal is not None:
            order.closed_as = OrdStatus.REJECTED
            order.reject_reason, order.reject_text = refusal
            return [order.report(self.next_id("E"), ExecType.REJECTED, now_ns)]
        return [order.report(self.next_id("E"), ExecType.NEW, now_ns), *self._work(order, now_ns)]

    def _refusal(self, request: NewOrder) -> rules.Refusal | None:
        if self.reject_next > 0:
            self.reject_next -= 1
            return OrdRejReason.BROKER, "rejected by the operator of the venue"
        return rules.order_refusal(request, self.books)

    def _cancel(self, session: str, request: CancelRequest, now_ns: int) -> list[Answer]:
        order = self.find(session, request.orig_cl_ord_id)
        if refusal := self._cancel_refusal(session, request, order):
            return [rules.cancel_reject(session, request, order, refusal, now_ns)]
        assert order is not None
        self._chain(order, request.cl_ord_id)
        return [self.close(order, OrdStatus.CANCELED, ExecType.CANCELED, now_ns)]

    def _replace(self, session: str, request: ReplaceRequest, now_ns: int) -> list[Answer]:
        order = self.find(session, request.orig_cl_ord_id)
        refusal = self._cancel_refusal(session, request, order)
        if refusal is None and order is not None:
            refusal = rules.replace_refusal(order, request)
        if refusal is not None:
            return [rules.cancel_reject(session, request, order, refusal, now_ns)]
        assert order is not None
        self._chain(order, request.cl_ord_id)
        order.quantity = request.quantity
        order.price = request.price if request.price is not None else order.price
        order.stop_px = request.stop_px if request.stop_px is not None else order.stop_px
        report = order.report(self.next_id("E"), ExecType.REPLACED, now_ns)
        book = self.books[order.terms.symbol]
        if order.order_id not in book:
            return [report]
        assert order.price is not None
        return [report, *self.apply(order.terms.symbol, book.replace(order.order_id, order.price, order.open_qty), now_ns)]

    def _cancel_refusal(
        self, session: str, request: CancelRequest | ReplaceRequest, order: Order | None
    ) -> rules.Refusal | None:
        """Why not; the ClOrdID of the request counts as used from here on."""
        key = (session, request.cl_ord_id)
        if key in self._seen:
            return CxlRejReason.DUPLICATE, "duplicate ClOrdID"
        self._seen.add(key)
        if order is None:
            return CxlRejReason.UNKNOWN_ORDER, "unknown order"
        if not order.is_open:
            return CxlRejReason.TOO_LATE, "too late: the order is closed"
        return None

    def _chain(self, order: Order, cl_ord_id: str) -> None:
        order.orig_cl_ord_id, order.cl_ord_id = order.cl_ord_id, cl_ord_id
        self._by_cl_ord_id[order.session, cl_ord_id] = order

    # --- matching -----------------------------------------------------------------------------------------------------

    def close(self, order: Order, status: str, exec_type: str, now_ns: int, text: str | None = None) -> Report:
        """End an open order without a trade, wherever it stands."""
        symbol = order.terms.symbol
        if order.order_id in self.books[symbol]:
            self.books[symbol].cancel(order.order_id)
        if order.waiting_for_stop:
            order.waiting_for_stop = False
            self._stops[symbol].remove(order)
        order.closed_as = status
        return order.report(self.next_id("E"), exec_type, now_ns, text=text)

    def house(self, symbol: str, side: Side, price: Decimal | None, quantity: Decimal, now_ns: int) -> tuple[str, list[Answer]]:
        """An order of the house: a quote that rests at `price`, or with None a market order. Returns its id and the reports."""
        order_id = self.next_id(HOUSE)
        lifetime = Lifetime.IMMEDIATE if price is None else Lifetime.RESTS
        events = self.books[symbol].submit(order_id, side, price, quantity, lifetime)
        return order_id, self.apply(symbol, events, now_ns)

    def _work(self, order: Order, now_ns: int) -> list[Answer]:
        symbol = order.terms.symbol
        if order.terms.ord_type in (OrdType.STOP, OrdType.STOP_LIMIT):
            order.waiting_for_stop = True
            self._stops[symbol].append(order)
            return self._trigger(symbol, now_ns)
        return self.apply(symbol, self._submit(order), now_ns)

    def _submit(self, order: Order) -> list[BookEvent]:
        book = self.books[order.terms.symbol]
        lifetime = LIFETIMES[order.terms.time_in_force]
        return book.submit(order.order_id, order.side, order.limit, order.open_qty, lifetime)

    def resubmit(self, order: Order, now_ns: int) -> list[Answer]:
        """Work the open quantity again after a bust or a correction changed it; the place in the queue is lost."""
        book = self.books[order.terms.symbol]
        if order.order_id in book:
            book.cancel(order.order_id)
        return self.apply(order.terms.symbol, self._submit(order), now_ns) if order.open_qty > ZERO else []

    def apply(self, symbol: str, events: list[BookEvent], now_ns: int) -> list[Answer]:
        """Turn what happened in a book into reports, then trigger the stops that the trades reached."""
        reports: list[Answer] = []
        for event in events:
            match event:
                case Trade():
                    reports += self._trade(symbol, event, now_ns)
                case Cancelled(order_id=order_id) if order_id in self.orders:
                    order = self.orders[order_id]
                    order.closed_as = OrdStatus.CANCELED
                    text = "no counterparty for the remaining quantity"
                    reports.append(order.report(self.next_id("E"), ExecType.CANCELED, now_ns, text=text))
        return reports + self._trigger(symbol, now_ns)

    def _trade(self, symbol: str, trade: Trade, now_ns: int) -> list[Report]:
        self._last_price[symbol] = trade.price
        self._prints.append(Print(symbol=symbol, price=trade.price, quantity=trade.quantity))
        self._counter += 1
        trade_id = self._counter
        reports = []
        for order_id in (trade.taker, trade.maker):
            order = self.orders.get(order_id)
            if order is None:
                continue
            execution = Execution(self.next_id("E"), order, trade_id, trade.quantity, trade.price)
            self.executions[execution.exec_id] = execution
            order.fill(execution)
            reports.append(order.report(execution.exec_id, ExecType.TRADE, now_ns, last=execution))
        return reports

    def _trigger(self, symbol: str, now_ns: int) -> list[Answer]:
        last = self._last_price.get(symbol)
        for order in self._stops[symbol]:
            if last is not None and _reached(order, last):
                self._stops[symbol].remove(order)
                order.waiting_for_stop = False
                return self.apply(symbol, self._submit(order), now_ns) + self._trigger(symbol, now_ns)
        return []


def _reached(order: Order, last: Decimal) -> bool:
    """StopPx(99): a buy triggers at or above it, a sale at or below."""
    assert order.stop_px is not None
    return last >= order.stop_px if order.side is Side.BUY else last <= order.stop_px
