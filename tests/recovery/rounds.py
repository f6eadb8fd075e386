"""Rounds of trading through a network that fails, each ended by a death or a stop; and the comparison with the venue's ledger.

Everything is drawn from one random generator, so a seed says what was tried; when exactly it happened is the machine's.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from random import Random

from crash_launcher import POINTS
from gateway_process import GatewayProcess, wait_for
from postgresql import run_command
from proxy import IN, OUT, Proxy
from trading import STRATEGY, Traders, come_to_rest, differences, journal_numbers

from gateway.errors import GatewayError
from gateway.sim.process import VenueProcess

LAUNCHER = str(Path(__file__).with_name("crash_launcher.py"))
NORMAL = ("-m", "gateway", "run")
SNAPSHOTS = "[journal]\nsnapshot_events = 300\n"
PATIENCE = 30.0
"""Seconds to be ready in while the network fails; then it is left in peace."""
AT_THE_END = ("before-run-stopped", "after-run-stopped")
ONCE = ("run-number", "run-started", "run-stopped")
SELDOM = (
    "logged-on",
    "settled",
    "reconciliation",
    "reconciled",
    "session-down",
    "snapshot",
    "encoded-snapshot",
    "published-snapshot",
)

LASTING: dict[str, Callable[[Proxy, Random], None]] = {
    "delay": lambda proxy, random: setattr(proxy, "delay_seconds", random.uniform(0.02, 0.3)),
    "pieces": lambda proxy, random: setattr(proxy, "largest_piece", random.randint(1, 60)),
    "throttle": lambda proxy, random: setattr(proxy, "bytes_per_second", random.randint(4_000, 40_000)),
    "refuse": lambda proxy, random: setattr(proxy, "refusing", True),
}
PASSING: dict[str, Callable[[Proxy, Random], None]] = {
    "repeat-in": lambda proxy, random: proxy.repeat(random.randint(1, 3), IN),
    "repeat-out": lambda proxy, random: proxy.repeat(random.randint(1, 3), OUT),
    "cut": lambda proxy, random: proxy.cut(),
    "reset": lambda proxy, random: proxy.reset(),
    "half-open": lambda proxy, random: proxy.half_open(),
    "half-deaf": lambda proxy, random: proxy.half_deaf(),
}
FAULTS = LASTING | PASSING


class Rounds:
    """One gateway, one venue, one proxy between them, one source of chance."""

    def __init__(self, home: Path, venue: VenueProcess, proxy: Proxy, random: Random, extra: str = STRATEGY) -> None:
        self.venue = venue
        self.proxy = proxy
        self.random = random
        self.gateway = GatewayProcess(
            home, proxy.port, market_data=["USD/JPY"], extra=SNAPSHOTS + extra, ack_timeout=1, heartbeat=1
        )
        self.asked = 0
        self.ends: Counter[str] = Counter()
        """How often a round ended by which point, or otherwise."""
        self.faults: Counter[str] = Counter()

    def run(self) -> str:
        """One round; what was tried in it and how it ended. Raises AssertionError when the gateway ends by itself."""
        random = self.random
        point = random.choice(POINTS) if random.random() < 0.6 else None
        launcher = NORMAL if point is None else (LAUNCHER, f"{point}@{self._which_time(point)}")
        done = [launcher[-1] if point else "no point"]
        if random.random() < 0.7:
            self.proxy.calm()
        if random.random() < 0.3:
            done.append(self._fault(LASTING))
        self.gateway.launcher = launcher
        self.gateway.start()
        early = random.uniform(0.3, 1.5) if random.random() < 0.15 else None
        if self._ready(early):
            done += self._trade(point)
        ended = self._end(point, early is not None)
        self.ends[ended] += 1
        return f"{', '.join(done)}: {ended}"

    def die_at(self, point: str) -> None:
        """Do what leads past every point, in a calm network, until it is dead. Raises AssertionError when it is not."""
        self.proxy.calm()
        self.gateway.launcher = (LAUNCHER, point)
        self.gateway.start()
        if self._ready(None):
            with contextlib.suppress(GatewayError):
                self._everything()
        if not self._ended():
            self.gateway.terminate()
        code = self.gateway.ended()
        assert code == -9, f"{point} was not reached, it ended with {code}: {self.gateway.err.read_text()[-1000:]}"
        self.ends[point] += 1

    def _everything(self) -> None:
        """A NEW, a REPLACE, a fill and a CANCEL; then a request whose answer is lost, so that the venue is asked."""
        gateway, venue = self.gateway, self.venue
        gateway.post("/cancel-all", scope="all")
        self._until(lambda: not gateway.status().get("orders", {}).get("open"))
        order_id = gateway.order("sell", "1000", "110.001", wait_seconds=60)["order_id"]
        gateway.replace(order_id, price="110.000", wait_seconds=60)
        venue.command("house buy USD/JPY 300 110.000")
        self._until(lambda: gateway.rows("SELECT 1 FROM v_orders WHERE order_id = ? AND cum_qty > 0", order_id))
        gateway.cancel(order_id, wait_seconds=60)
        venue.command("fault drop 1")
        doubtful = gateway.order("buy", "1000", "100")["order_id"]
        self._until(lambda: gateway.rows("SELECT 1 FROM v_orders WHERE order_id = ? AND state = 'Accepted'", doubtful))
        gateway.order("buy", "1000", "100.5", wait_seconds=60)  # stays open: the next start has something to ask about

    def _until(self, condition: Callable[[], object]) -> None:
        wait_for(lambda: self._ended() or condition(), "what leads past the point")

    def check(self) -> list[str]:
        """With the network in peace: everything in which both sides, or the journal and its replay, do not agree."""
        self.proxy.calm()
        self.gateway.launcher = NORMAL
        come_to_rest(self.gateway)
        found = differences(self.gateway, self.venue.ledger_path)
        try:
            verdict = json.loads(run_command(self.gateway, "verify", "--json"))
        except AssertionError as error:
            return [*found, f"verify: {error}"]
        return found if verdict["equal"] else [*found, f"verify: {verdict}"]

    def close(self) -> None:
        self.gateway.close()

    def numbers(self) -> tuple[int, int]:
        """(events, runs) in the journal."""
        return journal_numbers(self.gateway)

    def count(self, view: str) -> int:
        return int(self.gateway.rows(f"SELECT count(*) AS n FROM {view}")[0]["n"])

    def _which_time(self, point: str) -> int:
        """Which time the point is reached."""
        name = point.partition("-")[2]
        if name in ONCE:
            return 1
        return self.random.randint(1, 2) if name in SELDOM else int(self.random.expovariate(0.25)) + 1

    def _ended(self) -> bool:
        return self.gateway.process is not None and self.gateway.process.poll() is not None

    def _ready(self, early: float | None) -> bool:
        """Whether it said ready; False when it died, or was to die before. With faults it may take a calm network."""

        def said() -> bool:
            return self._ended() or self.gateway.said_ready()

        if early is not None:
            with contextlib.suppress(AssertionError):
                wait_for(said, "ready", early)
            return self.gateway.said_ready() and not self._ended()
        try:
            wait_for(said, "ready", PATIENCE)
        except AssertionError:
            self.proxy.calm()
            wait_for(said, f"ready, with the network in peace; {self.gateway.home}")
        return not self._ended()

    def _trade(self, point: str | None) -> list[str]:
        random, done = self.random, []
        with contextlib.suppress(GatewayError):
            self.gateway.post("/trading", state="enabled", reason="a round")
        with Traders(self.gateway, random) as traders:
            for _ in range(random.randint(0, 3)):
                self._pass_time(random.uniform(0.05, 0.5))
                done.append(self._fault(FAULTS))
            self._pass_time(random.uniform(0.05, 3.0 if point else 1.0))
        self.asked += traders.sent
        return done

    def _pass_time(self, seconds: float) -> None:
        """Not a wait for anything: when something happens is the random variable."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and not self._ended():
            time.sleep(0.02)

    def _fault(self, among: dict[str, Callable[[Proxy, Random], None]]) -> str:
        name = self.random.choice(list(among))
        among[name](self.proxy, self.random)
        self.faults[name] += 1
        return name

    def _end(self, point: str | None, early: bool) -> str:
        """The end the round was given: its point, SIGKILL, a stop, or SIGKILL after the session had recovered."""
        gateway = self.gateway
        how = "kill" if early else self.random.choices(("kill", "stop", "recover"), (5, 3, 2))[0]
        if point in AT_THE_END:
            how = "stop"
        if not self._ended() and how == "recover":
            self.proxy.calm()
            with contextlib.suppress(AssertionError):
                wait_for(lambda: self._ended() or gateway.venue()["opened"], "open again")
            assert self._ended() or gateway.venue()["opened"], f"the venue does not open again: {gateway.venue()}"
        if not self._ended() and how == "stop":
            with contextlib.suppress(subprocess.TimeoutExpired):
                gateway.listening().terminate()
            assert self._ended(), f"not stopped within a minute; {gateway.home}"
        elif not self._ended():
            gateway.kill()
            return how
        code = gateway.ended()
        if code == -9:
            assert point is not None, "somebody else killed it"
            return point
        assert how == "stop", f"it ended with {code}: {gateway.err.read_text()[-2000:]}"
        assert code in (0, 1), f"its stop ended with {code}: {gateway.err.read_text()[-2000:]}"
        return "stop"
