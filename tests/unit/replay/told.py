"""FIX logs written field by field, and what they come to."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from gateway.fix.timestamps import format_utc
from gateway.fixlogs.reader import logs, merged
from gateway.fixlogs.sources import sources
from gateway.replay.engine import Replay

START_NS = 1_704_189_600_000_000_000
"""2024-01-02 10:00:00 UTC."""
NANOS = 1_000_000_000


class Told:
    """One session's messages in order; each call adds one, a second after the last. `DESK` sends orders to `SIM`."""

    def __init__(self, version: str = "FIX.4.4", ours: str = "DESK", theirs: str = "SIM") -> None:
        self.version, self.ours, self.theirs = version, ours, theirs
        self.lines: list[bytes] = []
        self.numbers = {ours: 0, theirs: 0}
        self.now_ns = START_NS

    def say(self, sender: str, msg_type: str, **fields: object) -> Told:
        """A message; tags as `t55="USD/JPY"`."""
        self.now_ns += NANOS
        self.numbers[sender] += 1
        target = self.theirs if sender == self.ours else self.ours
        at = format_utc(self.now_ns, 3)
        head = f"35={msg_type}\x0134={self.numbers[sender]}\x0149={sender}\x0152={at}\x0156={target}\x01"
        body = head + "".join(f"{tag[1:]}={value}\x01" for tag, value in fields.items())
        start = f"8={self.version}\x019={len(body.encode())}\x01{body}".encode()
        self.lines.append(start + b"10=%03d\x01" % (sum(start) & 255))
        return self

    def new(self, name: str, qty: int = 1000, price: str = "110.25", **fields: object) -> Told:
        at = format_utc(self.now_ns, 3)
        return self.say(self.ours, "D", t11=name, t55="USD/JPY", t54=1, t38=qty, t40=2, t44=price, t59=0, t60=at, **fields)

    def cancel(self, name: str, of: str) -> Told:
        return self.say(self.ours, "F", t11=name, t41=of, t55="USD/JPY", t54=1, t60=format_utc(self.now_ns, 3))

    def replace(self, name: str, of: str, qty: int, price: str = "110.25") -> Told:
        return self.say(
            self.ours, "G", t11=name, t41=of, t55="USD/JPY", t54=1, t38=qty, t40=2, t44=price, t60=format_utc(self.now_ns, 3)
        )

    def report(self, name: str, exec_id: str, kind: str, status: str, done: int = 0, qty: int = 1000, **fields: object) -> Told:
        """ExecutionReport(8): ExecType, OrdStatus, CumQty, OrderQty."""
        said: dict[str, object] = {
            "t37": f"V{name.rstrip('0123456789')}", "t11": name, "t17": exec_id, "t150": kind, "t39": status, "t55": "USD/JPY",
            "t54": 1, "t38": qty, "t44": "110.25", "t14": done, "t151": 0 if status in "248C" else qty - done, "t6": "110.25",
            "t60": format_utc(self.now_ns, 3), **fields,
        }  # fmt: skip
        return self.say(self.theirs, "8", **said)

    def fill(
        self, name: str, exec_id: str, last: int, done: int, qty: int = 1000, price: str = "110.25", **fields: object
    ) -> Told:
        kind = "F" if self.version >= "FIX.4.3" else ("2" if done == qty else "1")
        return self.report(name, exec_id, kind, "2" if done == qty else "1", done, qty, t32=last, t31=price, **fields)

    def write(self, path: Path, *, without: Iterable[int] = ()) -> Path:
        path.write_bytes(b"\n".join(line for at, line in enumerate(self.lines) if at not in without) + b"\n")
        return path

    def replayed(self, path: Path, *, without: Iterable[int] = (), side: str | None = None) -> Replay:
        return replayed(self.write(path, without=without), side=side)


def replayed(*paths: Path, side: str | None = None) -> Replay:
    replay = Replay(side=side, several=len(paths) > 1, compared=True)
    for message in merged(logs(sources([str(path) for path in paths]))):
        replay.add(message)
    replay.finish()
    return replay


def scripted() -> Told:
    """A day: an order filled in two parts (execution E3 is line 3), one replaced and cancelled, one rejected."""
    told = Told().new("A1").report("A1", "E1", "0", "0").fill("A1", "E2", 400, 400).fill("A1", "E3", 600, 1000, price="110.2")
    told.new("B1", 500).report("B1", "E4", "0", "0", qty=500).replace("B2", "B1", 700)
    told.report("B2", "E5", "5", "0", qty=700, t41="B1").cancel("B3", "B2").report("B3", "E6", "4", "4", qty=700, t41="B2")
    told.now_ns += 10 * NANOS
    return told.new("C1").report("C1", "E7", "8", "8", t103=0, t58="no")
