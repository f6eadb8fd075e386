"""The adapter without an engine: the gate at the last moment, the watermark, and messages nothing can be made of."""

from __future__ import annotations

from decimal import Decimal

import pytest

from gateway.core.events import (
    Dispatched,
    EngineRejected,
    SessionLoggedOn,
    SessionSettled,
    StatusReported,
    StatusRequested,
    SubmissionFailed,
    Transmitted,
)
from gateway.core.orders import Command
from gateway.core.state import Awaiting
from gateway.core.values import CommandKind, FeedState, OrderType, Side, TimeInForce
from gateway.fix.decoder import Decoder
from gateway.fix.dialect import load_dialect
from gateway.fix.encoder import Encoder
from gateway.fix.strict import StrictDictionary
from gateway.venue.adapter import VenueAdapter
from gateway.venue.gate import KillGate
from gateway.venue.link import Inbound, Kind, NotSent
from gateway.venue.numbering import Place
from gateway.venue.send_log import SendLog
from gateway.venue.subscription import (
    ANSWER_NS,
    LONGEST_PAUSE_NS,
    REFUSED_REQUEST_PAUSE_NS,
    REFUSED_SNAPSHOT_PAUSE_NS,
    RESUBSCRIBE_PAUSE_NS,
)


class Wire:
    """A Link that asks the guard as the engine does, and remembers what passed."""

    def __init__(self) -> None:
        self.numbers = (1, 1)
        self.logged_on = True
        self.logons = 1
        self.sent = []
        self.fenced = None

    def send(self, outgoing, guard=None):
        if not self.logged_on:
            raise NotSent("not logged on")
        number = self.numbers[0]
        refusal = guard(number) if guard is not None else None
        if refusal is not None:
            raise NotSent(refusal)
        self.numbers = (number + 1, self.numbers[1])
        self.sent.append(outgoing)
        return number


@pytest.fixture
def gate(tmp_path):
    return KillGate(tmp_path / "kill.json")


@pytest.fixture
def log(request, tmp_path):
    """Of a run; those before it left nothing but that they began."""
    for run_id in range(1, getattr(request, "param", 1)):
        SendLog(tmp_path / "send.log", run_id).close()
    return SendLog(tmp_path / "send.log", getattr(request, "param", 1))


@pytest.fixture
def wire():
    return Wire()


@pytest.fixture
def adapter(request, gate, log, wire):
    dialect = load_dialect("generic-fix44")
    strict = StrictDictionary(dialect)
    made = VenueAdapter(
        Place(venue="SIM", session="S", epoch=1, watermark=4),
        decoder=Decoder(dialect, strict, "SIM", "S"),
        encoder=Encoder(dialect, strict),
        send_log=log,
        gate=gate,
        symbols=getattr(request, "param", ()),
        count=lambda *_: None,
        id_prefix="p",
        fence=lambda: wire.fenced,
    )
    made.attach(wire)
    return made


def dispatched(kind=CommandKind.NEW, cl_ord_id="p-1-1-1"):
    command = Command(
        kind=kind,
        order_id="1-1",
        cl_ord_id=cl_ord_id,
        orig_cl_ord_id="p-1-1-0",
        venue="SIM",
        strategy="desk",
        account="",
        symbol="USD/JPY",
        side=Side.BUY,
        order_type=OrderType.LIMIT,
        time_in_force=TimeInForce.DAY,
        quantity=Decimal(1),
        price=Decimal(1),
    )
    return Dispatched(command=command, decided_seq=1, ack_deadline_ns=1)


def message(msg_type, number, body=""):
    raw = f"8=FIX.4.4|9=1|35={msg_type}|49=SIM|56=DESK|34={number}|52=20260101-00:00:00|{body}10=000|"
    return Inbound(venue="SIM", kind=Kind.MESSAGE, raw=raw.replace("|", "\x01"), received_ns=1)


def settled(adapter, wire):
    adapter.translate(Inbound(venue="SIM", kind=Kind.LOGON), 1)
    probe = dict(wire.sent[-1].fields)[112]
    adapter.translate(message("0", 5, f"112={probe}|"), 2)
    wire.sent[:] = [outgoing for outgoing in wire.sent if outgoing.msg_type == "V"]


def test_nothing_leaves_on_a_connection_whose_numbers_are_not_agreed(adapter, log, wire):
    """Decided while settled, sent after a reconnect the runtime has not heard of yet."""
    settled(adapter, wire)
    wire.logons += 1
    outcome = adapter.outbound.send(dispatched())
    assert isinstance(outcome, SubmissionFailed)
    assert (wire.sent, log.find("p-1-1-1")) == ([], None)


