"""Tables of state, and a digest over them that costs only what changed.

The digest is the sum, modulo 2^128, of BLAKE2b-128 over every (table, key, value). A sum does not depend on the order in
which entries were made, so two states with equal contents have equal digests, whatever their histories; and replacing one
entry costs two hashes, whatever the size of the state. Entries a snapshot brings are hashed when they change: their sum came
with the snapshot.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from hashlib import blake2b
from typing import NoReturn, TypeVar

import msgspec

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

_MODULUS = 1 << 128
_ABSENT = object()
_encode = msgspec.msgpack.Encoder().encode


class Digest:
    """Remembers one hash an entry; entries touched since the last look are hashed when somebody asks."""

    def __init__(self) -> None:
        self._hashes: dict[tuple[str, Hashable], int] = {}
        self._touched: dict[tuple[str, Hashable], object] = {}
        self._sum = 0

    def touch(self, table: str, key: Hashable, value: object) -> None:
        self._touched[table, key] = value

    def drop(self, table: str, key: Hashable) -> None:
        self._touched[table, key] = _ABSENT

    def begin(self, known: str) -> None:
        """Go on from a digest, as `hex` gives it, of all entries there are now, hashed or not. Raises ValueError."""
        self._hashes.clear()
        self._touched.clear()
        self._sum = int(known, 16) % _MODULUS

    def leaving(self, table: str, key: Hashable, value: object) -> None:
        """An adopted entry is about to change for the first time since: what it adds to the sum is known from now on."""
        entry = (table, key)
        if entry not in self._hashes and entry not in self._touched:
            self._hashes[entry] = entry_hash(table, key, value)

    def release(self, table: str, key: Hashable, value: object) -> int:
        """What an entry adds to the sum, from now on without being remembered here."""
        entry = (table, key)
        known = self._hashes.pop(entry, None)
        if entry in self._touched:
            del self._touched[entry]
            found = entry_hash(table, key, value)
            self._sum = (self._sum + found - (known or 0)) % _MODULUS
            return found
        return entry_hash(table, key, value) if known is None else known

    def hex(self) -> str:
        """32 hexadecimal digits over everything the tables hold now."""
        for entry, value in self._touched.items():
            old = self._hashes.pop(entry, 0)
            new = 0
            if value is not _ABSENT:
                new = entry_hash(*entry, value)
                self._hashes[entry] = new
            self._sum = (self._sum + new - old) % _MODULUS
        self._touched.clear()
        return f"{self._sum:032x}"


def entry_hash(table: str, key: Hashable, value: object) -> int:
    """What one entry adds to the sum."""
    return int.from_bytes(blake2b(_encode(((table, key), value)), digest_size=16).digest(), "big")


def modulo(total: int) -> int:
    """A sum of hashes as the digest counts it."""
    return total % _MODULUS


def total(hashes: Iterable[int]) -> str:
    """The digest of entries with these hashes."""
    return f"{sum(hashes) % _MODULUS:032x}"


class NoDigest(Digest):
    """Remembers nothing, for a state nobody asks for a digest."""

    def touch(self, table: str, key: Hashable, value: object) -> None:
        """Nothing to do."""

    def drop(self, table: str, key: Hashable) -> None:
        """Nothing to do."""

    def begin(self, known: str) -> None:
        """Nothing to do."""

    def leaving(self, table: str, key: Hashable, value: object) -> None:
        """Nothing to do."""

    def release(self, table: str, key: Hashable, value: object) -> int:
        return 0

    def hex(self) -> str:
        raise TypeError("this state keeps no digest")


class Table(dict[K, V]):
    """A dict whose every change reaches the digest. Keys and values are immutable; values encode deterministically."""

    def __init__(self, name: str, digest: Digest) -> None:
        super().__init__()
        self.name = name
        self._digest = digest
        self._touch = None if isinstance(digest, NoDigest) else digest.touch
        self._adopted = False

    def __setitem__(self, key: K, value: V) -> None:
        if self._adopted and key in self:
            self._digest.leaving(self.name, key, self[key])
        dict.__setitem__(self, key, value)
        if self._touch is not None:
            self._touch(self.name, key, value)

    def __delitem__(self, key: K) -> None:
        if self._adopted and key in self:
            self._digest.leaving(self.name, key, self[key])
        super().__delitem__(key)
        self._digest.drop(self.name, key)

    def adopt(self, entries: list[tuple[K, V]]) -> None:
        """Many entries at once, as a snapshot brings them: they are in the sum that `Digest.begin` is given."""
        self._adopted = True
        super().update(entries)

    def discard(self, key: K) -> None:
        """Remove `key` if it is there."""
        if key in self:
            del self[key]

    def held(self) -> dict[K, V]:
        """A copy of the entries that are here."""
        return dict(self)

    def _closed(self, *_args: object, **_kwargs: object) -> NoReturn:
        raise TypeError("a state table changes by assignment and deletion only, so that the digest sees it")

    pop = popitem = clear = update = setdefault = __ior__ = _closed
