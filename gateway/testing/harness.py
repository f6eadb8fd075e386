"""Drive the core by hand: feed events, look at what it decided. For tests of strategies, and of the core itself.

    harness = Harness({"quoter": Quoter(QuoterParams())}).open()
    harness.book(bid="156.000", ask="156.010")
    assert [command.side for command in harness.sent()] == [Side.BUY, Side.SELL]

One venue (`SIM`) unless a configuration with more is given and `venue` named, one instrument (`USD/JPY`), stream time that
advances only when an event is fed. The core is the real one.
Nothing here reads a clock, opens a file or starts a thread.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, TypeVar

import msgspec

from gateway.core.changes import AnomalyRaised
from gateway.core.core import AnyStrategy, Core
from gateway.core.events import (
    Accepted,
    BookSnapshot,
    Cancelled,
    CancelRequested,
    ControlTime,
    Dispatched,
    Event,
    ExecutionEvent,
    Filled,
    KillEngaged,
    Level,
    OrderRequested,
    Recorded,
    Replaced,
    ReplaceRequested,
    RunStarted,
    SessionDown,
    SessionLoggedOn,
    SessionSettled,
    StatusReported,
)
from gateway.core.execution_control import next_deadline
from gateway.core.orders import Command, Order
from gateway.core.settings import CoreSettings, Instrument, RiskLimits, StrategySettings, Venue
from gateway.core.turn import Step
from gateway.core.values import NANOS, SCOPE_ALL, CommandKind, Side

E = TypeVar("E", bound=Event)

VENUE = "SIM"
SESSION = "FIX.4.4:GATEWAY->SIM"
SYMBOL = "USD/JPY"
ACCOUNT = "ACC"
START_NS = 1_750_000_000 * NANOS
MILLISECOND = 1_000_000
ACK_TIMEOUT_NS = 2 * NANOS
TRADING_DATE = "20250615"


def settings(
    *,
    risk: Mapping[str, RiskLimits] | None = None,
    rate_per_second: Decimal | None = None,
    rate_burst: int = 1,
    reference_price: Decimal | None = Decimal("156"),
    strategies: Mapping[str, StrategySettings] | None = None,
) -> CoreSettings:
    """A configuration with one venue and one instrument (tick 0.001, lot 1000, JPY); no limits unless `risk` sets them."""
    instrument = Instrument(
        symbol=SYMBOL, tick_size=Decimal("0.001"), lot_size=Decimal(1000), currency="JPY", reference_price=reference_price
    )
    venue = Venue(
        name=VENUE,
        session=SESSION,
        account=ACCOUNT,
        ack_timeout_ns=ACK_TIMEOUT_NS,
        rate_per_second=rate_per_second,
        rate_burst=rate_burst,
    )
    return CoreSettings(
        config_sha256="0" * 64,
        instruments={SYMBOL: instrument},
        venues={VENUE: venue},
        strategies=dict(strategies or {}),
        risk=dict(risk or {}),
    )


def strategy_settings(
    name: str, strategy: AnyStrategy, *symbols: str, venue: str = VENUE, account: str = ACCOUNT
) -> StrategySettings:
    """What a configuration says of `strategy`, its parameters as JSON included."""
    kind = type(strategy)
    return StrategySettings(
        name=name,
        class_path=f"{kind.__module__}:{kind.__qualname__}",
        code_sha256="0" * 64,
        venue=venue,
        account=account,
        instruments=symbols or (SYMBOL,),
        params=msgspec.json.encode(strategy.params).decode(),
    )


class Harness:
    """A core and everything it recorded. Methods that play a party feed one event and return what followed from it."""

    def __init__(self, strategies: Mapping[str, AnyStrategy] | None = None, config: CoreSettings | None = None) -> None:
        self.strategies = dict(strategies or {})
        configured = {name: strategy_settings(name, strategy) for name, strategy in self.strategies.items()}
        base = settings() if config is None else config
        self.settings = msgspec.structs.replace(base, strategies={**configured, **base.strategies})
        self.core = Core(self.strategies)
        self.state = self.core.state
        self.steps: list[Step] = []
        self.records: list[Recorded] = []
        self.now_ns = START_NS
        self.run_id = 0
        self._inbound = 0
        self._executions = 0
        self._requests = 0

    def feed(self, event: Event, after_ns: int = MILLISECOND) -> Step:
        """Let `after_ns` pass, then one step of the core."""
        self.now_ns += after_ns
        step = self.core.step(event, run_id=self.run_id, at_ns=self.now_ns, wall_ns=self.now_ns)
        self.steps.append(step)
        self.records += step.records
        return step

    # --- the run and its session

    def start(self, *, killed: tuple[str, ...] = (), killed_why: tuple[str, ...] = ()) -> Step:
        """A new run; also after another one, as a restart. In-memory state is kept: it is what a fold would yield."""
        self.run_id += 1
        return self.feed(
            RunStarted(
                version="test",
                id_prefix="T",
                settings=self.settings,
                trading_date=TRADING_DATE,
                killed=killed,
                killed_why=killed_why,
            )
        )

    def log_on(self, venue: str = VENUE) -> Step:
        """The venue answers the Logon(A); numbers are not agreed on yet."""
        return self.feed(SessionLoggedOn(venue=venue, session=self._session(venue), next_sender=1, next_target=1))

    def settle(self, venue: str = VENUE) -> Step:
        """Both sides agree on the numbers."""
        return self.feed(SessionSettled(venue=venue, session=self._session(venue), next_sender=2, next_target=2))

    def disconnect(self, reason: str = "connection lost", venue: str = VENUE) -> Step:
        """The session goes down."""
        return self.feed(SessionDown(venue=venue, session=self._session(venue), reason=reason))

    def open(self) -> Harness:
        """Run started, every venue logged on and settled; one without orders to reconcile opens at once."""
        self.start()
        for venue in self.settings.venues:
            self.log_on(venue)
            self.settle(venue)
        return self

    def _session(self, venue: str) -> str:
        return self.settings.venues[venue].session

    # --- operators

    def request_order(self, side: Side = Side.BUY, quantity: str = "10000", price: str | None = "156", **fields: Any) -> str:
        """An operator's order; returns the order id it got, also when it was denied or waits."""
        self._requests += 1
        named = {"request_id": f"order-{self._requests}", "actor": "alice", "venue": VENUE, "symbol": SYMBOL, **fields}
        limit = None if price is None else Decimal(price)
        self.feed(OrderRequested(side=side, quantity=Decimal(quantity), price=limit, **named))
        return self.state.control.requests[named["request_id"]]

    def request_replace(
        self, order_id: str, *, quantity: str | None = None, price: str | None = None, stop_price: str | None = None
    ) -> Step:
        """An operator's request for other terms; None leaves one as it was last asked for."""
        self._requests += 1
        said = {"quantity": quantity, "price": price, "stop_price": stop_price}
        terms: dict[str, Any] = {name: None if value is None else Decimal(value) for name, value in said.items()}
        request_id = f"replace-{self._requests}"
        return self.feed(ReplaceRequested(request_id=request_id, actor="alice", order_id=order_id, **terms))

    def confirm_replace(self, order_id: str, **fields: Any) -> Step:
        """The venue's word that the REPLACE in flight took."""
        order = self.order(order_id)
        named = {"ord_status": "5", "cl_ord_id": order.new_in_flight, "orig_cl_ord_id": order.cl_ord_id}
        return self.report(Replaced, order_id, **{**named, **fields})

    def request_cancel(self, order_id: str | None = None, *, scope: str | None = None) -> Step:
        """An operator's cancel, of one order or of a scope."""
        self._requests += 1
        request_id = f"cancel-{self._requests}"
        return self.feed(CancelRequested(request_id=request_id, actor="alice", order_id=order_id, scope=scope))

    def kill(self, scope: str = SCOPE_ALL) -> Step:
        """An operator engages the kill switch."""
        self._requests += 1
        return self.feed(KillEngaged(request_id=f"kill-{self._requests}", actor="alice", reason="test", scope=scope))

    # --- the venue

    def report(self, kind: type[ExecutionEvent], order_id: str, **fields: Any) -> Step:
        """What the venue says of an order, under its ClOrdID(11) and OrderID(37); `fields` override or add."""
        return self.feed(self.reported(kind, order_id, **fields))

    def reported(self, kind: type[ExecutionEvent], order_id: str, **fields: Any) -> ExecutionEvent:
        """The event that `report` would feed."""
        order = self.order(order_id)
        self._inbound += 1
        common: dict[str, Any] = {
            "venue": order.venue,
            "session": self._session(order.venue),
            "msg_seq_num": self._inbound,
            "venue_time_ns": self.now_ns,
            "cl_ord_id": order.cl_ord_id,
            "venue_order_id": f"V-{order_id}",
            "symbol": order.symbol,
            "side": order.side,
        }
        return kind(**{**common, **fields})

    def accept(self, order_id: str, **fields: Any) -> Step:
        """The venue accepts the order."""
        return self.report(Accepted, order_id, **{"ord_status": "0", **fields})

    def fill(self, order_id: str, quantity: str, price: str = "156", **fields: Any) -> Step:
        """A trade with an ExecID(17) and a CumQty(14) of its own unless `fields` say otherwise."""
        return self.feed(self.filled(order_id, quantity, price, **fields))

    def filled(self, order_id: str, quantity: str, price: str = "156", **fields: Any) -> ExecutionEvent:
        """The event that `fill` would feed."""
        self._executions += 1
        amount = Decimal(quantity)
        cum_qty = self.order(order_id).cum_qty + amount
        own = {"exec_id": f"E{self._executions}", "cum_qty": cum_qty, "trade_date": TRADING_DATE}
        return self.reported(Filled, order_id, **{**own, "last_qty": amount, "last_px": Decimal(price), **fields})

    def confirm_cancel(self, order_id: str, **fields: Any) -> Step:
        """The venue cancels the order."""
        return self.report(Cancelled, order_id, **{"ord_status": "4", **fields})

    def answer_status(self, order_id: str, ord_status: str | None, **fields: Any) -> Step:
        """The venue answers a status request, with an OrdStatus(39)."""
        return self.report(StatusReported, order_id, ord_status=ord_status, **fields)

    def book(self, bid: str, ask: str, *, quantity: str = "1000000", venue: str = VENUE, symbol: str = SYMBOL) -> Step:
        """A one-level book."""
        size = Decimal(quantity)
        bids, asks = (Level(Decimal(bid), size),), (Level(Decimal(ask), size),)
        return self.feed(BookSnapshot(venue=venue, symbol=symbol, bids=bids, asks=asks))

    # --- time

    @property
    def next_deadline(self) -> int | None:
        """When time alone lets something happen next."""
        return next_deadline(self.state)

    def pass_deadline(self) -> Step:
        """Advance stream time to the next deadline. Raises AssertionError when nothing waits for time."""
        deadline = self.next_deadline
        assert deadline is not None, "nothing waits for time"
        return self.feed(ControlTime(deadline_ns=deadline), after_ns=max(0, deadline - self.now_ns))

    # --- what came of it

    def order(self, order_id: str) -> Order:
        """Raises KeyError before the order's NEW was dispatched."""
        return self.state.execution.orders[order_id]

    def sent(self, kind: CommandKind | None = None) -> list[Command]:
        """Commands dispatched so far, oldest first."""
        commands = [event.command for event in self.events(Dispatched)]
        return commands if kind is None else [command for command in commands if command.kind is kind]

    def events(self, kind: type[E]) -> list[E]:
        """Every recorded event of one type, oldest first."""
        return [one.event for one in self.records if isinstance(one.event, kind)]

    def anomalies(self) -> list[str]:
        """Kinds of the anomalies raised so far, oldest first."""
        changes = (change for step in self.steps for _, found in step.changes for change in found)
        return [change.anomaly for change in changes if isinstance(change, AnomalyRaised)]

    def position(self, strategy: str = "desk", *, venue: str = VENUE, account: str = ACCOUNT, symbol: str = SYMBOL) -> Decimal:
        """Net quantity of a strategy in an instrument."""
        found = self.state.execution.positions.get((account, strategy, venue, symbol))
        return Decimal(0) if found is None else found.net_qty
