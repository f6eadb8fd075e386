"""A small venue that is honest and knows the truth: the other side of the random streams."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from msgspec.structs import replace

from gateway.core.events import (
    Accepted,
    Cancelled,
    CancelRejected,
    ExecutionEvent,
    Filled,
    PendingNew,
    PendingReplace,
    Replaced,
    ReplaceRejected,
    StatusReported,
    StatusRequested,
)
from gateway.core.orders import Command
from gateway.core.values import CommandKind
from gateway.testing.harness import SESSION, SYMBOL, TRADING_DATE, VENUE

D = Decimal
ZERO = D(0)
LOT = D(1000)
WORKING = ("0", "1")


@dataclass
class VenueOrder:
    """One order as the venue holds it: the truth. `command` has the terms and the name as last accepted."""

    command: Command
    number: int
    status: str = "A"
    cum_qty: Decimal = ZERO
    value: Decimal = ZERO
    forgotten: bool = False
    trades: dict[str, tuple[Decimal, Decimal]] = field(default_factory=dict)
    names: list[str] = field(default_factory=list)

    @property
    def leaves_qty(self) -> Decimal:
        return self.command.quantity - self.cum_qty if self.status in ("A", *WORKING) else D(0)

    @property
    def ended(self) -> bool:
        return self.status in ("2", "4", "8", "C")


class Venue:
    """Takes commands and status requests, answers into `outbox`; what is on its way to it lies in `inbox`."""

    def __init__(self, name: str = VENUE, session: str = SESSION, symbols: tuple[str, ...] = (SYMBOL,)) -> None:
        self.name = name
        self.session = session
        self.symbols = symbols
        self.inbox: list[Command | StatusRequested] = []
        self.orders: dict[str, VenueOrder] = {}
        self.outbox: list[ExecutionEvent] = []
        self.number = 0
        self.executions = 0
        self.replaces = 0

    def receive(self, command: Command) -> None:
        if command.kind is CommandKind.NEW:
            order = VenueOrder(command, len(self.orders) + 1, names=[command.cl_ord_id])
            self.orders[command.order_id] = order
            self.say(PendingNew, order)
            return
        known = self.orders.get(command.order_id)
        if known is None or known.ended:
            self.refuse(command, known)
            return
        assert command.orig_cl_ord_id in known.names, "a request names its order by an accepted ClOrdID"
        if command.kind is CommandKind.REPLACE:
            self.amend(command, known)
        else:
            known.status = "4"
            self.say(Cancelled, known, cl_ord_id=command.cl_ord_id, orig_cl_ord_id=command.orig_cl_ord_id)

    def amend(self, command: Command, order: VenueOrder) -> None:
        """Every fifth REPLACE is refused, every third is said to be pending first."""
        self.replaces += 1
        named = {"cl_ord_id": command.cl_ord_id, "orig_cl_ord_id": command.orig_cl_ord_id}
        if self.replaces % 5 == 0:
            self.refuse(command, order)
            return
        if self.replaces % 3 == 0:
            self.say(PendingReplace, order, **named, ord_status="E")
        self.change(order, command.quantity, name=command.cl_ord_id, price=command.price)
        self.say(Replaced, order, orig_cl_ord_id=command.orig_cl_ord_id, exec_id=f"R{self.number}")

    def change(self, order: VenueOrder, quantity: Decimal, *, name: str, price: Decimal | None) -> None:
        """Other terms; a quantity at or below what is filled ends the order."""
        order.names.append(name)
        order.command = replace(order.command, cl_ord_id=name, quantity=max(quantity, order.cum_qty), price=price)
        order.status = "2" if order.cum_qty == order.command.quantity else "1" if order.cum_qty else "0"

    def accept_all(self) -> None:
        for order in self.orders.values():
            if order.status == "A":
                order.status = "0"
                self.say(Accepted, order)

    def refuse(self, command: Command, order: VenueOrder | None) -> None:
        self.number += 1
        kind = ReplaceRejected if command.kind is CommandKind.REPLACE else CancelRejected
        self.outbox.append(
            kind(
                venue=self.name,
                session=self.session,
                msg_seq_num=self.number,
                cl_ord_id=command.cl_ord_id,
                orig_cl_ord_id=command.orig_cl_ord_id,
                ord_status="8" if order is None else order.status,
                cxl_rej_reason="1" if order is None else "0",
            )
        )

    def asked(self, request: StatusRequested) -> ExecutionEvent:
        order = self.orders.get(request.order_id)
        if order is not None and not order.forgotten:
            return self.report(StatusReported, order)
        self.number += 1
        return StatusReported(
            venue=self.name,
            session=self.session,
            msg_seq_num=self.number,
            cl_ord_id=request.cl_ord_id,
            ord_status="8",
            unknown=True,
        )

    def say(self, kind: type[ExecutionEvent], order: VenueOrder, **fields: Any) -> None:
        self.outbox.append(self.report(kind, order, **fields))

    def report(self, kind: type[ExecutionEvent], order: VenueOrder, **fields: Any) -> ExecutionEvent:
        self.number += 1
        common: dict[str, Any] = {
            "venue": self.name,
            "session": self.session,
            "msg_seq_num": self.number,
            "venue_time_ns": self.number,
            "cl_ord_id": order.command.cl_ord_id,
            "venue_order_id": f"V{order.number}",
            "ord_status": order.status,
            "symbol": order.command.symbol,
            "side": order.command.side,
            "order_qty": order.command.quantity,
            "price": order.command.price,
            "cum_qty": order.cum_qty,
            "leaves_qty": order.leaves_qty,
            "avg_px": order.value / order.cum_qty if order.cum_qty else D(0),
        }
        return kind(**{**common, **fields})

    def trade(self, order: VenueOrder, lots: int, price: Decimal) -> None:
        quantity = min(LOT * lots, order.leaves_qty)
        order.cum_qty += quantity
        order.value += quantity * price
        order.status = "2" if order.cum_qty == order.command.quantity else "1"
        self.executions += 1
        exec_id = f"E{self.executions}"
        order.trades[exec_id] = (quantity, price)
        self.say(Filled, order, exec_id=exec_id, last_qty=quantity, last_px=price, trade_date=TRADING_DATE)
