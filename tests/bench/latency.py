"""Tick to order, and order round trip, on the wire: the gateway against a bare QuickFIX application, interleaved.

Measured by the venue, a QuickFIX acceptor in this process, so both sides are timed by the same clock in the same place:

    tick to order     from sending a snapshot (W) to the arrival of the order (D) it leads to
    order round trip  from sending a fill (8) to the arrival of the next order (D) it leads to

The gateway decodes, applies, consults a strategy, checks risk, commits to its journal and writes its send log before the
order leaves; the bare application does none of that. Absolute figures are this machine's; the ratio is the result.
"""

from __future__ import annotations

import argparse
import json
import os
import queue
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import quickfix as fix
from bench_wire import AGAIN_TEXT, settings
from where import STAGES

from gateway.fix.dictionary import find

_HERE = Path(__file__).parent
_CONFIG = """
[gateway]
name = "bench"
[journal]
durability = "{durability}"
[telemetry]
metrics_port = {metrics}
[risk]
max_order_quantity = "1000"
max_order_value = "1000000"
price_collar_pct = "5"
fat_finger_pct = "5"
max_open_orders = 1000
[[instruments]]
symbol = "BENCH"
tick_size = "0.001"
lot_size = "1"
currency = "USD"
[[venues]]
name = "BENCH"
dialect = "generic-fix44"
host = "127.0.0.1"
port = {port}
sender_comp_id = "GATEWAY"
target_comp_id = "BENCH"
reconnect_seconds = 1
rate_limit = {{ per_second = 1000000, burst = 1000000 }}
[[strategies]]
name = "echo"
class = "echo:Echo"
instruments = ["BENCH"]
"""


class BenchVenue(fix.Application):
    """Sends when told to, stamps what arrives."""

    def __init__(self) -> None:
        super().__init__()
        self.arrivals: queue.SimpleQueue[tuple[int, str, str]] = queue.SimpleQueue()
        self.up: set[str] = set()
        self._executions = 0

    def onCreate(self, session: fix.SessionID) -> None: ...

    def onLogon(self, session: fix.SessionID) -> None:
        self.up.add(session.getTargetCompID().getString())

    def onLogout(self, session: fix.SessionID) -> None: ...

    def toAdmin(self, message: fix.Message, session: fix.SessionID) -> None: ...

    def fromAdmin(self, message: fix.Message, session: fix.SessionID) -> None: ...

    def toApp(self, message: fix.Message, session: fix.SessionID) -> None: ...

    def fromApp(self, message: fix.Message, session: fix.SessionID) -> None:
        now = time.perf_counter_ns()
        if message.getHeader().getField(35) == "D":
            self.arrivals.put((now, session.getTargetCompID().getString(), message.getField(11)))

    def tick(self, target: str) -> int:
        """Send a snapshot; when it was sent."""
        text = (
            "8=FIX.4.4\x019=0\x0135=W\x0155=BENCH\x01268=2\x01269=0\x01270=99.999\x01271=10\x01"
            "269=1\x01270=100.002\x01271=10\x0110=0\x01"
        )
        return self._send(fix.Message(text, DICTIONARY, False), target)

    def fill(self, target: str, cl_ord_id: str, price: str) -> int:
        self._executions += 1
        number = self._executions
        fields = (
            f"37=O{number}\x0111={cl_ord_id}\x0117=E{number}\x01150=F\x0139=2\x0155=BENCH\x0154=1\x0138=1\x0140=2\x0144=100\x01"
            f"59=0\x0132=1\x0131={price}\x01151=0\x0114=1\x016={price}\x0160={_utc()}\x01"
        )
        return self._send(fix.Message(f"8=FIX.4.4\x019=0\x0135=8\x01{fields}10=0\x01", False), target)

    def _send(self, message: fix.Message, target: str) -> int:
        now = time.perf_counter_ns()
        fix.Session.sendToTarget(message, fix.SessionID("FIX.4.4", "BENCH", target))
        return now


_KEPT: list[object] = []
"""What the engine would crash over if it were freed while its threads run."""
DICTIONARY = fix.DataDictionary(str(find("FIX44.xml")))


def _utc() -> str:
    return time.strftime("%Y%m%d-%H:%M:%S.000", time.gmtime())


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _ticks(venue: BenchVenue, target: str, count: int, pause: float) -> list[int]:
    """One block of tick-to-order times in nanoseconds."""
    times = []
    for _ in range(count):
        sent = venue.tick(target)
        at, _, cl_ord_id = venue.arrivals.get(timeout=10)
        times.append(at - sent)
        venue.fill(target, cl_ord_id, "100")
        time.sleep(pause)
    return times


def _round_trips(venue: BenchVenue, target: str, count: int) -> list[int]:
    """One block of round trips: every fill asks for the next order."""
    venue.tick(target)
    _, _, cl_ord_id = venue.arrivals.get(timeout=10)
    times = []
    for _ in range(count):
        sent = venue.fill(target, cl_ord_id, AGAIN_TEXT)
        at, _, cl_ord_id = venue.arrivals.get(timeout=10)
        times.append(at - sent)
    venue.fill(target, cl_ord_id, "100")
    return times


def _wait_for(venue: BenchVenue, target: str, process: subprocess.Popen[str]) -> None:
    end = time.monotonic() + 30
    while target not in venue.up:
        if process.poll() is not None or time.monotonic() > end:
            sys.exit(f"{target} did not log on")
        time.sleep(0.05)


