"""A strategy that does not come back while a file is there, and then wants an order."""

from __future__ import annotations

import time
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

import msgspec

from gateway.core.events import BookSnapshot, BookUpdate, Event
from gateway.core.strategy import Intent, New, Strategy, View
from gateway.core.values import Side


class SlowParams(msgspec.Struct, frozen=True):
    hold: str


class Nothing(msgspec.Struct, frozen=True):
    pass


class Slow(Strategy[SlowParams, Nothing]):
    Params = SlowParams
    Memory = Nothing

    def on_event(self, event: Event, view: View, memory: Nothing) -> tuple[Nothing, Sequence[Intent]]:
        if not isinstance(event, BookSnapshot | BookUpdate) or not Path(self.params.hold).exists():
            return memory, ()
        while Path(self.params.hold).exists():
            time.sleep(0.01)
        return memory, (New(symbol=event.symbol, side=Side.BUY, quantity=Decimal(100), price=Decimal("109")),)
