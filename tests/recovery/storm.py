"""Resend storms: what a gateway that starts is sent again, and what it is asked for, in bounded memory.

    ./scripts/soak --storm [--messages 100000] [--less 20000]

The venue sends everything again to a gateway that was away, and asks a gateway for everything it ever sent; first with `--less`
messages, then with `--messages`. Every execution must be in v_fills exactly once. What the journal holds of it as states (the
gateway's, and the record writer's) is measured by folding it in processes of their own. The peak of the larger storm may be
that, and half as much again as the peak of the smaller one: what lies in queues is bounded, only what is known grows. Exit code
1 when it is more. Takes some minutes.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "wire/venue"))

from counterparty import Counterparty
from gateway_process import GatewayProcess, wait_for


class Venue(Counterparty):
    """Writes its resends as text: encoding field by field would take longer than the storm."""

    def storm(self, request: dict[int, str], count: int) -> None:
        """Fills of one each, that happen while nobody is there."""
        order = f"37=O-{request[11]}\x0111={request[11]}\x0155={request[55]}\x0154={request[54]}\x0138={request[38]}\x01"
        total = int(request[38])
        now = time.strftime("%Y%m%d-%H:%M:%S", time.gmtime())
        with self._writing:
            first = self.next_out
            for cum in range(1, count + 1):
                self._bodies[first + cum - 1] = (
                    f"{order}17=S{cum}\x01150=F\x0139=1\x0132=1\x0131=110\x01"
                    f"14={cum}\x01151={total - cum}\x016=110\x0160={now}\x01"
                )
            self.next_out = first + count

    def __init__(self) -> None:
        self._bodies: dict[int, str] = {}
        super().__init__()

    def _resend(self, begin: int, asked_by: int, end: int = 0) -> None:
        with self._writing:
            last = min(self.next_out, end + 1) if end else self.next_out
            now = time.strftime("%Y%m%d-%H:%M:%S", time.gmtime())
            parts, gap = [], None
            for number in range(begin, last):
                body = self._bodies.get(number)
                if body is None:
                    gap = number if gap is None else gap
                    continue
                if gap is not None:
                    parts.append(self.encode("4", gap, [(123, "Y"), (36, number)], poss_dup=True))
                    gap = None
                head = f"35=8\x0149=SIM\x0156=DESK\x0134={number}\x0143=Y\x0152={now}\x01122={now}\x01"
                text = f"8=FIX.4.4\x019={len(head) + len(body)}\x01{head}{body}".encode()
                parts.append(text + f"10={sum(text) % 256:03d}\x01".encode())
                if len(parts) == 1000:
                    self._write(b"".join(parts))
                    parts = []
            if gap is not None:
                parts.append(self.encode("4", gap, [(123, "Y"), (36, last)], poss_dup=True))
            self._write(b"".join(parts))


def memory_mb(gateway: GatewayProcess) -> float:
    """Resident at most: the gateway, and the process that writes its records."""
    assert gateway.process is not None
    writer = wait_for(lambda: gateway.status().get("records", {}).get("pid"), "the record writer's process")
    return sum(_peak_mb(pid) for pid in (gateway.process.pid, writer))


def _peak_mb(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) / 1024


def sent_again(
    gateway: GatewayProcess,
    venue: Venue,
    count: int,
    patience: float = 60,
    meanwhile: Callable[[], object] = lambda: None,
) -> dict[str, float]:
    """The venue sends `count` fills again to a gateway that starts. Seconds, peak memory and how often it logged on; raises
    when one is lost, doubled or inferred."""
    order_id = gateway.order(quantity=str(2 * count))["order_id"]
    request = venue.wait("D")
    venue.report(request, "0", "0")
    gateway.wait_state(order_id, "Accepted")
    before, logons = memory_mb(gateway), len(venue.of_type("A"))
    gateway.kill()
    venue.storm(request, count)
    started = time.monotonic()
    gateway.start()
    meanwhile()
    gateway.ready(patience)
    seconds = time.monotonic() - started
    wanted = [{"n": count, "ids": count, "sum": count, "kinds": 1}]
    sql = "SELECT count(*) AS n, count(DISTINCT exec_id) AS ids, sum(last_qty) AS sum, count(DISTINCT status) AS kinds "
    sql += "FROM v_fills"
    wait_for(lambda: gateway.rows(sql) == wanted, f"{count} fills; {gateway.rows(sql)}", patience)
    return {"seconds": seconds, "before": before, "peak": memory_mb(gateway), "logons": len(venue.of_type("A")) - logons}


def asked_for(gateway: GatewayProcess, venue: Venue, count: int) -> dict[str, float]:
    """The venue asks for `count` messages of ours, at once and then message by message: gap fills, and no order again."""
    gateway.post("/sessions/SIM/set-seq", reason="a long day", next_sender=count + venue.expected)
    venue.expected = count + venue.expected
    gateway.wait_open()
    before, orders = memory_mb(gateway), len(venue.of_type("D"))
    started = time.monotonic()
    venue.send("2", (7, 1), (16, 0))
    wait_for(lambda: any(int(m[34]) == 1 for m in venue.of_type("4")), "a gap fill")
    seconds = time.monotonic() - started
    for begin in range(1, 301):
        venue.send("2", (7, begin), (16, begin))
    wait_for(lambda: any(int(m[34]) == 300 for m in venue.of_type("4")), "gap fills")
    gateway.wait_open()
    assert len(venue.of_type("D")) == orders
    return {"seconds": seconds, "before": before, "peak": memory_mb(gateway)}


OWN = """
import gc, sys
from pathlib import Path
from gateway.core.apply import apply
from gateway.core.state import State
from gateway.journal.stores import JournalAt

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 1048576