def test_an_answer_on_the_connection_before_settles_nothing_on_this_one(adapter, log, wire):
    """The engine was logged out and on again while the answer waited for the runtime."""
    adapter.translate(Inbound(venue="SIM", kind=Kind.LOGON), 1)
    probe = dict(wire.sent[-1].fields)[112]
    wire.logons += 1
    adapter.translate(message("0", 5, f"112={probe}|"), 2)
    wire.sent.clear()
    assert isinstance(adapter.outbound.send(dispatched()), SubmissionFailed)
    assert (wire.sent, log.find("p-1-1-1")) == ([], None)
    adapter.translate(Inbound(venue="SIM", kind=Kind.LOGOUT), 3)
    settled(adapter, wire)
    assert isinstance(adapter.outbound.send(dispatched()), Transmitted)


@pytest.mark.parametrize("log", [2], indirect=True)
def test_a_send_log_tells_nothing_of_another_directorys_requests(adapter, log):
    request = Awaiting(order_id="1-1", venue="SIM", kind=CommandKind.NEW, dispatched_ns=1, deadline_ns=2, run_id=1)
    events = adapter.outbound.recover([("p-1-1-1", request), ("q-1-1-1", request)], "p")
    assert [event.cl_ord_id for event in events] == ["p-1-1-1"], "of its own it knows that this one never left"


def test_a_gap_while_settled_closes_the_session_until_the_probe_is_back(adapter, wire):
    settled(adapter, wire)
    asked = Inbound(venue="SIM", kind=Kind.RESEND_REQUESTED, raw="8=FIX.4.4\x0135=2\x017=6\x0116=0\x0110=000\x01")
    assert [event.kind() for event in adapter.translate(asked, 3)] == ["session_notice", "session_unsettled"]
    assert isinstance(adapter.outbound.send(dispatched()), SubmissionFailed)
    probe = dict(wire.sent[-1].fields)[112]
    assert "session_settled" in [event.kind() for event in adapter.translate(message("0", 9, f"112={probe}|"), 4)]


def test_a_number_no_engine_can_count_to_moves_nothing(adapter):
    adapter.translate(message("4", 5, "36=9999999999|"), 1)
    assert adapter.watermark.msg_seq_num == 4  # a Reset has no number of its own
    adapter.translate(message("4", 5, "123=Y|36=9999999999|"), 1)
    assert adapter.watermark.msg_seq_num == 5


def test_a_committed_order_stops_at_the_closed_gate_and_a_cancel_passes(adapter, gate, log, wire):
    """Decided before the kill switch was engaged, sent after: the core does not stop it any more."""
    settled(adapter, wire)
    gate.engage("all", "why")
    outcome = adapter.outbound.send(dispatched())
    assert isinstance(outcome, SubmissionFailed)
    assert "kill switch engaged for all" in outcome.reason
    assert (wire.sent, log.find("p-1-1-1")) == ([], None)
    assert isinstance(adapter.outbound.send(dispatched(CommandKind.CANCEL, "p-1-1-2")), Transmitted)
    assert [outgoing.msg_type for outgoing in wire.sent] == ["F"]
    gate.release("all")
    assert isinstance(adapter.outbound.send(dispatched()), Transmitted)


def test_nothing_at_all_is_sent_while_the_journal_may_be_anothers(adapter, log, wire):
    settled(adapter, wire)
    sent = len(wire.sent)
    wire.fenced = "the journal was taken by another gateway"
    for kind in CommandKind:
        outcome = adapter.outbound.send(dispatched(kind))
        assert isinstance(outcome, SubmissionFailed)
        assert outcome.reason == wire.fenced
    asked = StatusRequested(
        order_id="1-1", cl_ord_id="p-1-1-1", request_id="q", venue="SIM", symbol="USD/JPY", side=Side.BUY, deadline_ns=1
    )
    assert adapter.outbound.send(asked) is None
    adapter.test()
    assert len(wire.sent) == sent
    assert log.find("p-1-1-1") is None  # a line would say that it may have been sent
    wire.fenced = None
    assert isinstance(adapter.outbound.send(dispatched()), Transmitted)


def test_what_is_sent_is_in_the_send_log_first(adapter, log, wire):
    settled(adapter, wire)
    outcome = adapter.outbound.send(dispatched())
    assert isinstance(outcome, Transmitted)
    sent = log.find("p-1-1-1")
    assert (sent.epoch, sent.msg_seq_num) == (outcome.epoch, outcome.msg_seq_num) == (1, 2)
    wire.logged_on = False
    assert isinstance(adapter.outbound.send(dispatched(cl_ord_id="p-1-1-3")), SubmissionFailed)
    assert log.find("p-1-1-3") is None


