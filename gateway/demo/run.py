"""The demo's plot: start both sides, trade, kill the gateway with SIGKILL once, start it again, stop, compare, verify."""

from __future__ import annotations

import json
import os
import queue
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from time import monotonic
from typing import Any

from gateway import interpreter
from gateway.bootstrap.places import journal_at
from gateway.config.load import LoadedConfiguration, load
from gateway.control.client import ControlClient
from gateway.demo.compare import Comparison, compare
from gateway.demo.screen import Screen
from gateway.errors import GatewayError, PreconditionFailed, UsageError
from gateway.fix.dialect import load_dialect
from gateway.records.store import RecordStore
from gateway.runtime.strategies import load_strategies
from gateway.sim.process import VenueProcess, start_venue
from gateway.sim.versions import version_of
from gateway.verification import Verdict, verify_instance
from gateway.wording import counted

DIALECT = "generic-fix44"
_MARK = ".gateway-demo"
RATE, FLOW = 20.0, 6.0
"""Ticks a second of the venue's market, and orders a second of its house."""
_READY_SECONDS = 60.0
CONFIG = """\
# The demo's instance. Look at what it left behind:  gateway --config {path} order list
[gateway]
name = "demo"
state_dir = "var"
[telemetry]
metrics_port = 0
[risk]
max_order_quantity = "100000"
max_order_value = "50000000"
price_collar_pct = "2"
fat_finger_pct = "2"
max_open_orders = 20
[[instruments]]
symbol = "USD/JPY"
tick_size = "0.001"
lot_size = "1000"
currency = "JPY"
[[venues]]
name = "SIM"
dialect = "{dialect}"
host = "127.0.0.1"
port = {port}
sender_comp_id = "DESK"
target_comp_id = "SIM"
reconnect_seconds = 1
market_data = ["USD/JPY"]
[[strategies]]
name = "maker"
class = "gateway.strategies.quoter:Quoter"
instruments = ["USD/JPY"]
params = {{ quantity = "10000", half_spread_ticks = 40, improve_ticks = 1, max_inventory = "50000" }}
"""


def run(
    *, seconds: int, directory: Path | None, ticks: Path | None, kill: bool, dialect: str = DIALECT, json_output: bool = False
) -> int:
    """0 when both ledgers agree and the journal verifies, 1 when not.

    `dialect` names one in `fix_specs/` whose standard dictionary the simulated venue speaks. Raises `NotFound`, `UsageError`.
    """
    version = _version(dialect)
    directory = _directory(directory)
    screen = Screen(quiet=json_output)
    screen.say(f"everything of this run is in {directory}")
    if ticks is not None and not ticks.is_file():
        raise PreconditionFailed(f"--ticks {ticks}: no such file")
    with start_venue(directory / "venue", fix_version=version, ticks=ticks, rate=RATE, flow=FLOW) as venue:
        config = directory / "gateway.toml"
        config.write_text(CONFIG.format(path=config, port=venue.port, dialect=dialect), encoding="utf-8")
        loaded = load(config)
        _trade(loaded, venue, screen, seconds, kill=kill)
    comparison = compare({"SIM": venue.ledger_path}, loaded.records_url)
    records = RecordStore(loaded.records_url)
    verdict = verify_instance(journal_at(loaded), records, load_strategies, lambda *_: None)
    if json_output:
        _print_json(directory, comparison, verdict)
    else:
        _conclude(screen, config, comparison, verdict)
    return 0 if comparison.equal and verdict.equal and comparison.executions else 1


def _version(name: str) -> str:
    dialect = load_dialect(name)
    version = version_of(dialect.begin_string, dialect.dictionary)
    if version is None:
        raise UsageError(f"the simulated venue does not speak {dialect.begin_string} with {dialect.dictionary}")
    return version


