"""`gateway incident`: a review of one order or a window of time, on the terminal, as JSON, or as an HTML page."""

from __future__ import annotations

import os
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gateway.cli import output, times
from gateway.cli.instance import Instance
from gateway.cli.options import command, moment
from gateway.cli.output import Column, Row
from gateway.errors import GatewayError, PreconditionFailed, UsageError
from gateway.wording import counted

if TYPE_CHECKING:
    from gateway.incident.model import Entry, Incident
    from gateway.records.store import RecordStore

_SLOWEST = 8
_STDOUT = Path("-")
_EVENTS = (
    Column("Event", "seq", right=True),
    Column("Time", lambda row: times.clock(row["at_ns"]), whole=True),
    Column("Who", "lane", whole=True),
    Column("What", "what"),
    Column("Order after", "after"),
)


@command("incident", example="gateway incident --order 7-12 --html incident.html")
@click.option("--order", "order_id", metavar="ID", help="One order, by its id or one of its ClOrdIDs.")
@click.option("--from", "from_ns", callback=moment, metavar="TIME", help="From this time on (UTC; ISO 8601 or nanoseconds).")
@click.option("--to", "to_ns", callback=moment, metavar="TIME", help="Before this time.")
@click.option(
    "--html", type=click.Path(dir_okay=False, path_type=Path), help="Write one self-contained page to this file; - is stdout."
)
def incident(instance: Instance, order_id: str | None, from_ns: int | None, to_ns: int | None, html: Path | None) -> None:
    """Show what happened to an order or in a window, what was known, and why.

    Market seen, decision, risk, queue, wire messages, the venue's answers, the state after each, operators, sessions and feeds
    in one sequence, from journal and records alone. Works while the gateway runs and when it is down.
    """
    if (order_id is None) == (from_ns is None and to_ns is None):
        raise UsageError("say either --order ID, or --from TIME and --to TIME")
    if order_id is None and (from_ns is None or to_ns is None):
        raise UsageError("a window has two ends: --from TIME and --to TIME")
    if html == _STDOUT and instance.as_json:
        raise UsageError("--json and --html - both write to stdout: name a file for the page")
    found = _collect(instance, order_id, from_ns or 0, to_ns or 0)
    if html == _STDOUT:
        from gateway.incident.page import page

        click.echo(page(found), nl=False)
    elif html is not None:
        _write(html, found)
    if instance.as_json:
        import msgspec

        output.document(msgspec.to_builtins(found, builtin_types=(Decimal,)))
    elif html is None:
        _tell(found)


def _collect(instance: Instance, order_id: str | None, from_ns: int, to_ns: int) -> Incident:
    from gateway.incident import find, history
    from gateway.incident.collect import collect
    from gateway.incident.wire import add_texts

    with output.progress() as progress, history.opened(instance.journal()) as past:
        if order_id is None:
            subject = find.window(past, from_ns, to_ns)
        else:
            store = _records(instance)
            try:
                subject = find.order(past, order_id, store, progress)
            finally:
                if store is not None:
                    store.close()
        found = collect(past, subject, progress)
    add_texts(found, instance.places.state_dir / "fix")
    return found


def _records(instance: Instance) -> RecordStore | None:
    """The records, where they can be read: without them the search takes longer, and finds the same."""
    store = None
    try:
        store = instance.record_store()
        store.require_current()
    except GatewayError as error:
        output.say(f"{error}; going through the journal instead")
        if store is not None:
            store.close()
        return None
    return store


def _write(path: Path, found: Incident) -> None:
    from gateway.incident.page import page

    temporary = path.with_name(path.name + ".new")
    try:
        temporary.write_text(page(found), encoding="utf-8")
        os.replace(temporary, path)
    except OSError as error:
        raise PreconditionFailed(f"{path}: {error.strerror}; name a file in a directory that can be written") from error
    output.say(f"wrote {path}: {counted(event=len(found.entries), order=len(found.orders))}")


def _tell(found: Incident) -> None:
    from gateway.incident.narrate import span

    click.echo(output.cell(found.subject))
    click.echo(f"{times.moment(found.from_ns)} to {times.moment(found.to_ns)} UTC")
    configurations = ", ".join(one[:12] for one in found.config_sha256)
    click.echo(
        f"events {found.from_seq} to {found.to_seq}, run {', '.join(map(str, found.runs))}, configuration {configurations}"
    )
    click.echo(f"{found.market_events} market events; those that led to something are in the table\n")
    output.console().print(output.table(_EVENTS, [_row(entry) for entry in found.entries]))
    if found.spans:
        click.echo("slowest steps")
        for one in sorted(found.spans, key=lambda one: -one.nanoseconds)[:_SLOWEST]:
            click.echo(f"  {span(one.nanoseconds):>9}  {one.step}  {output.cell(one.cl_ord_id)}")
    for note in found.notes:
        output.say(f"note: {note}")


def _row(entry: Entry) -> Row:
    after = "" if entry.after is None else f"{entry.after.state} {entry.after.cum_qty:f}/{entry.after.leaves_qty:f}"
    doubt = ", in doubt" if entry.after is not None and entry.after.in_doubt else ""
    anomalies = "".join(f"; anomaly: {anomaly}" for anomaly in entry.anomalies)
    market = "" if entry.book is None else f"; seen: {_best(entry)}"
    detail = f": {entry.detail}" if entry.detail else ""
    return {
        "seq": entry.seq,
        "at_ns": entry.at_ns,
        "lane": entry.lane,
        "what": f"{entry.title}{detail}{market}{anomalies}",
        "after": after + doubt or "-",
    }


def _best(entry: Entry) -> str:
    book = entry.book
    assert book is not None, "asked only where there is one"
    bid = f"{book.bids[0].price:f}" if book.bids else "-"
    ask = f"{book.asks[0].price:f}" if book.asks else "-"
    return f"{bid} / {ask}"
