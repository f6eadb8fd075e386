"""What the dictionary says a message should be, and how a given message departs from it.

Exists because the engine's own dictionary is permissive: judging is done here, where a deviation becomes a sentence beside the
event instead of a reject on the wire. It never refuses a message and never decides what a deviation means.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

from gateway.fix import tags
from gateway.fix.dialect import load_dialect, require_usable
from gateway.fix.dictionary import DictionaryFile, FieldDefinition, Part, load
from gateway.fix.message import FieldSet, FixMessage, GroupDefinition, whole_number
from gateway.fix.numbers import parse_decimal
from gateway.fix.schema import Dialect, ExtraField
from gateway.fix.shapes import Shapes, pattern_of
from gateway.fix.timestamps import is_date, parse_time, parse_utc

MAX_DEVIATIONS = 20
"""A message of a thousand unknown tags is one anomaly, not a thousand."""
_LENGTH_TAGS = frozenset(tags.DATA_OF_LENGTH)
_INT = re.compile(r"-?[0-9]{1,18}").fullmatch


def _is_number(text: str) -> bool:
    return parse_decimal(text) is not None


def _is_int(text: str) -> bool:
    return _INT(text) is not None


def _is_utc(text: str) -> bool:
    return parse_utc(text) is not None


def _is_time(text: str) -> bool:
    return parse_time(text) is not None


def _is_boolean(text: str) -> bool:
    return text in ("Y", "N")


def _is_char(text: str) -> bool:
    return len(text) == 1


_CHECKS: dict[str, tuple[Callable[[str], bool], str]] = {
    **dict.fromkeys(("FLOAT", "PRICE", "PRICEOFFSET", "QTY", "AMT", "PERCENTAGE"), (_is_number, "a number")),
    **dict.fromkeys(("INT", "SEQNUM", "LENGTH", "NUMINGROUP", "TAGNUM"), (_is_int, "a whole number")),
    **dict.fromkeys(("UTCDATEONLY", "UTCDATE", "LOCALMKTDATE", "DATE"), (is_date, "a date YYYYMMDD")),
    "UTCTIMESTAMP": (_is_utc, "a UTC time YYYYMMDD-HH:MM:SS"),
    "UTCTIMEONLY": (_is_time, "a time HH:MM:SS"),
    "BOOLEAN": (_is_boolean, "Y or N"),
    "CHAR": (_is_char, "a single character"),
}


@dataclass(frozen=True, slots=True)
class _Rule:
    label: str
    values: frozenset[str] | None
    several: bool
    """The value is a list separated by blanks (MULTIPLEVALUESTRING and its later names)."""
    check: Callable[[str], bool] | None
    expected: str
    pattern: str | None
    """What it may say, for `Shapes`; None where that is not known beforehand."""


@dataclass(frozen=True, slots=True)
class _Rules:
    """One level: a message body with header and trailer, or the entries of a group."""

    rules: dict[int, _Rule]
    required: tuple[tuple[int, str], ...]
    groups: dict[int, tuple[GroupDefinition, _Rules]]


class StrictDictionary:
    """The standard dictionary of a dialect with the dialect's own fields, cut to its messages and the admin messages."""

    def __init__(self, dialect: Dialect) -> None:
        """Raises `ConfigurationError` with everything the dialect names and the dictionaries do not have."""
        require_usable(dialect)
        application = load(dialect.dictionary)
        transport = load(dialect.transport_dictionary) if dialect.transport_dictionary else application
        self._fields: dict[str, FieldDefinition] = {**transport.fields, **application.fields}
        for extra in dialect.extra_fields:
            self._fields[extra.name] = declared(extra, self._fields.get(extra.name))
        self._by_tag = {definition.tag: definition for definition in self._fields.values()}
        frame = (*transport.section("header"), *transport.section("trailer"))
        self._messages: dict[str, _Rules] = {}
        shared: dict[str, _Rule] = {}
        self._order: dict[str, dict[int, int]] = {}
        self._shapes = Shapes()
        for msg_type, source in _used(dialect, application, transport):
            extras = [extra for extra in dialect.extra_fields if msg_type in extra.messages]
            body = self._extended(source.message(msg_type), extras)
            self._order[msg_type] = {tag: place for place, tag in reversed(list(enumerate(_tags(body))))}
            self._messages[msg_type] = _rules((*frame, *body), frozenset(_tags((*frame, *body))), shared)

    def label(self, tag: int) -> str:
        """`OrdRejReason(103)`, or `tag 9999` when the dictionary does not have it."""
        definition = self._by_tag.get(tag)
        return f"tag {tag}" if definition is None else definition.label

    def describe(self, tag: int, value: str) -> str:
        """The dictionary's words for an enumerated value, lower case; the value itself when it has none."""
        definition = self._by_tag.get(tag)
        words = definition.values.get(value) if definition is not None else None
        return words.replace("_", " ").lower() if words else value

    def tag(self, name: str) -> int:
        """The number of the field called `name`. Raises KeyError."""
        return self._fields[name].tag

    def group(self, msg_type: str, count_tag: int) -> GroupDefinition | None:
        """The repeating group that `count_tag` begins in a message."""
        rules = self._messages.get(msg_type)
        found = rules.groups.get(count_tag) if rules is not None else None
        return found[0] if found is not None else None

    def places(self, msg_type: str) -> dict[int, int]:
        """Tag -> place in the body of a message, groups included, in dictionary order. Raises KeyError."""
        return self._order[msg_type]

    def read(self, raw: str) -> FixMessage:
        """`raw` as fields, by the shortest way that gives them. Raises `UndecodableMessage` as `FixMessage.parse` does."""
        return self._shapes.read(raw, self) or FixMessage.parse(raw)

    def deviations(self, message: FixMessage) -> tuple[str, ...]:
        """How `message` departs from the dictionary, as short sentences; empty when it does not."""
        if message.faultless_to is self:
            return ()
        rules = self._messages.get(message.msg_type)
        if rules is None:
            return (f"MsgType(35)={message.msg_type!r} is not in the dictionary",)
        found: list[str] = []
        _check(message, rules, found)
        if not found and _plain(message, rules):
            self._shapes.learn(message.msg_type, ((tag, rules.rules[tag].pattern) for tag, _ in message.fields))
        if len(found) > MAX_DEVIATIONS:
            found[MAX_DEVIATIONS:] = [f"and {len(found) - MAX_DEVIATIONS} more"]
        return tuple(found)

    def _extended(self, body: tuple[Part, ...], extras: list[ExtraField]) -> tuple[Part, ...]:
        """`body` with the dialect's own fields appended, or put into their group."""
        known = {part.field.name for part in body}
        own = tuple(
            Part(self._fields[extra.name], extra.required)
            for extra in extras
            if extra.group is None and extra.name not in known
        )
        grouped = [part if part.group is None else replace(part, group=self._in_group(part, extras)) for part in body]
        return (*grouped, *own)

    def _in_group(self, part: Part, extras: list[ExtraField]) -> tuple[Part, ...]:
        members = part.group or ()
        inside = tuple(
            Part(self._fields[e.name], e.required)
            for e in extras
            if e.group == part.field.name and all(member.field.name != e.name for member in members)
        )
        return (*members, *inside)


