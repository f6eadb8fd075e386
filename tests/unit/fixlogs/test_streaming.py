"""Memory does not grow with a log: what is followed through it is let go."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator

import pytest
from fixlog_layouts import fix, head

from gateway.fixlogs import latency
from gateway.fixlogs import orders as orders_module
from gateway.fixlogs.expression import Expression
from gateway.fixlogs.latency import Latencies
from gateway.fixlogs.orders import Orders
from gateway.fixlogs.reader import Log
from gateway.fixlogs.sessions import Sessions
from gateway.fixlogs.sniff import Layout
from gateway.fixlogs.sources import Source
from gateway.fixlogs.statistics import Statistics


class Day(Source):
    """A log of so many orders, each filled at once, that is made while it is read."""

    def __init__(self, orders: int) -> None:
        super().__init__("day.log")
        self.orders = orders

    def blocks(self, progress: object = None) -> Iterator[bytes]:
        for number in range(self.orders):
            order = f"11=A-{number}|55=USD/JPY|54=1|38=1000|"
            report = f"37=V{number}|17=E{number}|150=F|39=2|32=1000|31=110|151=0|14=1000|6=110|"
            seconds = number % 60
            yield fix(head("D", number + 1, seconds) + f"{order}21=1|60=20240102-10:00:00|40=2|44=110.25|")
            yield fix(head("8", number + 1, seconds, "SIM", "DESK") + order + report)


def peak(orders: int) -> int:
    """Most bytes in use while everything that `gateway log` does is done with the log of a day."""
    tracemalloc.start()
    log = Log(Day(orders))
    layout, statistics, matches = Layout(log), Statistics(), Expression("35=8 and 54=1 and 38>10").matches
    ended = 0

    def done(_: object) -> None:
        nonlocal ended
        ended += 1

    followers = (Sessions(), Orders(done, held=50), Latencies())
    read = matched = 0
    for batch in log.batches():
        layout.add(batch)
        statistics.add(log, batch)
        for at, record in enumerate(batch):
            matched += matches(record[1])
            message = log.message(batch, at, read)
            for follower in followers:
                follower.add(message)
        read += len(batch)
    followers[1].finish()
    assert (read, matched, ended, statistics.result()["messages"]) == (2 * orders, orders, orders, 2 * orders)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return most


def test_memory_does_not_grow_with_the_log(monkeypatch: pytest.MonkeyPatch) -> None:
    """With less remembered than usual, so that a short log fills it."""
    monkeypatch.setattr(orders_module, "_RECENT", 50)
    monkeypatch.setattr(latency, "_RECENT", 50)
    peak(10)  # what is made once
    short, long = peak(100), peak(800)
    assert long < 1.2 * short, f"{short} bytes for 200 messages, {long} for 1,600: each leaves something behind"
