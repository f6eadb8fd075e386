"""A desk for a day: two simulated venues and a gateway, each a process of its own, and an operator at the command line.

    sim-1   FIX 4.4      SIM       a session for orders and market data    maker (two-sided quotes)
    sim-2   FIX 5.0 SP2  ALT       a session for orders                    momentum (takes), slicer (works a parent order)
                         ALT-MD    a session for market data

Nothing moves by itself: the venues' house quotes anew at a `tick` and trades when it is told to.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from click.testing import CliRunner

from gateway.cli.main import root
from gateway.config.load import load
from gateway.sim.process import VenueProcess, start_venue

T = TypeVar("T")
DEADLINE = 100.0
VENUES = ("SIM", "ALT")
Say = Callable[[str], None]

CONFIG = """\
[gateway]
name = "desk"
[journal]
url = "{journal}"
[records]
url = "{records}"
[control]
socket = "c.sock"
[telemetry]
metrics_port = 0
[risk]
max_order_quantity = "100000"
max_order_value = "50000000"
price_collar_pct = "2"
[risk.venue.ALT]
max_order_quantity = "50000"
[risk.strategy.desk]
max_open_orders = 3
[risk.account.DAILY]
max_daily_value = "200000"

[[instruments]]
symbol = "USD/JPY"
tick_size = "0.001"
lot_size = "1000"
currency = "JPY"
[[instruments]]
symbol = "EUR/JPY"
tick_size = "0.001"
lot_size = "1000"
currency = "JPY"

[[venues]]
name = "SIM"
dialect = "generic-fix44"
host = "127.0.0.1"
port = {sim}
sender_comp_id = "DESK"
target_comp_id = "SIM"
reconnect_seconds = 1
market_data = ["USD/JPY"]
[[venues]]
name = "ALT"
role = "orders"
market_data_from = "ALT-MD"
dialect = "generic-fix50sp2"
host = "127.0.0.1"
port = {alt}
sender_comp_id = "DESK"
target_comp_id = "ALT"
reconnect_seconds = 1
account = "HOUSE"
[[venues]]
name = "ALT-MD"
role = "market-data"
dialect = "generic-fix50sp2"
host = "127.0.0.1"
port = {alt}
sender_comp_id = "DESK-MD"
target_comp_id = "ALT"
reconnect_seconds = 1
market_data = ["USD/JPY", "EUR/JPY"]

[[strategies]]
name = "maker"
class = "gateway.strategies.quoter:Quoter"
venue = "SIM"
account = "MAKER"
instruments = ["USD/JPY"]
params = {{ quantity = "10000", half_spread_ticks = 5, requote_ticks = 2, max_inventory = "50000" }}
[[strategies]]
name = "momentum"
class = "gateway.strategies.momentum:Momentum"
venue = "ALT"
account = "TREND"
instruments = ["USD/JPY", "EUR/JPY"]
params = {{ quantity = "10000", trigger_ticks = 10, max_position = "40000" }}
[[strategies]]
name = "slicer"
class = "gateway.strategies.slicer:Slicer"
venue = "ALT"
account = "CLIENT-7"
instruments = ["USD/JPY"]
params = {{ parent = "client-7-001", side = "buy", quantity = "30000", slices = 3, interval_seconds = 1 }}
"""


def wait_for(condition: Callable[[], T], what: str, seconds: float = DEADLINE) -> T:
    """What `condition` returns as soon as that is true."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds:g} s: {what}")
        time.sleep(0.02)
    return found


@dataclass(frozen=True)
class Stores:
    """Where the journal and the records live."""

    journal: str = "sqlite:///var/journal.db"
    records: str = "sqlite:///var/records.db"


