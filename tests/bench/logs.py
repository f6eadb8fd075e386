"""How fast `gateway log` and `gateway replay` read: a million messages of the demo, beside simplefix and `grep -c`.

    python tests/bench/logs.py [--messages N] [--simulated N] [--log FILE]        (scripts/bench-logs)

The log is that of the demo's venue, strategy and core, see `demo_day`: simulated without waiting for so many messages, and the
same again on later days with other ids until there are enough.

Each command is a process of its own, start-up included; what counts is processor time on one core, because a busy machine makes
everything slower by the clock on the wall alike. `replay` is two processes: it is judged by the clock on the wall, on a machine
with two cores that does nothing else, and the processor time of both stands beside it. simplefix reads the first messages only:
it takes minutes for all.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import simplefix

EXPRESSION = "35=8 and 150=F and 55~^USD and 38>1000000"
SIMPLEFIX_MESSAGES = 2000
WANTED = {"stats": 100.0, "grep": 100.0}
"""MB a second."""
WANTED_REPLAY = 50_000
"""Messages a second."""
WANTED_MEMORY = 200
"""MB."""
WHOLE = 1_000_000
LOOK_SECONDS = 0.02


def run(arguments: Sequence[str]) -> tuple[float, float, int, str]:
    """Processor seconds, seconds on the wall, peak memory in MB, and standard output of a command and what it starts, the sum
    of the peaks of its processes, as far as they were seen."""
    with tempfile.TemporaryFile() as file:
        began = time.monotonic()
        process = subprocess.Popen(arguments, stdout=file)
        started: dict[int, int] = {}
        pid = 0
        while not pid:
            time.sleep(LOOK_SECONDS)
            started.update(started_by(process.pid))
            pid, status, usage = os.wait4(process.pid, os.WNOHANG)
        took = time.monotonic() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode not in (0, 3):
            raise SystemExit(f"{' '.join(arguments)}: exit code {process.returncode}")
        file.seek(0)
        memory = (usage.ru_maxrss + sum(started.values())) // 1024
        return usage.ru_utime + usage.ru_stime, took, memory, file.read().decode()


def started_by(pid: int) -> dict[int, int]:
    """Processes that a process has started -> peak memory of each in kB; none where there is no /proc."""
    found: dict[int, int] = {}
    try:
        for child in map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()):
            for line in Path(f"/proc/{child}/status").read_text().splitlines():
                if line.startswith("VmHWM:"):
                    found[child] = int(line.split()[1])
    except OSError:  # it has ended
        return found
    return found


def by_simplefix(path: Path) -> float:
    """Bytes a second of processor time that simplefix alone parses, fed a message at a time, which is when it is fastest."""
    with path.open("rb") as file:
        lines = [line.split(b" ", 2)[2].rstrip(b"\n") for line, _ in zip(file, range(SIMPLEFIX_MESSAGES), strict=False)]
    parser, began = simplefix.FixParser(), time.process_time()
    for line in lines:
        parser.append_buffer(line)
        assert parser.get_message() is not None
    return sum(map(len, lines)) / (time.process_time() - began)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=1_000_000)
    parser.add_argument("--simulated", type=int, default=100_000, help="so many of them simulated, the others the same again")
    parser.add_argument("--log", type=Path, help="keep the generated log here, and use it if it is there")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        path = given.log or Path(directory) / "messages.log"
        if not path.exists():
            day = [sys.executable, str(Path(__file__).with_name("demo_day.py"))]
            subprocess.run([*day, str(path), str(given.messages), str(given.simulated)], check=True)
        return measure(path)


def measure(path: Path) -> int:
    """Every command in turn; 1 if one misses what is wanted of it."""
    size = path.stat().st_size / 1e6
    gateway = [sys.executable, "-m", "gateway"]
    counted = json.loads(run([*gateway, "log", "stats", "--json", str(path)])[3])
    messages = counted["messages"]
    mix = ", ".join(f"{100 * one['messages'] / messages:.1f} % {one['msg_type']}" for one in counted["types"][:6])
    print(f"{size:.1f} MB, {messages} messages: {mix}; processor time of one core, start-up included")
    commands = {
        "grep -c 35=8": ["grep", "-c", "35=8", str(path)],
        "stats": [*gateway, "log", "stats", str(path)],
        "grep": [*gateway, "log", "grep", "--count", EXPRESSION, str(path)],
        "sessions": [*gateway, "log", "sessions", str(path)],
        "orders": [*gateway, "log", "orders", "--symbol", "none", str(path)],
        "latency": [*gateway, "log", "latency", str(path)],
        "replay": [*gateway, "replay", str(path)],
    }
    slow = size * 1e6 / by_simplefix(path)
    print(f"simplefix     {size / slow:7.1f} MB/s {messages / slow:10.0f} messages/s  (first {SIMPLEFIX_MESSAGES} messages)")
    reference, failed = 0.0, False
    for name, arguments in commands.items():
        used, took, memory, _ = min(run(arguments) for _ in range(1 if name == "replay" else 2))
        reference = reference or used
        missed = size / used < WANTED.get(name, 0.0) or (name == "replay" and messages / took < WANTED_REPLAY)
        missed = messages >= WHOLE and (missed or (arguments[0] != "grep" and memory > WANTED_MEMORY))
        failed |= missed
        ratios = f"{slow / used:6.1f} x simplefix  {used / reference:6.1f} x the time of grep -c"
        rates = f"{size / used:7.1f} MB/s {messages / used:10.0f} messages/s  {took:6.1f} s on the wall  {memory:4d} MB"
        print(f"{name:<13} {rates}  {ratios}{'  MISSED' if missed else ''}")
        if name == "replay":
            print(f"{'':<13} {messages / took:.0f} messages/s on the wall, two processes with {used:.1f} s of processor time")
    return failed


if __name__ == "__main__":
    sys.exit(main())