def test_an_order_that_cannot_be_asked_about_ends_no_thread(adapter, wire):
    request = StatusRequested(
        venue="SIM", order_id="X1-1", cl_ord_id="a\x01b", request_id="S1", symbol="USD/JPY", side=Side.BUY, deadline_ns=1
    )
    outcome = adapter.outbound.send(request)
    assert isinstance(outcome, StatusReported)
    assert (outcome.ord_status, outcome.unknown) == (None, False)
    assert wire.sent == []


@pytest.mark.parametrize(
    ("inbound", "watermark"),
    [
        (message("0", 5), 5),
        (message("0", 9), 9),  # in sequence by the engine's word: what is missing was consumed there
        (message("A", 5, "98=0|108=30|"), 5),
        (message("A", 9, "98=0|108=30|"), 4),
        (message("2", 9, "7=1|16=0|"), 4),
        (message("5", 9), 4),
        (message("4", 5, "123=Y|36=8|"), 7),
        (message("4", 900, "123=N|36=8|"), 7),
        (message("0", 3), 4),
        (Inbound(venue="SIM", kind=Kind.ENGINE_REJECT, raw="8=x", msg_seq_num=5), 5),
        (Inbound(venue="SIM", kind=Kind.ENGINE_REJECT, raw="8=x", msg_seq_num=9), 4),
    ],
)
def test_the_watermark_never_passes_what_may_still_be_resent(adapter, inbound, watermark):
    adapter.translate(inbound, 1)
    assert adapter.watermark.msg_seq_num == watermark


@pytest.mark.parametrize("raw", ["", "8=", "8=FIX.4.4\x0134=", "8=FIX.4.4\x0134=5\x01\x01", "\ud800", "8=FIX.4.4\x0134=\udcff"])
def test_what_a_defect_ends_in_never_fails_itself(adapter, raw):
    event = adapter.untranslatable(Inbound(venue="SIM", kind=Kind.MESSAGE, raw=raw), "why")
    assert isinstance(event, EngineRejected)
    assert event.raw.encode("utf-8") is not None
    assert adapter.watermark.msg_seq_num == (5 if "34=5\x01" in raw else 4)


def test_a_gap_fill_while_settling_may_have_swallowed_the_answer(adapter, wire):
    [event] = adapter.translate(Inbound(venue="SIM", kind=Kind.LOGON), 1)
    assert isinstance(event, SessionLoggedOn)
    adapter.translate(message("4", 5, "123=Y|36=8|"), 2)
    first, second = (dict(outgoing.fields)[112] for outgoing in wire.sent)
    assert first != second
    assert adapter.translate(message("0", 8, f"112={first}|"), 3) == []
    [settled] = adapter.translate(message("0", 9, f"112={second}|"), 4)
    assert isinstance(settled, SessionSettled)


def refused(kind, number):
    raw = f"8=FIX.4.4\x019=9\x0135={kind}\x0134={number}\x0155=USD/JPY\x01"
    return Inbound(venue="SIM", kind=Kind.ENGINE_REJECT, raw=raw, msg_seq_num=number, detail="a tag twice")


FOLLOWS = pytest.mark.parametrize("adapter", [("USD/JPY",)], indirect=True)


@FOLLOWS
def test_refused_market_data_asks_for_a_snapshot_and_for_no_order(adapter, wire):
    settled(adapter, wire)
    wire.sent.clear()
    at_ns = 10 * RESUBSCRIBE_PAUSE_NS
    rejected, feed = adapter.translate(refused("X", 6), at_ns)
    assert (rejected.market_data, feed.status) == (True, FeedState.GAP)
    assert [outgoing.msg_type for outgoing in wire.sent] == ["V", "V"]
    assert [dict(outgoing.fields)[263] for outgoing in wire.sent] == ["2", "1"]
    # A snapshot that is refused, too, is not asked for again at once.
    adapter.translate(refused("W", 7), at_ns + 1)
    assert len(wire.sent) == 2
    assert adapter.deadline_ns == at_ns + REFUSED_SNAPSHOT_PAUSE_NS
    adapter.on_time(adapter.deadline_ns)
    assert len(wire.sent) == 4


def asked(wire):
    return [dict(outgoing.fields)[262] for outgoing in wire.sent if dict(outgoing.fields).get(263) == "1"]


def told(adapter, kind, fields, at_ns):
    """What the venue says of market data, live and in sequence."""
    return adapter.translate(message(kind, adapter.watermark.msg_seq_num + 1, fields), at_ns)


BOOK = "55=USD/JPY|268=1|269=0|270=110.1|271=1000|"


