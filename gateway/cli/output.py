"""How commands speak: data on stdout, messages on stderr, tables of at most 80 columns when nobody's terminal is wider.

Text from venues is shown and never obeyed: every cell and every message passes `printable`. Nothing here knows what it shows.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import textwrap
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice
from typing import IO, TYPE_CHECKING, Any, Literal

import click

from gateway.cli import times
from gateway.cli.layout import Measure, layout
from gateway.redaction import printable

if TYPE_CHECKING:
    import rich.table
    from rich.console import Console, ConsoleOptions

Row = dict[str, Any]
_WIDTH = 80
_MOST_OF_A_NAME = 36
"""Beside a bar of 40 and its figures."""
_AT_ONCE = 100
"""Rows that are written together."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table: its heading, and the row's key or a function of the row that gives the cell.

    `whole`: folded after all others; for what is short by its nature (times, our own words).
    """

    title: str
    value: str | Callable[[Row], object]
    right: bool = False
    whole: bool = False

    def of(self, row: Row) -> str:
        return cell(row.get(self.value) if isinstance(self.value, str) else self.value(row))


def day_column(title: str, key: str, found: Sequence[Row]) -> Column:
    """A column of times: to the millisecond under the day, when all are of one day; else each with its day."""
    days = {times.day(row[key]) for row in found if row[key] is not None}
    if len(days) != 1:
        return Column(title, lambda row: times.short(row[key]), whole=True)
    return Column(days.pop(), lambda row: None if row[key] is None else times.clock(row[key])[:-3], whole=True)


def say(text: str) -> None:
    """A message for people, on stderr: folded at words on a terminal, one line for programs."""
    text = _safe(text)
    if sys.stderr.isatty():
        width = shutil.get_terminal_size().columns
        text = "\n".join(_folded(line, width) for line in text.split("\n"))
    click.echo(text, err=True)


def _folded(line: str, width: int) -> str:
    return line if len(line) <= width else textwrap.fill(line, width, break_long_words=False, break_on_hyphens=False)


def error(text: str) -> None:
    """Why the command failed, on stderr."""
    say(f"error: {text}")


def abandon() -> None:
    """Nobody reads stdout any more: what is still to be written there, at the end of the process too, goes nowhere."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def document(value: object) -> None:
    """One JSON document on stdout, on one line: decimals as strings. Iterators in a dict are lists that may be too long to be
    held: they are written as they come."""
    if not isinstance(value, dict) or not any(isinstance(one, Iterator) for one in value.values()):
        click.echo(json.dumps(value, default=_plain))
        return
    before = "{"
    for key, one in value.items():
        click.echo(f"{before}{json.dumps(key)}: ", nl=False)
        before = ", "
        if not isinstance(one, Iterator):
            click.echo(json.dumps(one, default=_plain), nl=False)
            continue
        begun = "["
        while some := list(islice(one, _AT_ONCE)):
            click.echo(begun + ", ".join(json.dumps(row, default=_plain) for row in some), nl=False)
            begun = ", "
        click.echo("]" if begun == ", " else "[]", nl=False)
    click.echo("}")


def rows(found: Sequence[Row]) -> None:
    """A JSON array on stdout, one row a line."""
    lines = ",\n".join(json.dumps(row, default=_plain) for row in found)
    click.echo(f"[\n{lines}\n]" if lines else "[]")


def show(as_json: bool, columns: Sequence[Column], found: Sequence[Row], *, empty: str) -> None:
    """Rows as JSON with every key, or as a table of the columns. `empty` is what a person reads when there are none."""
    if as_json:
        rows(found)
    elif found:
        target = console()
        for part in table(columns, found).parts(target.width):
            target.print(part)
    else:
        say(empty)


def table(columns: Sequence[Column], found: Iterable[Row]) -> Table:
    """A table that folds what does not fit, at spaces while it can, and loses nothing."""
    return Table(columns, [[column.of(row) for column in columns] for row in found])


