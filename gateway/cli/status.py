"""`gateway status`: the live process's own account of itself, once or again and again."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from time import sleep
from typing import Any

import click

from gateway.cli import output
from gateway.cli.instance import Instance
from gateway.cli.options import command
from gateway.clock import wall_ns
from gateway.errors import Denied, GatewayError

Frame = tuple[dict[str, Any] | None, int | None, str]
"""The newest document, since when (UTC ns) it could not be had any more, and why."""


@command("status", example="gateway status --watch")
@click.option("--watch", is_flag=True, help="Refresh until Ctrl-C; survives the gateway going away.")
@click.option("--count", type=click.IntRange(1), help="With --watch: end after so many refreshes.")
@click.option(
    "--interval", type=click.FloatRange(0.01, 3600), default=1, show_default=True, metavar="SECONDS", help="Of --watch."
)
def status(instance: Instance, watch: bool, count: int | None, interval: float) -> None:
    """Show the whole state of the running gateway."""
    if watch:
        try:
            _watch(instance, count, interval)
        except KeyboardInterrupt:
            return
        return
    document = instance.client().get("/status")
    if instance.as_json:
        output.document(document)
        return
    from gateway.cli.status_view import render

    output.console().print(render(document))


def _watch(instance: Instance, count: int | None, interval: float) -> None:
    frames = _frames(instance, count, interval)
    if instance.as_json:
        for document, lost_ns, why in frames:
            output.document(document if lost_ns is None else {"not_reachable_since_ns": lost_ns, "error": why})
        return
    from rich.live import Live

    from gateway.cli.status_view import render_frame

    console = output.console()
    if not console.is_terminal:
        for frame in frames:
            console.print(render_frame(*frame))
        return
    with Live(console=console, auto_refresh=False, screen=count is None) as live:
        for frame in frames:
            live.update(render_frame(*frame), refresh=True)


def _frames(instance: Instance, count: int | None, interval: float) -> Iterator[Frame]:
    document: dict[str, Any] | None = None
    lost_ns: int | None = None
    why = ""
    client = instance.client()
    for number in itertools.count(1):
        try:
            document, lost_ns = client.get("/status"), None
        except Denied:
            raise
        except GatewayError as error:
            lost_ns, why = lost_ns or wall_ns(), str(error)
        yield document, lost_ns, why
        if number == count:
            return
        sleep(interval)
