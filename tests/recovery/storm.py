"""Resend storms: `python tests/recovery/storm.py --messages 100000`. Prints times and memory.

The venue sends everything again to a gateway that was away, and asks a gateway for everything it ever sent.
"""

from __future__ import annotations

import argparse
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
    """Resident, of the process."""
    assert gateway.process is not None
    status = Path(f"/proc/{gateway.process.pid}/status").read_text()
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


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=100_000)
    count = parser.parse_args().messages
    venue = Venue()
    gateway = GatewayProcess(Path(tempfile.mkdtemp(prefix="storm-")), venue.port)
    try:
        gateway.start().ready()
        for what, figures in (
            (f"the venue sends {count} fills again", sent_again(gateway, venue, count, 600)),
            (f"the venue asks for {count} messages", asked_for(gateway, venue, count)),
        ):
            said = ", ".join(f"{name} {figure:.1f}" for name, figure in figures.items())
            sys.stdout.write(f"{what}: {said} (seconds, MB resident at most)\n")
    finally:
        gateway.close()
        venue.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
