"""Positions: what executions, opening positions and an operator's adjustments make of them; and what counts against a day.

A position's ledger is everything that changed it, in order. Average cost depends on that order, so when an execution is
amended, its position's ledger is replayed; nobody else's is touched.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

from msgspec.structs import replace

from gateway.core.changes import Change, FillChanged, PositionChanged
from gateway.core.events import Event, OpeningPosition, Recorded
from gateway.core.indexes import MARK_EVERY
from gateway.core.ledger import EntryKey
from gateway.core.orders import Adjustment, Command, Day, Fill, Position, PositionKey
from gateway.core.positions import adjusted, recomputed, traded
from gateway.core.state import State, order_scopes
from gateway.core.values import NANOS, ONE, ZERO, CommandKind, scopes_of


def position_of(state: State, key: PositionKey) -> Position:
    """The position, an empty one when nothing ever changed it."""
    known = state.execution.positions.get(key)
    if known is not None:
        return known
    account, strategy, venue, symbol = key
    return Position(account=account, strategy=strategy, venue=venue, symbol=symbol)


def trade_position(state: State, recorded: Recorded, new: Fill, cause: str) -> Change:
    """Let a new execution change its position."""
    key = new.position
    before = position_of(state, key)
    after = traded(before, new.side, new.last_qty, new.last_px, _multiplier(state, new.symbol), recorded.at_ns)
    state.execution.put_position(key, after)
    return PositionChanged(
        before=before,
        after=after,
        cause=cause,
        quantity=new.side.sign * new.last_qty,
        price=new.last_px,
        order_id=new.order_id,
        exec_id=new.exec_id,
    )


def recount_position(state: State, recorded: Recorded, amended: Fill, cause: str) -> list[Change]:
    """Replay the ledger of the position that an amended execution belongs to, from the last mark before it."""
    key, marks, ledger = amended.position, state.execution.marks, state.execution.ledger
    before, multiplier = position_of(state, key), _multiplier(state, amended.symbol)
    counted, marked = marks.before(key, multiplier)
    account, strategy, venue, symbol = key
    start = Position(account=account, strategy=strategy, venue=venue, symbol=symbol) if marked is None else marked
    after = start
    for after in recomputed(_entries(state, ledger.after(key, counted)), start, multiplier, recorded.at_ns):
        counted += 1
        if counted % MARK_EVERY == 0:
            marks.add(key, after)
    after = replace(after, updated_ns=recorded.at_ns)
    state.execution.put_position(key, after)
    return [
        PositionChanged(
            before=before,
            after=after,
            cause=cause,
            quantity=after.net_qty - before.net_qty,
            price=amended.last_px,
            order_id=amended.order_id,
            exec_id=amended.exec_id,
        )
    ]


def _entries(state: State, places: Iterator[EntryKey]) -> Iterator[Fill | Adjustment]:
    for entry in places:
        yield state.execution.adjustments[entry] if len(entry) == 5 else state.execution.fills[entry]


def _multiplier(state: State, symbol: str) -> Decimal:
    instrument = state.control.settings.instruments.get(symbol)
    return ONE if instrument is None else instrument.multiplier


def _opening(state: State, recorded: Recorded, event: OpeningPosition) -> list[Change]:
    key = (event.account, event.strategy, event.venue, event.symbol)
    state.execution.openings[key] = event.as_of
    return [set_position(state, recorded, key, event.quantity, event.avg_px, "opening")]


def set_position(
    state: State, recorded: Recorded, key: PositionKey, quantity: Decimal, avg_px: Decimal, cause: str
) -> PositionChanged:
    """Bring a position to `quantity` at `avg_px`. Kept as the difference, so that an earlier execution busted later still
    moves the position by what it was."""
    before = position_of(state, key)
    adjustment = Adjustment(quantity=quantity - before.net_qty, avg_px=avg_px)
    state.execution.put_adjustment(key, recorded.seq, adjustment)
    after = adjusted(before, adjustment, recorded.at_ns)
    state.execution.put_position(key, after)
    return PositionChanged(before=before, after=after, cause=cause, quantity=adjustment.quantity, price=avg_px)


# ---------------------------------------------------------------------------------------- what limits over time count


def count_execution(state: State, recorded: Recorded, change: FillChanged) -> None:
    """Daily traded value follows live executions of today; the throttle counts every new one."""
    if not state.execution.deciding:
        return
    before, after = change.before, change.after
    if after.counted_on == state.control.run.trading_date:
        instrument = state.control.settings.instruments.get(after.symbol)
        multiplier, currency = (ONE, "") if instrument is None else (instrument.multiplier, instrument.currency)
        moved = (_value(after) - (ZERO if before is None else _value(before))) * multiplier
        if moved:
            known = state.execution.days.get(after.position, Day())
            day = replace(known, traded=known.traded + moved, currency=currency)
            state.execution.put_day(after.position, day)
    if before is None and not change.counted:
        scopes = scopes_of(venue=after.venue, strategy=after.strategy, account=after.account, symbol=after.symbol)
        for scope in scopes:
            limits = state.control.settings.risk.get(scope)
            if limits is not None and limits.max_repeated_executions is not None:
                span = limits.repeated_execution_seconds * NANOS
                state.execution.windows.add(executions_window(after.strategy, scope), recorded.at_ns, span)


def executions_window(strategy: str, scope: str) -> str:
    """Name of the window that counts a strategy's executions under one limit."""
    return f"executions {strategy} {scope}"


def orders_window(scope: str) -> str:
    """Name of the window that counts approved orders under one limit."""
    return f"orders {scope}"


def _value(fill: Fill) -> Decimal:
    return fill.last_qty * fill.last_px if fill.live else ZERO


def count_approval(state: State, at_ns: int, command: Command) -> None:
    """A NEW or REPLACE was approved: order rates count both, the day's orders and duplicates the NEW alone."""
    if command.kind is CommandKind.CANCEL or not state.execution.deciding:
        return
    execution, risk = state.execution, state.control.settings.risk
    first = command.kind is CommandKind.NEW and command.request == 1  # and not another version of one that was never sent
    if first:
        key = (command.account, command.strategy, command.venue, command.symbol)
        known = execution.days.get(key)
        if known is None:
            instrument = state.control.settings.instruments.get(command.symbol)
            known = Day(currency="" if instrument is None else instrument.currency)
        execution.put_day(key, replace(known, orders=known.orders + 1))
    configured = [(scope, risk[scope]) for scope in order_scopes(command) if scope in risk]
    for scope, limits in configured:
        if limits.max_orders_per_second is not None:
            execution.windows.add(orders_window(scope), at_ns, NANOS)
    longest = max((limits.duplicate_order_seconds or 0 for _, limits in configured), default=0)
    if longest and first:
        execution.put_recent(order_text(command), at_ns, _DUPLICATES_KEPT_NS)


_DUPLICATES_KEPT_NS = 3600 * NANOS
"""The longest span a configuration may ask for."""


def order_text(command: Command) -> str:
    """What makes two orders the same to somebody who watches: everything but their names."""
    numbers = (command.quantity, command.price, command.stop_price)
    terms = ("" if number is None else f"{number.normalize():f}" for number in numbers)
    who = (command.account, command.strategy, command.venue, command.symbol)
    return "|".join((*who, command.side, command.order_type, command.time_in_force, *terms))


HANDLERS: dict[type[Event], Callable[[State, Recorded, Any], list[Change]]] = {
    OpeningPosition: _opening,
}
