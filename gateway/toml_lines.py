"""Which line of a TOML text a key stands on, and how a key is written, so that every problem can name both.

The standard parser gives values without positions. This walk assumes a text the parser has accepted and looks only
for what positions need: where strings, comments and brackets end, and which statement begins on which line. It must
not judge the text.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator

KeyPath = tuple[str | int, ...]

_TOKEN = re.compile(
    r'"""(?:\\.|[^\\])*?"""{1,3}'
    r"|'''.*?'''{1,3}"
    r'|"(?:\\.|[^"\\\n])*"'
    r"|'[^'\n]*'"
    r"|\#[^\n]*"
    r"|[\[\]{}\n]"
    r"|[^\"'\#\[\]{}\n]+"
    r"|.",
    re.DOTALL,
)
_HEADER = re.compile(r"(\[\[?)(.*)")
_KEY_PART = re.compile(r"""\s*("(?:\\.|[^"\\])*"|'[^']*'|[A-Za-z0-9_-]+)\s*([.=\]]?)""")


class LineIndex:
    """Answers `find(path)` for one text: the line, counted from 1."""

    def __init__(self, text: str) -> None:
        self._lines: dict[KeyPath, int] = {}
        self._lengths: dict[KeyPath, int] = {}
        table: KeyPath = ()
        for line, statement in _statements(text):
            header = _HEADER.match(statement)
            if header is None:
                self._note(table, _key(statement), line)
            elif header[1] == "[[":
                table = self._note_array_element(_key(header[2]), line)
            else:
                table = self._note((), _key(header[2]), line)

    def find(self, path: KeyPath) -> int | None:
        """The line of `path`, or of the nearest enclosing thing that has one; None for the document itself."""
        for length in range(len(path), 0, -1):
            line = self._lines.get(path[:length])
            if line is not None:
                return line
        return None

    def _note(self, table: KeyPath, key: list[str], line: int) -> KeyPath:
        path = table
        for part in key:
            path = (*self._inside(path), part)
            self._lines.setdefault(path, line)
        return self._inside(path)

    def _note_array_element(self, key: list[str], line: int) -> KeyPath:
        parent = self._note((), key[:-1], line)
        array = (*parent, *key[-1:])
        index = self._lengths[array] = self._lengths.get(array, -1) + 1
        self._lines.setdefault(array, line)
        self._lines[(*array, index)] = line
        return (*array, index)

    def _inside(self, path: KeyPath) -> KeyPath:
        """A key below an array of tables belongs to its latest element."""
        index = self._lengths.get(path)
        return path if index is None else (*path, index)


def key_name(path: KeyPath) -> str:
    """A path as a person would write it: `venues[0].port`, `risk.instrument."USD/JPY".max_open_orders`."""
    name = ""
    for part in path:
        if isinstance(part, int):
            name += f"[{part}]"
        else:
            plain = part.replace("_", "").replace("-", "").isalnum() and part.isascii()
            name += ("." if name else "") + (part if plain else f'"{part.encode("unicode_escape").decode()}"')
    return name or "(file)"


def _statements(text: str) -> Iterator[tuple[int, str]]:
    """Each statement that is not blank: the line it begins on, and its first line without comment."""
    line = start = 1
    depth = 0
    parts: list[str] = []
    for match in _TOKEN.finditer(text):
        token = match[0]
        if token == "\n" and depth == 0:
            statement = "".join(parts).strip()
            if statement:
                yield start, statement
            parts, start = [], line + 1
        elif not token.startswith("#"):
            depth += (token in ("[", "{")) - (token in ("]", "}"))
            parts.append(token)
        line += token.count("\n")
    statement = "".join(parts).strip()
    if statement:
        yield start, statement


def _key(text: str) -> list[str]:
    """The parts of a dotted key at the beginning of `text`: `a."b c".d = 1` gives a, b c, d."""
    parts: list[str] = []
    position = 0
    while match := _KEY_PART.match(text, position):
        part, end = match[1], match[2]
        parts.append(tomllib.loads(f"key = {part}")["key"] if part[0] in "\"'" else part)
        if end != ".":
            break
        position = match.end()
    return parts
