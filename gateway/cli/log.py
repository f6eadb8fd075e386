"""`gateway log sniff|decode|grep`: FIX logs of any layout, message by message. What they add up to is in `log_analysis`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any

import click

from gateway.cli import output
from gateway.cli.instance import Instance
from gateway.cli.options import Decorator, command, group, moment, there
from gateway.errors import NotFound, UsageError

if TYPE_CHECKING:
    from gateway.fixlogs.expression import Expression
    from gateway.fixlogs.reader import Log, LogMessage

log = group("log", "FIX logs of any layout: files, .gz, standard input.")

FILES: Decorator[Any] = click.argument("files", metavar="LOG...", nargs=-1, required=True)
_FROM: Decorator[Any] = click.option("--from", "start", callback=moment, metavar="TIME", help="Not before; ISO 8601, UTC.")
_TO: Decorator[Any] = click.option("--to", "end", callback=moment, metavar="TIME", help="Before; ISO 8601, UTC.")
_FOLLOW: Decorator[Any] = click.option("--follow", is_flag=True, help="Wait for what is appended, until interrupted.")
_MOST: Decorator[Any] = click.option("--max", "most", type=click.IntRange(1), metavar="N", help="Stop after so many messages.")
_DICTIONARY: Decorator[Any] = click.option(
    "--dictionary",
    type=click.Path(path_type=Path, dir_okay=False),
    callback=there,
    help="The venue's own dictionary (QuickFIX XML), over the standard one.",
)


def window(function: Callable[..., None]) -> Callable[..., None]:
    """The options that cut a span of time out of a log."""
    return _FROM(_TO(function))  # type: ignore[no-any-return]  # click types its decorators as Any


def within(message: LogMessage, start: int | None, end: int | None) -> bool:
    """Whether a message lies in a span; one without a time lies in none."""
    if start is None and end is None:
        return True
    at = message.time_ns
    return at is not None and (start is None or at >= start) and (end is None or at < end)


class Span:
    """From when to when a log is, for somebody whose --from and --to meet none of it."""

    def __init__(self, first: int | None = None, last: int | None = None) -> None:
        self._first = first
        self._last = last

    def add(self, message: LogMessage) -> None:
        """A message of the log."""
        at = message.time_ns
        if at is not None:
            self._first = at if self._first is None else min(self._first, at)
            self._last = at if self._last is None else max(self._last, at)

    def missed(self, messages: int) -> str:
        """What to say when none of so many messages was in between."""
        from gateway.cli.times import moment as shown

        there = f"{shown(self._first)} to {shown(self._last)} UTC"
        return f"none of {messages} messages is between --from and --to; they are from {there}"


def opened(files: tuple[str, ...]) -> list[Log]:
    """The logs, those of a rotated set in the order of their times."""
    from gateway.fixlogs.reader import in_order, logs
    from gateway.fixlogs.sources import sources

    return in_order(logs(sources(files)))


def require_messages(found: list[Log], messages: int) -> None:
    """Raises `NotFound` when nothing in the logs was a FIX message. Says what was damaged."""
    for one in found:
        if one.source.problem:
            output.say(f"{one.name}: {one.source.problem}")
    if not messages:
        size = sum(one.source.size for one in found)
        names = ", ".join(one.name for one in found[:3]) + (", ..." if len(found) > 3 else "")
        raise NotFound(f"no FIX message in {names} ({size} bytes read); a message begins with 8=FIX and a separator")


def stream(found: list[Log], *, follow: bool) -> Iterator[LogMessage]:
    """Every message, log after log; with `follow` of one growing log. Raises `UsageError`."""
    if follow:
        if len(found) != 1:
            raise UsageError("--follow reads one log; name the one that grows")
        yield from found[0].growing(Event())
        return
    with output.progress() as progress:
        for one in found:
            yield from one.messages(progress)


@command("sniff", within=log, example="gateway log sniff var/fix/SIM/messages.log")
@FILES
def sniff(instance: Instance, files: tuple[str, ...]) -> None:
    """Tell how logs are written: layout, versions, sessions, span.

    Separator, lines, prefixes and their clock, words for directions, encoding, and how many messages are whole and right. LOG
    is a file (plain or compressed), a directory, or - for standard input.

    Exit codes: 3 no file, or no FIX message in it.
    """
    from gateway.fixlogs.sniff import Layout
    from gateway.fixlogs.statistics import Statistics

    found = opened(files)
    shown = []
    with output.progress() as progress:
        for one in found:
            layout, statistics = Layout(one), Statistics()
            for batch in one.batches(progress):
                layout.add(batch)
                statistics.add(one, batch)
            counted = statistics.result()
            if counted["messages"]:
                file = counted.pop("files")[0]
                shown.append({**counted, **layout.result(), **file})  # its size, not that of its messages
            elif len(found) > 1:
                output.say(f"{one.name}: no FIX message")
    require_messages(found, len(shown))
    if instance.as_json:
        output.rows(shown)
    else:
        for at, row in enumerate(shown):
            if at:
                click.echo()
            _told(row)


def _told(row: dict[str, Any]) -> None:
    from gateway.cli.times import moment as shown

    ahead = f", {row['clock_ahead_ns'] / 3_600_000_000_000:+g} h against UTC" if row["clock_ahead_ns"] else ""
    line_ends = f", {row['line_ends']}" if row["line_ends"] else ""
    words = ", ".join(f"{word!r} is {meaning}" for word, meaning in row["direction_words"].items())
    bad = sum(row["odd"].values())
    sessions = [
        f"{one['version']} {one['sender'] or '?'} > {one['target'] or '?'}: {one['messages']}" for one in row["sessions"]
    ]
    lines = [
        ("file", f"{row['name']}, {row['bytes']} bytes" + (f", {row['compression']}" if row["compression"] else "")),
        ("separator", row["separator"]),
        ("lines", f"{row['lines']}{line_ends}; {row['other_lines']} without a message"),
        ("prefix", row["prefix"] or "none"),
        ("clock", f"{row['clock'] or 'none'}{ahead}"),
        ("directions", words or "not told by the log"),
        ("encoding", row["encoding"]),
        ("messages", f"{row['messages']}, {bad} odd"),
        ("first", f"{shown(row['first_ns'])} (SendingTime)"),
        ("last", shown(row["last_ns"])),
        *(("session", text) for text in sessions[:20]),
        *(("sessions", f"and {len(sessions) - 20} more") for _ in range(len(sessions) > 20)),
        *(("odd", f"{count} {text}") for text, count in row["odd"].items()),
        *(("without", f"{count} without {text}") for text, count in row["without"].items()),
        *(("damage", row["problem"]) for _ in range(bool(row["problem"]))),
    ]
    for name, text in lines:
        click.echo(f"{name:<11} {output.cell(text)}")


@command("decode", within=log, example="gateway log decode --max 3 var/fix/SIM/messages.log")
@FILES
@click.option("--where", metavar="EXPRESSION", help="Only messages that match; see `gateway log grep --help`.")
@window
@_MOST
@_FOLLOW
@_DICTIONARY
def decode(
    instance: Instance,
    files: tuple[str, ...],
    where: str | None,
    start: int | None,
    end: int | None,
    most: int | None,
    follow: bool,
    dictionary: Path | None,
) -> None:
    """Show messages field by field: names, meanings of values, groups.

    Names come from the dictionary of the version each message says it is. Passwords are shown as ***. JSON: a line for each
    message.

    Exit codes: 2 the expression is wrong, 3 no file, no FIX message, or none that matches.
    """
    from gateway.cli.log_messages import Decoding
    from gateway.fixlogs.expression import Expression

    shown = Decoding(instance.as_json, None if dictionary is None else str(dictionary.resolve()))
    _select(files, Expression(where) if where is not None else None, start, end, most, shown.write, follow=follow)


@command("grep", within=log, example="gateway log grep '35=8 and 54=1' var/fix/SIM/messages.log")
@click.argument("expression")
@FILES
@window
@_MOST
@_FOLLOW
@click.option("--count", is_flag=True, help="Only how many match.")
def grep(
    instance: Instance,
    expression: str,
    files: tuple[str, ...],
    start: int | None,
    end: int | None,
    most: int | None,
    follow: bool,
    count: bool,
) -> None:
    """Find messages: 35=8 and 150=F and 55~^USD and 38>1000000.

    \b
    EXPRESSION combines terms with and, or, not, ( ):
      38                   the field is there (a tag, or a name: OrderQty)
      54=1  Side=buy       equal, or the dictionary's word for the value
      55!=USD/JPY          not equal
      55~^USD  58!~late    a regular expression is found in it, or not
      38>1000000  44<=99   numbers, or text where it is none; <, <=, >, >=
      58="no such order"   quotes, where a value has blanks

    A term holds if any occurrence of the field does, those in groups too. Shown is each message on one line with its prefix,
    | for SOH, passwords as ***. JSON: a line for each message.

    Exit codes: 2 the expression is wrong, 3 no file, no FIX message, or none that matches.
    """
    from gateway.cli.log_messages import Lines
    from gateway.fixlogs.expression import Expression

    shown = Lines(instance.as_json, several=len(files) > 1)
    compiled = Expression(expression)
    if not count:
        _select(files, compiled, start, end, most, shown.write, follow=follow)
        return
    if follow:
        raise UsageError("--count has no end with --follow")
    matched = _select(files, compiled, start, end, most, lambda message, flush: None, follow=False, required=False)
    if instance.as_json:
        output.document({"messages": matched})
    else:
        click.echo(matched)


def _select(
    files: tuple[str, ...],
    expression: Expression | None,
    start: int | None,
    end: int | None,
    most: int | None,
    write: Callable[[LogMessage | None, bool], None],
    *,
    follow: bool,
    required: bool = True,
) -> int:
    """Hand on the messages that match; how many. At the end `write` is told None."""
    found = opened(files)
    for note in expression.notes if expression is not None else ():
        output.say(f"note: {note}")
    messages = matched = 0
    for batch_end, message in _matching(found, expression, follow=follow):
        messages = batch_end
        if message is None or not within(message, start, end):
            continue
        matched += 1
        write(message, follow)
        if matched == most:
            break
    write(None, follow)
    require_messages(found, messages)
    if required and not matched:
        raise NotFound(f"none of {messages} messages matches")
    return matched


def _matching(found: list[Log], expression: Expression | None, *, follow: bool) -> Iterator[tuple[int, LogMessage | None]]:
    """The matching messages, each with how many were read so far; None at the end of a batch.

    Only what matches becomes more than bytes: that is what makes it fast.
    """
    read = 0
    if expression is None or follow:
        for message in stream(found, follow=follow):
            read += 1
            if expression is None or expression.matches(message.body):
                yield read, message
        yield read, None
        return
    matches = expression.matches
    with output.progress() as progress:
        for one in found:
            before = read
            for batch in one.batches(progress):
                for at, record in enumerate(batch):
                    if matches(record[1]):
                        yield read + at + 1, one.message(batch, at, read - before)
                read += len(batch)
                yield read, None
