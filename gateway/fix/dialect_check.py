"""Everything wrong with a dialect, at once: its shape, what contradicts itself, what the dictionaries do not have.

Exists so that a dialect file is mended in one round, before the open, and not discovered field by field on the wire. It yields
findings at key paths; whoever read the file knows its name and its lines.
"""

from __future__ import annotations

import types
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Union, get_args, get_origin, get_type_hints

import msgspec

from gateway.core.values import Side
from gateway.fix.dictionary import DictionaryFile, Part, load
from gateway.fix.schema import Dialect, ExtraField
from gateway.toml_lines import KeyPath

_CORRECT = "correct it; fix_specs/README.md explains every key"
_DECLARE = "correct it, or declare it under [[extra_fields]]"
_READ = frozenset({"3", "8", "9", "j", "Y", "W", "X"})
"""What the gateway reads. Ignoring one of them would be losing it."""
_TYPES = frozenset({
    "STRING", "CHAR", "BOOLEAN", "INT", "LENGTH", "SEQNUM", "NUMINGROUP", "FLOAT", "PRICE", "PRICEOFFSET", "QTY", "AMT",
    "PERCENTAGE", "CURRENCY", "COUNTRY", "EXCHANGE", "UTCTIMESTAMP", "UTCTIMEONLY", "UTCDATEONLY", "UTCDATE",
    "LOCALMKTDATE", "DATE", "MONTHYEAR", "MULTIPLEVALUESTRING", "DATA",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Finding:
    """`path` leads to the key in the TOML document."""

    path: KeyPath
    what: str
    remedy: str = _CORRECT


def shape(document: Any, kind: Any = Dialect, path: KeyPath = ()) -> Iterator[Finding]:
    """Keys that are unknown or missing, and values of another type than the schema's."""
    if _is_struct(kind):
        yield from _table(document, kind, path)
    elif get_origin(kind) is list and _is_struct(get_args(kind)[0]) and isinstance(document, list):
        for index, entry in enumerate(document):
            yield from shape(entry, get_args(kind)[0], (*path, index))
    elif get_origin(kind) is dict and isinstance(document, dict):
        for key, value in document.items():
            yield from _value({key: value}, kind, (*path, key))
    else:
        yield from _value(document, kind, path)


def contradictions(dialect: Dialect) -> Iterator[Finding]:
    """What each key allows by itself but not together."""
    fixt = dialect.begin_string == "FIXT.1.1"
    if fixt != (dialect.transport_dictionary is not None) or fixt != (dialect.appl_ver_id is not None):
        yield Finding(("begin_string",), "transport_dictionary and appl_ver_id are needed with FIXT.1.1 and only there")
    if len(set(dialect.codes.side.values())) != len(Side) or set(dialect.codes.side) != set(Side):
        yield Finding(("codes", "side"), "buy and sell each need a code of their own")
    if dialect.orders.max_cl_ord_id_length < 1:
        yield Finding(("orders", "max_cl_ord_id_length"), "must be at least 1")
    if dialect.session.resend_chunk is not None and dialect.session.resend_chunk < 1:
        yield Finding(("session", "resend_chunk"), "must be at least 1", "correct it, or leave it out to ask for everything")
    if dialect.session.next_expected and dialect.begin_string < "FIX.4.4":  # FIXT.1.1 is above it
        yield Finding(("session", "next_expected"), "NextExpectedMsgSeqNum(789) came with FIX 4.4", "remove it")
    missing = _needed(dialect) - set(dialect.messages)
    if missing:
        yield Finding(("messages",), f"what the rest of the file says needs {', '.join(sorted(missing))} too", "add it")
    for msg_type in sorted(_READ & set(dialect.ignored)):
        yield Finding(("ignored",), f"MsgType(35)={msg_type} is read by the gateway and cannot be ignored", "remove it")
    for name, count in Counter((extra.name, *extra.messages) for extra in dialect.extra_fields).items():
        if count > 1:
            yield Finding(("extra_fields",), f"{name[0]} is declared {count} times for the same messages", "keep one of them")


def against_dictionaries(dialect: Dialect) -> Iterator[Finding]:
    """Names and codes that the standard dictionaries do not have. Raises `PreconditionFailed` when there is no dictionary."""
    application = load(dialect.dictionary)
    transport = load(dialect.transport_dictionary) if dialect.transport_dictionary else application
    yield from _messages(dialect, application, transport)
    yield from _extra_fields(dialect, application, transport)
    yield from _constants(dialect, application, transport)
    yield from _codes(dialect, application)


def _is_struct(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)


def _table(document: Any, kind: type[msgspec.Struct], path: KeyPath) -> Iterator[Finding]:
    if not isinstance(document, dict):
        yield Finding(path, "must be a table")
        return
    fields = {field.name: field for field in msgspec.structs.fields(kind)}
    hints = get_type_hints(kind)
    for key in document:
        if key not in fields or key == "file":
            known = ", ".join(name for name in fields if name != "file")
            yield Finding((*path, key), "is not a key of a dialect", f"remove it; keys here are {known}")
    for name, field in fields.items():
        if name in document and name != "file":
            yield from shape(document[name], _without_none(hints[name]), (*path, name))
        elif field.required:
            yield Finding(path, f"the key {name} is missing", f"add it; fix_specs/README.md explains {name}")


def _without_none(kind: Any) -> Any:
    """TOML has no null: an optional key is left out."""
    if get_origin(kind) in (Union, types.UnionType):
        kinds = [one for one in get_args(kind) if one is not types.NoneType]
        return kinds[0] if len(kinds) == 1 else kind
    return kind


def _value(value: Any, kind: Any, path: KeyPath) -> Iterator[Finding]:
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        yield Finding(path, str(error).partition(" - at `")[0])


def _needed(dialect: Dialect) -> set[str]:
    """The messages without which the dialect could not do what it says."""
    status = {"one-by-one": {"H"}, "mass": {"H", "AF"}, "none": set()}[dialect.status.request]
    positions = {"AN", "AO", "AP"} if dialect.positions is not None else set()
    return {"8", "9", "D", "F"} | status | positions | ({"V", "W", "X", "Y"} if dialect.market_data is not None else set())


def _messages(dialect: Dialect, application: DictionaryFile, transport: DictionaryFile) -> Iterator[Finding]:
    for index, msg_type in enumerate(dialect.messages):
        known = application.messages.get(msg_type)
        if known is None or known.get("msgcat") == "admin":
            what = f"MsgType(35)={msg_type!r} is not an application message of {application.path.name}"
            yield Finding(("messages", index), what, "remove it")
    admin = {msg_type for msg_type, node in transport.messages.items() if node.get("msgcat") == "admin"}
    for index, extra in enumerate(dialect.extra_fields):
        for msg_type in extra.messages:
            if msg_type not in admin and msg_type not in dialect.messages:
                what = f"{extra.name}: MsgType(35)={msg_type!r} is not among messages"
                yield Finding(("extra_fields", index, "messages"), what, "add it to messages, or remove it here")


def _extra_fields(dialect: Dialect, application: DictionaryFile, transport: DictionaryFile) -> Iterator[Finding]:
    standard = {**transport.fields, **application.fields}
    names = {field.tag: field.name for field in standard.values()}
    for index, extra in enumerate(dialect.extra_fields):
        path: KeyPath = ("extra_fields", index)
        if names.get(extra.tag, extra.name) != extra.name:
            yield Finding((*path, "tag"), f"tag {extra.tag} is {names[extra.tag]} in {dialect.dictionary}", "use that name")
        elif extra.name in standard and standard[extra.name].tag != extra.tag:
            yield Finding((*path, "name"), f"{extra.name} is tag {standard[extra.name].tag} in {dialect.dictionary}")
        if extra.type not in _TYPES:
            yield Finding((*path, "type"), f"{extra.type} is not a type of FIX", f"use one of {', '.join(sorted(_TYPES))}")
        yield from _group(extra, path, application, transport)


def _group(extra: ExtraField, path: KeyPath, application: DictionaryFile, transport: DictionaryFile) -> Iterator[Finding]:
    for msg_type in extra.messages if extra.group is not None else ():
        source = application if msg_type in application.messages else transport
        if msg_type not in source.messages:
            continue
        groups = {part.field.name for part in source.message(msg_type) if part.group}
        if extra.group not in groups:
            known = ", ".join(sorted(groups)) or "none"
            what = f"MsgType(35)={msg_type!r} has no group {extra.group} at its top"
            yield Finding((*path, "group"), what, f"its groups are: {known}")


def _constants(dialect: Dialect, application: DictionaryFile, transport: DictionaryFile) -> Iterator[Finding]:
    """Fields that are put into our requests by name."""
    tables: tuple[tuple[str, Mapping[str, str], KeyPath], ...] = (
        ("D", dialect.orders.new_order, ("orders", "new_order")),
        ("F", dialect.orders.cancel, ("orders", "cancel")),
        ("G", dialect.orders.replace, ("orders", "replace")),
        ("AN", dialect.positions.request if dialect.positions is not None else {}, ("positions", "request")),
    )
    for msg_type, constants, path in tables:
        known = _names(dialect, application, msg_type)
        for name in constants:
            if name not in known:
                what = f"{name} is not a field of MsgType(35)={msg_type}"
                yield Finding((*path, name), what, _DECLARE)
    known = _names(dialect, transport, "A")
    for key, name in (("username", dialect.logon.username), ("password", dialect.logon.password)):
        if name and name not in known:
            yield Finding(("logon", key), f"{name} is not a field of the Logon(A)", f'{_DECLARE}; "" for none')
    for name in dialect.session.cancel_on_disconnect:
        if name not in known:
            yield Finding(("session", "cancel_on_disconnect", name), f"{name} is not a field of the Logon(A)", _DECLARE)


def _names(dialect: Dialect, source: DictionaryFile, msg_type: str) -> set[str]:
    own = {extra.name for extra in dialect.extra_fields if msg_type in extra.messages}
    parts: tuple[Part, ...] = source.message(msg_type) if msg_type in source.messages else ()
    return own | {part.field.name for part in parts}


def _codes(dialect: Dialect, application: DictionaryFile) -> Iterator[Finding]:
    """The codes we send. What a venue sends beside the standard is its own business, and marked where it arrives."""
    data = dialect.market_data
    sent: list[tuple[KeyPath, str, str]] = [
        *((("codes", "side", word), "Side", code) for word, code in dialect.codes.side.items()),
        *((("codes", "order_type", word), "OrdType", code) for word, code in dialect.codes.order_type.items()),
        *((("codes", "time_in_force", word), "TimeInForce", code) for word, code in dialect.codes.time_in_force.items()),
    ]
    if dialect.status.request == "mass":
        sent.append((("status", "mass_type"), "MassStatusReqType", dialect.status.mass_type))
    if data is not None:
        sent += [
            (("market_data", "subscribe"), "SubscriptionRequestType", data.subscribe),
            (("market_data", "unsubscribe"), "SubscriptionRequestType", data.unsubscribe),
            *((("market_data", "entry_types", i), "MDEntryType", code) for i, code in enumerate(data.entry_types)),
        ]
        if data.update_type is not None:
            sent.append((("market_data", "update_type"), "MDUpdateType", data.update_type))
    own = {extra.name: extra.values for extra in dialect.extra_fields}
    for path, name, code in sent:
        field = application.fields.get(name)
        values = {*(field.values if field is not None else ()), *own.get(name, ())}
        if values and code not in values:
            label = field.label if field is not None else name
            what = f"{code!r} is not a value of {label} in {dialect.dictionary}"
            yield Finding(path, what, f'correct it, or declare it: [[extra_fields]] name = "{name}", values = {{ ... }}')