def _percentiles(times: list[int]) -> tuple[float, float]:
    ordered = sorted(times)
    return statistics.median(ordered) / 1000, ordered[int(len(ordered) * 0.99)] / 1000


def _means(port: int) -> dict[str, float]:
    """Mean microseconds of the gateway's own histograms: where its time goes."""
    text = urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5).read().decode()
    found = {}
    for name, label in (
        ("decision_seconds", "core step"),
        ("journal_commit_seconds", "journal commit"),
        ("event_seconds", "socket to durable"),
    ):
        total = re.search(rf"^gateway_{name}_sum ([0-9.e+-]+)", text, re.M)
        count = re.search(rf"^gateway_{name}_count ([0-9.e+-]+)", text, re.M)
        if total and count and float(count[1]):
            found[label] = float(total[1]) / float(count[1]) * 1e6
    return found


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--blocks", type=int, default=10, help="interleaved blocks of each side")
    parser.add_argument("--count", type=int, default=200, help="measurements in a block")
    parser.add_argument("--pause", type=float, default=0.002, help="seconds between ticks")
    parser.add_argument("--durability", default="commit", choices=("commit", "fsync"))
    parser.add_argument("--where", action="store_true", help="stamp every stage of the gateway's part (where.py)")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="gateway-bench-") as name:
        result = _measure(Path(name), options)
    if options.json:
        print(json.dumps(result))
    else:
        _print(result)


def _measure(directory: Path, options: argparse.Namespace) -> dict[str, dict[str, float]]:
    port, metrics = _free_port(), _free_port()
    venue = BenchVenue()
    parsed = settings("acceptor", port, str(directory / "venue"), "BENCH", "GATEWAY,BARE", str(find("FIX44.xml")))
    stores = fix.FileStoreFactory(parsed)
    acceptor = fix.SocketAcceptor(venue, stores, parsed)
    acceptor.start()
    _KEPT.append((acceptor, stores, parsed))
    config = directory / "gateway.toml"
    config.write_text(_CONFIG.format(port=port, metrics=metrics, durability=options.durability))
    environment = {**os.environ, "PYTHONPATH": str(_HERE)}
    stages = directory / "stages"
    command = [str(_HERE / "where.py"), str(stages)] if options.where else ["-m", "gateway"]
    with open(directory / "err", "w") as errors:
        gateway = subprocess.Popen(
            [sys.executable, *command, "run", str(config)],
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env=environment,
        )
        bare = subprocess.Popen(
            [sys.executable, str(_HERE / "bare.py"), str(port), str(directory / "bare")],
            stderr=errors,
            text=True,
            env=environment,
        )
    try:
        _wait_for(venue, "BARE", bare)
        _wait_for(venue, "GATEWAY", gateway)
        assert gateway.stdout is not None
        gateway.stdout.readline()  # ready
        result = _interleave(venue, options) | {"means": _means(metrics)}
        if options.where:
            gateway.terminate()
            gateway.wait(30)
            result["stages"] = json.loads(stages.read_text())
        return result
    finally:
        gateway.kill()
        bare.kill()
        gateway.wait()
        bare.wait()


def _interleave(venue: BenchVenue, options: argparse.Namespace) -> dict[str, dict[str, float]]:
    times: dict[tuple[str, str], list[int]] = {}
    for block in range(options.blocks + 1):
        for target in ("GATEWAY", "BARE"):
            ticks = _ticks(venue, target, options.count, options.pause)
            trips = _round_trips(venue, target, options.count)
            if block:  # the first block of each warms up
                times.setdefault(("tick to order", target), []).extend(ticks)
                times.setdefault(("order round trip", target), []).extend(trips)
        if sys.stderr.isatty():
            print(f"\rblock {block}/{options.blocks}", end="", file=sys.stderr)
    result = {}
    for measure in ("tick to order", "order round trip"):
        ours, reference = _percentiles(times[measure, "GATEWAY"]), _percentiles(times[measure, "BARE"])
        result[measure] = {
            "gateway_p50_us": ours[0],
            "gateway_p99_us": ours[1],
            "bare_p50_us": reference[0],
            "bare_p99_us": reference[1],
            "ratio_p50": ours[0] / reference[0],
            "ratio_p99": ours[1] / reference[1],
        }
    return result


def _print(result: dict[str, dict[str, float]]) -> None:
    print(f"{'':18} {'gateway':>17} {'bare QuickFIX':>17} {'ratio':>13}")
    print(f"{'microseconds':18} {'p50':>8} {'p99':>8} {'p50':>8} {'p99':>8} {'p50':>6} {'p99':>6}")
    for measure in ("tick to order", "order round trip"):
        row = result[measure]
        print(
            f"{measure:18} {row['gateway_p50_us']:8.0f} {row['gateway_p99_us']:8.0f} {row['bare_p50_us']:8.0f} "
            f"{row['bare_p99_us']:8.0f} {row['ratio_p50']:6.2f} {row['ratio_p99']:6.2f}"
        )
    print("\nwhere the gateway's time goes (mean, its own histograms):")
    for label, mean in result["means"].items():
        print(f"  {label:18} {mean:6.0f} us")
    if "stages" in result:
        print("\nan order's way through the gateway (median us from stage to stage):")
        for name, about in STAGES:
            if name in result["stages"]:
                print(f"  {name:12} {result['stages'][name]:6.1f}  {about}")
        print(f"  {'whole':12} {result['stages'].get('whole', 0):6.1f}  from the socket to the socket")


if __name__ == "__main__":
    main()
    sys.stdout.flush()
    os._exit(0)  # the engine's teardown can crash, and there is nothing left to save
