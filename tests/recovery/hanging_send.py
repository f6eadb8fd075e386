"""A gateway that hangs inside a send, as when a disk does not answer: `python hanging_send.py VENUE FILE CONFIG`.

The line in the send log of that venue is written when the file is gone, inside the engine's send.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

from gateway.bootstrap import process
from gateway.venue.send_log import SendLog

VENUE, HOLD = sys.argv[1], Path(sys.argv[2])
_append = SendLog.append


def hanging(self: SendLog, *sent: Any) -> None:
    while self._path.parent.name == VENUE and HOLD.exists():
        time.sleep(0.01)  # what the disk does
    _append(self, *sent)


SendLog.append = hanging  # type: ignore[method-assign]
sys.exit(process.run(Path(sys.argv[3])))