def _used(dialect: Dialect, application: DictionaryFile, transport: DictionaryFile) -> Iterator[tuple[str, DictionaryFile]]:
    for msg_type, node in transport.messages.items():
        if node.get("msgcat") == "admin":
            yield msg_type, transport
    for msg_type in dialect.messages:
        yield msg_type, application


def declared(extra: ExtraField, standard: FieldDefinition | None) -> FieldDefinition:
    """The dialect's own field; one that the standard has keeps its type and values and gets the dialect's beside."""
    if standard is None:
        return FieldDefinition(extra.tag, extra.name, extra.type, extra.values)
    kind = standard.type if extra.type == "STRING" else extra.type
    return FieldDefinition(extra.tag, extra.name, kind, {**standard.values, **extra.values})


def _tags(parts: Iterable[Part]) -> Iterator[int]:
    for part in parts:
        yield part.field.tag
        yield from _tags(part.group or ())


def _rules(parts: Iterable[Part], all_tags: frozenset[int], shared: dict[str, _Rule]) -> _Rules:
    """`shared`: rules of fields by name; FIX 5.0 SP2 has 40,000 places and 1,500 fields."""
    rules: dict[int, _Rule] = {}
    required: dict[int, str] = {}
    groups: dict[int, tuple[GroupDefinition, _Rules]] = {}
    for part in parts:
        definition = part.field
        rule = shared.get(definition.name)
        if rule is None:
            rule = shared[definition.name] = _rule(definition)
        rules[definition.tag] = rule
        if part.required:
            required[definition.tag] = definition.label
        if part.group:
            inner = _rules(part.group, all_tags, shared)
            members = frozenset(_tags(part.group))
            group = GroupDefinition(definition.tag, definition.label, part.group[0].field.tag, members, all_tags)
            groups[definition.tag] = (group, inner)
    return _Rules(rules, tuple(required.items()), groups)


