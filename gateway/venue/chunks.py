"""A resend in chunks, for venues that refuse or cut off long ones: the engine's ResendRequest(2) always asks for everything.

The engine asks for BeginSeqNo(7) to infinity. Its request is given an EndSeqNo(16) on the way out, and when the last message of
that chunk has come the next one is asked for, up to the message that showed the gap: what came after that waits in the engine.
Runs on the engine's thread.
"""

from __future__ import annotations

import re

_NUMBER = re.compile("\x0134=([0-9]{1,18})\x01")


class Chunks:
    """Of one connection. `size` None asks for everything, as the engine does."""

    def __init__(self, size: int | None) -> None:
        self._size = size
        self._end = 0
        """Last message of the chunk that was asked for; 0 while no resend is under way."""
        self._last = 0
        """Last message that is missing."""

    def first(self, begin: int, trigger: str) -> int | None:
        """EndSeqNo(16) of the engine's request from `begin`; None for all. `trigger`: the message that came too early."""
        found = _NUMBER.search(trigger)
        if self._size is None or found is None or int(found[1]) <= begin:
            return None
        self._last = int(found[1]) - 1
        self._end = min(begin + self._size - 1, self._last)
        return self._end

    @property
    def open(self) -> bool:
        return self._end > 0

    def taken(self, number: int) -> tuple[int, int] | None:
        """Messages up to `number` have come: BeginSeqNo(7) and EndSeqNo(16) of the next request, if one is due."""
        if self._size is None or not self._end or number < self._end:
            return None
        if number >= self._last:
            self.closed()
            return None
        self._end = min(number + self._size, self._last)
        return number + 1, self._end

    def closed(self) -> None:
        """The connection is new, or nothing is missing any more."""
        self._end = self._last = 0
