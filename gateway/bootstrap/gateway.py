"""A run, from its parts to its orderly end.

Order of the start: configuration, state directory, journal (locked), control and telemetry (`front`), fold (`recovery`), run
number, records, venues, runtime, connections. The control surface answers from before the fold until after the last logout.
"""

from __future__ import annotations

import gc
import logging
import os
import threading
from collections.abc import Callable, Mapping
from time import monotonic

from gateway import __version__
from gateway.bootstrap.front import Front
from gateway.bootstrap.places import record_settings
from gateway.bootstrap.recovery import recover
from gateway.bootstrap.venues import attach_links, make_adapters
from gateway.clock import StreamClock, wall_ns
from gateway.config.load import LoadedConfiguration
from gateway.config.secrets import resolve_secrets
from gateway.control.surface import ApplyConfiguration
from gateway.core.core import AnyStrategy, Core
from gateway.core.events import Event, KillEngaged, RunStarted, StopRequested, VenueCloseRequested
from gateway.core.settings import CoreSettings, StrategySettings
from gateway.core.values import SessionState
from gateway.errors import GatewayError, JournalError, JournalLost
from gateway.journal import snapshots
from gateway.journal.run_number import take, used_elsewhere
from gateway.records.process import RecordProcess
from gateway.runtime.alarms import AlarmLog
from gateway.runtime.emergency import EmergencyWatch
from gateway.runtime.guards import Consultation, Watchdog
from gateway.runtime.intake import Intake
from gateway.runtime.observer import Observer
from gateway.runtime.overruns import OverrunFile
from gateway.runtime.reload import Reloader
from gateway.runtime.runtime import Runtime
from gateway.runtime.settings import core_settings
from gateway.runtime.status import Reporter
from gateway.runtime.strategies import load_strategies
from gateway.runtime.surface import GatewaySurface
from gateway.runtime.timed import Timed
from gateway.runtime.trading_day import TradingDay
from gateway.venue.adapter import VenueAdapter
from gateway.venue.emergency_file import EmergencyFile

_log = logging.getLogger(__name__)
INTAKE_CAPACITY = 20_000
_HOUSEKEEPING_SECONDS = 0.5
CANCEL_SECONDS = 5.0
LOGOUT_SECONDS = 5.0
DRAIN_SECONDS = 10.0


