"""The language of `gateway log grep`, and what a message must be to match.

    expression  term, combined with `and`, `or`, `not` and parentheses; `not` binds tightest, then `and`
    term        FIELD alone (present), or FIELD OPERATOR VALUE
    FIELD       a tag or a name: 35, MsgType
    OPERATOR    =  !=  ~ (regular expression, anywhere in the value)  !~  <  <=  >  >=
    VALUE       up to the next blank or parenthesis, or in quotes; `=` also takes the dictionary's word (Side=buy)

A term holds if any occurrence of the field satisfies it, those in groups included; `!=` and `!~` are the opposite of `=` and
`~`. Numbers are compared as numbers (44=110.5 finds 110.50; ids and codes are none: 11=5 does not find 05), times as times
(a FIX or ISO time, or a day), anything else as text.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Final

from gateway.errors import UsageError
from gateway.fix import tags
from gateway.fix.message import FixMessage
from gateway.fixlogs.names import codes, tags_by_name, unknown_word
from gateway.fixlogs.reader import parse, text_of
from gateway.instants import parse_instant

_PLAIN = r"(?:\\[^\s]|[^\s()\\])"
_NESTED = rf"\((?:{_PLAIN}|\({_PLAIN}*\))*\)"
"""Parentheses belong to a value where they are closed in it, 58~(?i)late, or escaped."""
_VALUE = rf"""\"[^\"]*\"|'[^']*'|(?!['\"])(?:{_PLAIN}|{_NESTED})(?:{_PLAIN}|{_NESTED})*"""
_TOKEN = re.compile(
    r"\s*(?:(?P<open>\()|(?P<close>\))|(?P<word>(?:and|or|not)\b)"
    rf"|(?P<field>[A-Za-z_][A-Za-z0-9_]*|[0-9]+)(?:\s*(?P<operator>!=|!~|<=|>=|=|~|<|>)\s*(?P<value>{_VALUE})?)?)",
    re.IGNORECASE,
)
_MAX_DEPTH: Final = 100
_FIRST: Final = 8
"""BeginString(8): the only field with no SOH before it."""
_ORDER: dict[str, Callable[[Decimal, Decimal], bool]] = {
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}
_TEXT_ORDER: dict[str, Callable[[str, str], bool]] = {
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}
_AMOUNT = re.compile(r"(-?)0*([0-9]*)(?:\.([0-9]*?)0*)?", re.ASCII)
_NO_AMOUNTS = frozenset((1, 8, 10, 11, 17, 19, 20, 35, 37, 39, 40, 41, 48, 49, 54, 55, 56, 58, 59, 112, 150, 379, 448, 526))
"""Ids and codes: what looks like a number in them is none."""
_COMMAS = re.compile(r"[+-]?[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]*)?", re.ASCII)
_DATA = re.compile(rb"\x01(?:" + b"|".join(b"%d" % tag for tag in tags.DATA_OF_LENGTH) + rb")=")
_DATA_TAGS = frozenset((*tags.DATA_OF_LENGTH, *tags.DATA_OF_LENGTH.values()))

Values = Callable[[int], list[str]]
"""The values of a tag, in order."""
Test = Callable[[Values], bool]
Raw = Callable[[bytes], bool]


@dataclass(frozen=True, slots=True)
class _Node:
    """`test` judges a parsed message; `raw` its bytes, right unless a data field holds what looks like fields.

    `negated`: something in it holds because something else does not.
    """

    test: Test
    raw: Raw
    negated: bool
    tags: frozenset[int]


class Expression:
    """A compiled expression. `text` is as it was written."""

    def __init__(self, text: str) -> None:
        """Raises `UsageError` with the column (from 1) of what is wrong."""
        self.text = text
        parser = _Parser(text)
        self._node = parser.parse()
        self.notes = tuple(parser.notes)
        """What may not be meant as it was written, for people."""
        self._exact = not self._node.tags & _DATA_TAGS

    def matches(self, body: bytes) -> bool:
        """Whether a message (SOH between its fields) matches."""
        node = self._node
        if self._exact:
            found = node.raw(body)
            # Data can only add fields that are none: a positive expression that fails on them fails without them.
            if (not found and not node.negated) or _DATA.search(body) is None:
                return found
        return node.test(_values(parse(body)))


