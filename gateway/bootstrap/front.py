"""What answers from the first moment of the process to its last: control socket, monitoring, kill switch.

Before there is a run (a journal that is being folded, a standby that waits) it answers for itself: status with progress, the
kill switch, stop. Everything else is refused with the reason. When the run exists, it answers.
"""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, cast

from gateway import __version__
from gateway.clock import wall_ns
from gateway.config.load import LoadedConfiguration
from gateway.control.app import application
from gateway.control.requests import check_scope
from gateway.control.server import ControlServer
from gateway.control.surface import Answer, Kill, KillAnswer, Stop, Surface
from gateway.errors import PreconditionFailed
from gateway.runtime.status import Reporter
from gateway.runtime.surface import GatewaySurface
from gateway.telemetry.gauges import GaugeSnapshot
from gateway.telemetry.http import MetricsServer
from gateway.telemetry.metrics import Metrics
from gateway.venue.gate import KillGate

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

STARTING, STANDBY, ACTIVE = "starting", "standby", "active"
"""Roles of a process."""


class Front:
    """Any thread."""

    def __init__(self, loaded: LoadedConfiguration) -> None:
        self._loaded = loaded
        self.gate = KillGate(loaded.state_dir / "kill.json")
        self.stop_asked = threading.Event()
        self.stop_reason = ""
        self.role = STARTING
        self._doing = "opening the journal"
        self._trouble = ""
        self._seq, self._head = 0, 0
        self._since_ns = wall_ns()
        self._reporter: Reporter | None = None
        self.run: Surface | None = None
        """What answers for the run, once there is one."""
        self._gauges: Callable[[], GaugeSnapshot] = self._first_gauges
        self._app: WSGIApplication = application(cast("Surface", _EarlySurface(self)))
        self._control = ControlServer(loaded.control_socket, self._answer)
        self.metrics = Metrics(self._scraped)
        self._http = MetricsServer(self.metrics, self._not_ready, loaded.configuration.telemetry.metrics_port)
        self._started = False

    def start(self) -> None:
        """Begin to answer. Raises PreconditionFailed when the socket or the port is in use."""
        if not self._started:
            self._control.start()
            try:
                self._http.start()
            except PreconditionFailed:
                self._control.stop()
                raise
            self._started = True

    def stop(self) -> None:
        """The last answer was given."""
        if self._started:
            self._control.stop()
            self._http.stop()

    def request_stop(self, reason: str) -> None:
        """Any thread; no signal handler, see `gateway.signals`."""
        self.stop_reason = reason
        self.stop_asked.set()

    # ------------------------------------------------------------------------------------------------ before the run

    def tell(self, doing: str, seq: int | None = None, head: int | None = None, *, role: str = "", trouble: str = "") -> None:
        """What goes on now, how far it is, and what is in its way."""
        if role and role != self.role:
            self.role, self._since_ns = role, wall_ns()
        self._doing, self._trouble = doing, trouble
        self._seq = self._seq if seq is None else seq
        self._head = max(self._head if head is None else head, self._seq)

    @property
    def present(self) -> str:
        """In one sentence."""
        progress = f", event {self._seq} of {self._head}" if self._head else ""
        return f"{self.role}: {self._doing}{progress}{'; ' + self._trouble if self._trouble else ''}"

    def document(self) -> dict[str, Any]:
        """The status document while there is no run: the same keys as far as they mean anything."""
        since = {"since_ns": self._since_ns}
        waiting = {"state": "initialising", "detail": self.present} | since
        trouble = {"severity": "warning", "name": "start", "what": self._trouble} | since
        return {
            "name": self._loaded.configuration.gateway.name,
            "role": self.role,
            "initialising": {"doing": self._doing, "seq": self._seq, "head": self._head, "detail": self._trouble},
            "pid": os.getpid(),
            "version": __version__,
            "now_ns": wall_ns(),
            "kill": dict(self.gate.engaged),
            "intake_depth": 0,
            "metrics_port": self._http.port,
            "journal": {"seq": self._seq, "state": "initialising", "detail": self.present},
            "records": {"seq": 0, "lag_events": 0, "state": "initialising", "detail": ""},
            "capabilities": {
                "market_input": {"state": "stopped", "detail": ""} | since,
                "runtime": waiting,
                "venue_connectivity": {"state": "stopped", "detail": ""} | since,
                "operational_control": {"state": "running", "detail": ""} | since,
                "record_writer": {"state": "stopped", "detail": ""} | since,
                "observability": {"state": "running", "detail": ""} | since,
            },
            "alarms": [trouble] if self._trouble else [],
        }

    def _first_gauges(self) -> GaugeSnapshot:
        return GaugeSnapshot(
            trading_state="disabled",
            kill_engaged=bool(self.gate.engaged),
            orders_open=0,
            queue_depth=0,
            intake_depth=0,
            record_lag_events=0,
            record_lag_seconds=0.0,
            disk_free_bytes=shutil.disk_usage(self._loaded.state_dir).free,
            components={name: part["state"] for name, part in self.document()["capabilities"].items()},
        )

    # ------------------------------------------------------------------------------------------------------- the run

    def hand_over(self, surface: GatewaySurface, reporter: Reporter) -> None:
        """From here on the run answers."""
        self.run = surface
        reporter.metrics_port = self._http.port
        self._gauges = reporter.gauges
        self._reporter = reporter
        self.role = ACTIVE
        self._app = application(surface)

    def _answer(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        return self._app(environ, start_response)

    def _scraped(self) -> GaugeSnapshot:
        return self._gauges()

    def _not_ready(self) -> Sequence[str]:
        return [self.present] if self._reporter is None else self._reporter.not_ready()


class _EarlySurface:
    """The part of `Surface` that needs no run; the rest says why it has to wait."""

    def __init__(self, front: Front) -> None:
        self._front = front

    def status(self) -> dict[str, Any]:
        return self._front.document()

    def kill_status(self) -> KillAnswer:
        return KillAnswer(engaged=dict(self._front.gate.engaged))

    def engage_kill(self, request: Kill, actor: str) -> KillAnswer:
        """The gate is closed when there is something to close it for; the run begins with the event, or has begun meanwhile."""
        check_scope(request.scope)
        problem = ""
        try:
            self._front.gate.engage(request.scope, request.reason)
        except PreconditionFailed as error:
            problem = f"; in this process only: {error}"
        if self._front.run is not None:  # it may have looked at the gate before it was closed
            return self._front.run.engage_kill(request, actor)
        other = "; the active gateway is another one: engage it there too" if self._front.role == STANDBY else ""
        detail = f"gate closed; this gateway will begin to run with the kill switch engaged{other}{problem}"
        return KillAnswer(engaged=dict(self._front.gate.engaged), detail=detail)

    def stop(self, request: Stop, actor: str) -> Answer:
        self._front.request_stop(request.reason or f"asked by {actor}")
        return Answer(seq=None, detail="it ends before it has begun to run")

    def __getattr__(self, name: str) -> Callable[..., Any]:
        raise PreconditionFailed(f"not while {self._front.present}; see `gateway status`")
