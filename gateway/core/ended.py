"""Orders that are over, packed: the state never forgets one, and keeps each as a few hundred bytes until somebody asks.

A *record* holds one order with its executions and its ClOrdIDs. It is no other state: the three tables (orders, fills,
cl_ord_ids) show what records hold as if they held it themselves, the digest counts it, and whatever is to change is taken out
of its record first (`ExecutionState`). What a record could not give back exactly stays out of one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal
from itertools import chain
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from gateway.core.digest import Digest, K, Table, V, entry_hash
from gateway.core.orders import Fill, Order

FillKey = tuple[str, str, str, str]
"""(venue, trade date, order id, ExecID(17))."""
NameKey = tuple[str, str]
"""(venue, ClOrdID(11))."""

_SHARED = ("order_id", "venue", "account", "strategy", "symbol", "side")
"""Fields an execution has from its order."""
_OWN = tuple(name for name in Fill.__struct_fields__ if name not in _SHARED)
_ORDER = Order.__struct_fields__
_shared: Callable[[Order | Fill], tuple[Any, ...]] = attrgetter(*_SHARED)
_own: Callable[[Fill], tuple[Any, ...]] = attrgetter(*_OWN)
_order: Callable[[Order], tuple[Any, ...]] = attrgetter(*_ORDER)
_SUM = 16
_encode = msgspec.msgpack.Encoder().encode


def _row(kind: type[msgspec.Struct], names: Sequence[str]) -> Any:
    types = {field.name: field.type for field in msgspec.structs.fields(kind)}
    return tuple[tuple(types[name] for name in names)]  # type: ignore[misc]  # a type made at run time


_decode: Callable[[bytes | memoryview], Any] = msgspec.msgpack.Decoder(
    tuple[_row(Order, _ORDER), list[_row(Fill, _OWN)], list[str]]  # type: ignore[misc]  # a type made at run time
).decode


class Whole(NamedTuple):
    """What a record holds. `fills` in the order they came, `names` the ClOrdIDs."""

    order: Order
    fills: list[Fill]
    names: list[str]


def packed(whole: Whole) -> bytes:
    """The record, without its sum."""
    return _encode((_order(whole.order), [_own(fill) for fill in whole.fills], whole.names))


def record_of(content: bytes, total: int) -> bytes:
    """The record, with what its entries add to the digest."""
    return total.to_bytes(_SUM, "big") + content


def unpacked(record: bytes) -> Whole:
    """What was packed."""
    row, rows, names = _decode(memoryview(record)[_SUM:])
    order = Order(**dict(zip(_ORDER, row, strict=True)))
    shared = {name: getattr(order, name) for name in _SHARED}
    return Whole(order, [Fill(**shared, **dict(zip(_OWN, one, strict=True))) for one in rows], names)


def total_of(record: bytes) -> int:
    """What a record says its entries add to the digest."""
    return int.from_bytes(record[:_SUM], "big")


def hash_of(record: bytes) -> int:
    """The same, found by hashing every entry of it."""
    whole = unpacked(record)
    order = whole.order
    found = entry_hash("order", order.order_id, order)
    found += sum(entry_hash("fill", fill_key(fill), fill) for fill in whole.fills)
    return found + sum(entry_hash("cl_ord_id", (order.venue, name), order.order_id) for name in whole.names)


def fill_key(fill: Fill) -> FillKey:
    """Where an execution stands, by what it says itself."""
    return (fill.venue, fill.trade_date, fill.order_id, fill.exec_id)


def fits(order: Order, fills: Sequence[Fill], keys: Sequence[FillKey]) -> bool:
    """Whether a record would give back the same: the order is over, nobody waits for anything of it, and its executions tell
    where they stand."""
    if not order.state.terminal or order.in_doubt or order.new_in_flight or order.replacing or order.cancel_in_flight:
        return False
    shared = _shared(order)
    for fill, key in zip(fills, keys, strict=True):  # noqa: SIM110 - a third of the time
        if _shared(fill) != shared or fill_key(fill) != key:
            return False
    return True


ByName = dict[str, FillKey]
ByTrade = dict[tuple[Decimal, int], FillKey]


def found_by(fills: Sequence[Fill]) -> tuple[ByName, ByTrade]:
    """Executions of an order by their names and by what they were, as they come from the order in which they came."""
    by_name: ByName = {}
    by_trade: ByTrade = {}
    for fill in fills:
        key = by_name[fill.exec_id] = fill_key(fill)
        if fill.reported_cum_qty is not None and fill.venue_time_ns is not None:
            by_trade[fill.reported_cum_qty, fill.venue_time_ns] = key
    for fill in fills:
        for amendment in fill.amendments:
            by_name.setdefault(amendment, fill_key(fill))
    return by_name, by_trade


def order_of(name: str) -> str | None:
    """The order that a ClOrdID of ours names: `[prefix-]run-number-request`."""
    parts = name.rsplit("-", 3)
    return f"{parts[-3]}-{parts[-2]}" if len(parts) > 2 else None


def own_names(order: Order) -> list[str]:
    """ClOrdIDs the order can have had from us, as far as its last one tells."""
    last = order.cl_ord_id
    if order_of(last) != order.order_id:
        return []
    if order.requests == 1:
        return [last]
    stem, _, _ = last.rpartition("-")
    return [f"{stem}-{number}" for number in range(1, order.requests + 1)]


class Kept(Table[K, V]):
    """A table some of whose entries are in records. Reading changes nothing, so that any thread may read: an entry is in its
    new place before it leaves the old one. Those in records come first."""

    def __init__(self, name: str, digest: Digest, records: dict[str, bytes], counts: dict[str, int]) -> None:
        super().__init__(name, digest)
        self._records = records
        self._counts = counts

    if TYPE_CHECKING:

        def here(self, key: K) -> V | None:
            """The entry, unless it is in a record."""
    else:
        here = dict.get

    def let_go(self, keys: Iterable[K]) -> int:
        """The entries are to be in a record, and still here until `forget`. What they add to the digest."""
        if self._touch is None:
            return 0
        return sum(self._digest.release(self.name, key, dict.__getitem__(self, key)) for key in keys)

    def forget(self, keys: Sequence[K]) -> None:
        """The entries are in a record."""
        for key in keys:
            dict.__delitem__(self, key)
        self._counts[self.name] = self._counts.get(self.name, 0) + len(keys)

    def take_back(self, key: K, value: V) -> None:
        """The entry is here again, and leaves its record next."""
        dict.__setitem__(self, key, value)
        self._counts[self.name] -= 1
        self._digest.leaving(self.name, key, value)

    def held(self) -> dict[K, V]:
        return dict(dict.items(self))

    def _record(self, key: K) -> bytes | None:
        """The record that would hold an entry of this key."""
        raise NotImplementedError

    def _entries(self, whole: Whole) -> Iterator[tuple[K, V]]:
        """The entries of this table that a record holds."""
        raise NotImplementedError

    def _find(self, key: K) -> V | None:
        """What is not here: in a record, or here by now."""
        record = self._record(key)
        if record is None:
            return dict.get(self, key)
        return next((value for known, value in self._entries(unpacked(record)) if known == key), None)

    def get(self, key: K, default: V | None = None) -> V | None:  # type: ignore[override]  # narrower: nobody asks otherwise
        found = dict.get(self, key)
        if found is None:
            found = self._find(key)
        return default if found is None else found

    def __missing__(self, key: K) -> V:
        found = self._find(key)
        if found is None:
            raise KeyError(key)
        return found

    def __contains__(self, key: object) -> bool:
        return dict.__contains__(self, key) or self._find(key) is not None  # type: ignore[arg-type]  # as dict has it

    def __len__(self) -> int:
        return dict.__len__(self) + self._counts.get(self.name, 0)

    def __iter__(self) -> Iterator[K]:
        return (key for key, _ in self.items())

    def keys(self) -> Any:
        return list(self)

    def values(self) -> Any:
        return (value for _, value in self.items())

    def items(self) -> Any:
        packed_ones = (self._entries(unpacked(record)) for record in tuple(self._records.values()))
        return chain(chain.from_iterable(packed_ones), dict.items(self))

    def __eq__(self, other: object) -> bool:
        return dict(self.items()) == (dict(other.items()) if isinstance(other, Kept) else other)

    __hash__ = None  # type: ignore[assignment]  # as dict has it


class Orders(Kept[str, Order]):
    """Every order, by its id."""

    def _record(self, key: str) -> bytes | None:
        return self._records.get(key)

    def __contains__(self, key: object) -> bool:
        return dict.__contains__(self, key) or key in self._records or dict.__contains__(self, key)

    def _entries(self, whole: Whole) -> Iterator[tuple[str, Order]]:
        yield whole.order.order_id, whole.order


class Fills(Kept[FillKey, Fill]):
    """Every execution."""

    def _record(self, key: FillKey) -> bytes | None:
        return self._records.get(key[2])

    def _entries(self, whole: Whole) -> Iterator[tuple[FillKey, Fill]]:
        return ((fill_key(fill), fill) for fill in whole.fills)


class Names(Kept[NameKey, str]):
    """(venue, ClOrdID) -> order id."""

    def _record(self, key: NameKey) -> bytes | None:
        order_id = order_of(key[1])
        return None if order_id is None else self._records.get(order_id)

    def _entries(self, whole: Whole) -> Iterator[tuple[NameKey, str]]:
        order = whole.order
        return (((order.venue, name), order.order_id) for name in whole.names)
