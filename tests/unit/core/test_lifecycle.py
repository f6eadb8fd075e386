"""The transition table, cell by cell, against a copy written by hand; and what the core does with each cell."""

from __future__ import annotations

from decimal import Decimal

import pytest

from gateway.core.apply import apply
from gateway.core.events import (
    Accepted,
    Cancelled,
    DoneForDay,
    ExecutionEvent,
    Expired,
    PendingCancel,
    PendingNew,
    PendingReplace,
    Recorded,
    Rejected,
    Replaced,
    Resolved,
    Restated,
    Suspended,
)
from gateway.core.lifecycle import BY_QUANTITY, KEEP, TABLE, by_quantity, transition
from gateway.core.values import OrderState
from gateway.testing.harness import Harness

# Letters are states (X is Expired), = keeps the state, # follows from the quantities, . is no edge, ! raises an anomaly.
GRID = """
                      S    A    P    F    C    R    X
accepted              A    =    =    =    =    .    .
accepted_presumed     .    .    .    .    .    #!   .
filled_presumed       .    .    .    .    .    #!   .
pending_new           =    =    =    .    .    .    .
rejected              R    R    =!   .    .    =    .
copy_rejected         R    =!   =!   =    =    =    =
filled                #    #    #    =!   =!   =!   =!
fill_inferred         #    #    #    =    =    =    =
fill_corrected        #    #    #    #    =    =    =
fill_busted           #    #    #    =    =    =    =
fill_busted_open      .    .    .    #!   .    .    .
cancelled             C    C    C    .    =    .    .
expired               X    X    X    .    .    .    =
replaced              #    #    #    #!   .    .    .
done_for_day          =    =    =    =    =    .    =
calculated            =    =    =    =    =    .    =
pending_cancel        =    =    =    .    .    .    .
pending_replace       =    =    =    .    .    .    .
suspended             =    =    =    .    .    .    .
restated              =    #    #    =    =    .    =
cancel_rejected       =    =    =    =    =    =    =
replace_rejected      =    =    #    =    =    =    =
replace_not_sent      =    =    #    =    =    =    =
status_reported       =    =    =    =    =    =    =
submission_failed     R    .    .    .    .    .    .
not_sent              R    .    .    .    .    .    .
unknown_at_venue      R    .    .    .    .    .    .
day_ended             X    X    X    .    .    .    .
reported_accepted     A    #    #    .    .    .    .
reported_pending_replace A =    =    .    .    .    .
reported_filled       #    #    #    =    .    .    .
reported_working      .    .    .    #!   #!   #!   #!
reported_cancelled    C    C    C    .    =    .    .
reported_rejected     R    R    .    .    .    =    .
reported_expired      X    X    X    .    .    .    =
"""
ANOMALIES = {
    ("rejected", "P"): "reject_after_fill",
    ("copy_rejected", "A"): "duplicate_refused",
    ("copy_rejected", "P"): "duplicate_refused",
    ("filled", "F"): "over_fill",
    ("filled", "C"): "late_fill",
    ("filled", "R"): "late_fill",
    ("filled", "X"): "late_fill",
    ("fill_busted_open", "F"): "reopened",
    ("replaced", "F"): "reopened",
    ("accepted_presumed", "R"): "reopened",
    ("filled_presumed", "R"): "reopened",
    **{("reported_working", letter): "reopened" for letter in "FCRX"},
}
STATES = dict(zip("SAPFCRX", OrderState, strict=True))
ROWS = [line.split() for line in GRID.strip().splitlines()[1:]]
CELLS = [(row[0], letter, cell) for row in ROWS for letter, cell in zip("SAPFCRX", row[1:], strict=True)]


def test_the_grid_names_every_event_of_the_table() -> None:
    assert [row[0] for row in ROWS] == list(TABLE)


@pytest.mark.parametrize(("what", "letter", "cell"), CELLS)
def test_cell(what: str, letter: str, cell: str) -> None:
    edge = TABLE[what].get(STATES[letter])
    if cell == ".":
        assert edge is None
        return
    assert edge is not None
    targets = {"=": KEEP, "#": BY_QUANTITY, **STATES}
    assert edge.to == targets[cell[0]]
    assert edge.anomaly == ANOMALIES.get((what, letter))
    assert cell.endswith("!") is (edge.anomaly is not None)


