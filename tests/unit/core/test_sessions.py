"""Sessions as the core knows them, and what waits for them."""

from __future__ import annotations

from decimal import Decimal

import pytest

from gateway.core.changes import SessionChanged
from gateway.core.events import (
    CancelRejected,
    ClosedUnsent,
    EngineRejected,
    Event,
    LostRange,
    Queued,
    RunStopped,
    SessionLoggedOn,
    SessionNotice,
    SessionReset,
    SessionUnsettled,
    StatusReported,
    StatusRequested,
    Untranslated,
)
from gateway.core.values import CommandKind, scope_problem, text_problem
from gateway.testing.harness import ACK_TIMEOUT_NS, SESSION, VENUE, Harness, settings

D = Decimal


def session_events(harness: Harness) -> list[str | None]:
    changes = (change for step in harness.steps for _, found in step.changes for change in found)
    return [change.event for change in changes if isinstance(change, SessionChanged)]


def test_numbers_and_epochs_are_those_of_the_events() -> None:
    harness = Harness().open()
    harness.disconnect("logout")
    harness.feed(SessionReset(venue=VENUE, session=SESSION, epoch=2, reason="new day"))
    session = harness.state.control.sessions[VENUE]
    assert (session.epoch, session.next_sender, session.next_target, session.state) == (2, 1, 1, "down")
    harness.feed(SessionLoggedOn(venue=VENUE, session=SESSION, epoch=2, next_sender=5, next_target=7))
    session = harness.state.control.sessions[VENUE]
    assert (session.next_sender, session.next_target, session.logons, session.last_logon_ns) == (5, 7, 2, harness.now_ns)
    assert session_events(harness) == ["logon", None, "logout", "reset", "logon"]


def test_a_run_that_ended_badly_leaves_a_disconnect_behind() -> None:
    harness = Harness().open()
    harness.start()
    assert session_events(harness)[-1] == "disconnect"
    harness.feed(RunStopped(reason="stop"))
    assert harness.state.control.run.running is False
    harness.start()
    assert session_events(harness)[-1] is None


@pytest.mark.parametrize(
    ("event", "anomaly"),
    [
        (SessionNotice(venue=VENUE, session=SESSION, event="reject", detail="tag 58"), "reject"),
        (SessionNotice(venue=VENUE, session=SESSION, event="business_reject"), "business_reject"),
        (EngineRejected(venue=VENUE, session=SESSION, raw="8=FIX"), "engine_rejected"),
        (LostRange(venue=VENUE, session=SESSION, begin=1, end=2, reason="refused"), "lost_range"),
        (Untranslated(venue=VENUE, session=SESSION, raw="8=FIX", detail="35=?"), "untranslated"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_should_not_be_is_visible(event: Event, anomaly: str) -> None:
    harness = Harness().open()
    harness.feed(event)
    assert harness.anomalies() == [anomaly]


def test_while_messages_are_missing_nothing_is_sent_and_nothing_asked() -> None:
    harness = Harness().open()
    order_id = harness.request_order()
    harness.accept(order_id)
    late = harness.request_order()
    harness.feed(SessionUnsettled(venue=VENUE, session=SESSION, reason="messages 5..9 were asked for"))
    denied = harness.request_order()
    harness.request_cancel(order_id)
    harness.request_cancel(late)
    harness.pass_deadline()
    assert harness.now_ns > ACK_TIMEOUT_NS
    assert harness.order(late).in_doubt == "ack_timeout"
    assert denied not in harness.state.execution.orders
    assert harness.sent(CommandKind.CANCEL) == []
    assert harness.events(StatusRequested) == []
    assert harness.next_deadline is None
    harness.settle()
    assert {asked.order_id for asked in harness.events(StatusRequested)} == {order_id, late}
    assert {command.order_id for command in harness.sent(CommandKind.CANCEL)} == {order_id, late}


def test_an_order_that_waits_for_the_rate_also_waits_for_reconciliation() -> None:
    harness = Harness(config=settings(rate_per_second=D(1))).open()
    working = harness.request_order()
    harness.accept(working)
    waiting = harness.request_order()
    assert harness.events(Queued)[-1].why == "rate"
    harness.feed(LostRange(venue=VENUE, session=SESSION, begin=1, end=2, reason="gap filled"), after_ns=10 * ACK_TIMEOUT_NS)
    assert waiting not in harness.state.execution.orders
    harness.answer_status(working, "0", cum_qty=D(0))
    harness.pass_deadline()
    assert waiting in harness.state.execution.orders


def test_a_new_run_does_not_send_what_the_last_one_approved() -> None:
    harness = Harness(config=settings(rate_per_second=D(1))).open()
    harness.accept(harness.request_order())
    waiting = harness.request_order()
    harness.start()
    (closed,) = harness.events(ClosedUnsent)
    assert (closed.command.order_id, closed.reason) == (waiting, "the run that decided it has ended")
    assert not harness.state.execution.pending


def test_answers_about_orders_nobody_knows_are_anomalies_and_nothing_more() -> None:
    harness = Harness().open()
    harness.feed(StatusReported(venue=VENUE, session=SESSION, cl_ord_id="?", unknown=True))
    harness.feed(CancelRejected(venue=VENUE, session=SESSION, cl_ord_id="?", cxl_rej_reason="1"))
    assert harness.anomalies() == ["unknown_order", "unknown_order"]
    assert not harness.state.execution.orders


@pytest.mark.parametrize("scope", ["all", "venue:SIM", "strategy:a-b", "account:A/1", "instrument:USD/JPY", "account:a:b"])
def test_scopes(scope: str) -> None:
    assert scope_problem(scope) is None


@pytest.mark.parametrize(
    "scope", ["", "ALL", "venue", "venue:", ":SIM", "desk:1", "venue:S\x01", "venue:S=1", "venue:\N{SNOWMAN}"]
)
def test_what_is_no_scope(scope: str) -> None:
    assert scope_problem(scope) is not None


@pytest.mark.parametrize("value", ["a\x01b", "a=b", "\x7f", "\n", "\N{SNOWMAN}"])
def test_text_that_must_not_reach_the_wire(value: str) -> None:
    problem = text_problem(value)
    assert problem is not None
    assert repr(value) in problem
