"""`gateway verify`: what `gateway.verification` finds, with a progress bar on a terminal."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from gateway.cli import output
from gateway.cli.instance import Instance
from gateway.cli.options import command
from gateway.wording import counted

if TYPE_CHECKING:
    from gateway.verification import Verdict


@command("verify", example="gateway verify --config gateway.toml")
@click.option("--skip-records", is_flag=True, help="Leave the SQL rows out.")
def verify(instance: Instance, skip_records: bool) -> None:
    """Replay the journal and compare decisions, states and records.

    Checks the hash chain, hashes the snapshots, recomputes every decision and every recorded state digest, and compares the
    SQL rows with what the journal amounts to. May run beside a live gateway. Exit code 0 when all is equal, 1 when not.
    """
    from gateway.runtime.strategies import import_own, load_strategies
    from gateway.verification import verify_instance

    import_own(instance.places.strategy_path)
    store = None if skip_records else instance.record_store()
    with output.progress() as progress:
        verdict = verify_instance(instance.journal(), store, load_strategies, progress)
    _tell(instance, verdict)
    if not verdict.equal:
        click.get_current_context().exit(1)


def _tell(instance: Instance, verdict: Verdict) -> None:
    for note in verdict.notes:
        output.say(f"note: {note}")
    if instance.as_json:
        output.document(asdict(verdict))
        return
    click.echo(f"hash chain    events {verdict.first_event} to {verdict.events}, unbroken")
    if verdict.first_event > 1:
        click.echo(f"              from the snapshot before event {verdict.first_event}: older segments are not here")
    click.echo(
        f"decisions     {counted(event=verdict.recomputed)} recomputed, {counted(difference=verdict.decision_differences)}"
    )
    click.echo(f"state         {counted(digest=verdict.digests)} compared, {counted(difference=verdict.digest_differences)}")
    click.echo(f"snapshots     {verdict.snapshots} hashed, {counted(difference=verdict.snapshot_differences)}")
    if verdict.records_seq is None:
        click.echo("records       left out")
    else:
        rows = counted(row=sum(verdict.compared.values()))
        differences = counted(difference=verdict.record_differences)
        click.echo(f"records       {rows} up to event {verdict.records_seq} compared, {differences}")
    for line in verdict.first:
        click.echo(f"  {output.cell(line)}")
    click.echo("equal" if verdict.equal else "NOT EQUAL")
