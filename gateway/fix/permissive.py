"""The dictionary the engine gets: structure without opinions, so that it never rejects a fill we could have understood.

Exists because an engine with a strict dictionary answers an execution report that has one unknown enum value with Reject(3),
takes its sequence number, and shows it to nobody. What departs from the standard is judged by `gateway.fix.strict` instead.
The engine needs groups to split a message; those stay. Data fields do not (docs/decisions/0004-engine-edges.md): of the type
DATA the engine believes the length before them, without looking how long the message is, and a wrong one ends the process.
"""

from __future__ import annotations

from collections.abc import Iterable
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from gateway.errors import PreconditionFailed, remedy
from gateway.fix.dictionary import DictionaryFile, load
from gateway.fix.schema import Dialect, ExtraField

_KEPT_TYPES = frozenset({"NUMINGROUP", "SEQNUM"})


@dataclass(frozen=True, slots=True)
class PermissiveFiles:
    """Paths for the engine's settings: DataDictionary, or with FIXT AppDataDictionary and TransportDataDictionary."""

    application: Path
    transport: Path | None = None


def write_permissive(dialect: Dialect, folder: Path) -> PermissiveFiles:
    """Compile the dialect's permissive dictionaries into `folder`; a file whose content would not change is not touched.

    Raises `PreconditionFailed` when a standard dictionary is missing or `folder` cannot be written.
    """
    application = folder / f"{dialect.name}.permissive.xml"
    transport = folder / f"{dialect.name}.transport.permissive.xml" if dialect.transport_dictionary else None
    write(application, permissive_xml(dialect, dialect.dictionary))
    if transport is not None and dialect.transport_dictionary is not None:
        write(transport, permissive_xml(dialect, dialect.transport_dictionary))
    return PermissiveFiles(application, transport)


def permissive_xml(dialect: Dialect, file: str) -> bytes:
    """The permissive form of the standard dictionary `file`, cut to what the dialect uses."""
    source = load(file)
    root = ElementTree.Element("fix", source.root.attrib)
    kept: set[str] = set()
    for name in ("header", "trailer"):
        node = ElementTree.SubElement(root, name)
        original = source.root.find(name)
        if original is not None:
            _copy(original, node, kept, required=True)
    messages = ElementTree.SubElement(root, "messages")
    for msg_type, original in source.messages.items():
        node = ElementTree.SubElement(messages, "message", original.attrib)
        # A message outside the dialect stays by name only: the engine passes it on, and the decoder reports it.
        if original.get("msgcat") == "admin" or msg_type in dialect.messages:
            _copy(original, node, kept, required=False)
            extend(node, source, [extra for extra in dialect.extra_fields if msg_type in extra.messages], kept)
    components = ElementTree.SubElement(root, "components")
    _components(source, components, kept)
    _fields(source, ElementTree.SubElement(root, "fields"), kept, dialect.extra_fields)
    ElementTree.indent(root, " ")
    return ElementTree.tostring(root, encoding="unicode").encode() + b"\n"


def _copy(source: ElementTree.Element, target: ElementTree.Element, kept: set[str], *, required: bool) -> None:
    """Copy the structure below `source`; nothing stays required but what the header and trailer need to be a message."""
    for child in source:
        needed = child.get("required", "N") if required else "N"
        name = child.get("name", "")
        kept.add(name)
        _copy(child, ElementTree.SubElement(target, child.tag, {"name": name, "required": needed}), kept, required=False)


def extend(
    node: ElementTree.Element, source: DictionaryFile, extras: list[ExtraField], kept: set[str], *, strict: bool = False
) -> None:
    """Put the dialect's own fields where they belong; the component that holds a group is dissolved into this message."""
    for extra in extras:
        place = node if extra.group is None else _group(node, source, extra.group, kept, strict=strict)
        if place is None:
            raise PreconditionFailed(f"extra field {extra.name}({extra.tag}): {node.get('name')} has no group {extra.group}")
        if place.find(f"field[@name='{extra.name}']") is None:
            needed = "Y" if strict and extra.required else "N"
            ElementTree.SubElement(place, "field", {"name": extra.name, "required": needed})


def _group(
    node: ElementTree.Element, source: DictionaryFile, name: str, kept: set[str], *, strict: bool
) -> ElementTree.Element | None:
    found = node.find(f".//group[@name='{name}']")
    if found is not None:
        return found
    for index, child in enumerate(list(node)):
        component = source.components.get(child.get("name", "")) if child.tag == "component" else None
        if component is not None and component.find(f".//group[@name='{name}']") is not None:
            holder = ElementTree.Element("message")
            if strict:
                kept.update(part.get("name", "") for part in component.iter() if part is not component)
                holder.extend(deepcopy(part) for part in component)
            else:
                _copy(component, holder, kept, required=False)
            node.remove(child)
            for offset, part in enumerate(holder):
                node.insert(index + offset, part)
            return node.find(f".//group[@name='{name}']")
    return None


def _components(source: DictionaryFile, target: ElementTree.Element, kept: set[str]) -> None:
    """The components reachable from what was kept, in the source's order; nothing in them is required any more."""
    for name in reachable(source, kept):
        _copy(source.components[name], ElementTree.SubElement(target, "component", {"name": name}), kept, required=False)


def reachable(source: DictionaryFile, kept: set[str]) -> list[str]:
    """The names of the components that `kept` leads to; what they hold is added to `kept`."""
    pending = [name for name in kept if name in source.components]
    reached: set[str] = set()
    while pending:
        name = pending.pop()
        if name not in reached:
            reached.add(name)
            inside: set[str] = set()
            _copy(source.components[name], ElementTree.Element("component"), inside, required=False)
            kept |= inside
            pending += [found for found in inside if found in source.components]
    return [name for name in source.components if name in reached]


def _fields(source: DictionaryFile, target: ElementTree.Element, kept: set[str], extras: Iterable[ExtraField]) -> None:
    """Fields without enum values."""
    present = set()
    for name, field in source.fields.items():
        if name in kept:
            present.add(name)
            _field(target, field.tag, name, field.type)
    for extra in extras:
        if extra.name not in present:
            present.add(extra.name)
            _field(target, extra.tag, extra.name, extra.type)


def _field(target: ElementTree.Element, tag: int, name: str, kind: str) -> None:
    shown = kind if kind in _KEPT_TYPES else "STRING"
    ElementTree.SubElement(target, "field", {"number": str(tag), "name": name, "type": shown})


def write(path: Path, content: bytes) -> None:
    """Write `content` whole or not at all; a file that has it already is not touched. Raises `PreconditionFailed`."""
    try:
        if path.is_file() and path.read_bytes() == content:
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_suffix(".new")
        draft.write_bytes(content)
        draft.replace(path)
    except OSError as error:
        raise PreconditionFailed(f"{path} cannot be written: {error.strerror}; {remedy(error)}") from error
