"""Mutated logs through the whole reader: nothing raises, nothing hangs, and blocks of any size hold the same messages.

    python tests/unit/fixlogs/fuzz.py [--inputs 100000] [--seed 1]     (scripts/fuzz-logs)

A failing input is shown with its number and seed. The suite runs a short version of the same.
"""

from __future__ import annotations

import argparse
import random
import resource
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import NoReturn

from fixlog_layouts import layouts

from gateway.fixlogs.framing import Framer, Record
from gateway.fixlogs.latency import Latencies
from gateway.fixlogs.names import names, version_of
from gateway.fixlogs.orders import Orders
from gateway.fixlogs.reader import Log, LogMessage, parse
from gateway.fixlogs.sessions import Sessions
from gateway.fixlogs.sniff import Layout
from gateway.fixlogs.sources import Source
from gateway.fixlogs.statistics import Statistics

SECONDS_EACH = 10
MOST_MB = 200
"""Of the process that reads them all, one after the other."""
SEEDS = tuple(layouts().values())
TOKENS = (
    b"8=FIX.4.4\x01", b"8=FIX.4.4\x019=", b"8=FIXT.1.1|9=5|", b"8=FIX", b"\x0110=000\x01", b"10=", b"9=99999999\x01",
    b"9=0\x01", b"\x0195=999999\x0196=", b"\x0195=3\x0196=a\x01b\x01", b"\x01354=5\x01355=", b"\n", b"\r\n", b"\x01", b"|",
    b"^A", b"^", b";", b"\\u0001", b"<SOH>", b"=", b"\x00", b"\xff\xfe", b"\x1f\x8b", b"35=8\x01", b"\x0134=-1\x01",
    b"\x0111=\x01", b"\x0152=x\x01", b"\x0132=1E999999\x01", b"\x0114=NaN\x01", b"268=99\x01", b"99991399-99:99:99.999 ",
    b"2024-13-45T99:00:00+99:99 ", b"7" * 40,
)  # fmt: skip


def mutated(source: random.Random) -> bytes:
    """A log with a few things wrong with it."""
    data = bytearray(source.choice(SEEDS))
    for _ in range(source.randint(1, 8)):
        if not data:
            break
        at, size = source.randrange(len(data)), min(source.randint(1, 60), len(data))
        match source.randrange(7):
            case 0:
                data[at] = source.randrange(256)
            case 1:
                del data[at : at + size]
            case 2:
                data[at:at] = data[at : at + size]
            case 3:
                data[at:at] = source.choice(TOKENS)
            case 4:
                del data[at:]
            case 5:
                other = source.choice(SEEDS)
                start = source.randrange(len(other))
                data[at:at] = other[start : start + source.randint(1, 400)]
            case 6:
                data[at : at + size] = source.choice(TOKENS)
    return bytes(data)


def blocks(data: bytes, source: random.Random) -> Iterator[bytes]:
    at = 0
    while at < len(data):
        size = source.choice((1, 5, 50, 500, 5000))
        yield data[at : at + size]
        at += size


def framed(parts: Iterator[bytes]) -> list[Record]:
    return [record for batch in Framer().frames(parts) for record in batch]


def check(data: bytes, source: random.Random) -> int:
    """Everything that is done with a log, done with `data`; how many messages it holds."""
    whole = framed(iter([data]))
    parts = framed(blocks(data, source))
    assert [(message, odd) for _, message, odd in whole] == [(message, odd) for _, message, odd in parts]
    assert sum(len(message) - 1 for _, message, _ in whole) <= len(data)
    log = Log(Source("fuzz"))
    statistics, layout = Statistics(), Layout(log)
    followers = (Sessions(), Orders(lambda order: order.row() and None, held=3, history=True), Latencies())
    if whole:
        statistics.add(log, whole)
        layout.add(whole)
    for number, (gap, body, odd) in enumerate(whole):
        assert body.startswith(b"8=FIX")
        assert body.endswith(b"\x01")
        message = LogMessage(log, number, gap, body, odd, log.headers.read(body))
        fields = parse(body)
        names(version_of(fields)).items(fields)
        for follower in followers:
            follower.add(message)
    followers[1].finish()
    for follower in (statistics, layout, followers[0], followers[2]):
        follower.result()
    return len(whole)


def overdue(number: int, frame: FrameType | None) -> NoReturn:
    raise TimeoutError(f"one input took more than {SECONDS_EACH} s")


def fuzz(inputs: int, seed: int) -> int:
    """The messages found in so many inputs. Raises what `check` raises, input in notes, `TimeoutError` for one that hangs."""
    messages = 0
    before = signal.signal(signal.SIGALRM, overdue)
    try:
        for number in range(inputs):
            source = random.Random(f"{seed}-{number}")
            data = mutated(source)
            signal.setitimer(signal.ITIMER_REAL, SECONDS_EACH)
            try:
                messages += check(data, source)
            except BaseException as error:
                error.add_note(f"input {number} of seed {seed}: {data!r}")
                raise
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)
    finally:
        signal.signal(signal.SIGALRM, before)
    return messages


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inputs", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    began = time.monotonic()
    messages = fuzz(given.inputs, given.seed)
    took = time.monotonic() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    sys.stdout.write(f"{given.inputs} inputs, {messages} messages, no failure; {took:.0f} s, peak memory {peak} MB\n")
    if peak > MOST_MB:
        sys.stdout.write(f"more than {MOST_MB} MB: memory is not bounded\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
    sys.exit(main())
