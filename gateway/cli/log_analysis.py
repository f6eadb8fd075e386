"""`gateway log stats|sessions|orders|latency`: what the messages of logs add up to, read as they stream."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from gateway.cli import output
from gateway.cli.instance import Instance
from gateway.cli.log import FILES, Span, log, opened, require_messages, window, within
from gateway.cli.options import command
from gateway.cli.output import Column, Row, day_column, rounded
from gateway.cli.times import clock, moment, short
from gateway.core.values import NANOS
from gateway.errors import NotFound
from gateway.fix.numbers import parse_decimal
from gateway.wording import counted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.fixlogs.orders import Order
    from gateway.fixlogs.reader import LogMessage
    from gateway.fixlogs.sessions import Event

_MOST_ROWS = 1000
_FEW = 3
_TYPES = (
    Column("Type", "msg_type"),
    Column("Message", "name"),
    Column("Version", "version"),
    Column("Messages", "messages", right=True),
)
_SENDERS = (
    Column("Version", "version"),
    Column("Sender", "sender"),
    Column("Target", "target"),
    Column("Messages", "messages", right=True),
)
_DIRECTIONS = (
    Column("Sender", "sender"),
    Column("Messages", "messages", right=True),
    Column("Numbers", lambda row: f"{row['lowest_seq_num']}-{row['highest_seq_num']}" if row["highest_seq_num"] else None),
    Column("Poss. dup.", "possible_duplicates", right=True),
    Column("Longest silence", lambda row: f"{row['longest_silence_ns'] / NANOS:.3f} s", right=True),
    Column("Events", lambda row: ", ".join(f"{kind} {count}" for kind, count in row["events"].items()) or None),
)
_ORDERS = (
    Column("First", lambda row: short(row["first_ns"]), whole=True),
    Column("Order", "order"),
    Column("Symbol", "symbol"),
    Column("Side", "side"),
    Column("Qty", "quantity", right=True),
    Column("Price", "price", right=True),
    Column("State", "state"),
    Column("Done", "cum_qty", right=True),
    Column("Avg", lambda row: _average(row["avg_px"]), right=True),
)
_NOTES = (Column("Order", "order", whole=True), Column("Does not fit", "note"))
_HISTORY = (
    Column("Time", lambda row: clock(row["time_ns"]), whole=True),
    Column("From", "sender"),
    Column("Seq", "msg_seq_num", right=True),
    Column("Type", "msg_type"),
    Column("ClOrdID", "cl_ord_id"),
    Column("Exec", "exec_type"),
    Column("Status", lambda row: _status(row["ord_status"])),
    Column("Last", lambda row: f"{row['last_qty']} @ {row['last_px']}" if row["last_qty"] not in (None, "0") else None),
    Column("Cum", "cum_qty", right=True),
    Column("Text", "text"),
)


def _average(text: str | None) -> str | None:
    """AvgPx(6) to six decimals, what is no number as it is."""
    number = parse_decimal(text)
    return text if number is None else rounded(number)


def _milliseconds(name: str) -> Column:
    return Column(name, lambda row: _ms(row[f"{name}_ns"]), right=True)


_LATENCIES = (
    Column("Request", "request"),
    Column("Sent", "requests", right=True),
    Column("Answered", "answered", right=True),
    Column("Open", "unanswered", right=True),
    *(_milliseconds(name) for name in ("min", "p50", "p90", "p99", "p99.9", "max")),
)
_WORST = (
    Column("Time", lambda row: clock(row["time_ns"]), whole=True),
    Column("Request", "request"),
    Column("ClOrdID", "cl_ord_id"),
    Column("Symbol", "symbol"),
    Column("Status", lambda row: _status(row["ord_status"] or None)),
    Column("ms", lambda row: _ms(row["latency_ns"]), right=True),
)


@command("stats", within=log, example="gateway log stats var/fix/SIM/messages.log")
@FILES
def stats(instance: Instance, files: tuple[str, ...]) -> None:
    """Count what logs hold: types, sessions, directions, odd messages.

    Times are SendingTime(52). Every message is checked for length and checksum.

    Exit codes: 3 no file, or no FIX message in it.
    """
    from gateway.fixlogs.statistics import Statistics

    found = opened(files)
    statistics = Statistics()
    with output.progress() as progress:
        for one in found:
            for batch in one.batches(progress):
                statistics.add(one, batch)
    require_messages(found, statistics.messages)
    result = statistics.result()
    for row in result["types"]:
        row["name"] = _message_name(row["version"], row["msg_type"])
    if instance.as_json:
        output.document(result)
        return
    way = ", ".join(f"{count} {name}" for name, count in result["directions"].items() if count)
    click.echo(f"{counted(message=result['messages'], byte=result['bytes'])}; direction: {way}")
    click.echo(f"{moment(result['first_ns'])} to {moment(result['last_ns'])}")
    if result["busiest_second_ns"] is not None:
        click.echo(f"busiest second {short(result['busiest_second_ns'])}: {counted(message=result['busiest_second_messages'])}")
    for text, count in result["odd"].items():
        click.echo(f"odd: {count} {text}")
    for text, count in result["without"].items():
        click.echo(f"odd: {count} without {text}")
    if result["other_lines"]:
        click.echo(f"{result['other_lines']} lines hold no message")
    for columns, key in ((_TYPES, "types"), (_SENDERS, "sessions")):
        click.echo()
        output.show(False, columns, result[key], empty="none")


def _message_name(version: str, msg_type: str) -> str | None:
    from gateway.errors import PreconditionFailed
    from gateway.fixlogs.names import names

    try:
        return names(version).message(msg_type) or None
    except PreconditionFailed:  # counts do not need dictionaries
        return None


@command("sessions", within=log, example="gateway log sessions --events var/fix/SIM/messages.log")
@FILES
@window
@click.option("--events", is_flag=True, help="Each logon, gap, resend, reset, reject and silence, in order.")
def sessions(instance: Instance, files: tuple[str, ...], start: int | None, end: int | None, events: bool) -> None:
    """Follow FIX sessions: logons, lost connections, gaps, resends, resets, rejects, silences.

    Several logs are read as one, by time. JSON: one document, or with --events a line for each event.

    Exit codes: 3 no file, or no FIX message in it.
    """
    from gateway.fixlogs.sessions import Sessions

    followed = Sessions(_event_shown(instance)) if events else Sessions()
    for message in _messages(files, start, end):
        followed.add(message)
    if events:
        return
    result = followed.result()
    if instance.as_json:
        output.document(result)
        return
    for at, session in enumerate(result):
        beat = f", heartbeat {session['heartbeat_seconds']} s" if session["heartbeat_seconds"] else ""
        if at:
            click.echo()
        click.echo(output.cell(f"{session['session']}{beat}"))
        click.echo(f"{moment(session['first_ns'])} to {moment(session['last_ns'])}")
        output.show(False, _DIRECTIONS, session["directions"], empty="none")


def _event_shown(instance: Instance) -> Any:
    from dataclasses import asdict

    def tell(event: Event) -> None:
        if instance.as_json:
            output.document(asdict(event))
            return
        number = "" if event.msg_seq_num is None else f" {event.msg_seq_num}"
        who = event.sender or event.session
        click.echo(output.cell(f"{moment(event.time_ns)}  {who}{number}  {event.kind}  {event.detail}".rstrip()))

    return tell


@command("orders", within=log, example="gateway log orders --symbol USD/JPY var/fix/SIM/messages.log")
@FILES
@window
@click.option("--order", "name", metavar="ID", help="One order by any ClOrdID or OrderID, message by message.")
@click.option("--symbol", help="Only this Symbol(55).")
@click.option("--odd", is_flag=True, help="Only orders with something that does not fit.")
def orders(
    instance: Instance,
    files: tuple[str, ...],
    start: int | None,
    end: int | None,
    name: str | None,
    symbol: str | None,
    odd: bool,
) -> None:
    """Follow orders over their ClOrdIDs, in both directions.

    Several logs are read as one, by time: of one session both sides' logs, or one for each direction. JSON: a line for each
    order, its messages in it with --order. A table shows the first 1000.

    Exit codes: 3 no file, no FIX message, or no such order.
    """
    from gateway.fixlogs.orders import Orders

    rows: list[Row] = []
    shown = 0

    def done(order: Order) -> None:
        nonlocal shown
        row = order.row()
        if name is not None and name not in (*order.chain, order.name, order.venue_order_id):
            return
        if (symbol is not None and order.symbol != symbol) or (odd and not row["notes"]):
            return
        shown += 1
        if name is not None:
            row["messages"] = order.history
        if instance.as_json:
            output.document(row)
        elif len(rows) < _MOST_ROWS:
            rows.append(row)

    followed = Orders(done, history=name is not None, held=10_000 if name is not None else 50_000)
    for message in _messages(files, start, end):
        followed.add(message)
    followed.finish()
    if name is not None and not shown:
        raise NotFound(f"no order {name} in these logs; any ClOrdID(11) of its chain or its OrderID(37) will do")
    if instance.as_json:
        return
    output.show(False, (day_column(_ORDERS[0].title, "first_ns", rows), *_ORDERS[1:]), rows, empty="no orders")
    if shown > len(rows):
        output.say(f"{shown - len(rows)} more orders are not shown: --json has all of them")
    if name is None:
        _noted(rows)
    for row in rows if name is not None else ():
        click.echo()
        click.echo(output.cell(f"chain {' > '.join(row['chain'])}, OrderID {row['venue_order_id']}"))
        for note in row["notes"]:
            click.echo(output.cell(f"note: {note}"))
        output.show(False, _HISTORY, row["messages"], empty="none")


def _noted(rows: list[Row]) -> None:
    """What does not fit, an order a line; what is said of many orders, once."""
    by_note: dict[str, list[str]] = {}
    for row in rows:
        for note in row["notes"]:
            by_note.setdefault(note, []).append(row["order"])
    told = [
        {"order": one, "note": note}
        for note, orders in by_note.items()
        for one in (orders if len(orders) <= _FEW else [f"{len(orders)} orders"])
    ]
    if told:
        click.echo()
        output.show(False, _NOTES, told, empty="none")


@command("latency", within=log, example="gateway log latency --worst 5 var/fix/SIM/messages.log")
@FILES
@window
@click.option(
    "--worst", type=click.IntRange(0, 10_000), default=10, show_default=True, metavar="N", help="So many of the slowest."
)
def latency(instance: Instance, files: tuple[str, ...], start: int | None, end: int | None, worst: int) -> None:
    """Measure from each request to its first answer, in milliseconds.

    By the log's own clock where its lines have one: then it is the time at the machine that wrote the log. Else by
    SendingTime(52), across the clocks of both sides. Requests are D, G and F, answers 8, 9, 3 and j.

    Exit codes: 3 no file, or no FIX message in it.
    """
    from gateway.fixlogs.latency import Latencies

    measured = Latencies(worst)
    for message in _messages(files, start, end):
        measured.add(message)
    result = measured.result()
    if instance.as_json:
        output.document(result)
        return
    clocks = ", ".join(f"{count} by {name}" for name, count in result["clocks"].items())
    click.echo(f"clock: {clocks or 'nothing was answered'}; milliseconds")
    output.show(False, _LATENCIES, result["requests"], empty="none")
    if result["worst"]:
        click.echo("\nslowest")
        output.show(False, _WORST, result["worst"], empty="none")


def _messages(files: tuple[str, ...], start: int | None, end: int | None) -> Iterator[LogMessage]:
    """The messages of all logs by time, within the span. Raises `NotFound` when there is none."""
    from gateway.fixlogs.reader import Once, merged

    found = opened(files)
    read = matched = 0
    span, once = Span(), Once()
    with output.progress() as progress:
        messages = merged(found, progress)
        for message in messages if len(found) == 1 else once.of(messages):
            read += 1
            if within(message, start, end):
                matched += 1
                yield message
            elif not matched:
                span.add(message)
    require_messages(found, read)
    if once.copies:
        output.say(f"{once.copies} messages stand in more than one log, and count once")
    if not matched:
        raise NotFound(span.missed(read))


def _status(code: str | None) -> str | None:
    from gateway.fixlogs.orders import STATUSES

    return None if code is None else STATUSES.get(code, code)


def _ms(ns: int | None) -> str | None:
    return None if ns is None else f"{ns / 1_000_000:.3f}"
