"""Sequence numbers as they lie on disk, read before the engine touches them.

The engine resets its store to 1/1 when it was created on an earlier UTC day, without telling anybody (its session
constructor does that, NonStopSession=Y or not). So the numbers are read first and set back after construction.
"""

from __future__ import annotations

from pathlib import Path

import msgspec


class Numbers(msgspec.Struct, frozen=True):
    """Next MsgSeqNum(34) to send, next one expected."""

    next_sender: int
    next_target: int


def read_store(directory: Path, begin_string: str, sender: str, target: str) -> Numbers | None:
    """What the engine's file store holds for a session; None when it has none, or an unreadable one."""
    path = directory / f"{begin_string}-{sender}-{target}.seqnums"
    try:
        left, colon, right = path.read_text(encoding="ascii").partition(":")
        return Numbers(int(left), int(right)) if colon else None
    except (OSError, ValueError):
        return None


MARGIN = 1_000
"""More messages than an engine sends by itself between two commits: heartbeats, logons, what it is asked for."""


def to_restore(
    store: Numbers | None, watermark: int | None, last_sent: int, promised: int = 0, *, elsewhere: bool = False
) -> Numbers:
    """The numbers a session must continue with, within one epoch.

    Expected: one past the journal's watermark, so that the venue resends whatever never reached the journal. To send: never
    below a number that may have been used; too high is asked about and gap-filled, too low ends the session. `promised`: no
    request was sent from this number on, says the journal, 0 when it does not; `elsewhere`: another state directory was
    used since this store, which then tells only that its numbers were used. So does one that is behind the promise: it may be
    an older copy.
    """
    trusted = store is not None and not elsewhere and store.next_sender >= promised
    told = store.next_sender if store is not None and (trusted or promised) else 1
    unused = max(last_sent + 1, promised)
    if promised and not trusted:
        unused += MARGIN
    next_target = store.next_target if store is not None and trusted else 1
    return Numbers(max(told, unused), next_target if watermark is None else watermark + 1)
