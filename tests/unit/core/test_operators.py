"""Operators: kill, trading states, stop, cancels of one and of many, and retries that change nothing."""

from __future__ import annotations

from decimal import Decimal

import pytest
from msgspec.structs import replace

from gateway.core.changes import OperatorActed
from gateway.core.events import (
    Accepted,
    CancelRequested,
    ClosedUnsent,
    Denied,
    Dispatched,
    Event,
    KillEngaged,
    KillReleased,
    OrderRequested,
    Queued,
    SessionCommanded,
    StopRequested,
    Superseded,
    TradingSwitched,
    VenueOpenRequested,
)
from gateway.core.values import CommandKind, OrderState, Side, TradingState
from gateway.testing.harness import SESSION, SYMBOL, VENUE, Harness, settings

D = Decimal


def codes(harness: Harness) -> list[str]:
    return [event.code for event in harness.events(Denied)]


def with_one_open_and_one_waiting(harness: Harness) -> tuple[str, str]:
    """Rate of one a second, no burst: the second order waits."""
    working = harness.request_order()
    harness.accept(working)
    waiting = harness.request_order()
    assert harness.events(Queued)[-1].why == "rate"
    return working, waiting


def limited() -> Harness:
    return Harness(config=settings(rate_per_second=D(1))).open()


def test_kill_closes_what_waits_cancels_what_is_open_and_denies_the_rest() -> None:
    harness = limited()
    working, waiting = with_one_open_and_one_waiting(harness)
    in_flight = len(harness.sent())
    harness.kill()
    assert [(event.command.order_id, event.reason) for event in harness.events(ClosedUnsent)] == [
        (waiting, "kill switch engaged")
    ]
    assert [(c.kind, c.order_id) for c in harness.sent()[in_flight:]] == [(CommandKind.CANCEL, working)]
    harness.request_order()
    assert codes(harness) == ["kill_engaged"]
    assert "kill switch engaged for all: test" in harness.events(Denied)[0].reason


def test_kill_in_a_burst_sends_nothing_but_cancels_unthrottled() -> None:
    harness = Harness(config=settings(rate_per_second=D(1), rate_burst=20)).open()
    orders = [harness.request_order() for _ in range(20)]
    for order_id in orders[:10]:
        harness.accept(order_id)
    before = len(harness.sent())
    harness.kill()
    after = harness.sent()[before:]
    assert sorted(command.order_id for command in after) == sorted(orders)
    assert {command.kind for command in after} == {CommandKind.CANCEL}
    for order_id in orders:
        harness.confirm_cancel(order_id)
    assert {harness.order(order_id).state for order_id in orders} == {OrderState.CANCELLED}
    assert harness.state.execution.open["all"] == {}


def test_kill_sends_a_cancel_that_waited_for_the_rate() -> None:
    harness = Harness(config=settings(rate_per_second=D(1))).open()
    order_id = harness.request_order()
    external = []
    for number in range(3):
        harness.report(Accepted, order_id, cl_ord_id=f"X{number}", venue_order_id=f"V{number}", order_qty=D(1000))
        external.append(harness.state.execution.cl_ord_ids[VENUE, f"X{number}"])
    for other in external:
        harness.request_cancel(other)
    assert [event.why for event in harness.events(Queued)] == ["rate", "rate"]
    harness.kill()
    assert {c.order_id for c in harness.sent(CommandKind.CANCEL)} == {order_id, *external}


def test_kill_of_one_scope_leaves_the_others(harness: Harness) -> None:
    order_id = harness.request_order()
    harness.accept(order_id)
    harness.kill("strategy:other")
    assert harness.sent(CommandKind.CANCEL) == []
    harness.kill("strategy:desk")
    assert [c.order_id for c in harness.sent(CommandKind.CANCEL)] == [order_id]


def with_two_venues() -> Harness:
    """One a second at `SIM`; no rate at `ALT`."""
    base = settings(rate_per_second=D(1))
    other = replace(base.venues[VENUE], name="ALT", session="FIX.4.4:GATEWAY->ALT", rate_per_second=None)
    return Harness(config=replace(base, venues={**base.venues, "ALT": other})).open()


def kill_after_a_second(harness: Harness) -> list[CommandKind]:
    """What leaves when `ALT` is killed at the moment the token of `SIM` is there."""
    before = len(harness.sent())
    deadline = harness.next_deadline
    assert deadline is not None
    event = KillEngaged(request_id="k", actor="alice", reason="test", scope="venue:ALT")
    harness.feed(event, after_ns=deadline - harness.now_ns)
    return [command.kind for command in harness.sent()[before:]]


def test_kill_of_one_scope_sends_no_new_order_of_another_that_waited_for_time() -> None:
    harness = with_two_venues()
    _, waiting = with_one_open_and_one_waiting(harness)
    assert kill_after_a_second(harness) == []
    assert waiting in harness.state.execution.pending, "it is not closed either"
    assert harness.next_deadline == harness.now_ns, "and goes at once, but not in the turn of the kill"
    harness.pass_deadline()
    assert harness.sent()[-1].order_id == waiting


