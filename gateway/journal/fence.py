"""How long this process may believe that the journal is its own: what is asked before each send.

Every commit, and a small update in between (`renewal`), is made only while the lease's epoch is the writer's own. Its answer
counts for `HOLD_SECONDS` from the moment it was asked for. Whoever takes the lease raises the epoch first and then sends
nothing for `WAIT_SECONDS`, which is longer: so a writer that was paused, or cut off from the server, has stopped sending
before its successor begins, however late it wakes up and without hearing of him. The clock goes on while the machine is
suspended, and is set by nobody.
"""

from __future__ import annotations

import time

from gateway.errors import JournalLost

HOLD_SECONDS = 1.0
WAIT_SECONDS = 1.2


def now() -> float:
    """Seconds since the machine booted, suspended or not."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class Fence:
    """Any thread."""

    def __init__(self) -> None:
        self._until = 0.0
        self._closed = False
        self.lost: JournalLost | None = None

    def confirmed(self, asked_at: float) -> None:
        """The lease was ours at some moment after `asked_at`. Of two at once the older may count: that is the careful side."""
        self._until = max(self._until, asked_at + HOLD_SECONDS)

    def lose(self, error: JournalLost) -> None:
        """It is somebody else's: nothing confirms it any more."""
        self.lost = self.lost or error

    def close(self) -> None:
        """It was given back."""
        self._closed = True

    def refusal(self) -> str | None:
        """Why nothing may be sent; None while the lease is certainly ours."""
        if self.lost is not None:
            return "the journal was taken by another gateway"
        if self._closed:
            return "the journal is closed"
        late = now() - self._until
        return None if late < 0 else f"the lease on the journal has not been confirmed for {late + HOLD_SECONDS:.1f} s"
