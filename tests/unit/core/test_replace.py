"""Replaces: the chain of names, the races with fills and cancels, and what is known after a loss."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from msgspec import structs

from gateway.core.core import Core
from gateway.core.events import (
    Accepted,
    CancelRejected,
    Denied,
    InDoubt,
    PendingReplace,
    Replaced,
    ReplaceRejected,
    Resolved,
    Restated,
    StatusRequested,
    SubmissionFailed,
)
from gateway.core.settings import RiskLimits
from gateway.core.strategy import Replace, well_formed
from gateway.core.values import CommandKind, OrderState
from gateway.testing.harness import VENUE, Harness, settings

D = Decimal
C1, C2, C3 = "T-1-1-1", "T-1-1-2", "T-1-1-3"


def terms(harness: Harness, order_id: str) -> tuple[Decimal, Decimal | None, str]:
    order = harness.order(order_id)
    return order.quantity, order.price, order.cl_ord_id


def exposure(harness: Harness, order_id: str) -> Decimal:
    return harness.state.execution.exposure.open_quantity(order_id)


def test_the_request_carries_everything_the_order_shall_be(harness: Harness, order_id: str) -> None:
    harness.request_replace(order_id, price="155.5")
    [command] = harness.sent(CommandKind.REPLACE)
    assert (command.quantity, command.price, command.cl_ord_id, command.orig_cl_ord_id) == (D(10000), D("155.5"), C2, C1)
    assert command.venue_order_id == f"V-{order_id}"
    assert terms(harness, order_id) == (D(10000), D(156), C1), "nothing changes before the venue says so"


def test_names_chain_on_the_last_accepted_one(harness: Harness, order_id: str) -> None:
    harness.request_replace(order_id, price="155")
    harness.report(ReplaceRejected, order_id, cl_ord_id=C2, orig_cl_ord_id=C1, ord_status="0")
    harness.request_replace(order_id, price="154")
    assert harness.sent()[-1].orig_cl_ord_id == C1, "a refused one names nothing"
    harness.confirm_replace(order_id)
    harness.request_replace(order_id, quantity="20000")
    assert (harness.sent()[-1].orig_cl_ord_id, harness.sent()[-1].cl_ord_id) == (C3, "T-1-1-4")
    assert terms(harness, order_id) == (D(10000), D(154), C3)


@pytest.mark.parametrize(
    ("said", "expected"),
    [({}, (D(20000), D(155))), ({"order_qty": D(15000), "price": D("155.2")}, (D(15000), D("155.2")))],
)
def test_terms_are_the_reports_else_the_requests(harness: Harness, order_id: str, said: Any, expected: Any) -> None:
    harness.request_replace(order_id, quantity="20000", price="155")
    harness.confirm_replace(order_id, **said)
    assert terms(harness, order_id) == (*expected, C2)


def test_stop_price_is_replaced_too(harness: Harness) -> None:
    order_id = harness.request_order(price=None, order_type="stop", stop_price=D(157))
    harness.accept(order_id)
    harness.request_replace(order_id, stop_price="158")
    harness.confirm_replace(order_id)
    assert harness.order(order_id).stop_price == D(158)


@pytest.mark.parametrize(
    ("wanted", "code"),
    [
        ({"quantity": "4000"}, "quantity_filled"),
        ({"quantity": "3000"}, "quantity_filled"),
        ({"quantity": "10500"}, "off_lot"),
        ({"price": "156.0001"}, "off_tick"),
        ({"price": "200"}, "price_collar"),
        ({"quantity": "60000"}, "max_order_quantity"),
        ({"stop_price": "150"}, "bad_order"),
        ({"price": "156"}, "no_change"),
    ],
)
def test_risk_looks_at_the_new_terms(wanted: dict[str, str], code: str) -> None:
    limits = RiskLimits(max_order_quantity=D(50000), price_collar_pct=D(5), max_open_orders=1)
    harness = Harness(config=settings(risk={"all": limits})).open()
    order_id = harness.request_order(quantity="10000")
    harness.accept(order_id)
    harness.fill(order_id, "4000")
    harness.request_replace(order_id, **wanted)
    [denied] = harness.events(Denied)
    assert (denied.code, denied.intent, denied.order_id) == (code, "REPLACE", order_id)
    assert harness.sent(CommandKind.REPLACE) == []


def test_orders_that_cannot_be_replaced(harness: Harness, order_id: str) -> None:
    harness.report(Accepted, order_id, cl_ord_id="X", venue_order_id="VX", order_qty=D(1000), price=D(156))
    external = harness.state.execution.cl_ord_ids["SIM", "X"]
    harness.request_replace(external, price="155")
    harness.request_replace("9-9", price="155")
    harness.confirm_cancel(order_id)
    harness.request_replace(order_id, price="155")
    assert [event.code for event in harness.events(Denied)] == ["external_order", "unknown_order", "order_closed"]


def test_a_request_made_twice_replaces_once(harness: Harness, order_id: str) -> None:
    step = harness.request_replace(order_id, price="155")
    harness.feed(step.records[0].event)
    assert len(harness.sent(CommandKind.REPLACE)) == 1
    assert harness.events(Denied) == []


def test_exposure_counts_at_the_larger_of_old_and_new(harness: Harness, order_id: str) -> None:
    harness.request_replace(order_id, quantity="30000")
    assert exposure(harness, order_id) == D(30000)
    harness.request_replace(order_id, quantity="50000")
    assert exposure(harness, order_id) == D(50000), "what waits counts from approval"
    harness.report(ReplaceRejected, order_id, cl_ord_id=C2, ord_status="0")
    harness.report(ReplaceRejected, order_id, cl_ord_id=C3, ord_status="0")
    assert exposure(harness, order_id) == D(10000)
    harness.request_replace(order_id, quantity="2000")
    assert exposure(harness, order_id) == D(10000)
    harness.confirm_replace(order_id)
    assert exposure(harness, order_id) == D(2000)


def test_a_fill_under_the_old_name_counts_and_answers_nothing(harness: Harness, order_id: str) -> None:
    harness.request_replace(order_id, quantity="20000")
    harness.fill(order_id, "4000", cl_ord_id=C1)
    assert harness.order(order_id).new_in_flight == C2
    harness.confirm_replace(order_id, order_qty=D(20000), cum_qty=D(4000))
    order = harness.order(order_id)
    assert (order.state, order.cum_qty, order.leaves_qty) == (OrderState.PARTIALLY_FILLED, D(4000), D(16000))


def test_a_fill_under_the_new_name_proves_the_replace(harness: Harness, order_id: str) -> None:
    harness.request_replace(order_id, quantity="20000", price="156.5")
    harness.fill(order_id, "15000", "156.5", cl_ord_id=C2, ord_status="1")
    assert terms(harness, order_id) == (D(20000), D("156.5"), C2)
    harness.report(Replaced, order_id, cl_ord_id=C2, orig_cl_ord_id=C1, order_qty=D(20000), price=D("156.5"))
    order = harness.order(order_id)
    assert (order.new_in_flight, order.state, order.leaves_qty) == (None, OrderState.PARTIALLY_FILLED, D(5000))
    assert "over_fill" not in harness.anomalies()


def test_filled_at_the_old_quantity_is_not_over_while_more_is_asked_for(harness: Harness, order_id: str) -> None:
    harness.request_replace(order_id, quantity="20000")
    harness.fill(order_id, "10000", cl_ord_id=C1, ord_status="2")
    assert harness.order(order_id).state is OrderState.PARTIALLY_FILLED
    assert exposure(harness, order_id) == D(10000)
    harness.report(ReplaceRejected, order_id, cl_ord_id=C2, orig_cl_ord_id=C1, ord_status="2", cxl_rej_reason="0")
    order = harness.order(order_id)
    assert (order.state, order.new_in_flight) == (OrderState.FILLED, None)
    assert harness.events(StatusRequested) == []


def test_a_reject_that_reports_filled_closes_nothing_but_asks(harness: Harness, order_id: str) -> None:
    harness.request_replace(order_id, price="155")
    harness.report(ReplaceRejected, order_id, cl_ord_id=C2, orig_cl_ord_id=C1, ord_status="2")
    assert harness.order(order_id).state is OrderState.ACCEPTED
    [asked] = harness.events(StatusRequested)
    assert asked.order_id == order_id
    harness.answer_status(order_id, "2", cum_qty=D(10000), avg_px=D(156))
    assert harness.order(order_id).state is OrderState.FILLED


def test_a_new_quantity_at_or_below_what_is_filled_ends_the_order(harness: Harness, order_id: str) -> None:
    harness.request_replace(order_id, quantity="5000")
    harness.fill(order_id, "6000", cl_ord_id=C1)
    harness.confirm_replace(order_id, order_qty=D(6000), cum_qty=D(6000), leaves_qty=D(0), ord_status="2")
    order = harness.order(order_id)
    assert (order.state, order.cum_qty, order.leaves_qty, order.quantity) == (OrderState.FILLED, D(6000), D(0), D(6000))


def test_a_filled_order_that_is_increased_all_the_same_works_again(harness: Harness, order_id: str) -> None:
    harness.fill(order_id, "10000", cl_ord_id=C1)
    harness.report(Replaced, order_id, cl_ord_id="BROKER", orig_cl_ord_id=C1, order_qty=D(12000), ord_status="1")
    assert harness.order(order_id).state is OrderState.PARTIALLY_FILLED
    assert harness.order(order_id).leaves_qty == D(2000)
    assert "reopened" in harness.anomalies()


def test_the_venue_changes_an_order_by_itself(harness: Harness, order_id: str) -> None:
    harness.report(Replaced, order_id, cl_ord_id=C1, order_qty=D(8000), price=D("155.9"), exec_id="R1")
    assert terms(harness, order_id) == (D(8000), D("155.9"), C1)
    harness.report(Restated, order_id, order_qty=D(7000), exec_id="R2")
    assert terms(harness, order_id) == (D(7000), D("155.9"), C1)
    harness.report(Replaced, order_id, cl_ord_id=C1, order_qty=D(8000), price=D("155.9"), exec_id="R1", poss_dup=True)
    assert terms(harness, order_id) == (D(7000), D("155.9"), C1), "an old report moves nothing back"
    harness.fill(order_id, "6000")
    harness.report(Restated, order_id, order_qty=D(6000), exec_id="R3")
    assert harness.order(order_id).state is OrderState.FILLED


def test_what_the_venue_changes_by_itself_answers_no_request(harness: Harness, order_id: str) -> None:
    harness.request_replace(order_id, price="155")
    harness.report(Replaced, order_id, cl_ord_id=C1, order_qty=D(8000), price=D("155.9"), exec_id="R1")
    assert harness.order(order_id).new_in_flight == C2
    assert terms(harness, order_id) == (D(8000), D("155.9"), C1)


def test_an_answer_without_a_name_of_ours_is_known_by_what_it_says(harness: Harness, order_id: str) -> None:
    harness.request_replace(order_id, price="155")
    harness.report(Replaced, order_id, cl_ord_id=None, order_qty=D(10000), price=D(155))
    assert terms(harness, order_id) == (D(10000), D(155), C2)
    assert harness.order(order_id).new_in_flight is None


def test_an_old_replaced_come_again_moves_nothing_back(harness: Harness, order_id: str) -> None:
    harness.request_replace(order_id, price="155")
    first = harness.confirm_replace(order_id, exec_id="R1").records[0].event
    harness.request_replace(order_id, price="154")
    harness.confirm_replace(order_id, exec_id="R2")
    harness.feed(first)
    assert terms(harness, order_id) == (D(10000), D(154), C3)
    assert harness.anomalies() == ["stale_report"]


def test_a_name_the_venue_gave_is_followed_and_an_earlier_one_moves_nothing_back(harness: Harness, order_id: str) -> None:
    for name, price in (("BROKER", "155"), (C1, "156"), ("BROKER-B", "154"), ("BROKER", "155")):
        harness.report(Replaced, order_id, cl_ord_id=name, order_qty=D(10000), price=D(price), exec_id=f"{name}{price}")
    assert terms(harness, order_id) == (D(10000), D(154), "BROKER-B")
    harness.request_replace(order_id, price="153")
    harness.confirm_replace(order_id)
    harness.report(Replaced, order_id, cl_ord_id="BROKER-B", order_qty=D(10000), price=D(154), exec_id="again")
    assert terms(harness, order_id) == (D(10000), D(153), C2)
    assert harness.anomalies() == ["stale_report"] * 3


def test_a_second_acknowledgement_of_the_new_does_not_answer_the_replace(harness: Harness, order_id: str) -> None:
    harness.request_replace(order_id, price="155")
    harness.accept(order_id, poss_dup=True)
    assert harness.order(order_id).new_in_flight == C2


# --- after a loss


def overdue(harness: Harness, order_id: str) -> None:
    harness.request_replace(order_id, quantity="20000", price="155")
    harness.pass_deadline()
    assert harness.events(InDoubt)[-1].reason == "ack_timeout"
    assert harness.events(StatusRequested)[-1].cl_ord_id == C1


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ({"cl_ord_id": C2}, (D(20000), D(155), C2)),
        ({"cl_ord_id": C1, "order_qty": D(20000), "price": D(155)}, (D(20000), D(155), C2)),
        ({"cl_ord_id": C1, "price": D(155)}, (D(20000), D(155), C2)),
        ({"cl_ord_id": C1, "order_qty": D(10000), "price": D(156)}, (D(10000), D(156), C1)),
        ({"cl_ord_id": C1, "order_qty": D(15000), "price": D(156)}, (D(15000), D(156), C1)),
    ],
    ids=["by its name", "by its terms", "by one of its terms", "it did not take", "something else took"],
)
def test_the_status_answer_tells_whether_the_replace_took(harness: Harness, order_id: str, answer: Any, expected: Any) -> None:
    overdue(harness, order_id)
    harness.answer_status(order_id, "0", cum_qty=D(0), **answer)
    order = harness.order(order_id)
    assert terms(harness, order_id) == expected
    assert (order.in_doubt, order.new_in_flight, order.replacing) == (None, None, None)
    assert ("terms_differ" in harness.anomalies()) is (expected[0] == D(15000))
    harness.request_replace(order_id, price="154")
    assert harness.sent()[-1].orig_cl_ord_id == expected[2]


def test_an_answer_that_does_not_tell_leaves_the_doubt(harness: Harness, order_id: str) -> None:
    overdue(harness, order_id)
    harness.answer_status(order_id, "0", cl_ord_id=C1)
    assert harness.order(order_id).in_doubt == "status_unanswered"
    assert exposure(harness, order_id) == D(20000)
    harness.confirm_replace(order_id)
    assert terms(harness, order_id) == (D(20000), D(155), C2)


def test_a_venue_still_at_work_on_it_is_asked_again(harness: Harness, order_id: str) -> None:
    overdue(harness, order_id)
    harness.answer_status(order_id, "E", cl_ord_id=C1, order_qty=D(10000), price=D(156))
    assert harness.order(order_id).new_in_flight == C2
    assert harness.order(order_id).in_doubt is None
    asked = len(harness.events(StatusRequested))
    harness.pass_deadline()
    assert len(harness.events(StatusRequested)) == asked + 1


def test_filled_at_the_new_smaller_quantity(harness: Harness, order_id: str) -> None:
    harness.request_replace(order_id, quantity="4000")
    harness.pass_deadline()
    harness.answer_status(order_id, "2", cl_ord_id=C2, order_qty=D(4000), cum_qty=D(4000), avg_px=D(156))
    order = harness.order(order_id)
    assert (order.state, order.cum_qty, order.quantity, order.in_doubt) == (OrderState.FILLED, D(4000), D(4000), None)


def test_a_late_replaced_after_the_answer_said_no_still_holds(harness: Harness, order_id: str) -> None:
    overdue(harness, order_id)
    harness.answer_status(order_id, "0", cl_ord_id=C1, order_qty=D(10000), price=D(156))
    harness.report(Replaced, order_id, cl_ord_id=C2, orig_cl_ord_id=C1, order_qty=D(20000), price=D(155), exec_id="R1")
    assert terms(harness, order_id) == (D(20000), D(155), C2)


def test_what_was_said_before_the_question_is_no_answer(harness: Harness, order_id: str) -> None:
    overdue(harness, order_id)
    harness.answer_status(order_id, "0", cl_ord_id=C1, order_qty=D(10000), price=D(156), poss_dup=True)
    assert harness.order(order_id).in_doubt == "ack_timeout"
    assert harness.order(order_id).new_in_flight == C2


@pytest.mark.parametrize("took", [True, False])
def test_a_disconnect_with_a_replace_in_flight(harness: Harness, order_id: str, took: bool) -> None:
    harness.request_replace(order_id, price="155")
    harness.disconnect()
    assert harness.order(order_id).in_doubt == "disconnect"
    harness.log_on()
    harness.settle()
    price = D(155) if took else D(156)
    harness.answer_status(order_id, "0", cl_ord_id=C1, order_qty=D(10000), price=price, cum_qty=D(0))
    assert terms(harness, order_id) == (D(10000), price, C2 if took else C1)
    assert harness.state.control.venues["SIM"].opened


def test_a_restart_with_a_replace_in_flight(harness: Harness, order_id: str) -> None:
    harness.request_replace(order_id, quantity="20000")
    folded = Core({})
    folded.fold(harness.records)
    assert folded.state.digest() == harness.state.digest()
    assert folded.state.execution.orders[order_id].replacing is not None
    harness.start()
    assert harness.order(order_id).in_doubt == "restart"
    harness.feed(SubmissionFailed(order_id=order_id, cl_ord_id=C2, reason="the send log has no line for it"))
    assert (harness.order(order_id).new_in_flight, harness.order(order_id).replacing) == (None, None)
    assert exposure(harness, order_id) == D(10000)


def test_a_replace_that_waits_ends_with_its_session_and_run(harness: Harness, order_id: str) -> None:
    harness.request_replace(order_id, price="155")
    harness.request_replace(order_id, price="154")
    assert order_id in harness.state.execution.pending
    harness.disconnect()
    assert order_id not in harness.state.execution.pending
    assert not harness.state.execution.pending_replace["all"]


def test_a_replace_that_never_left_leaves_a_filled_order_filled(harness: Harness, order_id: str) -> None:
    harness.request_replace(order_id, quantity="20000")
    harness.fill(order_id, "10000", cl_ord_id=C1)
    harness.feed(SubmissionFailed(order_id=order_id, cl_ord_id=C2, reason="kill switch"))
    assert harness.order(order_id).state is OrderState.FILLED
    assert harness.order(order_id).terminal_ns is not None


# --- kill


@pytest.mark.parametrize("last_sent", [False, True])
def test_kill_overtakes_a_replace_in_flight(last_sent: bool) -> None:
    base = settings()
    base.venues[VENUE] = structs.replace(base.venues[VENUE], cancel_names_last_sent=last_sent)
    harness = Harness(config=base).open()
    order_id = harness.request_order()
    harness.accept(order_id)
    harness.request_replace(order_id, price="155")
    harness.request_replace(order_id, price="154")
    harness.kill()
    [cancel] = harness.sent(CommandKind.CANCEL)
    assert cancel.orig_cl_ord_id == (C2 if last_sent else C1)
    assert order_id not in harness.state.execution.pending, "the replace that waited is closed"
    harness.confirm_replace(order_id)
    harness.confirm_cancel(order_id, cl_ord_id=cancel.cl_ord_id, orig_cl_ord_id=C2)
    assert harness.order(order_id).state is OrderState.CANCELLED
    assert not dict(harness.state.execution.awaiting)


def test_under_kill_a_cancel_follows_the_name_of_a_replace_that_took(harness: Harness, order_id: str) -> None:
    harness.request_replace(order_id, price="155")
    harness.kill()
    first = harness.sent(CommandKind.CANCEL)[-1]
    harness.confirm_replace(order_id)
    harness.report(CancelRejected, order_id, cl_ord_id=first.cl_ord_id, orig_cl_ord_id=C1, ord_status="0", cxl_rej_reason="1")
    harness.answer_status(order_id, "0", cl_ord_id=C2, order_qty=D(10000), price=D(155), cum_qty=D(0))
    second = harness.sent(CommandKind.CANCEL)[-1]
    assert second.cl_ord_id != first.cl_ord_id
    assert second.orig_cl_ord_id == C2


def test_no_replace_goes_under_kill(harness: Harness, order_id: str) -> None:
    harness.kill("strategy:other")
    harness.request_replace(order_id, price="155")
    harness.kill()
    harness.request_replace(order_id, price="154")
    assert harness.events(Denied)[-1].code == "kill_engaged"


def test_pending_replace_reports_keep_the_state(harness: Harness, order_id: str) -> None:
    harness.request_replace(order_id, price="155")
    harness.report(PendingReplace, order_id, ord_status="E", cl_ord_id=C2, orig_cl_ord_id=C1)
    assert harness.order(order_id).state is OrderState.ACCEPTED
    assert harness.order(order_id).new_in_flight == C2
    assert terms(harness, order_id) == (D(10000), D(156), C1)


def test_resolved_by_an_answer_is_one_event(harness: Harness, order_id: str) -> None:
    overdue(harness, order_id)
    harness.answer_status(order_id, "0", cl_ord_id=C2, order_qty=D(20000), price=D(155))
    [resolved] = harness.events(Resolved)
    assert (resolved.cl_ord_id, resolved.quantity, resolved.price) == (C2, D(20000), D(155))


def test_an_intent_is_well_formed_or_refused() -> None:
    assert well_formed(Replace(order_id="1-1", price=D(1))) == Replace(order_id="1-1", price=D(1))
    with pytest.raises(TypeError, match="float"):
        well_formed(Replace(order_id="1-1", price=1.5))  # type: ignore[arg-type]


def test_an_order_is_not_replaced_for_ever(harness: Harness, order_id: str) -> None:
    for number in range(100):
        harness.request_replace(order_id, price="155.5" if number % 2 else "155")
        if harness.order(order_id).new_in_flight:
            harness.confirm_replace(order_id)
    assert "replaced_too_often" in {event.code for event in harness.events(Denied)}
    harness.request_cancel(order_id)
    assert harness.sent()[-1].kind is CommandKind.CANCEL
    assert len(harness.sent()[-1].cl_ord_id.rpartition("-")[2]) == 2
