"""`gateway session`: FIX sessions as the records know them and, when the gateway answers, as they are."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import click

from gateway.cli import output, times
from gateway.cli.answers import answered, live_venues
from gateway.cli.instance import Instance
from gateway.cli.options import asks, command, group
from gateway.cli.output import Column
from gateway.errors import PreconditionFailed

session = group("session", "FIX sessions: their numbers, logon and logout.")

_COLUMNS = (
    Column("Venue", "venue"),
    Column("Session", "session"),
    Column("Epoch", "epoch", right=True),
    Column("State", "state"),
    Column("Sender", "next_sender", right=True),
    Column("Target", "next_target", right=True),
    Column("Logons", "logons", right=True),
    Column("Last logon", lambda row: times.short(row["last_logon_ns"])),
)
_LIVE = ("state", "epoch", "next_sender", "next_target", "logons", "last_logon_ns", "last_receive_ns")


@command("list", within=session, example="gateway session list")
def list_(instance: Instance) -> None:
    """Sessions with their sequence numbers.

    As the records last saw them; while the gateway runs, the live state takes their place in the table and stands under `live`
    in the JSON.
    """
    found = sessions(instance)
    if not instance.as_json:
        found = [row | (row["live"] or {}) for row in found]
    output.show(instance.as_json, _COLUMNS, found, empty="no sessions yet")


def sessions(instance: Instance) -> list[dict[str, Any]]:
    """One row a session, with what is live under `live` (None when the gateway does not answer or does not have it)."""
    from gateway.cli.reading import opened
    from gateway.records.queries import sessions as recorded_sessions

    live = live_venues(instance)
    current = {(venue["venue"], venue["session"]): venue for venue in live or ()}
    found: list[dict[str, Any]] = []
    try:
        with opened(instance) as store:
            found = [dict(row) for row in recorded_sessions(store)]
    except PreconditionFailed:
        if live is None:
            raise
    known = {(row["venue"], row["session"]) for row in found}
    blank = dict.fromkeys(("epoch", "state", "next_sender", "next_target", "logons", "last_logon_ns", "last_logout_ns"))
    found += [{"venue": venue, "session": name} | blank for venue, name in current if (venue, name) not in known]
    for row in found:
        now = current.get((row["venue"], row["session"]))
        row["live"] = None if now is None else {name: now[name] for name in _LIVE}
    return found


def _action(name: str, done: str, summary: str) -> click.Command:
    @command(name, within=session, example=f'gateway session {name} SIM --reason "asked by the venue"')
    @click.argument("venue")
    @asks(reason="optional")
    def act(instance: Instance, venue: str, reason: str, request_id: str | None) -> None:
        path = f"/sessions/{quote(venue, safe='')}/{name}"
        answered(instance, instance.ask(path, reason=reason, request_id=request_id), f"{venue}: {done}")

    act.help = summary
    return act


_action("logon", "logon asked for", "Log the session of VENUE on.")
_action("logout", "logout asked for", "Log the session of VENUE out; it stays out until `logon`.")
_action("test-request", "TestRequest(1) sent", "Send a TestRequest(1) on the session of VENUE.")
