"""The main job, as its user runs it: venue, gateway, SIGKILL in the middle, both ledgers compared."""

from __future__ import annotations

import json
import re
import sqlite3
import subprocess
import sys
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from gateway.cli.main import root


def _demo(directory: Path, *options: str) -> tuple[int, dict[str, object], str]:
    command = [sys.executable, "-m", "gateway", "demo", "--dir", str(directory), "--json", *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=200, check=False)
    return done.returncode, json.loads(done.stdout), done.stderr


@pytest.mark.slow
def test_after_a_sigkill_both_ledgers_agree_and_the_journal_verifies(tmp_path: Path) -> None:
    for seconds in ("8", "60"):  # on a busy machine the starts alone may take the shorter time
        code, result, messages = _demo(tmp_path / f"demo-{seconds}", "--seconds", seconds)
        assert code == 0, messages
        assert result["differences"] == []
        assert result["verified"] is True
        assert isinstance(result["executions"], int)
        assert "SIGKILL" in messages
        if result["executions"] > 3:
            break
    assert result["executions"] > 3


@pytest.mark.slow
def test_it_plays_a_file_of_ticks(tmp_path: Path) -> None:
    ticks = tmp_path / "ticks.csv"
    rows = [f"2026-01-05 08:00:{i % 60:02d}+00:00,{100 + i % 7 / 1000:.3f},{100.008 + i % 7 / 1000:.3f}" for i in range(400)]
    ticks.write_text("timestamp,bid,ask\n" + "\n".join(rows) + "\n")
    for seconds in ("5", "60"):
        home = tmp_path / f"a demo of {seconds}"
        code, result, messages = _demo(home, "--seconds", seconds, "--no-kill", "--ticks", str(ticks))
        assert code == 0, messages
        assert result["differences"] == []
        assert "SIGKILL" not in messages
        if int(str(result["executions"])) > 3:
            break
    _replayed(home / "var", tmp_path)


def test_a_directory_that_is_not_a_demos_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("data")
    command = [sys.executable, "-m", "gateway", "demo", "--dir", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 6
    assert "not from an earlier demo" in done.stderr
    assert (tmp_path / "precious").read_text() == "data"


def _replayed(var: Path, scratch: Path) -> None:
    """The FIX log through the core comes to what the records hold; a fill less, or a row another, is named."""
    log, records = var / "fix" / "SIM" / "messages.log", var / "records.db"
    _counted(log)
    equal = _replay(log, records)
    assert equal["comparisons"][0]["differences"] == []
    assert equal["comparisons"][0]["executions"] == len(equal["fills"]) > 3
    assert equal["comparisons"][0]["orders"] == len(equal["orders"])
    assert equal["comparisons"][0]["positions"] == 1

    lines = log.read_bytes().splitlines(keepends=True)
    lost = next(at for at, line in enumerate(lines) if b"\x01150=F\x01" in line)
    exec_id = lines[lost].partition(b"\x0117=")[2].partition(b"\x01")[0].decode()
    shorter = scratch / "shorter.log"
    shorter.write_bytes(b"".join(lines[:lost] + lines[lost + 1 :]))
    found = _replay(shorter, records, expect=1)["comparisons"][0]["differences"]
    assert ("missing", exec_id) in [(one["kind"], one["exec_id"]) for one in found]

    with closing(sqlite3.connect(records)) as database, database:
        database.execute("UPDATE orders SET state = 'Expired' WHERE order_id = (SELECT min(order_id) FROM orders)")
    (altered,) = _replay(log, records, expect=1)["comparisons"][0]["differences"]
    assert (altered["kind"], altered["what"], altered["field"], altered["other"]) == ("state", "order", "state", "Expired")


def _counted(log: Path) -> None:
    """What the engine received and sent, by `gateway log stats` and by a search for the tag."""
    done = CliRunner().invoke(root, ["log", "stats", str(log), "--json"])
    assert done.exit_code == 0, done.output
    kinds = Counter(kind.decode() for kind in re.findall(rb"\x0135=([^\x01]+)\x01", log.read_bytes()))
    assert {row["msg_type"]: row["messages"] for row in json.loads(done.stdout)["types"]} == kinds


def _replay(log: Path, records: Path, *, expect: int = 0) -> dict[str, Any]:
    done = CliRunner().invoke(root, ["replay", str(log), "--against-records", f"sqlite:///{records}", "--json"])
    assert done.exit_code == expect, done.output
    found: dict[str, Any] = json.loads(done.stdout)
    return found
