"""`gateway venue`: the configured venues, opening one that is not reconciled, closing one to new orders."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import click

from gateway.cli import output
from gateway.cli.answers import answered, live_venues
from gateway.cli.instance import Instance
from gateway.cli.options import asks, command, group
from gateway.cli.output import Column

venue = group("venue", "Venues: open one on your word, or close it to new orders.")

_COLUMNS = (
    Column("Venue", "venue"),
    Column("Dialect", "dialect"),
    Column("Address", lambda row: f"{row['host']}:{row['port']}"),
    Column("Session", lambda row: row["live"] and row["live"]["state"]),
    Column("Open", lambda row: row["live"] and row["live"]["opened"]),
    Column("Reason", lambda row: row["live"] and row["live"]["reason"]),
)


@command("list", within=venue, example="gateway venue list")
def list_(instance: Instance) -> None:
    """The configured venues; while the gateway runs, also whether orders may go there."""
    output.show(instance.as_json, _COLUMNS, venues(instance), empty="no venues are configured")


def venues(instance: Instance) -> list[dict[str, Any]]:
    """One row a configured venue; `live` is its part of the status document, None when the gateway does not answer."""
    configured = instance.configuration.configuration.venues
    live = {one["venue"]: one for one in live_venues(instance) or ()}
    return [
        {"venue": one.name, "dialect": one.dialect, "host": one.host, "port": one.port, "live": live.get(one.name)}
        for one in configured
    ]


@command("open", within=venue, example='gateway venue open SIM --reason "orders checked with the venue by phone"')
@click.argument("name", metavar="VENUE")
@asks(reason="required")
def open_(instance: Instance, name: str, reason: str, request_id: str | None) -> None:
    """Trade at VENUE although not everything there is reconciled: on your word, recorded."""
    answer = instance.ask(f"/venues/{quote(name, safe='')}/open", reason=reason, request_id=request_id)
    answered(instance, answer, f"venue {name} opened")


@command("close", within=venue, example='gateway venue close SIM --reason "their fills come late"')
@click.argument("name", metavar="VENUE")
@asks(reason="required")
def close(instance: Instance, name: str, reason: str, request_id: str | None) -> None:
    """Send no new orders to VENUE, whatever its session does.

    Cancels still go, and what is open stays open. `gateway venue open` ends it.
    """
    answer = instance.ask(f"/venues/{quote(name, safe='')}/close", reason=reason, request_id=request_id)
    answered(instance, answer, f"venue {name} closed to new orders")
