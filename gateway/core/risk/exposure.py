"""Is it too much together? Open orders, positions, exposures and the day's totals, from sums kept by `gateway.core.exposure`.

Values cover every instrument in the scope that the limit's currency does (`gateway.core.risk.basis`), each at its reference
price; without one there is no value, and the order is denied. An order that does not make an exposure larger passes its limit.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from gateway.core.exposure import Sums
from gateway.core.orders import Command
from gateway.core.risk.basis import (
    Scale,
    added_quantity,
    first_request,
    instrument_of,
    limits,
    no_reference,
    own_price,
    reference_price,
    shown,
)
from gateway.core.state import State
from gateway.core.values import ZERO, CommandKind, Side


def open_orders(state: State, command: Command) -> str | None:
    if not first_request(command):
        return None  # it is counted already
    for most, scope in limits(state, command, "max_open_orders"):
        count = len(state.execution.open[scope]) + len(state.execution.pending_new[scope])
        if count >= most:
            return f"{count} orders open, max_open_orders is {most} ({scope})"
    return None


def position(state: State, command: Command) -> str | None:
    """The worst case of the instrument's net position in the scope, this order included."""
    name = "max_position_long" if command.side is Side.BUY else "max_position_short"
    added = added_quantity(state, command)
    for most, scope in limits(state, command, name) if added else ():
        venues = state.execution.exposure.within(scope).get(command.symbol, {}).values()
        held = sum((sums.net for sums in venues), ZERO)
        buying = command.side is Side.BUY
        working = sum((sums.buying if buying else sums.selling for sums in venues), ZERO)
        reached = (held if buying else -held) + working + added
        if reached > most:
            what = f"position {shown(held)}, open {command.side} orders {shown(working)} and {shown(added)} more"
            return f"{what} could reach {shown(reached)}, {name} is {most} ({scope})"
    return None


def gross(state: State, command: Command) -> str | None:
    found = limits(state, command, "max_gross_exposure")
    if not found:
        return None
    sums = state.execution.exposure.of((command.account, command.strategy, command.venue, command.symbol))
    counted = state.execution.exposure.open_quantity(command.order_id)
    without = sums.worst_with(command.side, -counted)
    before, after = sums.worst - without, sums.worst_with(command.side, added_quantity(state, command)) - without
    more = _Grown(state, command, before, after)
    for most, scope in found if more else ():
        scale = Scale(state, scope, instrument_of(state, command))
        reason = _above(
            scale, _total(state, command, scope, scale, lambda sums: sums.gross), more, "max_gross_exposure", most, scope
        )
        if reason is not None:
            return reason
    return None


def net(state: State, command: Command) -> str | None:
    """The net value lies between all open sells filled and all open buys filled: the farther end counts."""
    found = limits(state, command, "max_net_exposure")
    more = _Grown.of(state, command) if found else None
    for most, scope in found if more else ():
        scale = Scale(state, scope, instrument_of(state, command))
        if command.side is Side.BUY:
            total = _total(state, command, scope, scale, lambda sums: sums.net + sums.buying)
        else:
            total = _total(state, command, scope, scale, lambda sums: sums.selling - sums.net)
        assert more is not None
        reason = _above(scale, total, more, "max_net_exposure", most, scope)
        if reason is not None:
            return reason
    return None


def daily_value(state: State, command: Command) -> str | None:
    """Executed today, plus what is open and may still be, plus this order."""
    found = limits(state, command, "max_daily_value")
    more = _Grown.of(state, command) if found else None
    for most, scope in found if more else ():
        assert more is not None
        scale = Scale(state, scope, instrument_of(state, command))
        working = _total(state, command, scope, scale, lambda sums: sums.buying + sums.selling)
        days = state.execution.traded.items()
        traded = sum((v * scale.of(c) for (where, c), v in days if where == scope and v and c and scale.covers(c)), ZERO)
        if traded + working + more.value * scale.of(more.currency) > most * scale.of(scale.currency):
            what = f"{scale.shown(traded)} {scale.currency} traded today, {scale.shown(working)} open"
            more_said = scale.shown(more.value * scale.of(more.currency))
            return f"{what} and {more_said} more are above max_daily_value {most} ({scope})"
    return None


def daily_orders(state: State, command: Command) -> str | None:
    if not first_request(command):
        return None  # it is counted already
    for most, scope in limits(state, command, "max_daily_orders"):
        count = state.execution.approved.get(scope, 0)
        if count >= most:
            return f"{count} orders today, max_daily_orders is {most} ({scope})"
    return None


class _Grown:
    """How much more an order counts for, in the instrument's currency: falsy when it is not more.

    The totals count open quantity at the reference price. This order counts at its own price or the reference, whichever is
    higher: a replace that changes the price alone is valued anew, and one that makes an order cheaper passes.
    """

    def __init__(self, state: State, command: Command, before: Decimal, after: Decimal) -> None:
        """`before` and `after`: the quantity it counts for now, and would count for."""
        instrument = instrument_of(state, command)
        self.currency = instrument.currency
        reference = reference_price(state, command.venue, command.symbol)
        own = own_price(command)
        known = [price for price in (own, reference) if price is not None]
        held = [price for price in (*_prices_now(state, command.order_id), reference) if price is not None]
        self.value = ZERO
        self._grows = bool(after) and not (before and known and after * max(known) <= before * max(held))
        if not self._grows:
            return
        if not known:
            raise no_reference()
        counted_at = known[-1]  # the reference where there is one
        self.value = (after * max(known) - before * counted_at) * instrument.multiplier

    @classmethod
    def of(cls, state: State, command: Command) -> _Grown:
        """By its whole open quantity."""
        before = state.execution.exposure.open_quantity(command.order_id)
        return cls(state, command, before, before + added_quantity(state, command))

    def __bool__(self) -> bool:
        return self._grows


def _prices_now(state: State, order_id: str) -> list[Decimal | None]:
    """Every price an order may have now: accepted, asked for and unanswered, waiting to be asked for."""
    order, pending = state.execution.orders.get(order_id), state.execution.pending.get(order_id)
    found: list[Decimal | None] = []
    if order is not None:
        found.append(order.price or order.stop_price)
        if order.replacing is not None:
            found.append(order.replacing.price or order.replacing.stop_price)
    if pending is not None and pending.command.kind is not CommandKind.CANCEL:
        found.append(own_price(pending.command))
    return found


def _above(scale: Scale, total: Decimal, more: _Grown, name: str, most: Decimal, scope: str) -> str | None:
    added = more.value * scale.of(more.currency)
    if total + added <= most * scale.of(scale.currency):
        return None
    return f"{scale.shown(total)} {scale.currency} and {scale.shown(added)} more are above {name} {most} ({scope})"


def _total(state: State, command: Command, scope: str, scale: Scale, quantity: Callable[[Sums], Decimal]) -> Decimal:
    """Value of a quantity over every instrument the limit covers, in the unit of the rates. Raises Undecidable when one of them
    has no reference price or no rate."""
    instruments = state.control.settings.instruments
    total = ZERO
    for symbol, venues in state.execution.exposure.within(scope).items():
        instrument = instruments.get(symbol)
        if instrument is None or not scale.covers(instrument.currency):
            continue
        for venue, sums in venues.items():
            amount = quantity(sums)
            if not amount:
                continue
            price = reference_price(state, venue, symbol)
            if price is None and symbol == command.symbol:
                price = own_price(command)
            if price is None:
                raise no_reference()
            total += amount * price * instrument.multiplier * scale.of(instrument.currency)
    return total
