"""Random streams between the core and small venues, as rules of a state machine.

A venue here is honest and knows the truth; what lies between it and the core loses, repeats and reorders. In the end the
core reconciles, and must hold what the venue holds.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st
from hypothesis import target
from hypothesis.stateful import initialize, rule
from invariants import Invariants, stored
from msgspec.structs import replace
from venue_model import LOT, WORKING, Venue

from gateway.core.core import AnyStrategy, Core
from gateway.core.events import (
    Accepted,
    Cancelled,
    DoneForDay,
    ExecutionEvent,
    Expired,
    FeedStatus,
    FillBusted,
    FillCorrected,
    KillReleased,
    LostRange,
    PendingCancel,
    Rejected,
    Resolved,
    Restated,
    SessionNotice,
    StatusReported,
    StatusRequested,
    TradingDayRolled,
    TradingSwitched,
    Untranslated,
    VenueOpenRequested,
)
from gateway.core.orders import Command
from gateway.core.settings import RiskLimits, StrategySettings
from gateway.core.state import State
from gateway.core.values import SCOPE_ALL, FeedState, FillStatus, Side, TradingState
from gateway.core.verify import Verifier
from gateway.strategies import Action, Event, Memory, NoWake, Params, Strategy, TimerFired, View, Wake
from gateway.strategies.momentum import Momentum, MomentumParams
from gateway.strategies.quoter import Quoter, QuoterParams
from gateway.testing.harness import SYMBOL, TRADING_DATE, VENUE, Harness, strategy_settings
from gateway.testing.harness import settings as core_settings

D = Decimal


def essence(state: State) -> tuple[Any, ...]:
    """What a duplicate must not change."""
    execution = state.execution
    orders = {
        order.order_id: (
            order.state,
            order.terms,
            order.cl_ord_id,
            order.cum_qty,
            order.notional,
            order.new_in_flight,
            order.cancel_in_flight,
        )
        for order in execution.orders.values()
    }
    positions = {key: replace(position, updated_ns=0) for key, position in execution.positions.items()}
    return orders, dict(execution.fills), positions, dict(execution.pending), dict(execution.awaiting)


LIMITS_OF_ALL = RiskLimits(
    max_open_orders=8,
    price_collar_pct=D(5),
    max_position_long=LOT * 40,
    max_gross_exposure=LOT * 40 * 156,
    max_orders_per_second=40,
    max_repeated_executions=25,
    duplicate_order_seconds=1,
)
PICK = st.integers(0, 1_000_000)
AFTER = st.sampled_from(["waits", "goes", "trades", "again", "unheard", "cancel", "kill"])
"""What happens right after a request for other terms."""


class Woken(Memory, frozen=True):
    seen: int = 0
    woken: int = 0


class Timekeeper(Strategy[Params, Woken]):
    """Sets, moves and forgets timers at market events, and counts what wakes it."""

    def on_event(self, event: Event, view: View, memory: Woken) -> tuple[Woken, Sequence[Action]]:
        if isinstance(event, TimerFired):
            return replace(memory, woken=memory.woken + 1), [NoWake(name="1")] if memory.woken % 3 == 0 else []
        wake = Wake(name=str(memory.seen % 3), after_ns=memory.seen % 5 * 40_000_000)
        return replace(memory, seen=memory.seen + 1), [wake]


class Streams(Invariants):
    """Every rule feeds events."""

    @initialize(rate=st.sampled_from([None, D(5), D(1000)]), burst=st.integers(1, 5), quoting=st.booleans())
    def begin(self, rate: Decimal | None, burst: int, quoting: bool) -> None:
        quoter = Quoter(QuoterParams(quantity=LOT * 3, max_inventory=LOT * 6))
        strategies: dict[str, AnyStrategy] = {"quoter": quoter, "timekeeper": Timekeeper(Params())} if quoting else {}
        config = core_settings(rate_per_second=rate, rate_burst=burst, risk={"all": LIMITS_OF_ALL})
        self.play(Harness(strategies, config), Venue())

    def play(self, harness: Harness, *venues: Venue) -> None:
        self.harness = harness
        self.venues = {venue.name: venue for venue in venues}
        self.venue = venues[0]
        self.shadow = Core({})
        self.seen = 0
        self.delivered: list[ExecutionEvent] = []
        self.requests = 0
        self.days = 0
        self.harness.open()
        self.catch_up()

    def settled(self) -> bool:
        session = self.harness.state.control.sessions.get(self.venue.name)
        return session is not None and session.state == "settled"

    def open_here(self) -> list[str]:
        return list(self.harness.state.execution.open[f"venue:{self.venue.name}"])

    def pending_here(self) -> list[str]:
        pending = self.harness.state.execution.pending
        return [order_id for order_id, one in pending.items() if one.command.venue == self.venue.name]

    def request_id(self) -> dict[str, str]:
        self.requests += 1
        return {"actor": "alice", "request_id": f"r{self.requests}"}

    # --- operators, market, time

    @rule(side=st.sampled_from(list(Side)), lots=st.integers(1, 5), ticks=st.integers(-1000, 1000), flows=st.booleans())
    def order(self, side: Side, lots: int, ticks: int, flows: bool) -> None:
        where = {"venue": self.venue.name, "symbol": self.venue.symbols[ticks % len(self.venue.symbols)]}
        order_id = self.harness.request_order(side, str(LOT * lots), str(D(156) + D("0.001") * ticks), **where)
        self.catch_up()
        if flows:
            self.transmit(many=3)
            known = self.venue.orders.get(order_id)
            if known is not None and known.status == "A":
                known.status = "0"
                self.venue.say(Accepted, known)

    @rule(
        what=st.sampled_from(["cancel", "cancel", "scope", "kill", "disabled", "reduced"]),
        pick=PICK,
        scope=st.sampled_from(["all", "strategy:desk", "strategy:quoter", "venue:SIM"]),
        lasts=st.integers(0, 4),
    )
    def operate(self, what: str, pick: int, scope: str, lasts: int) -> None:
        if what == "cancel":
            known = [*self.open_here(), *self.pending_here(), "9-9"]
            self.harness.request_cancel(known[pick % len(known)])
        elif what == "scope":
            self.harness.request_cancel(scope=scope)
        elif what == "kill":
            self.engage(scope)
            if lasts:
                self.harness.feed(KillReleased(**self.request_id(), scope=scope))
        else:
            self.harness.feed(TradingSwitched(**self.request_id(), scope=scope, state=TradingState(what)))
            if lasts:
                self.harness.feed(TradingSwitched(**self.request_id(), scope=scope, state=TradingState.ENABLED))

    @rule(pick=PICK, lots=st.integers(0, 9), ticks=st.integers(0, 20), calm=st.integers(0, 3), then=AFTER)
    def replace(self, pick: int, lots: int, ticks: int, calm: int, then: str) -> None:
        """A request for other terms, often of an order at rest; it may be on its way when the next thing happens."""
        if calm:
            self.calm_down()
        state = self.harness.state
        known = [i for i in self.open_here() if state.execution.orders[i].in_doubt is None] if calm else []
        known = known or [*self.open_here(), *self.pending_here(), "9-9"]
        order_id = known[pick % len(known)]
        self.harness.request_replace(
            order_id,
            quantity=str(LOT * lots) if lots else None,
            price=str(D(156) + D(ticks) / 1000) if ticks or not lots else None,
        )
        self.catch_up()
        if then != "waits":
            self.transmit(many=9)
        truth = self.venue.orders.get(order_id)
        if then == "trades" and truth is not None and not truth.ended:
            self.venue.trade(truth, 1 + pick % 3, D(156))
        elif then == "again":
            self.harness.request_replace(order_id, price=str(D(157) + D(ticks) / 1000))
        elif then == "unheard":
            self.venue.outbox.clear()
        elif then == "cancel":
            self.harness.request_cancel(order_id)
        elif then == "kill":
            self.engage(SCOPE_ALL)

    def calm_down(self) -> None:
        """No switch against trading, a connection, an order that works, and nothing under way."""
        for scope in tuple(self.harness.state.control.killed.keys()):
            self.harness.feed(KillReleased(**self.request_id(), scope=scope))
        for scope in tuple(self.harness.state.control.trading.keys()):
            self.harness.feed(TradingSwitched(**self.request_id(), scope=scope, state=TradingState.ENABLED))
        self.connect()
        self.pump()
        name, symbol = self.venue.name, self.venue.symbols[0]
        if not self.harness.state.control.venues[name].opened:
            self.harness.feed(VenueOpenRequested(**self.request_id(), venue=name))
        if not self.open_here():
            self.harness.request_order(Side.BUY, str(LOT * 5), "156", venue=name, symbol=symbol)
            self.pump()
        self.venue.accept_all()
        self.pump()

    @rule(bid=st.integers(155_900, 156_100), spread=st.integers(-2, 30), status=st.sampled_from([None, None, *FeedState]))
    def market(self, bid: int, spread: int, status: FeedState | None) -> None:
        symbol = self.venue.symbols[bid % len(self.venue.symbols)]
        self.harness.book(str(D(bid) / 1000), str(D(bid + spread) / 1000), venue=self.venue.name, symbol=symbol)
        if status is not None:
            self.harness.feed(FeedStatus(venue=self.venue.name, status=status))

    @rule()
    def time(self) -> None:
        before = self.harness.next_deadline
        if before is not None:
            self.harness.pass_deadline()
            after = self.harness.next_deadline
            assert after is None or after > before, "time alone makes progress"

    # --- the session

    @rule(what=st.sampled_from(["drop", "drop", "restart", "lost", "resend", "raw", "open"]), stays=st.integers(0, 3))
    def disrupt(self, what: str, stays: int) -> None:
        if what == "drop":
            self.harness.disconnect(venue=self.venue.name)
            self.venue.inbox.clear()
        elif what == "restart":
            self.harness.start()
            for venue in self.venues.values():
                venue.inbox.clear()
        else:
            here = {"venue": self.venue.name, "session": self.venue.session}
            events = {
                "lost": LostRange(**here, begin=1, end=2, reason="gap filled"),
                "resend": SessionNotice(**here, event="resend_request"),
                "raw": Untranslated(**here, raw="8=FIX", detail="?"),
                "open": VenueOpenRequested(**self.request_id(), venue=self.venue.name),
            }
            self.harness.feed(events[what])
        if stays:
            self.connect()

    @rule()
    def connect(self) -> None:
        if not self.settled():
            self.harness.log_on(self.venue.name)
            self.harness.settle(self.venue.name)
            self.catch_up()
            self.transmit(many=9)

    # --- the way to the venue and back

    @rule(many=st.integers(1, 4), loses=st.integers(0, 9))
    def transmit(self, many: int, loses: int = 1) -> None:
        for one in self.venue.inbox[:many]:
            if loses:
                self.arrive(self.venue, one)
        del self.venue.inbox[:many]

    def arrive(self, venue: Venue, one: Command | StatusRequested) -> None:
        if isinstance(one, Command):
            venue.receive(one)
        else:
            venue.outbox.append(venue.asked(one))

    @rule(pick=PICK, lots=st.integers(1, 3))
    def trade(self, pick: int, lots: int) -> None:
        open_orders = [order for order in self.venue.orders.values() if not order.ended]
        if open_orders:
            self.venue.trade(open_orders[pick % len(open_orders)], lots, D(156) + D(pick % 7) / 1000)

    @rule(pick=PICK, what=st.sampled_from(["accept", "accept", "trade", "trade", "cancel", "reject", "restate", "other"]))
    def act(self, pick: int, what: str) -> None:
        open_orders = [order for order in self.venue.orders.values() if not order.ended]
        if not open_orders:
            return
        order = open_orders[pick % len(open_orders)]
        if what == "trade":
            self.venue.trade(order, 1, D(156))
        elif what == "cancel":
            order.status = "4"
            self.venue.say(Cancelled, order)
        elif what == "accept" and order.status == "A":
            order.status = "0"
            self.venue.say(Accepted, order)
        elif what == "reject" and order.status == "A":
            order.status = "8"
            self.venue.say(Rejected, order)
        elif what == "restate" and order.leaves_qty > LOT and order.status != "A":
            command = order.command
            self.venue.change(order, command.quantity - LOT, name=command.cl_ord_id, price=command.price)
            self.venue.say(Restated, order, exec_id=f"R{self.venue.number}")
        else:
            self.venue.say(PendingCancel if pick % 2 else DoneForDay, order)

    @rule(after=st.booleans(), expires=st.sampled_from(["said", "said", "forgotten", "later"]))
    def day(self, after: bool, expires: str) -> None:
        """Our day rolls; the venue's ends before or after it, told or not, or goes on."""
        if after:
            self.roll()
        if expires != "later":
            for venue, order in [(one, order) for one in self.venues.values() for order in one.orders.values()]:
                if order.status in WORKING:
                    order.status = "C"
                    order.forgotten = expires == "forgotten" and not order.cum_qty
                    if expires == "said":
                        venue.say(Expired, order)
        if not after:
            self.roll()

    def roll(self) -> None:
        self.days += 1
        date = str(int(TRADING_DATE) + self.days)
        open_before = {order.order_id: order.state for order in self.orders() if not order.state.terminal}
        step = self.harness.feed(TradingDayRolled(**self.request_id(), trading_date=date))
        assert not any(isinstance(one.event, Resolved) for one in step.records)
        for order_id, state in open_before.items():
            assert self.harness.order(order_id).state is state, "a roll closes no order: only the venue can"
        assert self.harness.state.execution.approved == {}, "daily limits restart"
        assert self.harness.state.execution.traded == {}

    @rule(pick=PICK, many=st.integers(1, 5), how=st.sampled_from(["first", "first", "first", "any", "lost"]))
    def deliver(self, pick: int, many: int, how: str) -> None:
        for _ in range(min(many, len(self.venue.outbox))):
            event = self.venue.outbox.pop(pick % len(self.venue.outbox) if how == "any" else 0)
            if how != "lost":
                self.harness.feed(event)
                self.delivered.append(event)

    @rule(pick=PICK)
    def duplicate(self, pick: int) -> None:
        again = [event for event in self.delivered if not isinstance(event, StatusReported)]
        if again:
            before = essence(self.harness.state)
            self.harness.feed(replace(again[pick % len(again)], poss_dup=True))
            if not self.harness.strategies:  # a strategy may take any event as its occasion
                assert essence(self.harness.state) == before, "duplicates change nothing"

    @rule(pick=PICK, busts=st.booleans())
    def amend(self, pick: int, busts: bool) -> None:
        """A bust or a correction of a trade we know; part of the streams that do not ask for the truth in the end."""
        fills = [f for f in self.harness.state.execution.fills.values() if f.status in (FillStatus.NEW, FillStatus.CORRECTED)]
        if not self.amends or not fills:
            return
        found = fills[pick % len(fills)]
        venue = self.venues[found.venue]
        order = venue.orders[found.order_id]
        venue.executions += 1
        fields: dict[str, Any] = {
            "exec_id": f"A{venue.executions}",
            "exec_ref_id": found.exec_id,
            "trade_date": TRADING_DATE,
            "cum_qty": None,
            "leaves_qty": None if pick % 2 else D(0),
        }
        if busts:
            event = venue.report(FillBusted, order, **fields)
        else:
            event = venue.report(FillCorrected, order, **fields, last_qty=found.last_qty, last_px=D(150 + pick % 9))
        self.harness.feed(event)
        self.delivered.append(event)

    # --- the end

    def teardown(self) -> None:
        if not hasattr(self, "harness"):
            return
        if not self.amends:
            self.reconcile()
            self.the_truth_is_known()
        verifier = Verifier(lambda configured: {name: self.harness.strategies[name] for name in configured})
        assert [*verifier.feed(stored(one) for one in self.harness.records), *verifier.finish()] == []
        assert verifier.digest == self.harness.state.digest()
        target(float(len(self.harness.state.execution.fills)))

    def reconcile(self) -> None:
        """Everything still on its way arrives; then the connection is made anew and the venue answers what it is asked."""
        self.catch_up()
        self.pump()
        for name in (*self.venues, *self.venues):
            self.harness.disconnect(venue=name)
            self.harness.log_on(name)
            self.harness.settle(name)
            self.pump()

    def pump(self) -> None:
        for _ in range(200 * len(self.venues)):
            self.catch_up()
            called = next((venue for venue in self.venues.values() if venue.inbox), None)
            heard = next((venue for venue in self.venues.values() if venue.outbox), None)
            if called is not None:
                self.arrive(called, called.inbox.pop(0))
            elif heard is not None:
                self.harness.feed(heard.outbox.pop(0))
            elif self.harness.next_deadline is not None:
                self.harness.pass_deadline()
            else:
                return
        raise AssertionError("the core does not come to rest")

    def the_truth_is_known(self) -> None:
        assert all(self.harness.state.control.venues[name].opened for name in self.venues)
        for ours in self.orders():
            truth = self.truth(ours.order_id)
            assert ours.in_doubt is None
            assert ours.cum_qty == (D(0) if truth is None else truth.cum_qty)
            assert ours.state.terminal is (truth is None or truth.ended)
            assert ours.leaves_qty == (D(0) if truth is None else truth.leaves_qty)
            if truth is not None and not truth.ended:
                assert (ours.quantity, ours.price) == (truth.command.quantity, truth.command.price)
                assert ours.cl_ord_id == truth.command.cl_ord_id
        known = {order.order_id: order.venue for order in self.orders()}
        assert {(order_id, venue.name) for venue in self.venues.values() for order_id in venue.orders} <= known.items()


