"""A journal written by v0.1.0, one event of every kind: later builds must read it, and write the same for the same.

A line is kind, version and body, with a value for every field. Lines of a release are never changed: a new kind or a new
version is added to the file of the release that brings it.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gateway.core.codec import decode, encode
from gateway.core.events import EVENTS

GOLDEN = Path(__file__).with_name("golden")
LINES = [(file.stem, *line.split(" ", 2)) for file in sorted(GOLDEN.glob("*.jsonl")) for line in file.read_text().splitlines()]


@pytest.mark.parametrize(("release", "kind", "version", "body"), LINES, ids=[f"{line[0]}-{line[1]}" for line in LINES])
def test_golden_event(release: str, kind: str, version: str, body: str) -> None:
    event = decode(kind, int(version), body.encode())
    assert type(event) is EVENTS[kind]
    if int(version) == event.VERSION:
        assert encode(event).decode() == body
    assert decode(kind, event.VERSION, encode(event)) == event


def test_every_kind_is_there_in_its_present_version() -> None:
    assert {(kind, int(version)) for _, kind, version, _ in LINES} >= {(kind, cls.VERSION) for kind, cls in EVENTS.items()}


def test_every_field_is_there() -> None:
    """A default that is never written would let a renamed field pass unseen."""
    fields: dict[str, set[str]] = {}
    for _, kind, _, body in LINES:
        fields.setdefault(kind, set()).update(set(json.loads(body)) - {"kind"})
    assert {kind: set(cls.__struct_fields__) - fields.get(kind, set()) for kind, cls in EVENTS.items()} == {
        kind: set() for kind in EVENTS
    }
