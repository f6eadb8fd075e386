"""Small files that are there after power loss, whole: the run number, the kill file."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from time import monotonic, sleep

_LOOK_SECONDS = 0.01


def write_durably(path: Path, content: bytes | bytearray) -> None:
    """Replace a small file so that after power loss either the old or the new content is there, whole."""
    temporary = path.with_name(path.name + ".new")
    with open(temporary, "wb") as handle:
        handle.write(content)
        handle.flush()
        os.fsync(handle.fileno())
    os.replace(temporary, path)
    sync_directory(path.parent)


def sync_directory(path: Path) -> None:
    """Names made or replaced in a directory are there after power loss."""
    directory = os.open(path, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def lock_file(path: Path) -> Path:
    """The file beside a file whose lock keeps other processes from it."""
    return path.with_name(path.name + ".lock")


@contextmanager
def alone_with(path: Path, patience: float) -> Iterator[None]:
    """Keep other processes from changing a small file between a look at it and its replacement.

    Whoever has not let go after `patience` seconds may be stopped, or hang in the disk: it is waited for no longer.
    """
    try:
        lock = os.open(lock_file(path), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError:
        yield  # nothing can be written there, as whoever tries is told
        return
    try:
        end = monotonic() + patience
        while monotonic() < end:
            with suppress(BlockingIOError):
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            sleep(_LOOK_SECONDS)
        yield
    finally:
        os.close(lock)
