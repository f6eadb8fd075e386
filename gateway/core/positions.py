"""Positions at average cost, pure arithmetic.

Opening trades move the average, closing trades realise the difference to it; a trade through zero does both. Profit and
loss is quantity * price difference * multiplier, in the instrument's currency.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal

from msgspec.structs import replace

from gateway.core.orders import Adjustment, Fill, Position
from gateway.core.values import ZERO, Side


def traded(position: Position, side: Side, quantity: Decimal, price: Decimal, multiplier: Decimal, at_ns: int) -> Position:
    """The position after buying or selling `quantity` (> 0) at `price`."""
    signed = side.sign * quantity
    net = position.net_qty + signed
    realized, average = position.realized_pnl, position.avg_px
    if position.net_qty * signed >= 0:
        average = (average * abs(position.net_qty) + price * quantity) / abs(net)
    else:
        closed = min(abs(position.net_qty), quantity)
        direction = 1 if position.net_qty > 0 else -1
        realized += (price - average) * closed * direction * multiplier
        if net == 0:
            average = ZERO
        elif net * position.net_qty < 0:
            average = price
    return replace(
        position,
        net_qty=net,
        avg_px=average,
        realized_pnl=realized,
        bought_qty=position.bought_qty + (quantity if side is Side.BUY else ZERO),
        sold_qty=position.sold_qty + (quantity if side is Side.SELL else ZERO),
        updated_ns=at_ns,
    )


def adjusted(position: Position, adjustment: Adjustment, at_ns: int) -> Position:
    """The position after a change no execution explains: it realises nothing, and trades nothing."""
    net = position.net_qty + adjustment.quantity
    return replace(position, net_qty=net, avg_px=adjustment.avg_px if net else ZERO, updated_ns=at_ns)


def recomputed(entries: Iterable[Fill | Adjustment], start: Position, multiplier: Decimal, at_ns: int) -> Iterator[Position]:
    """What `start` comes to with each of `entries`, in order; those that do not count change nothing. For what is counted anew:
    after a bust, a correction or a replacement."""
    result = start
    for entry in entries:
        if isinstance(entry, Adjustment):
            result = adjusted(result, entry, at_ns)
        elif entry.live and entry.last_qty > 0:
            result = traded(result, entry.side, entry.last_qty, entry.last_px, multiplier, at_ns)
        yield result
