"""Run a gateway that dies at a named point: `python crash_launcher.py POINT[@COUNT] CONFIG`. The product has no such switch.

A point is `before-` or `after-` and one of the names in COMMITS, SENDS or CALLS; COUNT says which time it is reached, 1 if left
out. `roll:` and a name is a point while a segment of the journal ends; `sleep:` and a quantity stops the process in the moment
before it sends an order of that quantity.
"""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gateway.bootstrap import gateway as bootstrap
from gateway.bootstrap import process
from gateway.core import events
from gateway.core.events import TradingSwitched
from gateway.journal import snapshots
from gateway.journal.postgresql import PostgresqlJournal
from gateway.journal.sqlite import SqliteJournal
from gateway.records import process as records
from gateway.records import sink
from gateway.records.__main__ import main as write_records
from gateway.records.writer import RecordWriter
from gateway.runtime import keeper
from gateway.runtime.keeper import Keeper
from gateway.venue.engine import QuickFixLink
from gateway.venue.send_log import SendLog

COMMITS: dict[str, type[events.Event]] = {
    "commit": events.Event,
    "run-started": events.RunStarted,
    "logged-on": events.SessionLoggedOn,
    "settled": events.SessionSettled,
    "reconciliation": events.ReconciliationStarted,
    "question": events.StatusRequested,
    "status": events.StatusReported,
    "resolved": events.Resolved,
    "reconciled": events.ReconciliationFinished,
    "dispatched": events.Dispatched,
    "transmitted": events.Transmitted,
    "accepted": events.Accepted,
    "filled": events.Filled,
    "session-down": events.SessionDown,
    "run-stopped": events.RunStopped,
}
"""The commit of a batch that holds such an event."""
SENDS = {"send-D": "D", "send-F": "F", "send-G": "G", "send-H": "H"}
"""The sending of a message of this type; the engine's store and the socket lie in between."""
CALLS: dict[str, tuple[Any, str]] = {
    "run-number": (bootstrap, "take"),
    "send-log": (SendLog, "append"),  # inside a send: after it the line is there, and nothing on the wire
    "projection": (RecordWriter, "_commit"),
    "projected-rows": (sink, "write_batch"),  # inside a projection: after it the rows are written and not committed
    "snapshot": (Keeper, "_write"),
    "encoded-snapshot": (snapshots, "encode"),
    "published-snapshot": (snapshots, "write_durably"),
}
IN_RECORDS = ("projection", "projected-rows")
"""Of these, the ones in the process that writes records."""
RECORDS = "--records"
POINTS = tuple(f"{when}-{name}" for name in (*COMMITS, *SENDS, *CALLS) for when in ("before", "after"))


def die() -> None:
    if RECORDS in sys.argv:
        os.kill(os.getppid(), signal.SIGKILL)
    os.kill(os.getpid(), signal.SIGKILL)
    signal.pause()


def crash_records(point: str) -> None:
    """Records are written by a process of its own. At a point in there it takes the gateway with it, as a power cut does."""

    def launch(_: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, __file__, point, RECORDS]
        pipe = subprocess.PIPE
        return subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, bufsize=0, start_new_session=True)

    records.launch = launch


def install(point: str, count: int) -> None:
    """Die when the point is reached for the count-th time."""
    when, _, name = point.partition("-")
    if name in COMMITS:
        kind = COMMITS[name]
        for journal in (SqliteJournal, PostgresqlJournal):
            _wrap(journal, "append", when, count, lambda _, batch, *__: any(isinstance(one.event, kind) for one in batch))
    elif name in SENDS:
        _wrap(QuickFixLink, "send", when, count, lambda _, outgoing, *__: outgoing.msg_type == SENDS[name])
    else:
        _wrap(*CALLS[name], when, count, lambda *_: True)


def sleep_before_send(quantity: str) -> None:
    """Stop, as with SIGSTOP, when an order of this quantity is about to be sent; and send it when somebody lets us go on."""
    send = QuickFixLink.send
    awake = threading.Event()
    signal.signal(signal.SIGCONT, lambda *_: awake.set())

    def sleepy(self: QuickFixLink, outgoing: Any, guard: Any = None) -> int:
        if (38, quantity) in outgoing.fields:
            os.kill(os.getpid(), signal.SIGSTOP)
            awake.wait()  # the kernel stops the other threads first, and this one could send before its turn comes
        return send(self, outgoing, guard)

    QuickFixLink.send = sleepy


def _wrap(owner: Any, name: str, when: str, count: int, here: Callable[..., bool]) -> None:
    original = getattr(owner, name)
    reached = itertools.count(1)

    def crashing(*arguments: Any, **options: Any) -> Any:
        last = here(*arguments) and next(reached) == count
        if last and when == "before":
            die()
        result = original(*arguments, **options)
        if last:
            die()
        return result

    setattr(owner, name, crashing)


def roll_on_switch(point: str) -> None:
    """Let a trading switch end the segment, as the day roll does, and die on the way at `point`."""
    keeper.ROLLS.add(TradingSwitched)
    owner, name, after = {
        "before-roll": (Keeper, "_roll", False),
        "segment-prepared": (SqliteJournal, "_publish", False),
        "segment-published": (SqliteJournal, "_publish", True),
        "segment-made": (PostgresqlJournal, "_make_segment", True),
        "rolled": (Keeper, "_roll", True),
        "snapshot-waits": (Keeper, "_write", False),
        "snapshot-written": (Keeper, "_write", True),
        "never": (Keeper, "__init__", None),
    }[point]
    if after is None:
        return
    original = getattr(owner, name)

    def crashing(*arguments, **options):
        if not after:
            die()
        original(*arguments, **options)
        die()

    if name == "_make_segment":  # also makes the first one
        prepared = PostgresqlJournal._prepare

        def prepare(self, connection):
            prepared(self, connection)
            PostgresqlJournal._make_segment = staticmethod(crashing)

        PostgresqlJournal._prepare = prepare
    else:
        setattr(owner, name, crashing)


if __name__ == "__main__":
    point, _, count = sys.argv[1].partition("@")
    if RECORDS in sys.argv:
        install(point, int(count or 1))
        write_records()
    elif point.partition("-")[2] in IN_RECORDS:
        crash_records(sys.argv[1])
    elif point.startswith("roll:"):
        roll_on_switch(point.removeprefix("roll:"))
    elif point.startswith("sleep:"):
        sleep_before_send(point.removeprefix("sleep:"))
    else:
        install(point, int(count or 1))
    sys.exit(process.run(Path(sys.argv[2])))
