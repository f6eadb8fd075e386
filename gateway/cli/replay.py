"""`gateway replay`: history again. A FIX log through the core, the recorded state at a position, or other limits."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gateway.cli import output, times
from gateway.cli.instance import Instance
from gateway.cli.log import window
from gateway.cli.options import command, there
from gateway.cli.output import Column
from gateway.errors import UsageError
from gateway.wording import counted

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


@command("replay", example="gateway replay var/fix/SIM/messages.log")
@click.argument("files", metavar="[LOG]...", nargs=-1)
@click.option("--against-records", metavar="URL", help="Compare with these records.")
@click.option(
    "--against-log", multiple=True, metavar="LOG", help="Compare with the other side's log or a drop copy; may repeat."
)
@window
@click.option("--side", metavar="COMPID", help="Only sessions in which this CompID sends the orders.")
@click.option("--dialect", metavar="NAME", help="Read by this dialect, a name or a file; else by BeginString(8).")
@click.option("--venue", multiple=True, help="Venue of the records; else that with the log's session.")
@click.option(
    "--time-tolerance",
    type=click.FloatRange(min=0),
    default=1.0,
    show_default=True,
    metavar="SECONDS",
    help="How far apart times of one execution may be.",
)
@click.option(
    "--until", type=click.IntRange(min=0), metavar="SEQ", help="Show the whole recorded state right after this event."
)
@click.option("--open-only", is_flag=True, help="With --until: leave out orders that had ended, and their executions.")
@click.option(
    "--with-config",
    "other",
    type=click.Path(dir_okay=False, path_type=Path),
    callback=there,
    help="Put every recorded decision to the limits of this configuration, and list those that would have been others.",
)
def replay(
    instance: Instance,
    files: tuple[str, ...],
    against_records: str | None,
    against_log: tuple[str, ...],
    until: int | None,
    open_only: bool,
    other: Path | None,
    **options: Any,
) -> None:
    """Replay a FIX log, or what was recorded.

    \b
      LOG...              orders, executions, positions and anomalies of FIX
                          logs, read by the live decoder and the live core;
                          compared with records, the other side's log of the
                          same session, or a drop copy
      --until SEQ         the recorded state at a position
      --with-config FILE  recorded decisions under other limits

    Logs need no configuration and no gateway. Whose orders they are, the messages show. Compared is what lies in the span of
    both, and of --from and --to; every difference is named: missing (not in LOG), extra (only in LOG), symbol, side, quantity,
    price, state, exec_id, time.

    The others read the journal alone and change nothing; they may run beside a live gateway.

    Exit codes: 1 LOG and what it is compared with differ, 3 no file, no FIX message, or no such venue.
    """
    if [bool(files), until is not None, other is not None].count(True) != 1:
        raise UsageError("say one of LOG..., --until SEQ and --with-config FILE")
    if files:
        from gateway.cli.replay_logs import replay_logs

        replay_logs(instance, files, against_records, against_log, **options)
        return
    if (
        against_records is not None
        or against_log
        or any(options[name] for name in ("start", "end", "side", "dialect", "venue"))
    ):
        raise UsageError("comparisons, spans, sides, dialects and venues belong to LOG...: name one")
    if until is not None:
        _show_state(instance, until, open_only=open_only)
    elif other is not None:
        _judge(instance, other)


def _show_state(instance: Instance, seq: int, *, open_only: bool) -> None:
    from gateway.incident import history, position

    with output.progress() as progress, history.opened(instance.journal()) as past:
        found = position.document(position.state_at(past, seq, progress), everything=not open_only)
        found["recorded_digest"] = past.digest_at(seq)
    if found["recorded_digest"] not in (None, found["digest"]):
        output.say(
            f"the digest recorded at event {seq} is {found['recorded_digest']}: another build made it, or the journal was"
            " altered; `gateway verify` tells which"
        )
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
        f"{counted(decision=tally.decisions)}: {tally.denied_now} would be denied, {tally.allowed_now} allowed,"
        f" {tally.another_reason} denied for another reason; {tally.not_judged} not judged"
    )


def _settings(path: Path) -> CoreSettings:
    """The limits of a configuration file. Raises ConfigurationError with everything wrong in it."""
    from gateway.config.load import load
    from gateway.runtime.settings import core_settings

    return core_settings(load(path, check_secrets=False))
