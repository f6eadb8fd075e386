"""Logs read by a process of its own say what they say when they are read here: message by message, and error by error."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from told import Told, scripted

from gateway.cli.main import root
from gateway.errors import ConfigurationError, InternalError
from gateway.replay import ahead
from gateway.replay.ahead import Wanted, elsewhere, here

Invoke = Callable[..., Any]


@pytest.fixture
def logs(tmp_path: Path) -> tuple[str, ...]:
    """Two sessions of which one is FIX 4.0, both directions in files of their own, refusals, market data, and damage."""
    told, oldest = scripted(), Told("FIX.4.0", "FUND", "OLD")
    told.new("D1").say("SIM", "3", t45=told.numbers["DESK"], t372="D", t58="caf\xe9 \x7f").say(
        "DESK", "H", t11="D1", t55="USD/JPY"
    )
    told.say("SIM", "j", t45=told.numbers["DESK"], t372="H", t380=3, t379="D1").say("SIM", "X", t268=1, t279=0, t269=0, t270=1)
    told.say("SIM", "8", t37="V9", t17="E9", t150="Z", t39="?", t55="USD/JPY").replace("D2", "unknown", 5).new("D1")
    oldest.new("O1").report("O1", "E1", "0", "0").fill("O1", "E2", 1000, 1000)
    ours, theirs = tmp_path / "ours.log", tmp_path / "theirs.log"
    told.write(ours)
    theirs.write_bytes(b"\n".join((told.lines[1].replace(b"\x01", b"|"), *oldest.lines, told.lines[3][:60])))
    return str(ours), str(theirs)


def test_both_ways_say_the_same(logs: tuple[str, ...]) -> None:
    wanted = Wanted(logs, side="DESK", start_ns=1)
    found = list(here(wanted))
    assert list(elsewhere(wanted)) == found
    assert len(found[-1].told) > 15
    assert found[-1].totals is not None
    assert found[-1].totals.not_read == {"X": 1, "D": 1, "8": 3}


def test_the_command_does_not_show_who_read(logs: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[list[str]] = []
    popen = subprocess.Popen
    monkeypatch.setattr(ahead.subprocess, "Popen", lambda command, **rest: (started.append(command), popen(command, **rest))[1])
    read_here = CliRunner().invoke(root, ["replay", "--json", *logs])
    assert not started
    monkeypatch.setattr(ahead, "WORTH", 0)
    read_ahead = CliRunner().invoke(root, ["replay", "--json", *logs])
    assert (read_ahead.exit_code, read_ahead.stdout, read_ahead.stderr) == (0, read_here.stdout, read_here.stderr)
    assert len(started) == 1


def test_errors_are_those_that_reading_here_gives(logs: tuple[str, ...], tmp_path: Path) -> None:
    broken = tmp_path / "dialect.toml"
    broken.write_text('base = "nobody"\nunknown = 1\n')
    said = []
    for way in (here, elsewhere):
        with pytest.raises(ConfigurationError) as raised:
            list(way(Wanted(logs, dialect=str(broken))))
        said.append((str(raised.value), raised.value.problems))
    assert said[0] == said[1]


def test_a_process_that_dies_is_no_end_of_the_log(logs: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    popen = subprocess.Popen
    monkeypatch.setattr(
        ahead.subprocess, "Popen", lambda _, **rest: popen([sys.executable, "-c", "import os; os._exit(9)"], **rest)
    )
    with pytest.raises(InternalError, match="exit code 9"):
        list(elsewhere(Wanted(logs)))
