"""How fast `gateway log` reads: a log of a million messages through the real commands, beside simplefix and `grep -c`.

    python tests/bench/logs.py [--messages N] [--log FILE]        (scripts/bench-logs)

Each command is a process of its own, start-up included; what counts is processor time on one core, because a busy machine makes
everything slower by the clock on the wall alike. simplefix reads the first messages only: it takes minutes for all.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import simplefix

SYMBOLS = (b"USD/JPY", b"EUR/USD", b"GBP/USD", b"AUD/USD")
EXPRESSION = "35=8 and 150=F and 55~^USD and 38>1000000"
SIMPLEFIX_MESSAGES = 2000
REPLAYED_MESSAGES = 90_000
WANTED_RATE = 100.0
WANTED_MEMORY = 200


def message(kind: bytes, number: int, sender: bytes, target: bytes, at: bytes, body: bytes) -> bytes:
    inner = b"35=%s\x0134=%d\x0149=%s\x0152=%s\x0156=%s\x01" % (kind, number, sender, at, target) + body
    start = b"8=FIX.4.4\x019=%d\x01" % len(inner) + inner
    return start + b"10=%03d\x01" % (sum(start) & 255)


def write_log(path: Path, messages: int) -> None:
    """Orders, acknowledgements and fills of one session in the gateway's own layout, both directions, a thousand a second."""
    with path.open("wb") as file:
        for number in range(messages):
            step, order = number % 3, number // 3
            seconds, thousandth = divmod(number, 1000)
            at = b"20240102-%02d:%02d:%02d.%03d" % (seconds // 3600 % 24, seconds // 60 % 60, seconds % 60, thousandth)
            symbol, quantity, price = SYMBOLS[order % 4], 1000 * (1 + order % 1500), b"110.%03d" % (order % 1000)
            terms = b"11=1-%d\x0155=%s\x0154=%d\x0138=%d\x0140=2\x0144=%s\x01" % (order, symbol, 1 + order % 2, quantity, price)
            if step == 0:
                line = b"out " + message(b"D", order + 1, b"DESK", b"SIM", at, b"21=1\x0160=%s\x0159=0\x01" % at + terms)
            else:
                state, done = (b"0", 0) if step == 1 else (b"F", quantity)
                report = b"37=V%d\x0117=E%d\x01150=%s\x0139=%s\x01151=%d\x0114=%d\x016=%s\x0132=%d\x0131=%s\x0160=%s\x01"
                report %= (order, number, state, b"02"[step - 1 : step], quantity - done, done, price, done, price, at)
                line = b"in " + message(b"8", 2 * order + step, b"SIM", b"DESK", at, terms + report)
            file.write(b"%s000 %s\n" % (at, line))


def run(arguments: Sequence[str]) -> tuple[float, float, int, str]:
    """Processor seconds, seconds on the wall, peak memory in MB, and standard output of a command."""
    with tempfile.TemporaryFile() as file:
        began = time.monotonic()
        process = subprocess.Popen(arguments, stdout=file)
        _, status, usage = os.wait4(process.pid, 0)
        took = time.monotonic() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode not in (0, 3):
            raise SystemExit(f"{' '.join(arguments)}: exit code {process.returncode}")
        file.seek(0)
        return usage.ru_utime + usage.ru_stime, took, usage.ru_maxrss // 1024, file.read().decode()


def replayed(path: Path, messages: int) -> tuple[float, float, int]:
    """Processor seconds, seconds on the wall and peak memory in MB of `gateway replay` over the first messages."""
    with tempfile.TemporaryDirectory() as directory:
        shorter = Path(directory) / "messages.log"
        with path.open("rb") as file, shorter.open("wb") as out:
            out.writelines(line for line, _ in zip(file, range(min(messages, REPLAYED_MESSAGES)), strict=False))
        return run([sys.executable, "-m", "gateway", "replay", str(shorter)])[:3]


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
    parser.add_argument("--log", type=Path, help="keep the generated log here, and use it if it is there")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        path = given.log or Path(directory) / "messages.log"
        if not path.exists():
            write_log(path, given.messages)
        return measure(path, given.messages)


def measure(path: Path, messages: int) -> int:
    size = path.stat().st_size / 1e6
    print(f"{path.stat().st_size} bytes, {messages} messages; processor time of one core, start-up included")
    gateway = [sys.executable, "-m", "gateway", "log"]
    commands = {
        "grep -c 35=8": ["grep", "-c", "35=8", str(path)],
        "stats": [*gateway, "stats", str(path)],
        "grep": [*gateway, "grep", "--count", EXPRESSION, str(path)],
        "sessions": [*gateway, "sessions", str(path)],
        "orders": [*gateway, "orders", "--symbol", "none", str(path)],
        "latency": [*gateway, "latency", str(path)],
    }
    slow = size * 1e6 / by_simplefix(path)
    reference, failed = 0.0, False
    for name, arguments in commands.items():
        used, took, memory, _ = min(run(arguments) for _ in range(2))
        reference = reference or used
        rate = size / used
        wanted = name in ("stats", "grep") and messages >= 1_000_000
        bad = (wanted and rate < WANTED_RATE) or (name != "grep -c 35=8" and memory > WANTED_MEMORY)
        failed |= bad
        print(
            f"{name:<13} {rate:7.1f} MB/s {messages / used:10.0f} messages/s  {took:6.1f} s on the wall  {memory:4d} MB  "
            f"{slow / used:6.1f} x simplefix  {used / reference:6.1f} x the time of grep -c{'  MISSED' if bad else ''}"
        )
    used, took, memory = replayed(path, messages)
    count = min(messages, REPLAYED_MESSAGES)
    rate = f"{count / used:26.0f} messages/s"
    print(f"replay        {rate}  {took:6.1f} s on the wall  {memory:4d} MB  (first {count} messages)")
    print(f"simplefix     {size / slow:7.1f} MB/s (first {SIMPLEFIX_MESSAGES} messages)")
    return failed


if __name__ == "__main__":
    sys.exit(main())
