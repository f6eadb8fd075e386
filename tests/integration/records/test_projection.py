"""A trading day through the real core, the real writer and both databases, read back through the public views."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from gateway.errors import NotFound, UsageError
from gateway.records import queries, verify
from gateway.records.queries import Filter, view_rows
from gateway.records.store import RecordStore
from gateway.records.views import VIEWS


@pytest.fixture
def day(desk: Any, recorded_all: Callable[[], None]) -> Any:
    desk.trades(4)
    desk.has_a_bad_hour()
    desk.closes()
    recorded_all()
    return desk


def test_the_records_are_what_the_journal_says(day: Any, store: RecordStore) -> None:
    assert list(verify.compare(store, day.journal)) == []
    assert store.checkpoint() == day.journal.head()


def test_every_view_has_the_columns_it_declares(day: Any, store: RecordStore) -> None:
    for name, view in VIEWS.items():
        rows = view_rows(store, name)
        assert rows, name
        assert tuple(rows[0]) == view.columns


def test_an_order_reads_back_exactly(day: Any, store: RecordStore) -> None:
    order = queries.order(store, "7-1")
    assert (order["state"], order["quantity"], order["cum_qty"], order["leaves_qty"]) == ("Filled", 1000, 1000, 0)
    assert order["price"] == Decimal("150.125")
    assert order["avg_px"] == Decimal("150.1219")
    assert (order["in_doubt"], order["external"]) == (False, False)
    assert order["config_sha256"] == "c0ffee"


def test_the_history_of_an_order(day: Any, store: RecordStore) -> None:
    events = queries.order_events(store, "7-1")
    assert [event["event"] for event in events] == ["dispatched", "transmitted", "accepted", "filled", "filled", "filled"]
    assert [event["to_state"] for event in events[-2:]] == ["PartiallyFilled", "Filled"]
    assert events[2]["text"] == "ok \x1b[31m?", "verbatim but for what a database cannot hold"


def test_decisions_tell_what_became_of_every_intent(day: Any, store: RecordStore) -> None:
    outcomes = {row["order_id"]: row for row in queries.decisions(store)}
    assert [outcomes[f"7-{n}"]["outcome"] for n in (4, 5, 6, 7)] == ["dispatched", "denied", "dispatched", "superseded"]
    late = outcomes["7-6"]
    assert late["decided_ns"] < late["dispatched_ns"]
    assert (late["session"], late["msg_seq_num"]) == ("FIX.4.4:DESK->SIM", 106)
    assert late["event_seq"] < late["updated_seq"]


def test_sums_and_comparisons_work_in_sql(day: Any, store: RecordStore) -> None:
    with store.reading() as connection:
        bought = connection.exec_driver_sql("SELECT SUM(last_qty) FROM v_fills WHERE last_px > 150.12").scalar()
        dear = connection.exec_driver_sql("SELECT COUNT(*) FROM v_fills WHERE last_px >= 150.121 AND last_qty < 400").scalar()
    assert bought == 4 * 700
    assert dear == 4


def test_runs_configurations_operators_and_sessions(day: Any, store: RecordStore) -> None:
    (run,) = view_rows(store, "v_runs")
    assert (run["runtime"], run["clean_stop"], run["version"]) == ("live", True, "0.1")
    (configuration,) = view_rows(store, "v_configurations")
    assert configuration["toml"] == 'name = "desk-1"\n'
    (action,) = view_rows(store, "v_operator_actions")
    assert (action["actor"], action["reason"], action["after"]) == ("alice", "test", "engaged")
    (session,) = queries.sessions(store)
    assert (session["session"], session["state"], session["logons"]) == ("FIX.4.4:DESK->SIM", "settled", 1)
    assert "reject" in {row["event"] for row in view_rows(store, "v_session_events")}
    assert "unknown_order" in {row["kind"] for row in view_rows(store, "v_anomalies")}


def test_filters_are_bound_and_names_are_closed(day: Any, store: RecordStore) -> None:
    assert queries.fills(store, Filter(order_id="' OR 1=1 --")) == []
    assert {row["order_id"] for row in queries.orders(store, Filter(state="Filled"))} == {"7-1", "7-2", "7-3", "7-4"}
    assert [row["order_id"] for row in queries.orders(store, limit=1)] == ["7-6"]
    assert len(view_rows(store, "v_orders", where={"order_id": ["7-1", "7-2"]}, order_by=("order_id",))) == 2
    assert queries.fills(store, Filter(to_ns=0)) == []
    with pytest.raises(UsageError, match="is not a view"):
        view_rows(store, "orders; DROP TABLE orders")
    with pytest.raises(UsageError, match="has no column"):
        view_rows(store, "v_orders", order_by=("1; --",))
    with pytest.raises(NotFound, match="7-99"):
        queries.order(store, "7-99")


def test_verification_names_every_difference(day: Any, store: RecordStore) -> None:
    with store.transaction() as connection:
        connection.exec_driver_sql("UPDATE orders SET cum_qty = 999 WHERE order_id = '7-1'")
        connection.exec_driver_sql("DELETE FROM fills WHERE exec_id = 'E1'")
        connection.exec_driver_sql("UPDATE order_events SET ordinal = 5 WHERE event_seq = 4")
    found = [str(difference) for difference in verify.compare(store, day.journal)]
    assert "orders [order_id='7-1'] cum_qty: records Decimal('999'), journal Decimal('1000')" in found
    assert any("fills" in line and "exec_id='E1'" in line and line.endswith("row in the journal only") for line in found)
    assert any("order_events" in line and line.endswith("row in the records only") for line in found)
    assert len(found) == 4


def test_verification_looks_at_every_row(day: Any, store: RecordStore) -> None:
    compared: Counter[str] = Counter()
    assert not list(verify.compare(store, day.journal, compared=compared))
    for name, view in VIEWS.items():
        assert compared[view.source] == len(view_rows(store, name)), name


def test_cleared_records_are_rebuilt_equal(day: Any, store: RecordStore, recorded_all: Callable[[], None]) -> None:
    before = {name: view_rows(store, name, order_by=VIEWS[name].columns[:3]) for name in VIEWS}
    store.clear()
    assert view_rows(store, "v_orders") == []
    recorded_all()
    assert {name: view_rows(store, name, order_by=VIEWS[name].columns[:3]) for name in VIEWS} == before
