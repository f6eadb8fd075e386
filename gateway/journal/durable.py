"""Small files that are there after power loss, whole: the run number, the kill file."""

from __future__ import annotations

import os
from pathlib import Path


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
