"""What a venue sent, as events: the one way from FIX text into the gateway, live and in replay.

Exists so that a message means the same wherever it is read. It never raises: what cannot be translated becomes `Untranslated`
with its text, passwords redacted. Session messages are the engine's and the adapter's business and yield no events here.
"""

from __future__ import annotations

from typing import Any

import msgspec

from gateway.core.events import CancelRejected, Event, FeedStatus, Rejected, ReplaceRejected, SessionNotice, Untranslated
from gateway.core.values import FeedState
from gateway.errors import UndecodableMessage
from gateway.fix import tags
from gateway.fix.market import MarketReader
from gateway.fix.message import FixMessage, readable, whole_number, without_surrogates
from gateway.fix.reports import ReportReader
from gateway.fix.schema import Dialect
from gateway.fix.strict import StrictDictionary
from gateway.fix.timestamps import parse_utc

_SESSION_LAYER = frozenset("01245A")
"""Heartbeat, TestRequest, ResendRequest, SequenceReset, Logout, Logon."""


class Decoded(msgspec.Struct, frozen=True, kw_only=True):
    """The events of one message, and what its header and references say to whoever keeps the session's books."""

    events: tuple[Event, ...]
    msg_type: str = ""
    msg_seq_num: int | None = None
    poss_dup: bool = False
    sending_ns: int | None = None
    received_ns: int = 0
    message: FixMessage | None = None
    """The parsed message; None when the text is not FIX."""
    ref_seq_num: int | None = None
    """RefSeqNum(45) of a Reject(3) or BusinessMessageReject(j): which of our messages was refused."""
    ref_msg_type: str | None = None
    business_reject_ref_id: str | None = None
    """BusinessRejectRefID(379): usually the ClOrdID or request id of the refused message."""
    md_req_id: str | None = None
    """MDReqID(262), where the message belongs to a market data request."""


