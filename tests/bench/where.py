"""The gateway with a stamp at every stage of an order's way, for `scripts/bench --where`: what lies between two of them, in µs.

python where.py FILE run CONFIG: as `gateway run CONFIG`; when it ends, the stages are written to FILE as JSON.

Stamps are put around the gateway's own methods from outside; nothing of this is in the product. Each costs about 0.3 us.
"""

from __future__ import annotations

import json
import statistics
import sys
from collections.abc import Callable
from functools import wraps
from itertools import pairwise
from pathlib import Path
from time import perf_counter_ns
from typing import Any

from gateway.bootstrap.gateway import Gateway
from gateway.cli.main import main
from gateway.core.core import Core
from gateway.core.events import Dispatched
from gateway.runtime.intake import Intake
from gateway.runtime.journaling import Committer
from gateway.runtime.runtime import Runtime
from gateway.venue.engine import QuickFixLink, _Application
from gateway.venue.engine_log import _Log
from gateway.venue.outbound import Outbound

STAGES = (
    ("read", "from the socket: the engine shows its log the text"),
    ("callback", "the engine has parsed and checked it"),
    ("offered", "in the intake"),
    ("taken", "the runtime thread has it"),
    ("translated", "an event"),
    ("stepped", "decided"),
    ("committed", "in the journal, with the digest of the state where it is taken"),
    ("encoded", "a message"),
    ("numbered", "the engine has built it"),
    ("guarded", "gate, fence and send log passed"),
    ("outgoing", "serialised, on to the socket"),
    ("sent", "the engine has returned"),
    ("turned", "the turn is over"),
)
_at: dict[str, int] = {}
_rows: list[dict[str, int]] = []
_FRESH = 5_000_000
"""Nanoseconds; what lies farther back belongs to another message."""


def _stamp(owner: Any, name: str, before: str = "", after: str = "") -> None:
    plain: Callable[..., Any] = getattr(owner, name)

    @wraps(plain)
    def stamped(*values: Any, **named: Any) -> Any:
        if before:
            _at[before] = perf_counter_ns()
        result = plain(*values, **named)
        if after:
            _at[after] = perf_counter_ns()
        return result

    setattr(owner, name, stamped)


def _turns() -> None:
    send, turn = Outbound.send, Runtime._tell

    def sent(self: Outbound, event: Any) -> Any:
        result = send(self, event)
        if isinstance(event, Dispatched):
            _at["sent"] = _at["order"] = perf_counter_ns()
        return result

    def told(self: Runtime, batch: Any) -> None:
        turn(self, batch)
        now = perf_counter_ns()
        if now - _at.pop("order", 0) < _FRESH:
            _rows.append({**_at, "turned": now})

    Outbound.send, Runtime._tell = sent, told  # type: ignore[method-assign]  # the bench's own stopwatch


def stages() -> dict[str, float]:
    """Median microseconds from each stage to the next, of the turns that sent an order; warm-up left out."""
    names = [name for name, _ in STAGES]
    rows = [row for row in _rows[len(_rows) // 10 :] if all(name in row for name in names)]
    times = {
        after: statistics.median(row[after] - row[before] for row in rows) / 1000 for before, after in pairwise(names) if rows
    }
    return {**times, "whole": statistics.median(row["outgoing"] - row["read"] for row in rows) / 1000} if rows else {}


if __name__ == "__main__":
    _stamp(_Log, "onIncoming", before="read")
    _stamp(_Application, "fromApp", before="callback")
    _stamp(Intake, "offer", after="offered")
    _stamp(Runtime, "_take_all", before="taken")
    _stamp(Runtime, "_translated", after="translated")
    _stamp(Core, "step", after="stepped")
    _stamp(Committer, "commit", after="committed")
    _stamp(QuickFixLink, "send", before="encoded")
    _stamp(_Application, "toApp", before="numbered", after="guarded")
    _stamp(_Log, "onOutgoing", after="outgoing")
    _turns()
    file = Path(sys.argv.pop(1))
    stop = Gateway.stop

    def stopped(self: Gateway) -> bool:  # the process ends without unwinding
        file.write_text(json.dumps(stages()))
        return stop(self)

    Gateway.stop = stopped  # type: ignore[method-assign]  # as above
    main()
