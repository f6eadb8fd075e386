"""A reconciliation that left orders unanswered: ended by late answers or by asking again, not by waiting for a person."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from gateway.core.events import (
    OrderResolveRequested,
    ReconciliationFinished,
    ReconciliationStarted,
    StatusRequested,
    VenueCloseRequested,
    VenueOpened,
    VenueOpenRequested,
)
from gateway.core.execution_control import MAX_STATUS_REQUESTS
from gateway.core.reactions.sessions import LONGEST_PAUSE_NS
from gateway.core.values import CommandKind
from gateway.testing.harness import ACK_TIMEOUT_NS, VENUE, Harness
from gateway.wording import counted

D = Decimal


def opened(harness: Harness) -> bool:
    return harness.state.control.venues[VENUE].opened


def reason(harness: Harness) -> str:
    return harness.state.control.venues[VENUE].reason


def working(harness: Harness, count: int) -> list[str]:
    orders = [harness.request_order(quantity="1000") for _ in range(count)]
    for order_id in orders:
        harness.accept(order_id)
    return orders


def come_back(harness: Harness) -> None:
    harness.disconnect()
    harness.log_on()
    harness.settle()


def unanswered(harness: Harness, count: int = 1) -> list[str]:
    """Orders about which the venue was asked after a logon, and said nothing."""
    orders = working(harness, count)
    come_back(harness)
    while not harness.events(ReconciliationFinished) or harness.events(ReconciliationFinished)[-1].complete:
        harness.pass_deadline()
    return orders


def says_working(harness: Harness, order_id: str, **fields: Any) -> None:
    harness.answer_status(order_id, "0", **{"cum_qty": D(0), "leaves_qty": harness.order(order_id).quantity, **fields})


def test_late_answers_open_the_venue(harness: Harness) -> None:
    first, second = unanswered(harness, 2)
    says_working(harness, first)
    assert not opened(harness)
    says_working(harness, second)
    assert opened(harness)
    assert reason(harness) == "reconciled (answered late)"
    finished = harness.events(ReconciliationFinished)
    assert [(one.complete, one.unanswered) for one in finished][-2:] == [(False, (first, second)), (True, ())]
    harness.request_order()
    assert [command.kind for command in harness.sent()][-1] is CommandKind.NEW


def test_an_order_given_up_and_answered_for_while_others_are_asked_does_not_count_against_the_venue(harness: Harness) -> None:
    first, *others, last = working(harness, MAX_STATUS_REQUESTS + 1)
    come_back(harness)
    for order_id in others:
        says_working(harness, order_id)
    while harness.order(first).in_doubt != "status_unanswered":
        harness.pass_deadline()
    assert last in harness.state.execution.asked, "the last was asked about when another had been answered for"
    says_working(harness, first)
    says_working(harness, last)
    assert opened(harness)
    assert reason(harness) == "reconciled (logon)"
    assert "not_reconciled" not in harness.anomalies()


def test_a_report_that_ends_the_doubt_answers_too(harness: Harness) -> None:
    [order_id] = unanswered(harness)
    harness.confirm_cancel(order_id)
    assert opened(harness)


def test_an_operator_who_resolves_the_last_order_need_not_open_the_venue(harness: Harness) -> None:
    [order_id] = unanswered(harness)
    harness.feed(OrderResolveRequested(actor="alice", request_id="r1", order_id=order_id, disposition="cancelled"))
    assert opened(harness)


def test_an_order_the_venue_does_not_know_is_not_called_unanswered(harness: Harness) -> None:
    silent, unknown = working(harness, 2)
    come_back(harness)
    harness.answer_status(unknown, "8", unknown=True)
    while harness.events(ReconciliationFinished)[-1].complete:
        harness.pass_deadline()
    assert f"1 order unanswered: {silent}; 1 order unknown to the venue: {unknown}" in reason(harness)


def test_the_venue_is_asked_again_after_pauses_that_grow(harness: Harness) -> None:
    [order_id] = unanswered(harness)
    asked = len(harness.events(StatusRequested))
    pauses = []
    for attempt in range(1, 14):
        gave_up_ns = harness.now_ns
        assert f"not reconciled: 1 order unanswered: {order_id}; asked {counted(time=attempt)}, again in" in reason(harness)
        assert not opened(harness)
        harness.pass_deadline()
        pauses.append(harness.now_ns - gave_up_ns)
        assert harness.events(ReconciliationStarted)[-1].reason == "asked again"
        assert "not reconciled" in reason(harness), "asked again, it is still not reconciled"
        assert len(harness.events(StatusRequested)) == asked + 2 * attempt - 1
        harness.pass_deadline()
        harness.pass_deadline()
        assert len(harness.events(ReconciliationFinished)) == attempt + 1 + 1, "the first logon had one of its own"
    assert pauses[:3] == [2 * ACK_TIMEOUT_NS, 4 * ACK_TIMEOUT_NS, 8 * ACK_TIMEOUT_NS]
    assert pauses[-1] == LONGEST_PAUSE_NS
    assert harness.anomalies().count("not_reconciled") == 1, "the same again is no news"
    harness.pass_deadline()
    says_working(harness, order_id)
    assert opened(harness)
    assert harness.events(VenueOpened)[-1].reason == "reconciled (asked again)"
    assert harness.next_deadline is None


def test_only_what_is_in_doubt_is_asked_about_again(harness: Harness) -> None:
    first, second = unanswered(harness, 2)
    says_working(harness, first)
    harness.pass_deadline()
    assert harness.events(ReconciliationStarted)[-1].order_ids == (second,)


def test_an_order_that_the_venue_does_not_know_keeps_it_closed_and_is_asked_about_again(harness: Harness) -> None:
    [order_id] = working(harness, 1)
    come_back(harness)
    harness.answer_status(order_id, "8", unknown=True)
    assert not opened(harness)
    harness.pass_deadline()
    harness.answer_status(order_id, "8", unknown=True)
    assert not opened(harness)
    harness.pass_deadline()
    says_working(harness, order_id)
    assert opened(harness)


@pytest.mark.parametrize("end", ["disconnect", "open", "restart"])
def test_nothing_is_asked_again_once_the_session_or_an_operator_has_ended_it(harness: Harness, end: str) -> None:
    unanswered(harness)
    if end == "disconnect":
        harness.disconnect()
    elif end == "open":
        harness.feed(VenueOpenRequested(actor="alice", reason="called them", request_id="o1", venue=VENUE))
        assert opened(harness)
    else:
        harness.start()
    assert not harness.state.control.unreconciled
    assert harness.next_deadline is None


def test_a_venue_that_an_operator_closed_stays_closed_when_the_answers_come(harness: Harness) -> None:
    [order_id] = unanswered(harness)
    harness.feed(VenueCloseRequested(actor="alice", reason="no trust", request_id="c1", venue=VENUE))
    says_working(harness, order_id)
    assert harness.events(ReconciliationFinished)[-1].complete
    assert not opened(harness)
    assert reason(harness) == "closed by alice: no trust"


def test_the_pause_survives_a_fold(harness: Harness) -> None:
    unanswered(harness)
    folded = Harness()
    folded.core.fold(harness.records)
    assert folded.state.digest() == harness.state.digest()
    assert folded.next_deadline == harness.next_deadline
