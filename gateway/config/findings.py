"""What the checks hand to the loader: a problem at a key path, not yet tied to a file and a line.

The checks run on the parsed TOML, before and beside validation, so that a mistake in one venue does not hide another
elsewhere. The helpers here therefore pass over anything of the wrong shape: reporting that is the model's business.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from gateway.toml_lines import KeyPath

Table = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Finding:
    path: KeyPath
    what: str
    remedy: str


def tables(document: Table, key: str) -> Iterator[tuple[int, Table]]:
    """The tables of the array `key`, with their indexes."""
    array = document.get(key)
    if isinstance(array, list):
        for index, entry in enumerate(array):
            if isinstance(entry, dict):
                yield index, entry


def table(document: Table, key: str) -> Table:
    """The table `key`, or an empty one."""
    found = document.get(key)
    return found if isinstance(found, dict) else {}


def text(entry: Table, key: str, default: str = "") -> str:
    """The string `key`, or the default."""
    found = entry.get(key)
    return found if isinstance(found, str) else default
