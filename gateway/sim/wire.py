"""FIX in and out: messages to requests, answers to messages.

Exists so that tags are in one place. How a version of FIX writes an answer is data (`gateway.sim.versions`); tags that the
version's dictionary does not have in a message are left out. It must not decide: what cannot be read raises `Unreadable`, and
the acceptor answers that with a BusinessMessageReject(j). Messages are written as text and parsed by the engine once, which
costs a tenth of setting field by field.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from decimal import Decimal, InvalidOperation

import quickfix as fix

from gateway.sim.clock import utc_ns
from gateway.sim.feed import Increment, MarketDataAnswer, MarketDataReject, MarketDataRequest, Snapshot
from gateway.sim.messages import (
    Answer,
    BusinessReject,
    CancelReject,
    CancelRequest,
    MassStatusRequest,
    NewOrder,
    OrderRequest,
    PositionReport,
    PositionsRequest,
    ReplaceRequest,
    Report,
    StatusRequest,
    TimeInForce,
)
from gateway.sim.versions import Version

SOH = "\x01"
LAST_UPDATE_TIME = 779
NEW = "0"
"""ExecTransType(20) of a report that amends nothing."""


class Unreadable(Exception):
    """A request that cannot be understood. `reason` is BusinessRejectReason(380)."""

    def __init__(self, reason: str, text: str) -> None:
        super().__init__(text)
        self.reason = reason


UNSUPPORTED_MSG_TYPE, REQUIRED_TAG_MISSING, OTHER = "3", "5", "0"


def decode(message: fix.Message) -> OrderRequest | MarketDataRequest:
    """The request in an application message. Raises Unreadable."""
    match message.getHeader().getField(35):
        case "D":
            return NewOrder(
                cl_ord_id=_need(message, 11),
                symbol=_need(message, 55),
                side=_need(message, 54),
                ord_type=_need(message, 40),
                quantity=_decimal(message, 38) or Decimal(0),
                price=_decimal(message, 44),
                stop_px=_decimal(message, 99),
                time_in_force=_get(message, 59) or TimeInForce.DAY,
                account=_get(message, 1),
            )
        case "F":
            return CancelRequest(cl_ord_id=_need(message, 11), orig_cl_ord_id=_need(message, 41))
        case "G":
            return ReplaceRequest(
                cl_ord_id=_need(message, 11),
                orig_cl_ord_id=_need(message, 41),
                quantity=_decimal(message, 38) or Decimal(0),
                price=_decimal(message, 44),
                stop_px=_decimal(message, 99),
            )
        case "H":
            return StatusRequest(
                cl_ord_id=_need(message, 11),
                symbol=_need(message, 55),
                side=_need(message, 54),
                ord_status_req_id=_get(message, 790),
            )
        case "AF":
            return MassStatusRequest(req_id=_need(message, 584), req_type=_need(message, 585), symbol=_get(message, 55))
        case "AN":
            return PositionsRequest(req_id=_need(message, 710), account=_need(message, 1))
        case "V":
            return _market_data_request(message)
        case other:
            raise Unreadable(UNSUPPORTED_MSG_TYPE, f"MsgType {other} is not supported")


def _market_data_request(message: fix.Message) -> MarketDataRequest:
    pairs = [field.partition("=") for field in message.toString().split(SOH)]
    depth = _need(message, 264)
    if not depth.isdecimal():
        raise Unreadable(OTHER, f"MarketDepth {depth} is not a number")
    return MarketDataRequest(
        req_id=_need(message, 262),
        subscription=_need(message, 263),
        depth=int(depth),
        full_refresh=_get(message, 265) == "0",
        entry_types=frozenset(value for tag, _, value in pairs if tag == "269"),
        symbols=tuple(dict.fromkeys(value for tag, _, value in pairs if tag == "55")),
    )


def _get(message: fix.Message, tag: int) -> str | None:
    if not message.isSetField(tag):
        return None
    value = str(message.getField(tag))
    if not value.isascii():
        raise Unreadable(OTHER, f"tag {tag} is not ASCII")
    return value


def _need(message: fix.Message, tag: int) -> str:
    value = _get(message, tag)
    if not value:
        raise Unreadable(REQUIRED_TAG_MISSING, f"tag {tag} is missing")
    return value


def _decimal(message: fix.Message, tag: int) -> Decimal | None:
    text = _get(message, tag)
    if text is None:
        return None
    try:
        value = Decimal(text)
    except InvalidOperation as error:
        raise Unreadable(OTHER, f"tag {tag} is not a number") from error
    if not value.is_finite():
        raise Unreadable(OTHER, f"tag {tag} is not a number")
    return value


class Encoder:
    """Answers to messages. The dictionary says which tags a message has and where groups begin; it is loaded once."""

    def __init__(self, version: Version, dictionary: fix.DataDictionary) -> None:
        self._version = version
        self._dictionary = dictionary
        self._has: dict[tuple[str, int], bool] = {}

    def answer(self, answer: Answer) -> fix.Message:
        match answer:
            case Report():
                return self._message("8", _report_fields(answer, self._version))
            case CancelReject():
                return self._message("9", _cancel_reject_fields(answer, self._version))
            case BusinessReject():
                return self._message("j", _business_reject_fields(answer))
            case PositionReport():
                return self._with_groups(*_position_fields(answer))

    def market_data(self, answer: MarketDataAnswer) -> fix.Message:
        match answer:
            case Snapshot():
                head = [(262, answer.req_id), (55, answer.symbol), (268, len(answer.entries))]
                rows = [((269, e.entry_type), (270, _text(e.price)), (271, _text(e.size))) for e in answer.entries]
                return self._with_groups("W", head, rows)
            case Increment():
                head = [(262, answer.req_id), (268, len(answer.entries))]
                increments = [
                    (
                        (279, e.action),
                        (269, e.entry_type),
                        (278, e.entry_id),
                        (55, answer.symbol),
                        (270, _text(e.price)),
                        (271, _text(e.size)),
                    )
                    for e in answer.entries
                ]
                return self._with_groups("X", head, increments)
            case MarketDataReject():
                return self._message("Y", [(262, answer.req_id), (281, answer.reason), (58, answer.text)])

    def _with_groups(self, msg_type: str, head: Fields, rows: Iterable[Fields]) -> fix.Message:
        if msg_type in "WX" and self._knows(msg_type, LAST_UPDATE_TIME):  # the engine's FIX50SP2.xml requires it of snapshots
            head = [(LAST_UPDATE_TIME, utc_timestamp(utc_ns())), *head]
        fields = [*head, *(field for row in rows for field in row)]
        return fix.Message(self._raw(msg_type, fields), self._dictionary, False)

    def _message(self, msg_type: str, fields: Fields) -> fix.Message:
        return fix.Message(self._raw(msg_type, ((tag, value) for tag, value in fields if self._knows(msg_type, tag))), False)

    def _knows(self, msg_type: str, tag: int) -> bool:
        known = self._has.get((msg_type, tag))
        if known is None:
            known = self._has[msg_type, tag] = bool(self._dictionary.isMsgField(msg_type, tag))
        return known

    def _raw(self, msg_type: str, fields: Fields) -> str:
        """The message as text; the engine fills in the rest of the header, the length and the checksum."""
        body = "".join([f"{tag}={value}{SOH}" for tag, value in fields if value is not None])
        return f"8={self._version.begin_string}{SOH}9=0{SOH}35={msg_type}{SOH}{body}10=000{SOH}"


Fields = Iterable[tuple[int, object]]


def _report_fields(r: Report, version: Version) -> Fields:
    last = r.last_rpt_requested
    trans_types = version.exec_trans_types
    return (
        (37, r.order_id),
        (11, r.cl_ord_id),
        (41, r.orig_cl_ord_id),
        (790, r.ord_status_req_id),
        (584, r.mass_status_req_id),
        (911, r.tot_num_reports),
        (912, None if last is None else "Y" if last else "N"),
        (17, r.exec_id),
        (19, r.exec_ref_id),
        (20, None if trans_types is None else trans_types.get(r.exec_type, NEW)),
        (150, r.ord_status if r.exec_type in version.exec_type_is_status else r.exec_type),
        (39, r.ord_status),
        (103, version.ord_rej_reasons.get(r.ord_rej_reason or "", r.ord_rej_reason)),
        (1, r.account),
        (55, r.symbol),
        (54, r.side),
        (38, _text(r.order_qty)),
        (40, r.ord_type),
        (44, _text(r.price)),
        (99, _text(r.stop_px)),
        (59, r.time_in_force),
        (32, _text(r.last_qty)),
        (31, _text(r.last_px)),
        (151, _text(r.leaves_qty)),
        (14, _text(r.cum_qty)),
        (6, _text(r.avg_px)),
        (60, utc_timestamp(r.transact_ns)),
        (58, r.text),
    )


def _cancel_reject_fields(r: CancelReject, version: Version) -> Fields:
    return (
        (37, r.order_id),
        (11, r.cl_ord_id),
        (41, r.orig_cl_ord_id),
        (39, r.ord_status),
        (60, utc_timestamp(r.transact_ns)),
        (434, r.response_to),
        (102, version.cxl_rej_reasons.get(r.reason, r.reason)),
        (58, r.text),
    )


def _business_reject_fields(r: BusinessReject) -> Fields:
    return ((45, r.ref_seq_num), (372, r.ref_msg_type), (379, r.ref_id), (380, r.reason), (58, r.text))


def _position_fields(p: PositionReport) -> tuple[str, Fields, list[Fields]]:
    """FIX 4.4 vol. 5: AP with one entry of NoPositions(702), PosType(703)=TOT; or AO for no positions found."""
    head: list[tuple[int, object]] = [(721, p.report_id), (710, p.req_id)]
    if p.symbol is None:
        return "AO", [*head, (727, 0), (728, "2"), (729, "0"), (1, p.account), (581, "1")], []
    side = (704, _text(p.net_qty)) if p.net_qty > 0 else (705, _text(-p.net_qty))
    prices = [(730, "0"), (731, "1"), (734, "0")]
    middle: list[tuple[int, object]] = [(728, "0"), (727, p.total), (715, p.date), (1, p.account), (581, "1"), (55, p.symbol)]
    return "AP", [*head, *middle, *prices, (702, 1)], [((703, "TOT"), side)]


def utc_timestamp(ns: int) -> str:
    """UTCTimestamp with milliseconds."""
    seconds, rest = divmod(ns, 1_000_000_000)
    return time.strftime("%Y%m%d-%H:%M:%S", time.gmtime(seconds)) + f".{rest // 1_000_000:03d}"


def _text(value: Decimal | None) -> str | None:
    return None if value is None else format(value, "f")
