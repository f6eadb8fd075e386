"""What the live process answered, told: one sentence or one document, or an outcome that stays unknown."""

from __future__ import annotations

from typing import Any

import click

from gateway.cli import output
from gateway.cli.instance import Instance
from gateway.errors import NotReachable, UnknownOutcome


def answered(instance: Instance, answer: dict[str, Any], sentence: str) -> None:
    """Print an answer that carries the position that applied it, in its own words or else as `sentence`.

    Raises UnknownOutcome when it carries none.
    """
    if answer.get("seq") is None:
        detail = answer.get("detail") or "the core did not answer in time"
        raise UnknownOutcome(f"{detail}; look at `gateway status` and `gateway audit list`")
    if instance.as_json:
        output.document(answer)
        return
    click.echo(f"{output.cell(answer.get('detail') or sentence)}, event {answer['seq']}")


def live_venues(instance: Instance) -> list[dict[str, Any]] | None:
    """The venues of the status document; None, with a message, when the gateway does not answer."""
    try:
        # A gateway whose core is stuck says less than everything.
        venues: list[dict[str, Any]] = instance.client(2.0).get("/status").get("venues", [])
    except NotReachable:
        output.say("the gateway is not reachable: no live state")
        return None
    return venues
