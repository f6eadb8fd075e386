"""Events as stored bytes, and the way back, also from older schema versions.

A stored event is JSON: readable in an incident review, exact for Decimals (strings). An event whose stored version is below
the current one passes through the upcasters of its kind, one version at a time, before it is decoded.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import Any, Union

import msgspec

from gateway.core.events import EVENTS, Event

Upcaster = Callable[[dict[str, Any]], dict[str, Any]]

UPCASTERS: dict[tuple[str, int], Upcaster] = {}
"""(kind, version) -> function from the JSON object of that version to the next one's. Entries are never removed."""

_encode = msgspec.json.Encoder().encode
_decoder: msgspec.json.Decoder[Event] = msgspec.json.Decoder(reduce(lambda a, b: Union[a, b], EVENTS.values()))  # type: ignore[arg-type,return-value]  # noqa: UP007 - a union of the registry's values, built at run time


def encode(event: Event) -> bytes:
    """The bytes the journal stores."""
    return _encode(event)


def decode(kind: str, version: int, body: bytes) -> Event:
    """The event again. Raises ValueError when the bytes do not hold an event of this kind, or of a newer build."""
    known = EVENTS.get(kind)
    if known is not None and version < known.VERSION and (kind, version) not in UPCASTERS:
        raise ValueError(f"event kind {kind!r} has no version {version}")
    if known is None or version > known.VERSION:
        raise ValueError(f"event kind {kind!r} version {version} is not known to this build: it was written by a newer one")
    try:
        if version == known.VERSION:
            event = _decoder.decode(body)
            if type(event) is not known:
                raise ValueError(f"event kind {kind!r} version {version}: the record holds a {event.kind()!r}")
            return event
        fields = msgspec.json.decode(body)
        for old in range(version, known.VERSION):
            fields = UPCASTERS[kind, old](fields)
        return msgspec.convert(fields, known)
    except msgspec.MsgspecError as error:
        raise ValueError(f"event kind {kind!r} version {version}: {error}") from error
