"""A journal in memory, a day's events to put in it, and both databases."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from hashlib import blake2b
from time import monotonic
from typing import Any

import pytest

from gateway.core.events import (
    Accepted,
    Cancelled,
    Denied,
    Dispatched,
    Event,
    Filled,
    KillEngaged,
    Queued,
    Recorded,
    RunStarted,
    RunStopped,
    SessionLoggedOn,
    SessionNotice,
    SessionSettled,
    Superseded,
    Transmitted,
)
from gateway.core.orders import Command
from gateway.core.settings import CoreSettings, Instrument, Venue
from gateway.core.values import CommandKind, OrderType, Side, TimeInForce
from gateway.journal.interface import GENESIS, Stored
from gateway.records.store import RecordStore
from gateway.records.writer import RecordWriter

START_NS = 1_700_000_000_000_000_000
SESSION = "FIX.4.4:DESK->SIM"


class MemoryJournal:
    """A `JournalReader` over a list that tests append to."""

    def __init__(self) -> None:
        self.records: list[Stored] = []
        self.start_ns = START_NS
        self.toml = {"c0ffee": 'name = "desk-1"\n'}

    def append(self, event: Event, *, cause: int | None = None) -> int:
        """Journal `event` a millisecond after the last one; returns its position."""
        seq = len(self.records) + 1
        at_ns = self.start_ns + seq * 1_000_000
        recorded = Recorded(seq=seq, run_id=7, at_ns=at_ns, wall_ns=at_ns, cause=cause or seq, event=event)
        previous = self.records[-1].hash if self.records else GENESIS
        self.records.append(Stored(recorded, blake2b(previous + repr(recorded).encode(), digest_size=16).digest()))
        return seq

    def head(self) -> tuple[int, bytes]:
        return (len(self.records), self.records[-1].hash) if self.records else (0, GENESIS)

    def read(self, after: int, limit: int) -> Sequence[Stored]:
        return self.records[after : after + limit]

    def hash_at(self, seq: int) -> bytes | None:
        if seq == 0:
            return GENESIS
        return self.records[seq - 1].hash if seq <= len(self.records) else None

    def digests(self, after: int) -> Iterator[tuple[int, str]]:
        return iter(())

    def configurations(self) -> Mapping[str, str]:
        return self.toml

    def close(self) -> None:
        pass


class Desk:
    """Writes the events of a small trading day into a journal."""

    def __init__(self, journal: MemoryJournal) -> None:
        self.journal = journal
        self.orders = 0
        self.fills = 0

    def opens(self) -> None:
        instrument = Instrument(symbol="USD/JPY", tick_size=Decimal("0.001"), lot_size=Decimal(1), currency="JPY")
        venue = Venue(name="SIM", session=SESSION, ack_timeout_ns=5_000_000_000)
        settings = CoreSettings(config_sha256="c0ffee", instruments={"USD/JPY": instrument}, venues={"SIM": venue})
        self.journal.append(RunStarted(version="0.1", settings=settings, trading_date="20231114", id_prefix="A"))
        session: dict[str, Any] = {"venue": "SIM", "session": SESSION, "epoch": 1, "next_sender": 2, "next_target": 2}
        self.journal.append(SessionLoggedOn(**session))
        self.journal.append(SessionSettled(**session))

    def command(self, kind: CommandKind = CommandKind.NEW, **changed: Any) -> Command:
        self.orders += 1
        known: dict[str, Any] = {
            "kind": kind,
            "order_id": f"7-{self.orders}",
            "cl_ord_id": f"A7-{self.orders}",
            "venue": "SIM",
            "strategy": "maker",
            "account": "ACC",
            "symbol": "USD/JPY",
            "side": Side.BUY,
            "order_type": OrderType.LIMIT,
            "time_in_force": TimeInForce.DAY,
            "quantity": Decimal(1000),
            "price": Decimal("150.125"),
        }
        return Command(**known | changed)

    def sends(self, command: Command, decided_seq: int | None = None) -> None:
        seq = len(self.journal.records) + 1
        self.journal.append(
            Dispatched(command=command, decided_seq=decided_seq or seq, ack_deadline_ns=START_NS + 10**12), cause=seq - 1
        )
        self.journal.append(
            Transmitted(
                venue="SIM",
                session=SESSION,
                epoch=1,
                msg_seq_num=100 + self.orders,
                order_id=command.order_id,
                cl_ord_id=command.cl_ord_id,
                sent_ns=START_NS + seq,
            )
        )

    def hears(self, kind: type[Event], command: Command, **said: Any) -> None:
        known: dict[str, Any] = {"venue": "SIM", "session": SESSION, "msg_seq_num": len(self.journal.records)}
        known |= {"cl_ord_id": command.cl_ord_id, "venue_order_id": f"V{command.cl_ord_id}"}
        self.journal.append(kind(**known | said))

    def fill(self, command: Command, quantity: str, price: str) -> None:
        self.fills += 1
        self.hears(
            Filled,
            command,
            exec_id=f"E{self.fills}",
            exec_type="F",
            last_qty=Decimal(quantity),
            last_px=Decimal(price),
            trade_date="20231114",
        )

    def trades(self, orders: int = 1, text: str = "ok \0\x1b[31m\udcff") -> None:
        """Each order: dispatched, transmitted, accepted, filled in three parts at prices whose average never ends."""
        for _ in range(orders):
            command = self.command(side=Side.BUY if self.orders % 2 else Side.SELL)
            self.sends(command)
            self.hears(Accepted, command, exec_type="0", ord_status="0", text=text)
            for price in ("150.125", "150.12", "150.121"):
                self.fill(command, "300" if price != "150.121" else "400", price)

    def has_a_bad_hour(self) -> None:
        """Denied, queued then sent, queued then superseded, cancelled, rejected by the engine, killed."""
        denied = self.command()
        self.journal.append(
            Denied(
                order_id=denied.order_id,
                intent="NEW",
                strategy="maker",
                account="ACC",
                venue="SIM",
                symbol="USD/JPY",
                side=Side.BUY,
                quantity=denied.quantity,
                price=denied.price,
                code="max_order_quantity",
                reason="1000 above 500",
            )
        )
        late = self.command()
        decided = self.journal.append(Queued(command=late, why="rate_limit"))
        self.sends(late, decided)
        self.hears(Cancelled, late, exec_type="4", ord_status="4")
        dropped = self.command()
        self.journal.append(Queued(command=dropped, why="rate_limit"))
        self.journal.append(Superseded(command=dropped, by="CANCEL"))
        self.hears(Accepted, self.command(), text="nobody knows this one")
        self.journal.append(SessionNotice(venue="SIM", session=SESSION, event="reject", detail="tag 38", msg_seq_num=9))
        self.journal.append(KillEngaged(actor="alice", reason="test\0", request_id="r1", scope="venue:SIM"))

    def closes(self) -> None:
        self.journal.append(RunStopped(reason="end"))


@pytest.fixture
def journal() -> MemoryJournal:
    return MemoryJournal()


@pytest.fixture
def desk(journal: MemoryJournal) -> Desk:
    """A desk that has opened and logged on."""
    desk = Desk(journal)
    desk.opens()
    return desk


@pytest.fixture
def store(url: str) -> Iterator[RecordStore]:
    """Migrated, empty records."""
    store = RecordStore(url, busy_timeout_ms=50)
    store.upgrade()
    yield store
    store.close()


@pytest.fixture
def make_writer(store: RecordStore, journal: MemoryJournal) -> Iterator[Callable[..., RecordWriter]]:
    """Writers over the journal, all stopped in the end."""
    made: list[RecordWriter] = []

    def make(**options: Any) -> RecordWriter:
        settings: dict[str, Any] = {"now_ns": lambda: START_NS, "rest_s": 0.0, "retry_s": (0.01, 0.05)} | options
        made.append(RecordWriter(lambda: journal, store, **settings))
        return made[-1]

    yield make
    for writer in made:
        writer.stop(5)


@pytest.fixture
def recorded_all(make_writer: Callable[..., RecordWriter]) -> Callable[[], None]:
    """Run a writer over all that is journalled."""

    def run() -> None:
        writer = make_writer()
        writer.start()
        assert writer.stop(10), writer.status()

    return run


@pytest.fixture
def until() -> Callable[[Callable[[], bool]], None]:
    """Wait for a condition, no longer than a deadline."""

    def wait(condition: Callable[[], bool], within: float = 100.0) -> None:
        deadline = monotonic() + within
        pause = threading.Event()
        while not condition():
            assert monotonic() < deadline, "the condition never came true"
            pause.wait(0.005)

    return wait
