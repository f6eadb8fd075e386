"""Where prices come from, and the house that trades at them.

Exists so that a client always finds somebody to trade with. Prices come from a file of ticks or from a seeded random walk; at
each tick the house quotes anew around them, and now and then sends a market order that takes the best price, a client's
included. Every random choice comes from one generator, so the same seed and ticks give the same market. It must not read a
clock or touch the wire: `step` is one tick, whenever the caller thinks one is due.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from random import Random

from gateway.errors import PreconditionFailed
from gateway.sim.book import Side
from gateway.sim.exchange import Exchange
from gateway.sim.messages import Answer
from gateway.sim.settings import decimal_of

LEVELS = 5
HEADER = ["timestamp", "bid", "ask"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """The inside market of one symbol."""

    bid: Decimal
    ask: Decimal


def file_ticks(path: Path, loop: bool) -> Iterator[Tick]:
    """Ticks of a CSV file with the header timestamp,bid,ask, line by line; from the start again when `loop`.

    Raises PreconditionFailed naming file and line when a line cannot be read.
    """
    while True:
        try:
            yield from _read_ticks(path)
        except OSError as error:
            raise PreconditionFailed(f"{path}: cannot read ticks: {error.strerror}") from error
        if not loop:
            return


def _read_ticks(path: Path) -> Iterator[Tick]:
    with path.open(newline="") as file:
        rows = csv.reader(file)
        if next(rows, None) != HEADER:
            raise PreconditionFailed(f"{path}:1: the header must be {','.join(HEADER)}")
        empty = True
        for row in rows:
            try:
                _, bid, ask = row
                tick = Tick(bid=decimal_of(bid), ask=decimal_of(ask))
            except ValueError as error:
                raise PreconditionFailed(f"{path}:{rows.line_num}: not a tick: {','.join(row)}") from error
            if not 0 < tick.bid < tick.ask:
                raise PreconditionFailed(f"{path}:{rows.line_num}: bid must be positive and below ask")
            empty = False
            yield tick
        if empty:
            raise PreconditionFailed(f"{path}: no ticks after the header")


def walk(random: Random, start: Decimal, tick_size: Decimal) -> Iterator[Tick]:
    """A random walk on the grid of `tick_size`, never below a hundred steps."""
    mid = max(start // tick_size, Decimal(100))
    while True:
        half = random.randint(2, 5)
        yield Tick(bid=(mid - half) * tick_size, ask=(mid + half) * tick_size)
        mid = max(mid + random.randint(-2, 2), Decimal(100))


@dataclass(slots=True)
class _Quoted:
    ticks: Iterator[Tick]
    quotes: list[str]


class Market:
    """The house on one exchange. `flow_per_tick` is the mean number of house market orders at each tick of a symbol."""

    def __init__(
        self,
        exchange: Exchange,
        random: Random,
        sources: dict[str, Iterator[Tick]],
        *,
        tick_size: Decimal,
        lot: Decimal,
        flow_per_tick: float,
    ) -> None:
        self._exchange = exchange
        self._random = random
        self._tick_size = tick_size
        self._lot = lot
        self._flow_per_tick = flow_per_tick
        self._symbols = {symbol: _Quoted(ticks, []) for symbol, ticks in sources.items()}

    def step(self, now_ns: int) -> list[Answer]:
        """One tick of every symbol whose source is not exhausted; the reports of the clients that traded."""
        reports: list[Answer] = []
        for symbol, quoted in self._symbols.items():
            tick = next(quoted.ticks, None)
            if tick is not None:
                reports += self._requote(symbol, quoted, tick, now_ns)
                reports += self._flow(symbol, now_ns)
        return reports

    def _requote(self, symbol: str, quoted: _Quoted, tick: Tick, now_ns: int) -> list[Answer]:
        """Quote around the tick. What clients left beyond it trades at their price, for it stood there first."""
        book = self._exchange.books[symbol]
        for order_id in quoted.quotes:
            if order_id in book:
                book.cancel(order_id)
        quoted.quotes = []
        reports: list[Answer] = []
        for level in range(LEVELS):
            away = level * self._tick_size
            for side, price in ((Side.BUY, tick.bid - away), (Side.SELL, tick.ask + away)):
                if price > 0:
                    order_id, trades = self._exchange.house(symbol, side, price, self._size(100, 500), now_ns)
                    quoted.quotes.append(order_id)
                    reports += trades
        return reports

    def _flow(self, symbol: str, now_ns: int) -> list[Answer]:
        orders = int(self._flow_per_tick)
        orders += self._random.random() < self._flow_per_tick - orders
        reports: list[Answer] = []
        for _ in range(orders):
            side = self._random.choice((Side.BUY, Side.SELL))
            reports += self._exchange.house(symbol, side, None, self._size(1, 5), now_ns)[1]
        return reports

    def _size(self, low: int, high: int) -> Decimal:
        return self._lot * self._random.randint(low, high)
