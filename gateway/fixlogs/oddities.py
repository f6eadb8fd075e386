"""What can be odd about a message in a log, as bits: it may have several. Counted and shown, never repaired in silence."""

from __future__ import annotations

from collections import Counter
from typing import Final

CHECKSUM: Final = 1
LENGTH: Final = 2
TRUNCATED: Final = 4
WRAPPED: Final = 8
SEPARATOR: Final = 16
OVERSIZED: Final = 32

WORDS: Final[dict[int, str]] = {
    CHECKSUM: "wrong CheckSum(10)",
    LENGTH: "wrong or missing BodyLength(9)",
    TRUNCATED: "cut off: no CheckSum(10)",
    WRAPPED: "written over several lines",
    SEPARATOR: "another separator than the rest of the log",
    OVERSIZED: "longer than any message may be, cut",
}


def words(odd: int) -> list[str]:
    """What the bits of `odd` mean, for people."""
    return [text for bit, text in WORDS.items() if odd & bit]


def counted(found: Counter[int]) -> dict[str, int]:
    """Oddity in words -> how many messages have it; from how often each combination of bits occurred."""
    total: Counter[str] = Counter()
    for odd, count in found.items():
        for text in words(odd):
            total[text] += count
    return dict(total.most_common())
