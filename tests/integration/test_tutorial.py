"""docs/strategies.md, followed to the letter: its files, its test, its configuration, its commands and its queries."""

from __future__ import annotations

import re
import shlex
import sqlite3
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from gateway.sim.process import start_venue

sys.path.insert(0, str(Path(__file__).parent))

from desk import wait_for

PAGE = Path(__file__).parents[2] / "docs" / "strategies.md"
TEXT = PAGE.read_text("utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
COMMANDS = [line.strip() for line in re.findall(r"^    ((?:gateway|python|cd) .*)$", TEXT, re.MULTILINE)]
FILES = {text.splitlines()[0].removeprefix("# "): text for language, text in BLOCKS if language == "python"}
[CONFIGURATION] = [text for language, text in BLOCKS if language == "toml"]
QUERIES = [text for language, text in BLOCKS if language == "sql"]


def test_the_page_has_what_this_test_runs() -> None:
    assert set(FILES) == {"dip.py", "test_dip.py"}
    assert len(QUERIES) == 4
    assert {language for language, _ in BLOCKS} == {"python", "toml", "sql"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """After steps 1 to 3."""
    run(tmp_path, "gateway init desk")
    for name, text in FILES.items():
        (tmp_path / "desk" / name).write_text(text)
    return tmp_path / "desk"


def run(folder: Path, line: str, code: int = 0) -> str:
    """A command of the page, as somebody types it there."""
    words = shlex.split(line)
    command = [sys.executable, *words[1:]] if words[0] == "python" else [sys.executable, "-m", *words]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == code, f"{line}: {done.stdout}{done.stderr}"
    return done.stdout + done.stderr


def configure(folder: Path, port: int) -> None:
    """Step 4: the sample strategy out, what the page says in; a port and a socket of our own for the rest."""
    config = folder / "gateway.toml"
    gateway, rest = re.split(r"^(?=\[\[strategies\]\])", CONFIGURATION, maxsplit=1, flags=re.MULTILINE)
    text = config.read_text().partition("[[strategies]]")[0]
    text = re.sub(r"^\[gateway\]\n.*\n", gateway.rstrip() + "\n", text, count=1, flags=re.MULTILINE)
    text = text.replace("port = 9878", f"port = {port}").replace("metrics_port = 9464", "metrics_port = 0")
    config.write_text(text + rest)
    written, told = tomllib.loads(config.read_text()), tomllib.loads(CONFIGURATION)
    assert written["strategies"] == told["strategies"]
    assert written["gateway"].items() >= told["gateway"].items()
    assert written["risk"]["strategy"] == told["risk"]["strategy"]


def rows(folder: Path, query: str) -> list[Any]:
    with sqlite3.connect(f"file:{folder / 'var' / 'records.db'}?mode=ro", uri=True) as database:
        return database.execute(query).fetchall()


def test_its_own_test_passes(folder: Path) -> None:
    assert "python -m pytest test_dip.py" in COMMANDS
    assert "3 passed" in run(folder, "python -m pytest -p no:cacheprovider test_dip.py")


def test_a_wrong_parameter_is_told_with_its_line(folder: Path) -> None:
    configure(folder, 1)
    config = folder / "gateway.toml"
    config.write_text(config.read_text().replace("dip_ticks = 2", "dip_ticks = 0"))
    line = next(number for number, text in enumerate(config.read_text().splitlines(), 1) if "dip_ticks = 0" in text)
    told = run(folder, "gateway check gateway.toml", code=6)
    assert f"gateway.toml:{line}: strategies[0].params: quantity, dip_ticks and hold_seconds must be above zero" in told


@pytest.mark.slow
def test_it_trades_at_the_simulated_venue_and_its_queries_show_it(folder: Path) -> None:
    with start_venue(folder / "venue", rate=20.0, flow=6.0) as venue:
        configure(folder, venue.port)
        assert "gateway check gateway.toml" in COMMANDS
        run(folder, "gateway check gateway.toml")
        assert "gateway run gateway.toml" in COMMANDS
        with (folder / "gateway.log").open("w") as log:
            command = [sys.executable, "-m", "gateway", "run", "gateway.toml"]
            process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=log, text=True)
        with process:
            try:
                assert process.stdout is not None
                assert process.stdout.readline().strip() == "ready", (folder / "gateway.log").read_text()
                sold = "SELECT COUNT(*) FROM v_fills WHERE strategy = 'dip' AND side = 'sell'"
                wait_for(lambda: rows(folder, sold)[0][0] >= 2, "two positions bought and sold")
                for line in COMMANDS:
                    if re.match(r"gateway (status|decision|trading)", line):
                        run(folder, line)
                run(folder, 'gateway stop --cancel-open --reason "seen enough"')
                assert process.wait(100) == 0
            finally:
                process.kill()
    for query in QUERIES:
        assert rows(folder, query), query
    decisions = rows(folder, QUERIES[0])
    assert {decision[5] for decision in decisions} <= {None, "trading_disabled"}
    assert "\nequal\n" in run(folder, "gateway verify")