class Decoder:
    """Decodes the messages of one session. Only market data leaves a trace in it: what entry ids stand for."""

    def __init__(self, dialect: Dialect, strict: StrictDictionary, venue: str, session: str) -> None:
        self._strict = strict
        self._venue = venue
        self._session = session
        self._ignored = _SESSION_LAYER | frozenset(dialect.ignored)
        self._positions = dialect.positions is not None
        self._reports = ReportReader(dialect, strict, venue, session)
        self._market = MarketReader(dialect, strict, venue)

    def decode(self, raw: str, received_ns: int, *, epoch: int = 1) -> Decoded:
        """The meaning of one message. `epoch` goes into session events and unnamed fills. Never raises."""
        raw = without_surrogates(raw)
        try:
            message = self._strict.read(raw)
        except UndecodableMessage as error:
            return Decoded(events=(self._untranslated(None, raw, str(error), epoch),), received_ns=received_ns)
        kind = message.msg_type
        try:
            events = self._events(kind, message, received_ns, epoch)
        except UndecodableMessage as error:
            events = (self._untranslated(message, raw, str(error), epoch),)
        get = message.get
        return Decoded(
            events=events,
            msg_type=kind,
            msg_seq_num=message.msg_seq_num,
            poss_dup=message.poss_dup,
            sending_ns=parse_utc(get(tags.SENDING_TIME)),
            received_ns=received_ns,
            message=message,
            ref_seq_num=whole_number(get(tags.REF_SEQ_NUM)),
            ref_msg_type=get(tags.REF_MSG_TYPE),
            business_reject_ref_id=get(tags.BUSINESS_REJECT_REF_ID),
            md_req_id=get(tags.MD_REQ_ID),
        )

    def forget_market_data(self) -> None:
        """The subscriptions ended (logout, unsubscribe): ids of market data entries start anew."""
        self._market.forget()

    def _events(self, kind: str, message: FixMessage, received_ns: int, epoch: int) -> tuple[Event, ...]:
        if kind == "8":
            return () if self._reports.no_orders(message) else (self._reports.execution_report(message, received_ns, epoch),)
        if kind in ("X", "W"):
            return self._market_data(message, received_ns, epoch)
        if kind in self._ignored or (kind in ("AO", "AP") and self._positions):  # read where the question was asked
            return ()
        if kind == "9":
            return (self._reports.cancel_reject(message, received_ns),)
        if kind == "Y":
            return (self._market.refused(message),)
        if kind in ("3", "j"):
            return (self._notice(message, epoch),)
        raise UndecodableMessage(
            f"MsgType(35)={kind!r} is not one this gateway reads" if kind else "MsgType(35) is missing", message.raw
        )

    def _market_data(self, message: FixMessage, received_ns: int, epoch: int) -> tuple[Event, ...]:
        """W and X. A book that missed a message cannot be believed: what is not understood is also a gap."""
        problems: list[str] = []
        read = self._market.snapshot if message.msg_type == "W" else self._market.update
        try:
            events = read(message, received_ns, problems)
        except UndecodableMessage as error:
            problems.append(str(error))
            symbol = message.get(tags.SYMBOL)
            events = [FeedStatus(venue=self._venue, symbol=symbol, status=FeedState.GAP, detail=str(error))]
        if problems:
            events.append(self._untranslated(message, message.raw, "; ".join(problems), epoch))
        return tuple(events)

    def _notice(self, message: FixMessage, epoch: int) -> SessionNotice:
        """A refusal of one of our messages; which order it was, only RefSeqNum(45) tells."""
        business = message.msg_type == "j"
        reason_tag = tags.BUSINESS_REJECT_REASON if business else tags.SESSION_REJECT_REASON
        return SessionNotice(
            venue=self._venue,
            session=self._session,
            epoch=epoch,
            event="business_reject" if business else "reject",
            detail=self._refusal(message, reason_tag),
            msg_seq_num=message.msg_seq_num,
        )

    def _refusal(self, message: FixMessage, reason_tag: int) -> str:
        """`RefSeqNum(45)=12 RefMsgType(372)=D: required tag missing, RefTagID(371)=55: text`."""
        shown = (tags.REF_SEQ_NUM, tags.REF_MSG_TYPE, tags.REF_TAG_ID, tags.BUSINESS_REJECT_REF_ID)
        named = " ".join(f"{self._strict.label(tag)}={message.get(tag)}" for tag in shown if message.get(tag) is not None)
        reason = message.get(reason_tag)
        words = self._strict.describe(reason_tag, reason) if reason is not None else None
        return ": ".join(part for part in (named, words, message.get(tags.TEXT)) if part)

    def _untranslated(self, message: FixMessage | None, raw: str, why: str, epoch: int) -> Untranslated:
        return Untranslated(
            venue=self._venue,
            session=self._session,
            epoch=epoch,
            msg_seq_num=message.msg_seq_num if message is not None else None,
            msg_type=message.msg_type if message is not None else "",
            raw=readable(raw),
            detail=why,
        )


def rejected_by_reference(
    decoded: Decoded, *, cl_ord_id: str, msg_type: str
) -> Rejected | CancelRejected | ReplaceRejected | None:
    """The event a Reject(3) or BusinessMessageReject(j) means for our request `cl_ord_id`, a message of type `msg_type`.

    The caller finds both in its send log by `decoded.ref_seq_num`. None when `decoded` is no such reject or the request was
    neither a new order (D), a cancel (F) nor a replace (G).
    """
    notice = decoded.events[0] if decoded.events else None
    if not isinstance(notice, SessionNotice):
        return None
    common: dict[str, Any] = {
        "venue": notice.venue,
        "session": notice.session,
        "msg_seq_num": decoded.msg_seq_num,
        "poss_dup": decoded.poss_dup,
        "venue_time_ns": decoded.sending_ns,
        "received_ns": decoded.received_ns,
        "cl_ord_id": cl_ord_id,
        "text": notice.detail,
    }
    match msg_type:
        case "D":
            return Rejected(**common, reason=notice.detail)
        case "F":
            return CancelRejected(**common)
        case "G":
            return ReplaceRejected(**common)
        case _:
            return None
