"""An execution slicer: works one large order as many small ones, evenly over time (TWAP).

The parent order is `quantity` on one `side` in the first of its instruments, due in `slices` equal parts, one every
`interval_seconds` from the first book on. In each interval one child rests at the near touch for whatever is due and not yet
done, what earlier intervals missed included; when the interval ends it is taken back. In the last one children cross the
spread instead, immediate-or-cancel, until the parent is done. Nothing is paid beyond `limit_price`. (Almgren and Chriss,
"Optimal execution of portfolio transactions", 2000: with risk left out of account the optimal schedule is this one.)

A timer wakes it at the end of each interval, and a second after it took a child back, however quiet the market is. `parent`
names the order: a restart goes on with it, another name begins another one.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import msgspec

from gateway.core.contents import Book
from gateway.core.events import Event, MarketEvent, TimerFired
from gateway.core.strategy import Action, Cancel, New, Strategy, View, Wake
from gateway.core.values import NANOS, Side, TimeInForce


class SlicerParams(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The parent order; `quantity` in units of the instrument."""

    parent: str
    side: Side
    quantity: Decimal
    slices: int = 10
    interval_seconds: int = 60
    limit_price: Decimal | None = None

    def __post_init__(self) -> None:
        if not self.parent:
            raise ValueError("parent needs a name")
        if self.quantity <= 0 or (self.limit_price is not None and self.limit_price <= 0):
            raise ValueError("quantity and limit_price must be above zero")
        if self.slices < 1 or self.interval_seconds < 1:
            raise ValueError("slices and interval_seconds must be at least 1")


class SlicerMemory(msgspec.Struct, frozen=True, kw_only=True):
    """When the parent began, the position held then, and the interval of the child that was sent last."""

    parent: str = ""
    started_ns: int = 0
    position: Decimal = Decimal(0)
    interval: int = 0


class Slicer(Strategy[SlicerParams, SlicerMemory]):
    """One parent order, one child at a time."""

    Params = SlicerParams
    Memory = SlicerMemory

    def on_event(self, event: Event, view: View, memory: SlicerMemory) -> tuple[SlicerMemory, Sequence[Action]]:
        """One child at a time, decided at each market event and at the end of each interval."""
        symbol = view.instruments[0] if view.instruments else ""
        book = view.book(symbol)
        moment = isinstance(event, TimerFired) or (isinstance(event, MarketEvent) and event.symbol == symbol)
        if not moment or not view.tradable or book is None:
            return memory, ()
        if memory.parent != self.params.parent:
            held = view.position(symbol).net_qty
            memory = SlicerMemory(parent=self.params.parent, started_ns=view.now_ns, position=held)
        length = self.params.interval_seconds * NANOS
        interval = min((view.now_ns - memory.started_ns) // length + 1, self.params.slices)
        ends = [Wake(name="interval", at_ns=memory.started_ns + interval * length)] if interval < self.params.slices else []
        children = [order.order_id for order in view.working(symbol)] + [command.order_id for command in view.queued(symbol)]
        if children:
            if interval == memory.interval:
                return memory, ends
            again = [Wake(name="again", after_ns=NANOS)] if view.timer("again") is None else []
            return memory, [*ends, *again, *(Cancel(order_id=one) for one in children if not view.cancelling(one))]
        child = self._child(symbol, interval, book, view, memory)
        if child is None:
            return memory, ends
        return msgspec.structs.replace(memory, interval=interval), [*ends, child]

    def _child(self, symbol: str, interval: int, book: Book, view: View, memory: SlicerMemory) -> New | None:
        """What is due and not done, where this interval trades; None when there is nothing to send."""
        side, last = self.params.side, interval == self.params.slices
        due = self.params.quantity * interval / self.params.slices
        wanted = due - side.sign * (view.position(symbol).net_qty - memory.position)
        wanted -= wanted % view.instrument(symbol).lot_size
        levels = book.bids if (side is Side.BUY) is not last else book.asks
        if wanted <= 0 or not levels:
            return None
        price, limit = levels[0].price, self.params.limit_price
        if limit is not None and side.sign * (price - limit) > 0:
            if last:
                return None
            price = limit
        lifetime = TimeInForce.IOC if last else TimeInForce.DAY
        return New(symbol=symbol, side=side, quantity=wanted, price=price, time_in_force=lifetime)
