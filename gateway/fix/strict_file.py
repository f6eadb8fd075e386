"""The strict dictionary as a file: the standard cut to a dialect, the dialect's own fields in their places, values and all.

Exists for people and other tools: to look at, to compare (`gateway spec diff`), to give to an engine that shall refuse what
departs from it. The gateway itself judges with `gateway.fix.strict`, made from the same source.
"""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from xml.etree import ElementTree

from gateway.fix.dictionary import DictionaryFile, FieldDefinition, load
from gateway.fix.permissive import extend, reachable, write, write_permissive
from gateway.fix.schema import Dialect
from gateway.fix.strict import declared


def write_dictionaries(dialect: Dialect, folder: Path) -> list[Path]:
    """Permissive and strict dictionaries of `dialect` in `folder`, application first. Raises `PreconditionFailed`."""
    files = write_permissive(dialect, folder)
    written = [files.application, folder / f"{dialect.name}.strict.xml"]
    write(written[1], strict_xml(dialect, dialect.dictionary))
    if files.transport is not None and dialect.transport_dictionary is not None:
        written += [files.transport, folder / f"{dialect.name}.transport.strict.xml"]
        write(written[3], strict_xml(dialect, dialect.transport_dictionary))
    return written


def strict_xml(dialect: Dialect, file: str) -> bytes:
    """The standard dictionary `file` with what the dialect uses and adds, and nothing else."""
    source = load(file)
    root = ElementTree.Element("fix", source.root.attrib)
    kept: set[str] = set()
    for name in ("header", "trailer"):
        original = source.root.find(name)
        _keep(root, ElementTree.Element(name) if original is None else original, kept)
    messages = ElementTree.SubElement(root, "messages")
    for msg_type, original in source.messages.items():
        if original.get("msgcat") == "admin" or msg_type in dialect.messages:
            node = _keep(messages, original, kept)
            extras = [extra for extra in dialect.extra_fields if msg_type in extra.messages]
            extend(node, source, extras, kept, strict=True)
            kept |= {extra.name for extra in extras}
    components = ElementTree.SubElement(root, "components")
    for name in reachable(source, kept):
        _keep(components, source.components[name], kept)
    fields = ElementTree.SubElement(root, "fields")
    for definition in _definitions(dialect, source, kept):
        attributes = {"number": str(definition.tag), "name": definition.name, "type": definition.type}
        node = ElementTree.SubElement(fields, "field", attributes)
        for value, words in definition.values.items():
            ElementTree.SubElement(node, "value", {"enum": value, "description": words or value})
    ElementTree.indent(root, " ")
    return ElementTree.tostring(root, encoding="unicode").encode() + b"\n"


def _keep(parent: ElementTree.Element, original: ElementTree.Element, kept: set[str]) -> ElementTree.Element:
    node = deepcopy(original)
    kept.update(child.get("name", "") for child in node.iter() if child is not node)
    parent.append(node)
    return node


def _definitions(dialect: Dialect, source: DictionaryFile, kept: set[str]) -> list[FieldDefinition]:
    own = {extra.name: declared(extra, source.fields.get(extra.name)) for extra in dialect.extra_fields}
    return [own.get(name) or field for name, field in source.fields.items() if name in kept] + [
        definition for name, definition in own.items() if name in kept and name not in source.fields
    ]
