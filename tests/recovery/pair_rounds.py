"""Rounds with a pair of gateways: the active one dies, sleeps, or is cut off, and the other takes over; then both sides agree.

Each gateway reaches the venue and the database (PostgreSQL, journal and records) over cables of its own. Everything is drawn
from one random generator, so a seed says what was tried; when exactly it happened is the machine's.
"""

from __future__ import annotations

import contextlib
import signal
import subprocess
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from random import Random
from typing import Any

from gateway_process import wait_for
from postgresql import PostgresqlGateway, Server, verified
from proxy import Proxy
from server_losses import ServerLosses
from trading import STRATEGY, Traders, come_to_rest, differences

from gateway.errors import GatewayError
from gateway.sim.process import VenueProcess

LAUNCHER = str(Path(__file__).with_name("crash_launcher.py"))
NORMAL = ("-m", "gateway", "run")
PATIENCE = 600.0
"""Seconds for what must come: the machine may have a lot to do besides."""
SILENT_SECONDS = 2.0
PAIR = f"\n[standby]\nenabled = true\nsilent_seconds = {SILENT_SECONDS:g}\n"
TAKEOVER_POINTS = (
    "before-run-number",
    "before-run-started",
    "after-run-started",
    "after-logged-on",
    "after-settled",
    "before-reconciled",
)
ENDS = ("kill", "stop", "pause", "no database", "no venue", "neither", "server", "server and kill", "takeover dies")
"""How the active one loses its role, or what else goes wrong."""


class Side:
    """One gateway and its cables."""

    def __init__(
        self, home: Path, venue: VenueProcess, server: Server, random: Random, durability: str, stack: ExitStack
    ) -> None:
        self.to_venue = stack.enter_context(Proxy(venue.port, random.randrange(1 << 31)))
        self.to_database = stack.enter_context(Proxy(server.socket, random.randrange(1 << 31), messages=False))
        self.gateway = PostgresqlGateway(
            home,
            self.to_venue.port,
            server,
            through=self.to_database.port,
            market_data=["USD/JPY"],
            ack_timeout=1,
            heartbeat=1,
            journal=f'durability = "{durability}"\nsnapshot_events = 300\n',
            extra=PAIR + STRATEGY,
        )
        stack.callback(self.gateway.close)

    def calm(self) -> None:
        self.to_venue.calm()
        self.to_database.calm()

    def start(self, launcher: tuple[str, ...] = NORMAL) -> None:
        self.gateway.launcher = launcher
        self.gateway.start()

    @property
    def running(self) -> bool:
        return self.gateway.process is not None and self.gateway.process.poll() is None

    @property
    def role(self) -> str:
        return str(self.gateway.status().get("role", "")) if self.running else ""

    def signal(self, number: int) -> None:
        if self.running and self.gateway.process is not None:
            self.gateway.process.send_signal(number)


