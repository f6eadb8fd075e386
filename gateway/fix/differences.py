"""What differs between two dialects or dictionaries, as plain rows.

Exists so that a venue's new rules of engagement can be read as a list of changes before they are tried on the wire. Both
sides are reduced to the same sheet first; it never judges which side is right.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import msgspec

from gateway.errors import NotFound
from gateway.fix.dialect import load_dialect, require_usable
from gateway.fix.dictionary import DictionaryFile, FieldDefinition, Part, load
from gateway.fix.schema import Dialect
from gateway.fix.strict_file import strict_xml

FRAME = ("header", "trailer")


@dataclass(slots=True)
class Sheet:
    """One side. `messages`: MsgType(35), or `header` and `trailer` -> place (`NoMDEntries.MDEntryPx`) -> required."""

    settings: dict[str, str] = field(default_factory=dict)
    messages: dict[str, dict[str, bool]] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    fields: dict[int, FieldDefinition] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """`kind`: setting, message, field, required, tag, type or value. `left` and `right`: None where a side has nothing."""

    kind: str
    where: str
    left: str | None
    right: str | None


def sheet(reference: str) -> Sheet:
    """Of a dialect by name or `.toml` file, or of a dictionary by standard name or `.xml` file. Raises `NotFound`,
    `ConfigurationError` for a dialect that cannot be used, `PreconditionFailed` for a dictionary that cannot be read."""
    made = Sheet()
    if reference.endswith(".xml"):
        path = Path(reference)
        if len(path.parts) > 1 and not path.is_file():
            raise NotFound(f"no dictionary {reference}; check the path")
        _add(made, load(str(path.resolve()) if path.is_file() else reference))
        return made
    if reference.endswith(".toml") and not Path(reference).is_file():
        raise NotFound(f"no dialect file {reference}; check the path")
    dialect = load_dialect(reference)
    require_usable(dialect)
    made.settings = dict(_settings(dialect))
    for file in (dialect.transport_dictionary, dialect.dictionary):
        if file is not None:
            _add(made, DictionaryFile(ElementTree.fromstring(strict_xml(dialect, file)), load(file).path))
    return made


def differences(left: Sheet, right: Sheet, messages: Collection[str] = ()) -> list[Difference]:
    """Every difference; with `messages`, of these MsgTypes and of the fields in them only."""
    if messages:
        left, right = _cut(left, messages), _cut(right, messages)
    found = [*_pairs("setting", "", left.settings, right.settings)]
    names = {**right.names, **left.names}
    found += _pairs("message", "", _only(left.names, right.messages), _only(right.names, left.messages))
    for msg_type in sorted(left.messages.keys() & right.messages.keys()):
        ours, theirs = left.messages[msg_type], right.messages[msg_type]
        where = msg_type if msg_type in FRAME else f"{names[msg_type]}({msg_type})"
        for place in sorted(ours.keys() | theirs.keys()):
            yes, no = ours.get(place), theirs.get(place)
            if yes is None or no is None:
                found.append(Difference(kind="field", where=f"{where} {place}", left=_has(yes), right=_has(no)))
            elif yes != no:
                found.append(Difference(kind="required", where=f"{where} {place}", left=_has(yes), right=_has(no)))
    return [*found, *_fields(left, right)]


def _add(made: Sheet, source: DictionaryFile) -> None:
    for name in FRAME:
        made.messages.setdefault(name, {}).update(_places(source.section(name)))
    for msg_type, node in source.messages.items():
        made.messages[msg_type] = dict(_places(source.message(msg_type)))
        made.names[msg_type] = node.get("name", "")
    made.fields |= {definition.tag: definition for definition in source.fields.values()}


def _places(parts: Collection[Part], within: str = "") -> Iterator[tuple[str, bool]]:
    for part in parts:
        yield within + part.field.label, part.required
        yield from _places(part.group or (), f"{within}{part.field.name}.")


def _settings(dialect: Dialect) -> Iterator[tuple[str, str]]:
    """Every key of the file with its value, flat; messages and fields are compared as such."""

    def flat(value: Any, key: str) -> Iterator[tuple[str, str]]:
        if isinstance(value, dict):
            for name, inner in value.items():
                yield from flat(inner, f"{key}.{name}" if key else name)
        elif isinstance(value, list):
            yield key, " ".join(str(inner) for inner in value)
        elif value is not None:
            yield key, str(value)

    document = msgspec.to_builtins(dialect)
    for key in ("name", "file", "title", "messages", "extra_fields"):
        document.pop(key)
    yield from flat(document, "")


def _cut(whole: Sheet, messages: Collection[str]) -> Sheet:
    kept = {msg_type: places for msg_type, places in whole.messages.items() if msg_type in messages}
    labels = {place.rpartition(".")[2] for places in kept.values() for place in places}
    return Sheet(
        messages=kept,
        names={msg_type: name for msg_type, name in whole.names.items() if msg_type in messages},
        fields={tag: definition for tag, definition in whole.fields.items() if definition.label in labels},
    )


def _only(names: dict[str, str], other: Collection[str]) -> dict[str, str]:
    return {msg_type: name for msg_type, name in names.items() if msg_type not in other}


def _pairs(kind: str, where: str, left: dict[str, str], right: dict[str, str]) -> Iterator[Difference]:
    for key in sorted(left.keys() | right.keys()):
        if left.get(key) != right.get(key):
            yield Difference(kind=kind, where=f"{where}{key}", left=left.get(key), right=right.get(key))


def _has(required: bool | None) -> str | None:
    return None if required is None else "required" if required else "optional"


def _fields(left: Sheet, right: Sheet) -> Iterator[Difference]:
    """Fields both sides have by number; one that a side lacks shows where a message holds it."""
    for tag in sorted(left.fields.keys() & right.fields.keys()):
        ours, theirs = left.fields[tag], right.fields[tag]
        if ours.name != theirs.name:
            yield Difference(kind="tag", where=str(tag), left=ours.name, right=theirs.name)
        if ours.type != theirs.type:
            yield Difference(kind="type", where=ours.label, left=ours.type, right=theirs.type)
        values = {v for v in ours.values.keys() ^ theirs.values.keys() if ours.values and theirs.values}
        if bool(ours.values) != bool(theirs.values):
            shown = (f"{len(one.values)} values" if one.values else "any value" for one in (ours, theirs))
            yield Difference(kind="value", where=ours.label, left=next(shown), right=next(shown))
        for value in sorted(values):
            yield Difference(
                kind="value", where=f"{ours.label}={value}", left=ours.values.get(value), right=theirs.values.get(value)
            )
