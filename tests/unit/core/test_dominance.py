"""The matrix of in flight x waiting x incoming, cell by cell, against a copy written by hand; and what the core does."""

from __future__ import annotations

from decimal import Decimal

import pytest

from gateway.core.dominance import MATRIX, Do, Flight, Wait, in_flight
from gateway.core.events import (
    CancelRejected,
    Denied,
    Dispatched,
    PendingReplace,
    Queued,
    Replaced,
    SessionUnsettled,
    Superseded,
)
from gateway.core.values import CommandKind
from gateway.testing.harness import SESSION, VENUE, Harness, settings

# Waiting: none, NEW, REPLACE, CANCEL. Letters: what the incoming command does (see `Do`); . cannot arise.
# Wait: - goes at once, a for the answer, o for the answer until it is overdue.
GRID = """
in_flight           incoming  wait  none  NEW  REPLACE  CANCEL
NOTHING             NEW       -     P     .    .        .
NOTHING             REPLACE   -     P     R    S        Y
NOTHING             CANCEL    -     P     C    S        Y
NEW                 NEW       a     .     .    .        .
NEW                 REPLACE   a     P     .    S        Y
NEW                 CANCEL    o     P     .    S        Y
REPLACE             NEW       a     .     .    .        .
REPLACE             REPLACE   a     P     .    S        Y
REPLACE             CANCEL    o     P     .    S        Y
CANCEL              NEW       a     .     .    .        .
CANCEL              REPLACE   a     Y     .    .        .
CANCEL              CANCEL    a     Y     .    .        .
NEW_AND_CANCEL      NEW       a     .     .    .        .
NEW_AND_CANCEL      REPLACE   a     Y     .    .        .
NEW_AND_CANCEL      CANCEL    a     Y     .    .        .
REPLACE_AND_CANCEL  NEW       a     .     .    .        .
REPLACE_AND_CANCEL  REPLACE   a     Y     .    .        .
REPLACE_AND_CANCEL  CANCEL    a     Y     .    .        .
"""
WAITS = {"-": Wait.NO, "a": Wait.ANSWER, "o": Wait.OVERDUE}
DOES = {"P": Do.PLACE, "S": Do.SUPERSEDE, "R": Do.REWRITE, "C": Do.CLOSE, "Y": Do.YIELD, ".": Do.NEVER}
COLUMNS = (None, *CommandKind)
ROWS = [line.split() for line in GRID.strip().splitlines()[1:]]
CELLS = [
    (Flight[row[0]], waiting, CommandKind(row[1]), row[2], cell)
    for row in ROWS
    for waiting, cell in zip(COLUMNS, row[3:], strict=True)
]


def test_the_grid_is_the_whole_matrix() -> None:
    assert {(flight, incoming) for flight, _, incoming, _, _ in CELLS} == set(MATRIX)
    assert len(CELLS) == len(Flight) * len(COLUMNS) * len(CommandKind)


@pytest.mark.parametrize(("flight", "waiting", "incoming", "wait", "cell"), CELLS)
def test_cell(flight: Flight, waiting: CommandKind | None, incoming: CommandKind, wait: str, cell: str) -> None:
    found, does = MATRIX[flight, incoming]
    assert found is WAITS[wait]
    assert does[waiting] is DOES[cell]


def arranged(flight: Flight, waiting: CommandKind | None) -> tuple[Harness, str]:
    """An order with this in flight and that waiting."""
    harness = Harness().open()
    order_id = harness.request_order(quantity="10000", price="156")
    cancels = flight in (Flight.CANCEL, Flight.NEW_AND_CANCEL, Flight.REPLACE_AND_CANCEL)
    if flight not in (Flight.NEW, Flight.NEW_AND_CANCEL):
        harness.accept(order_id)
    if flight in (Flight.REPLACE, Flight.REPLACE_AND_CANCEL):
        harness.request_replace(order_id, price="155.5")
    if flight in (Flight.NEW_AND_CANCEL, Flight.REPLACE_AND_CANCEL):
        harness.pass_deadline()  # overdue: the cancel may overtake it
    if cancels:
        harness.request_cancel(order_id)
    if waiting is not None and flight is Flight.NOTHING:
        harness.feed(SessionUnsettled(venue=VENUE, session=SESSION, reason="messages are missing"))
    if waiting is CommandKind.REPLACE:
        harness.request_replace(order_id, price="155.1")
    elif waiting is CommandKind.CANCEL:
        harness.request_cancel(order_id)
    assert in_flight(harness.order(order_id)) is flight
    pending = harness.state.execution.pending.get(order_id)
    assert (None if pending is None else pending.command.kind) is waiting
    return harness, order_id


REAL = [
    (flight, waiting, incoming, cell)
    for flight, waiting, incoming, _, cell in CELLS
    if incoming is not CommandKind.NEW and waiting is not CommandKind.NEW and cell != "."
    # With nothing in flight a REPLACE waits only for the rate: tested below, as is what meets a NEW that waits.
    if (flight, waiting) != (Flight.NOTHING, CommandKind.REPLACE)
]


