"""The strategy of the benchmark: an order for every snapshot, and another for every fill at the price that asks for one."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import msgspec

from gateway.core.events import BookSnapshot, Event, Filled
from gateway.core.strategy import Intent, New, Strategy, View
from gateway.core.values import Side

AGAIN = Decimal("100.001")


class Nothing(msgspec.Struct, frozen=True):
    """No parameters, nothing to remember."""


class Echo(Strategy[Nothing, Nothing]):
    Params = Nothing
    Memory = Nothing

    def on_event(self, event: Event, view: View, memory: Nothing) -> tuple[Nothing, Sequence[Intent]]:
        if isinstance(event, BookSnapshot) or (isinstance(event, Filled) and event.last_px == AGAIN):
            return memory, [New(symbol="BENCH", side=Side.BUY, quantity=Decimal(1), price=Decimal(100))]
        return memory, ()