def test_kill_of_one_scope_sends_no_replace_of_another_that_waited_for_time() -> None:
    harness = with_two_venues()
    order_id = harness.request_order()
    harness.accept(order_id)
    harness.request_replace(order_id, price="155")
    assert harness.events(Queued)[-1].why == "rate"
    assert kill_after_a_second(harness) == []
    harness.pass_deadline()
    assert harness.sent()[-1].kind is CommandKind.REPLACE


def test_a_cancel_that_waited_for_time_leaves_also_at_the_kill_of_another_scope() -> None:
    harness = with_two_venues()
    order_id = harness.request_order()
    harness.accept(order_id)
    harness.request_cancel(order_id)  # within the headroom of cancels
    harness.report(Accepted, order_id, cl_ord_id="X", venue_order_id="VX", order_qty=D(1000))
    external = harness.state.execution.cl_ord_ids[VENUE, "X"]
    harness.request_cancel(external)
    assert harness.events(Queued)[-1].why == "rate"
    assert kill_after_a_second(harness) == [CommandKind.CANCEL]
    assert harness.sent()[-1].order_id == external


def test_a_cancel_lost_with_the_connection_is_repeated_after_reconciliation(harness: Harness) -> None:
    order_id = harness.request_order()
    harness.accept(order_id)
    harness.kill()
    harness.disconnect()
    harness.log_on()
    harness.settle()
    assert len(harness.sent(CommandKind.CANCEL)) == 1
    harness.answer_status(order_id, "0", cum_qty=D(0))
    assert [c.order_id for c in harness.sent(CommandKind.CANCEL)] == [order_id, order_id]


def test_a_cancel_that_was_lost_and_an_unanswered_reconciliation_still_cancel(harness: Harness) -> None:
    order_id = harness.request_order()
    harness.accept(order_id)
    harness.kill()
    harness.disconnect()
    harness.log_on()
    harness.settle()
    harness.pass_deadline()
    assert len(harness.sent(CommandKind.CANCEL)) == 1
    harness.pass_deadline()
    assert not harness.state.control.venues[VENUE].opened
    assert [c.order_id for c in harness.sent(CommandKind.CANCEL)] == [order_id, order_id]


def test_under_kill_an_unanswered_reconciliation_still_cancels(harness: Harness) -> None:
    order_id = harness.request_order()
    harness.accept(order_id)
    harness.disconnect()
    harness.kill()
    assert harness.events(Queued)[-1].why == "session"
    harness.start(killed=("all",))
    harness.log_on()
    harness.settle()
    harness.pass_deadline()
    harness.pass_deadline()
    assert not harness.state.control.venues[VENUE].opened
    assert {c.order_id for c in harness.sent(CommandKind.CANCEL)} == {order_id}


def test_a_kill_file_counts_and_only_an_operator_releases(harness: Harness) -> None:
    step = harness.start(killed=("venue:SIM",), killed_why=("runaway",))
    (acted,) = [change for _, changes in step.changes for change in changes if isinstance(change, OperatorActed)]
    assert (acted.action, acted.actor, acted.scope, acted.reason) == ("kill_engaged", "kill file", "venue:SIM", "runaway")
    step = harness.start(killed=("venue:SIM",), killed_why=("runaway",))
    assert not [change for _, changes in step.changes for change in changes if isinstance(change, OperatorActed)], "known"
    harness.log_on()
    harness.settle()
    harness.request_order()
    assert codes(harness) == ["kill_engaged"]
    harness.feed(KillReleased(actor="alice", reason="checked", request_id="r", scope="venue:SIM"))
    order_id = harness.request_order()
    assert harness.order(order_id).state is OrderState.SUBMITTED


def test_a_kill_outlives_the_run(harness: Harness) -> None:
    harness.kill()
    harness.start()
    assert "all" in harness.state.control.killed


@pytest.mark.parametrize("state", [TradingState.DISABLED, TradingState.REDUCED])
def test_trading_switched_off_closes_what_waits_and_cancels_nothing(state: TradingState) -> None:
    harness = limited()
    working, waiting = with_one_open_and_one_waiting(harness)
    harness.feed(TradingSwitched(actor="alice", request_id="t", scope="all", state=state))
    assert [event.command.order_id for event in harness.events(ClosedUnsent)] == [waiting]
    assert harness.order(working).state is OrderState.ACCEPTED
    assert harness.sent(CommandKind.CANCEL) == []


def test_trading_is_enabled_again(harness: Harness) -> None:
    harness.feed(TradingSwitched(actor="alice", request_id="t1", scope="venue:SIM", state=TradingState.DISABLED))
    harness.request_order()
    harness.feed(TradingSwitched(actor="alice", request_id="t2", scope="venue:SIM", state=TradingState.ENABLED))
    harness.request_order()
    assert codes(harness) == ["trading_disabled"]
    assert len(harness.sent()) == 1


