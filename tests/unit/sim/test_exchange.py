"""Order entry without a wire: what a wire test would show too slowly or not at all."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.sim import interventions
from gateway.sim.book import Side
from gateway.sim.exchange import Exchange
from gateway.sim.messages import CancelReject, CancelRequest, NewOrder, ReplaceRequest, Report

D = Decimal
FX = "USD/JPY"


def order(cl_ord_id: str, side: str, quantity: int, price: int | None = None, **terms: str) -> NewOrder:
    limit = None if price is None else D(price)
    ord_type = "1" if price is None else "2"
    return NewOrder(cl_ord_id=cl_ord_id, symbol=FX, side=side, ord_type=ord_type, quantity=D(quantity), price=limit, **terms)


def place(exchange: Exchange, request: NewOrder, session: str = "DESK") -> list[Report]:
    return [answer for answer in exchange.handle(session, request, 1) if isinstance(answer, Report)]


def test_ids_differ_between_runs() -> None:
    ids = {place(Exchange([FX], run), order("A", "1", 1, 10))[0].order_id for run in (1, 2)}
    assert len(ids) == 2


def test_another_session_cannot_touch_an_order() -> None:
    exchange = Exchange([FX], 1)
    place(exchange, order("A", "1", 1, 10))
    (reject,) = exchange.handle("OTHER", CancelRequest(cl_ord_id="B", orig_cl_ord_id="A"), 2)
    assert isinstance(reject, CancelReject)
    assert reject.reason == "1"


def test_triggered_stops_trigger_each_other_in_turn() -> None:
    exchange = Exchange([FX], 1)
    for price in (10, 11, 12):
        exchange.house(FX, Side.SELL, D(price), D(1), 1)
    for cl_ord_id, stop in (("A", 10), ("B", 11)):
        request = NewOrder(cl_ord_id=cl_ord_id, symbol=FX, side="1", ord_type="3", quantity=D(1), stop_px=D(stop))
        assert [report.exec_type for report in place(exchange, request)] == ["0"]
    _, reports = exchange.house(FX, Side.BUY, None, D(1), 2)
    fills = [(r.cl_ord_id, r.last_px) for r in reports if isinstance(r, Report)]
    assert fills == [("A", D(11)), ("B", D(12))]


def test_a_waiting_stop_can_be_replaced_and_cancelled() -> None:
    exchange = Exchange([FX], 1)
    stop = NewOrder(cl_ord_id="A", symbol=FX, side="2", ord_type="4", quantity=D(1), price=D(8), stop_px=D(9))
    place(exchange, stop)
    replace = ReplaceRequest(cl_ord_id="B", orig_cl_ord_id="A", quantity=D(2), stop_px=D(7))
    (replaced,) = exchange.handle("DESK", replace, 2)
    assert isinstance(replaced, Report)
    assert (replaced.stop_px, replaced.order_qty, replaced.price) == (D(7), D(2), D(8))
    (cancelled,) = exchange.handle("DESK", CancelRequest(cl_ord_id="C", orig_cl_ord_id="B"), 3)
    assert isinstance(cancelled, Report)
    assert cancelled.ord_status == "4"


def test_a_bust_reaches_both_clients_and_gives_the_quantity_back() -> None:
    exchange = Exchange([FX], 1)
    place(exchange, order("A", "2", 5, 10), "SELLER")
    fill = place(exchange, order("B", "1", 5), "BUYER")[1]
    busts = [r for r in interventions.bust(exchange, fill.exec_id, 2) if isinstance(r, Report)]
    by_session = {bust.session: bust for bust in busts}
    assert by_session["SELLER"].leaves_qty == 5
    assert (by_session["BUYER"].ord_status, by_session["BUYER"].leaves_qty) == ("4", 0)
    assert exchange.books[FX].levels(Side.SELL) == [(D(10), D(5))]


def test_a_correction_cannot_overfill() -> None:
    exchange = Exchange([FX], 1)
    place(exchange, order("A", "2", 5, 10))
    fill = place(exchange, order("B", "1", 5))[1]
    with pytest.raises(interventions.Refused, match="overfill"):
        interventions.correct(exchange, fill.exec_id, D(6), D(10), 2)


@given(st.lists(st.tuples(st.sampled_from("1256"), st.integers(1, 9), st.none() | st.integers(8, 12), st.sampled_from("0134"))))
def test_reports_add_up(orders: list[tuple[str, int, int | None, str]]) -> None:
    """CumQty+LeavesQty=OrderQty while open, CumQty is the sum of LastQty, and both sides of the market traded the same."""
    exchange = Exchange([FX], 1)
    filled: dict[str, Decimal] = {}
    bought = sold = D(0)
    exec_ids = []
    for number, (side, quantity, price, tif) in enumerate(orders):
        for report in place(exchange, order(f"c{number}", side, quantity, price, time_in_force=tif)):
            exec_ids.append(report.exec_id)
            if report.exec_type == "F":
                assert report.last_qty is not None
                filled[report.order_id] = filled.get(report.order_id, D(0)) + report.last_qty
                bought += report.last_qty if report.side == "1" else 0
                sold += report.last_qty if report.side != "1" else 0
            assert report.cum_qty == filled.get(report.order_id, D(0))
            if report.ord_status in "01":
                assert report.cum_qty + report.leaves_qty == report.order_qty
            else:
                assert report.leaves_qty == 0
    assert bought == sold
    assert len(set(exec_ids)) == len(exec_ids)
