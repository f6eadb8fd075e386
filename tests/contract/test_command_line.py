"""The public command line: which commands there are, and what every one of them has."""

from __future__ import annotations

import re
import shlex

import click
import pytest
from click.testing import CliRunner

from gateway import errors
from gateway.cli.main import COMMANDS, root

VERBS = {
    "session": ["list", "logon", "logout", "reset", "set-seq", "show", "test-request"],
    "trading": ["disable", "enable", "reduce", "roll-day"],
    "kill": ["engage", "release", "status"],
    "venue": ["close", "list", "open"],
    "order": ["cancel", "cancel-all", "history", "list", "new", "replace", "resolve", "show"],
    "fill": ["book", "list"],
    "position": ["adjust", "history", "list"],
    "decision": ["list"],
    "anomaly": ["list"],
    "audit": ["list"],
    "config": ["apply", "history", "show"],
    "db": ["check", "current", "rebuild", "upgrade"],
    "log": ["decode", "grep", "latency", "orders", "sessions", "sniff", "stats"],
    "spec": ["build", "check", "diff", "list"],
}
PLAIN = ["check", "demo", "doctor", "incident", "init", "replay", "run", "status", "stop", "venue-sim", "verify"]

EXIT_CODES = {
    "GatewayError": 1,
    "UsageError": 2,
    "NotFound": 3,
    "Denied": 4,
    "NotReachable": 5,
    "PreconditionFailed": 6,
    "UnknownOutcome": 7,
}

OPTIONS = {
    ("order", "new"): "--venue --symbol --side --qty --price --type --tif --account --wait",
    ("order", "replace"): "--qty --price --stop-price --wait",
    ("order", "cancel-all"): "--scope --yes --reason",
    ("kill", "engage"): "--scope --reason",
    ("kill", "release"): "--scope --reason --yes",
    ("kill", "status"): "--scope",
    ("trading", "reduce"): "--scope --reason",
    ("venue", "open"): "--reason",
    ("stop",): "--cancel-open --reason",
    ("demo",): "--seconds --dir --ticks --no-kill",
    ("session", "reset"): "--yes --reason",
    ("session", "set-seq"): "--next-sender --next-target --yes --reason",
    ("venue", "close"): "--reason",
    ("order", "resolve"): "--as --cum-qty --avg-px --reason",
    ("status",): "--watch --count",
    ("log", "grep"): "--from --to --max --follow --count",
    ("log", "decode"): "--where --from --to --max --follow --dictionary",
    ("log", "orders"): "--order --symbol --odd --from --to",
    ("log", "latency"): "--worst",
    ("log", "sessions"): "--events",
}


PATHS: list[tuple[str, ...]] = [
    *((name,) for name in PLAIN),
    *((noun, verb) for noun, verbs in VERBS.items() for verb in verbs),
]


def found(path: tuple[str, ...]) -> click.Command:
    command: click.Command | None = root
    for name in path:
        assert isinstance(command, click.Group)
        command = command.get_command(click.Context(command), name)
    assert command is not None, path
    return command


def flags(command: click.Command) -> set[str]:
    return {flag for parameter in command.params for flag in (*parameter.opts, *parameter.secondary_opts)}


def test_these_commands_and_no_others() -> None:
    assert sorted(COMMANDS) == sorted([*PLAIN, *VERBS])
    for noun, verbs in VERBS.items():
        group = found((noun,))
        assert isinstance(group, click.Group)
        assert sorted(group.commands) == verbs, noun


@pytest.mark.parametrize("path", PATHS, ids=" ".join)
def test_help_shows_an_example_that_parses(path: tuple[str, ...]) -> None:
    result = CliRunner().invoke(root, [*path, "--help"])
    assert result.exit_code == 0
    assert max(map(len, result.stdout.splitlines())) <= 80, result.stdout
    example = result.stdout.partition("Example:\n")[2].strip()
    assert example.startswith(" ".join(("gateway", *path)))
    command = found(path)
    arguments = shlex.split(example.replace("\\\n", " "))[1 + len(path) :]
    command.make_context(path[-1], arguments, parent=click.Context(root))


@pytest.mark.parametrize("noun", [(), *((noun,) for noun in VERBS)], ids=" ".join)
def test_a_list_of_commands_cuts_nothing_off(noun: tuple[str, ...]) -> None:
    shown = CliRunner().invoke(root, [*noun, "--help"]).stdout.partition("Commands:")[2]
    assert shown
    assert "..." not in shown
    for line in re.findall(r"(?m)^  [a-z].*", shown):
        assert re.fullmatch(r"  [a-z-]+ +[A-Z].+[^.]\.?", line), line


@pytest.mark.parametrize("path", PATHS, ids=" ".join)
def test_every_command_speaks_json(path: tuple[str, ...]) -> None:
    assert "--json" in flags(found(path))


@pytest.mark.parametrize("path", [path for path in PATHS if path != ("venue-sim",)], ids=" ".join)
def test_every_command_finds_its_instance(path: tuple[str, ...]) -> None:
    assert "--config" in flags(found(path))


@pytest.mark.parametrize("path", list(OPTIONS), ids=" ".join)
def test_options_that_are_promised(path: tuple[str, ...]) -> None:
    assert set(OPTIONS[path].split()) <= flags(found(path))


@pytest.mark.parametrize("name", list(COMMANDS))
def test_the_table_says_what_the_command_says(name: str) -> None:
    help_text = (found((name,)).help or "").partition("\n")[0]
    assert COMMANDS[name].summary == help_text


def test_exit_codes() -> None:
    assert {name: getattr(errors, name).exit_code for name in EXIT_CODES} == EXIT_CODES


@pytest.mark.parametrize("arguments", [["nothing"], ["order", "nothing"], ["order", "new"], ["status", "--nothing"]])
def test_usage_errors_are_two(arguments: list[str]) -> None:
    assert CliRunner().invoke(root, arguments).exit_code == 2
