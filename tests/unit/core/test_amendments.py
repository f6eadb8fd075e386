"""Corrections and busts of executions whose own report was lost, or is still to come."""

from __future__ import annotations

from decimal import Decimal

import pytest

from gateway.core.events import FillBusted, FillCorrected, StatusRequested
from gateway.core.values import FillStatus, OrderState
from gateway.testing.harness import Harness

D = Decimal


def fills(harness: Harness) -> list[tuple[str, FillStatus, Decimal]]:
    return [(fill.exec_id, fill.status, fill.last_qty) for fill in harness.state.execution.fills.values()]


def infer(harness: Harness, order_id: str, quantity: str, status: str = "1") -> None:
    """The report was gap-filled; a status answer shows the quantity."""
    harness.answer_status(order_id, status, cum_qty=D(quantity), avg_px=D(156))
    assert harness.position() == D(quantity)


def test_a_bust_of_a_lost_report_takes_what_was_inferred_for_it(harness: Harness, order_id: str) -> None:
    infer(harness, order_id, "4000")
    harness.report(FillBusted, order_id, exec_id="B1", exec_ref_id="E1", cum_qty=D(0), leaves_qty=D(10000), ord_status="0")
    assert (harness.position(), harness.order(order_id).cum_qty) == (0, 0)
    assert harness.order(order_id).state is OrderState.ACCEPTED
    assert harness.anomalies() == ["fill_inferred", "unknown_execution"]
    assert len(harness.events(StatusRequested)) == 1


def test_a_bust_of_a_part_of_what_was_inferred_leaves_the_rest(harness: Harness, order_id: str) -> None:
    infer(harness, order_id, "10000", "2")
    harness.report(FillBusted, order_id, exec_id="B1", exec_ref_id="E1", cum_qty=D(7000), leaves_qty=D(3000), ord_status="1")
    order = harness.order(order_id)
    assert (order.state, order.cum_qty, order.leaves_qty) == (OrderState.PARTIALLY_FILLED, D(7000), D(3000))
    assert harness.position() == D(7000)


def test_a_report_that_comes_after_its_bust_does_not_count(harness: Harness, order_id: str) -> None:
    bust = harness.reported(FillBusted, order_id, exec_id="B1", exec_ref_id="E1", cum_qty=D(0), leaves_qty=D(10000))
    harness.feed(bust)
    harness.fill(order_id, "4000", exec_id="E1", cum_qty=D(4000))
    harness.feed(bust)
    assert [fill for fill in fills(harness) if fill[1] is not FillStatus.BUSTED] == []
    assert (harness.position(), harness.order(order_id).cum_qty) == (0, 0)


def test_a_bust_that_names_executions_in_a_way_of_its_own_takes_nothing_that_was_reported(
    harness: Harness, order_id: str
) -> None:
    harness.fill(order_id, "4000", exec_id="E1")
    harness.report(FillBusted, order_id, exec_id="B1", exec_ref_id="TRADE-7", cum_qty=D(0))
    harness.answer_status(order_id, "0", cum_qty=D(0))
    assert harness.position() == D(4000)
    assert harness.anomalies() == ["unknown_execution", "cum_qty_behind"]


def test_a_correction_of_a_lost_report_counts_as_the_execution(harness: Harness, order_id: str) -> None:
    said = {"exec_ref_id": "E1", "last_qty": D(3000), "last_px": D(155), "cum_qty": D(3000), "leaves_qty": D(7000)}
    harness.report(FillCorrected, order_id, exec_id="G1", ord_status="1", **said)
    assert fills(harness) == [("E1", FillStatus.CORRECTED, D(3000))]
    harness.fill(order_id, "4000", exec_id="E1", cum_qty=D(4000), poss_dup=True)
    assert harness.position() == D(3000)
    harness.report(FillBusted, order_id, exec_id="B1", exec_ref_id="G1", cum_qty=D(0))
    assert harness.position() == 0


def test_a_correction_of_a_lost_report_replaces_what_was_inferred(harness: Harness, order_id: str) -> None:
    infer(harness, order_id, "4000")
    said = {"exec_ref_id": "E1", "last_qty": D(3000), "last_px": D(155), "cum_qty": D(3000), "leaves_qty": D(7000)}
    harness.report(FillCorrected, order_id, exec_id="G1", ord_status="1", **said)
    order = harness.order(order_id)
    harness.answer_status(order_id, "1", cum_qty=D(3000), avg_px=D(155))
    order = harness.order(order_id)
    assert (harness.position(), order.cum_qty, order.avg_px) == (D(3000), D(3000), D(155))


@pytest.mark.parametrize("cum_qty", [None, D(4000)])
def test_a_correction_that_cum_qty_has_no_room_for_counts_nothing_and_asks(
    harness: Harness, order_id: str, cum_qty: Decimal | None
) -> None:
    harness.fill(order_id, "4000", exec_id="E1")
    harness.report(
        FillCorrected, order_id, exec_id="G1", exec_ref_id="TRADE-7", last_qty=D(3000), last_px=D(155), cum_qty=cum_qty
    )
    assert harness.position() == D(4000)
    assert len(harness.events(StatusRequested)) == 1


def test_what_a_status_answer_inferred_a_later_one_takes_back(harness: Harness, order_id: str) -> None:
    """The bust was lost, too."""
    harness.fill(order_id, "1000", exec_id="E1")
    infer(harness, order_id, "10000", "2")
    assert harness.order(order_id).state is OrderState.FILLED
    harness.answer_status(order_id, "1", cum_qty=D(1000), leaves_qty=D(9000), poss_dup=True)
    assert harness.position() == D(10000), "what was said before"
    harness.answer_status(order_id, "1", cum_qty=D(1000), leaves_qty=D(9000))
    order = harness.order(order_id)
    assert (harness.position(), order.state, order.leaves_qty) == (D(1000), OrderState.PARTIALLY_FILLED, D(9000))
    assert "cum_qty_behind" not in harness.anomalies()