def _values(message: FixMessage) -> Values:
    return lambda tag: [value for found, value in message.fields if found == tag]


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._depth = 0
        self.notes: list[str] = []

    def parse(self) -> _Node:
        if not self._text.strip():
            raise UsageError("the expression is empty; one is for example: 35=8 and 150=F")
        node = self._any()
        if self._text[self._at :].strip():
            raise self._wrong("expected `and`, `or` or the end", "a value with blanks or parentheses is quoted")
        return node

    def _any(self) -> _Node:
        node = self._all()
        while self._word("or"):
            node = _either(node, self._all())
        return node

    def _all(self) -> _Node:
        node = self._single()
        while self._word("and"):
            node = _both(node, self._single())
        return node

    def _single(self) -> _Node:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise self._wrong("too deeply nested")
        try:
            if self._word("not"):
                return _opposite(self._single())
            found = _TOKEN.match(self._text, self._at)
            if found is None or found["close"] or found["word"]:
                raise self._wrong("expected a field, `not` or `(`")
            if found["open"]:
                self._at = found.end()
                node = self._any()
                closed = _TOKEN.match(self._text, self._at)
                if closed is None or not closed["close"]:
                    raise self._wrong("expected `)`")
                self._at = closed.end()
                return node
            return self._term(found)
        finally:
            self._depth -= 1

    def _term(self, found: re.Match[str]) -> _Node:
        tag = self._tag(found["field"], found.start("field"))
        operator, value = found["operator"], found["value"]
        if operator is None:
            self._at = found.end()
            return _present(tag)
        if value is None:
            self._at = found.end()
            raise self._wrong(f"expected a value after {operator}", 'one with blanks, parentheses or nothing is quoted: ""')
        quoted = value[:1] in "\"'"
        plain = value[1:-1] if quoted else value
        if not quoted and operator[-1] != "~" and plain[0] in "=<>!~":
            self._at = found.start("operator")
            raise self._wrong(
                f"no operator {operator}{plain[0]}", "there are = != ~ !~ < <= > >=; a value that begins so is quoted"
            )
        if "\x01" in plain:
            self._at = found.start("value")
            raise self._wrong("a value holds no SOH")
        self._at = found.end()
        if operator in ("~", "!~"):
            try:
                node = _like(tag, plain)
            except re.error as error:
                self._at = found.start("value") + quoted + (error.pos or 0)
                advice = "" if quoted else "put it in quotes if it goes on"
                raise self._wrong(f"not a regular expression: {error.msg}", advice) from None
        elif operator in ("=", "!="):
            node = _equal(tag, plain)
            if not quoted and _may_be_word(plain) and unknown_word(tag, plain):
                self.notes.append(
                    f"no version of FIX knows a value {plain!r} of {found['field']}; it is looked for as it stands"
                )
        else:
            if _COMMAS.fullmatch(plain):
                self._at = found.start("value")
                raise self._wrong("a number is written without commas")
            node = _compared(tag, operator, plain)
        return _opposite(node) if operator.startswith("!") else node

    def _tag(self, text: str, position: int) -> int:
        if text.isdigit():
            return int(text[:12])
        tag = tags_by_name().get(text.lower())
        if tag is None:
            self._at = position
            raise self._wrong(f"no version of FIX has a field {text!r}")
        return tag

    def _word(self, word: str) -> bool:
        found = _TOKEN.match(self._text, self._at)
        if found is None or (found["word"] or "").lower() != word:
            return False
        self._at = found.end()
        return True

    def _wrong(self, what: str, advice: str = "") -> UsageError:
        rest = self._text[self._at :]
        column = self._at + len(rest) - len(rest.lstrip()) + 1
        shown = rest.strip()[:20]
        found = f"found {shown!r}" if shown else "found the end"
        return UsageError(f"expression, column {column}: {what}, {found}{f'; {advice}' if advice else ''}")


def _present(tag: int) -> _Node:
    mark = b"\x01%d=" % tag
    return _Node(lambda values: bool(values(tag)), lambda body: mark in body or _leads(body, tag), False, frozenset((tag,)))


