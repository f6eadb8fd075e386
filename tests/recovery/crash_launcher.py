"""Run a gateway that dies at a named point: `python crash_launcher.py POINT CONFIG`. The product has no such switch."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from gateway import bootstrap
from gateway.core.events import Dispatched, Transmitted
from gateway.journal.sqlite import SqliteJournal
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


if __name__ == "__main__":
    wrap(sys.argv[1])
    sys.exit(bootstrap.run(Path(sys.argv[2])))
