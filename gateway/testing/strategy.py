"""Test a strategy of your own without a venue, a network or a clock: feed events, look at what it asked for.

    desk = StrategyHarness(Quoter(QuoterParams()))
    asked = desk.book("155.995", "156.005")
    assert [action.side for action in asked] == [Side.BUY, Side.SELL]
    desk.accept(desk.sent[0])
    desk.fill(desk.sent[0], "4000")
    assert desk.position() == 4000
    desk.check_determinism()

What decides is the core that decides live, with its risk and its execution control; only the venue is played by the test.
Prices and quantities are given as text or Decimal, never as float. Times are nanoseconds of stream time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from functools import partial
from typing import Any

import msgspec

from gateway.core.core import AnyStrategy, Core
from gateway.core.events import (
    DERIVED,
    BookSnapshot,
    ControlTime,
    Denied,
    Event,
    FeedStatus,
    Level,
    MarketTrade,
    Recorded,
    Rejected,
    ReplaceRejected,
    StrategyFailed,
)
from gateway.core.orders import Command, Order
from gateway.core.settings import CoreSettings, Instrument, RiskLimits, StrategySettings, Trigger
from gateway.core.snapshot import frames, image, restore
from gateway.core.state import State
from gateway.core.strategy import Action, Strategy, View
from gateway.core.values import SCOPE_ALL, FeedState
from gateway.core.verify import Verifier
from gateway.testing.harness import SYMBOL, VENUE, Harness, settings, strategy_settings

Number = Decimal | str | int

USD_JPY = Instrument(symbol=SYMBOL, tick_size=Decimal("0.001"), lot_size=Decimal(1000), currency="JPY")
"""The instrument of a harness that is given none: ticks of 0.001, lots of 1000."""


class StrategyHarness:
    """One strategy at one venue that is open. Methods that play a party return what the strategy asked for because of it, and
    raise AssertionError where it failed."""

    def __init__(
        self,
        strategy: AnyStrategy,
        *,
        instruments: Sequence[Instrument] = (USD_JPY,),
        limits: RiskLimits | None = None,
        events: Sequence[Trigger] = tuple(Trigger),
        name: str = "mine",
    ) -> None:
        """`limits` hold for everything; without them nothing is limited. `events`: as in the configuration.

        Raises TypeError where `type(strategy)(strategy.params)` does not make it anew, as every restart does.
        """
        self.name = name
        self._kind = type(strategy)
        self._params = strategy.params
        self._asked: list[Action] = []
        self._raised: list[Exception] = []
        self._failures = 0
        one = strategy_settings(name, strategy, *(instrument.symbol for instrument in instruments))
        one = msgspec.structs.replace(one, events=tuple(events))
        self._harness = Harness({name: self._listening()}, _settings(instruments, limits, one))
        self._harness.open()
        self._asked.clear()

    # --- the market

    def book(self, bid: Number, ask: Number, *, quantity: Number = 1_000_000, symbol: str = "") -> list[Action]:
        """A one-level book."""
        size = Decimal(quantity)
        bids, asks = (Level(Decimal(bid), size),), (Level(Decimal(ask), size),)
        return self.feed(BookSnapshot(venue=VENUE, symbol=symbol or self._symbol, bids=bids, asks=asks))

    def trade(self, price: Number, quantity: Number = 1000, *, symbol: str = "") -> list[Action]:
        """Somebody else's trade."""
        one = MarketTrade(venue=VENUE, symbol=symbol or self._symbol, price=Decimal(price), quantity=Decimal(quantity))
        return self.feed(one)

    def feed_status(self, status: FeedState, *, symbol: str = "") -> list[Action]:
        """The market data comes up, goes stale or has a gap; a book that is not up is not seen."""
        return self.feed(FeedStatus(venue=VENUE, symbol=symbol or self._symbol, status=status))

    def feed(self, event: Event) -> list[Action]:
        """Any event at all, a millisecond after the last one."""
        return self._watched(lambda: self._harness.feed(event))

    # --- time

    @property
    def now_ns(self) -> int:
        """Stream time."""
        return self._harness.now_ns

    @property
    def timers(self) -> dict[str, int]:
        """Name -> stream time of every timer that runs."""
        return {name: at for (owner, name), at in self._harness.state.control.timers.items() if owner == self.name}

    def advance(self, seconds: Number) -> list[Action]:
        """Let time pass; whatever comes due on the way happens when it is due, timers and unanswered requests alike."""
        until = self.now_ns + int(Decimal(seconds) * 1_000_000_000)
        asked: list[Action] = []
        while (deadline := self._harness.next_deadline) is not None and deadline <= until:
            due, wait = ControlTime(deadline_ns=deadline), max(0, deadline - self.now_ns)
            asked += self._watched(partial(self._harness.feed, due, wait))
        self._harness.now_ns = until
        return asked

    # --- the venue's answers to what was sent

    def accept(self, request: Command | Order | str) -> list[Action]:
        """The venue accepts an order."""
        return self._answer(self._harness.accept, request)

    def reject(self, request: Command | Order | str, reason: str = "no") -> list[Action]:
        """The venue refuses an order."""
        return self._answer(lambda i: self._harness.report(Rejected, i, ord_status="8", text=reason), request)

    def fill(self, request: Command | Order | str, quantity: Number | None = None, price: Number | None = None) -> list[Action]:
        """The venue executes an order: what is left of it, at its own price, unless it is told otherwise."""
        order = self.order(request)
        amount = order.leaves_qty if quantity is None else Decimal(quantity)
        at = order.price if price is None else Decimal(price)
        if at is None:
            raise ValueError(f"order {order.order_id} has no price of its own: say at which it was filled")
        return self._answer(lambda order_id: self._harness.fill(order_id, str(amount), str(at)), order)

    def confirm_cancel(self, request: Command | Order | str) -> list[Action]:
        """The order is cancelled, asked for or not."""
        return self._answer(self._harness.confirm_cancel, request)

    def confirm_replace(self, request: Command | Order | str) -> list[Action]:
        """The replace that was sent took."""
        return self._answer(self._harness.confirm_replace, request)

    def reject_replace(self, request: Command | Order | str, reason: str = "too late") -> list[Action]:
        """The replace that was sent did not take; the order stands as it was."""
        named = {"cl_ord_id": self.order(request).new_in_flight, "orig_cl_ord_id": self.order(request).cl_ord_id}
        return self._answer(lambda i: self._harness.report(ReplaceRejected, i, text=reason, **named), request)

    # --- operators, and the process

    def disconnect(self) -> list[Action]:
        """The venue's session is lost: nothing can be traded."""
        return self._watched(self._harness.disconnect)

    def restart(self) -> list[Action]:
        """The process dies and comes back: a new instance, the memory that was recorded, the venue open again.

        Orders that were open are reported by the venue as they stand.
        """
        return self._watched(self._come_back)

    # --- what came of it

    @property
    def sent(self) -> list[Command]:
        """Requests that reached the venue, oldest first."""
        return self._harness.sent()

    @property
    def denied(self) -> list[str]:
        """Codes of the requests that risk denied, oldest first."""
        return [event.code for event in self._harness.events(Denied)]

    @property
    def memory(self) -> Any:
        """The strategy's memory as it is recorded now."""
        known = self._harness.state.control.strategies.get(self.name)
        stored = None if known is None else known.memory
        return self._kind.Memory() if stored is None else msgspec.json.decode(stored, type=self._kind.Memory)

    @property
    def view(self) -> View:
        """What the strategy sees now."""
        return View(self._harness.state, self._harness.settings.strategies[self.name])

    def order(self, request: Command | Order | str) -> Order:
        """An order as it stands. Raises KeyError before its NEW reached the venue."""
        return self._harness.order(request if isinstance(request, str) else request.order_id)

    def position(self, symbol: str = "") -> Decimal:
        """Net quantity."""
        return self._harness.position(self.name, symbol=symbol or self._symbol)

    # --- proof

    def check_determinism(self) -> None:
        """Everything that happened here is decided again, and must come out the same: once by a new instance from the first
        event on, and at every event by a new instance over a snapshot of the state before it.

        Raises AssertionError naming the first event that was decided otherwise. A strategy that keeps something anywhere but in
        its memory, or reads a clock or a random source, does not pass.
        """
        records = self._harness.records
        verifier = Verifier(lambda configured: {name: self._new() for name in configured})
        for difference in (*verifier.feed(records), *verifier.finish()):
            raise AssertionError(_otherwise("replayed from the first event", difference.recorded, difference.computed))
        assert verifier.digest == self._harness.state.digest(), "replayed, the same events lead to another state"
        before = State()
        for group in _steps(records):
            first = group[0]
            core = Core({self.name: self._new()}, restore(frames(image(before)), before.digest()))
            step = core.step(first.event, run_id=first.run_id, at_ns=first.at_ns, wall_ns=first.wall_ns)
            for recorded, computed in _pairs(group, step.records):
                if recorded != computed:
                    where = f"started anew before event {first.seq} ({first.event.kind()})"
                    raise AssertionError(_otherwise(where, recorded, computed))
            Core({}, before).fold(group)

    # --- inside

    @property
    def _symbol(self) -> str:
        return self._harness.settings.strategies[self.name].instruments[0]

    def _new(self) -> AnyStrategy:
        made: AnyStrategy = self._kind(self._params)
        return made

    def _listening(self) -> AnyStrategy:
        return _Listening(self._new(), self._asked, self._raised)

    def _watched(self, play: Callable[[], object]) -> list[Action]:
        self._asked.clear()
        self._raised.clear()
        play()
        failures = self._harness.events(StrategyFailed)
        if len(failures) > self._failures:
            self._failures = len(failures)
            raise AssertionError(f"the strategy failed: {failures[-1].error}") from next(iter(self._raised), None)
        return list(self._asked)

    def _answer(self, play: Callable[[str], object], request: Command | Order | str) -> list[Action]:
        order_id = self.order(request).order_id
        return self._watched(lambda: play(order_id))

    def _come_back(self) -> None:
        harness = self._harness
        core = Core({self.name: self._listening()})
        core.fold(harness.records)
        harness.core, harness.state = core, core.state
        harness.start()
        harness.log_on()
        harness.settle()
        for order_id in tuple(harness.state.execution.open.get(SCOPE_ALL, ())):
            order = harness.order(order_id)
            status = "1" if order.cum_qty else "0"
            harness.answer_status(order_id, status, cum_qty=order.cum_qty, leaves_qty=order.leaves_qty)


