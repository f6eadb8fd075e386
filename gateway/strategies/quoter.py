"""A two-sided quoter with inventory skew: the market maker's first strategy.

It keeps one bid and one offer around the mid, `half_spread_ticks` away, and leans against its own position: every
`max_inventory` of net position moves both quotes by `skew_ticks` against it, so that the side that would reduce the position
trades first. A quote is moved when it is `requote_ticks` or more from where it should be; the side that would exceed
`max_inventory` is not quoted, and while there is no book that can be believed neither is. A quote is moved by a replace, which
keeps its identity and never leaves the side without one; with `amend = false` by a cancel and a new order. (Avellaneda and
Stoikov, "High-frequency trading in a limit order book", 2008, reduced to its linear idea.)
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

import msgspec

from gateway.core.events import CancelRejected, Event, MarketEvent
from gateway.core.orders import Order
from gateway.core.strategy import Cancel, Intent, New, Replace, Strategy, View
from gateway.core.values import Side

MOST_REQUESTS = 50
"""Requests about one order, after which a quote gets a new one."""


class QuoterParams(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Quantities in units of the instrument, distances in ticks."""

    quantity: Decimal = Decimal(10_000)
    half_spread_ticks: int = 5
    improve_ticks: int | None = None
    """Stand at least so far inside the market's own spread when that is narrower than ours; None: never mind it."""
    skew_ticks: int = 10
    requote_ticks: int = 3
    max_inventory: Decimal = Decimal(100_000)
    amend: bool = True
    """Move quotes by replaces; else by a cancel and a new order."""

    def __post_init__(self) -> None:
        if self.quantity <= 0 or self.max_inventory <= 0:
            raise ValueError("quantity and max_inventory must be above zero")
        if min(self.half_spread_ticks, self.skew_ticks, self.improve_ticks or 0) < 0 or self.requote_ticks < 1:
            raise ValueError("distances must not be negative, requote_ticks must be at least 1")


class QuoterMemory(msgspec.Struct, frozen=True, kw_only=True):
    """How often quotes were moved; everything else it needs is in the view."""

    requotes: int = 0


class Quoter(Strategy[QuoterParams, QuoterMemory]):
    """One bid and one offer in each of its instruments."""

    Params = QuoterParams
    Memory = QuoterMemory

    def on_event(self, event: Event, view: View, memory: QuoterMemory) -> tuple[QuoterMemory, Sequence[Intent]]:
        """Requote the event's symbol, or all symbols after anything else.

        A refused cancel is no occasion to ask for it again at once: the venue would refuse as fast as it is asked. The next
        book, or word of an order, is one.
        """
        if not view.tradable or isinstance(event, CancelRejected):
            return memory, ()
        symbols = (event.symbol,) if isinstance(event, MarketEvent) else view.instruments
        intents = [intent for symbol in symbols for intent in self._quote(symbol, view)]
        moved = sum(1 for intent in intents if isinstance(intent, Cancel | Replace))
        return (QuoterMemory(requotes=memory.requotes + moved) if moved else memory), intents

    def _quote(self, symbol: str, view: View) -> list[Intent]:
        book = view.book(symbol)
        if book is None or book.mid is None:  # nobody stands in a market that he does not see
            ids = [order.order_id for order in view.working(symbol)] + [command.order_id for command in view.queued(symbol)]
            return [Cancel(order_id=order_id) for order_id in ids if not view.cancelling(order_id)]
        tick = view.instrument(symbol).tick_size
        inventory = view.position(symbol).net_qty
        centre = book.mid - tick * self.params.skew_ticks * inventory / self.params.max_inventory
        away = tick * self.params.half_spread_ticks
        if self.params.improve_ticks is not None:
            inside = (book.asks[0].price - book.bids[0].price) / 2 - tick * self.params.improve_ticks
            away = min(away, max(inside, tick))
        bid = min(_grid(centre - away, tick, ROUND_FLOOR), book.asks[0].price - tick)
        ask = max(_grid(centre + away, tick, ROUND_CEILING), book.bids[0].price + tick)
        working = list(view.working(symbol))
        queued = {command.side for command in view.queued(symbol)}
        intents: list[Intent] = []
        for side, price in ((Side.BUY, bid), (Side.SELL, ask)):
            mine = [order for order in working if order.side is side]
            intents += self._side(side, price, mine, symbol, view, quoted=side in queued)
        return intents

    def _side(self, side: Side, price: Decimal, mine: list[Order], symbol: str, view: View, *, quoted: bool) -> list[Intent]:
        tick = view.instrument(symbol).tick_size
        room = self.params.max_inventory - side.sign * view.position(symbol).net_qty
        wanted = min(self.params.quantity, room)
        wanted -= wanted % view.instrument(symbol).lot_size
        least = self.params.requote_ticks * tick
        stale = [order for order in mine if wanted <= 0 or _away(view.terms(order).price, price) >= least]
        moves: list[Intent] = []
        for order in stale:
            if view.cancelling(order.order_id):
                continue
            if self.params.amend and wanted > 0 and order.in_doubt is None and order.requests < MOST_REQUESTS:
                smaller = (
                    order.cum_qty + wanted if order.leaves_qty > wanted else None
                )  # never refilled: a new quote is a new order
                moves.append(Replace(order_id=order.order_id, quantity=smaller, price=price))
            else:
                moves.append(Cancel(order_id=order.order_id))
        if mine or quoted or wanted <= 0:
            return moves  # one quote a side: the new one waits until the old one is gone
        return [New(symbol=symbol, side=side, quantity=wanted, price=price)]


def _away(quoted: Decimal | None, price: Decimal) -> Decimal:
    """How far a quote is from where it should be; one without a price is infinitely far."""
    return Decimal("Infinity") if quoted is None else abs(quoted - price)


def _grid(price: Decimal, tick: Decimal, rounding: str) -> Decimal:
    """The nearest price on the tick grid, away from the mid."""
    return (price / tick).quantize(Decimal(1), rounding=rounding) * tick
