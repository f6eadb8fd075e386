"""The file of overruns: kept over a death, forgotten once journalled, harmless when damaged."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.core.events import StrategyOverran
from gateway.runtime.overruns import OverrunFile


def test_it_is_kept_until_it_is_forgotten(tmp_path: Path) -> None:
    path = tmp_path / "overran.json"
    OverrunFile(path).note(StrategyOverran(strategy="one", running_ns=2))
    OverrunFile(path).note(StrategyOverran(strategy="two", running_ns=3))
    assert [(event.strategy, event.running_ns) for event in OverrunFile(path).untold()] == [("one", 2), ("two", 3)]
    OverrunFile(path).forget()
    assert OverrunFile(path).untold() == []
    OverrunFile(path).forget()


@pytest.mark.parametrize("content", [b"", b"\xff", b"[]", b'{"one": "x"}', b'{"one": null}'])
def test_a_damaged_file_is_logged_and_says_nothing(tmp_path: Path, content: bytes, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "overran.json"
    path.write_bytes(content)
    assert OverrunFile(path).untold() == []
    assert "overran.json cannot be read" in caplog.text


def test_a_disk_that_refuses_stops_nobody(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    OverrunFile(tmp_path / "gone" / "overran.json").note(StrategyOverran(strategy="one", running_ns=2))
    assert "a restart will not know that strategy one overran" in caplog.text
