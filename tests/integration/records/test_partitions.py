"""History on PostgreSQL in monthly partitions: made ahead, left alone, and taken away by their owner only."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from gateway.records import partitions, verify
from gateway.records.store import RecordStore
from gateway.records.tables import PARTITIONED
from gateway.records.writer import RecordWriter

pytestmark = pytest.mark.timeout(60)
Make = Callable[..., RecordWriter]


def ns(*when: int) -> int:
    return int(datetime(*when, tzinfo=UTC).timestamp()) * 1_000_000_000


@pytest.fixture
def url(postgresql_url: str) -> str:
    """Partitions are PostgreSQL's."""
    return postgresql_url


@pytest.fixture
def desk(desk: Any) -> Any:
    """A desk that opens in the last second of a year."""
    desk.journal.start_ns = ns(2023, 12, 31, 23, 59, 59)
    desk.journal.records.clear()
    desk.opens()
    return desk


def names(store: RecordStore, table: str = "order_events") -> list[str]:
    with store.reading() as connection:
        return sorted(one.name for one in (partitions.attached(connection) or {})[table])


def execute(store: RecordStore, *statements: str) -> None:
    with store.transaction() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)


def count(store: RecordStore, table: str) -> int:
    with store.transaction() as connection:
        return int(connection.exec_driver_sql(f"SELECT COUNT(*) FROM {table}").scalar_one())


@pytest.mark.parametrize(
    ("at", "label", "begin", "end"),
    [
        (ns(2026, 11, 21, 5), "2026_11", ns(2026, 11, 1), ns(2026, 12, 1)),
        (ns(2026, 12, 31, 23, 59, 59) + 999_999_999, "2026_12", ns(2026, 12, 1), ns(2027, 1, 1)),
        (ns(2027, 1, 1), "2027_01", ns(2027, 1, 1), ns(2027, 2, 1)),
        (ns(2028, 2, 29), "2028_02", ns(2028, 2, 1), ns(2028, 3, 1)),
    ],
)
def test_months(at: int, label: str, begin: int, end: int) -> None:
    assert partitions.month(at) == (label, range(begin, end))


def test_partitions_are_made_before_they_are_needed(desk: Any, store: RecordStore, recorded_all: Callable[[], None]) -> None:
    assert names(store) == []
    desk.trades(1)
    recorded_all()
    assert {tuple(name.removeprefix(f"{table.name}_") for name in names(store, table.name)) for table in PARTITIONED} == {
        ("2023_12", "2024_01")
    }, "this month, and the next"
    desk.journal.start_ns = ns(2024, 1, 1)
    desk.trades(1)
    recorded_all()
    assert names(store) == ["order_events_2023_12", "order_events_2024_01", "order_events_2024_02"]
    assert count(store, "order_events_2023_12") == count(store, "order_events_2024_01") == 6
    assert list(verify.compare(store, desk.journal)) == []
    assert store.check() == [], "partitions are no departure from what is declared"


def test_a_partition_is_made_while_others_read(desk: Any, store: RecordStore, recorded_all: Callable[[], None]) -> None:
    desk.trades(1)
    recorded_all()
    execute(store, "ALTER DATABASE " + str(store._url.database) + " SET lock_timeout = '500ms'")
    with store.reading() as connection:
        assert connection.exec_driver_sql("SELECT COUNT(*) FROM v_order_events").scalar() == 6
        desk.journal.start_ns = ns(2024, 2, 1)
        desk.trades(1)
        recorded_all()  # fails if it waits for the reader
        assert connection.exec_driver_sql("SELECT COUNT(*) FROM v_order_events").scalar() == 6
    assert count(store, "v_order_events") == 12


def test_what_its_owner_detached_is_not_missed(desk: Any, store: RecordStore, recorded_all: Callable[[], None]) -> None:
    desk.trades(2)
    recorded_all()
    execute(store, "ALTER TABLE order_events DETACH PARTITION order_events_2023_12")
    desk.journal.start_ns = ns(2024, 1, 1)
    desk.trades(1)
    recorded_all()
    assert count(store, "v_order_events") == 6
    assert count(store, "order_events_2023_12") == 12, "nobody deleted it"
    assert count(store, "v_orders") == 3, "orders outlive their history"
    notes: list[str] = []
    assert list(verify.compare(store, desk.journal, notes.append)) == []
    assert notes == ["order_events: 12 rows belong to partitions that are not attached, and were not compared"]
    execute(store, "ALTER TABLE decisions DETACH PARTITION decisions_2023_12")
    assert list(verify.compare(store, desk.journal, notes.append)) == []
    assert notes[1] == "decisions: 2 rows belong to partitions that are not attached, and were not compared"
    execute(store, "DELETE FROM order_events_2024_01 WHERE ordinal = 0 AND event = 'accepted'")
    assert len(list(verify.compare(store, desk.journal))) == 1, "what is attached is compared as ever"


def test_a_detached_table_in_the_way_is_named_and_waited_for(
    desk: Any, store: RecordStore, make_writer: Make, recorded_all: Callable[[], None], until: Callable[..., None]
) -> None:
    desk.trades(1)
    recorded_all()
    execute(store, "ALTER TABLE order_events DETACH PARTITION order_events_2023_12")
    desk.trades(1)
    writer = make_writer()
    writer.start()
    until(lambda: writer.status().state == "degraded")
    assert "order_events_2023_12 is not a partition of order_events" in str(writer.status().last_error)
    execute(store, "CREATE SCHEMA archive", "ALTER TABLE order_events_2023_12 SET SCHEMA archive")
    until(lambda: writer.status().state == "running" and writer.status().lag == 0)
    assert (count(store, "archive.order_events_2023_12"), count(store, "v_order_events")) == (6, 6)


@pytest.mark.parametrize(
    "bounds",
    ["FOR VALUES FROM (MINVALUE) TO (MAXVALUE)", f"FOR VALUES FROM ({ns(2023, 1, 1)}) TO ({ns(2025, 1, 1)})", "DEFAULT"],
)
def test_partitions_of_the_owners_own_making_are_used(
    desk: Any, store: RecordStore, recorded_all: Callable[[], None], bounds: str
) -> None:
    execute(store, f"CREATE TABLE order_events_mine PARTITION OF order_events {bounds}")
    desk.trades(1)
    recorded_all()
    assert names(store) == ["order_events_mine"]
    assert count(store, "order_events_mine") == 6
