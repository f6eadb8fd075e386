"""From steps to counters: what the runtime thread tells telemetry. Counting only; nothing here can stop a turn."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import msgspec
import structlog

from gateway.clock import wall_ns
from gateway.core.changes import AnomalyRaised, Change, FillChanged, OrderChanged
from gateway.core.events import (
    CancelRejected,
    ClosedUnsent,
    Denied,
    Dispatched,
    EmergencyCancelSent,
    Event,
    InDoubt,
    LostRange,
    MarketEvent,
    OperatorEvent,
    Queued,
    ReconciliationStarted,
    Recorded,
    Rejected,
    Resolved,
    RunStarted,
    RunStopped,
    SessionDown,
    SessionLoggedOn,
    SessionNotice,
    SessionReset,
    SessionSettled,
    StrategyDisabled,
    SubmissionFailed,
    Superseded,
    VenueOpened,
)
from gateway.core.risk import CODES
from gateway.core.turn import Step
from gateway.core.values import OrderState
from gateway.core.vocabulary import ANOMALIES
from gateway.telemetry.metrics import Metrics

_log = structlog.get_logger(__name__)
_OUTCOMES: dict[type[Event], str] = {
    Denied: "denied",
    Queued: "queued",
    Dispatched: "dispatched",
    Superseded: "superseded",
    ClosedUnsent: "closed_unsent",
    SubmissionFailed: "failed",
}


_COMPONENTS = ("venue", "journal")
"""Where errors are caught."""
_LOGGED = (
    RunStarted, RunStopped, SessionLoggedOn, SessionSettled, SessionDown, SessionReset, LostRange, VenueOpened,
    ReconciliationStarted, OperatorEvent, StrategyDisabled, InDoubt, Resolved, EmergencyCancelSent,
)  # fmt: skip
"""What an operator reads in the log; everything else is in the journal and in SQL."""


def _plain(value: msgspec.Struct) -> dict[str, Any]:
    """The fields of an event or change as a log holds them; settings and raw messages are elsewhere."""
    fields = msgspec.to_builtins(value)
    return {name: field for name, field in fields.items() if name not in ("settings", "raw", "kind", "name") and field != ""}


class Observer:
    """Called on the runtime thread, but for what is said to be for any: the counters themselves may be touched by all."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def begin(self, venues: Iterable[str]) -> None:
        """Everything that is counted stands at zero."""
        self._metrics.begin(
            venues=venues, components=_COMPONENTS, outcomes=_OUTCOMES.values(), codes=CODES, anomalies=ANOMALIES
        )

    def message(self, venue: str, direction: str, msg_type: str) -> None:
        """A FIX message in or out. Any thread."""
        self._metrics.messages_total(venue, direction, msg_type).inc()
        if msg_type == "2":
            self._metrics.resend_requests_total(venue).inc()

    def heartbeat(self, venue: str, seconds: float) -> None:
        """From a TestRequest(1) of ours to its Heartbeat(0)."""
        self._metrics.heartbeat_rtt_seconds(venue).observe(seconds)

    def error(self, component: str) -> None:
        """A defect or a failure that was survived. Any thread."""
        self._metrics.errors_total(component).inc()

    def stepped(self, step: Step, seconds: float) -> None:
        self._metrics.decision_seconds.observe(seconds)
        for recorded, changes in step.changes:
            self._event(recorded)
            for change in changes:
                self._change(change)

    def committed(self, seconds: float) -> None:
        self._metrics.journal_commit_seconds.observe(seconds)

    def durable(self, received_ns: Iterable[int]) -> None:
        """Messages taken from sockets at these times are durable now."""
        now = wall_ns()
        for at in received_ns:
            self._metrics.event_seconds.observe(max(0, now - at) / 1e9)

    def _event(self, recorded: Recorded) -> None:
        event = recorded.event
        self._metrics.events_total(event.kind()).inc()
        outcome = _OUTCOMES.get(type(event))
        if outcome is not None:
            self._metrics.intents_total(outcome).inc()
        if isinstance(event, _LOGGED):
            _log.info(event.kind(), seq=recorded.seq, **_plain(event))
        count = _COUNTS.get(type(event))
        if count is not None:
            count(self._metrics, event)
        elif isinstance(event, MarketEvent):
            self._metrics.feed_messages_total(event.venue).inc()
            if event.venue_time_ns is not None and event.received_ns is not None:
                latency = max(0, event.received_ns - event.venue_time_ns) / 1e9
                self._metrics.feed_latency_seconds(event.venue).observe(latency)

    def _change(self, change: Change) -> None:
        if isinstance(change, FillChanged) and change.before is None:
            self._metrics.fills_total.inc()
        elif isinstance(change, AnomalyRaised):
            self._metrics.anomalies_total(change.anomaly).inc()
            _log.warning("anomaly", **_plain(change))
        elif isinstance(change, OrderChanged):
            self._acknowledged(change)

    def _acknowledged(self, change: OrderChanged) -> None:
        before, after = change.before, change.after
        if before is not None and before.state is OrderState.SUBMITTED and after.state is not OrderState.SUBMITTED:
            self._metrics.order_ack_seconds(after.venue).observe((after.updated_ns - after.created_ns) / 1e9)


def _notice(metrics: Metrics, event: SessionNotice) -> None:
    counters = {
        "reject": metrics.session_rejects_total,
        "business_reject": metrics.business_rejects_total,
        "gap": metrics.sequence_gaps_total,
    }
    counter = counters.get(event.event)
    if counter is not None:
        counter(event.venue).inc()


_COUNTS: dict[type[Event], Callable[[Metrics, Any], None]] = {
    SessionLoggedOn: lambda metrics, event: metrics.session_logons_total(event.venue).inc(),
    SessionDown: lambda metrics, event: metrics.session_disconnects_total(event.venue).inc(),
    SessionNotice: _notice,
    LostRange: lambda metrics, event: metrics.sequence_gaps_total(event.venue).inc(),
    Denied: lambda metrics, event: metrics.risk_denials_total(event.code).inc(),
    Rejected: lambda metrics, event: metrics.order_rejects_total(event.venue).inc(),
    CancelRejected: lambda metrics, event: metrics.cancel_rejects_total(event.venue).inc(),
}
