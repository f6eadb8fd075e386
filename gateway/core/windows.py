"""Counting within a sliding span of stream time, exactly: at most N in any span, not N per calendar second.

A window is a run of numbered moments in the state. Adding one drops those the span has left behind, so a window holds as
many as the span saw; asking whether N happened looks at one of them.
"""

from __future__ import annotations

import msgspec

from gateway.core.digest import Table


class Window(msgspec.Struct, frozen=True):
    """Moments `tail` (the oldest kept) to `head - 1` exist."""

    tail: int = 0
    head: int = 0


class Windows:
    """Two tables of the state seen as windows. Keys are free text: what is counted, and where."""

    def __init__(self, windows: Table[str, Window], moments: Table[tuple[str, int], int]) -> None:
        self._windows = windows
        self._moments = moments

    def add(self, key: str, at_ns: int, span_ns: int) -> None:
        """One more at `at_ns`; what lies `span_ns` or more before it is forgotten."""
        window = self._windows.get(key, Window())
        tail = window.tail
        while tail < window.head and self._moments[key, tail] <= at_ns - span_ns:
            del self._moments[key, tail]
            tail += 1
        self._moments[key, window.head] = at_ns
        self._windows[key] = Window(tail, window.head + 1)

    def reached(self, key: str, count: int, at_ns: int, span_ns: int) -> bool:
        """Whether `count` or more happened within the `span_ns` before `at_ns`."""
        window = self._windows.get(key, Window())
        if count <= 0:
            return True
        return window.head - window.tail >= count and self._moments[key, window.head - count] > at_ns - span_ns

    def clear(self, prefix: str) -> None:
        """Forget every window whose key begins with `prefix`."""
        for key in [key for key in self._windows if key.startswith(prefix)]:
            window = self._windows[key]
            for number in range(window.tail, window.head):
                del self._moments[key, number]
            del self._windows[key]
