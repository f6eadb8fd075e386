"""Records that an older gateway wrote, brought to this one's revision: every row is still there and still right."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from alembic import command

from gateway.records import partitions, schema, sink, verify
from gateway.records.queries import view_rows
from gateway.records.store import RecordStore
from gateway.records.tables import PARTITIONED
from gateway.records.views import VIEWS
from gateway.records.writer import RecordWriter


@pytest.fixture
def old_store(url: str, tmp_path: Any) -> Iterator[RecordStore]:
    """Records as the first revision made them."""
    (tmp_path / "deeper").mkdir(exist_ok=True)
    store = RecordStore(url)
    with store.transaction() as connection:
        command.upgrade(schema._config(connection), "0001")
    yield store
    store.close()


@pytest.fixture
def old_day(desk: Any, old_store: RecordStore, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A day over two months, written as the first revision had it: no partitions, another key, whole amounts as INTEGER."""
    desk.trades(2)
    desk.journal.start_ns = int(datetime(2024, 1, 5, tzinfo=UTC).timestamp()) * 1_000_000_000
    desk.has_a_bad_hour()
    writer = RecordWriter(lambda: desk.journal, old_store, now_ns=lambda: 0, rest_s=0)
    sink._statement.cache_clear()
    with monkeypatch.context() as as_before:
        as_before.setattr(old_store, "ensure_current", lambda: None)
        as_before.setattr(partitions, "make", lambda *_: None)
        as_before.setitem(sink.KEYS, "decisions", ("event_seq",))
        writer.start()
        assert writer.stop(10), writer.status()
    sink._statement.cache_clear()
    return desk


def test_nothing_is_lost(old_day: Any, old_store: RecordStore) -> None:
    with old_store.transaction() as connection:
        lite = connection.dialect.name == "sqlite"
        if lite:
            connection.exec_driver_sql("UPDATE orders SET quantity = CAST(quantity AS INTEGER)")
    old_store.upgrade()
    assert list(verify.compare(old_store, old_day.journal)) == []
    assert old_store.check() == []
    assert all(view_rows(old_store, name) for name in VIEWS)
    with old_store.transaction() as connection:
        if lite:
            kinds = connection.exec_driver_sql("SELECT DISTINCT typeof(quantity) FROM orders").scalars()
            assert list(kinds) == ["real"]
            tables = connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'table'").scalars().all()
        else:
            tables = connection.exec_driver_sql("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").scalars().all()
            found = partitions.attached(connection)
            assert found is not None
            for table in PARTITIONED:
                assert {one.name for one in found[table.name]} <= {f"{table.name}_{label}" for label in LABELS}
            assert len(found["order_events"]) == len(found["decisions"]) == 3
    assert [name for name in tables if "before" in name or "unpartitioned" in name] == []


LABELS = ("2023_11", "2023_12", "2024_01")


def test_the_writer_goes_on(old_day: Any, old_store: RecordStore) -> None:
    old_store.upgrade()
    old_day.trades(1)
    writer = RecordWriter(lambda: old_day.journal, old_store, now_ns=lambda: 0, rest_s=0)
    writer.start()
    assert writer.stop(10), writer.status()
    assert list(verify.compare(old_store, old_day.journal)) == []
