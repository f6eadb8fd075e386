"""`gateway session`: FIX sessions as the records know them and, when the gateway answers, as they are."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import click

from gateway.cli import output, times
from gateway.cli.answers import answered, live_venues
from gateway.cli.instance import Instance
from gateway.cli.options import asks, command, confirm, group, yes
from gateway.cli.output import Column
from gateway.errors import NotFound, PreconditionFailed

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
_EVENTS = (
    Column("Time", lambda row: times.short(row["recorded_ns"]), whole=True),
    Column("Epoch", "epoch", right=True),
    Column("Event", "event", whole=True),
    Column("MsgSeqNum", "msg_seq_num", right=True),
    Column("Detail", lambda row: row["detail"] or "-"),
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


@command("show", within=session, example="gateway session show SIM --limit 20")
@click.argument("name", metavar="VENUE")
@click.option("--limit", type=click.IntRange(0), default=20, show_default=True, help="Events at most; 0 for all.")
def show(instance: Instance, name: str, limit: int) -> None:
    """The session of VENUE, and what happened to it, newest first."""
    from gateway.cli.reading import listing

    found = next((row for row in sessions(instance) if row["venue"] == name), None)
    if found is None:
        raise NotFound(f"venue {name!r} never had a session here; `gateway session list` shows those that did")
    where: dict[str, Any] = {"venue": name}
    events: list[dict[str, Any]] = []
    if found.get("event_seq") is not None:
        events = listing(instance, "v_session_events", where, order_by=("-event_seq", "-ordinal"), limit=limit)
    if instance.as_json:
        output.document(found | {"events": events})
        return
    for key, value in (found | (found["live"] or {})).items():
        if key != "live" and value is not None:
            click.echo(f"{key:15} {times.moment(value) if key.endswith('_ns') else output.cell(value)}")
    if events:
        click.echo()
        output.console().print(output.table(_EVENTS, events))


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
    @command(name, within=session, summary=summary, example=f'gateway session {name} SIM --reason "asked by the venue"')
    @click.argument("venue")
    @asks(reason="optional")
    def act(instance: Instance, venue: str, reason: str, request_id: str | None) -> None:
        path = f"/sessions/{quote(venue, safe='')}/{name}"
        answered(instance, instance.ask(path, reason=reason, request_id=request_id), f"{venue}: {done}")

    return act


_action("logon", "logon asked for", "Log the session of VENUE on.")
_action(
    "logout",
    "logout asked for",
    """Log the session of VENUE out; it stays out until `logon`.

    Not over a restart or a takeover, which log on as configured: `gateway venue close` keeps new orders from a venue then, too.
    """,
)
_action("test-request", "TestRequest(1) sent", "Send a TestRequest(1) on the session of VENUE.")


_AFTERWARDS = 30.0
"""Seconds: the logout before it is waited for."""
_NUMBER = click.IntRange(1, 2**31 - 2)


@command("reset", within=session, example='gateway session reset SIM --yes --reason "agreed with the venue"')
@click.argument("venue")
@yes
@asks(reason="required")
def reset(instance: Instance, venue: str, yes: bool, reason: str, request_id: str | None) -> None:
    """Begin anew at number 1 on both sides; asks for VENUE to be typed.

    Logs out first. The next Logon asks the venue for the reset with ResetSeqNumFlag(141)=Y, the session settles, and orders
    are reconciled before the venue opens.
    """
    confirm(venue, f"resetting the sequence numbers of {venue}", yes=yes)
    path = f"/sessions/{quote(venue, safe='')}/reset"
    answered(instance, instance.ask(path, reason=reason, request_id=request_id, timeout=_AFTERWARDS), f"{venue}: reset")


@command("set-seq", within=session, example='gateway session set-seq SIM --next-target 512 --yes --reason "by phone"')
@click.argument("venue")
@click.option("--next-sender", type=_NUMBER, help="MsgSeqNum(34) of our next message; as it is when left out.")
@click.option("--next-target", type=_NUMBER, help="MsgSeqNum(34) expected next; as it is when left out.")
@yes
@asks(reason="required")
def set_seq(
    instance: Instance,
    venue: str,
    next_sender: int | None,
    next_target: int | None,
    yes: bool,
    reason: str,
    request_id: str | None,
) -> None:
    """Set our sequence numbers as agreed with VENUE; asks for VENUE to be typed.

    Logs out first, and on again with the new numbers; then the session settles, and orders are reconciled before the venue
    opens. The venue is told nothing.
    """
    if next_sender is None and next_target is None:
        raise click.UsageError("say --next-sender, --next-target or both")
    confirm(venue, f"setting the sequence numbers of {venue}", yes=yes)
    path = f"/sessions/{quote(venue, safe='')}/set-seq"
    numbers = {"next_sender": next_sender, "next_target": next_target}
    answer = instance.ask(path, reason=reason, request_id=request_id, timeout=_AFTERWARDS, **numbers)
    answered(instance, answer, f"{venue}: numbers set")
