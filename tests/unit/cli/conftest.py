"""A gateway in memory behind a real socket, and a journal with its records as a trading day leaves them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from gateway import __version__
from gateway.cli.main import root
from gateway.control.app import application
from gateway.control.server import ControlServer
from gateway.control.surface import Answer, ConfigurationAnswer, KillAnswer, OrderAnswer
from gateway.core.core import Core
from gateway.core.events import (
    Accepted,
    Dispatched,
    Event,
    Filled,
    OrderRequested,
    RunStarted,
    RunStopped,
    SessionLoggedOn,
    SessionSettled,
    Transmitted,
)
from gateway.core.settings import CoreSettings, Instrument, RiskLimits, Venue
from gateway.core.turn import Step
from gateway.core.values import Side
from gateway.journal.sqlite import SqliteJournal, SqliteReader
from gateway.records.store import RecordStore
from gateway.records.writer import RecordWriter

HOSTILE = "\x1b[31mred\x1b[0m\n[bold]not markup[/bold]\x01end\u202e"
START_NS = 1_700_000_000_000_000_000
SESSION = "FIX.4.4:DESK->SIM"

CONFIGURATION = """
[gateway]
name = "desk-1"
state_dir = "var"
[journal]
url = "sqlite:///var/journal.db"
[records]
url = "sqlite:///var/records.db"
[control]
socket = "var/c.sock"
[[instruments]]
symbol = "USD/JPY"
tick_size = "0.001"
lot_size = "1"
currency = "JPY"
[[venues]]
name = "SIM"
dialect = "generic-fix44"
host = "127.0.0.1"
port = 9878
sender_comp_id = "DESK"
target_comp_id = "SIM"
"""


@dataclass
class Cli:
    """Runs commands of one instance in this process."""

    directory: Path

    @property
    def config(self) -> Path:
        return self.directory / "gateway.toml"

    @property
    def state(self) -> Path:
        return self.directory / "var"

    def __call__(self, *args: str, config: str | None = None) -> Result:
        return CliRunner().invoke(root, list(args), env={"GATEWAY_CONFIG": config or str(self.config)})

    def json(self, *args: str, exit_code: int = 0) -> Any:
        result = self(*args, "--json")
        assert result.exit_code == exit_code, (result.output, result.exception)
        return json.loads(result.stdout)


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    (tmp_path / "gateway.toml").write_text(CONFIGURATION)
    (tmp_path / "var").mkdir(mode=0o700)
    return Cli(tmp_path)


class MemorySurface:
    """A gateway that only remembers: `asked` holds (method, request, actor)."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, Any, str]] = []
        self.position = 0
        self.order = OrderAnswer(order_id="7-1", stage="dispatched", state="Submitted", seq=12)
        self.cancelled = OrderAnswer(order_id="7-1", stage="dispatched", state="Cancelled", seq=13)
        self.answer = Answer(seq=14)
        self.killed: dict[str, str] = {}
        self.kill_seq: int | None = 15
        self.document: dict[str, Any] = status_document()
        self.failure: Exception | None = None

    def _note(self, method: str, request: Any, actor: str) -> None:
        self.asked.append((method, request, actor))
        if self.failure is not None:
            raise self.failure

    @property
    def last(self) -> Any:
        return self.asked[-1][1]

    def status(self) -> dict[str, Any]:
        if self.failure is not None:
            raise self.failure
        return self.document

    def seq(self) -> int:
        return self.position

    def new_order(self, request: Any, actor: str) -> OrderAnswer:
        self._note("new_order", request, actor)
        return self.order

    def cancel_order(self, request: Any, actor: str) -> OrderAnswer:
        self._note("cancel_order", request, actor)
        return self.cancelled

    def resolve_order(self, request: Any, actor: str) -> OrderAnswer:
        self._note("resolve_order", request, actor)
        return self.cancelled

    def apply_configuration(self, request: Any, actor: str) -> ConfigurationAnswer:
        self._note("apply_configuration", request, actor)
        return ConfigurationAnswer(seq=16, sha256="c0ffee" * 10, changed=("risk.max_open_orders",), detail="applied: risk")

    def engage_kill(self, request: Any, actor: str) -> KillAnswer:
        self._note("engage_kill", request, actor)
        self.killed[request.scope] = request.reason
        return KillAnswer(engaged=self.killed, cancelling=2, seq=self.kill_seq, detail="gate closed")

    def release_kill(self, request: Any, actor: str) -> KillAnswer:
        self._note("release_kill", request, actor)
        self.killed.pop(request.scope, None)
        return KillAnswer(engaged=self.killed, seq=self.kill_seq)

    def kill_status(self) -> KillAnswer:
        return KillAnswer(engaged=self.killed, seq=self.kill_seq)

    def _apply(self, method: str) -> Callable[[Any, str], Answer]:
        def applied(request: Any, actor: str) -> Answer:
            self._note(method, request, actor)
            return self.answer

        return applied

    def __getattr__(self, method: str) -> Callable[[Any, str], Answer]:
        if method not in (
            "cancel_all",
            "switch_trading",
            "roll_day",
            "adjust_position",
            "open_venue",
            "close_venue",
            "session",
            "stop",
        ):
            raise AttributeError(method)
        return self._apply(method)


