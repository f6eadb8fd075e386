"""The public table of commands, row by row, against the commands there are."""

from __future__ import annotations

import click

from gateway.cli.main import root

PROMISED = """
demo
init
check
run
stop
status
session list show logon logout reset set-seq test-request
trading enable disable reduce
kill engage release status
venue list open close
order list show history new replace cancel cancel-all resolve
fill list book
position list history adjust
decision list
anomaly list
config show history apply
audit list
db upgrade current check
verify
log sniff decode grep stats sessions orders latency
replay
incident
spec list build check diff
venue-sim
backtest
report
certify
doctor
"""
LATER = frozenset({"backtest", "report", "certify"})
"""Nouns that are not there yet."""
ADDED = frozenset({"db rebuild", "trading roll-day"})
"""Commands beyond the table."""


def there() -> set[str]:
    found: set[str] = set()
    context = click.Context(root)
    for noun in root.list_commands(context):
        command = root.get_command(context, noun)
        assert command is not None
        verbs = command.list_commands(context) if isinstance(command, click.Group) else [""]
        found |= {f"{noun} {verb}".strip() for verb in verbs}
    return found


def promised() -> set[str]:
    rows = [line.split() for line in PROMISED.strip().splitlines()]
    return {f"{noun} {verb}".strip() for noun, *verbs in rows for verb in verbs or [""]}


def test_every_row_is_there() -> None:
    assert {name.split()[0] for name in promised() - there()} == LATER


def test_nothing_else_is_there() -> None:
    assert there() - promised() == ADDED
