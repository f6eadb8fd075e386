"""The commands of docs/logs.md, run again: the page shows what they print."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner
from fixlog_layouts import layouts

from gateway.cli.main import root

PAGE = (Path(__file__).parents[3] / "docs" / "logs.md").read_text("utf-8")


def shown() -> dict[str, list[str]]:
    """Command line -> what the page says it prints."""
    found: dict[str, list[str]] = {}
    block: list[str] | None = None
    for line in PAGE.splitlines():
        if line.startswith("    $ gateway "):
            block = found[line.removeprefix("    $ gateway ")] = []
        elif block is not None and (line.startswith("    ") or not line):
            block.append(line[4:])
        else:
            block = None
    return {command: "\n".join(lines).rstrip("\n").split("\n") for command, lines in found.items()}


@pytest.mark.parametrize("command", shown())
def test_the_page_shows_what_is_printed(command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NO_COLOR", "1")
    broker = layouts()["logback"]
    (tmp_path / "broker.log").write_bytes(broker)
    (tmp_path / "desk.log").write_bytes(b"".join(line for line in broker.splitlines(keepends=True) if b"|17=E2|" not in line))
    line, _, cut = command.partition(" | cut -c 1-")
    done = CliRunner().invoke(root, shlex.split(line))
    printed = [text[: int(cut or 1000)].rstrip() for text in done.output.rstrip("\n").split("\n")]
    assert printed == shown()[command]
