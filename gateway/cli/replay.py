"""`gateway replay`: recorded history again, to look at: the whole state at a position, or the decisions of other limits."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gateway.cli import output, times
from gateway.cli.instance import Instance
from gateway.cli.options import command
from gateway.cli.output import Column
from gateway.errors import UsageError

if TYPE_CHECKING:
    from gateway.core.settings import CoreSettings

_JUDGED = (
    Column("Event", "seq", right=True),
    Column("Order", "order_id", whole=True),
    Column("Terms", lambda row: f"{row['intent']} {row['terms']}"),
    Column("Was", "recorded"),
    Column("Would be", "other"),
    Column("Reason", "reason"),
)
_MOST = 20


@command("replay", example="gateway replay --until 100")
@click.option("--until", type=click.IntRange(min=0), metavar="SEQ", help="Show the whole state right after this event.")
@click.option("--open-only", is_flag=True, help="With --until: leave out orders that had ended, and their executions.")
@click.option(
    "--with-config",
    "other",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Put every recorded decision to the limits of this configuration, and list those that would have been others.",
)
def replay(instance: Instance, until: int | None, open_only: bool, other: Path | None) -> None:
    """Replay what was recorded: the state at a position, or other limits.

    Reads the journal alone and changes nothing; may run beside a live gateway. With --with-config each decision is judged as
    history stood right before it, and the exit code is 0 whatever is found.
    """
    if (until is None) == (other is None):
        raise UsageError("say one of --until SEQ and --with-config FILE")
    if until is not None:
        _show_state(instance, until, open_only=open_only)
    elif other is not None:
        _judge(instance, other)


def _show_state(instance: Instance, seq: int, *, open_only: bool) -> None:
    from gateway.incident import history, position

    with output.progress() as progress, history.opened(instance.journal()) as past:
        found = position.document(position.state_at(past, seq, progress), everything=not open_only)
    if instance.as_json:
        output.document(found)
        return
    click.echo(f"state after event {found['seq']}, {times.moment(found['at_ns'])} UTC, digest {found['digest']}\n")
    for domain in ("control", "execution", "market"):
        for name, entries in found[domain].items():
            if entries and name != "settings":
                _table(f"{domain}: {name.replace('_', ' ')}", entries)


def _table(title: str, entries: list[dict[str, Any]]) -> None:
    click.echo(f"{title} ({len(entries)})")
    for entry in entries[:_MOST]:
        key = entry["key"]
        named = " ".join(str(part) for part in key) if isinstance(key, (list, tuple)) else str(key)
        click.echo(f"  {output.cell(named)}: {output.cell(_told(entry['value']))}")
    if len(entries) > _MOST:
        click.echo(f"  and {len(entries) - _MOST} more; --json has them all")
    click.echo()


def _told(value: Any) -> str:
    """A value on one line; what says nothing is left out."""
    if not isinstance(value, dict):
        return str(value)
    return ", ".join(f"{name} {found}" for name, found in value.items() if found not in (None, "", [], False))


def _judge(instance: Instance, path: Path) -> None:
    import msgspec

    from gateway.incident import history, what_if

    settings = _settings(path)
    tally = what_if.Tally()
    with output.progress() as progress, history.opened(instance.journal()) as past:
        found = [msgspec.structs.asdict(one) for one in what_if.judge(past, settings, tally, progress)]
    if instance.as_json:
        output.document({**msgspec.structs.asdict(tally), "changed": found})
        return
    output.show(False, _JUDGED, found, empty="no decision would have been another")
    click.echo(
        f"{tally.decisions} decisions: {tally.denied_now} would be denied, {tally.allowed_now} allowed,"
        f" {tally.another_reason} denied for another reason; {tally.not_judged} not judged"
    )


def _settings(path: Path) -> CoreSettings:
    """The limits of a configuration file. Raises ConfigurationError with everything wrong in it."""
    from gateway.config.load import load
    from gateway.runtime.settings import core_settings

    return core_settings(load(path, check_secrets=False))
