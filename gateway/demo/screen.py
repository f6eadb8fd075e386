"""What the demo shows: a live table on a terminal, one line every few seconds elsewhere. At most 80 columns."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.table import Table

_LINE_SECONDS = 5.0


class Screen:
    """Messages and the live table; both go to the same console, so neither breaks the other."""

    def __init__(self, *, quiet: bool) -> None:
        self._console = Console(stderr=quiet, highlight=False)
        self._live: Live | None = None
        self._last: tuple[float, int] = (0.0, 0)
        self._rate = 0.0
        self._next_line = 0.0
        self._clock = threading.Event()

    def say(self, text: str) -> None:
        self._console.print(text, markup=False, soft_wrap=True)

    @contextmanager
    def live(self) -> Iterator[None]:
        """On a terminal, keep a table on the screen."""
        if not self._console.is_terminal:
            yield
            return
        with Live(console=self._console, refresh_per_second=4, transient=True) as live:
            self._live = live
            yield
        self._live = None

    def pause(self, seconds: float) -> None:
        self._clock.wait(seconds)

    def show(self, document: Mapping[str, Any], elapsed: float, seconds: int) -> None:
        """The status document at a moment of the run."""
        self._measure(document["seq"], elapsed)
        if self._live is not None:
            self._live.update(self._table(document, elapsed, seconds))
        elif elapsed >= self._next_line:
            self._next_line = elapsed + _LINE_SECONDS
            self.say("  ".join(f"{name} {value}" for name, value in _figures(document, elapsed, seconds, self._rate)))

    def _measure(self, seq: int, elapsed: float) -> None:
        then, before = self._last
        if elapsed - then >= 1:
            self._rate = max(0, seq - before) / (elapsed - then)
            self._last = (elapsed, seq)

    def _table(self, document: Mapping[str, Any], elapsed: float, seconds: int) -> Table:
        table = Table(width=78, title=f"USD/JPY, {elapsed:.0f} of {seconds} s", show_header=False)
        table.add_column(width=12)
        table.add_column()
        for name, value in _figures(document, elapsed, seconds, self._rate)[1:]:
            table.add_row(name, value)
        return table


def _figures(document: Mapping[str, Any], elapsed: float, seconds: int, rate: float) -> list[tuple[str, str]]:
    venue = next(iter(document["venues"]))
    feed = next(iter(document["feeds"]))
    position = next(iter(document["positions"]), None)
    orders = document["orders"]
    held = "flat"
    if position is not None:
        average, made = (f"{round(Decimal(position[key]), 6).normalize():f}" for key in ("avg_px", "realized_pnl"))
        held = f"{position['net_qty']} at {average}, P&L {made} JPY"
    return [
        ("at", f"{elapsed:.0f}/{seconds}s"),
        ("session", f"{venue['session']} {venue['state']}, next {venue['next_sender']}/{venue['next_target']}"),
        ("market", f"{feed['bid']} / {feed['ask']}"),
        ("orders", f"{orders['open']} open, {orders['in_doubt']} in doubt"),
        ("fills", str(document["fills"])),
        ("position", held),
        ("events/s", f"{rate:.0f}"),
    ]