@pytest.mark.parametrize(("what", "letter", "cell"), CELLS)
def test_transition_does_what_the_cell_says(what: str, letter: str, cell: str) -> None:
    before = STATES[letter]
    after, anomaly = transition(what, before, quantity=Decimal(10), cum_qty=Decimal(4))
    expected = {".": before, "=": before, "#": OrderState.PARTIALLY_FILLED, **STATES}
    assert after is expected[cell[0]]
    assert anomaly == ("no_edge" if cell == "." else ANOMALIES.get((what, letter)))


@pytest.mark.parametrize(
    ("cum_qty", "state"),
    [(0, OrderState.ACCEPTED), (1, OrderState.PARTIALLY_FILLED), (9, OrderState.PARTIALLY_FILLED), (10, OrderState.FILLED),
     (11, OrderState.FILLED)],
)  # fmt: skip
def test_state_by_quantity(cum_qty: int, state: OrderState) -> None:
    assert by_quantity(Decimal(10), Decimal(cum_qty)) is state


def in_state(letter: str) -> tuple[Harness, str]:
    harness = Harness().open()
    order_id = harness.request_order(quantity="10000")
    if letter not in "SR":
        harness.accept(order_id)
    if letter == "P":
        harness.fill(order_id, "4000")
    endings: dict[str, type[ExecutionEvent]] = {"C": Cancelled, "R": Rejected, "X": Expired}
    if letter == "F":
        harness.fill(order_id, "10000")
    elif letter in endings:
        harness.report(endings[letter], order_id)
    assert harness.order(order_id).state is STATES[letter]
    assert harness.anomalies() == []
    return harness, order_id


MOVED: dict[str, type[ExecutionEvent]] = {
    kind.kind(): kind
    for kind in (
        Accepted, Rejected, Cancelled, Expired, Replaced, DoneForDay, PendingNew, PendingCancel, PendingReplace, Suspended,
        Restated,
    )
}  # fmt: skip


@pytest.mark.parametrize(("what", "letter", "cell"), [cell for cell in CELLS if cell[0] in MOVED])
def test_reports_follow_the_table(what: str, letter: str, cell: str) -> None:
    harness, order_id = in_state(letter)
    before = harness.order(order_id)
    harness.report(MOVED[what], order_id, ord_status="?", order_qty=Decimal(20000))
    after = harness.order(order_id)
    by_quantities = OrderState.PARTIALLY_FILLED if letter in "PF" else OrderState.ACCEPTED
    assert after.state is {".": before.state, "=": before.state, "#": by_quantities, **STATES}[cell[0]]
    if cell == ".":
        assert after == before
        assert harness.anomalies() == ["no_edge"]
    else:
        assert after.venue_status == "?"


@pytest.mark.parametrize("disposition", [row[0] for row in ROWS if row[0] in ("not_sent", "unknown_at_venue")])
@pytest.mark.parametrize("letter", "SAPFCRX")
def test_only_an_order_nobody_answered_can_be_resolved_as_never_sent(disposition: str, letter: str) -> None:
    harness, order_id = in_state(letter)
    state = harness.order(order_id).state
    at = harness.now_ns
    seq = harness.state.seq + 1
    event = Resolved(order_id=order_id, disposition=disposition)
    apply(harness.state, Recorded(seq=seq, run_id=1, at_ns=at, wall_ns=at, cause=seq, event=event))
    assert harness.order(order_id).state is (OrderState.REJECTED if letter == "S" else state)
    assert dict(harness.state.anomalies) == ({} if letter == "S" else {"no_edge": 1})


def test_positions_that_do_not_follow_are_refused_and_change_nothing() -> None:
    harness, order_id = in_state("A")
    digest = harness.state.digest()
    late = Recorded(
        seq=harness.state.seq + 2, run_id=1, at_ns=0, wall_ns=0, cause=1, event=harness.reported(Cancelled, order_id)
    )
    with pytest.raises(ValueError, match="cannot follow"):
        apply(harness.state, late)
    assert harness.state.digest() == digest


def test_stream_time_does_not_fall() -> None:
    harness, order_id = in_state("A")
    with pytest.raises(ValueError, match="may not fall"):
        harness.feed(harness.reported(Cancelled, order_id), after_ns=-1)