def _rule(definition: FieldDefinition) -> _Rule:
    check, expected = _CHECKS.get(definition.type, (None, ""))
    values = frozenset(definition.values) or None
    several = definition.type.startswith("MULTIPLE")
    # MsgType decides which rules apply at all; the enumerated list beside it is the whole standard's.
    enumerated = values if definition.tag != tags.MSG_TYPE else None
    pattern = None if several else pattern_of(definition.type, enumerated)
    return _Rule(definition.label, enumerated, several, check, expected, pattern)


def _plain(message: FixMessage, level: _Rules) -> bool:
    """Whether nothing but its fields one by one decides whether a message is right: it has no groups and no data."""
    present = [tag for tag, _ in message.fields]
    return level.groups.keys().isdisjoint(present) and _LENGTH_TAGS.isdisjoint(present) and not message.repeated


def _check(fields: FieldSet, level: _Rules, found: list[str]) -> None:
    """Everything at one level, then the entries of its groups."""
    own: Iterable[tuple[int, str]] = fields.fields
    groups = [definition for tag, (definition, _) in level.groups.items() if tag in fields]
    if groups:
        spans = [fields.group_span(definition) for definition in groups]
        inside = {index for begin, end in spans for index in range(begin, end)}
        own = [item for index, item in enumerate(fields.fields) if index not in inside]
        _repeated(own, level, found)
    elif fields.repeated:
        _repeated(own, level, found)
    _values(own, level, found)
    for tag, label in level.required:
        if tag not in fields:
            found.append(f"required {label} is missing")
    for length_tag in _LENGTH_TAGS.intersection(tag for tag, _ in own):
        _length(fields, length_tag, found)
    for definition in groups:
        entries = fields.groups(definition)
        declared = fields.get(definition.count_tag)
        if whole_number(declared) != len(entries):
            found.append(
                f"{definition.name}={declared} announces another number of entries than the {len(entries)} that follow"
            )
        for entry in entries:
            _check(entry, level.groups[definition.count_tag][1], found)


def _values(own: Iterable[tuple[int, str]], level: _Rules, found: list[str]) -> None:
    get = level.rules.get
    for tag, value in own:
        rule = get(tag)
        if rule is None:
            found.append(f"unknown tag {tag}")
        elif not value:
            found.append(f"{rule.label} is empty")
        elif rule.values is not None:
            if value not in rule.values and not (rule.several and rule.values.issuperset(value.split(" "))):
                found.append(f"{rule.label}={_short(value)} is not in the dictionary")
        elif rule.check is not None and not rule.check(value):
            found.append(f"{rule.label}={_short(value)!r} is not {rule.expected}")


def _repeated(own: Iterable[tuple[int, str]], level: _Rules, found: list[str]) -> None:
    for tag in FieldSet(tuple(own)).repeated:
        rule = level.rules.get(tag)
        found.append(f"{rule.label if rule is not None else f'tag {tag}'} appears more than once; the first one counts")


def _length(fields: FieldSet, length_tag: int, found: list[str]) -> None:
    data_tag = tags.DATA_OF_LENGTH[length_tag]
    declared, data = whole_number(fields.get(length_tag)), fields.get(data_tag) or ""
    if declared not in (len(data), len(data.encode("utf-8", "replace"))):
        found.append(f"length field {length_tag}={declared} does not fit data field {data_tag}")


def _short(value: str) -> str:
    return value if len(value) <= 40 else value[:40] + "…"


@lru_cache(maxsize=64)
def strict_dictionary(dialect_name: str) -> StrictDictionary:
    """The strict dictionary of a dialect of `fix_specs/`, made once per process."""
    return StrictDictionary(load_dialect(dialect_name))
