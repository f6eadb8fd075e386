"""Sliding spans of stream time, at their edges."""

from __future__ import annotations

from gateway.core.digest import Digest, Table
from gateway.core.windows import Window, Windows

SPAN = 10


def windows() -> tuple[Windows, Table[tuple[str, int], int]]:
    digest = Digest()
    moments: Table[tuple[str, int], int] = Table("moment", digest)
    bounds: Table[str, Window] = Table("window", digest)
    return Windows(bounds, moments), moments


def test_what_lies_the_whole_span_back_is_over() -> None:
    found, moments = windows()
    found.add("k", 0, SPAN)
    assert found.reached("k", 1, SPAN - 1, SPAN) is True
    assert found.reached("k", 1, SPAN, SPAN) is False
    found.add("k", SPAN, SPAN)
    assert list(moments.values()) == [SPAN], "and forgotten"
    found.add("k", 2 * SPAN - 1, SPAN)
    assert list(moments.values()) == [SPAN, 2 * SPAN - 1]
    assert found.reached("k", 2, 2 * SPAN - 1, SPAN) is True


def test_none_is_always_reached_and_one_never_without_any() -> None:
    found, _ = windows()
    assert found.reached("k", 0, 5, SPAN) is True
    assert found.reached("k", -1, 5, SPAN) is True
    assert found.reached("k", 1, 5, SPAN) is False
