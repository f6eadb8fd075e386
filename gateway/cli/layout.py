"""How wide the columns of a table are: as wide as what is in them, then narrower at spaces, and inside a word only at the last.

Pure arithmetic on lengths; knows no terminal.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

_LEAST, _READ = 4, 8
"""No column is narrower than the first; than the second only one that has to share."""


class Measure(NamedTuple):
    """Of a column, in terminal cells: its longest line, what it is folded to gladly, its longest word."""

    line: int
    fold: int
    word: int
    whole: bool = False
    """It gives way last."""


class Layout(NamedTuple):
    """Widths of the columns, and the blanks between two of them."""

    widths: list[int]
    gap: int


def layout(columns: Sequence[Measure], room: int) -> Layout:
    """Fit columns into `room` cells: whole lines when they fit, else whole words, else the longest words are broken."""
    lines, words = [column.line for column in columns], [column.word for column in columns]
    for least, gap in ((lines, 2), (lines, 1), ([column.fold for column in columns], 1), (words, 1)):
        left = room - gap * (len(columns) - 1)
        if sum(least) <= left:
            return Layout(_widened(least, lines, left), gap)
    return Layout(_narrowed(words, [column.whole for column in columns], room - (len(columns) - 1)), 1)


def _widened(widths: list[int], wanted: list[int], room: int) -> list[int]:
    """What is left of the room goes to the column that lacks most, cell by cell."""
    found = list(widths)
    for _ in range(min(room, sum(wanted)) - sum(found)):
        found[max(range(len(found)), key=lambda at: wanted[at] - found[at])] += 1
    return found


def _narrowed(widths: list[int], whole: list[bool], room: int) -> list[int]:
    """The widest gives way first; what is to stay whole does while another is wide enough to be read."""
    found = list(widths)
    while sum(found) > room:
        widest = max(range(len(found)), key=lambda at: (not whole[at] and found[at] > _READ, found[at]))
        if found[widest] <= _LEAST:
            break
        found[widest] -= 1
    return found
