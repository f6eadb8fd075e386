"""The status page: everything in 80 columns, nothing obeyed, and a watch that outlives the gateway."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from gateway.cli import output
from gateway.cli.status_view import render


def test_the_page_says_everything_in_80_columns(cli: Any, surface: Any) -> None:
    result = cli("status")
    assert result.exit_code == 0
    assert max(map(len, result.stdout.splitlines())) <= 80
    for fragment in (
        "desk-1  run 7  version 0.1.0  pid 4711  up 01:02:05",
        "trading enabled",
        "strategy:maker reduced",
        "kill switch engaged for venue:SIM",
        "operational_control",
        "123456",
        "150.13",
        "4 open, 2 waiting, 3 unanswered, 1 in doubt; fills: 17",
        "unknown_order 5",
        "4 events behind, written by process 4712",
        "-1500",
        "critical",
    ):
        assert fragment in result.stdout, fragment
    assert "\x1b" not in result.stdout
    assert "\u202e" not in result.stdout
    assert cli.json("status") == surface.document


def test_a_core_that_never_answered_leaves_a_page(cli: Any, surface: Any) -> None:
    kept = ("name", "pid", "now_ns", "kill", "intake_depth", "metrics_port", "journal", "records", "capabilities", "alarms")
    surface.document = {name: surface.document[name] for name in kept}
    result = cli("status")
    assert result.exit_code == 0
    assert "trading unknown" in result.stdout
    assert cli("session", "list").exit_code == 0


def test_watch_survives_the_gateway_going_away(cli: Any, serve: Callable[[], Any], monkeypatch: pytest.MonkeyPatch) -> None:
    _, server = serve()
    naps: list[float] = []

    def nap(seconds: float) -> None:
        naps.append(seconds)
        server.stop() if len(naps) == 1 else serve()

    monkeypatch.setattr("gateway.cli.status.sleep", nap)
    result = cli("status", "--watch", "--count", "3", "--json")
    first, lost, again = [json.loads(line) for line in result.stdout.splitlines()]
    assert (first["run_id"], again["run_id"]) == (7, 7)
    assert lost["not_reachable_since_ns"] > 0
    assert naps == [1, 1]


def test_watch_shows_the_last_page_under_the_bad_news(
    cli: Any, serve: Callable[[], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, server = serve()
    monkeypatch.setattr("gateway.cli.status.sleep", lambda _: server.stop())
    shown = cli("status", "--watch", "--count", "2").stdout
    lost = shown.index("not reachable since")
    assert "desk-1  run 7" in shown[:lost]
    assert "desk-1  run 7" in shown[lost:]


def test_watch_begins_with_what_matters_most(cli: Any, surface: Any) -> None:
    """A screen of 24 lines cuts off the rest of the page; nothing of it is left out elsewhere."""
    once, watched = cli("status").stdout, cli("status", "--watch", "--count", "1").stdout
    places = [watched.index(part) for part in ("kill switch", "critical", "in doubt", "-1500", "operational_control")]
    assert places == sorted(places)
    assert sorted(once.split()) == sorted(watched.split())


def test_watch_ends_quietly(cli: Any, surface: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(_: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("gateway.cli.status.sleep", interrupt)
    result = cli("status", "--watch")
    assert (result.exit_code, result.stderr) == (0, "")


class Terminal:
    """A stream that says it is a terminal."""

    encoding = "utf-8"

    def __init__(self) -> None:
        self.text = ""

    def isatty(self) -> bool:
        return True

    def write(self, text: str) -> int:
        self.text += text
        return len(text)

    def flush(self) -> None:
        pass


@pytest.mark.parametrize(("variable", "coloured"), [("", True), ("1", False)])
def test_no_color_is_honoured(monkeypatch: pytest.MonkeyPatch, surface: Any, variable: str, coloured: bool) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("NO_COLOR", variable)
    terminal: Any = Terminal()
    output.console(terminal).print(render(surface.document))
    assert ("\x1b[" in terminal.text) is coloured
