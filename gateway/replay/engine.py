"""A log replayed: its requests as recorded decisions, its reports through decoder and core as if they had just arrived.

Nothing is asked of anybody: a question that the core would put to the venue is noted and never sent, its answer is in the log
or is not. Orders and executions are held until the end; everything else of a log streams by.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from gateway.core.apply import apply
from gateway.core.changes import AnomalyRaised, Change, FillChanged, OrderChanged
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
)
from gateway.core.orders import Command
from gateway.core.reactions import react
from gateway.core.settings import CoreSettings, Venue
from gateway.core.state import State
from gateway.core.turn import Turn
from gateway.core.values import NANOS, CommandKind
from gateway.fix.message import readable
from gateway.fix.timestamps import utc_date
from gateway.fixlogs.reader import LogMessage
from gateway.replay import spoken
from gateway.replay.reading import REPORTS, Asked, Heard, Met, Reading, Told, Totals
from gateway.replay.requests import KINDS, about, new_order

_RUN = 1
_EARLIEST_NS = 5 * NANOS
"""So much may clocks of several logs differ before a report is taken to have no request."""
_MOST_ANOMALIES = 10_000
_TRADES = frozenset("12FGH")
"""ExecType(150) of executions, their corrections and busts."""


@dataclass(frozen=True, slots=True)
class Session:
    """One pair of CompIDs, from the side that sends the orders."""

    name: str
    venue: str
    ours: str
    theirs: str


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
    at_ns: int | None
    """TransactTime(60)."""


class _Early(NamedTuple):
    """A report that came before its request."""

    at_ns: int
    heard: Heard


NOTES = {
    "request_repeated": "a request whose ClOrdID(11) an earlier one had; only the first counts",
    "request_unnamed": "a request without ClOrdID(11), or an order without side or symbol: it cannot be followed",
    "request_for_unknown_order": "a cancel or replace of an order that is not in the log: the log begins later",
}
"""What only a log can do wrong; everything else is in the vocabulary of the core."""


class Replay:
    """The state after what was told so far: `add` messages in the order of their time, or `follow` what was read of them."""

    def __init__(
        self, *, side: str | None = None, dialect: str | None = None, several: bool = False, compared: bool = False
    ) -> None:
        """`side`, `dialect`: see `Reading`. `several`: the messages come from logs with clocks of their own, a report may come
        before its request. `compared`: keep what only a comparison asks for (`asked`, `said`)."""
        self._reading = Reading(side=side, dialect=dialect)
        self.totals: Totals = self._reading.totals
        self.state = State(with_digest=False, deciding=False)
        self.sessions: list[Session] = []
        self.anomalies: list[Anomaly] = []
        self.anomaly_counts: Counter[str] = Counter()
        self.requests = 0
        self.reports = 0
        self.executions = 0
        """Those that count."""
        self.asked: dict[str, dict[str, spoken.Request]] = {}
        """If compared: order -> ClOrdID(11) of each request about it -> what it asked, and when."""
        self.answered: dict[str, dict[spoken.ReportName, spoken.Report]] = {}
        """If compared: order -> reports about it that are no executions."""
        self.said: dict[str, Said] = {}
        """If compared: order -> its latest report that is no repetition."""
        self.contradicted: dict[tuple[str, str], tuple[str, str]] = {}
        """If compared: order and ExecID(17) -> Symbol(55) and side, where they are not the order's."""
        self.only_trades = True
        """No report was about anything but executions."""
        self._several = several
        self._compared = compared
        self._early: deque[_Early] = deque()

    def add(self, message: LogMessage) -> None:
        """The next message. Never raises for what it says."""
        told: list[Told] = []
        self._reading.read(message, told)
        self.follow(told)

    def follow(self, told: Sequence[Told]) -> None:
        """What the next messages said."""
        for one in told:
            if type(one) is Met:
                self._met(one)
                continue
            now = max(one.at_ns, self.state.at_ns)
            while self._early and self._early[0].at_ns < now - _EARLIEST_NS:
                self._late(self._early.popleft())
            if type(one) is Asked:
                self._request(one, now)
                if self._early:
                    self._answered(one)
            elif type(one) is Heard and not (self._several and self._waits(one, now)):
                self._report(one, now)

    def finish(self) -> None:
        """There are no more messages: what waited for its request waits no more."""
        while self._early:
            self._late(self._early.popleft())

    def _met(self, met: Met) -> None:
        name, venue = met.name, met.venue
        self.sessions.append(Session(name, venue, met.ours, met.theirs))
        settings = CoreSettings(
            config_sha256="",
            venues={one.venue: Venue(name=one.venue, session=one.name, ack_timeout_ns=NANOS) for one in self.sessions},
        )
        now = max(met.at_ns, self.state.at_ns)
        if not self.state.seq:
            self._fold(RunStarted(version="", id_prefix="", settings=settings, trading_date=utc_date(now)), now)
        else:
            self._fold(ConfigurationUpdated(actor="log", request_id=name, settings=settings), now)
        self._fold(SessionLoggedOn(venue=venue, session=name, next_sender=1, next_target=1), now)
        self._fold(SessionSettled(venue=venue, session=name, next_sender=1, next_target=1), now)

    # --------------------------------------------------------------------------------------------------------- requests

    def _request(self, asked: Asked, now: int) -> None:
        """Recorded, as the live gateway records what it dispatched: nothing is decided about it again."""
        kind, request, session = asked.kind, asked.request, self.sessions[asked.session]
        if kind == "H":
            return
        self.requests += 1
        name, execution = request.name, self.state.execution
        known = None if name is None else execution.cl_ord_ids.get((session.venue, name))
        if known is not None:
            if not request.poss_dup:
                self._note("request_repeated", session, known, asked, now)
            return
        if name is None:
            self._note("request_unnamed", session, None, asked, now)
        elif KINDS[kind] is CommandKind.NEW:
            order_id = self._order_id(session, name)
            command = new_order(request, order_id=order_id, cl_ord_id=name, venue=session.venue)
            if command is None:
                self._note("request_unnamed", session, None, asked, now)
            else:
                self._asked(command, asked, now)
        else:
            found = execution.cl_ord_ids.get((session.venue, request.orig_cl_ord_id or ""))
            found = found or execution.venue_order_ids.get((session.venue, request.venue_order_id or ""))
            if found is None:
                self._note("request_for_unknown_order", session, None, asked, now)
                return
            self._asked(about(request, KINDS[kind], execution.orders[found], name), asked, now)

    def _asked(self, command: Command, asked: Asked, now: int) -> None:
        if self._compared:
            said = asked.request
            request = spoken.Request(str(command.kind), now, said.quantity, said.price, said.stop_price)
            self.asked.setdefault(command.order_id, {})[command.cl_ord_id] = request
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

    def _waits(self, heard: Heard, now: int) -> bool:
        """Whether a report names a request that is not there yet, and is kept for it."""
        if heard.kind not in REPORTS or heard.name is None:
            return False
        if (self.sessions[heard.session].venue, heard.name) in self.state.execution.cl_ord_ids:
            return False
        self._early.append(_Early(now, heard))
        return True

    def _answered(self, asked: Asked) -> None:
        """A request came: what answered it before comes after it."""
        name, session = asked.request.name, asked.session
        if any(early.heard.name == name and early.heard.session == session for early in self._early):
            waiting, self._early = self._early, deque()
            for early in waiting:
                if early.heard.name == name and early.heard.session == session:
                    self._late(early)
                else:
                    self._early.append(early)

    def _late(self, early: _Early) -> None:
        self._report(early.heard, max(early.at_ns, self.state.at_ns))

    # ---------------------------------------------------------------------------------------------------------- reports

    def _report(self, heard: Heard, now: int) -> None:
        session = self.sessions[heard.session]
        if heard.kind in REPORTS:
            self.reports += 1
        for event in heard.events:
            if isinstance(event, ExecutionEvent):
                if self.only_trades:
                    self.only_trades = event.exec_type in _TRADES
                self._heard(event, session, now)
            else:
                self._fold(event, now, session)

    def _heard(self, event: ExecutionEvent, session: Session, now: int) -> None:
        """Applied, with all that follows from it: executions that its CumQty(14) proves, what a status answer settles."""
        turn = Turn(self.state, run_id=_RUN, at_ns=now, wall_ns=now)
        react(turn, event, turn.take(event))
        self._noticed(turn.changes(), session, now)
        if self._compared:
            self._remember(event, session, now)

    def _remember(self, event: ExecutionEvent, session: Session, now: int) -> None:
        execution = self.state.execution
        order_id = execution.cl_ord_ids.get((event.venue, event.cl_ord_id or ""))
        order_id = order_id or execution.venue_order_ids.get((event.venue, event.venue_order_id or ""))
        if order_id is None:
            return
        name, exec_id = spoken.name_of(event), event.exec_id
        if name is not None:
            self.answered.setdefault(order_id, {}).setdefault(name, spoken.Report(event.kind(), now, session.name))
        if exec_id is None:
            return
        before = self.said.get(order_id)
        if event.poss_dup and (event.venue_time_ns or 0) < (1 if before is None else before.at_ns or 0):
            return  # sent again; one that was missed the first time is later than what came
        order = execution.orders[order_id]
        self.said[order_id] = Said(event.ord_status, event.order_qty, event.cum_qty, event.avg_px, event.venue_time_ns)
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
            if type(change) is OrderChanged:
                continue
            if type(change) is FillChanged:
                self.executions += change.after.live - (change.before is not None and change.before.live)
            elif type(change) is AnomalyRaised:
                where = change.session or ("" if session is None else session.name)
                self._keep(
                    Anomaly(change.anomaly, change.order_id, where, change.msg_seq_num, now or None, change.detail, change.raw)
                )

    def _note(self, kind: str, session: Session, order_id: str | None, asked: Asked, now: int) -> None:
        detail = f"MsgType(35)={asked.kind} ClOrdID(11)={asked.request.name}: {NOTES[kind]}"
        self._keep(Anomaly(kind, order_id, session.name, asked.msg_seq_num, now or None, detail, readable(asked.raw)))

    def _keep(self, anomaly: Anomaly) -> None:
        self.anomaly_counts[anomaly.kind] += 1
        if len(self.anomalies) < _MOST_ANOMALIES:
            self.anomalies.append(anomaly)
