"""The main job, as its user runs it: venue, gateway, SIGKILL in the middle, both ledgers compared."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest


def _demo(directory: Path, *options: str) -> tuple[int, dict[str, object], str]:
    command = [sys.executable, "-m", "gateway", "demo", "--dir", str(directory), "--json", *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=90, check=False)
    return done.returncode, json.loads(done.stdout), done.stderr


@pytest.mark.slow
def test_after_a_sigkill_both_ledgers_agree_and_the_journal_verifies(tmp_path: Path) -> None:
    code, result, messages = _demo(tmp_path / "demo", "--seconds", "8")
    assert code == 0, messages
    assert result["differences"] == []
    assert result["verified"] is True
    assert isinstance(result["executions"], int)
    assert result["executions"] > 3
    assert "SIGKILL" in messages


@pytest.mark.slow
def test_it_plays_a_file_of_ticks(tmp_path: Path) -> None:
    ticks = tmp_path / "ticks.csv"
    rows = [f"2026-01-05 08:00:{i % 60:02d}+00:00,{100 + i % 7 / 1000:.3f},{100.008 + i % 7 / 1000:.3f}" for i in range(400)]
    ticks.write_text("timestamp,bid,ask\n" + "\n".join(rows) + "\n")
    code, result, messages = _demo(tmp_path / "demo", "--seconds", "5", "--no-kill", "--ticks", str(ticks))
    assert code == 0, messages
    assert result["differences"] == []
    assert "SIGKILL" not in messages


def test_a_directory_that_is_not_a_demos_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("data")
    command = [sys.executable, "-m", "gateway", "demo", "--dir", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 6
    assert "not from an earlier demo" in done.stderr
    assert (tmp_path / "precious").read_text() == "data"
