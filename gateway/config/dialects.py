"""The dialects that venues name are there; one that is a file of the operator's own is part of the configuration.

Exists because a venue's `dialect` may be a path. What a dialect says is not this layer's business.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

from gateway.config.findings import Finding, Table, tables, text
from gateway.config.model import Configuration
from gateway.config.paths import absolute
from gateway.fix.specs import available

SUFFIX = ".toml"


def with_dialect_files(configuration: Configuration, base_dir: Path) -> Configuration:
    """The configuration with dialects that are files as absolute paths."""
    venues = tuple(
        venue.model_copy(update={"dialect": str(absolute(base_dir, venue.dialect))})
        if venue.dialect.endswith(SUFFIX)
        else venue
        for venue in configuration.venues
    )
    return configuration.model_copy(update={"venues": venues})


def dialect_findings(document: Table, base_dir: Path) -> Iterator[Finding]:
    """Names and files that are not there."""
    known = available()
    for index, venue in tables(document, "venues"):
        name = text(venue, "dialect")
        if name and not name.endswith(SUFFIX) and name not in known:
            remedy = f"use one of {', '.join(known)}, or name a TOML file of your own"
            yield Finding(("venues", index, "dialect"), f"there is no dialect {name!r}", remedy)
    for index, reference in _references(document):
        path = absolute(base_dir, reference)
        if not path.is_file():
            remedy = "correct the path, which counts from the folder of this file"
            yield Finding(("venues", index, "dialect"), f"there is no file {path}", remedy)


def dialect_hashes(document: Table, base_dir: Path) -> dict[str, str]:
    """Path as written -> SHA-256 of the file's bytes; part of the configuration's own hash."""
    found = {}
    for _, reference in _references(document):
        path = absolute(base_dir, reference)
        if path.is_file():
            found[reference] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def _references(document: Table) -> Iterator[tuple[int, str]]:
    for index, venue in tables(document, "venues"):
        reference = text(venue, "dialect")
        if reference.endswith(SUFFIX):
            yield index, reference
