"""Run a gateway that dies at a named point: `python crash_launcher.py POINT CONFIG`. The product has no such switch."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from gateway.bootstrap import process
from gateway.core.events import Dispatched, TradingSwitched, Transmitted
from gateway.journal.postgresql import PostgresqlJournal
from gateway.journal.sqlite import SqliteJournal
from gateway.runtime import keeper
from gateway.runtime.keeper import Keeper
from gateway.venue.engine import QuickFixLink


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)
    signal.pause()


def wrap(point: str) -> None:
    send, append = QuickFixLink.send, SqliteJournal.append

    def crashing_send(self, outgoing, guard=None):
        if outgoing.msg_type not in "DF" or not point.endswith(f"send-{outgoing.msg_type}"):
            return send(self, outgoing, guard)
        if point.startswith("before"):
            die()
        number = send(self, outgoing, guard)
        die()
        return number

    def crashing_append(self, batch, watermarks, digest):
        kinds = {type(one.event) for one in batch}
        if point == "before-dispatched" and Dispatched in kinds:
            die()
        if point == "before-transmitted" and Transmitted in kinds:
            die()
        append(self, batch, watermarks, digest)
        if point == "after-transmitted" and Transmitted in kinds:
            die()

    QuickFixLink.send, SqliteJournal.append = crashing_send, crashing_append


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
    point = sys.argv[1]
    if point.startswith("roll:"):
        roll_on_switch(point.removeprefix("roll:"))
    else:
        wrap(point)
    sys.exit(process.run(Path(sys.argv[2])))
