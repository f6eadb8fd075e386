"""Orders in records: nobody can tell, whatever comes for them later."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest

from gateway.core import ended, snapshot
from gateway.core.core import Core
from gateway.core.events import Cancelled, FillBusted, FillCorrected, Rejected
from gateway.core.state import State
from gateway.core.values import OrderState, Side
from gateway.testing.harness import TRADING_DATE, VENUE, Harness

D = Decimal


def desk(keep: int) -> Harness:
    """Forty orders: filled in two parts, cancelled, corrected, rejected; those that ended are in records when `keep` is 0."""
    harness = Harness().open()
    harness.state.execution.over.keep = keep
    harness.state.execution.over.spare = 0
    for number in range(40):
        order_id = harness.request_order(Side.BUY if number % 3 else Side.SELL, "10000", "156")
        match number % 4:
            case 0:
                harness.report(Rejected, order_id)
            case 1:
                harness.accept(order_id)
                harness.fill(order_id, "4000", exec_id=f"F{number}")
                harness.fill(order_id, "6000", exec_id=f"G{number}")
            case 2:
                harness.accept(order_id)
                harness.fill(order_id, "4000", exec_id=f"F{number}")
                harness.report(FillCorrected, order_id, exec_ref_id=f"F{number}", exec_id=f"C{number}", **CORRECTED)
                harness.fill(order_id, "6000", exec_id=f"G{number}")
            case 3:
                harness.accept(order_id)
                harness.fill(order_id, "4000", exec_id=f"F{number}")
                harness.report(Cancelled, order_id)
    harness.state.execution.put_away(10)
    return harness


CORRECTED = {"last_qty": D(4000), "last_px": D("155.5"), "trade_date": TRADING_DATE}


def order(number: int) -> Callable[[Harness], str]:
    return lambda harness: sorted(harness.state.execution.orders, key=lambda one: int(one.split("-")[1]))[number]


LATE: dict[str, Callable[[Harness, str], object]] = {
    "fill": lambda desk, id_: desk.fill(id_, "2000", exec_id="late"),
    "fill again": lambda desk, id_: desk.fill(id_, "4000", exec_id="F2"),
    "bust": lambda desk, id_: desk.report(FillBusted, id_, exec_ref_id="F2", exec_id="B", trade_date=TRADING_DATE),
    "bust of the correction": lambda desk, id_: desk.report(
        FillBusted, id_, exec_ref_id="C2", exec_id="B", trade_date="20261231"
    ),
    "correction": lambda desk, id_: desk.report(FillCorrected, id_, exec_ref_id="G2", exec_id="K", **CORRECTED),
    "status": lambda desk, id_: desk.answer_status(id_, "2", cum_qty=D(10000)),
    "status ahead": lambda desk, id_: desk.answer_status(id_, "2", cum_qty=D(12000), avg_px=D(156)),
    "cancelled": lambda desk, id_: desk.report(Cancelled, id_),
}


@pytest.mark.parametrize("number", [0, 1, 2, 3])
@pytest.mark.parametrize("late", LATE)
def test_what_comes_late_finds_a_packed_order_as_any_other(late: str, number: int) -> None:
    packed, plain = desk(0), desk(1_000)
    assert order(number)(packed) in packed.state.execution.ended
    assert not plain.state.execution.ended
    for harness in (packed, plain):
        harness.records.clear()
        LATE[late](harness, order(number)(harness))
        LATE[late](harness, order(number)(harness))
    assert packed.records == plain.records
    assert packed.state.digest() == plain.state.digest()
    assert packed.state.execution.orders == plain.state.execution.orders
    assert packed.state.execution.fills == plain.state.execution.fills
    assert packed.state.execution.positions == plain.state.execution.positions
    assert packed.state.anomalies == plain.state.anomalies


def test_tables_show_what_is_in_records() -> None:
    packed, plain = desk(0).state.execution, desk(1_000).state.execution
    assert len(packed.ended) == 40
    for table, other in (
        (packed.orders, plain.orders),
        (packed.fills, plain.fills),
        (packed.cl_ord_ids, plain.cl_ord_ids),
    ):
        assert not table.held()
        assert len(table) == len(other)
        assert dict(table) == dict(other) == other.held()
        assert sorted(table) == sorted(other)
        assert sorted(table.keys()) == sorted(other.keys())
        assert sorted(map(str, table.values())) == sorted(map(str, other.values()))
        for key in other:
            assert key in table
            assert table[key] == table.get(key) == other[key]
    for missing in ("1-99", "X"):
        assert missing not in packed.orders
        assert packed.orders.get(missing) is None
        assert (VENUE, missing) not in packed.cl_ord_ids
        with pytest.raises(KeyError):
            packed.orders[missing]
        with pytest.raises(KeyError):
            packed.fills[VENUE, TRADING_DATE, missing, "F1"]
    known = order(1)(desk(0))
    assert packed.fills.get((VENUE, TRADING_DATE, known, "never")) is None
    assert len(packed.ended) == 40, "looking takes nothing out"


def restored(state: State) -> State:
    return snapshot.restore(snapshot.frames(snapshot.image(state)), state.digest())


def test_records_travel_in_snapshots_and_a_fold_goes_on_from_them() -> None:
    packed, plain = desk(0), desk(1_000)
    core = Core({}, restored(packed.state))
    assert core.state.execution.ended == packed.state.execution.ended
    plain.records.clear()
    LATE["bust"](plain, order(2)(plain))
    core.fold(plain.records)
    assert core.state.digest() == plain.state.digest()
    assert core.state.execution.orders == plain.state.execution.orders


def test_a_record_that_says_another_sum_is_found_by_whoever_hashes_it() -> None:
    state = desk(0).state
    known = order(1)(desk(0))
    whole = ended.unpacked(state.execution.ended[known])
    state.execution.ended[known] = ended.record_of(ended.packed(whole), 1)
    frames = list(snapshot.frames(snapshot.image(state)))
    assert snapshot.full_digest(frames) == state.digest() != snapshot.full_digest(frames, believing=True)
    forged = whole._replace(fills=[])
    state.execution.ended[known] = ended.record_of(ended.packed(forged), ended.total_of(desk(0).state.execution.ended[known]))
    frames = list(snapshot.frames(snapshot.image(state)))
    assert snapshot.full_digest(frames) != state.digest() == snapshot.full_digest(frames, believing=True)


def test_an_order_that_is_not_over_is_in_no_record() -> None:
    harness = desk(0)
    execution = harness.state.execution
    waiting = harness.request_order(Side.BUY, "10000", "156")
    harness.accept(waiting)
    reopened = order(1)(harness)
    harness.report(
        FillBusted, reopened, exec_ref_id="G1", exec_id="B", trade_date=TRADING_DATE, leaves_qty=D(6000), cum_qty=D(4000)
    )
    execution.put_away(100)
    assert not execution.orders[reopened].state.terminal
    assert set(execution.orders.held()) == {waiting, reopened}
    harness.fill(reopened, "6000", exec_id="H1")
    execution.put_away(100)
    assert set(execution.orders.held()) == {waiting}
    assert execution.orders[reopened].state is OrderState.FILLED


def test_a_name_of_ours_that_is_in_a_record_is_not_used_again() -> None:
    harness = desk(0)
    known = order(1)(harness)
    (name,) = ended.unpacked(harness.state.execution.ended[known]).names
    assert harness.state.execution.cl_ord_ids[VENUE, name] == known
    assert (VENUE, name.replace("-1", "-7")) not in harness.state.execution.cl_ord_ids
    assert ("OTHER", name) not in harness.state.execution.cl_ord_ids
