"""What a scrape of the metrics port shows, made from one status document."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from gateway.clock import wall_ns
from gateway.core.values import FeedState
from gateway.records.status import WriterStatus
from gateway.telemetry.gauges import ComponentState, FeedGauges, GaugeSnapshot, PositionGauges, SessionGauges


def snapshot(document: Mapping[str, Any], writer: WriterStatus, venues: Iterable[str], free_bytes: int) -> GaugeSnapshot:
    """`venues`: those with market data; `free_bytes` where the journal lies."""
    seconds = (wall_ns() - writer.recorded_ns) / 1e9 if writer.lag and writer.recorded_ns else 0.0
    return GaugeSnapshot(
        trading_state=document.get("trading_state", "enabled"),
        kill_engaged=bool(document["kill"]),
        orders_open=document.get("orders", {}).get("open", 0),
        queue_depth=document.get("orders", {}).get("pending", 0),
        intake_depth=document["intake_depth"],
        record_lag_events=writer.lag,
        record_lag_seconds=max(0.0, seconds),
        disk_free_bytes=free_bytes,
        record_retries=writer.retries,
        sessions=[_session(venue) for venue in document.get("venues", ())],
        feeds=[_feed(venue, document.get("feeds", ())) for venue in venues],
        positions=_positions(document.get("positions", ())),
        strategies={s["name"]: _strategy(s["state"]) for s in document.get("strategies", ())},
        components={name: c["state"] for name, c in document["capabilities"].items()},
    )


def _strategy(state: str) -> ComponentState:
    return "running" if state == "enabled" else "degraded" if state == "reduced" else "stopped"


def _session(venue: Mapping[str, Any]) -> SessionGauges:
    received = venue["last_receive_ns"]
    return SessionGauges(
        venue=venue["venue"],
        up=venue["state"] != "down",
        next_sender=venue["next_sender"],
        next_target=venue["next_target"],
        last_receive_seconds=None if received is None else received / 1e9,
    )


def _feed(venue: str, feeds: Any) -> FeedGauges:
    mine = [feed for feed in feeds if feed["venue"] == venue]
    ages = [float(feed["age_seconds"]) for feed in mine if feed["age_seconds"] is not None]
    up = bool(mine) and all(feed["state"] == FeedState.UP for feed in mine)
    return FeedGauges(venue=venue, up=up, stale_seconds=max(ages, default=0.0))


def _positions(positions: Any) -> list[PositionGauges]:
    """One a venue and symbol: the sum over strategies and accounts."""
    summed: dict[tuple[str, str], tuple[Decimal, Decimal]] = {}
    for position in positions:
        key = (position["venue"], position["symbol"])
        quantity, exposure = summed.get(key, (Decimal(0), Decimal(0)))
        net = Decimal(position["net_qty"])
        summed[key] = (quantity + net, exposure + net * Decimal(position["avg_px"]))
    return [
        PositionGauges(venue=venue, symbol=symbol, quantity=quantity, exposure=exposure)
        for (venue, symbol), (quantity, exposure) in summed.items()
    ]
