"""What holds after every event, whatever the streams bring: the named invariants of the core's state."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from hypothesis.stateful import RuleBasedStateMachine, invariant
from msgspec.structs import replace
from venue_model import ZERO, Venue, VenueOrder

from gateway.core.codec import decode, encode
from gateway.core.core import Core
from gateway.core.digest import Digest, Table
from gateway.core.events import ClosedUnsent, Dispatched, Queued, Recorded, StatusRequested, Superseded
from gateway.core.execution_control import held, next_deadline
from gateway.core.exposure import Exposure
from gateway.core.orders import Order
from gateway.core.pacing import free_at
from gateway.core.state import State, is_killed, order_scopes
from gateway.core.values import CommandKind, FillStatus, Hold, Side
from gateway.testing.harness import MILLISECOND, Harness

D = Decimal


def sums_in(exposure: Exposure, scope: str) -> dict[str, dict[str, tuple[Decimal, ...]]]:
    """Symbol -> venue -> net, buying, selling, gross."""
    return {
        symbol: {venue: (sums.net, sums.buying, sums.selling, sums.gross) for venue, sums in venues.items()}
        for symbol, venues in exposure.within(scope).items()
    }


def rebuilt_digest(state: State) -> str:
    """The digest of a state made of the same contents in one go."""
    digest = Digest()
    for domain in (state.market, state.execution, state.control):
        for table in vars(domain).values():
            if isinstance(table, Table):
                for key, value in reversed(list(table.items())):
                    digest.touch(table.name, key, value)
    return digest.hex()


def stored(one: Recorded) -> Recorded:
    """The record after a journey through the journal."""
    return replace(one, event=decode(one.event.kind(), one.event.VERSION, encode(one.event)))


class Invariants(RuleBasedStateMachine):
    """Looked at after every rule. The rules come with `Streams`; nothing holds or fails before `begin` has run."""

    amends = False
    """Whether trades are busted and corrected: then the venue's truth is not ours to know."""
    harness: Harness
    venues: dict[str, Venue]
    venue: Venue
    """The one that the next rule is about."""
    shadow: Core
    """Folds what was recorded, as a restart would."""
    seen: int

    def catch_up(self) -> None:
        """Fold what was recorded into the shadow, and collect what is on its way to each venue."""
        fresh = [stored(one) for one in self.harness.records[self.seen :]]
        self.seen = len(self.harness.records)
        self.shadow.fold(fresh)
        for one in fresh:
            if isinstance(one.event, Dispatched):
                self.venues[one.event.command.venue].inbox.append(one.event.command)
        for one in fresh:
            if isinstance(one.event, StatusRequested):
                self.venues[one.event.venue].inbox.append(one.event)

    def engage(self, scope: str) -> None:
        """Kill a scope: nothing but CANCELs is sent.

        Beside the scope nothing is closed, queued or sent, but that a CANCEL which waited for nothing but time, for a token
        that is there at the moment of the kill, leaves then as it would at any event.
        """
        state, at_ns = self.harness.state, self.harness.now_ns + MILLISECOND
        due = {
            command.cl_ord_id
            for command in (pending.command for pending in state.execution.pending.values())
            if command.kind is CommandKind.CANCEL
            and held(state, command) is Hold.RATE
            and free_at(state, command.venue, cancel=True, urgent=is_killed(state, command)) <= at_ns
        }
        for event in (one.event for one in self.harness.kill(scope).records):
            if isinstance(event, Dispatched):
                assert event.command.kind is CommandKind.CANCEL, "a kill sends nothing but CANCELs"
                assert scope in order_scopes(event.command) or event.command.cl_ord_id in due
            elif isinstance(event, ClosedUnsent | Superseded | Queued):
                assert scope in order_scopes(event.command), "what is beside the scope stays as it is"

    def truth(self, order_id: str) -> VenueOrder | None:
        """The order as its venue holds it."""
        return next((venue.orders[order_id] for venue in self.venues.values() if order_id in venue.orders), None)

    @invariant()
    def replay_equality(self) -> None:
        if hasattr(self, "harness"):
            self.catch_up()
            assert self.shadow.state.digest() == self.harness.state.digest()
            assert next_deadline(self.shadow.state) == self.harness.next_deadline

    @invariant()
    def digest_is_that_of_the_contents(self) -> None:
        if hasattr(self, "harness"):
            assert rebuilt_digest(self.harness.state) == self.harness.state.digest()

    @invariant()
    def orders_add_up(self) -> None:
        fills = [fill for fill in self.fills() if fill.live]
        for order in self.orders():
            live = [fill for fill in fills if fill.order_id == order.order_id]
            assert order.cum_qty == sum(fill.last_qty for fill in live)
            assert order.notional == sum(fill.last_qty * fill.last_px for fill in live)
            if order.state.terminal:
                assert order.leaves_qty == 0
                assert order.terminal_ns is not None
            else:
                assert order.cum_qty + order.leaves_qty == order.quantity
                assert order.leaves_qty or order.replacing is not None, "what is filled has ended"
                assert order.terminal_ns is None

    @invariant()
    def position_is_the_sum_of_live_fills(self) -> None:
        sums: dict[tuple[str, str, str, str], Decimal] = {}
        for fill in self.fills():
            key = (fill.account, fill.strategy, fill.venue, fill.symbol)
            sums[key] = sums.get(key, D(0)) + (fill.side.sign * fill.last_qty if fill.live else 0)
        positions = self.harness.state.execution.positions if hasattr(self, "harness") else {}
        assert {key: position.net_qty for key, position in positions.items()} == sums

    @invariant()
    def profit_is_cash_plus_value(self) -> None:
        """Whatever was corrected, busted, inferred and replaced: what was gained is what was paid and got, and what is held."""
        cash: dict[tuple[str, str, str, str], Decimal] = {}
        for fill in self.fills():
            if fill.live:
                cash[fill.position] = cash.get(fill.position, D(0)) - fill.side.sign * fill.last_qty * fill.last_px
        positions = self.harness.state.execution.positions if hasattr(self, "harness") else {}
        for key, position in positions.items():
            assert abs(position.realized_pnl - cash.get(key, D(0)) - position.net_qty * position.avg_px) < D("1E-9")
            assert (position.net_qty == 0) is (position.avg_px == 0)

    @invariant()
    def exposure_sums_are_what_is_open_and_held(self) -> None:
        """The sums are those of what is open and held, counted anew; all of it counts, from approval on."""
        if not hasattr(self, "harness"):
            return
        execution = self.harness.state.execution
        working: dict[tuple[str, str, str, str], dict[Side, Decimal]] = {}
        queued = [pending.command for i, pending in execution.pending.items() if i not in execution.orders]
        amounts = [(order, self.most_open(order)) for order in self.orders()] + [
            (command, command.quantity) for command in queued
        ]
        for one, quantity in amounts:
            key = (one.account, one.strategy, one.venue, one.symbol)
            sides = working.setdefault(key, {Side.BUY: D(0), Side.SELL: D(0)})
            sides[one.side] += quantity
        buying = selling = net = gross = D(0)
        for key in {*working, *execution.positions}:
            sides = working.get(key, {Side.BUY: D(0), Side.SELL: D(0)})
            held = execution.positions[key].net_qty if key in execution.positions else D(0)
            sums = execution.exposure.of(key)
            assert (sums.net, sums.buying, sums.selling) == (held, sides[Side.BUY], sides[Side.SELL])
            buying, selling, net = buying + sums.buying, selling + sums.selling, net + held
            gross += max(abs(held + sums.buying), abs(held - sums.selling))
        kept = execution.exposure
        execution.rebuild()
        assert [sums_in(execution.exposure, scope) for scope in ("all", "strategy:desk")] == [
            sums_in(kept, scope) for scope in ("all", "strategy:desk")
        ]
        every = [sums for venues in kept.within("all").values() for sums in venues.values()]
        for name, expected in {"buying": buying, "selling": selling, "net": net, "gross": gross}.items():
            assert sum((getattr(sums, name) for sums in every), D(0)) == expected
        today = [fill for fill in self.fills() if fill.live and fill.counted_on == self.harness.state.control.run.trading_date]
        assert execution.traded.get(("all", "JPY"), D(0)) == sum(fill.last_qty * fill.last_px for fill in today)

    def most_open(self, order: Order) -> Decimal:
        """An order that is being replaced, or shall be, counts at the larger of old and new."""
        pending = self.harness.state.execution.pending.get(order.order_id)
        quantities = [order.quantity]
        if order.replacing is not None:
            quantities.append(order.replacing.quantity)
        if pending is not None and pending.command.kind is CommandKind.REPLACE:
            quantities.append(pending.command.quantity)
        return D(0) if order.state.terminal else max(max(quantities) - order.cum_qty, D(0))

    @invariant()
    def one_request_of_each_kind_in_flight_and_one_waiting(self) -> None:
        if not hasattr(self, "harness"):
            return
        execution = self.harness.state.execution
        in_flight = {
            name: order.order_id
            for order in self.orders()
            for name in (order.new_in_flight, order.cancel_in_flight)
            if name is not None
        }
        assert {name: awaiting.order_id for name, awaiting in execution.awaiting.items()} == in_flight
        for order in self.orders():
            if order.state.terminal:
                assert order.new_in_flight is None
                assert order.cancel_in_flight is None
                assert order.order_id not in execution.pending
        running = {name: awaiting.deadline_ns for name, awaiting in execution.awaiting.items() if awaiting.deadline_ns}
        assert execution.deadlines.items() == running
        assert execution.questions.items() == {order_id: asked.deadline_ns for order_id, asked in execution.asked.items()}
        names = [command.cl_ord_id for command in self.harness.sent()]
        assert len(names) == len(set(names)), "no ClOrdID is used twice"

    @invariant()
    def indexes_are_what_the_tables_say(self) -> None:
        if not hasattr(self, "harness"):
            return
        execution = self.harness.state.execution
        open_orders: dict[str, set[str]] = {}
        for order in self.orders():
            for scope in order_scopes(order):
                open_orders.setdefault(scope, set())
                if not order.state.terminal:
                    open_orders[scope].add(order.order_id)
        assert {scope: set(ids) for scope, ids in execution.open.items() if ids} == {s: i for s, i in open_orders.items() if i}
        assert set(execution.waiting) == set(execution.pending)
        assert {i for ids in execution.doubtful.values() for i in ids} == {o.order_id for o in self.orders() if o.in_doubt}
        new = {i for i, pending in execution.pending.items() if pending.command.kind is CommandKind.NEW}
        assert set(execution.pending_new["all"]) == new
        amended = {i for i, pending in execution.pending.items() if pending.command.kind is CommandKind.REPLACE}
        assert set(execution.pending_replace["all"]) == amended
        control = self.harness.state.control
        assert {(venue, i) for venue, ids in control.unconfirmed_of.items() for i in ids} == set(control.unconfirmed)
        assert execution.void == sum(fill.status in (FillStatus.BUSTED, FillStatus.REPLACED) for fill in self.fills())

    @invariant()
    def exposure_is_never_understated(self) -> None:
        """What is open at the venue is not more than what counts here, while the venue only does what it was asked for."""
        for order in self.orders():
            truth = self.truth(order.order_id)
            if truth is not None and not self.amends and not order.state.terminal:
                known_later = order.cum_qty - truth.cum_qty
                assert truth.leaves_qty <= self.harness.state.execution.exposure.open_quantity(order.order_id) + max(
                    known_later, ZERO
                )

    @invariant()
    def anomalies_never_claim_an_over_fill(self) -> None:
        if hasattr(self, "harness") and not self.amends:
            assert "over_fill" not in self.harness.state.anomalies

    @invariant()
    def nothing_checked_online_is_broken(self) -> None:
        if hasattr(self, "harness"):
            assert dict(self.harness.state.control.broken) == {}

    def orders(self) -> list[Order]:
        return list(self.harness.state.execution.orders.values()) if hasattr(self, "harness") else []

    def fills(self) -> list[Any]:
        return list(self.harness.state.execution.fills.values()) if hasattr(self, "harness") else []
