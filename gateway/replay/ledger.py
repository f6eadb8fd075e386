"""Orders, executions and positions in the one shape that is compared: of a replayed log here, of the records in `recorded`."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from gateway.core.ended import unpacked
from gateway.replay.engine import Replay, Said
from gateway.replay.spoken import Report, ReportName, Request


@dataclass(frozen=True, slots=True)
class Span:
    """From the first to the last moment, UTC nanoseconds, both inclusive; None is open."""

    first_ns: int | None = None
    last_ns: int | None = None

    def holds(self, at_ns: int | None, slack_ns: int = 0) -> bool:
        """Whether a moment lies in it; an unknown one does."""
        if at_ns is None:
            return True
        after = self.first_ns is None or at_ns >= self.first_ns - slack_ns
        return after and (self.last_ns is None or at_ns <= self.last_ns + slack_ns)

    def moved(self, by_ns: int) -> Span:
        """The same span by a clock that is `by_ns` ahead."""
        first, last = self.first_ns, self.last_ns
        return Span(None if first is None else first + by_ns, None if last is None else last + by_ns)

    def both(self, other: Span) -> Span:
        """The common part."""
        firsts = [one for one in (self.first_ns, other.first_ns) if one is not None]
        lasts = [one for one in (self.last_ns, other.last_ns) if one is not None]
        return Span(max(firsts, default=None), min(lasts, default=None))


@dataclass(frozen=True, slots=True)
class OrderLine:
    """One order. `names`: every ClOrdID(11) it went by."""

    key: str
    names: tuple[str, ...]
    venue: str
    venue_order_id: str | None
    symbol: str
    side: str
    quantity: Decimal
    price: Decimal | None
    stop_price: Decimal | None
    state: str
    cum_qty: Decimal
    avg_px: Decimal
    external: bool
    """No request for it was seen: what it is for, only the reports say."""
    created_ns: int
    updated_ns: int
    reason: str | None = None
    account: str = ""
    said: Said | None = None
    """Its latest report, where that is known."""


@dataclass(frozen=True, slots=True)
class FillLine:
    """One execution. `live`: it counts; `inferred`: derived from CumQty(14), under an ExecID of ours."""

    order: str
    exec_id: str
    symbol: str
    side: str
    quantity: Decimal
    price: Decimal
    status: str
    venue_time_ns: int | None
    at_ns: int | None
    trade_date: str = ""

    @property
    def live(self) -> bool:
        return self.status not in ("busted", "replaced")

    @property
    def inferred(self) -> bool:
        return self.status in ("inferred", "replaced")


@dataclass(slots=True)
class Ledger:
    """One account of what happened."""

    name: str
    span: Span
    orders: dict[str, OrderLine] = field(default_factory=dict)
    fills: list[FillLine] = field(default_factory=list)
    positions: dict[str, Decimal] = field(default_factory=dict)
    """Symbol -> net quantity from executions alone."""
    requests: Mapping[str, Mapping[str, Request]] | None = None
    """Order -> ClOrdID(11) of each request -> what it asked; None where requests are not known."""
    reports: Mapping[str, Mapping[ReportName, Report]] = field(default_factory=dict)
    """Order -> reports about it that are no executions, where they are known."""
    sessions: frozenset[str] = frozenset()
    """Those whose messages were read."""
    repeats: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Order and what was said: reports of a trade already counted, under another ExecID(17)."""
    only_trades: bool = False
    """A drop copy of executions: it says nothing of orders without one, nor how they ended."""
    partial: bool = False
    """There are executions before what was read: positions are not those of these executions alone."""
    wire_moments: Mapping[str, Sequence[int]] = field(default_factory=dict)
    """Order -> when messages about it came, where that is not in its own times."""


def of_replay(replay: Replay, name: str) -> Ledger:
    """What a replayed log comes to."""
    totals = replay.totals
    ledger = Ledger(name, Span(totals.first_ns, totals.last_ns), only_trades=replay.only_trades and not replay.requests)
    ledger.requests = replay.asked if replay.asked else None
    ledger.reports, ledger.sessions = replay.answered, frozenset(one.name for one in replay.sessions)
    ledger.repeats.update((one.order_id or "", one.detail) for one in replay.anomalies if one.kind == "duplicate_trade")
    ledger.orders = {line.key: line for line in orders_of(replay)}
    ledger.fills = list(fills_of(replay))
    held: dict[str, Decimal] = defaultdict(Decimal)
    for position in replay.state.execution.positions.values():
        held[position.symbol] += position.net_qty
    ledger.positions = dict(held)
    return ledger


def names_in(replay: Replay) -> Callable[[str], tuple[str, ...]]:
    """What finds the ClOrdIDs(11) of an order by its id."""
    execution = replay.state.execution
    held: dict[str, list[str]] = defaultdict(list)
    for (_, name), order_id in execution.cl_ord_ids.held().items():
        held[order_id].append(name)

    def names(order_id: str) -> tuple[str, ...]:
        record = execution.ended.get(order_id)
        return (*(() if record is None else unpacked(record).names), *held.get(order_id, ()))

    return names


def orders_of(replay: Replay) -> Iterator[OrderLine]:
    """The orders of a replayed log, each made when it is asked for."""
    names = names_in(replay)
    for order in replay.state.execution.orders.values():
        yield OrderLine(
            key=order.order_id,
            names=names(order.order_id),
            venue=order.venue,
            venue_order_id=order.venue_order_id,
            symbol=order.symbol,
            side=str(order.side),
            quantity=order.quantity,
            price=order.price,
            stop_price=order.stop_price,
            state=str(order.state),
            cum_qty=order.cum_qty,
            avg_px=order.avg_px,
            external=order.external,
            created_ns=order.created_ns,
            updated_ns=order.updated_ns,
            reason=order.reason,
            account=order.account,
            said=replay.said.get(order.order_id),
        )


def fills_of(replay: Replay) -> Iterator[FillLine]:
    """The executions of a replayed log, each made when it is asked for."""
    for fill in replay.state.execution.fills.values():
        symbol, side = replay.contradicted.get((fill.order_id, fill.exec_id), (fill.symbol, str(fill.side)))
        yield FillLine(
            order=fill.order_id,
            exec_id=fill.exec_id,
            symbol=symbol,
            side=side,
            quantity=fill.last_qty,
            price=fill.last_px,
            status=str(fill.status),
            venue_time_ns=fill.venue_time_ns,
            at_ns=fill.venue_time_ns,
            trade_date=fill.trade_date,
        )
