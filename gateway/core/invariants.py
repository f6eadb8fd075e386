"""What must hold whatever happens: checked after every step, for what the step touched, at a cost that no size changes.

Theory of operation
-------------------
A broken invariant means that the state is not what the events say: a defect, or damaged memory. The step that finds one ends
with `InvariantBroken`: trading is disabled in the scope `all`, so no NEW and no REPLACE leaves any more, those of the same
batch included. Reception goes on, cancels still go (they lower risk, and each is followed to its answer), and status, alarms,
log, metrics and records name what broke. It stays so over restarts, until an operator enables trading again.

The tables below are the list; docs/invariants.md is made from them. `check` is called once a step, at its end: an order may be
between two states while a step is under way. What the shell alone can see (`SHELL`) it reports with `DefectReported`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

import msgspec

from gateway.core.changes import Change, FillChanged, OrderChanged, PositionChanged, SessionChanged
from gateway.core.events import ClosedUnsent, Dispatched, Queued, Recorded, Superseded
from gateway.core.orders import Command, Order, PositionKey
from gateway.core.state import State, is_killed
from gateway.core.values import SCOPE_ALL, ZERO, CommandKind, OrderState, Side


class Invariant(msgspec.Struct, frozen=True):
    """`check` returns what is wrong, or None; None in its place where the rule is enforced rather than looked for."""

    name: str
    statement: str
    check: Callable[..., str | None] | None = None


Changes = Sequence[tuple[Recorded, tuple[Change, ...]]]

# ------------------------------------------------------------------------------------------------------------- an order


def _adds_up(state: State, order: Order) -> str | None:
    cum_qty = order.cum_qty
    if cum_qty < ZERO:
        return f"CumQty(14) is {cum_qty}"
    if cum_qty < order.quantity or order.terminal_ns is not None or order.external:
        return None
    if order.replacing is not None and cum_qty < order.most_quantity:
        return None
    return f"it is {order.state} with CumQty(14) {cum_qty} of OrderQty(38) {order.quantity}"


def _has_ended(state: State, order: Order) -> str | None:
    ended = order.state in _ENDED
    if ended is (order.terminal_ns is None):
        return f"it is {order.state}, and its end was {'not noted' if ended else 'noted'}"
    if ended is (order.order_id in state.execution.open[SCOPE_ALL]):
        return f"it is {order.state}, and {'counts' if ended else 'does not count'} as open"
    return None


def _in_flight(state: State, order: Order) -> str | None:
    first, cancel = order.new_in_flight, order.cancel_in_flight
    if first is None and cancel is None:
        return None if order.replacing is None else "it is being replaced by no request"
    if order.terminal_ns is not None:
        return f"it is {order.state} with a request in flight: {first or cancel}"
    awaiting = state.execution.awaiting
    for name, is_cancel in ((first, False), (cancel, True)):
        if name is None:
            continue
        known = awaiting.get(name)
        if known is None or known.order_id != order.order_id or (known.kind is CommandKind.CANCEL) is not is_cancel:
            return f"request {name} is in flight, and no answer to it is awaited"
    return None


def _exposed(state: State, order: Order) -> str | None:
    counted = state.execution.exposure.open_quantity(order.order_id)
    implied = order.most_quantity - order.cum_qty
    return f"{implied} may be open, exposure counts {counted}" if counted < implied and order.terminal_ns is None else None


def _waits(state: State, order_id: str, order: Order | None, command: Command) -> str | None:
    if command.order_id != order_id:
        return f"{command.cl_ord_id} of order {command.order_id} waits in its place"
    if (command.kind is CommandKind.NEW) is not (order is None):
        return f"a {command.kind} waits, and the order {'does not exist' if order is None else 'exists'}"
    if order is not None and order.state in _ENDED:
        return f"it is {order.state}, and a {command.kind} waits"
    if command.kind is CommandKind.CANCEL:
        return None
    implied = command.quantity - (ZERO if order is None else order.cum_qty)
    counted = state.execution.exposure.open_quantity(order_id)
    return f"{implied} waits to be sent, exposure counts {counted}" if counted < implied else None


_ENDED = tuple(state for state in OrderState if state.terminal)

ORDER = (
    Invariant(
        "order_adds_up",
        "While an order works, CumQty(14) + LeavesQty(151) = OrderQty(38) and something is open; while a REPLACE is unanswered"
        " the larger quantity counts",
        _adds_up,
    ),
    Invariant("order_has_ended", "An order is open, or has ended at a time that was noted; never both", _has_ended),
    Invariant(
        "answers_awaited",
        "What an order has in flight is awaited, a NEW or REPLACE and a CANCEL at most; one that has ended has nothing",
        _in_flight,
    ),
    Invariant(
        "exposure_covers", "Exposure counts at least what an order can still trade, at the larger of old and new", _exposed
    ),
)
"""Of every order that the step touched."""

QUEUE = (
    Invariant(
        "one_waits",
        "At most one command of an order waits: a NEW of one that does not exist yet, else of one that has not ended; exposure"
        " counts what it asks for",
        _waits,
    ),
)
"""Of every order id that the step touched."""

# ----------------------------------------------------------------------------------------------------------- a dispatch


def _flight_free(state: State, event: Dispatched, before: Order | None) -> str | None:
    kind = event.command.kind
    if kind is CommandKind.NEW:
        return None if before is None else "a NEW of an order that was sent before"
    if before is None or before.state in _ENDED:
        return f"a {kind} of an order that {'does not exist' if before is None else f'is {before.state}'}"
    taken = before.cancel_in_flight if kind is CommandKind.CANCEL else before.new_in_flight
    return None if taken is None else f"a {kind} while {taken} is unanswered"


def _allowed(state: State, event: Dispatched, before: Order | None) -> str | None:
    command, control = event.command, state.control
    if command.kind is CommandKind.CANCEL:
        return None
    if is_killed(state, command):
        return f"a {command.kind} under the kill switch"
    venue = control.venues.get(command.venue)
    return None if venue is not None and venue.opened else f"a {command.kind} to a venue that is not open"


DISPATCH = (
    Invariant(
        "one_in_flight",
        "At most one NEW or REPLACE and one CANCEL of an order are unanswered; a NEW is sent once",
        _flight_free,
    ),
    Invariant(
        "nothing_under_kill", "No NEW and no REPLACE is dispatched under the kill switch, or to a venue not open", _allowed
    ),
)
"""Of every request that the step dispatched, against the order as it was before."""
NAME = Invariant("names_are_new", "No ClOrdID(11) is used twice at a venue")
"""Of every request, before it is applied."""

# ------------------------------------------------------------------------------------------------------ sums and sessions


def _cum_qty(moved: Decimal, filled: Decimal) -> str | None:
    return None if moved == filled else f"CumQty(14) moved by {moved}, its executions by {filled}"


def _position(state: State, key: PositionKey, moved: Decimal, filled: Decimal) -> str | None:
    if moved != filled:
        return f"it moved by {moved}, its executions and adjustments by {filled}"
    position = state.execution.positions.get(key)
    net, held = ZERO if position is None else position.net_qty, state.execution.exposure.of(key).net
    return None if net == held else f"it is {net}, exposure holds {held}"


def _epoch(state: State, change: SessionChanged) -> str | None:
    before, after = change.before, change.after
    return f"epoch {after.epoch} after {before.epoch}" if before is not None and after.epoch < before.epoch else None


CUM_QTY = Invariant(
    "cum_qty_is_fills", "CumQty(14) moves by the order's live executions and by corporate actions, and nothing else", _cum_qty
)
POSITION = Invariant(
    "position_is_fills",
    "A position moves by its live executions and adjustments, and nothing else; exposure holds it",
    _position,
)
SESSION = Invariant("epochs_rise", "The epoch of a session never falls", _epoch)
CONTIGUOUS = Invariant("contiguous", "Positions follow each other without a gap, and stream time never falls")

LOOK = Invariant("can_be_looked_at", "Looking at what a step touched does not fail")

REFUSED = (
    Invariant("seq_follows", "An event is applied only at the position after the last one (`apply`)"),
    Invariant("time_rises", "An event is stepped only at a stream time not below the last one's (`Core.step`)"),
)
"""Not looked for: what would break them is refused before anything is changed."""

SHELL = (
    Invariant(
        "watermark_rises", "Within an epoch the inbound watermark never falls, but to 0 where a reset's Logon is repeated"
    ),
    Invariant("journal_is_state", "After a commit the journal ends with the event the state ends with"),
)
"""Looked for by the runtime thread at every commit, and reported by `DefectReported`."""

Broken = list[tuple[str, str]]
"""(name, what is wrong)."""


def check(state: State, changes: Changes, first_seq: int, since_ns: int, repeated: Sequence[str]) -> Broken:
    """Everything that does not hold after a step. Reads nothing but what the step touched.

    `first_seq` and `since_ns`: position of the step's first event, and stream time before it; `repeated`: ClOrdIDs dispatched
    in it that were in use before.
    """
    broken: Broken = []
    if state.seq != first_seq + len(changes) - 1 or state.at_ns < since_ns:
        broken.append((CONTIGUOUS.name, f"event {state.seq} at {state.at_ns} after {first_seq - 1} at {since_ns}"))
    for name in repeated:
        broken.append((NAME.name, f"ClOrdID(11) {name} was used before"))
    moved: dict[str, Decimal] = {}
    filled: dict[str, Decimal] = {}
    held: dict[PositionKey, list[Decimal]] = {}
    try:
        for recorded, found in changes:
            event = recorded.event
            for change in found:
                if isinstance(change, OrderChanged):
                    _note_order(state, event, change, moved, broken)
                elif isinstance(change, FillChanged):
                    _note_fill(change, filled, held)
                elif isinstance(change, PositionChanged):
                    _note_position(change, held)
                elif isinstance(change, SessionChanged):
                    _look((SESSION,), ("session", change.after.session), broken, state, change)
            if not found and isinstance(event, _QUEUES):
                moved.setdefault(event.command.order_id, ZERO)
        if moved or filled or held:
            _look_at_touched(state, moved, filled, held, broken)
    except Exception as error:  # noqa: BLE001 - a state so damaged that the look at it fails is broken, too
        broken.append((LOOK.name, f"{type(error).__name__}: {error}"))
    return broken


_QUEUES = (Queued, Superseded, ClosedUnsent)


def _note_order(state: State, event: Any, change: OrderChanged, moved: dict[str, Decimal], broken: Broken) -> None:
    before, after = change.before, change.after
    earlier = moved.get(after.order_id, ZERO)
    if before is None:
        earlier += after.cum_qty
    elif before.cum_qty is not after.cum_qty:
        earlier += after.cum_qty - before.cum_qty - (after.split_qty - before.split_qty)
    moved[after.order_id] = earlier
    if type(event) is Dispatched:
        _look(DISPATCH, ("order", after.order_id), broken, state, event, before)


def _note_fill(change: FillChanged, filled: dict[str, Decimal], held: dict[PositionKey, list[Decimal]]) -> None:
    before, after = change.before, change.after
    amount = after.last_qty if after.live else ZERO
    if before is not None and before.live:
        amount -= before.last_qty
    known = filled.get(after.order_id)
    filled[after.order_id] = amount if known is None else known + amount
    signed = amount if after.side is Side.BUY else -amount
    sums = held.get(after.position)
    if sums is None:
        held[after.position] = [ZERO, signed]
    else:
        sums[1] += signed


def _note_position(change: PositionChanged, held: dict[PositionKey, list[Decimal]]) -> None:
    sums = held.setdefault(change.after.key, [ZERO, ZERO])
    sums[0] += change.after.net_qty - change.before.net_qty
    if change.order_id is None:  # no execution: it says itself by how much
        sums[1] += change.quantity


def _look_at_touched(
    state: State,
    moved: dict[str, Decimal],
    filled: dict[str, Decimal],
    held: dict[PositionKey, list[Decimal]],
    broken: Broken,
) -> None:
    orders, waiting = state.execution.orders, state.execution.pending
    for order_id in moved:
        order = orders.get(order_id)
        if order is not None:
            for invariant in ORDER:
                wrong = invariant.check(state, order)  # type: ignore[misc]  # every one of them has a check
                if wrong is not None:
                    broken.append((invariant.name, f"order {order_id}: {wrong}"))
        if order_id in waiting:
            _look(QUEUE, ("order", order_id), broken, state, order_id, order, waiting[order_id].command)
    for order_id, by in moved.items():
        if by or filled:
            _look((CUM_QTY,), ("order", order_id), broken, by, filled.pop(order_id, ZERO))
    for order_id, by in filled.items():
        _look((CUM_QTY,), ("order", order_id), broken, ZERO, by)
    for key, (by, by_fills) in held.items():
        _look((POSITION,), ("position", *key), broken, state, key, by, by_fills)


def _look(invariants: tuple[Invariant, ...], what: tuple[str, ...], broken: Broken, *about: Any) -> None:
    for invariant in invariants:
        wrong = invariant.check(*about)  # type: ignore[misc]  # those without a check are in no table that is looked through
        if wrong is not None:
            broken.append((invariant.name, f"{' '.join(what)}: {wrong}"))


CHECKS: tuple[tuple[str, tuple[Invariant, ...]], ...] = (
    ("every order the step touched", ORDER),
    ("every command that waits, of an order the step touched", QUEUE),
    ("every request dispatched", (*DISPATCH, NAME)),
    ("every order and position the step touched", (CUM_QTY, POSITION)),
    ("every change of a session", (SESSION,)),
    ("every step", (CONTIGUOUS, LOOK)),
    ("every event before it is applied: what breaks it is refused", REFUSED),
    ("every commit, by the runtime thread", SHELL),
)
"""Where each is looked for."""
