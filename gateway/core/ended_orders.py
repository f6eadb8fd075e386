"""Orders, their executions and their names: as they are while something can be expected, in records after that.

Which of both nobody can tell who reads the tables. What changes an order takes it out of its record first; what has ended
goes into one when a thousand others have ended since, at a time that does not matter.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from gateway.core import ended
from gateway.core.digest import Digest, modulo
from gateway.core.ended import ByName, ByTrade, FillKey, Fills, Names, Orders
from gateway.core.indexes import Over
from gateway.core.orders import Fill, Order
from gateway.core.values import FillStatus

_VOID = frozenset({FillStatus.BUSTED, FillStatus.REPLACED})


class EndedOrders:
    """The three tables, their indexes, and the records. Reading the tables changes nothing; the methods are for the thread that
    owns the state."""

    def __init__(self, digest: Digest) -> None:
        self.ended: dict[str, bytes] = {}
        """Order id -> record of an order that is over, see `gateway.core.ended`."""
        self.ended_counts: dict[str, int] = {}
        """Table -> entries of it that are in records."""
        self.orders = Orders("order", digest, self.ended, self.ended_counts)
        self.cl_ord_ids = Names("cl_ord_id", digest, self.ended, self.ended_counts)
        self.fills = Fills("fill", digest, self.ended, self.ended_counts)
        self.void = 0
        """Executions that do not count any more: busted, or replaced by reports. A tally for people."""
        # Indexes.
        self.keys_of: dict[str, list[FillKey]] = {}
        """Order id -> its executions, the first first. This and the next two leave out those in records: ask the methods."""
        self.by_exec_id: dict[str, ByName] = {}
        """Order id -> ExecID -> the latest execution of that name; the ExecIDs of its amendments count as names, too."""
        self.by_trade: dict[str, ByTrade] = {}
        """Order id -> (reported CumQty, venue time) -> execution: the same trade again shows here."""
        self.over = Over()
        """Orders that ended and are in no record yet."""

    def waits(self, order_id: str) -> bool:
        """Whether something waits for this order, ended or not."""
        raise NotImplementedError

    def keep_fill(self, key: FillKey, fill: Fill) -> bool:
        """Store an execution as it is now. Whether it is a new one."""
        order_id = fill.order_id
        if order_id in self.ended:
            self.take_out(order_id)
        names = self.by_exec_id.setdefault(order_id, {})
        before = self.fills.here(key)
        new = before is None
        if not new or fill.status is not FillStatus.NEW:
            self.void += (fill.status in _VOID) - (before is not None and before.status in _VOID)
        if new:
            self.keys_of.setdefault(order_id, []).append(key)
            names[fill.exec_id] = key
            if fill.reported_cum_qty is not None and fill.venue_time_ns is not None:
                self.by_trade.setdefault(order_id, {})[fill.reported_cum_qty, fill.venue_time_ns] = key
        for amendment in fill.amendments:  # a further correction or a bust may name the last correction
            names.setdefault(amendment, key)
        self.fills[key] = fill
        return new

    def find_ended(self) -> None:
        """Make anew what follows from the tables."""
        self.over = Over(self.over.keep, self.over.spare)
        self.keys_of.clear()
        for key, fill in self.fills.held().items():
            self.keys_of.setdefault(fill.order_id, []).append(key)
        for order_id, order in self.orders.held().items():
            if order.state.terminal:
                self.over.add(order_id)

    def take_out(self, order_id: str) -> None:
        """Have an order where it can be changed, whatever record it may be in."""
        record = self.ended.get(order_id)
        if record is None:
            return
        order, fills, names = ended.unpacked(record)
        self.orders.take_back(order_id, order)
        for fill in fills:
            key = ended.fill_key(fill)
            self.fills.take_back(key, fill)
            self.keys_of.setdefault(order_id, []).append(key)
        if fills:
            self.by_exec_id[order_id], self.by_trade[order_id] = ended.found_by(fills)
        for name in names:
            self.cl_ord_ids.take_back((order.venue, name), order_id)
        del self.ended[order_id]
        self.over.add(order_id)

    def taken_out(self, order_id: str) -> Order | None:
        """An order, where it can be changed."""
        found = self.orders.here(order_id)
        if found is None:
            self.take_out(order_id)
            found = self.orders.here(order_id)
        return found

    def put_away(self, most: int, keep: int | None = None) -> None:
        """Make records of the orders that ended first, up to `most`, while more than `keep` are in none. Nobody can tell, so
        this may be done at any time; where nobody does it, the end of an order does."""
        for _ in range(most):
            order_id = self.over.next(self.over.keep if keep is None else keep)
            if order_id is None:
                return
            order = self.orders.here(order_id)
            if order is None or not order.state.terminal:
                continue  # in a record already, or open again: it comes when it ends
            if self.waits(order_id) or not self._pack(order):
                self.over.add(order_id)

    def _pack(self, order: Order) -> bool:
        order_id, venue = order.order_id, order.venue
        keys = self.keys_of.get(order_id, [])
        fills = [self.fills[key] for key in keys]
        if not ended.fits(order, fills, keys):
            return False
        if fills and (self.by_exec_id[order_id], self.by_trade.get(order_id, {})) != ended.found_by(fills):
            return False
        names = [name for name in ended.own_names(order) if self.cl_ord_ids.here((venue, name)) == order_id]
        named = [(venue, name) for name in names]
        content = ended.packed(ended.Whole(order, fills, names))
        total = self.orders.let_go((order_id,)) + self.fills.let_go(keys) + self.cl_ord_ids.let_go(named)
        self.ended[order_id] = ended.record_of(content, modulo(total))
        self.orders.forget((order_id,))
        self.cl_ord_ids.forget(named)
        if keys:
            self.fills.forget(keys)
            del self.keys_of[order_id]
            self.by_exec_id.pop(order_id, None)
            self.by_trade.pop(order_id, None)
        return True

    def fills_of(self, order_id: str) -> Sequence[FillKey]:
        """Executions of an order, the first first."""
        self.take_out(order_id)
        return self.keys_of.get(order_id, ())

    def named(self, order_id: str, exec_id: str) -> FillKey | None:
        """The execution of an order that an ExecID(17) names, its own or one of its amendments."""
        self.take_out(order_id)
        found = self.by_exec_id.get(order_id)
        return None if found is None else found.get(exec_id)

    def same_trade(self, order_id: str, cum_qty: Decimal, venue_time_ns: int) -> FillKey | None:
        """The execution of an order that was reported with this CumQty(14) at this venue time."""
        if order_id in self.ended:
            self.take_out(order_id)
        found = self.by_trade.get(order_id)
        return None if found is None else found.get((cum_qty, venue_time_ns))
