"""Records written anew from the journal, whatever they were before."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from gateway.errors import PreconditionFailed
from gateway.records import sink, verify
from gateway.records.queries import view_rows
from gateway.records.rebuild import rebuild
from gateway.records.sink import Checkpoint
from gateway.records.store import RecordStore
from gateway.records.views import VIEWS


@pytest.fixture
def day(desk: Any) -> Any:
    desk.trades(3)
    desk.has_a_bad_hour()
    return desk


def everything(store: RecordStore) -> dict[str, list[Any]]:
    return {name: view_rows(store, name, order_by=VIEWS[name].columns[:3]) for name in VIEWS}


def test_what_was_damaged_is_as_it_was(day: Any, store: RecordStore, recorded_all: Callable[[], None]) -> None:
    recorded_all()
    before = everything(store)
    with store.transaction() as connection:
        connection.exec_driver_sql("DELETE FROM fills")
        connection.exec_driver_sql("UPDATE positions SET realized_pnl = 1000000")
    told: list[int] = []
    done = rebuild(store, day.journal, lambda _, at, total: told.append(total - at))
    assert done.compared["fills"] == day.fills
    assert sum(done.compared.values()) > done.events
    assert (done.events, done.differed, done.differences) == (len(day.journal.records), 10, 0)
    assert everything(store) == before
    assert told[-1] == 0
    day.trades(1)
    recorded_all()
    assert list(verify.compare(store, day.journal)) == [], "and the writer goes on from there"


def test_records_of_another_history_are_replaced(day: Any, store: RecordStore) -> None:
    with store.transaction() as connection:
        connection.exec_driver_sql("UPDATE checkpoint SET seq = 4")
    (difference,) = verify.compare(store, day.journal)
    theirs = day.journal.read(3, 1)[0].hash.hex()[:12]
    assert str(difference) == f"checkpoint [seq=4] hash: records 000000000000, journal {theirs}"
    assert rebuild(store, day.journal).differed is None
    assert store.checkpoint() == day.journal.head()


def test_a_rebuild_that_dies_is_gone_on_with(
    day: Any, store: RecordStore, recorded_all: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = sink.write_batch

    def dies(connection: Any, batch: Any) -> None:
        if batch.before.seq:
            raise KeyboardInterrupt
        real(connection, batch)

    with monkeypatch.context() as dying:
        dying.setattr("gateway.records.rebuild._CHUNK", 7)
        dying.setattr(sink, "write_batch", dies)
        with pytest.raises(KeyboardInterrupt):
            rebuild(store, day.journal)
    assert store.checkpoint().seq == 7
    recorded_all()
    assert list(verify.compare(store, day.journal)) == []


def test_a_journal_without_its_beginning_empties_nothing(
    day: Any, store: RecordStore, recorded_all: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    recorded_all()
    before = everything(store)
    whole = day.journal.read
    monkeypatch.setattr(day.journal, "read", lambda after, limit: whole(max(after, 5), limit))
    with pytest.raises(PreconditionFailed, match="does not begin at event 1"):
        rebuild(store, day.journal)
    assert everything(store) == before


def test_an_empty_journal_gives_empty_records(store: RecordStore, journal: Any) -> None:
    assert rebuild(store, journal).events == 0
    assert store.checkpoint() == Checkpoint(*journal.head())
