"""ExecutionReport(8) and OrderCancelReject(9) as execution events.

Exists apart from the decoder because this is where money is: a fill must not be lost because a field beside it is wrong, and an
order must not be closed by a report that contradicts itself. What is certain is applied, everything else is said in
`deviations`. It never asks what we know of the order; comparing is the core's matter.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from gateway.core.events import (
    Accepted,
    Cancelled,
    CancelRejected,
    DoneForDay,
    ExecutionEvent,
    Expired,
    FillBusted,
    FillCorrected,
    Filled,
    PendingCancel,
    PendingNew,
    PendingReplace,
    Rejected,
    Replaced,
    ReplaceRejected,
    Restated,
    StatusReported,
    Suspended,
)
from gateway.core.values import ZERO
from gateway.errors import UndecodableMessage
from gateway.fix import tags
from gateway.fix.message import FixMessage, readable, whole_number
from gateway.fix.numbers import parse_decimal
from gateway.fix.schema import Dialect, Meaning
from gateway.fix.strict import StrictDictionary
from gateway.fix.timestamps import is_date, parse_utc, utc_date

_PLAIN: dict[Meaning, type[ExecutionEvent]] = {
    "accepted": Accepted,
    "cancelled": Cancelled,
    "replaced": Replaced,
    "expired": Expired,
    "done_for_day": DoneForDay,
    "pending_new": PendingNew,
    "pending_cancel": PendingCancel,
    "pending_replace": PendingReplace,
    "suspended": Suspended,
    "status": StatusReported,
}
"""Meanings that are an event as they stand; the others need numbers, a reference or a reason."""

_KNOWN_STATUS = frozenset("0123456789ABCDE")
"""OrdStatus(39), FIX 4.4 vol. 6."""
_STOPPED = "7"
"""OrdStatus(39): a guarantee names a quantity and a price, and CumQty(14) does not move (FIX 4.2 appendix D, D37)."""
_WORKING = frozenset("012")
_ENDED = frozenset("348C")
_REFUTED_BY: dict[Meaning, frozenset[str]] = {
    "accepted": frozenset("48C"),
    "cancelled": _KNOWN_STATUS - frozenset("4"),
    "rejected": _KNOWN_STATUS - frozenset("8"),
    "expired": _KNOWN_STATUS - frozenset("C"),
}
"""OrdStatus values with which these cannot be true (FIX 4.4 vol. 4, appendix D). A closing report that says the order is open
would understate exposure, an acceptance of a closed order overstate it: both only inform, and the core asks."""

_COMMON = (
    tags.CL_ORD_ID, tags.ORDER_ID, tags.ORIG_CL_ORD_ID, tags.EXEC_ID, tags.MSG_SEQ_NUM, tags.POSS_DUP_FLAG, tags.POSS_RESEND,
    tags.EXEC_TYPE, tags.ORD_STATUS, tags.SYMBOL, tags.SIDE, tags.ORDER_QTY, tags.PRICE, tags.STOP_PX, tags.CUM_QTY,
    tags.LEAVES_QTY, tags.AVG_PX, tags.ACCOUNT, tags.TEXT,
)  # fmt: skip
"""What every execution event has, in the order in which `_common` takes it."""


class ReportReader:
    """Reads the two messages that speak of one order. Holds no state between messages."""

    def __init__(self, dialect: Dialect, strict: StrictDictionary, venue: str, session: str) -> None:
        self._strict = strict
        self._venue = venue
        self._session = session
        self._execution = dialect.execution
        self._absent = frozenset(dialect.execution.absent)
        self._sides = {**dialect.codes.side_read, **{code: side for side, code in dialect.codes.side.items()}}

    def execution_report(self, message: FixMessage, received_ns: int, epoch: int) -> ExecutionEvent:
        """The one event a report is; `epoch` of the session names a trade that has no ExecID(17).

        Raises `UndecodableMessage` when it names no order or says nothing certain.
        """
        found = list(self._strict.deviations(message))
        common = self._common(message, received_ns, found)
        meaning = self._meaning(message)
        event = None
        if meaning is not None and not _refuted(message, meaning, self._strict, found):
            event = self._event(meaning, message, common, found, epoch)
        if event is None:
            if common["ord_status"] not in _KNOWN_STATUS and common["cum_qty"] is None:
                raise UndecodableMessage(
                    "neither ExecType(150) nor OrdStatus(39) nor CumQty(14) can be understood", message.raw
                )
            event = StatusReported(**_deviating(common, message, found), believed=tags.ORD_STATUS_REQ_ID in message)
        return event

    def no_orders(self, message: FixMessage) -> bool:
        """Whether this answers OrderMassStatusRequest(AF) with the news that there are no orders: it names none."""
        if tags.MASS_STATUS_REQ_ID not in message:
            return False
        ids = (tags.CL_ORD_ID, tags.ORIG_CL_ORD_ID, tags.ORDER_ID)
        return all(self._id(message, tag) is None for tag in ids) and self._is_unknown("status", message)

    def cancel_reject(self, message: FixMessage, received_ns: int) -> CancelRejected | ReplaceRejected:
        """OrderCancelReject(9). Without a usable CxlRejResponseTo(434) it reads as the reject of a cancel."""
        found = list(self._strict.deviations(message))
        common = self._common(message, received_ns, found)
        kind = ReplaceRejected if message.get(tags.CXL_REJ_RESPONSE_TO) == "2" else CancelRejected
        return kind(**_deviating(common, message, found), cxl_rej_reason=message.get(tags.CXL_REJ_REASON))

    def _meaning(self, message: FixMessage) -> Meaning | None:
        """What the report is about. FIX 4.2: ExecTransType(20) cancels and corrects whatever ExecType(150) repeats."""
        trans_type = message.get(tags.EXEC_TRANS_TYPE)
        if trans_type is not None and trans_type in self._execution.exec_trans_types:
            return self._execution.exec_trans_types[trans_type]
        return self._execution.exec_types.get(message.get(tags.EXEC_TYPE) or "")

    def _event(
        self, meaning: Meaning, message: FixMessage, common: dict[str, Any], found: list[str], epoch: int
    ) -> ExecutionEvent | None:
        """The event of a meaning, or None when the report lacks what it takes; `found` then says what."""
        if meaning in ("fill", "fill_corrected"):
            return self._trade(meaning, message, common, found, epoch)
        if self._is_unknown(meaning, message):
            return StatusReported(**_deviating(common, message, found), unknown=True)
        if meaning == "fill_busted":
            reference = message.get(tags.EXEC_REF_ID)
            if reference is None:
                found.append("a trade is cancelled but ExecRefID(19) does not say which")
                return None
            return FillBusted(
                **_deviating(common, message, found), exec_ref_id=reference, trade_date=_trade_date(message, common)
            )
        if meaning == "rejected":
            code = message.get(tags.ORD_REJ_REASON)
            return Rejected(**_deviating(common, message, found), reason=self._reason(message), ord_rej_reason=code)
        if meaning == "restated":
            why = message.get(tags.EXEC_RESTATEMENT_REASON)
            return Restated(**_deviating(common, message, found), restatement_reason=why)
        return _PLAIN[meaning](**_deviating(common, message, found))

    def _trade(
        self, meaning: Meaning, message: FixMessage, common: dict[str, Any], found: list[str], epoch: int
    ) -> ExecutionEvent | None:
        """A fill, or None when quantity or price are not to be trusted: CumQty(14) then still shows that something traded."""
        last_qty = self._needed(message, tags.LAST_QTY, found)
        last_px = self._needed(message, tags.LAST_PX, found)
        if last_qty is not None and last_qty <= 0:
            found.append(f"a trade with {self._strict.label(tags.LAST_QTY)}={last_qty:f}")
            last_qty = None
        _check_sums(common, found)
        if last_qty is None or last_px is None:
            return None
        if meaning == "fill_corrected":
            reference = message.get(tags.EXEC_REF_ID)
            if reference is None:
                found.append("a trade is corrected but ExecRefID(19) does not say which")
                return None
            date = _trade_date(message, common)
            fields = _deviating(common, message, found)
            return FillCorrected(**fields, exec_ref_id=reference, last_qty=last_qty, last_px=last_px, trade_date=date)
        cum_qty = common["cum_qty"]
        if cum_qty is not None and cum_qty < last_qty and common["ord_status"] != _STOPPED:
            found.append(f"CumQty(14)={cum_qty:f} is below {self._strict.label(tags.LAST_QTY)}={last_qty:f}")
        date = _trade_date(message, common)
        place = epoch if common["exec_id"] is None else None
        fields = _deviating(common, message, found)
        return Filled(**fields, last_qty=last_qty, last_px=last_px, trade_date=date, epoch=place)

    def _needed(self, message: FixMessage, tag: int, found: list[str]) -> Decimal | None:
        """A number a trade must have; the dictionary asks for it only in words (FIX 4.4 vol. 4, ExecutionReport)."""
        text = message.get(tag)
        if text is None and tag not in message:
            found.append(f"required {self._strict.label(tag)} is missing")
        return parse_decimal(text)

    def _is_unknown(self, meaning: Meaning, message: FixMessage) -> bool:
        """Whether the report says that the venue does not know the order it was asked about."""
        rule = self._execution.unknown_order
        if message.get(tags.ORD_STATUS) != rule.ord_status or message.get(tags.ORD_REJ_REASON) not in rule.ord_rej_reasons:
            return False
        if meaning == "status":
            return True
        return meaning == "rejected" and (not rule.status_reply_only or tags.ORD_STATUS_REQ_ID in message)

    def _reason(self, message: FixMessage) -> str:
        code, text = message.get(tags.ORD_REJ_REASON), message.get(tags.TEXT)
        words = self._strict.describe(tags.ORD_REJ_REASON, code) if code is not None else None
        return ": ".join(part for part in (words, text) if part)

    def _common(self, message: FixMessage, received_ns: int, found: list[str]) -> dict[str, Any]:
        """The fields every execution event has. Raises `UndecodableMessage` when no id names an order."""
        get, absent = message.get, self._absent
        (
            cl_ord_id, venue_order_id, orig_cl_ord_id, exec_id, number, duplicate, resend, exec_type, ord_status, symbol, side,
            order_qty_text, price, stop_price, cum_qty_text, leaves_qty_text, avg_px, account, text,
        ) = map(get, _COMMON)  # fmt: skip
        if absent:
            cl_ord_id = None if cl_ord_id in absent else cl_ord_id
            venue_order_id = None if venue_order_id in absent else venue_order_id
            orig_cl_ord_id = None if orig_cl_ord_id in absent else orig_cl_ord_id
            exec_id = None if exec_id in absent else exec_id
        if cl_ord_id is None and venue_order_id is None and orig_cl_ord_id is None:
            raise UndecodableMessage("no order is named: ClOrdID(11), OrigClOrdID(41) and OrderID(37) say nothing", message.raw)
        order_qty, cum_qty = parse_decimal(order_qty_text), parse_decimal(cum_qty_text)
        leaves_qty = parse_decimal(leaves_qty_text)
        if order_qty is not None and order_qty < ZERO:
            order_qty = self._unsaid(tags.ORDER_QTY, order_qty, found)
        if cum_qty is not None and cum_qty < ZERO:
            cum_qty = self._unsaid(tags.CUM_QTY, cum_qty, found)
        if leaves_qty is not None and leaves_qty < ZERO:
            leaves_qty = self._unsaid(tags.LEAVES_QTY, leaves_qty, found)
        return {
            "venue": self._venue,
            "session": self._session,
            "msg_seq_num": whole_number(number),
            "poss_dup": duplicate == "Y" or resend == "Y",
            "venue_time_ns": _venue_time(message),
            "received_ns": received_ns,
            "cl_ord_id": cl_ord_id,
            "orig_cl_ord_id": orig_cl_ord_id,
            "venue_order_id": venue_order_id,
            "exec_id": exec_id,
            "exec_type": exec_type,
            "ord_status": ord_status,
            "symbol": symbol,
            "side": self._sides.get(side or ""),
            "order_qty": order_qty,
            "price": parse_decimal(price),
            "stop_price": parse_decimal(stop_price),
            "cum_qty": cum_qty,
            "leaves_qty": leaves_qty,
            "avg_px": parse_decimal(avg_px),
            "account": account,
            "text": text or get(tags.ENCODED_TEXT),
        }

    def _id(self, message: FixMessage, tag: int) -> str | None:
        value = message.get(tag)
        return None if value in self._absent else value

    def _unsaid(self, tag: int, negative: Decimal, found: list[str]) -> Decimal | None:
        """No quantity of an order is negative: it says nothing."""
        found.append(f"{self._strict.label(tag)}={negative:f} is negative")
        return None


def _venue_time(message: FixMessage) -> int | None:
    """TransactTime(60), else when it was sent: for a resend the first time, or it would be another trade on another day."""
    get = message.get
    found = parse_utc(get(tags.TRANSACT_TIME))
    if found is None:
        found = parse_utc(get(tags.ORIG_SENDING_TIME))
    return parse_utc(get(tags.SENDING_TIME)) if found is None else found


def _deviating(common: dict[str, Any], message: FixMessage, found: list[str]) -> dict[str, Any]:
    """`common`, and if anything was found, what it was and the message itself."""
    return {**common, "deviations": tuple(found), "raw": readable(message.raw)} if found else common


def _refuted(message: FixMessage, meaning: Meaning, strict: StrictDictionary, found: list[str]) -> bool:
    status = message.get(tags.ORD_STATUS)
    if status is None or status not in _REFUTED_BY.get(meaning, ()):
        return False
    said = f"{strict.label(tags.EXEC_TYPE)}={message.get(tags.EXEC_TYPE)}"
    found.append(f"{said} ({meaning}) contradicts OrdStatus(39)={status} ({strict.describe(tags.ORD_STATUS, status)})")
    return True


def _check_sums(common: dict[str, Any], found: list[str]) -> None:
    """CumQty + LeavesQty = OrderQty while the order works, LeavesQty = 0 once it ended (FIX 4.4 vol. 4, appendix D)."""
    cum, leaves, quantity, status = common["cum_qty"], common["leaves_qty"], common["order_qty"], common["ord_status"]
    known = cum is not None and leaves is not None and quantity is not None
    if status in _WORKING and known and cum + leaves != quantity:
        found.append(f"CumQty(14)={cum:f} + LeavesQty(151)={leaves:f} is not OrderQty(38)={quantity:f}")
    if status in _ENDED and leaves:
        found.append(f"LeavesQty(151)={leaves:f} in an order that ended, OrdStatus(39)={status}")


def _trade_date(message: FixMessage, common: dict[str, Any]) -> str:
    """TradeDate(75), else the UTC day of TransactTime(60), else of SendingTime(52); empty when none can be read."""
    stated = message.get(tags.TRADE_DATE)
    if stated is not None and is_date(stated):
        return stated
    return utc_date(common["venue_time_ns"]) if common["venue_time_ns"] is not None else ""
