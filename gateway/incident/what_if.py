"""What other limits would have decided: every recorded decision put to the risk controls of another configuration.

Each decision is judged as recorded history stood right before it: an order that would have been denied is still there for the
decisions after it, because it was there. So the answer is about the limits, one decision at a time, and not about another
day that never happened. Windows, daily counts and the like are kept as the other configuration asks for them.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import msgspec

from gateway.core import events as ev
from gateway.core.orders import Command
from gateway.core.risk import check
from gateway.core.settings import CoreSettings
from gateway.core.state import State
from gateway.core.values import CommandKind, OrderType, TimeInForce
from gateway.errors import PreconditionFailed
from gateway.incident.history import History, Progress, advance

_NOT_RISK = frozenset({"unknown_order", "order_closed", "no_change"})
"""Denials that no limit is behind."""


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """One decision that would have been another. `recorded` and `other`: `allowed`, or the code of the denial."""

    seq: int
    at_ns: int
    order_id: str
    strategy: str
    intent: str
    terms: str
    recorded: str
    other: str
    reason: str
    """The words of whichever of the two is a denial; the other configuration's where both are."""


class Tally(msgspec.Struct, kw_only=True):
    """`decisions` judged; of them `denied_now`, `allowed_now`, and denied for `another_reason`."""

    decisions: int = 0
    denied_now: int = 0
    allowed_now: int = 0
    another_reason: int = 0
    not_judged: int = 0
    """Denials of orders that do not exist, and replaces whose terms the journal does not hold: no limit decides those."""


def judge(history: History, other: CoreSettings, tally: Tally, progress: Progress = lambda *_: None) -> Iterator[Judged]:
    """The decisions that would have been others, in order; `tally` counts all. Raises PreconditionFailed on a cut journal."""
    if history.first > 1:
        raise PreconditionFailed(
            f"the journal begins with event {history.first}: windows and counts of other limits need it from the beginning;"
            " move the older segments back"
        )
    state = State(with_digest=False)
    for recorded in history.walk(state, history.head, progress):
        command = _command(state, recorded.event)
        if command is not None:
            verdict = _judged(state, recorded, command, tally)
            if verdict is not None:
                yield verdict
        elif isinstance(recorded.event, ev.Denied):
            tally.not_judged += 1
        advance(state, _under(recorded, other))


def _under(recorded: ev.Recorded, other: CoreSettings) -> ev.Recorded:
    """The event as it would read had the other configuration been in force: its limits, everything else as it was."""
    event = recorded.event
    if not isinstance(event, ev.RunStarted | ev.ConfigurationUpdated):
        return recorded
    theirs = msgspec.structs.replace(
        event.settings, risk=other.risk, instruments={**event.settings.instruments, **other.instruments}
    )
    return msgspec.structs.replace(recorded, event=msgspec.structs.replace(event, settings=theirs))


def _judged(state: State, recorded: ev.Recorded, command: Command, tally: Tally) -> Judged | None:
    event = recorded.event
    then = event.code if isinstance(event, ev.Denied) else "allowed"
    denial = check(state, command)
    now = "allowed" if denial is None else denial.code
    tally.decisions += 1
    if then == now:
        return None
    tally.denied_now += then == "allowed"
    tally.allowed_now += now == "allowed"
    tally.another_reason += "allowed" not in (then, now)
    price = "market" if command.price is None else f"{command.price:f}"
    return Judged(
        seq=recorded.seq,
        at_ns=recorded.at_ns,
        order_id=command.order_id,
        strategy=command.strategy,
        intent=command.kind.value,
        terms=f"{command.side.value} {command.quantity:f} {command.symbol} {price}",
        recorded=then,
        other=now,
        reason=denial.reason if denial is not None else event.reason if isinstance(event, ev.Denied) else "",
    )


def _command(state: State, event: ev.Event) -> Command | None:
    """What was put to risk, where this event is the first outcome of it; cancels pass no limit."""
    if isinstance(event, ev.Queued) or (isinstance(event, ev.Dispatched) and event.decided_seq == state.seq + 1):
        return None if event.command.kind is CommandKind.CANCEL else event.command
    if isinstance(event, ev.Denied) and event.code not in _NOT_RISK and event.order_id is not None:
        return _denied(state, event, event.order_id)
    return None


def _denied(state: State, event: ev.Denied, order_id: str) -> Command | None:
    """The command a denial was about, as far as the denial tells: its type and validity follow from price and order."""
    if event.side is None or event.quantity is None:
        return None
    order = state.execution.orders.get(order_id)
    kind = CommandKind(event.intent)
    if kind is CommandKind.REPLACE and order is None:
        return None
    name = f"{order_id}-denied"
    return Command(
        kind=kind,
        order_id=order_id,
        cl_ord_id=name,
        request=1 if order is None else order.requests + 1,
        venue=event.venue,
        strategy=event.strategy,
        account=event.account,
        symbol=event.symbol,
        side=event.side,
        order_type=order.order_type if order is not None else OrderType.MARKET if event.price is None else OrderType.LIMIT,
        time_in_force=TimeInForce.DAY if order is None else order.time_in_force,
        quantity=Decimal(event.quantity),
        price=event.price,
        stop_price=None if order is None else order.stop_price,
    )
