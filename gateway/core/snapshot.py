"""The state as bytes, and the way back: everything it holds, indexes and their order included.

Nothing here knows what the state consists of: it walks over it, and every container travels with the shape of what is in it.
So a table that is added tomorrow is in tomorrow's snapshots. What it cannot carry it refuses (`TypeError`) when the snapshot
is made, never in silence. `image` is what the thread that owns the state has to do; the rest may happen anywhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from enum import Enum
from functools import cache
from itertools import islice
from typing import Any, Union

import msgspec

from gateway.core.digest import Digest, Table, entry_hash, total
from gateway.core.ended import hash_of, total_of
from gateway.core.indexes import Index
from gateway.core.state import State

CHUNK = 500
"""Entries encoded at a time: as long as other threads wait for this one, at most."""

_DOMAINS = ("market", "execution", "control")
_REBUILT = {("execution", "keys_of")}
"""What follows from the rest whatever its history, beside every `Index`: fills are never removed."""
_PLAIN: dict[type, str] = {str: "str", int: "int", bool: "bool", bytes: "bytes", Decimal: "Decimal", type(None): "None"}
_TYPES: dict[str, Any] = {name: found for found, name in _PLAIN.items()}

Shape = str | list[Any]
"""A name of `_TYPES`, a class of the core by its name, or
["tuple", shapes...], ["list", shape], ["dict", key, value], ["any of", shapes...], ["nothing"]."""
_encode = msgspec.msgpack.Encoder().encode


class Part(msgspec.Struct, frozen=True):
    """One container or value of the state, copied. `path` is where it belongs, e.g. ("execution", "orders")."""

    path: tuple[str, ...]
    content: Any


class Heading(msgspec.Struct, frozen=True):
    """What precedes the entries of a part. `entries` is None for a value that is no container."""

    path: tuple[str, ...]
    shape: Shape
    entries: int | None


Image = Sequence[Part]
Message = bytes | memoryview


def image(state: State) -> Image:
    """A copy of the state that no later event changes. Values are immutable, so only the containers are copied."""
    parts = [Part((name,), getattr(state, name)) for name in ("seq", "at_ns")]
    parts.append(Part(("anomalies",), dict(state.anomalies)))
    for domain in _DOMAINS:
        for name, content in vars(getattr(state, domain)).items():
            if not isinstance(content, Digest | Index) and (domain, name) not in _REBUILT:
                parts.append(Part((domain, name), _copy(content)))
    return parts


def frames(parts: Image) -> Iterator[bytes]:
    """The image as a sequence of messages, each small. Raises TypeError for something it cannot carry."""
    for part in parts:
        if not isinstance(part.content, dict):
            yield _encode(Heading(part.path, _shape([part.content]), None))
            yield _encode(part.content)
            continue
        entries = iter(part.content.items())
        while chunk := list(islice(entries, CHUNK)):
            shape = ["list", ["tuple", _shape([key for key, _ in chunk]), _shape([value for _, value in chunk])]]
            yield _encode(Heading(part.path, shape, len(chunk)))
            yield _encode(chunk)


def restore(messages: Iterator[Message], digest: str | None = None) -> State:
    """The state again. Raises ValueError when the messages do not describe one.

    `digest`: the state's, believed (`full_digest` is for whoever does not); None for a state without one.
    """
    restored = State(with_digest=digest is not None)
    try:
        for heading, content in _contents(messages):
            _place(restored, heading, content)
            del content  # before the next one is made: some are large
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError(f"no state of this build: {type(error).__name__}: {error}") from error
    if digest is not None:
        restored.go_on_from(digest)
    restored.execution.rebuild()
    restored.control.rebuild()
    return restored


def full_digest(messages: Iterable[Message], *, believing: bool = False) -> str:
    """The digest of the state that `restore` makes of these, every entry hashed. Raises ValueError as that does.

    `believing`: records of ended orders are taken at their word, which they got when they were made.
    """
    empty = State(with_digest=False)

    def hashes() -> Iterator[int]:
        for heading, content in _contents(iter(messages)):
            owner: Any = empty
            for name in heading.path:
                owner = getattr(owner, name)
            if isinstance(owner, Table):
                yield from (entry_hash(owner.name, key, value) for key, value in content)
            elif owner is empty.execution.ended:
                yield from ((total_of if believing else hash_of)(record) for _, record in content)
            del content  # before the next one is made: some are large

    try:
        return total(hashes())
    except (AttributeError, TypeError) as error:
        raise ValueError(f"no state of this build: {type(error).__name__}: {error}") from error


def _contents(messages: Iterator[Message]) -> Iterator[tuple[Heading, Any]]:
    heading_of = msgspec.msgpack.Decoder(Heading).decode
    decoders: dict[str, msgspec.msgpack.Decoder[Any]] = {}
    try:
        for message in messages:
            heading = heading_of(message)
            shape = repr(heading.shape)
            if shape not in decoders:
                decoders[shape] = msgspec.msgpack.Decoder(_type(heading.shape))
            content = next(messages, None)
            if content is None:
                raise ValueError("no state of this build: it ends with a heading")
            yield heading, decoders[shape].decode(content)
    except (msgspec.MsgspecError, KeyError, TypeError) as error:
        raise ValueError(f"no state of this build: {type(error).__name__}: {error}") from error


def _place(restored: State, heading: Heading, content: Any) -> None:
    owner: Any = restored
    for name in heading.path[:-1]:
        owner = getattr(owner, name)
    attribute = heading.path[-1]
    if heading.entries is None:
        if attribute not in vars(owner):
            raise KeyError(attribute)
        setattr(owner, attribute, content)
        return
    container = getattr(owner, attribute)
    if isinstance(container, Table):
        container.adopt(content)
    else:
        container.update(content)


def _copy(content: Any) -> Any:
    """Containers are copied to the depth they are changed at; everything else is immutable."""
    if isinstance(content, Table):
        return content.held()
    if isinstance(content, dict):
        some = next(iter(content.values()), None)
        if isinstance(some, dict):
            return {key: dict(value) for key, value in content.items() if value}
        if isinstance(some, list):
            return {key: list(value) for key, value in content.items() if value}
        return dict(content)
    return content


@cache
def _classes() -> dict[str, type]:
    """Structs and enumerations of the core, which a container can hold, by name."""
    found: dict[str, type] = {}
    waiting: list[type] = [msgspec.Struct, Enum]
    while waiting:
        kind = waiting.pop()
        waiting += kind.__subclasses__()
        if kind.__module__.startswith("gateway.core."):
            found[_name(kind)] = kind
    return found


def _name(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"


def _shape(content: Sequence[Any]) -> Shape:
    """The shape that every one of these has. Raises TypeError for a class that is not known here."""
    kinds = set(map(type, content))
    if len(kinds) > 1:
        shapes: list[Shape] = []
        for kind in sorted(kinds, key=lambda kind: kind.__name__):
            shapes.append(_shape([one for one in content if type(one) is kind]))
        return ["any of", *shapes]
    if not kinds:
        return ["nothing"]
    kind = kinds.pop()
    if kind in _PLAIN:
        return _PLAIN[kind]
    if kind is tuple:
        if len(set(map(len, content))) > 1:
            return ["list of tuple", _shape([item for one in content for item in one])]
        return ["tuple", *(_shape(column) for column in zip(*content, strict=True))]
    if kind is list:
        return ["list", _shape([item for one in content for item in one])]
    if issubclass(kind, Mapping):
        return [
            "dict",
            _shape([key for one in content for key in one]),
            _shape([value for one in content for value in one.values()]),
        ]
    name = _name(kind)
    if _classes().get(name) is not kind:
        raise TypeError(f"the state holds a {name}, which a snapshot cannot carry")
    return name


def _type(shape: Shape) -> Any:
    if isinstance(shape, str):
        return _TYPES[shape] if shape in _TYPES else _classes()[shape]
    kind, *inner = shape
    types = [_type(one) for one in inner]
    match kind:
        case "tuple":
            return tuple[tuple(types)]  # type: ignore[misc]  # a type made at run time
        case "list of tuple":
            return tuple[types[0], ...]  # type: ignore[valid-type]  # a type made at run time
        case "list":
            return list[types[0]]  # type: ignore[valid-type]  # a type made at run time
        case "dict":
            return dict[types[0], types[1]]  # type: ignore[valid-type]  # a type made at run time
        case "any of":
            return Union[tuple(types)]  # noqa: UP007 - made at run time
        case "nothing":
            return None
    raise KeyError(kind)