class PairRounds:
    """Two gateways, one venue, one server, one source of chance."""

    def __init__(self, home: Path, venue: VenueProcess, server: Server, random: Random, stack: ExitStack) -> None:
        server.recreate()
        self.venue = venue
        self.server = server
        self.random = random
        self.durability = random.choice(("commit", "fsync"))
        self.sides = [Side(home / name, venue, server, random, self.durability, stack) for name in "ab"]
        self.losses = ServerLosses(self.durability)
        self.asked = 0
        self.first_orders: list[float] = []
        """Seconds from the loss of an active gateway that ended to an order that was accepted."""
        self._ended_at: float | None = None
        self.ends: Counter[str] = Counter()
        self.faults: Counter[str] = Counter()

    def run(self) -> str:
        """One round; what happened in it. Raises AssertionError when nobody trades in the end."""
        active, standby = self._both()
        how = self.random.choice(ENDS)
        done = [f"{how} ({self.durability})"]
        self._ended_at = None
        with Traders(active.gateway, self.random) as traders:
            self._pass_time(self.random.uniform(0.3, 2.0))
            done += self._lose(how, active, standby)
        self.asked += traders.sent
        for side in self.sides:
            side.calm()
            side.signal(signal.SIGCONT)
        active_one = self._somebody_trades(f"after {', '.join(done)}")
        if self._ended_at is not None and (seconds := self._first_order(active_one.gateway, self._ended_at)) is not None:
            self.first_orders.append(seconds)
            done.append(f"first order after {seconds:.2f} s")
        self.ends[how] += 1
        return ", ".join(done)

    def check(self) -> list[str]:
        """Everything in which both sides, or the journal and its replay, do not agree; nobody runs afterwards."""
        for side in self.sides:
            side.calm()
            side.gateway.close()
        gateway = self.sides[0].gateway
        gateway.launcher = NORMAL
        come_to_rest(gateway)
        ledger = self.venue.ledger_path
        found = self.losses.unexplained(differences(gateway, ledger), [side.gateway for side in self.sides], ledger)
        try:
            verified(gateway)
        except AssertionError as error:
            return [*found, f"verify: {error}"]
        return found

    def close(self) -> None:
        for side in self.sides:
            side.gateway.close()

    def count(self, view: str) -> int:
        return int(self.sides[0].gateway.rows(f"SELECT count(*) AS n FROM {view}")[0]["n"])

    def numbers(self) -> tuple[int, int]:
        """(events, runs) in the journal."""
        with self.server.connect("journal") as connection:
            sql = "SELECT count(*) AS events, count(DISTINCT run_id) AS runs FROM gateway_journal.event_1"
            row: dict[str, Any] = connection.execute(sql).fetchone() or {}
        return int(row["events"]), int(row["runs"])

    def _both(self) -> tuple[Side, Side]:
        """(active, standby), both running."""
        if not any(side.running for side in self.sides):
            self.random.choice(self.sides).start()
        self._somebody_trades("at the start of a round")
        follows = self.random.random() < 0.8  # otherwise it begins to follow while things happen

        def settled() -> bool:
            """One active, one standby: on a machine this busy, too, where one that is slow may lose its role and end."""
            for side in self.sides:
                if not side.running:
                    side.start()
            roles = sorted(side.role for side in self.sides)
            return roles == ["active", "standby"] if follows else "active" in roles

        wait_for(settled, f"one is active and one follows; {self.sides[0].gateway.home.parent}", PATIENCE)
        active = next((side for side in self.sides if side.role == "active"), self.sides[0])
        standby = next(side for side in self.sides if side is not active)
        with contextlib.suppress(GatewayError):
            active.gateway.post("/trading", state="enabled", reason="a round")
        return active, standby

    def _lose(self, how: str, active: Side, standby: Side) -> list[str]:
        random = self.random
        if how == "kill":
            self._kill(active)
        elif how == "stop":
            self._ended_at = time.monotonic()
            active.signal(signal.SIGTERM)
        elif how == "pause":
            active.signal(signal.SIGSTOP)
            seconds = random.choice((0.5, 1.1, 1.9, 2.1, 3.0, 3.3, 4.0, 6.0)) + random.uniform(0, 0.3)
            self._pass_time(seconds)
            active.signal(signal.SIGCONT)
            return [f"{seconds:.2f} s"]
        elif how in ("no database", "no venue", "neither"):
            if how != "no venue":
                active.to_database.partition()
            if how != "no database":
                active.to_venue.partition()
            seconds = random.uniform(0.5, 7)
            self._pass_time(seconds)
            if random.random() < 0.3:
                active.gateway.kill()
                return [f"{seconds:.2f} s", "then killed"]
            return [f"{seconds:.2f} s"]
        elif how in ("server", "server and kill"):
            if how == "server and kill":
                self._kill(active)
                self._pass_time(random.uniform(0, 1.5))  # at any moment of the takeover
            self.losses.crashed()
            self.server.crash()
            self._pass_time(random.uniform(0, 3))
            self.server.start()
        else:
            point = random.choice(TAKEOVER_POINTS)
            standby.gateway.kill()
            standby.start((LAUNCHER, point))
            wait_for(lambda: standby.role == "standby" or not standby.running, "a standby", PATIENCE)
            self._kill(active)
            with contextlib.suppress(subprocess.TimeoutExpired):
                standby.gateway.ended(PATIENCE)
            assert not standby.running, f"{point} was not reached; {standby.gateway.home}"
            return [point]
        return []

    def _kill(self, active: Side) -> None:
        self._ended_at = time.monotonic()
        active.gateway.kill()

    def _first_order(self, gateway: PostgresqlGateway, began: float) -> float | None:
        """None when this one, too, ended before."""
        with contextlib.suppress(GatewayError):
            order = gateway.order(price="109.9", wait_seconds=60)
            return time.monotonic() - began if order.get("state") == "Accepted" else None
        return None

    def _somebody_trades(self, when: str) -> Side:
        """The gateway that is active with its venue open; whoever ended by himself may only have lost his role."""

        def open_() -> Side | None:
            for side in self.sides:
                process = side.gateway.process
                code = None if process is None else process.poll()
                if code is not None and code not in (0, 1, 6, -signal.SIGKILL, -signal.SIGTERM):
                    raise AssertionError(
                        f"{when}: {side.gateway.home} ended with {code}: {side.gateway.err.read_text()[-2000:]}"
                    )
            if not any(side.running for side in self.sides):
                self.random.choice(self.sides).start()
            return next((side for side in self.sides if side.role == "active" and self._opened(side.gateway)), None)

        return wait_for(open_, f"somebody trades, {when}; {self.sides[0].gateway.home.parent}", PATIENCE)

    def _opened(self, gateway: PostgresqlGateway) -> bool:
        """Where the server lost what this one sent, it keeps the venue closed until somebody has looked."""
        venue = gateway.venue()
        if self.losses.possible and "the journal has lost what was sent" in venue["reason"]:
            with contextlib.suppress(GatewayError):
                gateway.post("/venues/SIM/open", reason="the server lost it, and the venue has told")
        return bool(venue["opened"])

    def _pass_time(self, seconds: float) -> None:
        """Not a wait for anything: when something happens is the random variable."""
        time.sleep(seconds)
