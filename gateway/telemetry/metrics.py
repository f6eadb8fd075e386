"""The gateway's Prometheus metrics: counters and histograms that code on the path may touch, each for under 2 us.

Children are bound once and cached, and every label is capped, so that neither a counterparty nor a configuration can
grow the number of series without end. What can be read at scrape time is not here but in `gauges`. Losing all of it
must harm nothing; ids of orders, fills or clients never become labels.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

from prometheus_client import CollectorRegistry, Counter, Histogram, Info, disable_created_metrics, generate_latest
from prometheus_client.metrics import MetricWrapperBase

from gateway.telemetry.gauges import GaugeSnapshot, SnapshotCollector

PREFIX = "gateway"
BUCKETS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
"""Seconds."""
LABEL_CAP = 100
OTHER = "other"

M = TypeVar("M", bound=MetricWrapperBase)


class CappedLabels(Generic[M]):
    """A metric with labels: `messages_total("SIM", "in", "8").inc()`.

    Each label keeps the first `cap` distinct values it sees; later ones count under "other".
    """

    def __init__(self, metric: M, labels: int, cap: int = LABEL_CAP) -> None:
        self._metric = metric
        self._cap = cap
        self._children: dict[tuple[str, ...], M] = {}
        self._seen: tuple[set[str], ...] = tuple(set() for _ in range(labels))
        self._lock = threading.Lock()

    def __call__(self, *values: str) -> M:
        child = self._children.get(values)
        return self._bind(values) if child is None else child

    def _bind(self, values: tuple[str, ...]) -> M:
        with self._lock:
            kept = tuple(self._admit(seen, value) for seen, value in zip(self._seen, values, strict=True))
            # Cached under what was kept: a stream of new values must not grow the cache either.
            child = self._children.get(kept)
            if child is None:
                child = self._children[kept] = self._metric.labels(*kept)
            return child

    def _admit(self, seen: set[str], value: str) -> str:
        if value in seen:
            return value
        if len(seen) >= self._cap:
            return OTHER
        seen.add(value)
        return value


class Metrics:
    """Every metric of the contract, in a registry of its own."""

    def __init__(self, snapshot: Callable[[], GaugeSnapshot], *, label_cap: int = LABEL_CAP) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # doubles the series and says nothing the counters do not
        self.registry = CollectorRegistry()
        self._label_cap = label_cap
        self.registry.register(SnapshotCollector(PREFIX, snapshot))
        self._define_sessions()
        self._define_orders()
        self._define_process()

    def _define_sessions(self) -> None:
        self.session_logons_total = self._counters("session_logons_total", "Logons completed", "venue")
        self.session_disconnects_total = self._counters("session_disconnects_total", "Connections lost", "venue")
        self.messages_total = self._counters("messages_total", "FIX messages", "venue", "direction", "msg_type")
        self.session_rejects_total = self._counters("session_rejects_total", "Reject(3) in either direction", "venue")
        self.business_rejects_total = self._counters(
            "business_rejects_total", "BusinessMessageReject(j) in either direction", "venue"
        )
        self.resend_requests_total = self._counters("resend_requests_total", "ResendRequest(2) in either direction", "venue")
        self.sequence_gaps_total = self._counters("sequence_gaps_total", "Gaps in inbound MsgSeqNum", "venue")
        self.feed_messages_total = self._counters("feed_messages_total", "Market data messages", "venue")
        self.feed_latency_seconds = self._histograms(
            "feed_latency_seconds", "From the sender's time stamp to intake; includes clock difference", "venue"
        )
        self.heartbeat_rtt_seconds = self._histograms(
            "heartbeat_rtt_seconds", "From TestRequest(1) to its Heartbeat(0)", "venue"
        )

    def _define_orders(self) -> None:
        self.order_ack_seconds = self._histograms("order_ack_seconds", "From sending a request to its first answer", "venue")
        self.order_rejects_total = self._counters("order_rejects_total", "Orders the venue rejected", "venue")
        self.cancel_rejects_total = self._counters("cancel_rejects_total", "OrderCancelReject(9)", "venue")
        self.intents_total = self._counters("intents_total", "Intents by outcome", "outcome")
        self.risk_denials_total = self._counters("risk_denials_total", "Intents denied by risk", "code")
        self.anomalies_total = self._counters("anomalies_total", "Reports that fit no expectation", "kind")
        self.fills_total = self._counter("fills_total", "Fills applied")

    def _define_process(self) -> None:
        self.events_total = self._counters("events_total", "Events journalled", "kind")
        self.errors_total = self._counters("errors_total", "Errors caught", "component")
        self.strategy_seconds = self._histograms("strategy_seconds", "One consultation of a strategy", "strategy")
        self.event_seconds = self._histogram("event_seconds", "From intake to commit")
        self.decision_seconds = self._histogram("decision_seconds", "One step of the core")
        self.journal_commit_seconds = self._histogram("journal_commit_seconds", "One commit of the journal")
        self._build = Info(f"{PREFIX}_build", "Versions of what runs", registry=self.registry)
        self._config = Info(f"{PREFIX}_config", "The configuration in effect", registry=self.registry)

    def begin(
        self,
        *,
        venues: Iterable[str],
        components: Iterable[str],
        outcomes: Iterable[str],
        codes: Iterable[str],
        anomalies: Iterable[str],
    ) -> None:
        """Show zero for what has not happened yet: an alert on the increase of a counter misses one that begins at 1."""
        for venue in venues:
            for counters in (
                self.session_logons_total,
                self.session_disconnects_total,
                self.session_rejects_total,
                self.business_rejects_total,
                self.resend_requests_total,
                self.sequence_gaps_total,
                self.feed_messages_total,
                self.order_rejects_total,
                self.cancel_rejects_total,
            ):
                counters(venue)
        for counters, values in (
            (self.errors_total, components),
            (self.intents_total, outcomes),
            (self.risk_denials_total, codes),
            (self.anomalies_total, anomalies),
        ):
            for value in values:
                counters(value)

    def set_build_info(self, *, version: str, quickfix: str, python: str) -> None:
        self._build.info({"version": version, "quickfix": quickfix, "python": python})

    def set_config_info(self, *, name: str, sha256: str) -> None:
        self._config.info({"name": name, "sha256": sha256})

    def exposition(self) -> bytes:
        """All metrics in the Prometheus text format."""
        return generate_latest(self.registry)

    def _counter(self, name: str, text: str) -> Counter:
        return Counter(f"{PREFIX}_{name}", text, registry=self.registry)

    def _histogram(self, name: str, text: str) -> Histogram:
        return Histogram(f"{PREFIX}_{name}", text, buckets=BUCKETS, registry=self.registry)

    def _counters(self, name: str, text: str, *labels: str) -> CappedLabels[Counter]:
        metric = Counter(f"{PREFIX}_{name}", text, labels, registry=self.registry)
        return CappedLabels(metric, len(labels), self._label_cap)

    def _histograms(self, name: str, text: str, *labels: str) -> CappedLabels[Histogram]:
        metric = Histogram(f"{PREFIX}_{name}", text, labels, buckets=BUCKETS, registry=self.registry)
        return CappedLabels(metric, len(labels), self._label_cap)
