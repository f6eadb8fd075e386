"""A log as what it says of orders: requests read, reports decoded. It needs no state, so another process can do it.

Which side is ours shows in the messages themselves: whoever sends D, F and G, and whoever the reports are for. So the log of
either side of a session gives the same, and a drop copy, which has reports alone, gives orders of unknown origin. Each pair
of CompIDs is a venue of its own, under the name of the other side.
"""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING, NamedTuple, Union

import msgspec

from gateway.core.events import EVENTS, Event, StatusReported
from gateway.errors import UndecodableMessage
from gateway.fix import tags
from gateway.fix.decoder import Decoder, rejected_by_reference
from gateway.fix.message import FixMessage
from gateway.fix.strict import StrictDictionary
from gateway.fixlogs.reader import REMEMBERED, LogMessage
from gateway.fixlogs.recent import Recent
from gateway.replay.dialects import OLDEST, dialect_of, modern
from gateway.replay.requests import KINDS, Request, Requests

REPORTS = frozenset("89")
_HEADERS = 10_000
_LESSONS = 200
"""Requests from which their shapes are learned."""
_ADMIN = frozenset("A01245")
_REFUSALS = frozenset("3j")
_CONCERNED = frozenset((*KINDS, *REPORTS, *_REFUSALS, "H", "A"))
"""MsgType(35) that may be of a session with orders."""

if TYPE_CHECKING:
    AnyEvent = Event
else:
    AnyEvent = reduce(lambda a, b: Union[a, b], EVENTS.values())  # noqa: UP007 - built at run time


