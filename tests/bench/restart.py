"""How long a start takes until it could log on: `python tests/bench/restart.py [--events 200000] [--books 4] [--url URL]`.

A journal with that many events is written, then recovered twice: by folding all of it, and from a snapshot near its end.
Prints seconds and their ratio, and the imports of the process beside them: both together are the time until a gateway
could log on. `--books`: book updates per order, of which each gives six events more.
"""

from __future__ import annotations

import argparse
import gc
import os
import subprocess
import sys
import tempfile
from contextlib import closing
from time import perf_counter

from gateway.core.core import Core
from gateway.core.values import Side
from gateway.journal.stores import JournalAt
from gateway.runtime.keeper import Keeper
from gateway.testing.harness import Harness

TAIL = 5_000


def write(place: JournalAt, events: int, books: int) -> None:
    """Orders accepted and filled in two parts among book updates; a snapshot `TAIL` events before the end."""
    harness = Harness().open()
    number, kept = 0, False
    with closing(place.open()) as journal:
        keeper = Keeper(journal, place.snapshots(), events)
        while harness.state.seq < events:
            number += 1
            order_id = harness.request_order(Side.BUY if number % 2 else Side.SELL, "10000", "156")
            harness.accept(order_id)
            harness.fill(order_id, "4000")
            harness.fill(order_id, "6000")
            for _ in range(books):
                harness.book(bid=f"155.{number % 900 + 99}", ask="156.1")
            journal.append(harness.records, {}, harness.state.digest())
            harness.records.clear()
            harness.steps.clear()
            if not kept and harness.state.seq >= events - TAIL:
                kept = True
                keeper.write(harness.state)
        sys.stdout.write(f"{harness.state.seq} events, {len(harness.state.execution.orders)} orders\n")


def recover(place: JournalAt) -> tuple[float, str]:
    """(seconds, digest)"""
    gc.collect()
    began = perf_counter()
    with closing(place.open()) as journal:
        core = Keeper(journal, place.snapshots(), 1).recover(Core({}))
        seconds = perf_counter() - began
        return seconds, core.state.digest()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=200_000)
    parser.add_argument("--books", type=int, default=4)
    parser.add_argument("--url", help="an empty PostgreSQL database; without it a file")
    arguments = parser.parse_args()
    place = JournalAt(arguments.url or f"sqlite:///{tempfile.mkdtemp(prefix='restart-')}/journal.db")
    write(place, arguments.events, arguments.books)
    snapshot, with_snapshot = recover(place)
    for seq in place.snapshots().positions():
        place.snapshots().drop(seq)
    fold, without = recover(place)
    if with_snapshot != without:
        sys.stdout.write("DIFFERENT STATES\n")
        return 1
    sys.stdout.write(f"fold {fold:.2f} s, snapshot and tail {snapshot:.2f} s, ratio {fold / snapshot:.1f}\n")
    compiled = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    subprocess.run([sys.executable, "-c", "import gateway.bootstrap.process"], check=True, env=compiled)  # as an installed one
    began = perf_counter()
    subprocess.run([sys.executable, "-c", "import gateway.bootstrap.process"], check=True, env=compiled)
    imports = perf_counter() - began
    sys.stdout.write(f"imports {imports:.2f} s; ready for logon after {imports + snapshot:.2f} s\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
