"""The one clock. Wall time for people, and stream time, which never falls: time is data everywhere else.

Stream time is anchored to the wall clock once and then follows the monotonic clock, so a wall clock that jumps (backwards,
or to another day) moves no deadline and reorders nothing.
"""

from __future__ import annotations

import time


def wall_ns() -> int:
    """UTC nanoseconds by the system's clock; may jump."""
    return time.time_ns()


class StreamClock:
    """Monotonic-anchored UTC nanoseconds, never below `floor_ns` (the last journalled stream time). One thread at a time."""

    def __init__(self, floor_ns: int) -> None:
        self._last = floor_ns
        self._offset = max(time.time_ns(), floor_ns) - time.monotonic_ns()

    def now_ns(self) -> int:
        """Never falls, within a run and from one run to the next."""
        self._last = max(self._last, time.monotonic_ns() + self._offset)
        return self._last
