"""The SQL surface that users script against: these names, on both databases. Names may be added here, never changed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import text

from gateway.records.store import RecordStore
from gateway.records.views import VIEWS

COMMON = "run_id event_seq recorded_ns config_sha256"
CONTRACT = {
    "v_orders": "order_id strategy account venue symbol side order_type time_in_force quantity price stop_price state in_doubt"
    " cum_qty leaves_qty avg_px cl_ord_id venue_order_id venue_status reason external created_ns updated_ns terminal_ns",
    "v_order_events": "order_id event from_state to_state cl_ord_id orig_cl_ord_id exec_id exec_type ord_status last_qty"
    " last_px cum_qty leaves_qty text session msg_seq_num poss_dup venue_time_ns anomaly strategy",
    "v_fills": "order_id exec_id venue account strategy symbol side last_qty last_px status venue_time_ns session msg_seq_num",
    "v_positions": "account strategy venue symbol net_qty avg_px realized_pnl bought_qty sold_qty updated_ns",
    "v_position_events": "account strategy venue symbol cause quantity price order_id exec_id net_qty avg_px realized_pnl"
    " bought_qty sold_qty",
    "v_decisions": "order_id venue symbol side intent outcome code reason quantity price cl_ord_id session msg_seq_num"
    " trigger_seq decided_ns dispatched_ns sent_ns trading_state strategy",
    "v_sessions": "venue session epoch state next_sender next_target logons last_logon_ns last_logout_ns",
    "v_session_events": "venue session epoch event detail msg_seq_num",
    "v_anomalies": "kind order_id session msg_seq_num raw detail strategy",
    "v_operator_actions": "actor action scope reason request_id before after result strategy",
    "v_runs": "run_id runtime experiment_id parameters data_sha256 started_ns stopped_ns clean_stop version",
    "v_configurations": "config_sha256 toml first_used_ns",
}


@pytest.fixture
def store(url: str) -> Iterator[RecordStore]:
    store = RecordStore(url)
    store.upgrade()
    yield store
    store.close()


def test_no_view_is_missing_here() -> None:
    assert set(CONTRACT) == set(VIEWS)


def test_every_name_can_be_queried(store: RecordStore) -> None:
    with store.reading() as connection:
        for view, names in CONTRACT.items():
            columns = [*names.split(), *(name for name in COMMON.split() if name not in names.split())]
            found = connection.execute(text(f"SELECT {', '.join(columns)} FROM {view}"))
            assert list(found.keys()) == columns
