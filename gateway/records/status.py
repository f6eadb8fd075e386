"""How the record writer stands, and what its process and the gateway say to each other. Knows no database.

Lines of JSON. To the writer's process: `Settings` first, then `Wake` and `Stop`; the end of the stream means that the gateway
is gone. From it: `Looking` and `Opened` once, then a `WriterStatus` whenever there is news.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal
from urllib.parse import unquote, urlsplit

import msgspec

WriterState = Literal["initialising", "running", "degraded", "stopped", "failed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class WriterStatus:
    """`seq`: last event in the records; `head`: last event known in the journal; `retries` since start.

    `recorded_ns` is the stream time of event `seq`, None while that is not known; `since_ns` when `state` began; `pid`: the
    process that writes, None when there is none.
    """

    state: WriterState
    since_ns: int
    seq: int = 0
    head: int = 0
    recorded_ns: int | None = None
    retries: int = 0
    last_error: str | None = None
    pid: int | None = None

    @property
    def lag(self) -> int:
        """Events in the journal that the records do not have yet."""
        return max(self.head - self.seq, 0)


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Which journal is followed, and where the records are. The passwords are shown nowhere."""

    journal_url: str
    journal_password: str | None
    records_url: str
    records_password: str | None

    def __repr__(self) -> str:
        return "Settings(...)"

    def secrets(self) -> set[str]:
        """What must not be shown, as it is written in a URL, too."""
        written = [urlsplit(url).password or "" for url in (self.journal_url, self.records_url)]
        plain = [self.journal_password or "", self.records_password or "", *map(unquote, written)]
        return {one for one in (*written, *plain) if one}


class Wake(msgspec.Struct, frozen=True, tag="wake"):
    """The journal has been committed up to `seq`; the first of these is the permission to write."""

    seq: int


class Stop(msgspec.Struct, frozen=True, tag="stop"):
    """Write what is committed and end, within `seconds`."""

    seconds: float


class Looking(msgspec.Struct, frozen=True, kw_only=True, tag="looking"):
    """The process is there and asks the database; what it waits for from here on is the database's."""


class Opened(msgspec.Struct, frozen=True, kw_only=True, tag="opened"):
    """What the first look at the records found: `trouble`, in one line, and whether an operator must mend it (`refused`)."""

    trouble: str | None = None
    refused: bool = False


class Told(msgspec.Struct, frozen=True, tag="status"):
    """How the writer stands now."""

    status: WriterStatus
