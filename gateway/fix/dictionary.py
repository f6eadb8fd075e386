"""FIX dictionaries: the standard ones in the installed engine's files, or a venue's own; read once, given out as plain data.

Exists because both dictionaries we use, the permissive one for the engine and the strict one for the decoder, are made from
the same source. The engine itself is never imported; only its distribution's file list is consulted.
"""

from __future__ import annotations

import importlib.metadata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from xml.etree import ElementTree

from gateway.errors import PreconditionFailed

DISTRIBUTION = "quickfix"


@dataclass(frozen=True, slots=True)
class FieldDefinition:
    """A field: `values` maps each enumerated value to its description, and is empty where any value of the type will do."""

    tag: int
    name: str
    type: str
    values: dict[str, str]

    @property
    def label(self) -> str:
        """As people write it: `OrdRejReason(103)`."""
        return f"{self.name}({self.tag})"


@dataclass(frozen=True, slots=True)
class Part:
    """A place in a message: a field, or a group with parts of its own (components are already dissolved)."""

    field: FieldDefinition
    required: bool
    group: tuple[Part, ...] | None = None


class DictionaryFile:
    """One parsed dictionary file. `root` must not be changed: it is shared by everybody in this process."""

    def __init__(self, root: ElementTree.Element, path: Path) -> None:
        self.root = root
        self.path = path
        self.fields: dict[str, FieldDefinition] = {}
        for node in root.iterfind("fields/field"):
            values = {v.get("enum", ""): v.get("description", "") for v in node.iterfind("value")}
            definition = FieldDefinition(int(node.get("number", "0")), node.get("name", ""), node.get("type", ""), values)
            self.fields[definition.name] = definition
        self.components = {node.get("name", ""): node for node in root.iterfind("components/component")}
        self.messages = {node.get("msgtype", ""): node for node in root.iterfind("messages/message")}

    def section(self, name: str) -> tuple[Part, ...]:
        """`header` or `trailer`; empty in an application dictionary of FIX 5.0, whose header is FIXT's."""
        node = self.root.find(name)
        return () if node is None else tuple(self._parts(node, required=True, within=()))

    def message(self, msg_type: str) -> tuple[Part, ...]:
        """The body of a message. Raises KeyError when this dictionary has no such MsgType(35)."""
        return tuple(self._parts(self.messages[msg_type], required=True, within=()))

    def _parts(self, node: ElementTree.Element, *, required: bool, within: tuple[str, ...]) -> Iterator[Part]:
        for child in node:
            name = child.get("name", "")
            needed = required and child.get("required") == "Y"
            if child.tag == "field":
                yield Part(self.fields[name], needed)
            elif child.tag == "group":
                yield Part(self.fields[name], needed, tuple(self._parts(child, required=True, within=within)))
            elif child.tag == "component" and name not in within:  # FIX 5.0 SP2 has components that contain themselves
                yield from self._parts(self.components[name], required=needed, within=(*within, name))


def find(name: str) -> Path:
    """The path of a standard dictionary, e.g. `FIX44.xml`. Raises `PreconditionFailed` naming what is missing."""
    try:
        files = importlib.metadata.files(DISTRIBUTION) or []
    except importlib.metadata.PackageNotFoundError:
        raise PreconditionFailed(
            f"{name} is missing: the distribution {DISTRIBUTION!r} is not installed; run `pip install .` in this environment"
        ) from None
    for file in files:
        if file.name == name:
            path = Path(str(file.locate())).resolve()
            if path.is_file():
                return path
    version = importlib.metadata.version(DISTRIBUTION)
    raise PreconditionFailed(
        f"{name} is missing: {DISTRIBUTION} {version} as installed ships no such dictionary (some community wheels ship none); "
        f"install the official build: pip install --force-reinstall --no-binary {DISTRIBUTION} {DISTRIBUTION}=={version}"
    )


@lru_cache(maxsize=8)
def load(name: str) -> DictionaryFile:
    """A dictionary, parsed once: an absolute path, or the file name of a standard one.

    Raises `PreconditionFailed` when it is missing or unreadable.
    """
    path = Path(name) if Path(name).is_absolute() else find(name)
    try:
        return DictionaryFile(ElementTree.parse(path).getroot(), path)
    except (OSError, ElementTree.ParseError, KeyError, ValueError) as error:
        raise PreconditionFailed(
            f"{path} is not a usable FIX dictionary: {error}; mend it, or reinstall {DISTRIBUTION} if it is one of its own"
        ) from error
