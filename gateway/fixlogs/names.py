"""What tags, values, messages and groups are called, in the version of FIX a message says it is.

FIXT.1.1 carries messages of FIX 5.0 and later; ApplVerID(1128) says which, and where it is missing the newest is right about
nearly everything. A dictionary of the venue's own may come first.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from gateway.fix.dictionary import DictionaryFile, FieldDefinition, Part, load
from gateway.fix.message import FieldSet, FixMessage, GroupDefinition

VERSIONS = {
    "FIX.4.0": ("FIX40.xml",),
    "FIX.4.1": ("FIX41.xml",),
    "FIX.4.2": ("FIX42.xml",),
    "FIX.4.3": ("FIX43.xml",),
    "FIX.4.4": ("FIX44.xml",),
    "FIX.5.0": ("FIXT11.xml", "FIX50.xml"),
    "FIX.5.0SP1": ("FIXT11.xml", "FIX50SP1.xml"),
    "FIX.5.0SP2": ("FIXT11.xml", "FIX50SP2.xml"),
}
_APPL_VER_ID = dict(zip("23456789", VERSIONS, strict=True))
"""ApplVerID(1128): 2 is FIX.4.0, 9 is FIX.5.0SP2."""
_NEWEST = "FIX.5.0SP2"


@dataclass(frozen=True, slots=True)
class Level:
    """The groups that can stand at one level of a message: count tag -> the group, and the level inside its entries."""

    groups: dict[int, tuple[GroupDefinition, Level]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One field in words. `meaning`: the dictionary's word for an enumerated value; `entries`: of the group it counts."""

    tag: int
    name: str
    value: str
    meaning: str | None = None
    entries: tuple[tuple[Item, ...], ...] = ()


class Names:
    """The names of one version, from its dictionaries; of several the last one has the last word."""

    def __init__(self, dictionaries: tuple[DictionaryFile, ...]) -> None:
        self._dictionaries = dictionaries
        self._fields: dict[int, FieldDefinition] = {}
        for dictionary in dictionaries:
            for definition in dictionary.fields.values():
                self._fields[definition.tag] = definition
        self._levels: dict[str, Level] = {}

    def name(self, tag: int) -> str:
        """`OrdStatus`; empty when the version has no such tag."""
        definition = self._fields.get(tag)
        return "" if definition is None else definition.name

    def meaning(self, tag: int, value: str) -> str | None:
        """The dictionary's word for an enumerated value; None where it has none."""
        definition = self._fields.get(tag)
        return definition.values.get(value) if definition is not None else None

    def message(self, msg_type: str) -> str:
        """`ExecutionReport`; empty when the version has no such MsgType(35)."""
        for dictionary in reversed(self._dictionaries):
            if msg_type in dictionary.messages:
                return dictionary.messages[msg_type].get("name", "")
        return ""

    def items(self, message: FixMessage) -> tuple[Item, ...]:
        """The fields of a message in words, entries of groups inside the field that counts them."""
        return tuple(self._items(message, self._level(message.msg_type)))

    def _items(self, fields: FieldSet, level: Level) -> Iterator[Item]:
        inside = {}
        for tag, (definition, inner) in level.groups.items():
            if tag in fields:
                begin, end = fields.group_span(definition)
                if begin < end:
                    inside[begin - 1] = (end, definition, inner)
        at = 0
        while at < len(fields.fields):
            tag, value = fields.fields[at]
            entries: tuple[tuple[Item, ...], ...] = ()
            if at in inside:
                end, definition, inner = inside[at]
                entries = tuple(tuple(self._items(entry, inner)) for entry in fields.groups(definition))
                at = end - 1
            meaning = self.meaning(tag, value) if tag != 35 else self.message(value) or None
            yield Item(tag=tag, name=self.name(tag), value=value, meaning=meaning, entries=entries)
            at += 1

    def _level(self, msg_type: str) -> Level:
        level = self._levels.get(msg_type)
        if level is None:
            for dictionary in reversed(self._dictionaries):
                if msg_type in dictionary.messages:
                    first = self._dictionaries[0]
                    parts = (*first.section("header"), *dictionary.message(msg_type), *first.section("trailer"))
                    level = _level(parts, frozenset(_tags(parts)))
                    break
            else:
                level = Level({})
            if msg_type and level.groups:
                self._levels[msg_type] = level
        return level


def _tags(parts: Iterable[Part]) -> Iterator[int]:
    for part in parts:
        yield part.field.tag
        yield from _tags(part.group or ())


def _level(parts: Iterable[Part], known: frozenset[int]) -> Level:
    groups = {}
    for part in parts:
        if part.group:
            members = frozenset(_tags(part.group))
            definition = GroupDefinition(part.field.tag, part.field.label, part.group[0].field.tag, members, known)
            groups[part.field.tag] = (definition, _level(part.group, known))
    return Level(groups)


@lru_cache(maxsize=32)
def names(version: str, dictionary: str | None = None) -> Names:
    """The names of a version (`FIX.4.4`; anything else is taken for the newest), under those of `dictionary`, a file's absolute
    path. Raises `PreconditionFailed` when a dictionary is missing or unreadable."""
    files = VERSIONS.get(version) or VERSIONS[_NEWEST]
    return Names(tuple(load(file) for file in (*files, *([dictionary] if dictionary else []))))


def version_of(message: FixMessage) -> str:
    """Whose names a message uses: BeginString(8), or ApplVerID(1128) within FIXT.1.1."""
    begin = message.get(8) or ""
    return begin if begin in VERSIONS else _APPL_VER_ID.get(message.get(1128) or message.get(1137) or "", _NEWEST)


@lru_cache(maxsize=1)
def tags_by_name() -> dict[str, int]:
    """Field name in lower case -> tag, of all versions; the newer name wins. Raises `PreconditionFailed`."""
    return {
        definition.name.lower(): definition.tag
        for version in VERSIONS
        for file in VERSIONS[version]
        for definition in load(file).fields.values()
    }


@lru_cache(maxsize=256)
def codes(tag: int, word: str) -> frozenset[str]:
    """The values of an enumerated field that any version calls `word` (case, blanks and underscores do not matter): `buy` of
    Side(54) is `1`.

    MsgType(35) goes by the names of messages. Empty when no version has such a word.
    """
    wanted = _bare(word)
    return frozenset(code for text, code in _words(tag) if text == wanted)


def unknown_word(tag: int, word: str) -> bool:
    """Whether `tag` has enumerated values in some version, and `word` is none of them in any."""
    words = _words(tag)
    return bool(words) and _bare(word) not in {text for text, _ in words} and word not in {code for _, code in words}


@lru_cache(maxsize=64)
def _words(tag: int) -> tuple[tuple[str, str], ...]:
    """What any version calls the values of a field, and the values."""
    found: list[tuple[str, str]] = []
    for file in dict.fromkeys(file for version in VERSIONS.values() for file in version):
        dictionary = load(file)
        if tag == 35:
            found += [(_bare(node.get("name", "")), kind) for kind, node in dictionary.messages.items()]
        for definition in dictionary.fields.values():
            if definition.tag == tag:
                found += [(_bare(text), code) for code, text in definition.values.items()]
    return tuple(found)


def _bare(word: str) -> str:
    return word.lower().replace("_", "").replace(" ", "")
