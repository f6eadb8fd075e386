"""Many position reports become one event; a refusal, silence and nonsense are told as what they are."""

from __future__ import annotations

from decimal import Decimal
from types import SimpleNamespace

import pytest

from gateway.core.events import PositionsRequested, ReportedPosition
from gateway.fix.dialect import load_dialect
from gateway.fix.encoder import Encoder
from gateway.fix.message import FixMessage
from gateway.fix.schema import Positions
from gateway.fix.strict import StrictDictionary
from gateway.venue.positions import PositionReports


class Wire:
    def __init__(self):
        self.sent = []

    def send(self, outgoing, guard=None):
        self.sent.append(outgoing)
        return 1


@pytest.fixture
def wire():
    return Wire()


@pytest.fixture
def reports(wire):
    from msgspec.structs import replace

    base = load_dialect("generic-fix44")
    dialect = replace(base, messages=[*base.messages, "AN", "AO", "AP"], positions=Positions(request={"AccountType": "1"}))
    here = SimpleNamespace(venue="SIM", session="S", epoch=1, link=wire)
    return PositionReports(here, Encoder(dialect, StrictDictionary(dialect)))


@pytest.fixture
def asked(reports):
    request = PositionsRequested(venue="SIM", account="A1", request_id="P1-7", trading_date="20260105", deadline_ns=100)
    assert reports.ask(request) is None
    return reports


def message(kind, body):
    return FixMessage.parse(f"8=FIX.4.4|9=1|35={kind}|{body}10=000|".replace("|", "\x01"))


def test_the_question_is_as_fix_wants_it(asked, wire):
    [outgoing] = wire.sent
    fields = dict(outgoing.fields)
    assert (outgoing.msg_type, fields[710], fields[724], fields[1], fields[581], fields[715]) == (
        "AN", "P1-7", "0", "A1", "1", "20260105",
    )  # fmt: skip


def test_all_reports_make_one_event(asked):
    first = message("AP", "710=P1-7|728=0|727=2|1=A1|55=USD/JPY|702=2|703=TOT|704=500|703=SOD|704=9999|")
    second = message("AP", "710=P1-7|728=0|727=2|1=A1|55=EUR/JPY|702=1|703=TOT|704=100|705=350|")
    assert asked.taken(message("AP", "710=another|728=0|727=1|55=USD/JPY|702=1|703=TOT|704=1|")) == []
    assert asked.taken(first) == []
    assert asked.deadline_ns == 100
    [event] = asked.taken(second)
    assert (event.complete, event.account) == (True, "A1")
    assert event.positions == (
        ReportedPosition(symbol="EUR/JPY", net_qty=Decimal(-250)),
        ReportedPosition(symbol="USD/JPY", net_qty=Decimal(500)),
    )
    assert asked.deadline_ns is None
    assert asked.taken(second) == []


@pytest.mark.parametrize(
    ("kind", "body", "complete", "detail"),
    [
        ("AO", "710=P1-7|728=2|729=0|727=0|", True, ""),
        ("AO", "710=P1-7|728=0|729=0|727=0|", True, ""),
        ("AO", "710=P1-7|728=3|729=2|58=not authorized|", False, "not authorized"),
        ("AP", "710=P1-7|728=0|727=1|702=1|703=TOT|704=5|", False, "without a symbol"),
        ("AP", "710=P1-7|728=0|727=1|55=USD/JPY|702=1|703=TOT|704=many|", False, "no number"),
    ],
)
def test_other_answers(asked, kind, body, complete, detail):
    [event] = asked.taken(message(kind, body))
    assert (event.complete, event.positions) == (complete, ())
    assert detail in event.detail


def test_silence_is_told_when_time_is_up_and_a_lost_session_asks_anew(asked):
    assert asked.on_time(99) == []
    [event] = asked.on_time(100)
    assert not event.complete
    assert "unanswered" in event.detail
    asked.ask(PositionsRequested(venue="SIM", account="", request_id="P1-9", trading_date="20260105", deadline_ns=200))
    asked.closed()
    assert asked.on_time(300) == []
