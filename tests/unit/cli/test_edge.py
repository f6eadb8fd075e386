"""The edge of the command line: what is imported, how errors and interruptions end, and what a terminal is asked."""

from __future__ import annotations

import errno
import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

HEAVY = ("quickfix", "sqlalchemy", "alembic", "pydantic", "rich", "cheroot", "msgspec")
GATEWAY = (sys.executable, "-c", "from gateway.cli.main import main; main()")


def run(cli: Any, *args: str, **options: Any) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "GATEWAY_CONFIG": str(cli.config)}
    return subprocess.run(
        [*GATEWAY, *args], env=environment, text=True, capture_output=True, timeout=100, check=False, **options
    )


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys\n"
        "from gateway.cli.main import root\n"
        "try: root(['--help'])\n"
        "except SystemExit: pass\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)"
    )
    result = subprocess.run([sys.executable, "-c", code], text=True, capture_output=True, check=True, timeout=100)
    assert "venue-sim" in result.stdout
    assert result.stderr == "[]\n"


def test_a_command_that_asks_needs_no_database(cli: Any) -> None:
    code = (
        "import sys\n"
        "from gateway.cli.main import root\n"
        "try: root(['status'])\n"
        "except SystemExit: pass\n"
        "print([name for name in ('quickfix', 'sqlalchemy', 'alembic') if name in sys.modules])"
    )
    environment = {**os.environ, "GATEWAY_CONFIG": str(cli.config)}
    result = subprocess.run(
        [sys.executable, "-c", code], env=environment, text=True, capture_output=True, check=True, timeout=30
    )
    assert result.stdout == "[]\n"


def test_a_file_of_another_user_is_one_line_and_4(cli: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """As after `sudo -u`: the state directory is its owner's alone."""

    def closed(*_: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", "var/records.db")

    monkeypatch.setattr("gateway.cli.spec.dialects", closed)
    result = cli("spec", "list")
    assert (result.exit_code, result.stdout) == (4, "")
    assert result.stderr == "error: no permission to open var/records.db; run the command as a user who has it\n"


def test_a_defect_keeps_its_traceback(cli: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("a defect")

    monkeypatch.setattr("gateway.cli.spec.dialects", broken)
    result = cli("spec", "list")
    assert isinstance(result.exception, RuntimeError)


def test_every_problem_of_a_configuration_is_a_line(cli: Any) -> None:
    cli.config.write_text(cli.config.read_text().replace("9878", '"x"') + "\n[nonsense]\n")
    result = cli("check")
    assert (result.exit_code, result.stdout) == (6, "")
    lines = result.stderr.splitlines()
    assert len(lines) >= 2
    assert all(line.startswith(f"error: {cli.config}:") for line in lines)
    found = cli.json("check", exit_code=6)
    assert found["ok"] is False
    assert len(found["problems"]) == len(lines)


def test_the_configuration_is_found_where_it_is_said(cli: Any, tmp_path: Path) -> None:
    elsewhere = str(tmp_path / "none.toml")
    assert "none.toml" in cli("status", config=elsewhere).stderr
    on_command = cli("status", "--config", str(cli.config), config=elsewhere)
    on_root = cli("--config", str(cli.config), "status", config=elsewhere)
    assert on_command.exit_code == on_root.exit_code == 5


def test_init_writes_once(cli: Any, tmp_path: Path) -> None:
    target = tmp_path / "my desk"
    assert f"gateway check '{tmp_path}/other desk/gateway.toml'`" in cli("init", str(tmp_path / "other desk")).stderr
    assert cli.json("init", str(target)) == {"path": str(target / "gateway.toml")}
    written = (target / "gateway.toml").read_text()
    assert written == Path("config/gateway.toml").read_text()
    (target / "gateway.toml").write_text("mine")
    assert cli("init", str(target)).exit_code == 6
    assert (target / "gateway.toml").read_text() == "mine"


@pytest.mark.parametrize("shape", [["--json"], []])
def test_a_reader_that_leaves_is_no_error(shape: list[str]) -> None:
    read, write = os.pipe()
    os.close(read)
    result = subprocess.run(
        [*GATEWAY, "spec", "list", *shape], stdout=write, stderr=subprocess.PIPE, text=True, timeout=100, check=False
    )
    os.close(write)
    assert (result.stderr, result.returncode) == ("", 141)  # not 1: two logs would differ, a check would have failed


@pytest.mark.parametrize(("typed", "exit_code", "asked"), [("venue:SIM", 0, 1), ("all", 1, 0), ("", 1, 0)])
def test_a_dangerous_verb_has_its_scope_typed(cli: Any, surface: Any, typed: str, exit_code: int, asked: int) -> None:
    master, slave = pty.openpty()
    os.write(master, f"{typed}\n".encode())
    try:
        result = run(cli, "order", "cancel-all", "--scope", "venue:SIM", stdin=slave)
    finally:
        os.close(master)
        os.close(slave)
    assert result.returncode == exit_code, result.stderr
    assert len(surface.asked) == asked
    assert "type 'venue:SIM' to go on" in result.stderr
    assert ("nothing was done" in result.stderr) is (asked == 0)


def test_an_argument_that_is_not_utf8_is_no_defect(cli: Any, surface: Any) -> None:
    result = run(cli, "trading", "disable", "--reason", b"\xff".decode("utf-8", "surrogateescape"))
    assert result.returncode in (0, 2)
    assert "Traceback" not in result.stderr


def test_doctor_names_what_is_there(cli: Any) -> None:
    facts = {fact["subject"]: fact for fact in cli.json("doctor")}
    assert facts["quickfix"]["found"] == "1.16.0"
    assert facts["dialect generic-fix44"]["found"].endswith("FIX44.xml")
    assert facts["kernel boot id"]["state"] == "ok"
    assert facts["state directory"]["found"].endswith("mode 0700")
    assert "engine TLS" in facts
    cli.state.chmod(0o777)
    told = cli("doctor")
    assert told.exit_code == 6
    assert "can be written by other users" in " ".join(told.stdout.split())
    assert max(map(len, told.stdout.splitlines())) <= 80


def test_dialects_are_listed(cli: Any) -> None:
    assert "generic-fix44" in {row["name"] for row in cli.json("spec", "list")}
    assert "generic-fix44" in cli("spec", "list").stdout


def test_what_is_said_folds_at_words_on_a_terminal_and_nowhere_else() -> None:
    command = [*GATEWAY, "log", "stats", "a name that is not there"]
    said = "error: no file a name that is not there; check the path"
    master, slave = pty.openpty()
    try:
        subprocess.run(command, stderr=slave, timeout=100, check=False, env={**os.environ, "COLUMNS": "30"})
        os.close(slave)
        shown = os.read(master, 4096).decode().replace("\r\n", "\n")
    finally:
        os.close(master)
    assert shown == "error: no file a name that is\nnot there; check the path\n"
    piped = subprocess.run(command, stderr=subprocess.PIPE, text=True, timeout=100, check=False)
    assert piped.stderr == f"{said}\n"
