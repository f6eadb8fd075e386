"""One FIX message as an ordered tuple of fields, and the two questions asked of it: what does a tag say, what is in a group.

Exists because the engine's own accessors cost more than splitting the text, and because log replay has no engine. It knows
fields and groups, never their meaning, and changes nothing: text in, text out. Repeated tags are kept, the first one counts.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gateway.errors import UndecodableMessage
from gateway.fix import tags

SOH = "\x01"
_SECRET_TAGS = frozenset({tags.PASSWORD, tags.NEW_PASSWORD, tags.ENCRYPTED_PASSWORD, tags.ENCRYPTED_NEW_PASSWORD})
_SECRET_HINTS = tuple(f"{tag}=" for tag in (*sorted(_SECRET_TAGS), tags.RAW_DATA))
_SECRET_TO_THE_END = re.compile(r"(?:(?<=\x01)|^)(554|925|1402|1404|96)=.*", re.DOTALL)
_REDACTED = "***"
_LENGTH_TAGS = frozenset(tags.DATA_OF_LENGTH)
_MSG_TYPE = re.compile(r"\x0135=([^\x01]+)\x01")
_FIELDS = re.compile(r"([^=\x01]*)=([^\x01]*)\x01").findall
_NEXT_FIELD = re.compile(r"\x01(?:[1-9][0-9]*=|$)")


class _Tags(dict[str, int]):
    """Tag text -> number. Filled once, so that the usual case is one dict lookup; never grows with what arrives."""

    def __missing__(self, text: str) -> int:
        if text.isascii() and text.isdigit() and text[0] != "0" and len(text) <= 9:
            return int(text)
        raise ValueError(f"{text[:40]!r} is not a tag number")


_TAGS = _Tags((str(number), number) for number in range(1, 3000))


@dataclass(frozen=True, slots=True)
class GroupDefinition:
    """A repeating group: what introduces an entry, what belongs to it, and what certainly does not.

    `members` are the tags of an entry, those of nested groups included. `known` are all tags of the message: one of them that
    is no member ends the group, whereas a tag the dictionary does not know at all stays with the entry it stands in.
    """

    count_tag: int
    name: str
    delimiter: int
    members: frozenset[int]
    known: frozenset[int]


class FieldSet:
    """An ordered sequence of fields with first-occurrence lookup: a message, or one entry of a repeating group."""

    __slots__ = ("_first", "fields", "get")

    get: Callable[[int], str | None]
    """The first value of a tag; None when it is absent *or* empty: an empty value says nothing."""

    def __init__(self, fields: tuple[tuple[int, str], ...]) -> None:
        self.fields = fields
        self._first = first = dict(reversed(fields))
        self.get = {tag: value for tag, value in first.items() if value}.get if "" in first.values() else first.get

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> object:
            """`fields` of a message of a known shape: few ask for them."""
            if name != "fields":
                raise AttributeError(name)
            self.fields = tuple(self._first.items())
            return self.fields

    def __contains__(self, tag: int) -> bool:
        return tag in self._first

    @property
    def repeated(self) -> tuple[int, ...]:
        """Tags that occur more than once, entries of groups included, in order of their second occurrence."""
        if len(self._first) == len(self.fields):
            return ()
        seen: set[int] = set()
        again: dict[int, None] = {}
        for tag, _ in self.fields:
            if tag in seen:
                again[tag] = None
            seen.add(tag)
        return tuple(again)

    def groups(self, definition: GroupDefinition) -> tuple[FieldSet, ...]:
        """The entries of a repeating group, unknown tags kept within the entry they follow; empty if the group is absent.

        Entries begin with the group's delimiter (FIX 4.4 vol. 1, "Repeating Groups": the first field of the group is
        required in every entry). A sender that begins its entries with another field is followed if that fits its count.
        """
        begin, end = self.group_span(definition)
        if begin == end:
            return ()
        run, declared = self.fields[begin:end], self.fields[begin - 1][1]
        delimiter = definition.delimiter
        begun = run[0][0]
        if begun != delimiter:
            counts = {tag: sum(1 for found, _ in run if found == tag) for tag in (begun, delimiter)}
            if counts[delimiter] == 0 or str(counts[begun]) == declared:
                delimiter = begun
        starts = [index for index, (tag, _) in enumerate(run) if tag == delimiter]
        starts[0] = 0
        return tuple(FieldSet(run[start:end]) for start, end in zip(starts, [*starts[1:], len(run)], strict=True))

    def group_span(self, definition: GroupDefinition) -> tuple[int, int]:
        """Where the entries of a group begin and end in `fields`: from behind the count to the first field that belongs
        elsewhere. Both are equal when the group is absent or has no entries."""
        if definition.count_tag not in self._first:
            return 0, 0
        begin = 1 + next(index for index, (tag, _) in enumerate(self.fields) if tag == definition.count_tag)
        end = begin
        mine = False
        members, known = definition.members, definition.known
        for tag, _ in self.fields[begin:]:
            if tag in members:
                mine = True
            elif tag in known:
                break
            end += 1
        return begin, end if mine else begin


class FixMessage(FieldSet):
    """A whole message. `raw` is the text as it arrived, SOH and all."""

    __slots__ = ("faultless_to", "raw")

    def __init__(self, raw: str, fields: tuple[tuple[int, str], ...]) -> None:
        super().__init__(fields)
        self.raw = raw
        self.faultless_to: object = None
        """The dictionary that has found no fault in it already."""

    @classmethod
    def of_shape(cls, raw: str, tags_there: dict[int, str], values: tuple[str, ...], by: object) -> FixMessage:
        """`raw`, whose fields are known: each tag once, no value empty. `tags_there` has the tags in their order."""
        message = cls.__new__(cls)
        message._first = first = tags_there.copy()  # it has the size already
        first.update(zip(tags_there, values, strict=False))
        message.get = first.get
        message.raw = raw
        message.faultless_to = by
        return message

    @classmethod
    def parse(cls, raw: str) -> FixMessage:
        """Split `raw` into fields. Raises `UndecodableMessage` when it is not a sequence of tag=value SOH."""
        try:
            fields = tuple([(_TAGS[tag], value) for tag, value in _FIELDS(raw)])
        except ValueError:
            return cls(raw, _scan(raw))
        if not raw.endswith(SOH) or len(fields) != raw.count(SOH):  # cut off, or something in it is no field
            return cls(raw, _scan(raw))
        message = cls(raw, fields)
        return message if _LENGTH_TAGS.isdisjoint(message._first) else cls(raw, _scan(raw))

    @property
    def msg_type(self) -> str:
        """MsgType(35), empty when missing."""
        return self._first.get(tags.MSG_TYPE, "")

    @property
    def msg_seq_num(self) -> int | None:
        """MsgSeqNum(34); None when missing or not a number."""
        return whole_number(self._first.get(tags.MSG_SEQ_NUM, ""))

    @property
    def poss_dup(self) -> bool:
        """PossDupFlag(43)=Y or PossResend(97)=Y: the content may have been seen before."""
        return self._first.get(tags.POSS_DUP_FLAG) == "Y" or self._first.get(tags.POSS_RESEND) == "Y"


def msg_type_of(raw: str) -> str:
    """MsgType(35) of a text that nothing else could be made of: its third field (FIX 4.4 vol. 1, "Message format"), or ""."""
    found = _MSG_TYPE.search(raw[:64])
    return "" if found is None else found[1]


def whole_number(text: str | None) -> int | None:
    """A sequence number or count; None when `text` is not up to 18 ASCII digits."""
    return int(text) if text and len(text) <= 18 and text.isascii() and text.isdigit() else None


def _scan(raw: str) -> tuple[tuple[int, str], ...]:
    """Field by field, minding data fields: slower than splitting, and it says what is wrong and where."""
    fields: list[tuple[int, str]] = []
    position = 0
    announced: tuple[int, int] | None = None
    while position < len(raw):
        equals = raw.find("=", position)
        try:
            tag = _TAGS[raw[position:equals]] if equals > position else _TAGS[raw[position : position + 40] or "?"]
        except ValueError as error:
            raise UndecodableMessage(f"at character {position}: {error}", raw) from None
        if equals < 0:
            raise UndecodableMessage(f"at character {position}: tag {tag} has no '='", raw)
        length = announced[1] if announced is not None and announced[0] == tag else None
        end = _end_of_value(raw, equals + 1, length)
        if end < 0:
            raise UndecodableMessage("the message does not end with SOH: it was cut off", raw)
        value = raw[equals + 1 : end]
        fields.append((tag, value))
        size = whole_number(value) if tag in _LENGTH_TAGS else None
        announced = (tags.DATA_OF_LENGTH[tag], size) if size is not None else None
        position = end + 1
    if not fields:
        raise UndecodableMessage("the message is empty", raw)
    return tuple(fields)


def _end_of_value(raw: str, start: int, length: int | None) -> int:
    """Where the value that begins at `start` ends: at the next SOH, or after `length` bytes where that fits.

    A length counts bytes. Text decoded as latin-1 has one character a byte, text decoded as UTF-8 may have fewer; whichever
    reading is followed by another field is the right one, and a length that fits neither is a lie.
    """
    if length is not None:
        for size in (length, _characters(raw[start : start + length], length)):
            if _NEXT_FIELD.match(raw, start + size):
                return start + size
    return raw.find(SOH, start)


def _characters(text: str, length: int) -> int:
    """How many characters of `text` its first `length` bytes are, if it was decoded from UTF-8."""
    try:
        return len(text.encode("utf-8", "surrogateescape")[:length].decode("utf-8", "surrogateescape"))
    except UnicodeEncodeError:
        return length


def readable(raw: str) -> str:
    """`raw` for people: SOH shown as `|`, secrets as `***` (passwords, and RawData(96) of a Logon)."""
    if not any(hint in raw for hint in _SECRET_HINTS):
        return raw.replace(SOH, "|")
    try:
        message = FixMessage.parse(raw)
    except UndecodableMessage:
        # Where fields end is not known, so nothing after the first secret can be shown.
        return _SECRET_TO_THE_END.sub(rf"\1={_REDACTED}", raw).replace(SOH, "|")
    secret = secret_tags(message.msg_type)
    shown = "|".join(f"{tag}={_REDACTED if tag in secret else value}" for tag, value in message.fields)
    return shown.replace(SOH, "|") + "|"


def secret_tags(msg_type: str) -> frozenset[int]:
    """The fields of a message of this MsgType(35) whose values nobody may read."""
    return _SECRET_TAGS | {tags.RAW_DATA} if msg_type == "A" else _SECRET_TAGS


def without_surrogates(raw: str) -> str:
    """`raw` as text that can be stored: bytes that were not UTF-8 are read as latin-1, NUL is replaced.

    The engine hands over undecodable bytes as lone surrogates (PEP 383), which neither JSON nor SQL can hold. Length and
    position of every byte survive, so data fields still end where they say.
    """
    if raw.isascii() and "\x00" not in raw:
        return raw
    try:
        raw.encode("utf-8")
    except UnicodeEncodeError:
        raw = raw.encode("utf-8", "surrogateescape" if _escaped(raw) else "replace").decode("latin-1")
    return raw.replace("\x00", "�")


def _escaped(raw: str) -> bool:
    return all(0xDC80 <= ord(character) <= 0xDCFF for character in raw if 0xD800 <= ord(character) <= 0xDFFF)
