"""`gateway replay LOG...`: what it prints, how it compares with logs, and how it refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from told import NANOS, Told, scripted

from gateway.cli.main import root


class Cli:
    def __call__(self, *args: str) -> Result:
        return CliRunner().invoke(root, list(args))

    def json(self, *args: str, exit_code: int = 0) -> Any:
        result = self(*args, "--json")
        assert result.exit_code == exit_code, result.output
        return json.loads(result.stdout)


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """Where there is no configuration: logs need none."""
    monkeypatch.chdir(tmp_path)
    return Cli()


@pytest.fixture
def log(tmp_path: Path) -> str:
    return str(scripted().write(tmp_path / "ours.log"))


def test_the_tables_fit_and_say_it_all(cli: Cli, log: str) -> None:
    result = cli("replay", log)
    assert result.exit_code == 0
    assert all(len(line) <= 80 for line in result.stdout.splitlines())
    for said in (
        "12 messages: 5 requests, 7 reports",
        "session FIX.4.4:DESK->SIM",
        "3 orders, 2 executions; anomalies: none",
        "110.22",
    ):
        assert said in result.stdout
    found = cli.json("replay", log)
    assert [(one["order"], one["state"], one["cum_qty"]) for one in found["orders"]] == [
        ("A1", "Filled", "1000"), ("B1", "Cancelled", "0"), ("C1", "Rejected", "0"),
    ]  # fmt: skip
    assert [(one["order"], one["exec_id"]) for one in found["fills"]] == [("A1", "E2"), ("A1", "E3")]
    assert found["comparisons"] == []


def test_the_other_sides_log_is_equal_or_the_difference_is_named(cli: Cli, log: str, tmp_path: Path) -> None:
    equal = cli("replay", log, "--against-log", log)
    assert equal.exit_code == 0
    assert "on both sides: 3 orders, 2 executions, 1 position\n" in equal.stdout
    other = str(scripted().write(tmp_path / "theirs.log", without=[3]))
    result = cli("replay", log, "--against-log", other)
    assert result.exit_code == 1
    assert "E3" in result.stdout
    assert all(len(line) <= 80 for line in result.stdout.splitlines())
    (found,) = cli.json("replay", log, "--against-log", other, exit_code=1)["comparisons"]
    assert (found["other"], found["equal"]) == ("other log", False)
    assert ("extra", "execution", "E3") in [(one["kind"], one["what"], one["exec_id"]) for one in found["differences"]]


def test_a_drop_copy_is_known_by_what_it_has(cli: Cli, log: str, tmp_path: Path) -> None:
    drop = Told(ours="DROP")
    drop.now_ns += 2 * NANOS
    path = str(drop.fill("A1", "E2", 400, 400).fill("A1", "E3", 600, 1000, price="110.2").write(tmp_path / "drop.log"))
    (found,) = cli.json("replay", log, "--against-log", path)["comparisons"]
    assert (found["other"], found["executions"], found["differences"]) == ("drop copy", 2, [])


def test_a_span_is_looked_at_alone(cli: Cli, log: str, tmp_path: Path) -> None:
    found = cli.json("replay", log, "--from", "2024-01-02T10:00:05")
    assert [one["order"] for one in found["orders"]] == ["B1", "C1"]


def test_the_password_of_the_records_goes_to_them_alone(cli: Cli, log: str, tmp_path: Path) -> None:
    url = "postgresql+psycopg://desk@127.0.0.1:1/records"
    text = f'[gateway]\nname = "d"\n[records]\nurl = "{url}"\npassword_env = "THE_PASSWORD_OF_THE_RECORDS"\n'
    (tmp_path / "gateway.toml").write_text(text)
    own = cli("replay", log, "--against-records", url.replace("+psycopg", ""))
    assert (own.exit_code, "records.password_env" in own.stderr) == (6, True), own.stderr
    other = cli("replay", log, "--against-records", url.replace("desk@", "other@"))
    assert (other.exit_code, "password_env" in other.stderr) == (6, False), other.stderr


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--until", "4", "LOG"], 2),
        (["--against-log", "LOG"], 2),
        (["--until", "4", "--side", "DESK"], 2),
        (["missing.log"], 3),
        (["LOG", "--dialect", "nobody"], 3),
        (["LOG", "--against-log", "missing.log"], 3),
        (["LOG", "--against-log", "LOG", "--from", "2025-01-01"], 3),
        (["LOG", "--against-records", "sqlite:////nowhere/records.db"], 3),
        (["LOG", "--dialect", "/nowhere/dialect.toml"], 3),
        (["LOG", "--against-log", "missing*.log"], 3),
        (["--with-config", "/nowhere/other.toml"], 3),
        (["LOG", "--time-tolerance", "-1"], 2),
    ],
)
def test_what_cannot_be_done_says_why(cli: Cli, log: str, arguments: list[str], code: int) -> None:
    result = cli("replay", *(log if one == "LOG" else one for one in arguments))
    assert result.exit_code == code, result.output
    assert result.stderr
