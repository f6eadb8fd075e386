"""What costs nothing between scrapes: one function gives all present values when somebody asks, gauges but for one counter.

The scrape runs on the thread of the HTTP server. The function must therefore read what other threads publish and must
not compute on their behalf, lock them out or do I/O that can hang.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

TradingState = Literal["disabled", "reduced", "enabled"]
ComponentState = Literal["initialising", "running", "degraded", "stopped", "failed"]

TRADING_STATES: Mapping[TradingState, int] = {"disabled": 0, "reduced": 1, "enabled": 2}
COMPONENT_STATES: Mapping[ComponentState, int] = {
    "initialising": 0,
    "running": 1,
    "degraded": 2,
    "stopped": 3,
    "failed": 4,
}
POSITION_CAP = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionGauges:
    venue: str
    up: bool
    next_sender: int
    next_target: int
    last_receive_seconds: float | None
    """UTC seconds since the epoch; None before the first message."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedGauges:
    """All of a venue's market data together."""

    venue: str
    up: bool
    stale_seconds: float
    """Age of the oldest book."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionGauges:
    """Of all accounts and strategies together."""

    venue: str
    symbol: str
    quantity: Decimal
    exposure: Decimal
    """Net position at its average price, in the instrument's currency."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GaugeSnapshot:
    """Everything that is read at scrape time."""

    trading_state: TradingState
    kill_engaged: bool
    orders_open: int
    queue_depth: int
    intake_depth: int
    record_lag_events: int
    record_lag_seconds: float
    disk_free_bytes: int
    record_retries: int = 0
    """Since the process began; never falls."""
    sessions: Sequence[SessionGauges] = ()
    feeds: Sequence[FeedGauges] = ()
    positions: Sequence[PositionGauges] = ()
    strategies: Mapping[str, ComponentState] = field(default_factory=dict)
    components: Mapping[str, ComponentState] = field(default_factory=dict)


Family = GaugeMetricFamily | CounterMetricFamily


class SnapshotCollector(Collector):
    """Turns one snapshot into metric families at each scrape."""

    def __init__(self, prefix: str, snapshot: Callable[[], GaugeSnapshot]) -> None:
        self._prefix = prefix
        self._snapshot = snapshot

    def describe(self) -> Iterable[Family]:
        """Nothing: otherwise registering would take a snapshot before there is anything to see."""
        return ()

    def collect(self) -> Iterable[Family]:
        now = self._snapshot()
        yield from self._process(now)
        yield from self._sessions(now)
        yield from self._states(now)
        yield from self._positions(now)

    def _process(self, now: GaugeSnapshot) -> Iterable[Family]:
        trading = f"Trading state: {_legend(TRADING_STATES)}"
        yield self._gauge("trading_state", trading, TRADING_STATES[now.trading_state])
        yield self._gauge("kill_engaged", "1 while a kill switch is engaged", now.kill_engaged)
        yield self._gauge("orders_open", "Orders that can still fill", now.orders_open)
        yield self._gauge("queue_depth", "Commands pending in execution control", now.queue_depth)
        yield self._gauge("intake_depth", "Events waiting for the runtime thread", now.intake_depth)
        yield self._gauge("record_lag_events", "Events journalled and not yet in SQL", now.record_lag_events)
        yield self._gauge("record_lag_seconds", "Age of the oldest event not yet in SQL", now.record_lag_seconds)
        retried = "Record transactions tried again"
        yield CounterMetricFamily(f"{self._prefix}_record_retries", retried, value=now.record_retries)
        yield self._gauge("disk_free_bytes", "Free space where the journal lies", now.disk_free_bytes)

    def _sessions(self, now: GaugeSnapshot) -> Iterable[GaugeMetricFamily]:
        up = self._labelled("session_up", "1 while logged on", "venue")
        sender = self._labelled("next_sender_seqnum", "MsgSeqNum(34) of the next message sent", "venue")
        target = self._labelled("next_target_seqnum", "MsgSeqNum(34) expected next", "venue")
        received = self._labelled("last_receive_timestamp_seconds", "UTC time of the last message received", "venue")
        for session in now.sessions:
            up.add_metric([session.venue], session.up)
            sender.add_metric([session.venue], session.next_sender)
            target.add_metric([session.venue], session.next_target)
            if session.last_receive_seconds is not None:
                received.add_metric([session.venue], session.last_receive_seconds)
        feed_up = self._labelled("feed_up", "1 while market data is current", "venue")
        stale = self._labelled("feed_stale_seconds", "Age of the last market data", "venue")
        for feed in now.feeds:
            feed_up.add_metric([feed.venue], feed.up)
            stale.add_metric([feed.venue], feed.stale_seconds)
        yield from (up, sender, target, received, feed_up, stale)

    def _states(self, now: GaugeSnapshot) -> Iterable[GaugeMetricFamily]:
        legend = _legend(COMPONENT_STATES)
        strategies = self._labelled("strategy_state", f"Strategy: {legend}", "strategy")
        for name, state in now.strategies.items():
            strategies.add_metric([name], COMPONENT_STATES[state])
        components = self._labelled("component_state", f"Capability: {legend}", "component")
        for name, state in now.components.items():
            components.add_metric([name], COMPONENT_STATES[state])
        yield from (strategies, components)

    def _positions(self, now: GaugeSnapshot) -> Iterable[GaugeMetricFamily]:
        """The largest exposures; quantities of different instruments cannot be summed up under "other"."""
        quantity = self._labelled("position_quantity", "Net position", "venue", "symbol")
        exposure = self._labelled("exposure_value", "Exposure in the instrument's currency", "venue", "symbol")
        shown = sorted(now.positions, key=lambda position: abs(position.exposure), reverse=True)[:POSITION_CAP]
        for position in shown:
            quantity.add_metric([position.venue, position.symbol], float(position.quantity))
            exposure.add_metric([position.venue, position.symbol], float(position.exposure))
        yield from (quantity, exposure)
        hidden = len(now.positions) - len(shown)
        yield self._gauge("positions_not_shown", "Positions left out of the gauges for being too many", hidden)

    def _gauge(self, name: str, text: str, value: float) -> GaugeMetricFamily:
        return GaugeMetricFamily(f"{self._prefix}_{name}", text, value=float(value))

    def _labelled(self, name: str, text: str, *labels: str) -> GaugeMetricFamily:
        return GaugeMetricFamily(f"{self._prefix}_{name}", text, labels=labels)


def _legend(states: Mapping[TradingState, int] | Mapping[ComponentState, int]) -> str:
    return ", ".join(f"{number} {state}" for state, number in states.items())
