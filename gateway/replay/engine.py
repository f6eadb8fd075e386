"""A log replayed: its requests as recorded decisions, its reports through decoder and core as if they had just arrived.

Which side is ours shows in the messages themselves: whoever sends D, F and G, and whoever the reports are for. So the log of
either side of a session gives the same, and a drop copy, which has reports alone, gives orders of unknown origin. Each pair
of CompIDs is a venue of its own, under the name of the other side.

Nothing is asked of anybody: a question that the core would put to the venue is noted and never sent, its answer is in the log
or is not. Orders and executions are held until the end; everything else of a log streams by.
"""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field
from decimal import Decimal
from typing import NamedTuple

from gateway.core.apply import apply
from gateway.core.changes import AnomalyRaised, Change
from gateway.core.ended import order_of
from gateway.core.events import (
    ConfigurationUpdated,
    Dispatched,
    Event,
    ExecutionEvent,
    Recorded,
    RunStarted,
    SessionLoggedOn,
    SessionSettled,
    StatusReported,
)
from gateway.core.orders import Command
from gateway.core.reactions import react
from gateway.core.settings import CoreSettings, Venue
from gateway.core.state import State
from gateway.core.turn import Turn
from gateway.core.values import NANOS, CommandKind
from gateway.fix import tags
from gateway.fix.decoder import Decoder, rejected_by_reference
from gateway.fix.message import FixMessage, readable
from gateway.fix.timestamps import utc_date
from gateway.fixlogs.reader import LogMessage
from gateway.replay.dialects import OLDEST, dialect_of, modern
from gateway.replay.requests import KINDS, Requests

_RUN = 1
_REMEMBERED = 100_000
"""Messages by which one that stands in two logs is known again, and requests a Reject may refer to."""
_EARLIEST_NS = 5 * NANOS
"""So much may clocks of several logs differ before a report is taken to have no request."""
_MOST_ANOMALIES = 10_000
_ADMIN = frozenset("A01245")
_REPORTS = frozenset("89")
_REFUSALS = frozenset("3j")
_CONCERNED = frozenset((*KINDS, *_REPORTS, *_REFUSALS, "H", "A"))
"""MsgType(35) that may be of a session with orders."""
_TRADES = frozenset("12FGH")
"""ExecType(150) of executions, their corrections and busts."""


@dataclass(slots=True)
class Session:
    """One pair of CompIDs, from the side that sends the orders."""

    name: str
    venue: str
    ours: str
    theirs: str
    decoder: Decoder
    requests: Requests
    oldest: bool
    """FIX 4.0: reports lack what later versions have."""
    epoch: int = 1
    highest: int = 0
    sent: dict[int, tuple[str, str]] = field(default_factory=dict)
    """MsgSeqNum(34) -> MsgType(35) and ClOrdID(11) of our requests."""
    messages: int = 0


@dataclass(frozen=True, slots=True)
class Anomaly:
    """Something that does not fit: `kind` of the core's vocabulary, or of `NOTES` where the log itself is odd."""

    kind: str
    order_id: str | None
    session: str
    msg_seq_num: int | None
    at_ns: int | None
    detail: str
    raw: str | None = None


class Said(NamedTuple):
    """What the latest report about an order said, whatever the core made of it."""

    ord_status: str | None
    quantity: Decimal | None
    cum_qty: Decimal | None
    avg_px: Decimal | None


class _Early(NamedTuple):
    """A report that came before its request."""

    at_ns: int
    session: Session
    kind: str
    message: LogMessage
    name: str


NOTES = {
    "request_repeated": "a request whose ClOrdID(11) an earlier one had; only the first counts",
    "request_unnamed": "a request without ClOrdID(11), or an order without side or symbol: it cannot be followed",
    "request_for_unknown_order": "a cancel or replace of an order that is not in the log: the log begins later",
}
"""What only a log can do wrong; everything else is in the vocabulary of the core."""


