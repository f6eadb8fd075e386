"""How a log writes messages: what stands for SOH, where a message begins, whether its length and checksum are right.

The begin of a message is BeginString(8) followed by something that is no text and then by another tag: that something is the
separator. Nothing else about a layout has to be known to find messages.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final
from zlib import adler32

SOH: Final = b"\x01"
BEGIN: Final = b"8=FIX"
TRAILER: Final = b"\x0110="
CHECKSUMS: Final = tuple(b"%03d" % number for number in range(256))

_WRITTEN_OUT = (
    rb"\\{1,4}x01",
    rb"\\{1,4}u0001",
    rb"\\001",
    rb"\\1",
    rb"#001",
    rb"<SOH>",
    rb"\[SOH\]",
    rb"\{SOH\}",
    rb"<01>",
    rb"\^A",
    rb"%01",
    rb"&#0?1;",
    rb"&#x0?1;",
)
_SEPARATOR = rb"(" + rb"|".join(_WRITTEN_OUT) + rb"|\xe2\x90\x81|\r?\n[ \t]{1,16}|[^0-9A-Za-z=]{1,4}?)"
BEGINNING: Final = re.compile(rb"8=(FIXT?\.[0-9]\.[0-9](?:SP[0-9])?)" + _SEPARATOR + rb"(?=[0-9]{1,5}=)")
"""Groups: the version, the separator."""

_NAMES = {
    SOH: "SOH", b"|": "|", b"^A": "^A", b";": ";", b"<SOH>": "<SOH>", b"\n": "a line for each field",
    b"\r\n": "a line for each field (CRLF)", b"\t": "tab", b" ": "blank", b"\xe2\x90\x81": "␁",
}  # fmt: skip


def separator_name(separator: bytes) -> str:
    """For people: `SOH`, `|`, `^A`, or the bytes as they are."""
    return _NAMES.get(separator) or separator.decode("latin-1")


def separator_of(sample: bytes) -> bytes | None:
    """What the first message that begins in `sample` has between its fields; None when none begins there."""
    found = BEGINNING.search(sample)
    return None if found is None else found[2]


def checksum(message: bytes) -> int:
    """CheckSum(10) of everything before its tag, the last SOH left out of `message` and counted here: 0..255."""
    if len(message) <= 256:
        return adler32(message) & 255  # its low half is 1 + the sum of the bytes, and SOH is 1
    step = 510 if message.isascii() else 256  # up to so many bytes the sum stays below the modulus of adler32
    total = 1
    for at in range(0, len(message), step):
        total += adler32(message[at : at + step], 0) & 0xFFFF
    return total & 255


class Marks:
    """Where the parts of a message are, given what separates fields in it."""

    def __init__(self, separator: bytes) -> None:
        mark = re.escape(separator)
        over = rb"\r?\n" + mark + rb"(?=\s|\Z)|(?=[\s\x01\"'<>)\]},]|\Z)"
        self.separator = separator
        self.lines = b"\n" in separator
        self.length = re.compile(rb"9=([0-9]{1,7})" + mark)
        self.trailer = re.compile(rb"10=([0-9]{3})(?:" + mark + rb"|" + over + rb")")
        self.any_trailer = re.compile(rb"(?<=" + mark + rb")10=([0-9]{1,4})(?:" + mark + rb"|" + over + rb")")
        self.data_length = re.compile(
            mark
            + rb"(?:9[035]|212|34[8]|35[02468]|36[024]|445|618|621|1184|1397|140[13])=([0-9]{1,6})"
            + mark
            + rb"[0-9]{2,4}="
        )
        self.boundary = re.compile(mark + rb"(?=[0-9]+=|\Z)")
        self.field_follows = re.compile(mark + rb"[0-9]+=")


@lru_cache(maxsize=64)
def marks(separator: bytes) -> Marks:
    """The marks of a separator, compiled once."""
    return Marks(separator)
