"""A venue on the runtime thread: inbound messages become events, dispatches become messages. Decides nothing, owns no order.

What it does own is the session: settling after a logon, epochs, the inbound watermark. Its parts have a module each: what is
sent (`outbound`), market data (`subscription`), the hours it is up (`schedule`), resends (`resend`), numbers (`numbering`), and
how what happened is said (`facts`). Everything learnt about those is an event too.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable

from msgspec.structs import replace

from gateway.clock import wall_ns
from gateway.core.contents import PlannedNumbers
from gateway.core.events import (
    BookSnapshot,
    Event,
    FeedStatus,
    SessionNotice,
    SessionReset,
    StatusReported,
)
from gateway.errors import PreconditionFailed
from gateway.fix import tags
from gateway.fix.decoder import Decoded, Decoder, rejected_by_reference
from gateway.fix.encoder import Encoder, Outgoing
from gateway.fix.message import FixMessage, msg_type_of, whole_number
from gateway.journal.interface import Watermark
from gateway.venue import too_low
from gateway.venue.emergency import Emergency
from gateway.venue.emergency_file import EmergencyFile
from gateway.venue.facts import Facts
from gateway.venue.gate import KillGate
from gateway.venue.hours import Hours
from gateway.venue.link import MOST, Inbound, Kind, Link, NotSent
from gateway.venue.numbering import Numbering, Place
from gateway.venue.outbound import Outbound
from gateway.venue.positions import PositionReports
from gateway.venue.resend import ResendWatch, Verdict
from gateway.venue.schedule import Schedule
from gateway.venue.send_log import SendLog
from gateway.venue.settle import Do, Input, Phase, Settling
from gateway.venue.subscription import FOR_GOOD, MARKET_DATA, Subscription

_log = logging.getLogger(__name__)
_OUT_OF_SEQUENCE = frozenset({"2", "5", "A"})
"""The engine shows these whatever their MsgSeqNum(34): ResendRequest, Logout, Logon."""
_MSG_SEQ_NUM = re.compile("\x0134=([0-9]{1,18})\x01")
SETTLE_PATIENCE_NS = 5_000_000_000


class VenueAdapter:
    """One venue, one session. Of the runtime thread; others may `test`, and look at `down`, `unsettled` and constants."""

    def __init__(
        self,
        place: Place,
        *,
        decoder: Decoder,
        encoder: Encoder,
        send_log: SendLog,
        gate: KillGate,
        symbols: Iterable[str],
        count: Callable[[str, str, str], None],
        id_prefix: str,
        heartbeat: Callable[[str, float], None] = lambda *_: None,
        takes_orders: bool = True,
        resend_timeout_ns: int = 10_000_000_000,
        hours: Hours | None = None,
        emergency_file: EmergencyFile | None = None,
        fence: Callable[[], str | None] = lambda: None,
    ) -> None:
        """`fence`: why nothing may be sent now, because the journal may be another gateway's; None when it is ours."""
        self.venue = place.venue
        self.session = place.session
        self.last_receive_ns: int | None = None
        self._numbering = Numbering(place)
        self._facts = Facts(place, self._numbering)
        self._decoder = decoder
        self.encoder = encoder
        self._count = count
        self._id_prefix = id_prefix
        self._heartbeat_seen = heartbeat
        self._takes_orders = takes_orders
        self._fence = fence
        self._settling = Settling(SETTLE_PATIENCE_NS)
        self._resends = ResendWatch(resend_timeout_ns)
        self._taking_number = ""
        """Why the number of the next Logon is taken as it is: what came before it is lost."""
        self._link: Link | None = None
        self._down_reason = ""
        self._down_told = False
        self._mass_requests = 0
        self._probed_logon = 0
        """Logons of the link when the probe was about to leave: the engine may have seen another since."""
        self._settled_logon = 0
        """The same of the probe that was answered: the answer settles no later connection."""
        self._gap_in_session = False
        """We asked for a resend although the numbers had been agreed on: what was live is missing."""
        self.subscription = Subscription(self, encoder, symbols, send=self._try, id_prefix=id_prefix)
        self.schedule = Schedule(self, hours)
        self.emergency = Emergency(self, encoder, send_log, emergency_file, count, id_prefix=id_prefix)
        self._positions = PositionReports(self, encoder)
        self.outbound = Outbound(self, encoder, send_log, gate, self.emergency, self._positions, count)

    def attach(self, link: Link) -> None:
        """The engine's side, made after the adapter because it feeds the intake from its first moment."""
        self._link = link

    @property
    def link(self) -> Link:
        assert self._link is not None, "attach() comes first"
        return self._link

    @property
    def watermark(self) -> Watermark:
        """Highest inbound number whose effects the next commit holds."""
        return self._numbering.mark

    @property
    def deadline_ns(self) -> int | None:
        """When a probe or a resend is overdue, a subscription is to be repeated, or the schedule changes, in stream time."""
        parts = (self._settling, self.subscription, self._resends, self.schedule, self._positions)
        return min((part.deadline_ns for part in parts if part.deadline_ns is not None), default=None)

    @property
    def down(self) -> bool:
        return self._settling.phase is Phase.DOWN

    @property
    def settled(self) -> bool:
        """Both sides agreed on the numbers, as far as this thread knows; `unsettled` is stricter."""
        return self._settling.phase is Phase.SETTLED

    @property
    def epoch(self) -> int:
        return self._numbering.epoch

    def unsettled(self) -> str | None:
        """A dispatch decided on one connection must not leave on the next, whose numbers nobody has agreed on."""
        if not (self.settled and self._settled_logon == self.link.logons):
            return "the session is not settled"
        return self._fence()

    def fenced(self) -> str | None:
        return self._fence()

    # -------------------------------------------------------------------------------------------------------- inbound

    def translate(self, inbound: Inbound, now_ns: int) -> list[Event]:
        """The events of one thing that happened on the session. `now_ns` is stream time."""
        match inbound.kind:
            case Kind.MESSAGE:
                return self._message(inbound, now_ns)
            case Kind.LOGON:
                return self._step(Input.LOGON, now_ns)
            case Kind.LOGOUT:
                return self._logged_out(now_ns)
            case Kind.LOGON_SENT:
                return self._logon_sent(inbound)
            case Kind.RESEND_REQUESTED:
                message = FixMessage.parse(inbound.raw)
                begin, end = message.get(7) or "?", message.get(16) or "0"
                self._resends.asked(whole_number(begin) or 0, now_ns)
                to = "" if end in ("0", "999999") else f" to {end}"
                notice = self._facts.notice("gap", f"asked the venue for a resend from MsgSeqNum(34)={begin}{to}")
                return [notice, *self._step(Input.GAP, now_ns)]
            case Kind.RESEND_REFUSED:
                return self._no_resend(self._resends.failed(), f"refused: {inbound.detail}")
            case Kind.LOGOUT_SENT:
                said = inbound.detail + too_low.of_theirs(inbound.detail, self.venue)
                self._down_reason = self._down_reason or (f"logout by us: {said}" if said else "logout")
                return []
            case Kind.ENGINE_REJECT:
                self._numbering.advance_by_one(inbound.msg_seq_num)
                refused = self._facts.engine_rejected(inbound, inbound.msg_seq_num, f"our engine refused it: {inbound.detail}")
                if refused.market_data:
                    return [refused, *self.subscription.refused(msg_type_of(inbound.raw), now_ns)]
                self._look_for_unknown_orders()
                return [refused]

    def untranslatable(self, inbound: Inbound, detail: str) -> Event:
        """The event for a message that nothing else could be made of. Raises nothing: it is what a defect ends in."""
        number = inbound.msg_seq_num
        if number is None and inbound.kind is Kind.MESSAGE:
            found = _MSG_SEQ_NUM.search(inbound.raw)
            number = None if found is None else int(found[1])
        self._numbering.advance_by_one(number)
        rejected = self._facts.engine_rejected(inbound, number, detail)
        if rejected.market_data:
            self.subscription.missed("market data that could not be translated")
        return rejected

    def on_time(self, now_ns: int) -> list[Event]:
        """Call when `deadline_ns` has passed."""
        self.subscription.on_time(now_ns)
        events: list[Event] = []
        deadline = self._resends.deadline_ns
        if deadline is not None and deadline <= now_ns:
            events = self._no_resend(self._resends.overdue(self.link.numbers[1], now_ns), "unanswered")
        deadline = self._settling.deadline_ns
        overdue = self._step(Input.OVERDUE, now_ns) if deadline is not None and deadline <= now_ns else []
        return [*self.schedule.due(now_ns), *events, *overdue, *self._positions.on_time(now_ns)]

    def _no_resend(self, verdict: Verdict, why: str) -> list[Event]:
        """Ask once more on a new connection; after that the venue's own number is taken and what it skips is lost."""
        if verdict is Verdict.WAIT:
            return []
        if verdict is Verdict.GIVE_UP:
            self._taking_number = f"resend {why} twice"
            self.link.take_next_number()
        self._down_reason = self._down_reason or f"resend {why}"
        self.link.drop()
        then = "asking again" if verdict is Verdict.AGAIN else "taking the number of the venue's next Logon"
        return [self._facts.notice("gap", f"resend {why}; {then}")]

    # -------------------------------------------------------------------------------------------------------- numbers

    def plan_numbers(self, next_sender: int | None, next_target: int | None, *, ask: bool, reason: str) -> SessionReset:
        """A new epoch, on an operator's word: its event. `renumber` follows once that is durable. Raises PreconditionFailed."""
        if not self.down or self.link.logged_on:
            raise PreconditionFailed(f"{self.session} is still logged on; its numbers cannot be changed now")
        now_sender, now_target = (1, 1) if ask else (self.link.numbers[0], self._numbering.watermark + 1)
        sender = now_sender if next_sender is None else next_sender
        target = now_target if next_target is None else next_target
        return self._numbering.begin_as_told(sender, target, ask=ask, reason=reason)

    def renumber(self, planned: PlannedNumbers) -> None:
        """What was planned, on the session that is down."""
        self._numbering.plan(ask=planned.ask)
        self._taking_number = ""
        self._resends.closed()
        self.link.renumber(planned.next_sender, planned.next_target, ask=planned.ask)

    def _message(self, inbound: Inbound, now_ns: int) -> list[Event]:
        decoded = self._decoder.decode(inbound.raw, inbound.received_ns, epoch=self.epoch)
        self.last_receive_ns = inbound.received_ns
        self._count(self.venue, "in", decoded.msg_type or "?")
        if decoded.msg_type in MARKET_DATA and decoded.poss_dup:
            self.subscription.resent()
            events: list[Event] = []
        elif decoded.msg_type in _SESSION_MESSAGES and decoded.message is not None:
            events = _SESSION_MESSAGES[decoded.msg_type](self, decoded, decoded.message, now_ns)
        elif decoded.msg_type in ("3", "j"):
            events = self._refused(decoded, now_ns)
        elif decoded.msg_type == "Y" and decoded.message is not None:
            events = self._no_market_data(decoded, decoded.message, now_ns)
        elif decoded.msg_type in ("AO", "AP") and decoded.message is not None:
            events = [*decoded.events, *self._positions.taken(decoded.message)]
        elif inbound.conflated:
            events = [_conflated(event, inbound.conflated) for event in decoded.events]
        else:
            events = list(decoded.events)
        number = inbound.msg_seq_num or decoded.msg_seq_num
        if decoded.msg_type in _OUT_OF_SEQUENCE:
            self._numbering.advance_by_one(number)
        elif decoded.msg_type != "4":  # NewSeqNo(36) says where that leads
            self._numbering.advance(number)
        return self.subscription.taken(events, now_ns, live=not decoded.poss_dup, request=decoded.md_req_id)

    def _heartbeat(self, decoded: Decoded, message: FixMessage, now_ns: int) -> list[Event]:
        probe = message.get(tags.TEST_REQ_ID)
        if probe is None or probe != self._settling.probe:
            return []
        self._heartbeat_seen(self.venue, (now_ns - self._settling.probed_ns) / 1e9)
        return self._step(Input.ANSWERED, now_ns)

    def _resend_request(self, decoded: Decoded, message: FixMessage, now_ns: int) -> list[Event]:
        detail = f"the venue missed our messages from MsgSeqNum(34)={message.get(7)}: gap-filled"
        return [self._facts.notice("resend_request", detail, decoded.msg_seq_num), *self._step(Input.RESEND_REQUEST, now_ns)]

    def _sequence_reset(self, decoded: Decoded, message: FixMessage, now_ns: int) -> list[Event]:
        """GapFill: the venue says that what it skips concerns nobody. Reset: it says nothing. Either way, look again."""
        new = whole_number(message.get(36))
        gap_fill = message.get(123) == "Y"
        if new is None or new > MOST:
            if gap_fill:
                self._numbering.advance_by_one(decoded.msg_seq_num)
            return [self._facts.notice("sequence_reset", f"NewSeqNo(36)={message.get(36)} makes no sense", decoded.msg_seq_num)]
        first, last = self._numbering.watermark + 1, new - 1
        self._numbering.advance(last)
        if last < first:
            return []
        if gap_fill and not self.settled and not self._gap_in_session:
            # After a logon this is how the venue skips its own Heartbeats and the like: nothing to alarm anybody with.
            detail = f"MsgSeqNum(34) {first}..{last} gap-filled; reconciliation follows"
            return [self._facts.notice("gap", detail, decoded.msg_seq_num), *self._step(Input.GAP_FILLED, now_ns)]
        reason = "gap-filled" if gap_fill else "skipped by SequenceReset-Reset"
        lost = self._facts.lost(first, last, reason)
        self.subscription.missed(reason)
        self._look_for_unknown_orders()
        notice = self._facts.notice("sequence_reset", f"NewSeqNo(36)={new}", decoded.msg_seq_num)
        return [notice, lost, *self._step(Input.GAP_FILLED, now_ns)]

    def _logout_text(self, decoded: Decoded, message: FixMessage, now_ns: int) -> list[Event]:
        text = message.get(tags.TEXT) or ""
        self._down_reason = f"logout: {text}{too_low.of_ours(text, self.venue)}" if text else "logout"
        if self._settling.phase is Phase.DOWN:
            return [self._facts.notice("logon_refused", text or "no reason given", decoded.msg_seq_num)]
        return []

    def _logon_answer(self, decoded: Decoded, message: FixMessage, now_ns: int) -> list[Event]:
        """ResetSeqNumFlag(141)=Y that we did not ask for is a new epoch; otherwise its number may be the one to go on from."""
        why, self._taking_number = self._taking_number, ""
        if message.get(141) == "Y":
            return list(self._numbering.reset_in_answer())
        first, last = self._numbering.watermark + 1, (decoded.msg_seq_num or 0) - 1
        if not why or last < first:
            return []
        self._numbering.advance(last)
        self._resends.closed()
        return [self._facts.lost(first, last, why)]

    def _logon_sent(self, inbound: Inbound) -> list[Event]:
        flagged = FixMessage.parse(inbound.raw).get(141) == "Y"
        first = inbound.msg_seq_num
        lost: list[Event] = []
        if first is not None:
            reason = "not taken in before the numbers were reset, with all that followed"
            lost = [self._facts.lost(first, first, reason)]
        return [*lost, *self._numbering.logon_sent(flagged=flagged)]

    def _no_market_data(self, decoded: Decoded, message: FixMessage, now_ns: int) -> list[Event]:
        """MarketDataRequestReject(Y), as the decoder words it."""
        for_good = message.get(tags.MD_REQ_REJ_REASON) in FOR_GOOD
        events: list[Event] = []
        for event in decoded.events:
            told = event.detail if isinstance(event, FeedStatus) else ""
            events += self.subscription.turned_down(decoded.md_req_id, told, now_ns, for_good=for_good)
        return events

    def _refused(self, decoded: Decoded, now_ns: int) -> list[Event]:
        """Reject(3) or BusinessMessageReject(j): RefSeqNum(45) says which of our requests it was."""
        events: list[Event] = list(decoded.events)
        kind, cl_ord_id = self.outbound.sent_as(decoded.ref_seq_num or 0)
        kind = kind or decoded.ref_msg_type or ""
        if kind == "V":  # a session that knows no market data at all, or not now
            request, told = decoded.business_reject_ref_id, "market data request refused: " + _words(events)
            return [*events, *self.subscription.turned_down(request, told, now_ns, for_good=decoded.msg_type == "3")]
        cl_ord_id = cl_ord_id or decoded.business_reject_ref_id or ""
        if not cl_ord_id:
            return events
        if kind == "H":  # the venue answers no status requests: that is an answer, too
            return [*events, StatusReported(venue=self.venue, session=self.session, cl_ord_id=cl_ord_id)]
        refused = rejected_by_reference(decoded, cl_ord_id=cl_ord_id, msg_type=kind)
        return [*events, refused] if refused is not None else events

    # -------------------------------------------------------------------------------------------------------- session

    def _step(self, what: Input, now_ns: int) -> list[Event]:
        events: list[Event] = []
        for action in self._settling.step(what):
            events += _ACTIONS[action](self, now_ns)
        return events

    def _announce(self, now_ns: int) -> list[Event]:
        self._down_reason, self._down_told = "", False
        self._numbering.logged_on()
        self._gap_in_session = False
        return [self._facts.logged_on(self.link.numbers)]

    def _unsettle(self, now_ns: int) -> list[Event]:
        self._gap_in_session = True
        reason = "messages are missing, a resend was asked for"
        return [self._facts.unsettled(reason), *self.subscription.interrupted(reason)]

    def _probe(self, now_ns: int) -> list[Event]:
        self._probed_logon = self.link.logons
        self._try(self.encoder.test_request(self._settling.next_probe(now_ns)))
        return []

    def test(self) -> None:
        """A TestRequest(1) outside settling; its Heartbeat(0) shows in the FIX log."""
        self._try(self.encoder.test_request(f"TEST-{wall_ns()}"))

    def _open(self, now_ns: int) -> list[Event]:
        self._settled_logon = self._probed_logon
        self._resends.closed()
        discarded = self.subscription.opened(now_ns)
        self._gap_in_session = False
        settled = self._facts.settled(self.link.numbers)
        self._look_for_unknown_orders()
        return [*discarded, settled]

    def _look_for_unknown_orders(self) -> None:
        """Orders we know are asked about one by one; a mass status request finds those that we do not know."""
        if self._takes_orders and self.settled and self.encoder.asks_mass_status:
            self._mass_requests += 1
            self._try(self.encoder.mass_status_request(f"MS{self._id_prefix}-{self._mass_requests}"))

    def _logged_out(self, now_ns: int) -> list[Event]:
        """A connection ended. The engine says so more than once when a logon fails: the first reason is the one that counts."""
        if self._settling.phase is Phase.DOWN and not self._down_reason:
            if self._down_told:
                return []
            self._down_reason = "the logon was not answered: is the venue up, are host, port and CompIDs right?"
        return self._step(Input.LOGOUT, now_ns)

    def _close(self, now_ns: int) -> list[Event]:
        self._decoder.forget_market_data()
        self._resends.disconnected()
        self._positions.closed()
        reason, self._down_reason, self._down_told = self._down_reason or "disconnected", "", True
        down = self._facts.down(reason, self.link.numbers)
        return [down, *self.subscription.closed(reason)]

    def _try(self, outgoing: Outgoing) -> None:
        """Send what a disconnect makes superfluous."""
        try:
            self.link.send(outgoing, lambda _number: self.fenced())
            if outgoing.msg_type != "1":  # administrative ones the link counts
                self._count(self.venue, "out", outgoing.msg_type)
        except NotSent as error:
            _log.warning("%s: MsgType(35)=%s not sent: %s", self.session, outgoing.msg_type, error)


def _words(events: list[Event]) -> str:
    return next((event.detail for event in events if isinstance(event, SessionNotice)), "")


def _conflated(event: Event, count: int) -> Event:
    return replace(event, conflated=count) if isinstance(event, BookSnapshot) else event


_SESSION_MESSAGES: dict[str, Callable[[VenueAdapter, Decoded, FixMessage, int], list[Event]]] = {
    "0": VenueAdapter._heartbeat,
    "2": VenueAdapter._resend_request,
    "4": VenueAdapter._sequence_reset,
    "5": VenueAdapter._logout_text,
    "A": VenueAdapter._logon_answer,
}
_ACTIONS: dict[Do, Callable[[VenueAdapter, int], list[Event]]] = {
    Do.ANNOUNCE: VenueAdapter._announce,
    Do.PROBE: VenueAdapter._probe,
    Do.UNSETTLE: VenueAdapter._unsettle,
    Do.OPEN: VenueAdapter._open,
    Do.CLOSE: VenueAdapter._close,
}