class GatewayProcess:
    """`gateway run` as its user starts it."""

    def __init__(self, loaded: LoadedConfiguration) -> None:
        log = open(loaded.base_dir / "gateway.stderr.log", "ab")  # noqa: SIM115 - handed to the process, closed below
        command, environment = interpreter.command("gateway", "run", str(loaded.path)), interpreter.environment()
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True, env=environment)
        log.close()
        self._loaded = loaded
        self.client = ControlClient(loaded.control_socket, timeout=2.0)
        self._await_ready()

    @property
    def pid(self) -> int:
        return self._process.pid

    def status(self) -> dict[str, Any] | None:
        """The status document, or None while it does not answer."""
        try:
            document: dict[str, Any] = self.client.get("/status")
        except GatewayError:
            return None
        return document

    def kill(self) -> None:
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    def stop(self) -> int:
        """As `gateway stop --cancel-open` does; its exit code."""
        body = {"request_id": f"demo-stop-{os.getpid()}", "reason": "the demo ends", "cancel_open": True}
        self.client.post("/stop", body)
        return self._process.wait(timeout=30)

    def _await_ready(self) -> None:
        assert self._process.stdout is not None
        lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        stdout = self._process.stdout
        threading.Thread(target=lambda: lines.put(stdout.readline()), daemon=True).start()
        try:
            line = lines.get(timeout=_READY_SECONDS)
        except queue.Empty:
            line = ""
        if line.strip() != "ready":
            self._process.kill()
            log = self._loaded.base_dir / "gateway.stderr.log"
            raise PreconditionFailed(f"the gateway did not become ready within {_READY_SECONDS:g} s; see {log}")


def _trade(loaded: LoadedConfiguration, venue: VenueProcess, screen: Screen, seconds: int, *, kill: bool) -> None:
    gateway = GatewayProcess(loaded)
    screen.say(f"venue on port {venue.port}, gateway running as process {gateway.pid}")
    begin = monotonic()
    killed = not kill
    with screen.live():
        while (elapsed := monotonic() - begin) < seconds:
            if not killed and elapsed >= seconds / 2:
                killed = True
                gateway.kill()
                screen.say(f"SIGKILL sent to process {gateway.pid}; the venue trades on. Starting again ...")
                gateway = GatewayProcess(loaded)
                screen.say(f"process {gateway.pid} has folded its journal, recovered its session and reconciled")
            document = gateway.status()
            if document is not None:
                screen.show(document, elapsed, seconds)
            screen.pause(0.25)
    screen.say("stopping: open orders are cancelled first")
    code = gateway.stop()
    if code != 0:
        screen.say(f"the gateway ended with exit code {code}")


def _directory(directory: Path | None) -> Path:
    """A fresh directory; one that an earlier demo left is replaced, anything else is left alone."""
    if directory is None:
        return Path(tempfile.mkdtemp(prefix="gateway-demo-"))
    if directory.exists() and any(directory.iterdir()):
        if not (directory / _MARK).exists():
            raise PreconditionFailed(f"{directory} is not empty and not from an earlier demo: name another --dir")
        shutil.rmtree(directory)
    directory.mkdir(parents=True, exist_ok=True)
    (directory / _MARK).touch()
    return directory.resolve()


def _conclude(screen: Screen, config: Path, comparison: Comparison, verdict: Verdict) -> None:
    screen.say(
        "compared with the venue's ledger: "
        + counted(
            execution=comparison.executions,
            order=comparison.orders,
            position=comparison.positions,
            difference=len(comparison.differences),
        )
    )
    for line in comparison.differences[:10]:
        screen.say(f"  {line}")
    screen.say(
        f"verified: {verdict.events} events, {verdict.recomputed} decisions recomputed, {verdict.digests} state digests, "
        f"{'all equal' if verdict.equal else 'NOT EQUAL'}"
    )
    for line in verdict.first:
        screen.say(f"  {line}")
    if not comparison.executions:
        screen.say("nothing was traded, so nothing is shown: give it more --seconds")
    screen.say("\nTry on what it left behind:")
    for verb in ("order list --limit 5", "position list", "anomaly list"):
        screen.say(f"  {shlex.quote(_command())} --config {shlex.quote(str(config))} {verb}")


def _command() -> str:
    """How to call the command line from where the reader is."""
    return "gateway" if shutil.which("gateway") else str(Path(sys.executable).with_name("gateway"))


def _print_json(directory: Path, comparison: Comparison, verdict: Verdict) -> None:
    document = {
        "directory": str(directory),
        "executions": comparison.executions,
        "orders": comparison.orders,
        "positions": comparison.positions,
        "differences": comparison.differences,
        "events": verdict.events,
        "verified": verdict.equal,
    }
    print(json.dumps(document))  # noqa: T201 - the document the caller asked for
