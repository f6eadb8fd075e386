"""What the online invariants cost: `python tests/bench/invariants.py [--orders 200]`. Prints microseconds an event.

The core is driven by hand, with the look and without it in turns, in rounds short enough that some are not interrupted; the
difference of the quickest rounds is the cost.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from time import perf_counter

from gateway.core import core
from gateway.core.reactions.defects import uphold
from gateway.core.values import Side
from gateway.testing.harness import Harness

ROUNDS = 40


def orders(count: int) -> int:
    """Accepted, filled in two parts; how many events that were."""
    harness = Harness().open()
    for number in range(count):
        order_id = harness.request_order(Side.BUY if number % 2 else Side.SELL, "10000", "156")
        harness.accept(order_id)
        harness.fill(order_id, "4000")
        harness.fill(order_id, "6000")
        harness.records.clear()
        harness.steps.clear()
    return harness.state.seq


def books(count: int) -> int:
    """Book snapshots; how many."""
    harness = Harness().open()
    for _ in range(count):
        harness.book("155.9", "156.1")
        harness.records.clear()
        harness.steps.clear()
    return harness.state.seq


def quickest(run: Callable[[int], int], count: int) -> tuple[float, float]:
    """Microseconds an event, with the look and without."""
    found: dict[bool, float] = {True: float("inf"), False: float("inf")}
    for _ in range(ROUNDS):
        for looking in (True, False):
            core.uphold = uphold if looking else lambda _turn: None
            began = perf_counter()
            events = run(count)
            found[looking] = min(found[looking], (perf_counter() - began) / events * 1e6)
    core.uphold = uphold
    return found[True], found[False]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--orders", type=int, default=200)
    count = parser.parse_args().orders
    for name, run in (("orders", orders), ("books", books)):
        looking, without = quickest(run, count)
        sys.stdout.write(f"{name:8} {looking:6.2f} us an event, {without:6.2f} without: {looking - without:5.2f} us\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
