"""A gateway whose stop has short bounds: `python short_stop.py [hang] CONFIG`; with `hang` its journal never closes."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

from gateway.bootstrap import gateway, process
from gateway.journal.sqlite import SqliteJournal

gateway.CANCEL_SECONDS = gateway.LOGOUT_SECONDS = gateway.DRAIN_SECONDS = 0.5
process.STOP_SECONDS = 3600.0
if sys.argv[1] == "hang":
    process.STOP_SECONDS = 1.0
    SqliteJournal.close = lambda _self: threading.Event().wait()
sys.exit(process.run(Path(sys.argv[-1])))
