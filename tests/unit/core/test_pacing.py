"""Token buckets of sessions, of groups and of venues; what the kill switch waits for and what it leaves behind."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from gateway.core.events import (
    ClosedUnsent,
    ControlTime,
    Dispatched,
    KillReleased,
    Recorded,
    RunStarted,
    SessionUnsettled,
    StatusRequested,
    StopRequested,
    TradingDayRolled,
    TradingSwitched,
    VenueCloseRequested,
)
from gateway.core.pacing import free_at
from gateway.core.settings import CoreSettings, Rate
from gateway.core.values import NANOS, CommandKind, TradingState
from gateway.testing.harness import SESSION, VENUE, Harness, settings

D = Decimal
OTHER = "SIM2"


def configured(*, rate: int | None = None, burst: int = 1, group: Rate | None = None, hard: Rate | None = None) -> CoreSettings:
    """Two venues alike, each with a session of its own, both in the group."""
    base = settings(rate_per_second=None if rate is None else D(rate), rate_burst=burst)
    venue = replace(base.venues[VENUE], rate_group="g", hard_rate=hard, ack_timeout_ns=3600 * NANOS)
    other = replace(venue, name=OTHER, session="FIX.4.4:GATEWAY->SIM2")
    return replace(base, venues={VENUE: venue, OTHER: other}, rate_groups={} if group is None else {"g": group})


def working(harness: Harness, orders: int, venue: str = VENUE, **fields: Any) -> list[str]:
    ids = []
    for _ in range(orders):
        harness.now_ns += NANOS  # the rate holds none of these back
        ids.append(harness.request_order(venue=venue, **fields))
        harness.accept(ids[-1])
    harness.now_ns += 100 * NANOS
    return ids


def dispatched(harness: Harness) -> list[Recorded]:
    return [one for one in harness.records if isinstance(one.event, Dispatched)]


def pass_time(harness: Harness) -> int:
    """Until nothing waits for the rate any more; how many control-time events it took. Each of them let something go."""
    passed = 0
    while harness.state.execution.pending:
        before = len(dispatched(harness))
        harness.pass_deadline()
        passed += 1
        assert len(dispatched(harness)) > before, "no tick for nothing"
    return passed


def test_kill_cancels_are_held_back_by_no_limit_of_ours() -> None:
    harness = Harness(config=configured(rate=1, group=Rate(D(1), 1))).open()
    working(harness, 20)
    step = harness.kill()
    assert sum(isinstance(one.event, Dispatched) for one in step.records) == 20
    assert harness.next_deadline == harness.now_ns + 3600 * NANOS


def test_kill_cancels_are_paced_to_the_limit_of_the_venue() -> None:
    harness = Harness(config=configured(rate=1, hard=Rate(D(10), 4))).open()
    working(harness, 20)
    began = harness.now_ns + 1_000_000
    step = harness.kill()
    assert sum(isinstance(one.event, Dispatched) for one in step.records) == 4, "its burst"
    assert pass_time(harness) == 16
    cancels = [one for one in dispatched(harness) if one.event.command.kind is CommandKind.CANCEL]
    assert [one.at_ns - began for one in cancels] == [0] * 4 + [n * NANOS // 10 for n in range(1, 17)]


def test_a_kill_leaves_no_debt_behind() -> None:
    """What was sent under kill empties our buckets. It does not make others wait for all of it."""
    harness = Harness(config=configured(rate=1, burst=2, group=Rate(D(1), 2))).open()
    working(harness, 20, account="A")
    [mine] = working(harness, 1, account="B")
    harness.kill("account:A")
    harness.request_cancel(mine)
    assert mine not in harness.state.execution.pending, "the headroom of cancels is still there"
    harness.feed(KillReleased(actor="a", request_id="r", scope="account:A"))
    began = harness.now_ns
    harness.request_order()
    assert pass_time(harness) == 1
    assert harness.now_ns - began < 3 * NANOS


def test_sessions_of_a_group_share_its_bucket_and_keep_their_own() -> None:
    harness = Harness(config=configured(rate=2, burst=2, group=Rate(D(3), 3))).open()
    began = harness.now_ns
    for venue in (VENUE, VENUE, OTHER, OTHER, VENUE):
        harness.request_order(venue=venue)
    assert [one.event.command.venue for one in dispatched(harness)] == [VENUE, VENUE, OTHER]
    pass_time(harness)
    times = [(one.at_ns - began) // 1_000_000 for one in dispatched(harness)]
    assert times[3:] == [334, 667], "the group's third of a second each, though each session could have gone sooner or later"


def test_a_status_request_counts_in_every_bucket() -> None:
    harness = Harness(config=configured(rate=1, burst=9, group=Rate(D(1), 9), hard=Rate(D(1), 9))).open()
    harness.request_order()
    harness.disconnect()
    harness.log_on()
    before = dict(harness.state.execution.buckets)
    harness.settle()
    after = harness.state.execution.buckets
    assert {name: at - before[name] for name, at in after.items()} == dict.fromkeys(("SIM", "group:g", "hard:SIM"), NANOS)


def test_obligations_are_found_again_after_a_restart_and_one_is_outstanding() -> None:
    """Whatever waits, there is one next deadline; it follows from the state, and time before it changes nothing."""
    harness = Harness(config=configured(rate=1, group=Rate(D(1), 1))).open()
    for venue in (VENUE, OTHER, VENUE, OTHER):
        harness.request_order(venue=venue)
    deadline = harness.next_deadline
    assert deadline is not None
    harness.feed(ControlTime(deadline_ns=deadline), after_ns=deadline - harness.now_ns - 1)
    assert (len(dispatched(harness)), harness.next_deadline) == (1, deadline)
    harness.state.execution.rebuild()  # as a restored state has it
    assert harness.next_deadline == deadline
    assert pass_time(harness) == 3


def test_without_a_rate_and_before_the_first_request_everything_is_free_since_ever() -> None:
    assert free_at(Harness(config=configured()).open().state, VENUE, cancel=False) == 0
    assert free_at(Harness(config=configured(rate=1)).open().state, VENUE, cancel=False) == 0


def test_a_venue_that_is_down_hides_no_deadline_of_the_next() -> None:
    harness = Harness(config=configured(rate=1)).open()
    harness.disconnect()
    harness.request_order(venue=OTHER)
    sent_ns = harness.now_ns
    harness.request_order(venue=OTHER)
    assert harness.next_deadline == sent_ns + NANOS
    assert pass_time(harness) == 1


def test_kill_cancels_wait_for_the_venue_while_our_own_bucket_is_in_debt() -> None:
    harness = Harness(config=configured(rate=1, hard=Rate(D(10), 2))).open()
    orders = working(harness, 4)
    for order_id in orders[:2]:
        harness.request_cancel(order_id)  # a token each, and the headroom: ours is in debt for a second
    began = harness.now_ns
    harness.kill()
    assert [pass_time(harness), harness.now_ns - began] == [2, 2 * NANOS // 10 - 1_000_000]


def test_what_waits_for_a_venue_to_open_is_no_deadline() -> None:
    harness = Harness(config=configured(rate=1)).open()
    working(harness, 1)
    harness.request_order()
    waiting = harness.request_order()
    harness.feed(SessionUnsettled(venue=VENUE, session=SESSION, reason="messages are missing"))
    harness.now_ns += 100 * NANOS
    harness.settle()
    assert not harness.state.control.venues[VENUE].opened
    assert waiting in harness.state.execution.pending
    while harness.state.control.to_ask.first(VENUE) is not None:
        harness.pass_deadline()
    answers = [asked.deadline_ns for asked in harness.events(StatusRequested)]
    overdue = [sent.ack_deadline_ns for sent in harness.events(Dispatched)]
    assert harness.next_deadline in (*answers, *overdue)


def test_kill_overtakes_a_new_order_that_is_not_acknowledged() -> None:
    harness = Harness().open()
    order_id = harness.request_order()
    step = harness.kill()
    sent = [one.event.command for one in step.records if isinstance(one.event, Dispatched)]
    assert [(command.kind, command.order_id) for command in sent] == [(CommandKind.CANCEL, order_id)]


# ------------------------------------------------------------------------------------------- work that became invalid


def by_operator(kind: type[Any], **fields: Any) -> Callable[[Harness], object]:
    return lambda harness: harness.feed(kind(actor="alice", request_id="x", reason="test", **fields))


CLOSES: dict[str, tuple[Callable[[Harness], object], str]] = {
    "disabled": (by_operator(TradingSwitched, scope="all", state=TradingState.DISABLED), "trading disabled"),
    "reduced": (by_operator(TradingSwitched, scope=f"venue:{VENUE}", state=TradingState.REDUCED), "trading reduced"),
    "kill": (lambda harness: harness.kill("instrument:USD/JPY"), "kill switch engaged"),
    "session loss": (lambda harness: harness.disconnect(), "session down"),
    "venue closed": (by_operator(VenueCloseRequested, venue=VENUE), "venue closed by an operator"),
    "stop": (by_operator(StopRequested), "the gateway is stopping"),
    "cancel of a scope": (lambda harness: harness.request_cancel(scope="account:ACC"), "cancelled before it was sent"),
    "end of the day": (by_operator(TradingDayRolled, trading_date="20250616"), "the trading day ended"),
    "restart": (lambda harness: harness.start(), "the run that decided it has ended"),
}


@pytest.mark.parametrize("event", CLOSES)
def test_what_waits_closes_when_it_became_invalid_and_cancels_stay(event: str) -> None:
    act, reason = CLOSES[event]
    harness = Harness(config=configured(rate=1)).open()
    first, second = working(harness, 2)
    harness.request_order(account="ELSEWHERE", venue=OTHER)  # takes the token of its own session alone
    unsent = harness.request_order()
    waiting = harness.request_order()
    harness.accept(unsent)
    harness.request_replace(first, quantity="5000")
    harness.request_cancel(second)
    harness.request_cancel(unsent)
    pending = {order_id: one.command.kind for order_id, one in harness.state.execution.pending.items()}
    assert pending[waiting] is CommandKind.NEW
    assert pending[first] is CommandKind.REPLACE
    assert CommandKind.CANCEL in pending.values()
    act(harness)
    closed = {one.command.order_id: one.reason for one in harness.events(ClosedUnsent)}
    assert closed == {waiting: reason, first: reason}
    left = {one.command.kind for one in harness.state.execution.pending.values()}
    assert left <= {CommandKind.CANCEL}


def test_what_waits_stays_while_messages_are_missing() -> None:
    """The session is up, and in a moment the numbers agree again: nothing is lost, so nothing is closed."""
    harness = Harness(config=configured(rate=1)).open()
    harness.request_order()
    waiting = harness.request_order()
    harness.feed(SessionUnsettled(venue=VENUE, session=SESSION, reason="messages are missing"))
    assert waiting in harness.state.execution.pending
    assert harness.next_deadline is not None
    assert not [one for one in harness.records if isinstance(one.event, RunStarted)][1:]