class Replay:
    """The state after the messages added so far. Add them in the order of their time."""

    def __init__(
        self, *, side: str | None = None, dialect: str | None = None, several: bool = False, compared: bool = False
    ) -> None:
        """`side`: only sessions in which this CompID sends the orders. `dialect`: instead of what the version asks for.
        `several`: the messages come from logs with clocks of their own, a report may come before its request.
        `compared`: keep what only a comparison asks for (`asked`, `said`)."""
        self._side = side
        self._dialect = dialect
        self.state = State(with_digest=False, with_exposure=False)
        self.sessions: dict[tuple[str, str], Session] = {}
        self.anomalies: list[Anomaly] = []
        self.anomaly_counts: Counter[str] = Counter()
        self.not_read: Counter[str] = Counter()
        """MsgType(35) -> messages that say nothing about orders here."""
        self.messages = 0
        self.repeated = 0
        """Messages that stood in the logs more than once."""
        self.requests = 0
        self.reports = 0
        self.asked: dict[str, dict[str, tuple[str, int]]] = {}
        """If compared: order -> ClOrdID(11) of each request about it -> what it asked, and when."""
        self.said: dict[str, Said] = {}
        """If compared: order -> its latest report that is no repetition."""
        self.contradicted: dict[tuple[str, str], tuple[str, str]] = {}
        """If compared: order and ExecID(17) -> Symbol(55) and side, where they are not the order's."""
        self.only_trades = True
        """No report was about anything but executions."""
        self.first_ns: int | None = None
        self.last_ns: int | None = None
        self._seen: dict[int, None] = {}
        self._order: deque[int] = deque()
        self._several = several
        self._compared = compared
        self._early: deque[_Early] = deque()

    def add(self, message: LogMessage) -> None:
        """The next message. Never raises for what it says."""
        self.messages += 1
        at, kind = message.time_ns, message.msg_type
        if at is not None:
            if self.first_ns is None or at < self.first_ns:
                self.first_ns = at
            if self.last_ns is None or at > self.last_ns:
                self.last_ns = at
        session = self._session(message, kind) if kind in _CONCERNED else None
        if session is None:
            if kind not in _ADMIN:
                self.not_read[kind] += 1
            return
        session.messages += 1
        number = message.msg_seq_num
        if kind == "A":
            self._logon(session, message, number)
            return
        if message.sender == session.theirs and number is not None:
            session.highest = max(session.highest, number)
        if number is not None and message.sent_ns is not None and self._known(message.body):
            self.repeated += 1
            return
        now = max(at or 0, self.state.at_ns)
        while self._early and self._early[0].at_ns < now - _EARLIEST_NS:
            self._late(self._early.popleft())
        if kind in KINDS or kind == "H":
            self._request(session, kind, message.fields, number, now)
            self._answered(session, message.fields.get(tags.CL_ORD_ID))
        elif not (self._several and self._waits(session, kind, message, now)):
            self._report(session, kind, message, now)

    def finish(self) -> None:
        """There are no more messages: what waited for its request waits no more."""
        while self._early:
            self._late(self._early.popleft())

    # --------------------------------------------------------------------------------------------------------- sessions

    def _session(self, message: LogMessage, kind: str) -> Session | None:
        """The session of a message about orders, or a logon of a known one."""
        sender, target = message.sender, message.target
        if kind in KINDS or kind == "H":
            pair = (sender, target)
        elif kind in _REPORTS:
            pair = (target, sender)
        elif kind in _REFUSALS:
            return self.sessions.get((target, sender))
        elif kind == "A":
            return self.sessions.get((target, sender)) or self.sessions.get((sender, target))
        else:
            return None
        if self._side is not None and pair[0] != self._side:
            return None
        found = self.sessions.get(pair)
        if found is None:
            found = self.sessions[pair] = self._met(*pair, message.version, message.time_ns or 0)
        return found

    def _met(self, ours: str, theirs: str, version: str, at_ns: int) -> Session:
        dialect, strict = dialect_of(version, self._dialect)
        taken = {session.venue for session in self.sessions.values()}
        venue = theirs or "?"
        name = f"{version}:{ours}->{theirs}"
        venue = name if venue in taken else venue
        session = Session(
            name=name,
            venue=venue,
            ours=ours,
            theirs=theirs,
            decoder=Decoder(dialect, strict, venue, name),
            requests=Requests(dialect),
            oldest=version == OLDEST,
        )
        venues = [(one.venue, one.name) for one in self.sessions.values()] + [(venue, name)]
        settings = CoreSettings(
            config_sha256="",
            venues={known: Venue(name=known, session=where, ack_timeout_ns=NANOS) for known, where in venues},
        )
        now = max(at_ns, self.state.at_ns)
        if not self.state.seq:
            self._fold(RunStarted(version="", id_prefix="", settings=settings, trading_date=utc_date(now)), now)
        else:
            self._fold(ConfigurationUpdated(actor="log", request_id=name, settings=settings), now)
        self._fold(SessionLoggedOn(venue=venue, session=name, next_sender=1, next_target=1), now)
        self._fold(SessionSettled(venue=venue, session=name, next_sender=1, next_target=1), now)
        return session

    @staticmethod
    def _logon(session: Session, message: LogMessage, number: int | None) -> None:
        """A logon of the other side that begins at 1 again: MsgSeqNum(34) names other messages from here on."""
        if message.sender == session.theirs and number == 1 and session.highest:
            session.epoch += 1
            session.highest = 1

    def _known(self, body: bytes) -> bool:
        """Whether exactly this message was there already; the number and time in it make it one of its kind."""
        name = hash(body)
        if name in self._seen:
            return True
        self._seen[name] = None
        self._order.append(name)
        if len(self._order) > _REMEMBERED:
            del self._seen[self._order.popleft()]
        return False

    # --------------------------------------------------------------------------------------------------------- requests

    def _request(self, session: Session, kind: str, fields: FixMessage, number: int | None, now: int) -> None:
        """Recorded, as the live gateway records what it dispatched: nothing is decided about it again."""
        name = fields.get(tags.CL_ORD_ID)
        if name is not None and number is not None:
            session.sent.pop(number, None)
            session.sent[number] = (kind, name)
            if len(session.sent) > _REMEMBERED:
                del session.sent[next(iter(session.sent))]
        if kind == "H":
            return
        self.requests += 1
        known = None if name is None else self.state.execution.cl_ord_ids.get((session.venue, name))
        if known is not None:
            if not fields.poss_dup:
                self._note("request_repeated", session, known, fields, now)
            return
        if name is None:
            self._note("request_unnamed", session, None, fields, now)
        elif KINDS[kind] is CommandKind.NEW:
            command = session.requests.new(fields, order_id=self._order_id(session, name), cl_ord_id=name, venue=session.venue)
            if command is None:
                self._note("request_unnamed", session, None, fields, now)
            else:
                self._asked(command, now)
        else:
            execution = self.state.execution
            order_id = execution.cl_ord_ids.get((session.venue, fields.get(tags.ORIG_CL_ORD_ID) or ""))
            order_id = order_id or execution.venue_order_ids.get((session.venue, fields.get(tags.ORDER_ID) or ""))
            if order_id is None:
                self._note("request_for_unknown_order", session, None, fields, now)
                return
            self._asked(session.requests.about(fields, KINDS[kind], execution.orders[order_id], name), now)

    def _asked(self, command: Command, now: int) -> None:
        if self._compared:
            self.asked.setdefault(command.order_id, {})[command.cl_ord_id] = (str(command.kind), now)
        self._fold(Dispatched(command=command, decided_seq=self.state.seq + 1, ack_deadline_ns=now), now)

    def _order_id(self, session: Session, name: str) -> str:
        """Ours where the ClOrdID is one of ours (`...-1` names the first request of an order), else the ClOrdID itself."""
        stem = name.removesuffix("-1")
        ours = order_of(name) if stem != name else None
        for order_id in (ours, stem, name, f"{session.venue} {name}"):
            if order_id and order_id not in self.state.execution.orders:
                return order_id
        return f"{session.name} {name} {self.state.seq}"

    # ------------------------------------------------------------------------------------------------- early reports

    def _waits(self, session: Session, kind: str, message: LogMessage, now: int) -> bool:
        """Whether a report names a request that is not there yet, and is kept for it."""
        if kind not in _REPORTS:
            return False
        name = message.fields.get(tags.CL_ORD_ID)
        if name is None or (session.venue, name) in self.state.execution.cl_ord_ids:
            return False
        self._early.append(_Early(now, session, kind, message, name))
        return True

    def _answered(self, session: Session, name: str | None) -> None:
        """A request came: what answered it before comes after it."""
        if any(early.name == name and early.session is session for early in self._early):
            waiting, self._early = self._early, deque()
            for early in waiting:
                if early.name == name and early.session is session:
                    self._late(early)
                else:
                    self._early.append(early)

    def _late(self, early: _Early) -> None:
        self._report(early.session, early.kind, early.message, max(early.at_ns, self.state.at_ns))

    # ---------------------------------------------------------------------------------------------------------- reports

    def _report(self, session: Session, kind: str, message: LogMessage, now: int) -> None:
        text = message.text
        if kind in _REPORTS:
            self.reports += 1
        if session.oldest and kind == "8":
            text = modern(message.fields, text)
        decoded = session.decoder.decode(text, now, epoch=session.epoch)
        events: list[Event] = list(decoded.events)
        if kind in _REFUSALS:
            sent, name = session.sent.get(decoded.ref_seq_num or 0, ("", ""))
            sent, name = sent or decoded.ref_msg_type or "", name or decoded.business_reject_ref_id or ""
            if sent == "H" and name:  # it answers no status requests: that is an answer, too
                events.append(StatusReported(venue=session.venue, session=session.name, cl_ord_id=name))
            refused = rejected_by_reference(decoded, cl_ord_id=name, msg_type=sent) if name else None
            events += [] if refused is None else [refused]
        for event in events:
            if isinstance(event, ExecutionEvent):
                self.only_trades = self.only_trades and event.exec_type in _TRADES
                self._heard(event, session, now)
            else:
                self._fold(event, now, session)

    def _heard(self, event: ExecutionEvent, session: Session, now: int) -> None:
        """Applied, with all that follows from it: executions that its CumQty(14) proves, what a status answer settles."""
        turn = Turn(self.state, run_id=_RUN, at_ns=now, wall_ns=now)
        react(turn, event, turn.take(event))
        for _, changes in turn.step().changes:
            self._noticed(changes, session, now)
        if self._compared and event.exec_id is not None and not event.poss_dup:
            self._remember(event, event.exec_id)

    def _remember(self, event: ExecutionEvent, exec_id: str) -> None:
        execution = self.state.execution
        order_id = execution.cl_ord_ids.get((event.venue, event.cl_ord_id or ""))
        order_id = order_id or execution.venue_order_ids.get((event.venue, event.venue_order_id or ""))
        if order_id is None:
            return
        order = execution.orders[order_id]
        self.said[order_id] = Said(event.ord_status, event.order_qty, event.cum_qty, event.avg_px)
        terms = (event.symbol or order.symbol, str(event.side or order.side))
        if terms != (order.symbol, str(order.side)):
            self.contradicted[order_id, exec_id] = terms

    def _fold(self, event: Event, now: int, session: Session | None = None) -> None:
        seq = self.state.seq + 1
        recorded = Recorded(seq=seq, run_id=_RUN, at_ns=now, wall_ns=now, cause=seq, event=event)
        self._noticed(apply(self.state, recorded), session, now)

    # -------------------------------------------------------------------------------------------------------- anomalies

    def _noticed(self, changes: list[Change] | tuple[Change, ...], session: Session | None, now: int) -> None:
        for change in changes:
            if isinstance(change, AnomalyRaised):
                where = change.session or ("" if session is None else session.name)
                self._keep(
                    Anomaly(change.anomaly, change.order_id, where, change.msg_seq_num, now or None, change.detail, change.raw)
                )

    def _note(self, kind: str, session: Session, order_id: str | None, fields: FixMessage, now: int) -> None:
        named = fields.get(tags.CL_ORD_ID)
        detail = f"MsgType(35)={fields.msg_type} ClOrdID(11)={named}: {NOTES[kind]}"
        self._keep(Anomaly(kind, order_id, session.name, fields.msg_seq_num, now or None, detail, readable(fields.raw)))

    def _keep(self, anomaly: Anomaly) -> None:
        self.anomaly_counts[anomaly.kind] += 1
        if len(self.anomalies) < _MOST_ANOMALIES:
            self.anomalies.append(anomaly)
