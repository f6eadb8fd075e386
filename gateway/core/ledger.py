"""What changed each position, in order: the last entries as they are, those before them packed in blocks.

A position is counted anew from its entries when one of them is amended; nothing else reads them. Blocks are in snapshots as
they are: a start does not read them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain
from typing import Any

import msgspec

from gateway.core.ended import FillKey
from gateway.core.indexes import Index
from gateway.core.orders import PositionKey

EntryKey = FillKey | tuple[str, str, str, str, int]
"""What changed a position: an execution, or an adjustment by its position in the stream."""
BLOCK = 256
"""Entries of a block."""
_encode = msgspec.msgpack.Encoder().encode
_decode: Callable[[bytes], list[Any]] = msgspec.msgpack.Decoder(list[tuple[Any, ...]]).decode


class Ledger(Index):
    """Reads and writes two containers of the state: the last entries of each position, and its blocks."""

    def __init__(self, last: dict[PositionKey, list[EntryKey]], blocks: dict[PositionKey, list[bytes]]) -> None:
        self._last = last
        self._blocks = blocks

    def add(self, key: PositionKey, entry: EntryKey) -> None:
        """The newest."""
        last = self._last.setdefault(key, [])
        last.append(entry)
        if len(last) >= 2 * BLOCK:
            self._blocks.setdefault(key, []).append(_encode(last[:BLOCK]))
            del last[:BLOCK]

    def after(self, key: PositionKey, counted: int) -> Iterator[EntryKey]:
        """Entries behind the first `counted`, the oldest first."""
        blocks = self._blocks.get(key, [])
        whole, skipped = divmod(counted, BLOCK)
        if whole < len(blocks):
            following = (_decode(block) for block in blocks[whole + 1 :])
            return chain(_decode(blocks[whole])[skipped:], chain.from_iterable(following), self._last[key])
        return iter(self._last.get(key, [])[counted - len(blocks) * BLOCK :])

    def place(self, key: PositionKey, entry: EntryKey) -> int:
        """How many entries are before this one. Raises ValueError when it is none of them."""
        blocks, last = self._blocks.get(key, []), self._last.get(key, [])
        if entry in last:
            return len(blocks) * BLOCK + last.index(entry)
        for number in range(len(blocks) - 1, -1, -1):
            found = _decode(blocks[number])
            if entry in found:
                return number * BLOCK + found.index(entry)
        raise ValueError(f"{entry} is no entry of position {key}")
