"""Keeps passwords and terminal escapes out of everything people read.

FIX text reaches logs in many dresses: raw, through repr(), as JSON, with '|' for SOH. What cannot be told apart is
redacted: losing the rest of a line is better than showing a password. Nothing here decides what is logged.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

MASK = "***"

_SECRETS = ("554=", "925=", "1402=", "1404=", "96=")
"""Password, NewPassword, EncryptedPassword, EncryptedNewPassword (FIX 5.0 SP2), RawData (FIX 4.4 vol. 1, Logon)."""

# How SOH looks in text, the unmistakable first: with a real SOH in the text, a '|' is part of a value.
_SEPARATORS = ("\x01", r"\x01", r"\u0001", "<SOH>", "^A", "|")
# A digit before the tag makes it another tag, unless the digit ends a written-out SOH.
_TAG = r"(?:(?<![0-9])|(?<=\\x01)|(?<=\\u0001))"
_LOGON = re.compile(_TAG + r"35=A(?![0-9A-Za-z])")


def _pattern(separator: str, tags: str) -> re.Pattern[str]:
    # The value ends before the next field, not at the next separator: data fields and passwords may contain one.
    mark = re.escape(separator)
    return re.compile(rf"{_TAG}({tags})=.*?(?={mark}\s*[0-9]+=|(?:{mark})?\s*\Z)", re.DOTALL)


_ANYWHERE = {separator: _pattern(separator, "554|925|1402|1404") for separator in _SEPARATORS}
_IN_LOGON = {separator: _pattern(separator, "554|925|1402|1404|96") for separator in _SEPARATORS}

_SECRET_KEYS = frozenset({"password", "new_password", "passphrase", "secret", "token"})
_DEEPEST = 6

# C0 and C1 controls, and the marks that reorder or hide text on a terminal.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
_CONTROL_IN_LINES = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")


def redact(text: str) -> str:
    """`text` with the values of password fields, and of RawData(96) in a Logon, replaced by `***`."""
    # Nearly every message has none of them: five searches are cheaper than one substitution.
    if not any(tag in text for tag in _SECRETS):
        return text
    separator = next((mark for mark in _SEPARATORS if mark in text), _SEPARATORS[-1])
    patterns = _IN_LOGON if _LOGON.search(text) else _ANYWHERE
    return patterns[separator].sub(rf"\1={MASK}", text)


def printable(text: str, *, keep_lines: bool = False) -> str:
    """`text` that a terminal shows and does not obey: SOH as '|', other controls written out."""
    pattern = _CONTROL_IN_LINES if keep_lines else _CONTROL
    return pattern.sub(_shown, text)


def _shown(match: re.Match[str]) -> str:
    character = match[0]
    return "|" if character == "\x01" else character.encode("unicode_escape").decode("ascii")


def redact_value(value: Any, depth: int = 0) -> Any:
    """`value` as something a log can hold: containers copied, texts redacted, anything unknown as redacted text."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, bytes):
        return redact(value.decode("latin-1"))
    if isinstance(value, Decimal):
        return str(value)
    if depth < _DEEPEST:
        if isinstance(value, Mapping):
            return {
                str(key): MASK if str(key).lower() in _SECRET_KEYS else redact_value(entry, depth + 1)
                for key, entry in value.items()
            }
        if isinstance(value, list | tuple | set | frozenset):
            return [redact_value(entry, depth + 1) for entry in value]
    return redact(str(value))