def _leads(body: bytes, tag: int) -> bool:
    return body.startswith(b"%d=" % tag)


def _equal(tag: int, value: str) -> _Node:
    wanted = {value} | (codes(tag, value) if _may_be_word(value) else frozenset())
    marks = [b"\x01%d=%s\x01" % (tag, coded) for text in sorted(wanted, key=len) for coded in _coded(text)]
    if tag == _FIRST:
        marks = [mark[1:] for mark in marks]
        start = tuple(marks)
        return _Node(
            lambda values: not wanted.isdisjoint(values(tag)), lambda body: body.startswith(start), False, frozenset((tag,))
        )
    first, *others = marks
    amount = None if tag in _NO_AMOUNTS else _amount(value)
    if amount is not None:
        same, spelled = re.compile(amount), re.compile(rb"\x01%d=%s\x01" % (tag, amount.encode())).search
        return _Node(
            lambda values: any(map(same.fullmatch, values(tag))),
            lambda body: spelled(body) is not None,
            False,
            frozenset((tag,)),
        )

    def raw(body: bytes) -> bool:
        return first in body or any(mark in body for mark in others)

    return _Node(
        lambda values: not wanted.isdisjoint(values(tag)),
        raw if others else lambda body: first in body,
        False,
        frozenset((tag,)),
    )


def _may_be_word(value: str) -> bool:
    return len(value) > 1 and not value.isdigit()


def _amount(text: str) -> str | None:
    """A pattern of every way to write the number `text` is (110.5, 110.50, 0110.5); None when it is none."""
    found = _AMOUNT.fullmatch(text)
    if found is None or not any(character.isdigit() for character in text):
        return None
    sign, whole, fraction = found[1], found[2], found[3] or ""
    if not (whole or fraction):
        return r"-?(?:0+(?:\.0*)?|\.0+)"
    return sign + "0*" + whole + (rf"\.{fraction}0*" if fraction else r"(?:\.0*)?")


def _coded(text: str) -> set[bytes]:
    """How a text may stand in a log: UTF-8 or latin-1."""
    found = {text.encode("utf-8", "surrogateescape")}
    with suppress(UnicodeEncodeError):
        found.add(text.encode("latin-1"))
    return found


def _scanned(tag: int, judge: Callable[[str], bool]) -> _Node:
    find = re.compile(rb"(?:\x01|^)%d=([^\x01]*)" % tag if tag == _FIRST else rb"\x01%d=([^\x01]*)" % tag).findall

    @lru_cache(maxsize=4096)  # values repeat: symbols, prices, quantities
    def known(value: bytes) -> bool:
        return judge(text_of(value))

    return _Node(
        lambda values: any(map(judge, values(tag))),
        lambda body: any(map(known, find(body))),
        False,
        frozenset((tag,)),
    )


def _like(tag: int, pattern: str) -> _Node:
    search = re.compile(pattern).search
    return _scanned(tag, lambda value: search(value) is not None)


def _compared(tag: int, operator: str, text: str) -> _Node:
    number, compare, order = _number(text), _ORDER[operator], _TEXT_ORDER[operator]
    moment = parse_instant(text)

    def judge(value: str) -> bool:
        found = None if number is None else _number(value)
        if number is not None and found is not None:
            return compare(found, number)
        at = None if moment is None else parse_instant(value)
        if moment is not None and at is not None:
            return compare(Decimal(at), Decimal(moment))
        return number is None and order(value, text)

    return _scanned(tag, judge)


def _number(text: str) -> Decimal | None:
    try:
        found = Decimal(text)
    except (InvalidOperation, ValueError):
        return None
    return found if found.is_finite() else None


def _both(a: _Node, b: _Node) -> _Node:
    return _Node(lambda v: a.test(v) and b.test(v), lambda m: a.raw(m) and b.raw(m), a.negated or b.negated, a.tags | b.tags)


def _either(a: _Node, b: _Node) -> _Node:
    return _Node(lambda v: a.test(v) or b.test(v), lambda m: a.raw(m) or b.raw(m), a.negated or b.negated, a.tags | b.tags)


def _opposite(a: _Node) -> _Node:
    return _Node(lambda v: not a.test(v), lambda m: not a.raw(m), True, a.tags)
