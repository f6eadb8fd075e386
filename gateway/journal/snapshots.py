"""Snapshots beside a journal: a shorter way to the same state, never another source of truth.

A snapshot says after which event it was taken, that event's hash, the digest of the state, the configuration in effect there
and the code that made it. It is used only when all five agree with the journal, its content and this build; anything else is
discarded with a line in the log, and the fold begins earlier. That the content has the digest is established when it is
written, and by `gateway verify`; a start believes its checksum and the digest the journal has there. The configuration of the
next start needs no agreement: it arrives by an event.
"""

from __future__ import annotations

import logging
import struct
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from hashlib import blake2b, sha256
from pathlib import Path
from typing import Protocol

import msgspec

from gateway import core
from gateway.core import snapshot
from gateway.core.snapshot import Image
from gateway.core.state import State
from gateway.errors import JournalError
from gateway.journal.durable import write_durably
from gateway.journal.interface import JournalReader

_log = logging.getLogger(__name__)
_LENGTH = struct.Struct("<I")
Content = bytes | bytearray
"""A snapshot as stored. It may be large: whoever makes one hands on what it made, and no copy."""
KEPT = 2
"""Newest ones that are kept, besides those a segment begins with."""


class Label(msgspec.Struct, frozen=True, kw_only=True):
    """What a snapshot says of itself. `config_sha256`: in effect at its position."""

    seq: int
    hash: bytes
    digest: str
    code_sha256: str
    config_sha256: str


class SnapshotStore(Protocol):
    """Where snapshots lie: named by the position they were taken after. Raises JournalError."""

    def positions(self) -> Sequence[int]:
        """Ascending."""

    def read(self, seq: int) -> bytes: ...

    def write(self, seq: int, content: Content) -> None:
        """Whole and durable, or not at all."""

    def drop(self, seq: int) -> None: ...


class SnapshotFiles:
    """`journal-<position>.snapshot` beside an SQLite journal."""

    def __init__(self, journal: Path) -> None:
        self._journal = journal

    def positions(self) -> Sequence[int]:
        prefix = f"{self._journal.stem}-"
        found = (path.stem.removeprefix(prefix) for path in self._journal.parent.glob("*.snapshot"))
        return sorted(int(number) for number in found if number.isdecimal())

    def read(self, seq: int) -> bytes:
        try:
            return self._file(seq).read_bytes()
        except OSError as error:
            raise JournalError(f"{self._file(seq)}: {error.strerror}") from error

    def write(self, seq: int, content: Content) -> None:
        try:
            write_durably(self._file(seq), content)
        except OSError as error:
            raise JournalError(f"{self._file(seq)}: {error.strerror}") from error

    def drop(self, seq: int) -> None:
        try:
            self._file(seq).unlink(missing_ok=True)
        except OSError as error:
            raise JournalError(f"{self._file(seq)}: {error.strerror}") from error

    def _file(self, seq: int) -> Path:
        return self._journal.with_name(f"{self._journal.stem}-{seq}.snapshot")


@cache
def code_sha256() -> str:
    """Hash of the source of the core: what turns events into state."""
    root = Path(str(core.__file__)).parent
    found = sha256()
    for path in sorted(root.rglob("*.py")):
        found.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return found.hexdigest()


def encode(label: Label, image: Image, rest: Callable[[], object] = lambda: None) -> Content:
    """The snapshot as stored: label, frames, each with its length, and a checksum over all of it.

    `rest` is called after each frame, so that a thread beside the path can step aside.
    """
    content = bytearray()
    for message in _messages(label, image):
        content += _LENGTH.pack(len(message)) + message
        rest()
    content += blake2b(content, digest_size=32).digest()
    return content


def _messages(label: Label, image: Image) -> Iterator[bytes]:
    yield msgspec.json.encode(label)
    yield from snapshot.frames(image)


def written(content: Content, rest: Callable[[], object] = lambda: None, *, believing: bool = False) -> None:
    """Read what was encoded as a start would, and hash all of it. Raises ValueError when it has another digest than it says.

    `believing`: but for what records of ended orders say of themselves.
    """

    def resting() -> Iterator[memoryview]:
        messages = _framed(memoryview(content)[:-32])
        next(messages)
        for message in messages:
            yield message
            rest()

    if snapshot.full_digest(resting(), believing=believing) != label_of(content).digest:
        raise ValueError("its state has another digest than it says")