class _Listening(Strategy[Any, Any]):
    """The strategy, and a note of what it asked for."""

    def __init__(self, strategy: AnyStrategy, asked: list[Action], raised: list[Exception]) -> None:
        super().__init__(strategy.params)
        self.Memory = type(strategy).Memory  # type: ignore[misc]  # declared a class variable; here each instance wraps another class
        self._strategy = strategy
        self._asked = asked
        self._raised = raised

    def on_event(self, event: Event, view: View, memory: Any) -> tuple[msgspec.Struct, Sequence[Action]]:
        try:
            after, actions = self._strategy.on_event(event, view, memory)
            asked = tuple(actions)
        except Exception as error:
            self._raised.append(error)
            raise
        self._asked += asked
        return after, asked


def _settings(instruments: Sequence[Instrument], limits: RiskLimits | None, strategy: StrategySettings) -> CoreSettings:
    risk = {} if limits is None else {SCOPE_ALL: limits}
    base = settings(risk=risk, strategies={strategy.name: strategy})
    return msgspec.structs.replace(base, instruments={instrument.symbol: instrument for instrument in instruments})


def _steps(records: Sequence[Recorded]) -> list[list[Recorded]]:
    """Every input event with what was derived from it."""
    steps: list[list[Recorded]] = []
    for one in records:
        if one.event.kind() in DERIVED:
            steps[-1].append(one)
        else:
            steps.append([one])
    return steps


def _pairs(recorded: Sequence[Recorded], computed: Sequence[Recorded]) -> list[tuple[Recorded | None, Recorded | None]]:
    most = max(len(recorded), len(computed))
    padded = ([*side, *([None] * (most - len(side)))] for side in (recorded, computed))
    return list(zip(*padded, strict=True))


def _otherwise(where: str, recorded: Any, computed: Any) -> str:
    def said(one: Any) -> str:
        return "nothing" if one is None else one if isinstance(one, str) else msgspec.json.encode(one.event).decode()

    return (
        f"{where}, the strategy decides otherwise: it was {said(recorded)}, it would be {said(computed)}."
        " Keep what must last in Memory, and read no clock, file or random source."
    )
