"""Reading a log from its content, and a path to the helpers of this folder."""

from __future__ import annotations

import gzip
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.fixlogs.reader import Log, LogMessage
from gateway.fixlogs.sources import Source

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., list[LogMessage]]:
    """`read(data)`: the messages of a log with this content."""

    def reader(data: bytes, *, packed: bool = False) -> list[LogMessage]:
        path = tmp_path / ("log.gz" if packed else "log")
        path.write_bytes(gzip.compress(data) if packed else data)
        return list(Log(Source(str(path))).messages())

    return reader