def decode(content: Content, *, with_digest: bool = True, quick: bool = False) -> tuple[Label, State]:
    """Label and state. Raises ValueError when it is damaged, or not of this build.

    `quick`: the digest it says is believed; else, with a digest, everything is hashed and compared.
    """
    label = label_of(content)
    if label.code_sha256 != code_sha256():
        raise ValueError("it was made by other code")
    if blake2b(memoryview(content)[:-32], digest_size=32).digest() != content[-32:]:
        raise ValueError("it is damaged: the checksum differs")
    messages = _framed(memoryview(content)[:-32])
    next(messages)
    if with_digest and not quick:
        written(content)
    restored = snapshot.restore(messages, label.digest if with_digest else None)
    if restored.seq != label.seq:
        raise ValueError(f"it says event {label.seq}, and holds the state after event {restored.seq}")
    if restored.control.config_sha256 != label.config_sha256:
        raise ValueError("it was made under another configuration than it holds")
    return label, restored


def label_of(content: Content) -> Label:
    """What a snapshot says of itself. Raises ValueError."""
    try:
        return msgspec.json.decode(next(_framed(memoryview(content)[:-32])), type=Label)
    except (msgspec.MsgspecError, StopIteration, struct.error) as error:
        raise ValueError(f"it is damaged: {error}") from error


def _framed(content: memoryview) -> Iterator[memoryview]:
    position = 0
    while position < len(content):
        (length,) = _LENGTH.unpack_from(content, position)
        position += _LENGTH.size + length
        if position > len(content):
            raise ValueError("it is damaged: it ends too early")
        yield content[position - length : position]


def newest(
    store: SnapshotStore, journal: JournalReader, *, up_to: int | None = None, with_digest: bool = True, quick: bool = False
) -> State | None:
    """The state of the newest snapshot that belongs to this journal and this build; None when there is none.

    `up_to`: not beyond this position. `quick`: see `at`.
    """
    for seq in reversed(store.positions()):
        if up_to is None or seq <= up_to:
            found = at(store, journal, seq, with_digest=with_digest, quick=quick)
            if found is not None:
                return found
    return None


def at(
    store: SnapshotStore, journal: JournalReader, seq: int, *, with_digest: bool = True, quick: bool = False
) -> State | None:
    """The state of the snapshot taken after event `seq`, or None, with a line in the log, when it cannot be used.

    `quick`: where the journal has the label's digest at `seq`, too, it is believed; elsewhere every entry is hashed.
    """
    try:
        content = store.read(seq)
        confirmed = quick and _recorded_digest(journal, seq) == label_of(content).digest
        label, state = decode(content, with_digest=with_digest, quick=confirmed)
        if label.seq != seq:
            raise ValueError(f"it was taken after event {label.seq}")
        recorded = journal.hash_at(seq)
        if recorded != label.hash:
            raise ValueError("the journal ends before it" if recorded is None else "the journal has another event there")
    except (ValueError, JournalError) as error:
        _log.warning("snapshot after event %d is not used: %s", seq, error)
        return None
    return state


def _recorded_digest(journal: JournalReader, seq: int) -> str | None:
    """The digest recorded with a commit that ended at `seq`; None where none was, or where it was moved away."""
    if seq <= journal.begins()[0]:
        return None
    at_seq, digest = next(iter(journal.digests(seq - 1)), (0, ""))
    return digest if at_seq == seq else None


def check(store: SnapshotStore, journal: JournalReader, seq: int) -> str | None:
    """Hash all of a snapshot. Its digest; None when it is of another build, or gone.

    Raises ValueError saying what is wrong with it.
    """
    try:
        content = store.read(seq)
    except JournalError:
        if seq in store.positions():
            raise
        return None
    label = label_of(content)
    if label.code_sha256 != code_sha256():
        return None
    decode(content)
    if label.seq != seq:
        raise ValueError(f"it was taken after event {label.seq}")
    if label.hash != journal.hash_at(seq):
        raise ValueError("the journal has another event there")
    return label.digest


def prune(store: SnapshotStore, keep: Iterable[int]) -> None:
    """Drop all but the newest few and those in `keep`."""
    kept = {*store.positions()[-KEPT:], *keep}
    for seq in store.positions():
        if seq not in kept:
            store.drop(seq)
