"""What came last, for streams that have no end: memory stays the same however long they are."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Recent(Generic[K, V]):
    """Remembers what was put in last: at least `fewest` entries, at most twice as many. Values are not None."""

    def __init__(self, fewest: int) -> None:
        self._fewest = fewest
        self._young: dict[K, V] = {}
        self._old: dict[K, V] = {}

    def get(self, key: K) -> V | None:
        """The latest value of a key; None when there was none, or too long ago."""
        found = self._young.get(key)
        return self._old.get(key) if found is None else found

    def put(self, key: K, value: V) -> None:
        self._young[key] = value
        if len(self._young) >= self._fewest:
            # Not one by one: a dict whose first entries were removed walks over the holes to find the first that is left.
            self._old, self._young = self._young, {}
