"""Orders of fields in which messages without a fault have come, each as one pattern with the rules of its fields in it.

A venue writes a handful of shapes, and the same rules are put to every message of a shape. One that a pattern matches is known
to be without a fault, and the same look finds its values; one that none matches is looked at field by field, as the first of
its shape was. A pattern takes less than the rules allow, never more.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Final

from gateway.fix.message import FixMessage

_EACH: Final = 12
_ALL: Final = 512
_MOST_VALUES: Final = 300
_DAY = (
    r"(?:19[7-9][0-9]|20[0-9]{2}|21[0-9]{2})"
    r"(?:(?:0[1-9]|1[0-2])(?:0[1-9]|1[0-9]|2[0-8])|(?:0[13-9]|1[0-2])(?:29|30)|(?:0[13578]|1[02])31)"
)
_CLOCK = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]{1,9})?"
_NUMBER = r"-?[0-9]{1,14}+(?:\.[0-9]{0,14}+)?"
_WHOLE = r"-?[0-9]{1,18}+"
_TEXT = r"[^\x01]++"
PATTERNS: Final = {
    **dict.fromkeys(("FLOAT", "PRICE", "PRICEOFFSET", "QTY", "AMT", "PERCENTAGE"), _NUMBER),
    **dict.fromkeys(("INT", "SEQNUM", "LENGTH", "NUMINGROUP", "TAGNUM"), _WHOLE),
    **dict.fromkeys(("UTCDATEONLY", "UTCDATE", "LOCALMKTDATE", "DATE"), _DAY),
    "UTCTIMESTAMP": f"{_DAY}-{_CLOCK}",
    "UTCTIMEONLY": _CLOCK,
    "BOOLEAN": "[YN]",
    "CHAR": r"[^\x01]",
}
"""Type of a field -> what the check of that type surely takes. Other types take any text that is not empty."""


def pattern_of(kind: str, values: Iterable[str] | None) -> str | None:
    """What a field of this type, or with only these values, may say; None when there are too many values to list."""
    if values is None:
        return PATTERNS.get(kind, _TEXT)
    listed = sorted(values, key=lambda value: (-len(value), value))
    return f"(?:{'|'.join(map(re.escape, listed))})" if len(listed) <= _MOST_VALUES else None


_Shape = tuple[Callable[[str], re.Match[str] | None], dict[int, str]]
"""What matches a whole message, a group for each value; and the tags of the values, in order."""


class Shapes:
    """The shapes met so far; a bounded number of them."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, int], list[_Shape]] = {}
        self._count = 0

    def read(self, raw: str, by: object) -> FixMessage | None:
        """The message, if it has a known shape and with it no fault, which it says is known to `by`."""
        start = raw.find("\x0135=") + 4
        known = self._known.get((raw[start : raw.find("\x01", start)], raw.count("\x01")))
        if known is not None:
            of_shape = FixMessage.of_shape
            for match, tags in known:
                found = match(raw)
                if found is not None:
                    return of_shape(raw, tags, found.groups(), by)
        return None

    def learn(self, msg_type: str, fields: Iterable[tuple[int, str | None]]) -> None:
        """The shape of a message that had no fault: its tags in order, each with the pattern of what it may say.

        Tags must be different from each other, and none may begin a group or a data field. A field without a pattern keeps
        the shape from being known.
        """
        found = list(fields)
        known = self._known.setdefault((msg_type, len(found)), [])
        if self._count >= _ALL or len(known) >= _EACH or any(pattern is None for _, pattern in found):
            return
        whole = re.compile("".join(f"{tag}=({pattern})\x01" for tag, pattern in found))
        known.append((whole.fullmatch, dict.fromkeys((tag for tag, _ in found), "")))
        self._count += 1
