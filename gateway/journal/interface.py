"""What a journal is, whichever store holds it: an append-only sequence of events, written in batches, one commit a batch.

Nothing in it is ever updated or deleted. Every record carries a hash chained over all before it, so a reader knows whether
it looks at the same history it saw last time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

import msgspec

from gateway.core.events import Recorded
from gateway.errors import JournalLost

GENESIS = bytes(16)
"""The hash before the first record."""
ANSWER_SECONDS = 60.0
"""What a server is given for an answer to who only reads and is waited for by nobody."""


class Stored(msgspec.Struct, frozen=True):
    """A record as the journal holds it. `hash` = BLAKE2b-128(previous hash + the record's stored bytes)."""

    recorded: Recorded
    hash: bytes


class Watermark(msgspec.Struct, frozen=True):
    """Highest inbound MsgSeqNum(34) of a session whose effects are in the journal, within an epoch.

    `next_sender`: no request up to that commit was sent under this number or a higher one; 0 when it is not known.
    """

    epoch: int
    msg_seq_num: int
    next_sender: int = 0


class JournalReader(Protocol):
    """Reading side; any number, in any process, each used by one thread at a time. Never blocks the writer."""

    def head(self) -> tuple[int, bytes]:
        """Position and hash of the last record; (0, GENESIS) when empty."""

    def read(self, after: int, limit: int) -> Sequence[Stored]:
        """Up to `limit` records with seq > `after`, in order. Raises JournalCorrupt when one cannot be decoded."""

    def read_checked(self, after: int, previous: bytes, limit: int) -> Sequence[Stored]:
        """As `read`, each record compared with its hash; `previous` is the hash of the record at `after`.

        Raises JournalCorrupt at the first one that is missing, or not what its hash says.
        """

    def hash_at(self, seq: int) -> bytes | None:
        """Hash of the record at `seq`; GENESIS for 0; None when there is no such record."""

    def digests(self, after: int) -> Iterator[tuple[int, str]]:
        """(seq, state digest) pairs recorded with commits, in order."""

    def configurations(self) -> Mapping[str, str]:
        """Every configuration ever accepted: SHA-256 -> TOML text."""

    def begins(self) -> tuple[int, bytes]:
        """Position and hash before the oldest record that is there; (0, GENESIS) unless older segments were moved away."""

    def check_chain(self, after: int, previous: bytes, limit: int) -> tuple[int, bytes, int]:
        """Recompute up to `limit` hashes after `after`; (position, hash, records checked). Raises JournalCorrupt."""

    def close(self) -> None: ...


class JournalWriter(JournalReader, Protocol):
    """Writing side: exactly one, in one process, on one thread at a time but for what says otherwise."""

    def append(self, batch: Sequence[Recorded], watermarks: Mapping[str, Watermark], digest: str | None) -> None:
        """Commit a batch, the watermarks it reached and the state digest after it, in one transaction.

        `digest` is None where that of a later batch covers this one, too.

        Raises JournalError when the store refuses: the same batch must then be offered again, and is taken once. Raises
        JournalLost when the journal is somebody else's by now: never offer anything again.
        """

    def position(self) -> tuple[int, bytes]:
        """Position and hash of the last record appended, without a look at the store."""

    def roll(self) -> bool:
        """Close the segment and begin another with the next record; False when this one is still empty.

        Raises JournalError when that cannot be done now; the journal then goes on in the segment it has.
        """

    def segments(self) -> Sequence[int]:
        """First positions of the segments that are there, ascending."""

    def watermarks(self) -> Mapping[str, Watermark]:
        """Per session id, what the last commits reached."""

    def remember_configuration(self, config_sha256: str, toml: str) -> None: ...

    def tidy(self) -> None:
        """Housekeeping that no order waits for; any thread, now and then."""

    def refusal(self) -> str | None:
        """Why nothing may be sent now: the journal may be another's. None while it is certainly ours. Any thread."""

    @property
    def lost(self) -> JournalLost | None:
        """Set once it is known to be somebody else's. Any thread."""

    @property
    def writers(self) -> int:
        """How many writers there have been, this one included; 0 where one state directory writes, and counts its runs."""

    @property
    def alone_in(self) -> float:
        """Seconds until no earlier writer can believe any more that the journal is his."""
