"""`gateway config`: the configuration in the file, every one that was in effect, and taking up a changed one."""

from __future__ import annotations

from typing import Any

import click

from gateway.cli import output, times
from gateway.cli.instance import Instance
from gateway.cli.options import asks, command, group
from gateway.cli.output import Column
from gateway.errors import NotFound, NotReachable

config = group("config", "The configuration in the file, and those that were used.")

_COLUMNS = (
    Column("SHA-256", lambda row: row["config_sha256"][:16]),
    Column("First used", lambda row: times.moment(row["first_used_ns"])),
    Column("Run", "run_id", right=True),
    Column("Event", "event_seq", right=True),
    Column("Text", lambda row: f"{len(row['toml'])} characters" if row["toml"] else "not stored"),
)


@command("show", within=config, example="gateway config show")
@click.argument("sha256", required=False)
def show(instance: Instance, sha256: str | None) -> None:
    """The configuration in the file; with SHA256 (or its beginning), a stored one.

    JSON holds every value in effect, defaults included, and the hash the running gateway has.
    """
    if sha256 is not None:
        _show_stored(instance, sha256)
        return
    loaded = instance.configuration
    running = running_sha256(instance)
    if instance.as_json:
        values = loaded.configuration.model_dump(mode="json", by_alias=True)
        shown = {"path": str(loaded.path), "sha256": loaded.sha256, "running_sha256": running, "configuration": values}
        output.document(shown)
        return
    click.echo(loaded.text, nl=not loaded.text.endswith("\n"))
    output.say(f"{loaded.path}: {loaded.sha256}")
    if running is not None and running != loaded.sha256:
        output.say(f"the running gateway has another configuration: {running}")


def running_sha256(instance: Instance) -> str | None:
    """The hash of the configuration the live process has; None when it does not answer."""
    try:
        found: str | None = instance.client(2.0).get("/status").get("config_sha256")
    except NotReachable:
        return None
    return found


def _show_stored(instance: Instance, sha256: str) -> None:
    found = [row for row in stored(instance) if row["config_sha256"].startswith(sha256.lower())]
    if len(found) != 1:
        what = "no stored configuration begins" if not found else f"{len(found)} stored configurations begin"
        raise NotFound(f"{what} with {sha256!r}; `gateway config history` lists them")
    if instance.as_json:
        output.document(found[0])
    else:
        click.echo(found[0]["toml"] or "", nl=False)


@command("apply", within=config, example='gateway config apply --reason "limits for the afternoon"')
@asks(reason="optional")
def apply(instance: Instance, reason: str, request_id: str | None) -> None:
    """Have the running gateway take up its configuration file.

    Limits, rates and parameters of strategies change at once; all of the file or nothing. Keys that need a restart are
    named, and then nothing is changed. SIGHUP does the same.
    """
    answer = instance.ask("/configuration", reason=reason, request_id=request_id)
    if instance.as_json:
        output.document(answer)
    else:
        click.echo(f"{output.cell(answer['detail'])}; configuration {answer['sha256'][:16]}, event {answer['seq']}")


@command("history", within=config, example="gateway config history --json")
def history(instance: Instance) -> None:
    """Every configuration that was in effect, newest first; JSON holds their text."""
    output.show(instance.as_json, _COLUMNS, stored(instance), empty="no configuration was used yet")


def stored(instance: Instance) -> list[dict[str, Any]]:
    """Rows of v_configurations, newest first."""
    from gateway.cli.reading import listing

    return listing(instance, "v_configurations", {}, order_by=("-first_used_ns", "-event_seq"), limit=0)
