"""How far the clocks of two accounts are apart, from the orders that both have: what they are compared by is one clock's time.

The machine that wrote a log, the venue that dates its executions and the gateway each have a clock of their own. Offsets are
medians over orders, and taken for a clock's only where most orders agree: a log that begins in the middle of a day meets old
orders at times of its own.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from gateway.core.values import NANOS
from gateway.replay.ledger import Ledger, OrderLine

LEAST_NS = NANOS
"""Clocks that are closer than this are taken for the same."""
_MOST_NS = 900 * NANOS
"""Farther apart are not two clocks but two days."""


def apart(pairs: Iterable[tuple[OrderLine, OrderLine]]) -> int:
    """What to add to the other side's times to get the log's, nanoseconds: from when either first heard of each order."""
    return _agreed([ours.created_ns - theirs.created_ns for ours, theirs in pairs])


def of_executions(ledger: Ledger) -> int:
    """What to add to the times of a ledger's executions to get those of its orders, nanoseconds: from orders that were filled,
    whose last execution is the last that was heard of them."""
    latest: dict[str, int] = defaultdict(int)
    for fill in ledger.fills:
        if fill.at_ns is not None:
            latest[fill.order] = max(latest[fill.order], fill.at_ns)
    orders = ((ledger.orders.get(key), at) for key, at in latest.items())
    return _agreed([order.updated_ns - at for order, at in orders if order is not None and order.state == "Filled"])


def _agreed(offsets: Sequence[int]) -> int:
    """The median, when at least half of them are about that; else none."""
    if not offsets:
        return 0
    median = sorted(offsets)[len(offsets) // 2]
    near = sum(abs(one - median) <= LEAST_NS for one in offsets)
    return median if LEAST_NS < abs(median) <= _MOST_NS and 2 * near >= len(offsets) else 0
