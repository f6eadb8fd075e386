"""Both journals, opened and reopened the same way."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.core.events import Recorded, RunStopped
from gateway.journal.stores import JournalAt


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> JournalAt:
    """Where a journal can be made, in each store in turn."""
    if request.param == "sqlite":
        return JournalAt(f"sqlite:///{tmp_path}/deeper/100% #1?.db")
    return JournalAt(request.getfixturevalue("postgresql_url"))


@pytest.fixture
def records():
    def make(first: int, last: int, text: str = "") -> list[Recorded]:
        return [
            Recorded(seq=seq, run_id=1, at_ns=seq * 10, wall_ns=seq * 11, cause=seq, event=RunStopped(reason=f"{text}{seq}"))
            for seq in range(first, last + 1)
        ]

    return make
