"""Two processes write the same records: of a gateway that stands still, and of the standby that took its journal over."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import pytest

from gateway.journal.stores import JournalAt
from gateway.records import verify
from gateway.records.process import RecordProcess
from gateway.records.status import Settings
from gateway.records.store import RecordStore


class Pair:
    """Both follow one journal in PostgreSQL, which holds the records, too."""

    def __init__(self, url: str, desk: Any, until: Callable[..., None]) -> None:
        settings = Settings(journal_url=url, journal_password=None, records_url=url, records_password=None)
        self.place = JournalAt(url)
        self.journal = self.place.open()
        self.processes = [RecordProcess(settings, name="desk-1", now_ns=lambda: 0) for _ in range(2)]
        self._desk = desk
        self._until = until
        self.trade()
        for process in self.processes:
            process.prepare()
        for process in self.processes:
            process.open()
            process.start()

    def trade(self, orders: int = 3) -> None:
        """What the active gateway commits, and both are told."""
        self._desk.trades(orders, text="ok")
        seq = self.journal.head()[0]
        self.journal.append([stored.recorded for stored in self._desk.journal.records[seq:]], {}, None)
        for process in self.processes:
            process.wake(self.journal.head()[0])

    def catches_up(self, process: RecordProcess) -> None:
        head = self.journal.head()[0]
        self._until(lambda: process.status().state == "running" and process.status().seq == head)

    @contextmanager
    def stopped(self, process: RecordProcess) -> Iterator[None]:
        pid = process.status().pid
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(pid, signal.SIGCONT)

    def close(self) -> None:
        for process in self.processes:
            process.stop(10)
        self.journal.close()


@pytest.fixture
def pair(postgresql_url: str, desk: Any, until: Callable[..., None]) -> Iterator[Pair]:
    with closing(RecordStore(postgresql_url)) as store:
        store.upgrade()
    with closing(Pair(postgresql_url, desk, until)) as made:
        yield made


def test_every_event_is_written_once(pair: Pair, postgresql_url: str, desk: Any) -> None:
    first, second = pair.processes
    for process in pair.processes:
        pair.catches_up(process)
    for asleep, awake in ((first, second), (second, first)):
        with pair.stopped(asleep):
            pair.trade()
            pair.catches_up(awake)
        pair.trade()  # whoever slept has the other's events in hand, too, alone or with these in one batch
        pair.catches_up(asleep)
    for _ in range(20):  # and both at once
        pair.trade(1)
    for process in pair.processes:
        pair.catches_up(process)
    with closing(RecordStore(postgresql_url)) as store, closing(pair.place.reader()) as reader:
        assert store.checkpoint() == pair.journal.head()
        assert list(verify.compare(store, reader)) == []
        with store.reading() as connection:
            assert connection.exec_driver_sql("SELECT count(*) FROM v_fills").scalar_one() == desk.fills
    assert all(process.stop(10) for process in pair.processes)