class Desk:
    """One instance and its venues. `operate` is the operator; everything else only looks, or plays the market."""

    def __init__(self, home: Path, stores: Stores, venues: dict[str, VenueProcess], say: Say) -> None:
        self.home = home
        self.venues = venues
        self.say = say
        self.config = home / "gateway.toml"
        text = CONFIG.format(journal=stores.journal, records=stores.records, sim=venues["SIM"].port, alt=venues["ALT"].port)
        self.config.write_text(text, encoding="utf-8")
        self.records_url = load(self.config).records_url
        self.ledgers = {name: venue.ledger_path for name, venue in venues.items()}
        self._process: subprocess.Popen[str] | None = None
        self._runs = 0

    # ---------------------------------------------------------------------------------------------------- the operator

    def operate(self, *words: str, code: int = 0) -> Any:
        """Run a command as an operator does; its JSON. Raises AssertionError when it ends with another exit code."""
        done = CliRunner().invoke(root, ["--config", str(self.config), *words, "--json"], prog_name="gateway")
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        what = "" if done.exit_code == 0 else f"   exit {done.exit_code}: {done.stderr.strip()}"
        self.say(f"  $ gateway {' '.join(words)}{what}")
        assert done.exit_code == code, f"gateway {' '.join(words)}: exit code {done.exit_code}, not {code}: {done.stderr}"
        return json.loads(done.stdout)

    def look(self, *words: str) -> Any:
        """A command that changes nothing, without saying so."""
        done = CliRunner().invoke(root, ["--config", str(self.config), *words, "--json"], prog_name="gateway")
        return json.loads(done.stdout) if done.exit_code == 0 else None

    def status(self) -> dict[str, Any]:
        """{} while nobody answers."""
        return self.look("status") or {}

    def venue(self, name: str) -> dict[str, Any]:
        found = (v for v in self.status().get("venues", ()) if v["venue"] == name)
        return next(found, {"opened": False, "reason": "nobody answers"})

    def rows(self, noun: str, **where: str) -> list[dict[str, Any]]:
        """`gateway NOUN list`, filtered, once the records hold what is committed now."""
        self.caught_up()
        flags = [part for name, value in where.items() for part in (f"--{name}", value)]
        return list(self.look(noun, "list", *([] if noun == "position" else ["--limit", "0"]), *flags) or ())

    def caught_up(self) -> None:
        seq = self.status().get("seq", 0)
        wait_for(lambda: self.status().get("records", {}).get("seq", 0) >= seq, f"records at {seq}")

    def order(self, order_id: str) -> dict[str, Any]:
        self.caught_up()
        return dict(self.look("order", "show", order_id) or {})

    def wait_state(self, order_id: str, state: str) -> None:
        wait_for(lambda: self.order(order_id).get("state") == state, f"order {order_id} {state}: {self.order(order_id)}")

    # ----------------------------------------------------------------------------------------------------- the process

    def start(self) -> float:
        """`gateway run` until it says `ready`; how long that took, in seconds."""
        assert self._process is None
        self._runs += 1
        began = time.monotonic()
        with (self.home / f"run-{self._runs}.log").open("w") as log:
            command = [sys.executable, "-m", "gateway", "run", str(self.config)]
            self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
        assert self._process.stdout is not None
        line = self._process.stdout.readline().strip()
        assert line == "ready", f"the gateway said {line!r}; see {log.name}"
        self.say("  $ gateway run   ready")
        return time.monotonic() - began

    def ended(self) -> int:
        assert self._process is not None
        with self._process as process:
            code = process.wait(DEADLINE)
        self._process = None
        return code

    def crash(self) -> None:
        """SIGKILL."""
        assert self._process is not None
        self._process.kill()
        self.ended()

    def close(self) -> None:
        if self._process is not None:
            self.crash()

    # ------------------------------------------------------------------------------------------------------ the market

    def tick(self) -> None:
        """The house quotes anew at both venues."""
        for venue in self.venues.values():
            venue.command("tick")

    def until(self, condition: Callable[[], T], what: str, seconds: float = DEADLINE) -> T:
        """Let the market go on until something has come of it."""

        def ticked() -> T:
            self.tick()
            return condition()

        return wait_for(ticked, what, seconds)


@contextmanager
def opened_desk(home: Path, stores: Stores, say: Say) -> Iterator[Desk]:
    """Both venues up, the configuration written, no gateway yet."""
    with ExitStack() as stack:
        sim_ticks = [(109_990 + step, 110_010 + step) for step in (0, 1, 2, 3, 2, 1)]
        alt_ticks = [(119_995 + step, 120_005 + step) for step in (*range(0, 800, 2), *range(800, 0, -2))]
        venues = {
            "SIM": start_venue(home / "sim", ticks=_ticks(home / "sim.csv", sim_ticks), rate=0, flow=0),
            "ALT": start_venue(
                home / "alt",
                sender="ALT",
                fix_version="5.0SP2",
                targets=("DESK", "DESK-MD"),
                symbols=("USD/JPY", "EUR/JPY"),
                ticks=_ticks(home / "alt.csv", alt_ticks),
                rate=0,
                flow=0,
            ),
        }
        for venue in venues.values():
            stack.enter_context(venue)
        desk = Desk(home, stores, venues, say)
        stack.callback(desk.close)
        yield desk


def _ticks(path: Path, levels: list[tuple[int, int]]) -> Path:
    """A file of (bid, ask) in thousandths."""
    rows = [f"{index},{bid / 1000:.3f},{ask / 1000:.3f}" for index, (bid, ask) in enumerate(levels)]
    path.write_text("timestamp,bid,ask\n" + "\n".join(rows) + "\n")
    return path
