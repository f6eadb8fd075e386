"""A strategy to copy: buys, offers what it bought a little higher, and gets out when that takes too long.

    cp "$(python -c 'import gateway.strategies.template as t; print(t.__file__)')" mine.py

It shows every part a strategy has, not a way to make money. docs/strategies.md tells what each part is for; the test of this
file (`tests/unit/strategies/test_template.py`) is one to copy, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_CEILING, Decimal

from gateway.strategies import (
    NANOS,
    Action,
    Cancel,
    Event,
    Memory,
    New,
    Params,
    Side,
    Strategy,
    TimeInForce,
    TimerFired,
    View,
    Wake,
)


class TemplateParams(Params, frozen=True):
    """What the configuration may set. Say the units: quantities in units of the instrument, distances in ticks."""

    quantity: Decimal = Decimal(1000)
    profit_ticks: int = 2
    patience_seconds: int = 5

    def __post_init__(self) -> None:
        # What a type cannot say. A ValueError here is a line of `gateway check`.
        if self.quantity <= 0:
            raise ValueError("quantity must be above zero")
        if self.profit_ticks < 1 or self.patience_seconds < 1:
            raise ValueError("profit_ticks and patience_seconds must be at least 1")


class TemplateMemory(Memory, frozen=True):
    """What must outlast this event, and cannot be seen in the view. Every field has a default; a restart brings it all back."""

    rounds: int = 0
    """Times it bought."""
    late: bool = False
    """Its patience is over: get out at the market's price."""


class Template(Strategy[TemplateParams, TemplateMemory]):
    """One position at a time, in the first of its instruments."""

    def on_event(self, event: Event, view: View, memory: TemplateMemory) -> tuple[TemplateMemory, Sequence[Action]]:
        """Look at what is, not at what was: the view is true after a restart and a lost message, one's own notes may not be."""
        late = memory.late or isinstance(event, TimerFired)  # a timer fires once: remember that it did
        memory = TemplateMemory(rounds=memory.rounds, late=late)
        symbol = view.instruments[0]
        book = view.book(symbol)
        if not view.tradable or book is None or not book.bids or not book.asks:
            return memory, ()  # nothing can be done now; the next event asks again
        out = [order.order_id for order in view.working(symbol)] + [command.order_id for command in view.queued(symbol)]
        held = view.position(symbol).net_qty
        if out:  # one order at a time; when patience is over, take it back first
            return memory, [Cancel(order_id=one) for one in out if memory.late and held > 0 and not view.cancelling(one)]
        if held <= 0:
            buy = self._order(symbol, Side.BUY, self.params.quantity, book.asks[0].price, TimeInForce.IOC)
            return TemplateMemory(rounds=memory.rounds + 1), [buy]
        if memory.late:
            return memory, [self._order(symbol, Side.SELL, held, book.bids[0].price, TimeInForce.IOC)]
        tick = view.instrument(symbol).tick_size
        cost = (view.position(symbol).avg_px / tick).quantize(Decimal(1), rounding=ROUND_CEILING) * tick
        offer = self._order(symbol, Side.SELL, held, cost + self.params.profit_ticks * tick, TimeInForce.DAY)
        return memory, [offer, Wake(name="patience", after_ns=self.params.patience_seconds * NANOS)]

    def _order(self, symbol: str, side: Side, quantity: Decimal, price: Decimal, lifetime: TimeInForce) -> New:
        return New(symbol=symbol, side=side, quantity=quantity, price=price, time_in_force=lifetime)