@pytest.fixture
def serve(cli: Cli) -> Iterator[Callable[[], tuple[MemorySurface, ControlServer]]]:
    """Starts gateways on the instance's socket; all are stopped in the end."""
    running: list[ControlServer] = []

    def start() -> tuple[MemorySurface, ControlServer]:
        surface = MemorySurface()
        server = ControlServer(cli.state / "c.sock", application(surface))
        server.start()
        running.append(server)
        return surface, server

    yield start
    for server in running:
        server.stop()


@pytest.fixture
def surface(serve: Callable[[], tuple[MemorySurface, ControlServer]]) -> MemorySurface:
    """A gateway that answers."""
    return serve()[0]


class Desk:
    """A core that journals what it is told, as the live process does, one commit a step."""

    def __init__(self, state_dir: Path) -> None:
        self.path = state_dir / "journal.db"
        self.records_url = f"sqlite:///{state_dir}/records.db"
        self.journal = SqliteJournal(self.path, "commit")
        self.core = Core({})
        self._times = 0
        self.wall_behind_ns = 0

    def feed(self, event: Event, run_id: int = 7) -> Step:
        self._times += 1
        at_ns = START_NS + self._times * 1_000_000
        step = self.core.step(event, run_id=run_id, at_ns=at_ns, wall_ns=at_ns - self.wall_behind_ns)
        self.journal.append(step.records, {}, self.core.state.digest())
        return step

    def opens(self, version: str = __version__, run_id: int = 7) -> None:
        instrument = Instrument(symbol="USD/JPY", tick_size=Decimal("0.001"), lot_size=Decimal(1), currency="JPY")
        venue = Venue(name="SIM", session=SESSION, ack_timeout_ns=10**12, rate_per_second=Decimal(1), rate_burst=2)
        settings = CoreSettings(
            config_sha256="c0ffee",
            instruments={"USD/JPY": instrument},
            venues={"SIM": venue},
            risk={"all": RiskLimits(max_order_quantity=Decimal(5000))},
        )
        self.journal.remember_configuration("c0ffee", 'name = "desk-1"\n')
        self.feed(RunStarted(version=version, settings=settings, trading_date="20231114", id_prefix="A"), run_id)
        numbers: dict[str, Any] = {"venue": "SIM", "session": SESSION, "next_sender": 2, "next_target": 2}
        self.feed(SessionLoggedOn(**numbers), run_id)
        self.feed(SessionSettled(**numbers), run_id)

    def order(self, quantity: str, request_id: str) -> Step:
        return self.feed(
            OrderRequested(
                actor="alice(1000)",
                reason="test",
                request_id=request_id,
                venue="SIM",
                symbol="USD/JPY",
                side=Side.BUY,
                quantity=Decimal(quantity),
                price=Decimal("150.125"),
            )
        )

    def fills(self, step: Step) -> None:
        command = next(one.event for one in step.records if isinstance(one.event, Dispatched)).command
        self.feed(
            Transmitted(
                venue="SIM",
                session=SESSION,
                epoch=1,
                msg_seq_num=3,
                order_id=command.order_id,
                cl_ord_id=command.cl_ord_id,
                sent_ns=START_NS,
            )
        )
        heard: dict[str, Any] = {"venue": "SIM", "session": SESSION, "cl_ord_id": command.cl_ord_id, "venue_order_id": "V1"}
        self.feed(Accepted(**heard, msg_seq_num=4, text=HOSTILE))
        self.feed(
            Filled(
                **heard,
                msg_seq_num=5,
                exec_id="E" + "9" * 60,
                last_qty=Decimal(400),
                last_px=Decimal("150.12"),
                trade_date="20231114",
            )
        )

    def trades(self) -> None:
        """7-1 partly filled, 7-2 denied, 7-3 dispatched, 7-4 queued, an anomaly with hostile text."""
        self.opens()
        self.fills(self.order("1000", "r1"))
        self.order("900000", "r2")
        self.order("10", "r3")
        self.order("10", "r4")
        self.feed(Accepted(venue="SIM", session=SESSION, cl_ord_id="nobody", msg_seq_num=9, text=HOSTILE))

    def records(self) -> None:
        """Project what is journalled."""
        store = RecordStore(self.records_url)
        writer = RecordWriter(lambda: SqliteReader(self.path), store, now_ns=lambda: START_NS, rest_s=0.0)
        writer.start()
        assert writer.stop(10), writer.status()
        store.close()

    def closes(self) -> None:
        self.feed(RunStopped(reason="end"))
        self.journal.close()


@pytest.fixture
def desk(cli: Cli) -> Iterator[Desk]:
    desk = Desk(cli.state)
    yield desk
    desk.journal.close()


@pytest.fixture
def traded(desk: Desk) -> Desk:
    """A day in journal and records; the journal is still held."""
    desk.trades()
    desk.records()
    return desk


def status_document() -> dict[str, Any]:
    """A status document with something in every section, hostile text among it."""
    document: dict[str, Any] = json.loads(Path(__file__).with_name("status.json").read_text())
    return document