class Amended(Streams):
    """The same with busts and corrections."""

    amends = True


OTHER, EURO = "ALT", "EUR/JPY"
BOTH = {VENUE: (SYMBOL,), OTHER: (EURO, SYMBOL)}
"""Venue -> what is traded there: one instrument at both."""


class Venues(Streams):
    """Two venues, two instruments, three strategies of two kinds: whatever happens at one venue happens beside the other."""

    @initialize(rate=st.sampled_from([None, D(5), D(1000)]), burst=st.integers(1, 5), trading=st.integers(0, 3))
    def begin(self, rate: Decimal | None, burst: int, trading: int) -> None:
        base = core_settings(rate_per_second=rate, rate_burst=burst, risk={"all": LIMITS_OF_ALL})
        euro = replace(base.instruments[SYMBOL], symbol=EURO)
        other = replace(base.venues[VENUE], name=OTHER, session="FIX.4.2:GATEWAY->ALT", rate_per_second=None)
        made: dict[str, AnyStrategy] = {
            "quoter": Quoter(QuoterParams(quantity=LOT * 3, max_inventory=LOT * 6)),
            "maker": Quoter(QuoterParams(quantity=LOT * 2, max_inventory=LOT * 4)),
            "taker": Momentum(MomentumParams(quantity=LOT, trigger_ticks=5, max_position=LOT * 5)),
        }
        made = dict(list(made.items())[:trading])
        at = {"quoter": (VENUE, (SYMBOL,)), "maker": (OTHER, (EURO,)), "taker": (OTHER, (EURO, SYMBOL))}
        configured: dict[str, StrategySettings] = {
            name: strategy_settings(name, one, *at[name][1], venue=at[name][0]) for name, one in made.items()
        }
        config = replace(
            base,
            instruments={**base.instruments, EURO: euro},
            venues={**base.venues, OTHER: other},
            strategies=configured,
        )
        self.play(Harness(made, config), *(Venue(name, config.venues[name].session, symbols) for name, symbols in BOTH.items()))

    @rule(name=st.sampled_from(list(BOTH)))
    def turn_to(self, name: str) -> None:
        """What follows happens there."""
        self.venue = self.venues[name]

    @rule(scope=st.sampled_from([f"venue:{OTHER}", f"instrument:{EURO}", "strategy:maker"]), lasts=st.booleans())
    def narrow(self, scope: str, lasts: bool) -> None:
        """A kill of a part: what it may do is in `engage`."""
        self.engage(scope)
        if not lasts:
            self.harness.feed(KillReleased(**self.request_id(), scope=scope))


class AmendedVenues(Venues):
    """The same with busts and corrections."""

    amends = True