class Gateway:
    """One run. Construct, `start`, `wait`, `stop`; construction leaves nothing on the wire. Raises Stopped."""

    def __init__(self, loaded: LoadedConfiguration, front: Front) -> None:
        self.loaded = loaded
        self.front = front
        configuration = loaded.configuration
        settings = core_settings(loaded)
        passwords = {v.name: resolve_secrets(v, loaded.base_dir, os.environ) for v in configuration.venues}
        self._writer = RecordProcess(record_settings(loaded), name=configuration.gateway.name, now_ns=wall_ns)
        self._writer.prepare()
        if configuration.standby.enabled:  # a takeover neither waits for the records nor finds out that they cannot be used
            front.start()
            self._writer.open()
        self._consultation = Consultation()
        self._metrics = front.metrics
        recovered, self._core = recover(loaded, front, lambda: Core(self._timed(settings.strategies)))
        self._journal, self._keeper = recovered.journal, recovered.keeper
        state = self._core.state
        self._clock = StreamClock(state.at_ns)
        day = configuration.trading_day
        self._day = TradingDay(day.roll, day.timezone, weekends=day.weekends)
        runs = loaded.state_dir / "run.json"
        elsewhere = used_elsewhere(runs, state.control.run_id, state.control.run.id_prefix)
        front.gate.reload()  # a standby may have waited for days
        # Two of a pair would take the same one when the first ended before his run was in the journal.
        self._run_number = take(runs, max(state.control.run_id, self._journal.writers - 1))
        self.gate = front.gate
        self._journal.remember_configuration(loaded.sha256, loaded.text)
        observer = Observer(self._metrics)
        observer.begin(v.name for v in configuration.venues)
        self._intake = Intake(INTAKE_CAPACITY)
        marks = self._journal.watermarks()
        self._emergency_file = EmergencyFile(loaded.state_dir / "emergency.log", self._run_number.run_id)
        self._adapters = make_adapters(
            loaded, state, marks, self._run_number, self.gate, self._emergency_file, observer, self._journal.refusal
        )
        self.runtime = self._made_runtime(observer)
        self._emergency = EmergencyWatch(self.runtime, self.gate, self._intake, self._no_emergency)
        self._logs = attach_links(
            loaded,
            self._adapters,
            state,
            marks,
            passwords,
            self._intake,
            observer,
            fence=self._no_logon,
            elsewhere=elsewhere,
        )
        self.reporter = self._made_reporter()
        self._overruns = OverrunFile(loaded.state_dir / "overran.json")
        self._watchdog = Watchdog(self._consultation, self.gate, self._intake, self._overruns)
        self._alarms = AlarmLog(self.reporter.document)
        self.reloader = Reloader(
            loaded,
            self.runtime,
            remember=self._journal.remember_configuration,
            build=self._timed,
            applied=self._tell_configuration,
        )
        self.surface = GatewaySurface(self.runtime, self.gate, self.reporter, self.reloader, front.request_stop)
        self._first_events = self._opening(self._run_started(settings))

    # ----------------------------------------------------------------------------------------------------------- parts

    def _made_runtime(self, observer: Observer) -> Runtime:
        return Runtime(
            self._core,
            self._journal,
            self._intake,
            self._adapters,
            self._clock,
            observer,
            run_id=self._run_number.run_id,
            gate=self.gate,
            day=self._day,
            wake_writer=self._writer.wake,
            stay_up=lambda: bool(self.gate.engaged) and self._no_emergency() is None,
            after_commit=self._keeper.after_commit,
        )

    def _made_reporter(self) -> Reporter:
        configuration = self.loaded.configuration
        return Reporter(
            name=configuration.gateway.name,
            state_dir=self.loaded.state_dir,
            runtime=self.runtime,
            intake=self._intake,
            gate=self.gate,
            writer=self._writer.status,
            symbols={v.name: tuple(v.market_data) for v in configuration.venues},
            emergencies=self._emergency.report,
        )

    def _timed(self, settings: Mapping[str, StrategySettings]) -> dict[str, AnyStrategy]:
        """The strategies, each with a stopwatch. Raises PreconditionFailed naming what cannot be made."""
        return {
            name: Timed(name, one, self._metrics.strategy_seconds(name).observe, self._consultation)
            for name, one in load_strategies(settings).items()
        }

    def _tell_configuration(self, loaded: LoadedConfiguration) -> None:
        self._metrics.set_config_info(name=loaded.configuration.gateway.name, sha256=loaded.sha256)

    def _run_started(self, settings: CoreSettings) -> RunStarted:
        return RunStarted(
            version=__version__,
            id_prefix=self._run_number.id_prefix,
            settings=settings,
            trading_date=self._core.state.control.run.trading_date or self._day.date_at(self._clock.now_ns()),
            killed=tuple(killed := dict(sorted(self.gate.engaged.items()))),
            killed_why=tuple(killed.values()),
            core_sha256=snapshots.code_sha256(),
        )

    def _opening(self, run_started: RunStarted) -> list[Event]:
        """The first events: the run, then what files beside the journal know and it does not (overruns, cancels, sends)."""
        state = self._core.state
        rolled = self._day.rolled(self._clock.now_ns(), run_started.trading_date)
        events: list[Event] = [run_started] if rolled is None else [run_started, rolled]
        events += self._overruns.untold()
        known = state.execution.cl_ord_ids
        sent = self._emergency_file.untold(state.control.run.run_id)
        events += [event for event in sent if (event.venue, event.cl_ord_id) not in known]
        for name, adapter in self._adapters.items():
            untold = [
                (cl_ord_id, request)
                for cl_ord_id, request in state.execution.awaiting.items()
                if request.venue == name and request.msg_seq_num is None
            ]
            events += adapter.outbound.recover(untold, self._run_number.id_prefix)
            events += self._kept_closed(name, adapter)
        return events

    def _kept_closed(self, name: str, adapter: VenueAdapter) -> list[Event]:
        """Nothing new goes to a venue where more was sent than the journal knows, until somebody has looked."""
        state, prefix = self._core.state, self._run_number.id_prefix
        known = state.execution.cl_ord_ids
        reason = adapter.outbound.lost(state.control.run.run_id, prefix, lambda one: (name, one) in known)
        if reason is None:
            return []
        _log.critical("venue %s: %s", name, reason)
        request_id = f"lost-{self._run_number.run_id}-{name}"
        return [VenueCloseRequested(actor="gateway", reason=reason, request_id=request_id, venue=name)]

    # ------------------------------------------------------------------------------------------------------------- run

    def start(self) -> None:
        """Begin the run: durable first, then its control, then connections."""
        if not self.loaded.configuration.standby.enabled:
            self._writer.open()
        for scope, reason in self._core.state.control.killed.items():
            if scope not in self.gate.engaged:
                self.gate.engage(scope, reason)
        self._metrics.set_build_info(version=__version__, quickfix=_engine_version(), python=_python_version())
        self._tell_configuration(self.loaded)
        self._keeper.start()
        gc.freeze()  # what exists now lives as long as the process: a collection over it would stop every thread for tens of ms
        now = self._clock.now_ns()
        hours = [event for adapter in self._adapters.values() for event in adapter.schedule.begin(now)]
        last_run_id = self._core.state.control.run.run_id
        self.runtime.begin([*self._first_events, *hours])
        self._emergency_file.forget(last_run_id)
        self._overruns.forget()
        self.front.hand_over(self.surface, self.reporter)
        self._emergency.start()
        threading.Thread(target=self._watch_strategies, name="strategy-watch", daemon=True).start()
        if not self.front.stop_asked.wait(self._journal.alone_in):  # nobody logs on only to log out
            _log.info("ready for logon after event %d", self.runtime.durable_seq)
            for adapter in self._adapters.values():
                adapter.link.start()
        self._writer.start()  # last: it makes a state of its own, and takes a processor for it

    def request_reload(self) -> None:
        """Take up the configuration file, on a thread of its own: it makes strategies anew, and their code may hang."""
        threading.Thread(target=self._reload, name="reload", daemon=True).start()

    def wait(self, on_ready: Callable[[], None]) -> None:
        """Until somebody asks to stop; meanwhile watch the kill file, and say once when every venue is open."""
        ready = False
        killed = self._core.state.control.killed
        self._tell_kills({scope: reason for scope, reason in self.gate.engaged.items() if scope not in killed})
        while not self.front.stop_asked.wait(_HOUSEKEEPING_SECONDS if ready else 0.02):
            if self.lost is not None:
                return
            self._adopt_kill_file()
            self._tidy()
            self._alarms.look()
            if not ready and all(self._as_it_should_be(name) for name in self._adapters):
                ready = True
                on_ready()

    def _watch_strategies(self) -> None:
        """A thread of its own: housekeeping may hang in the disk of the kill file, and a strategy overrun meanwhile."""
        while not self.front.stop_asked.wait(_HOUSEKEEPING_SECONDS):
            try:
                self._watchdog.look()
            except Exception:  # noqa: BLE001 - whatever the defect, the watch goes on
                _log.exception("strategy watch")

    @property
    def lost(self) -> JournalLost | None:
        """Why this run must not go on: its journal is another gateway's."""
        failure = self.runtime.failure
        return failure if isinstance(failure, JournalLost) else self._journal.lost

    def _no_logon(self) -> str | None:
        """Why no session may log on now. With journal or core stuck under kill, one does, for its emergency cancels."""
        return None if self._emergency.active and self._no_emergency() is None else self._journal.refusal()

    def _no_emergency(self) -> str | None:
        """Why no emergency cancel may be sent now: a standby may have the journal, and with it the sessions.

        Alone, a gateway cancels without a confirmed lease too: nobody takes its journal by himself, and a journal that is away
        is when such cancels are wanted. One of a pair has the lease or says nothing, because its database may be away for
        it alone. See "One writer" in docs/recovery.md.
        """
        if self.lost is not None:
            return "the journal was taken by another gateway"
        return self._journal.refusal() if self.loaded.configuration.standby.enabled else None

    def _as_it_should_be(self, name: str) -> bool:
        """Open; or kept out by its schedule; or kept closed by an operator, and otherwise ready."""
        control = self._core.state.control
        if name in control.hours or control.venues[name].opened:
            return True
        return name in control.closed and control.settled(name) and name not in control.reconciliations

    def _adopt_kill_file(self) -> None:
        """Somebody may have engaged the kill switch beside us, through the file alone."""
        self._tell_kills(self.gate.reload())

    def _tell_kills(self, engaged: Mapping[str, str]) -> None:
        for scope, reason in engaged.items():
            event = KillEngaged(actor="kill file", reason=reason, request_id=f"file-{wall_ns()}", scope=scope)
            try:
                self.runtime.submit(event, 1)
            except GatewayError as error:
                _log.critical("kill file engaged %s, the core does not answer: %s", scope, error)

    def _reload(self) -> None:
        request = ApplyConfiguration(request_id=f"sighup-{wall_ns()}", reason="SIGHUP")
        try:
            _log.info("configuration: %s", self.reloader.apply(request, "SIGHUP").detail)
        except GatewayError as error:
            _log.error("configuration left as it was: %s", error)
        except Exception:  # noqa: BLE001 - a thread must not end without a word
            _log.exception("configuration left as it was")

    def _tidy(self) -> None:
        try:
            self._journal.tidy()
        except JournalError as error:
            _log.warning("journal could not be tidied, trying again: %s", error)

    def stop(self) -> bool:
        """Drain, log out, end the run, bring the records up to date. True when all of it was done in time."""
        state = self._core.state
        request = StopRequested(actor="gateway", reason=self.front.stop_reason, request_id=f"stop-{wall_ns()}")
        lost = self.lost
        if self.runtime.running and lost is None and not state.control.run.stopping:
            try:
                self.runtime.submit(request, 2)
            except GatewayError as error:
                _log.error("stop request: %s", error)
        if lost is None:
            self._until(lambda: not self._answers_due(), CANCEL_SECONDS)
        for adapter in self._adapters.values():
            adapter.link.logout()
        self._until(lambda: all(adapter.down for adapter in self._adapters.values()), LOGOUT_SECONDS)
        self._emergency.stop()
        clean = self.runtime.end(self.front.stop_reason, DRAIN_SECONDS)
        self._keeper.stop(DRAIN_SECONDS)
        if clean:
            self._keeper.write(state)
        self._writer.wake(self.runtime.durable_seq)
        if not self._writer.stop(DRAIN_SECONDS):
            clean = False
            status = self._writer.status()
            why = f" ({status.last_error})" if status.last_error else ""
            _log.warning("the records are %d events behind the journal%s: the next start does the rest", status.lag, why)
        self.front.stop()
        self._journal.close()
        for log in self._logs:
            log.close()
        self._emergency_file.close()
        return clean

    def _answers_due(self) -> bool:
        """Whether a venue that is up still owes us an answer; nobody waits for one that is not there."""
        execution, sessions = self._core.state.execution, self._core.state.control.sessions
        venues = {one.venue for one in list(execution.awaiting.values())}
        venues |= {one.command.venue for one in list(execution.pending.values())}
        return any((session := sessions.get(name)) is not None and session.state is not SessionState.DOWN for name in venues)

    def _until(self, condition: Callable[[], bool], seconds: float) -> None:
        end = monotonic() + seconds
        while monotonic() < end and self.runtime.running:
            with self.runtime.turned:
                if condition():
                    return
                self.runtime.turned.wait(0.1)


def _engine_version() -> str:
    from importlib.metadata import version

    return version("quickfix")


def _python_version() -> str:
    import platform

    return platform.python_version()
