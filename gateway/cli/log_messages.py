"""Messages of a log as people and programs read them: one line each, field by field, or JSON. Secrets are masked here.

Whatever a message holds is shown and never obeyed: every text passes `printable`.
"""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, Any

import click

from gateway.cli import output
from gateway.cli.times import moment
from gateway.fix.message import readable, secret_tags
from gateway.fixlogs import oddities
from gateway.redaction import MASK, redact

if TYPE_CHECKING:
    from gateway.fixlogs.names import Item
    from gateway.fixlogs.reader import LogMessage

_AT_ONCE = 200


class _Writer:
    """Lines on stdout, many at once unless somebody waits for each."""

    def __init__(self, as_json: bool) -> None:
        self.as_json = as_json
        self._lines: list[str] = []

    def write(self, message: LogMessage | None, flush: bool) -> None:
        """Show a message; with None show what is still held back."""
        if message is not None:
            self._lines.append(json.dumps(self.data(message)) if self.as_json else self.text(message))
        if self._lines and (flush or message is None or len(self._lines) >= _AT_ONCE):
            click.echo("\n".join(self._lines))
            self._lines.clear()

    def data(self, message: LogMessage) -> dict[str, Any]:
        """A message as a document."""
        raise NotImplementedError

    def text(self, message: LogMessage) -> str:
        """A message for people."""
        raise NotImplementedError


def head(message: LogMessage) -> dict[str, Any]:
    """What every message has, as data: `time_ns` is the log's clock in UTC, or else SendingTime(52)."""
    return {
        "file": message.log.name,
        "number": message.number,
        "time_ns": message.time_ns,
        "sent_ns": message.sent_ns,
        "direction": message.direction,
        "version": message.version,
        "msg_type": message.msg_type,
        "msg_seq_num": message.msg_seq_num,
        "sender": message.sender,
        "target": message.target,
        "odd": oddities.words(message.odd),
    }


class Lines(_Writer):
    """Each message on one line, as in the log but with `|` for SOH."""

    def __init__(self, as_json: bool, *, several: bool) -> None:
        super().__init__(as_json)
        self._several = several

    def data(self, message: LogMessage) -> dict[str, Any]:
        return {**head(message), "message": readable(message.text)}

    def text(self, message: LogMessage) -> str:
        where = f"{message.log.name}: " if self._several else ""
        prefix = redact(message.prefix)
        odd = f" ({'; '.join(oddities.words(message.odd))})" if message.odd else ""
        return output.cell(f"{where}{prefix}{' ' if prefix else ''}{readable(message.text)}{odd}")


class Decoding(_Writer):
    """Each message field by field."""

    def __init__(self, as_json: bool, dictionary: str | None) -> None:
        super().__init__(as_json)
        self._dictionary = dictionary
        self._colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR")

    def data(self, message: LogMessage) -> dict[str, Any]:
        items, name = self._items(message)
        return {**head(message), "name": name, "fields": [_field(item) for item in items]}

    def text(self, message: LogMessage) -> str:
        items, name = self._items(message)
        number = "" if message.msg_seq_num is None else f" {message.msg_seq_num}"
        title = (
            f"{message.number}  {moment(message.time_ns)}  {message.direction or '-'}  "
            f"{message.sender or '?'} > {message.target or '?'}{number}  {name or 'MsgType'}({message.msg_type})"
        )
        lines = [self._style(output.cell(title), bold=True)]
        lines += [self._style(f"  odd: {text}", fg="red") for text in oddities.words(message.odd)]
        self._fields(items, "  ", lines)
        return "\n".join([*lines, ""])

    def _items(self, message: LogMessage) -> tuple[tuple[Item, ...], str]:
        from gateway.fixlogs.names import names, version_of

        fields = message.fields
        found = names(version_of(fields), self._dictionary)
        secret = secret_tags(fields.msg_type)
        return _masked(found.items(fields), secret), found.message(fields.msg_type)

    def _fields(self, items: tuple[Item, ...], indent: str, lines: list[str]) -> None:
        width = max((len(_label(item)) for item in items), default=0)
        for item in items:
            meaning = f"  {item.meaning}" if item.meaning else ""
            label = self._style(f"{indent}{_label(item):<{width}}", fg="cyan")
            lines.append(f"{label}  {output.cell(item.value)}{self._style(output.cell(meaning), fg='green')}")
            for entry in item.entries:
                lines.append(f"{indent}  -")
                self._fields(entry, indent + "    ", lines)

    def _style(self, text: str, **style: Any) -> str:
        return click.style(text, **style) if self._colour and text else text


def _label(item: Item) -> str:
    return f"{item.name}({item.tag})" if item.name else f"({item.tag})"


def _field(item: Item) -> dict[str, Any]:
    row: dict[str, Any] = {"tag": item.tag, "name": item.name or None, "value": item.value, "meaning": item.meaning}
    if item.entries:
        row["entries"] = [[_field(inner) for inner in entry] for entry in item.entries]
    return row


def _masked(items: tuple[Item, ...], secret: frozenset[int]) -> tuple[Item, ...]:
    from dataclasses import replace

    return tuple(
        replace(item, value=MASK, meaning=None)
        if item.tag in secret
        else replace(item, entries=tuple(_masked(entry, secret) for entry in item.entries))
        if item.entries
        else item
        for item in items
    )