reader, state = JournalAt(sys.argv[1]).reader(), State(with_digest=sys.argv[2] == "digest")
before = resident()
while found := reader.read(state.seq, 500):
    for stored in found:
        apply(state, stored.recorded)
    if sys.argv[2] == "digest":
        state.digest()
del found, stored
gc.collect()
print(resident() - before)
"""


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def own_mb(gateway: GatewayProcess) -> float:
    """What the states of gateway and record writer take, resident, as processes that hold nothing else tell."""
    command = [sys.executable, "-c", OWN, f"sqlite:///{gateway.state / 'journal.db'}"]
    return sum(float(subprocess.run([*command, which], check=True, capture_output=True).stdout) for which in ("digest", "none"))


def storm(count: int) -> tuple[float, float]:
    """Peak and the states' own size, MB, of one gateway that is sent and asked for `count` messages."""
    venue = Venue()
    gateway = GatewayProcess(Path(tempfile.mkdtemp(prefix="storm-")), venue.port)
    try:
        gateway.start().ready()
        again = sent_again(gateway, venue, count, 3_000)
        for what, figures in (
            (f"the venue sends {count} fills again", again),
            (f"the venue asks for {count} messages", asked_for(gateway, venue, count)),
        ):
            said = ", ".join(f"{name} {figure:.1f}" for name, figure in figures.items())
            say(f"{what}: {said} (seconds, MB resident at most)")
        own = own_mb(gateway)
        say(f"    states of {count} fills in gateway and record writer: {own:.1f} MB")
        return again["peak"], own
    finally:
        gateway.close()
        venue.close()
        shutil.rmtree(gateway.home, ignore_errors=True)


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="scripts/soak --storm", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--messages", type=int, default=100_000)
    parser.add_argument("--less", type=int, default=20_000, help="of the storm to compare with (default: 20000)")
    arguments = parser.parse_args()
    base, _ = storm(arguments.less)
    peak, own = storm(arguments.messages)
    bound = 1.5 * base + own
    say(f"peak {peak:.0f} MB, of which states {own:.0f} MB; at most {bound:.0f} MB are allowed")
    return 0 if peak <= bound else 1


if __name__ == "__main__":
    sys.exit(main())
