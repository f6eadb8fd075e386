"""The root of all events, and the envelope that gives one its position."""

from __future__ import annotations

import re
from functools import cache
from typing import ClassVar

import msgspec


def _snake(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


class Event(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind", tag=_snake):
    """Root of all events."""

    VERSION: ClassVar[int] = 1

    @classmethod
    @cache
    def kind(cls) -> str:
        """The tag under which this event is stored, counted and shown, e.g. `book_snapshot`."""
        return str(cls.__struct_config__.tag)


class Recorded(msgspec.Struct, frozen=True, kw_only=True):
    """An event at its position. `at_ns` is stream time (never falls), `wall_ns` the clock's own opinion.

    `cause` is the position of the input event that led to this one; for an input event its own.
    """

    seq: int
    run_id: int
    at_ns: int
    wall_ns: int
    cause: int
    event: Event