class Met(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """A session that was not there before; the following name it by its place among those met. `ours` sends the orders."""

    name: str
    venue: str
    ours: str
    theirs: str
    at_ns: int


class Asked(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """A request. `at_ns`: when it was logged or sent, 0 where neither is known."""

    session: int
    at_ns: int
    kind: str
    """MsgType(35)."""
    request: Request
    msg_seq_num: int | None
    raw: str


class Heard(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """A report, or a refusal of a request. `name`: its ClOrdID(11)."""

    session: int
    at_ns: int
    kind: str
    name: str | None
    events: list[AnyEvent]


Told = Met | Asked | Heard


class Totals(msgspec.Struct):
    """What was read, whatever it said."""

    read: int = 0
    messages: int = 0
    """Those within the span that was asked for."""
    repeated: int = 0
    """Messages that stood in the logs more than once."""
    first_ns: int | None = None
    last_ns: int | None = None
    outside: tuple[int, int] | None = None
    """First and last moment of messages before the span began."""
    not_read: dict[str, int] = {}
    """MsgType(35) -> messages that say nothing about orders here."""
    by_session: list[int] = []
    """Messages of each session, in the order in which they were met."""


class Span(NamedTuple):
    """From `start`, before `end`, UTC nanoseconds; None is open. What has no time is only in one that is open both ways."""

    start: int | None = None
    end: int | None = None


class _Session:
    """One pair of CompIDs, from the side that sends the orders."""

    def __init__(
        self, place: int, met: Met, strict: StrictDictionary, decoder: Decoder, requests: Requests, *, oldest: bool
    ) -> None:
        self.place = place
        self.met = met
        self.theirs = met.theirs
        self.decoder = decoder
        self.requests = requests
        self.oldest = oldest
        """FIX 4.0: reports lack what later versions have."""
        self.epoch = 1
        self.highest = 0
        self.sent: Recent[int, str] = Recent(REMEMBERED)
        """MsgSeqNum(34) -> MsgType(35), one character, and ClOrdID(11) of our requests."""
        self._strict = strict
        self._lessons = _LESSONS

    def fields(self, message: LogMessage) -> FixMessage:
        """A request parsed, by the shape it has where the first have shown it."""
        try:
            fields = self._strict.read(message.text)
        except UndecodableMessage:
            return message.fields
        if fields.faultless_to is None and self._lessons:
            self._lessons -= 1
            self._strict.deviations(fields)
        return fields


class Reading:
    """Give it messages in the order of their time. It holds the last of them by their hashes."""

    def __init__(self, *, side: str | None = None, dialect: str | None = None, span: Span = Span()) -> None:  # noqa: B008 - frozen
        """`side`: only sessions in which this CompID sends the orders. `dialect`: instead of what the version asks for."""
        self.totals = Totals()
        self._side = side
        self._dialect = dialect
        self._span = span
        self._everything = span == Span()
        self._sessions: dict[tuple[str, str], _Session] = {}
        self._of_header: dict[tuple[bytes, bytes, bytes], tuple[_Session | None, str, bool]] = {}
        """MsgType(35), SenderCompID(49) and TargetCompID(56) met -> what `_of` says of them, where it stays so."""
        self._seen: Recent[int, bool] = Recent(REMEMBERED)

    def read(self, message: LogMessage, told: list[Told]) -> None:
        """Append what the next message says of orders, if it does. Never raises for what it says."""
        totals = self.totals
        totals.read += 1
        at = message.time_ns
        if not self._everything and not self._within(at):
            return
        totals.messages += 1
        if at is not None:
            if totals.first_ns is None or at < totals.first_ns:
                totals.first_ns = at
            if totals.last_ns is None or at > totals.last_ns:
                totals.last_ns = at
        _, code, _, sender, target, _ = message.header
        found = self._of_header.get((code, sender, target)) or self._of(message, told)
        if found is None:
            return
        session, kind, theirs = found
        if session is None:
            if kind not in _ADMIN:
                totals.not_read[kind] += 1
            return
        totals.by_session[session.place] += 1
        number = message.msg_seq_num
        if kind == "A":
            if theirs and number == 1 and session.highest:  # MsgSeqNum(34) names other messages from here on
                session.epoch += 1
                session.highest = 1
            return
        if number is not None:
            if theirs and number > session.highest:
                session.highest = number
            if self._known(message):
                totals.repeated += 1
                return
        if kind in REPORTS or kind in _REFUSALS:
            told.append(self._heard(session, kind, message, at or 0))
        else:
            told.append(self._asked(session, kind, message, number, at or 0))

    def _within(self, at: int | None) -> bool:
        start, end = self._span
        if at is not None and (start is None or at >= start) and (end is None or at < end):
            return True
        totals = self.totals
        if at is not None and not totals.messages:
            first, last = totals.outside or (at, at)
            totals.outside = (min(first, at), max(last, at))
        return False

    def _of(self, message: LogMessage, told: list[Told]) -> tuple[_Session, str, bool] | None:
        """The session of a message, MsgType(35), and whether the other side sent it; None for what is not about orders here."""
        kind = message.msg_type
        session = self._session(message, kind, told) if kind in _CONCERNED else None
        if session is None:
            if kind not in _ADMIN:
                self.totals.not_read[kind] = self.totals.not_read.get(kind, 0) + 1
            if kind not in _CONCERNED and len(self._of_header) < _HEADERS:
                self._of_header[message.header[1], message.header[3], message.header[4]] = (None, kind, False)
            return None
        found = (session, kind, message.sender == session.theirs)
        if kind in REPORTS or kind in KINDS:
            _, code, _, sender, target, _ = message.header
            self._of_header[code, sender, target] = found
        return found

    def _session(self, message: LogMessage, kind: str, told: list[Told]) -> _Session | None:
        """The session of a message about orders, or a logon of a known one."""
        sender, target = message.sender, message.target
        if kind in REPORTS:
            pair = (target, sender)
        elif kind in _REFUSALS:
            return self._sessions.get((target, sender))
        elif kind == "A":
            return self._sessions.get((target, sender)) or self._sessions.get((sender, target))
        else:
            pair = (sender, target)
        if self._side is not None and pair[0] != self._side:
            return None
        return self._sessions.get(pair) or self._met(*pair, message, told)

    def _met(self, ours: str, theirs: str, message: LogMessage, told: list[Told]) -> _Session:
        version = message.version
        dialect, strict = dialect_of(version, self._dialect)
        venue = theirs or "?"
        name = f"{version}:{ours}->{theirs}"
        venue = name if any(venue == one.met.venue for one in self._sessions.values()) else venue
        met = Met(name, venue, ours, theirs, message.time_ns or 0)
        told.append(met)
        decoder, requests = Decoder(dialect, strict, venue, name), Requests(dialect)
        session = _Session(len(self._sessions), met, strict, decoder, requests, oldest=version == OLDEST)
        self._sessions[ours, theirs] = session
        self.totals.by_session.append(0)
        return session

    def _known(self, message: LogMessage) -> bool:
        """Whether exactly this message was there already; the number and time in it make it one of its kind."""
        if message.sent_ns is None:
            return False
        name = hash(message.body)
        if self._seen.get(name):
            return True
        self._seen.put(name, True)
        return False

    def _asked(self, session: _Session, kind: str, message: LogMessage, number: int | None, at_ns: int) -> Asked:
        fields = session.fields(message)
        request = session.requests.read(fields)
        if request.name is not None and number is not None:
            session.sent.put(number, kind + request.name)
        return Asked(session.place, at_ns, kind, request, number, fields.raw)

    def _heard(self, session: _Session, kind: str, message: LogMessage, at_ns: int) -> Heard:
        text = message.text
        if session.oldest and kind == "8":
            text = modern(message.fields, text)
        decoded = session.decoder.decode(text, at_ns, epoch=session.epoch)
        events: list[Event] = list(decoded.events)
        if kind in _REFUSALS:
            known = session.sent.get(decoded.ref_seq_num or 0) or ""
            sent, name = known[:1] or decoded.ref_msg_type or "", known[1:] or decoded.business_reject_ref_id or ""
            if sent == "H" and name:  # it answers no status requests: that is an answer, too
                events.append(StatusReported(venue=session.met.venue, session=session.met.name, cl_ord_id=name))
            refused = rejected_by_reference(decoded, cl_ord_id=name, msg_type=sent) if name else None
            events += [] if refused is None else [refused]
        named = None if decoded.message is None else decoded.message.get(tags.CL_ORD_ID)
        return Heard(session.place, at_ns, kind, named, events)
