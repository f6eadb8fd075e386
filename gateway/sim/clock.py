"""The venue's own clock, apart from the gateway's, so that the two processes share no code that could agree on a mistake."""

from __future__ import annotations

import time


def utc_ns() -> int:
    """UTC nanoseconds since the epoch."""
    return time.time_ns()  # noqa: TID251 - the simulator shares no clock with the gateway either
