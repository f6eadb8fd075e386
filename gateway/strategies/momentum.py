"""A momentum taker: goes with the market once it has moved far enough, and pays the spread for it.

Alexander's filter rule ("Price movements in speculative markets: trends or random walks", 1961) in its smallest form. The mid
is compared with an anchor. When it is `trigger_ticks` above, buy; when it is as much below, sell; either way the anchor moves
to the mid, so a trend is followed clip by clip up to `max_position` and a reversal unwinds what the trend built. Orders are
immediate-or-cancel limits, `slippage_ticks` through the touch: they trade at once or not at all, and never rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import msgspec

from gateway.core.events import Event, MarketEvent
from gateway.core.strategy import Intent, New, Strategy, View
from gateway.core.values import Side, TimeInForce


class MomentumParams(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Quantities in units of the instrument, distances in ticks."""

    quantity: Decimal = Decimal(10_000)
    trigger_ticks: int = 10
    slippage_ticks: int = 2
    max_position: Decimal = Decimal(50_000)

    def __post_init__(self) -> None:
        if self.quantity <= 0 or self.max_position <= 0:
            raise ValueError("quantity and max_position must be above zero")
        if self.trigger_ticks < 1 or self.slippage_ticks < 0:
            raise ValueError("trigger_ticks must be at least 1, slippage_ticks at least 0")


class MomentumMemory(msgspec.Struct, frozen=True, kw_only=True):
    """Symbol -> the mid at the last trigger, or the first one seen."""

    anchors: dict[str, Decimal] = {}


class Momentum(Strategy[MomentumParams, MomentumMemory]):
    """One immediate-or-cancel order at a time in each of its instruments."""

    Params = MomentumParams
    Memory = MomentumMemory

    def on_event(self, event: Event, view: View, memory: MomentumMemory) -> tuple[MomentumMemory, Sequence[Intent]]:
        """Look at the event's symbol; one order at a time, so nothing is done while one is out."""
        if not isinstance(event, MarketEvent) or not view.tradable:
            return memory, ()
        symbol = event.symbol
        book = view.book(symbol)
        if book is None or book.mid is None or any(view.working(symbol)) or any(view.queued(symbol)):
            return memory, ()
        anchor = memory.anchors.get(symbol)
        tick = view.instrument(symbol).tick_size
        moved = None if anchor is None else book.mid - anchor
        if moved is not None and abs(moved) < self.params.trigger_ticks * tick:
            return memory, ()
        after = MomentumMemory(anchors={**memory.anchors, symbol: book.mid})
        if moved is None:
            return after, ()
        side = Side.BUY if moved > 0 else Side.SELL
        touch = book.asks[0].price if side is Side.BUY else book.bids[0].price
        price = touch + side.sign * self.params.slippage_ticks * tick
        quantity = min(self.params.quantity, self.params.max_position - side.sign * view.position(symbol).net_qty)
        quantity -= quantity % view.instrument(symbol).lot_size
        if quantity <= 0 or price <= 0:
            return after, ()
        return after, [New(symbol=symbol, side=side, quantity=quantity, price=price, time_in_force=TimeInForce.IOC)]
