"""Execution control: the token bucket, what waits and why, and deadlines that are never stored."""

from __future__ import annotations

from decimal import Decimal

from gateway.core.events import Accepted, ControlTime, Dispatched, Queued, StatusRequested
from gateway.core.execution_control import cl_ord_id
from gateway.core.values import NANOS, CommandKind
from gateway.testing.harness import VENUE, Harness, settings

D = Decimal
SECOND = NANOS


def limited(burst: int = 2) -> Harness:
    return Harness(config=settings(rate_per_second=D(1), rate_burst=burst)).open()


def test_burst_goes_at_once_the_rest_waits_for_the_rate() -> None:
    harness = limited(burst=3)
    orders = [harness.request_order() for _ in range(5)]
    assert [command.order_id for command in harness.sent()] == orders[:3]
    assert [(event.command.order_id, event.why) for event in harness.events(Queued)] == [(i, "rate") for i in orders[3:]]


def test_time_alone_releases_what_waits_oldest_first() -> None:
    harness = limited(burst=1)
    orders = [harness.request_order() for _ in range(3)]
    for order_id in orders[:1]:
        harness.accept(order_id)
    first = harness.now_ns
    sent_at = []
    while harness.state.execution.pending:
        harness.pass_deadline()
        sent_at.append(harness.now_ns)
        harness.accept(harness.sent()[-1].order_id)
    assert [command.order_id for command in harness.sent()] == orders
    assert sent_at[-1] - first <= 2 * SECOND
    assert harness.next_deadline is None


def test_nothing_goes_a_nanosecond_early() -> None:
    harness = limited(burst=1)
    harness.accept(harness.request_order())
    harness.request_order()
    free = harness.state.execution.buckets[VENUE]
    harness.feed(ControlTime(deadline_ns=free), after_ns=free - 1 - harness.now_ns)
    assert len(harness.sent()) == 1
    harness.feed(ControlTime(deadline_ns=free), after_ns=1)
    assert len(harness.sent()) == 2


def test_decided_seq_is_the_first_outcome() -> None:
    harness = limited(burst=1)
    harness.accept(harness.request_order())
    harness.request_order()
    harness.pass_deadline()
    queued = next(one for one in harness.records if isinstance(one.event, Queued))
    sent = [one for one in harness.records if isinstance(one.event, Dispatched)]
    assert [one.event.decided_seq for one in sent] == [sent[0].seq, queued.seq]


def test_cancels_have_headroom_of_a_quarter_of_the_burst() -> None:
    harness = limited(burst=8)
    orders = [harness.request_order() for _ in range(9)]
    for order_id in orders[:8]:
        harness.accept(order_id)
    for order_id in orders[:3]:
        harness.request_cancel(order_id)
    assert [command.order_id for command in harness.sent(CommandKind.CANCEL)] == orders[:2]
    assert harness.events(Queued)[-1].why == "rate"


def test_cancels_go_before_new_orders() -> None:
    harness = limited(burst=1)
    working = harness.request_order()
    harness.accept(working)
    harness.report(Accepted, working, cl_ord_id="X", venue_order_id="V", order_qty=D(1000))
    waiting = harness.request_order()
    harness.request_cancel(working)
    harness.request_cancel(harness.state.execution.cl_ord_ids[VENUE, "X"])
    while harness.state.execution.pending:
        harness.pass_deadline()
    assert [command.kind for command in harness.sent()] == [
        CommandKind.NEW, CommandKind.CANCEL, CommandKind.CANCEL, CommandKind.NEW,
    ]  # fmt: skip
    assert harness.sent()[-1].order_id == waiting


def test_a_pending_cancel_ends_with_its_order() -> None:
    harness = Harness().open()
    order_id = harness.request_order()
    harness.request_cancel(order_id)
    assert harness.events(Queued)[-1].why == "in_flight"
    harness.fill(order_id, "10000")
    assert harness.sent(CommandKind.CANCEL) == []
    assert not harness.state.execution.pending


def test_a_cancel_waits_for_the_acknowledgement_and_no_longer() -> None:
    harness = Harness().open()
    order_id = harness.request_order()
    harness.request_cancel(order_id)
    harness.accept(order_id)
    assert [command.order_id for command in harness.sent(CommandKind.CANCEL)] == [order_id]


def test_a_cancel_outlives_its_session() -> None:
    harness = Harness().open()
    order_id = harness.request_order()
    harness.accept(order_id)
    harness.disconnect()
    harness.request_cancel(order_id)
    assert harness.events(Queued)[-1].why == "session"
    harness.log_on()
    assert harness.sent(CommandKind.CANCEL) == []
    harness.settle()
    assert [command.order_id for command in harness.sent(CommandKind.CANCEL)] == [order_id]


def test_status_requests_count_towards_the_rate() -> None:
    harness = limited(burst=4)
    orders = [harness.request_order() for _ in range(4)]
    for order_id in orders:
        harness.accept(order_id)
    harness.disconnect()
    harness.log_on()
    harness.settle()
    assert len(harness.events(StatusRequested)) == 1
    assert harness.next_deadline is not None
    while len(harness.events(StatusRequested)) < 4:
        harness.pass_deadline()
    assert [event.order_id for event in harness.events(StatusRequested)][:1] == orders[:1]


def test_names_of_requests_are_functions_of_position() -> None:
    harness = Harness().open()
    assert cl_ord_id(harness.state, "1-1", 2) == "T-1-1-2"
    order_id = harness.request_order()
    harness.accept(order_id)
    harness.request_cancel(order_id)
    assert [command.cl_ord_id for command in harness.sent()] == ["T-1-1-1", "T-1-1-2"]
    assert harness.sent()[1].orig_cl_ord_id == "T-1-1-1"