@FOLLOWS
@pytest.mark.parametrize("reason", ["281=1|", "281=2|", "281=D|", "281=77|", ""])
def test_a_refused_market_data_request_is_made_again_ever_more_rarely(adapter, wire, reason):
    settled(adapter, wire)
    at_ns = 10 * LONGEST_PAUSE_NS
    pauses = []
    for _ in range(8):
        [feed] = told(adapter, "Y", f"262={asked(wire)[-1]}|{reason}58=busy|", at_ns)
        assert (feed.status, adapter.subscription.trouble(at_ns).endswith("asked again at intervals")) == (
            FeedState.STALE,
            True,
        )
        assert "busy" in adapter.subscription.trouble(at_ns)
        pauses.append(adapter.deadline_ns - at_ns)
        before, at_ns = len(wire.sent), adapter.deadline_ns
        adapter.on_time(at_ns)
        assert len(wire.sent) == before + 1, "no end of a subscription that never began"
    assert pauses[:3] == [REFUSED_REQUEST_PAUSE_NS, 2 * REFUSED_REQUEST_PAUSE_NS, 4 * REFUSED_REQUEST_PAUSE_NS]
    assert pauses[-1] == LONGEST_PAUSE_NS
    assert len(set(asked(wire))) == len(asked(wire)), "each under an id of its own"
    told(adapter, "W", f"262={asked(wire)[-1]}|{BOOK}", at_ns)
    assert (adapter.subscription.trouble(at_ns + ANSWER_NS), adapter.deadline_ns) == ("", None)


@FOLLOWS
@pytest.mark.parametrize("reason", "03456789ABC")
def test_a_market_data_request_refused_for_good_is_made_again_by_the_next_logon_alone(adapter, wire, reason):
    settled(adapter, wire)
    [feed] = told(adapter, "Y", f"262={asked(wire)[-1]}|281={reason}|58=USD/JPY|", 10)
    assert (feed.status, adapter.deadline_ns) == (FeedState.STALE, None)
    assert adapter.subscription.trouble(10).endswith("USD/JPY; not asked again before the next logon")
    adapter.subscription.closed("logout")
    assert adapter.subscription.trouble(10) == ""
    adapter.subscription.opened(20)
    assert len(asked(wire)) == 2


@FOLLOWS
@pytest.mark.parametrize(("kind", "again"), [("j", True), ("3", False)])
def test_a_venue_that_rejects_the_message_has_refused_the_request(adapter, wire, kind, again):
    settled(adapter, wire)
    *_, feed = told(adapter, kind, "45=3|372=V|58=no such service|", 10)
    assert (feed.status, adapter.deadline_ns is not None) == (FeedState.STALE, again)
    assert "no such service" in adapter.subscription.trouble(10)


@FOLLOWS
def test_the_refusal_of_an_older_request_says_nothing_of_the_newer_one(adapter, wire):
    settled(adapter, wire)
    told(adapter, "W", f"262={asked(wire)[-1]}|{BOOK}", 10)
    [notice] = told(adapter, "Y", "262=older|281=0|", 11)
    assert notice.event == "market_data_refused"
    assert (adapter.subscription.trouble(11), adapter.deadline_ns) == ("", None)


@FOLLOWS
def test_the_last_snapshots_of_an_ended_subscription_do_not_stop_a_refused_one_from_being_made_again(adapter, wire):
    settled(adapter, wire)
    first = asked(wire)[-1]
    told(adapter, "W", f"262={first}|{BOOK}", 10)
    at_ns = 10 * RESUBSCRIBE_PAUSE_NS
    adapter.translate(refused("X", adapter.watermark.msg_seq_num + 1), at_ns)
    second = asked(wire)[-1]
    assert second != first
    told(adapter, "Y", f"262={second}|281=2|58=busy|", at_ns)
    due_ns = adapter.deadline_ns
    told(adapter, "W", f"262={first}|{BOOK}", at_ns + 1)
    assert adapter.deadline_ns == due_ns
    assert "busy" in adapter.subscription.trouble(at_ns + 1)
    told(adapter, "W", f"262={second}|{BOOK}", at_ns + 2)  # it was answered after all, and is what a later one would end
    assert (adapter.subscription.trouble(at_ns + 2), adapter.deadline_ns) == ("", None)
    wire.sent.clear()
    adapter.translate(refused("X", adapter.watermark.msg_seq_num + 1), 2 * at_ns)
    assert dict(wire.sent[0].fields)[262] == second


@FOLLOWS
def test_a_market_data_request_without_an_answer_is_said(adapter, wire):
    settled(adapter, wire)
    assert adapter.subscription.trouble(1) == ""
    assert "was not answered" in adapter.subscription.trouble(10 * ANSWER_NS)


def test_refused_reports_may_concern_orders(adapter, wire):
    settled(adapter, wire)
    wire.sent.clear()
    [rejected] = adapter.translate(refused("8", 6), 10)
    assert not rejected.market_data
    assert wire.sent == []
