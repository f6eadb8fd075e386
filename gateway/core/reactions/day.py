"""The end of a trading day: what is closed here, and what only the venue can say.

An order that a venue has accepted is the venue's. Our clock saying that its day is over proves nothing: the venue's day may
end later, its reports may still be on their way, and an order closed here that still trades would be exposure nobody counts.
So a DAY order is never expired by the roll. It becomes in doubt (`day_rolled`) and the venue is asked, in waves and within
the rate, while it stays open for new orders:

    the venue says            the order
    Expired, or done for day  Expired
    still working             stays open, out of doubt: the venue's own report will end it
    unknown                   Expired by disposition `day_ended`: venues forget DAY orders with their day
    nothing                   stays in doubt until its report, the next reconciliation or an operator

The same answers count after a restart over the boundary, because what matters is the trading day the order belongs to.
Requests that were never sent are ours, and close. GTC orders stay; one that was done for the day works again, and is asked
about, since venues do not always say so.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gateway.core.changes import Change, OperatorActed
from gateway.core.events import ClosedUnsent, Event, InDoubt, TradingDayRolled
from gateway.core.orders import Order
from gateway.core.state import State
from gateway.core.turn import Turn
from gateway.core.values import CommandKind, Doubt, OrderState, TimeInForce

DONE = frozenset({"3", "B"})
"""OrdStatus(39): done for the day, and calculated, which comes after it."""


def day_is_over(state: State, order: Order) -> bool:
    """Whether the order was for a trading day that has ended."""
    return order.time_in_force is TimeInForce.DAY and order.trading_date < state.control.run.trading_date


def _rolled(turn: Turn, event: TradingDayRolled, changes: tuple[Change, ...]) -> None:
    if not any(isinstance(change, OperatorActed) and change.before != change.after for change in changes):
        return
    execution = turn.state.execution
    for pending in tuple(execution.pending.values()):
        command = pending.command
        if command.kind is not CommandKind.CANCEL and command.time_in_force is not TimeInForce.GTC:
            turn.emit(ClosedUnsent(command=command, reason="the trading day ended"))
    for order_id in tuple(execution.open["all"]):
        order = execution.orders[order_id]
        if order.state is OrderState.SUBMITTED:
            continue  # not acknowledged yet: its own deadline asks
        if day_is_over(turn.state, order) or order.venue_status in DONE:
            turn.emit(InDoubt(order_id=order_id, reason=Doubt.DAY_ROLLED))


RULES: dict[type[Event], Callable[[Turn, Any, tuple[Change, ...]], None]] = {TradingDayRolled: _rolled}