def test_stop_closes_what_waits_and_cancels_only_when_asked() -> None:
    harness = limited()
    working, waiting = with_one_open_and_one_waiting(harness)
    harness.feed(StopRequested(actor="alice", request_id="s1"))
    assert [event.command.order_id for event in harness.events(ClosedUnsent)] == [waiting]
    assert harness.sent(CommandKind.CANCEL) == []
    harness.request_order()
    assert codes(harness) == ["trading_disabled"]
    harness.feed(StopRequested(actor="alice", request_id="s2", cancel_open=True), after_ns=10**10)
    assert [c.order_id for c in harness.sent(CommandKind.CANCEL)] == [working]


def test_cancel_of_an_order_that_waits_closes_it_unsent() -> None:
    harness = limited()
    _, waiting = with_one_open_and_one_waiting(harness)
    harness.request_cancel(waiting)
    assert [(e.command.order_id, e.reason) for e in harness.events(ClosedUnsent)] == [(waiting, "cancelled before it was sent")]
    assert waiting not in harness.state.execution.orders
    assert harness.sent(CommandKind.CANCEL) == []


def test_cancel_of_a_scope(harness: Harness) -> None:
    orders = [harness.request_order() for _ in range(3)]
    for order_id in orders:
        harness.accept(order_id)
    harness.request_cancel(orders[0])
    harness.request_cancel(scope=f"instrument:{SYMBOL}")
    assert [c.order_id for c in harness.sent(CommandKind.CANCEL)] == orders


def test_cancel_of_nothing_is_denied_by_name(harness: Harness) -> None:
    ended = harness.request_order()
    harness.accept(ended)
    harness.confirm_cancel(ended)
    harness.request_cancel("9-9")
    harness.request_cancel(ended)
    assert codes(harness) == ["unknown_order", "order_closed"]


def test_a_second_cancel_gives_way_to_the_first(harness: Harness) -> None:
    order_id = harness.request_order()
    harness.accept(order_id)
    harness.request_cancel(order_id)
    harness.request_cancel(order_id)
    (sent,) = harness.sent(CommandKind.CANCEL)
    assert [event.by for event in harness.events(Superseded)] == [sent.cl_ord_id]


RETRIES: list[Event] = [
    OrderRequested(actor="a", request_id="r", venue=VENUE, symbol=SYMBOL, side=Side.BUY, quantity=D(1000), price=D(156)),
    CancelRequested(actor="a", request_id="r", scope="all"),
    KillReleased(actor="a", request_id="r", scope="all"),
    TradingSwitched(actor="a", request_id="r", scope="all", state=TradingState.DISABLED),
    TradingSwitched(actor="a", request_id="r", scope="all", state=TradingState.ENABLED),
    StopRequested(actor="a", request_id="r", cancel_open=True),
    VenueOpenRequested(actor="a", request_id="r", venue=VENUE),
    SessionCommanded(actor="a", request_id="r", venue=VENUE, session=SESSION, action="test-request"),
]


def test_engaging_the_kill_switch_again_is_always_meant() -> None:
    harness = Harness().open()
    engage = KillEngaged(actor="a", request_id="r", scope="all")
    harness.feed(engage)
    harness.feed(KillReleased(actor="a", request_id="other", scope="all"))
    harness.feed(engage)
    assert "all" in harness.state.control.killed


@pytest.mark.parametrize("event", RETRIES, ids=lambda event: event.kind())
def test_a_repeated_request_changes_nothing(event: Event) -> None:
    harness = Harness().open()
    order_id = harness.request_order()
    harness.accept(order_id)
    step = harness.feed(event)
    assert any(isinstance(change, OperatorActed) for _, changes in step.changes for change in changes)
    digest = harness.state.digest()
    step = harness.feed(event)
    assert harness.state.digest() == digest
    assert len(step.records) == 1
    assert step.changes[0][1] == ()


def test_the_retry_of_a_release_does_not_undo_a_later_kill(harness: Harness) -> None:
    harness.kill()
    release = KillReleased(actor="alice", request_id="release", scope="all")
    harness.feed(release)
    harness.kill()
    harness.feed(release)
    assert "all" in harness.state.control.killed


def test_ids_of_requests_that_were_denied_are_used_up(harness: Harness) -> None:
    denied = harness.request_order(quantity="1")
    sent = harness.request_order()
    assert (denied, sent) == ("1-1", "1-2")
    assert [event.command.order_id for event in harness.events(Dispatched)] == [sent]


def test_a_cancel_that_names_neither_order_nor_scope_cancels_nothing() -> None:
    harness = Harness().open()
    order_id = harness.request_order()
    harness.accept(order_id)
    harness.feed(CancelRequested(actor="a", request_id="c"))
    assert not harness.sent(CommandKind.CANCEL)
    assert [denied.code for denied in harness.events(Denied)] == ["unknown_order"]
