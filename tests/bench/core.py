"""The core alone, with ever more open orders: events a second, and whether anything grows with them.

    ./scripts/bench core [--orders 1000 10000 100000] [--json]

One thread, no journal, no socket. Each line is one kind of event at every number of open orders: microseconds at the fewest,
and the ratio to it at the others. A ratio near 1 means that an event costs the same however many orders are open. What must
grow with them is measured for each order: a snapshot, a digest of everything. The absolute figures are this machine's.
"""

from __future__ import annotations

import argparse
import gc
import json
import sys
from collections.abc import Callable
from statistics import median
from time import perf_counter_ns
from typing import Any

from crowd import Crowd, measured

from gateway.core.execution_control import next_deadline
from gateway.core.snapshot import frames, full_digest, image, restore
from gateway.core.state import State


def microseconds(call: Callable[[], object]) -> float:
    began = perf_counter_ns()
    call()
    return (perf_counter_ns() - began) / 1000


def run(orders: int, repeat: int) -> dict[str, Any]:
    """Case -> microseconds, each the median of `repeat` events."""
    gc.collect()
    began = perf_counter_ns()
    crowd = Crowd(orders)
    filling = (perf_counter_ns() - began) / 1000
    gc.freeze()
    state = crowd.harness.state
    found = {"making the crowd, an event": filling / (3 * orders)}
    for name, calls in crowd.cases().items():
        costs = []
        for call in measured(calls(), repeat):
            costs.append(microseconds(call))
            crowd.forget()
        found[name] = median(costs)
        if name == "fill":
            found["digest after an event"] = digests(crowd, repeat)
            found["next deadline"] = median(microseconds(lambda: next_deadline(state)) for _ in range(repeat))
            found |= snapshots(state, orders)
    return found


def digests(crowd: Crowd, repeat: int) -> float:
    costs = []
    for call in measured(crowd.cases()["fill"](), repeat):
        crowd.harness.state.digest()
        call()
        costs.append(microseconds(crowd.harness.state.digest))
        crowd.forget()
    return median(costs)


def snapshots(state: State, orders: int) -> dict[str, float]:
    """An order's share of taking the image (the runtime's thread), of encoding it, and of reading it back."""
    kept: list[Any] = []
    taken = microseconds(lambda: kept.append(image(state)))
    encoded: list[bytes] = []
    written = microseconds(lambda: encoded.extend(frames(kept[0])))
    restored: list[State] = []
    read = microseconds(lambda: restored.append(restore(iter(encoded))))
    whole = microseconds(lambda: full_digest(encoded))
    if full_digest(encoded) != state.digest():
        raise SystemExit("the state restored from a snapshot is another one")
    return {
        "snapshot: image, an order": taken / orders,
        "snapshot: encoded, an order": written / orders,
        "snapshot: restored, an order": read / orders,
        "snapshot: read and hashed, an order": whole / orders,
    }


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="scripts/bench core", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--orders", type=int, nargs="+", default=[1_000, 10_000, 100_000], help="open orders, fewest first")
    parser.add_argument("--repeat", type=int, default=300, help="events of each kind (default: 300)")
    parser.add_argument("--json", action="store_true", help="microseconds as one JSON document")
    arguments = parser.parse_args()
    if min(arguments.orders) < arguments.repeat:
        parser.error(f"give at least as many --orders as --repeat ({arguments.repeat})")
    found = {orders: run(orders, arguments.repeat) for orders in arguments.orders}
    if arguments.json:
        print(json.dumps(found))
        return 0
    least, *more = arguments.orders
    print(f"{'microseconds':48} {least:>10,}" + "".join(f" {f'x at {n:,}':>12}" for n in more))
    for name, cost in found[least].items():
        print(f"{name:48} {cost:10.1f}" + "".join(f" {found[n][name] / cost:12.2f}" for n in more))
    last = found[arguments.orders[-1]]
    executions = [last[name] for name in ("accepted", "fill", "bust", "correction")]
    print(f"\nwith {arguments.orders[-1]:,} open orders: {1e6 / last['book snapshot']:,.0f} market events/s, ", end="")
    print(f"{1e6 * len(executions) / sum(executions):,.0f} execution events/s, {1e6 / last['new order']:,.0f} new orders/s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
