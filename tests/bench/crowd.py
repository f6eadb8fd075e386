"""A core with many open orders, and one call for each kind of event it may get: for the benchmark and for the test of growth.

Orders are spread over instruments, accounts and both sides, every limit is configured and none is reached; each order is
partly filled, so that there are as many executions as orders and every position has a history.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from itertools import count, islice

from msgspec.structs import replace

from gateway.core.events import FillBusted, FillCorrected, StatusReported, StatusRequested, VenueOpenRequested
from gateway.core.settings import CoreSettings, RiskLimits, Venue
from gateway.core.values import CommandKind, Side
from gateway.testing.harness import SYMBOL, TRADING_DATE, VENUE, Harness, settings

D = Decimal
SYMBOLS = 10
ACCOUNTS = 4
RATED = "RATED"
"""A second venue, where only so many requests go a second: what is asked of it waits."""
MUCH = 10_000_000
LIMITS = RiskLimits(
    max_order_quantity=D(MUCH),
    max_order_value=D(MUCH) ** 2,
    price_collar_pct=D(50),
    fat_finger_pct=D(50),
    max_open_orders=MUCH,
    max_position_long=D(MUCH) ** 2,
    max_position_short=D(MUCH) ** 2,
    max_gross_exposure=D(MUCH) ** 3,
    max_net_exposure=D(MUCH) ** 3,
    max_daily_value=D(MUCH) ** 3,
    max_daily_orders=MUCH,
    max_orders_per_second=MUCH,
    max_repeated_executions=MUCH,
    duplicate_order_seconds=1,
    prevent_self_match=True,
)


def configuration() -> CoreSettings:
    """Ten instruments at two venues, limits in every scope."""
    base = settings(risk=dict.fromkeys(("all", f"venue:{VENUE}", "strategy:desk", "account:A0"), LIMITS))
    one = base.instruments[SYMBOL]
    instruments = {f"I{n}": replace(one, symbol=f"I{n}", lot_size=D(1)) for n in range(SYMBOLS)}
    patient = replace(base.venues[VENUE], ack_timeout_ns=10**15)
    rated = Venue(name=RATED, session="FIX.4.4:GATEWAY->RATED", ack_timeout_ns=10**15, rate_per_second=D(1), rate_burst=1)
    return replace(base, instruments=instruments, venues={VENUE: patient, RATED: rated})


class Crowd:
    """`orders` open orders at one venue, oldest first in `ids`."""

    def __init__(self, orders: int) -> None:
        self.harness = Harness(config=configuration()).open()
        self._numbers = count()
        self.ids: list[str] = []
        for _ in range(orders):
            order_id = self.enter()
            self.harness.accept(order_id)
            self.harness.fill(order_id, "1")
            self.ids.append(order_id)
            self.forget()
        self.harness.state.digest()

    def forget(self) -> None:
        """The harness keeps every record for tests to look at; here nobody does."""
        self.harness.steps.clear()
        self.harness.records.clear()

    def enter(self, venue: str = VENUE) -> str:
        """A new order: buys below, sells above the market, so that none could trade with another."""
        number = next(self._numbers)
        side = Side.BUY if number % 2 else Side.SELL
        price = D(156) + (D(-1) if side is Side.BUY else D(1)) * (1 + number % 20_000) / 1000
        fields = {"symbol": f"I{number % SYMBOLS}", "account": f"A{number // 2 % ACCOUNTS}", "venue": venue}
        return self.harness.request_order(side, str(100 + number // 40), str(price), **fields)

    def cases(self) -> dict[str, Callable[[], Iterator[Callable[[], object]]]]:
        """Name -> calls, to be measured one by one, in this order: all but the last leave the crowd as large as it was."""
        return {
            "book snapshot": self._books,
            "new order": self._entered,
            "accepted": self._accepted,
            "fill": self._filled,
            "replace and its answer": self._replaced,
            "cancel and its answer": self._cancelled,
            "correction": self._corrected,
            "bust": self._busted,
            "event while as many wait for the rate": self._behind_a_queue,
            "cancel of one that waits": self._closed_unsent,
            "status answer in a reconciliation of all": self._reconciled,
            "answer while all are being cancelled by a kill": self._killed,
        }

    def _books(self) -> Iterator[Callable[[], object]]:
        for number in count():
            yield lambda number=number: self.harness.book(f"155.{number % 900 + 99}", "156.1", symbol=f"I{number % SYMBOLS}")

    def _entered(self) -> Iterator[Callable[[], object]]:
        while True:
            entered: list[str] = []
            yield lambda entered=entered: entered.append(self.enter())
            self.harness.accept(entered[0])
            self._end(entered[0])

    def _accepted(self) -> Iterator[Callable[[], object]]:
        while True:
            order_id = self.enter()
            yield lambda order_id=order_id: self.harness.accept(order_id)
            self._end(order_id)

    def _end(self, order_id: str) -> None:
        """One that the cases made: the crowd stays as large as it was."""
        self.harness.request_cancel(order_id)
        self.harness.confirm_cancel(order_id)

    def _filled(self) -> Iterator[Callable[[], object]]:
        for order_id in self.ids:
            yield lambda order_id=order_id: self.harness.fill(order_id, "1")

    def _replaced(self) -> Iterator[Callable[[], object]]:
        for order_id in self.ids:
            yield lambda order_id=order_id: self._replace(order_id)

    def _replace(self, order_id: str) -> None:
        self.harness.request_replace(order_id, quantity=str(self.harness.order(order_id).quantity + 1))
        self.harness.confirm_replace(order_id)

    def _cancelled(self) -> Iterator[Callable[[], object]]:
        while True:
            order_id = self.enter()
            self.harness.accept(order_id)
            yield lambda order_id=order_id: self._end(order_id)

    def _corrected(self) -> Iterator[Callable[[], object]]:
        for number, order_id in enumerate(reversed(self.ids)):
            named = {"exec_ref_id": self._first_execution(order_id), "exec_id": f"C{number}", "trade_date": TRADING_DATE}
            fields = {**named, "last_qty": D(1), "last_px": D(157)}
            yield lambda order_id=order_id, fields=fields: self.harness.report(FillCorrected, order_id, **fields)

    def _busted(self) -> Iterator[Callable[[], object]]:
        for number, order_id in enumerate(reversed(self.ids)):
            named = {"exec_ref_id": self._first_execution(order_id), "exec_id": f"B{number}", "trade_date": TRADING_DATE}
            yield lambda order_id=order_id, named=named: self.harness.report(FillBusted, order_id, **named)

    def _first_execution(self, order_id: str) -> str:
        return self.harness.state.execution.fills_of(order_id)[0][3]

    def _behind_a_queue(self) -> Iterator[Callable[[], object]]:
        for _ in self.ids:
            self.enter(RATED)
        self.forget()
        yield from self._books()

    def _closed_unsent(self) -> Iterator[Callable[[], object]]:
        """Oldest first: what is left stands behind ever more that has gone."""
        for order_id in tuple(self.harness.state.execution.pending_new["all"]):
            yield lambda order_id=order_id: self.harness.request_cancel(order_id)

    def _reconciled(self) -> Iterator[Callable[[], object]]:
        self.harness.disconnect()
        self.harness.log_on()
        step = self.harness.settle()
        asked = [one.event for one in step.records if isinstance(one.event, StatusRequested)]
        while asked:
            order = self.harness.order(asked.pop(0).order_id)
            found: list[StatusRequested] = []

            def answer(order_id: str = order.order_id, found: list[StatusRequested] = found) -> None:
                order = self.harness.order(order_id)
                said = {"ord_status": "1", "cum_qty": order.cum_qty, "order_qty": order.quantity, "price": order.price}
                step = self.harness.report(StatusReported, order_id, leaves_qty=order.leaves_qty, **said)
                found += [one.event for one in step.records if isinstance(one.event, StatusRequested)]

            yield answer
            asked += found

    def _killed(self) -> Iterator[Callable[[], object]]:
        self.harness.feed(VenueOpenRequested(actor="a", request_id="open", venue=VENUE))
        self.harness.kill()
        for command in self.harness.sent(CommandKind.CANCEL):
            yield lambda order_id=command.order_id: self.harness.confirm_cancel(order_id)


def measured(calls: Iterator[Callable[[], object]], times: int) -> Iterator[Callable[[], object]]:
    """The first `times` of them."""
    return islice(calls, times)