@pytest.mark.parametrize(("flight", "waiting", "incoming", "cell"), REAL)
def test_the_core_does_what_the_cell_says(
    flight: Flight, waiting: CommandKind | None, incoming: CommandKind, cell: str
) -> None:
    harness, order_id = arranged(flight, waiting)
    before = harness.state.execution.pending.get(order_id)
    doubtful = harness.order(order_id).in_doubt is not None
    step = (
        harness.request_cancel(order_id) if incoming is CommandKind.CANCEL else harness.request_replace(order_id, price="154")
    )
    outcomes = [r.event for r in step.records if isinstance(r.event, Queued | Dispatched | Superseded | Denied)]
    if incoming is CommandKind.REPLACE and (doubtful or (flight is Flight.NOTHING and waiting is CommandKind.CANCEL)):
        [denied] = outcomes  # risk said no first: the order is in doubt, or the venue is not open
        assert isinstance(denied, Denied)
        return
    kinds = [type(event) for event in outcomes]
    may_go = flight is Flight.NOTHING and waiting is None
    placed = Dispatched if may_go else Queued
    assert kinds == {"P": [placed], "S": [Superseded, placed], "Y": [Superseded]}[cell]
    if cell == "S":
        assert before is not None
        assert outcomes[0].command == before.command
        assert outcomes[0].by == outcomes[1].command.cl_ord_id
    if cell == "Y":
        stronger = harness.order(order_id).cancel_in_flight or harness.state.execution.pending[order_id].command.cl_ord_id
        assert outcomes[0].command.kind is incoming
        assert outcomes[0].by == stronger


def waiting_for_the_rate() -> tuple[Harness, str, str]:
    """An order that works and one that was never sent, and no more requests to be had for a second."""
    harness = Harness(config=settings(rate_per_second=Decimal(1), rate_burst=1)).open()
    working = harness.request_order(quantity="10000")
    harness.accept(working)
    unsent = harness.request_order(quantity="10000", price="156")
    assert unsent in harness.state.execution.pending
    return harness, working, unsent


def test_a_replace_of_a_new_that_was_never_sent_rewrites_it() -> None:
    harness, _, unsent = waiting_for_the_rate()
    step = harness.request_replace(unsent, quantity="5000", price="155")
    assert [type(r.event) for r in step.records[1:]] == [Superseded, Queued]
    while harness.state.execution.pending:
        harness.pass_deadline()
    sent = harness.sent()[-1]
    assert (sent.kind, sent.quantity, sent.price, sent.orig_cl_ord_id) == ("NEW", Decimal(5000), Decimal(155), None)
    harness.accept(unsent)
    harness.request_cancel(unsent)
    while harness.state.execution.pending:
        harness.pass_deadline()
    names = [command.cl_ord_id for command in harness.sent()]
    assert len(set(names)) == len(names) == 3
    assert harness.sent()[-1].orig_cl_ord_id == sent.cl_ord_id


def test_a_cancel_of_a_new_that_was_rewritten_closes_it() -> None:
    harness, _, unsent = waiting_for_the_rate()
    harness.request_replace(unsent, quantity="5000")
    harness.request_cancel(unsent)
    assert unsent not in harness.state.execution.pending
    assert unsent not in harness.state.execution.orders
    assert not harness.state.execution.pending_new["all"]


def test_a_replace_that_waits_for_the_rate_gives_way_to_the_next_and_to_a_cancel() -> None:
    harness, working, _ = waiting_for_the_rate()
    harness.request_replace(working, quantity="5000")
    step = harness.request_replace(working, price="155")
    assert [type(r.event) for r in step.records[1:]] == [Superseded, Queued]
    waiting = harness.state.execution.pending[working].command
    assert (waiting.quantity, waiting.price) == (Decimal(5000), Decimal(155)), "what is not named stays as last asked for"
    harness.request_cancel(working)
    assert working not in harness.state.execution.pending
    assert harness.sent()[-1].kind is CommandKind.CANCEL, "it may go before the rate lets a REPLACE go"
    assert [e.command.cl_ord_id for e in harness.events(Superseded)][-1] == waiting.cl_ord_id


def test_pending_reports_are_no_answers() -> None:
    harness, order_id = arranged(Flight.REPLACE, None)
    harness.request_cancel(order_id)
    harness.report(PendingReplace, order_id, ord_status="E", cl_ord_id="T-1-1-2", orig_cl_ord_id="T-1-1-1")
    assert harness.sent(CommandKind.CANCEL) == []
    harness.report(Replaced, order_id, ord_status="0", cl_ord_id="T-1-1-2", orig_cl_ord_id="T-1-1-1")
    [cancel] = harness.sent(CommandKind.CANCEL)
    assert cancel.orig_cl_ord_id == "T-1-1-2", "it goes under the name the order has by then"


def test_a_cancel_overtakes_what_is_overdue_and_names_what_was_accepted() -> None:
    harness, order_id = arranged(Flight.REPLACE_AND_CANCEL, None)
    [cancel] = harness.sent(CommandKind.CANCEL)
    assert cancel.orig_cl_ord_id == "T-1-1-1"
    harness.report(CancelRejected, order_id, cl_ord_id=cancel.cl_ord_id, ord_status="0")
    assert in_flight(harness.order(order_id)) is Flight.REPLACE