class Table:
    """What `table` makes: laid out when it is printed, for the width it is printed in."""

    def __init__(self, columns: Sequence[Column], cells: list[list[str]]) -> None:
        self._columns = columns
        self._cells = cells

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[rich.table.Table]:
        yield from self.parts(options.max_width)

    def parts(self, most: int) -> Iterator[rich.table.Table]:
        """Some rows at a time, under one heading: what a printer makes of a row takes a hundred times its text."""
        from rich import box, table
        from rich.text import Text

        fitted = layout([self._measure(at) for at in range(len(self._columns))], most)
        look: dict[str, Any] = {"box": box.SIMPLE_HEAD, "pad_edge": False, "header_style": "bold", "show_edge": False}
        for begin in range(0, max(len(self._cells), 1), _AT_ONCE):
            made = table.Table(padding=(0, fitted.gap - 1, 0, 0), show_header=not begin, **look)
            for column, width in zip(self._columns, fitted.widths, strict=True):
                justify: Literal["left", "right"] = "right" if column.right else "left"
                made.add_column(column.title, justify=justify, overflow="fold", width=width)
            for row in self._cells[begin : begin + _AT_ONCE]:
                made.add_row(*map(Text, row))
            yield made

    def _measure(self, at: int) -> Measure:
        from rich.cells import cell_len

        column = self._columns[at]
        texts = [column.title, *(row[at] for row in self._cells)]
        line = max(cell_len(part) for text in texts for part in text.split("\n"))
        word = max((cell_len(part) for text in texts for part in text.split()), default=1)
        return Measure(max(line, 1), max(line if column.whole else word, 1), max(word, 1), column.whole)


def console(stream: IO[str] | None = None) -> Console:
    """A rich console that honours NO_COLOR and is 80 columns wide unless a terminal says otherwise."""
    from rich.console import Console

    target = sys.stdout if stream is None else stream
    plain = bool(os.environ.get("NO_COLOR"))
    width = None if target.isatty() else _WIDTH
    options: dict[str, Any] = {"color_system": None, "no_color": True} if plain else {}

    class Told(Console):
        """A console whose reader may leave: that is the command's to tell, not an exit code of its own."""

        def on_broken_pipe(self) -> None:
            raise BrokenPipeError

    return Told(file=target, width=width, highlight=False, markup=False, emoji=False, soft_wrap=False, **options)


def cell(value: object) -> str:
    """A value as people read it in one cell."""
    match value:
        case None:
            return "-"
        case bool():
            return "yes" if value else "no"
        case Decimal():
            return format(value, "f")
        case _:
            return _safe(str(value))


def rounded(value: Decimal) -> str:
    """What a division left, to six decimals; JSON has all of them."""
    return f"{round(value, 6).normalize():f}"


def _safe(text: str) -> str:
    """Printable, and without lone surrogates (arguments that are not UTF-8), which would stop the print itself."""
    return printable(text).encode("utf-8", "backslashreplace").decode()


def _ending(text: str, most: int) -> str:
    """The end of a text that is longer: of a path the name."""
    return text if len(text) <= most else f"...{text[3 - most :]}"


def _plain(value: object) -> str:
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, bytes):
        return value.hex()
    return str(value)


@contextmanager
def progress() -> Iterator[Callable[[str, int, int], None]]:
    """Tell it what is being done, how far it is, out of how much: a bar for each part on a terminal, nothing elsewhere."""
    if not sys.stderr.isatty():
        yield lambda what, done, total: None
        return
    from rich.markup import escape
    from rich.progress import Progress, TaskID

    parts: dict[str, TaskID] = {}
    with Progress(console=console(sys.stderr), transient=True) as bar:

        def advance(what: str, done: int, total: int) -> None:
            if what not in parts:
                parts[what] = bar.add_task(escape(_ending(_safe(what), _MOST_OF_A_NAME)), total=total)
            bar.update(parts[what], completed=done)

        yield advance
