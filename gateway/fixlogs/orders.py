"""Orders as a log tells them: from the first request over the chain of ClOrdIDs to the last report, both directions.

This is the log's own account, message by message, with what does not fit written beside; nothing is judged by the rules of the
gateway's core (that is what a replay through it does). Of finished orders the latest are held, for reports that come late;
older ones are handed out and forgotten, so memory does not grow with the log.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

from gateway.core.values import ZERO
from gateway.fix import tags
from gateway.fix.message import FixMessage, whole_number
from gateway.fix.numbers import parse_decimal
from gateway.fixlogs.reader import LogMessage

STATUSES: Final = {
    "0": "new", "1": "partially filled", "2": "filled", "3": "done for day", "4": "cancelled", "5": "replaced",
    "6": "pending cancel", "7": "stopped", "8": "rejected", "9": "suspended", "A": "pending new", "B": "calculated",
    "C": "expired", "D": "accepted for bidding", "E": "pending replace",
}  # fmt: skip
"""OrdStatus(39) of every version, in words."""
SIDES: Final = {"1": "buy", "2": "sell", "5": "sell short", "6": "sell short exempt"}
_REQUESTS: Final = {"D": "new", "G": "replace", "F": "cancel"}
_ENDED: Final = frozenset(("2", "3", "4", "8", "C"))
_PENDING: Final = frozenset("6AE")
_RELEVANT: Final = frozenset("DGF89j3")
_HISTORY: Final = 500
_RECENT: Final = 20_000


@dataclass(slots=True)
class Order:
    """One order. `notes`: what does not fit. `history`: its messages, if they were asked for."""

    name: str
    """ClOrdID(11) of its first request, or what the first report called it."""
    session: str
    chain: list[str] = field(default_factory=list)
    venue_order_id: str | None = None
    account: str | None = None
    symbol: str | None = None
    side: str | None = None
    order_type: str | None = None
    quantity: str | None = None
    price: str | None = None
    status: str | None = None
    """OrdStatus(39) of the last report; None until one came."""
    cum_qty: Decimal = ZERO
    avg_px: str | None = None
    executed: Decimal = ZERO
    """Sum of LastQty(32) over its executions, busts taken off."""
    fills: int = 0
    requests: dict[str, int] = field(default_factory=dict)
    refused: int = 0
    first_ns: int | None = None
    last_ns: int | None = None
    open_requests: dict[str, str] = field(default_factory=dict)
    executions: dict[str, Decimal] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    history: list[dict[str, Any]] = field(default_factory=list)

    def note(self, text: str) -> None:
        """Something that does not fit; each is said once, twenty at most."""
        if text not in self.notes and len(self.notes) < 20:
            self.notes.append(text)

    def row(self) -> dict[str, Any]:
        """The order as data: decimals as `Decimal`, times in UTC nanoseconds."""
        if self.status is None:
            state = ("unanswered" if self.open_requests or not self.refused else "refused") if self.requests else "unknown"
        else:
            state = STATUSES.get(self.status, self.status)
        notes = list(self.notes)
        notes += [
            f"{request} {name} was not answered" for name, request in self.open_requests.items() if self.status is not None
        ]
        if self.fills and self.cum_qty != self.executed:
            notes.append(f"CumQty(14) is {self.cum_qty:f}, its executions add up to {self.executed:f}")
        return {
            "order": self.name,
            "session": self.session,
            "account": self.account,
            "symbol": self.symbol,
            "side": SIDES.get(self.side or "", self.side),
            "order_type": self.order_type,
            "quantity": self.quantity,
            "price": self.price,
            "state": state,
            "cum_qty": self.cum_qty,
            "avg_px": self.avg_px,
            "fills": self.fills,
            "requests": dict(self.requests),
            "refused": self.refused,
            "venue_order_id": self.venue_order_id,
            "chain": list(self.chain),
            "first_ns": self.first_ns,
            "last_ns": self.last_ns,
            "notes": notes,
        }


class Orders:
    """Follows all orders of a log. `done` gets every order once: when it is forgotten, or at `finish`."""

    def __init__(self, done: Callable[[Order], None], *, held: int = 50_000, history: bool = False) -> None:
        self._done = done
        self._held = held
        self._history = history
        self._orders: dict[int, Order] = {}
        self._names: dict[tuple[str, str], Order] = {}
        self._ended: deque[Order] = deque()
        self._sent: dict[tuple[str, int], tuple[Order, str, str]] = {}

    def add(self, message: LogMessage) -> None:
        """The next message, in the order of the log."""
        kind = message.msg_type
        if kind not in _RELEVANT:
            return
        fields = message.fields
        session = "<->".join(sorted((message.sender or "?", message.target or "?")))
        if kind in _REQUESTS:
            order = self._request(_REQUESTS[kind], session, message, fields)
        elif kind == "8":
            order = self._report(session, fields)
        elif kind == "9":
            order = self._cancel_reject(session, fields)
        else:
            order = self._reject(session, message, fields)
        if order is not None:
            self._seen(order, message, fields)

    def finish(self) -> None:
        """The log has ended: every order still held is done."""
        for order in list(self._orders.values()):
            self._done(order)
        self._orders.clear()
        self._names.clear()

    def _seen(self, order: Order, message: LogMessage, fields: FixMessage) -> None:
        at = message.time_ns
        if order.first_ns is None:
            order.first_ns = at
        order.last_ns = at if at is not None else order.last_ns
        if self._history and len(order.history) < _HISTORY:
            order.history.append(_line(message, fields))
        if len(self._orders) > self._held:
            self._forget()

    def _request(self, request: str, session: str, message: LogMessage, fields: FixMessage) -> Order | None:
        name = fields.get(tags.CL_ORD_ID)
        if name is None:
            return None
        order = self._names.get((session, name))
        if order is not None:
            if not fields.poss_dup and request == "new":
                order.note(f"ClOrdID(11) {name} was used again")
            return order
        before = None if request == "new" else self._find(session, fields.get(tags.ORIG_CL_ORD_ID), fields.get(tags.ORDER_ID))
        order = before or self._new(session, name)
        if before is None and request != "new":
            order.note(f"its first message is a {request}: the log begins later")
        self._called(order, session, name)
        order.requests[request] = order.requests.get(request, 0) + 1
        order.open_requests[name] = request
        if before is not None and before.status in _ENDED:
            order.note(f"{request} {name} was sent after the order had ended")
        if request == "new":
            self._terms(order, fields)
        if message.msg_seq_num is not None:
            if len(self._sent) >= _RECENT:
                del self._sent[next(iter(self._sent))]
            self._sent[message.sender, message.msg_seq_num] = (order, name, request)
        return order

    def _report(self, session: str, fields: FixMessage) -> Order | None:
        name, original, venue = fields.get(tags.CL_ORD_ID), fields.get(tags.ORIG_CL_ORD_ID), fields.get(tags.ORDER_ID)
        order = self._find(session, name, original, venue)
        if order is None:
            known = name or original or venue
            if known is None or known == "NONE":
                return None
            order = self._new(session, known)
            order.note("no request for it in the log")
        if name is not None:
            self._called(order, session, name)
        if venue is not None and venue != "NONE":
            order.venue_order_id = venue
            self._names.setdefault((session, f"\x01{venue}"), order)
        status = fields.get(tags.ORD_STATUS)
        transaction, kind = fields.get(tags.EXEC_TRANS_TYPE) or "0", fields.get(tags.EXEC_TYPE)
        if status not in _PENDING:
            order.open_requests.pop(name or "", None)
        if transaction == "3" or kind == "I":
            return order
        ended = order.status in _ENDED
        self._executed(order, fields, transaction, kind, ended=ended)
        if order.quantity is None or (status not in _PENDING and status != "8"):
            self._terms(order, fields)
        if status is not None:
            order.status = status
            if status in _ENDED and not ended:
                self._ended.append(order)
            if status == "8":
                order.refused += 1
        return order

    def _executed(self, order: Order, fields: FixMessage, transaction: str, kind: str | None, *, ended: bool) -> None:
        quantity, identity = parse_decimal(fields.get(tags.LAST_QTY)), fields.get(tags.EXEC_ID)
        reference = fields.get(tags.EXEC_REF_ID)
        cum = parse_decimal(fields.get(tags.CUM_QTY))
        if transaction in ("1", "2") or kind in ("G", "H"):
            was = order.executions.pop(reference or "", ZERO)
            now = quantity or ZERO if transaction == "2" or kind == "G" else ZERO
            order.executed += now - was
            if now and identity:
                order.executions[identity] = now
            order.note(f"execution {reference} was {'corrected' if now else 'busted'}")
        elif quantity is not None and quantity > ZERO and kind in (None, "1", "2", "F"):
            if identity is not None and identity in order.executions:
                if not fields.poss_dup:
                    order.note(f"ExecID(17) {identity} came twice")
                return
            order.fills += 1
            order.executed += quantity
            if identity is not None and len(order.executions) < 10_000:
                order.executions[identity] = quantity
            if ended:
                order.note(f"an execution after the order had ended: {quantity:f}")
        if cum is not None:
            if cum < order.cum_qty and transaction == "0" and kind not in ("G", "H"):
                if fields.poss_dup:  # sent again, and older than what is known
                    return
                order.note(f"CumQty(14) went back from {order.cum_qty:f} to {cum:f}")
            order.cum_qty = cum
        order.avg_px = fields.get(tags.AVG_PX) or order.avg_px

    def _cancel_reject(self, session: str, fields: FixMessage) -> Order | None:
        name = fields.get(tags.CL_ORD_ID)
        order = self._find(session, name, fields.get(tags.ORIG_CL_ORD_ID), fields.get(tags.ORDER_ID))
        if order is not None:
            order.refused += 1
            order.open_requests.pop(name or "", None)
        return order

    def _reject(self, session: str, message: LogMessage, fields: FixMessage) -> Order | None:
        number = whole_number(fields.get(tags.REF_SEQ_NUM))
        found = self._sent.get((message.target, number)) if number is not None else None
        if found is not None:
            order, name, request = found
        else:
            name, request = fields.get(tags.BUSINESS_REJECT_REF_ID) or "", "request"
            known = self._names.get((session, name)) if name else None
            if known is None:
                return None
            order = known
        order.refused += 1
        order.open_requests.pop(name, None)
        kind = "Reject(3)" if message.msg_type == "3" else "BusinessMessageReject(j)"
        order.note(f"{request} {name} was refused by a {kind}: {fields.get(tags.TEXT) or 'no text'}")
        return order

    def _find(self, session: str, *names: str | None) -> Order | None:
        """By ClOrdIDs, the last name by OrderID(37)."""
        for name in names[:-1]:
            if name is not None and (order := self._names.get((session, name))) is not None:
                return order
        return self._names.get((session, f"\x01{names[-1]}")) if names[-1] else None

    def _new(self, session: str, name: str) -> Order:
        order = Order(name, session)
        self._orders[id(order)] = order
        return order

    def _called(self, order: Order, session: str, name: str) -> None:
        if self._names.setdefault((session, name), order) is order and name not in order.chain:
            order.chain.append(name)

    def _terms(self, order: Order, fields: FixMessage) -> None:
        order.account = fields.get(tags.ACCOUNT) or order.account
        order.symbol = fields.get(tags.SYMBOL) or order.symbol
        order.side = fields.get(tags.SIDE) or order.side
        order.order_type = fields.get(tags.ORD_TYPE) or order.order_type
        order.quantity = fields.get(tags.ORDER_QTY) or order.quantity
        order.price = fields.get(tags.PRICE) or order.price

    def _forget(self) -> None:
        order = self._ended.popleft() if self._ended else next(iter(self._orders.values()))
        if self._orders.pop(id(order), None) is None:
            return
        if order.status not in _ENDED:
            order.note(f"not followed any further: more than {self._held} orders were open")
        for name in order.chain:
            self._names.pop((order.session, name), None)
        self._names.pop((order.session, f"\x01{order.venue_order_id}"), None)
        self._done(order)


def _line(message: LogMessage, fields: FixMessage) -> dict[str, Any]:
    return {
        "time_ns": message.time_ns,
        "direction": message.direction,
        "sender": message.sender,
        "target": message.target,
        "msg_type": message.msg_type,
        "msg_seq_num": message.msg_seq_num,
        "cl_ord_id": fields.get(tags.CL_ORD_ID),
        "exec_type": fields.get(tags.EXEC_TYPE),
        "ord_status": fields.get(tags.ORD_STATUS),
        "quantity": fields.get(tags.ORDER_QTY),
        "price": fields.get(tags.PRICE),
        "last_qty": fields.get(tags.LAST_QTY),
        "last_px": fields.get(tags.LAST_PX),
        "cum_qty": fields.get(tags.CUM_QTY),
        "exec_id": fields.get(tags.EXEC_ID),
        "text": fields.get(tags.TEXT),
    }
