"""The one table of what the public contract names and this version does not do.

Accepting such a key would make somebody believe in a protection that is not there, so each is an error with its line.
Putting a feature in force means removing its row here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from gateway.config.findings import Finding, Table
from gateway.toml_lines import KeyPath

ANY = "*"
"""Stands for any one key or index in a pattern."""


def _filled(value: Any) -> bool:
    return bool(value)


@dataclass(frozen=True, slots=True)
class Unsupported:
    pattern: tuple[str, ...]
    applies: Callable[[Any], bool]
    feature: str
    remedy: str


TABLE: tuple[Unsupported, ...] = (
    Unsupported(
        ("venues", ANY, "tls_server_name"),
        _filled,
        "checking the name in the venue's certificate (the engine cannot)",
        "remove it, and give in tls_ca_file an authority that vouches for this venue alone",
    ),
)


def unsupported(document: Table) -> Iterator[Finding]:
    """A finding for each key of the document that asks for what this version does not do."""
    for row in TABLE:
        for path, value in _select(document, row.pattern, ()):
            if row.applies(value):
                yield Finding(path, f"{row.feature} is not supported in this version", row.remedy)


def _select(value: Any, pattern: tuple[str, ...], path: KeyPath) -> Iterator[tuple[KeyPath, Any]]:
    if not pattern:
        yield path, value
        return
    first, rest = pattern[0], pattern[1:]
    if isinstance(value, dict):
        for key in value if first == ANY else [first]:
            if key in value:
                yield from _select(value[key], rest, (*path, key))
    elif isinstance(value, list) and first == ANY:
        for index, entry in enumerate(value):
            yield from _select(entry, rest, (*path, index))
