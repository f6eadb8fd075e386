"""What the gateway says of itself: the status document, alarms, readiness and the gauges of a scrape, from one look at it.

The look is taken on the runtime thread, between turns. When that thread does not answer, the last look is shown with an alarm
that says so: a stuck runtime must not take the status with it.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from gateway.clock import wall_ns
from gateway.core.contents import StrategyState
from gateway.core.orders import Position
from gateway.core.risk.basis import market_price
from gateway.core.state import State
from gateway.core.values import ONE, SCOPE_ALL, FeedState, TradingState
from gateway.errors import PreconditionFailed
from gateway.records.status import WriterStatus
from gateway.runtime.conclusions import closed, connectivity, halts, market_input, troubles
from gateway.runtime.intake import Intake
from gateway.runtime.runtime import Runtime
from gateway.runtime.scrape import snapshot
from gateway.telemetry.gauges import ComponentState, GaugeSnapshot
from gateway.venue.gate import KillGate

STALL_NS = 5_000_000_000
_ANSWER_SECONDS = 0.5


class Alarm(msgspec.Struct, frozen=True, kw_only=True):
    """`severity`: critical (no trading, or not safely) or warning. `name` stays the same while `what` counts on."""

    severity: str
    name: str
    what: str
    since_ns: int


class Reporter:
    """Looks at everything; remembers only since when things are as they are. Any thread: of two looks at once the older may be
    remembered, and a time be wrong by what lies between them."""

    def __init__(
        self,
        *,
        name: str,
        state_dir: Path,
        runtime: Runtime,
        intake: Intake,
        gate: KillGate,
        writer: Callable[[], WriterStatus],
        symbols: Mapping[str, tuple[str, ...]],
        emergencies: Callable[[], Mapping[str, Mapping[str, int]]] = dict,
    ) -> None:
        self._name = name
        self._state_dir = state_dir
        self._runtime = runtime
        self._intake = intake
        self._gate = gate
        self._writer = writer
        self._symbols = symbols
        self._emergencies = emergencies
        self._since: dict[str, tuple[str, int]] = {}
        self._alarm_since: dict[str, int] = {}
        self._last: dict[str, Any] | None = None
        self.metrics_port = 0

    def document(self) -> dict[str, Any]:
        """The status document."""
        try:
            core = self._runtime.ask(self._look, _ANSWER_SECONDS) if self._runtime.running else self._look()
            self._last = core
        except (TimeoutError, PreconditionFailed):
            core = self._last or {}
        writer = self._writer()
        document = {
            **core,
            "name": self._name,
            "role": "active",
            "pid": os.getpid(),
            "now_ns": wall_ns(),
            "kill": core.get("kill", {}) | dict(self._gate.engaged),  # the gate knows the reason even of a start under kill
            "emergency_cancels": {venue: dict(counts) for venue, counts in self._emergencies().items()},
            "stops": {cause: f"{scope}: {why}" for cause, (scope, why) in self._gate.stops.items()},
            "intake_depth": self._intake.depth,
            "metrics_port": self.metrics_port,
            "journal": self._journal(),
            "records": {
                "seq": writer.seq,
                "lag_events": writer.lag,
                "state": writer.state,
                "detail": _trouble(writer),
                "pid": writer.pid,
            },
        }
        document["capabilities"] = self._capabilities(document, writer)
        document["alarms"] = [msgspec.to_builtins(alarm) for alarm in self._alarms(document)]
        return document

    def not_ready(self) -> list[str]:
        """Why the gateway is not ready to trade; empty when it is."""
        document = self.document()
        reasons = [f"venue {v['venue']}: {v['reason']}" for v in closed(document)]
        if document["journal"]["state"] == "failed":
            reasons.append(f"journal: {document['journal']['detail']}")
        reasons += halts(document)
        if self._stalled():
            reasons.append("the runtime thread does not turn")
        if not document.get("venues") and self._last is None:
            reasons.append("starting")
        return reasons

    def gauges(self) -> GaugeSnapshot:
        """Everything a scrape wants to know now."""
        symbols = {venue: names for venue, names in self._symbols.items() if names}
        return snapshot(self.document(), self._writer(), symbols, shutil.disk_usage(self._state_dir).free)

    # -------------------------------------------------------------------------------------------- on the runtime thread

    def _look(self) -> dict[str, Any]:
        state = self._runtime.core.state
        run = state.control.run
        execution = state.execution
        open_ids = execution.open[SCOPE_ALL]
        differ = state.control.positions_differ
        return {
            "run_id": run.run_id,
            "version": run.version,
            "started_ns": run.started_ns,
            "trading_date": run.trading_date,
            "seq": self._runtime.durable_seq,
            "config_sha256": run.config_sha256,
            "trading": {scope: str(trading) for scope, trading in state.control.trading.items()},
            "trading_state": _trading_state(state),
            "kill": dict(state.control.killed),
            "broken": dict(state.control.broken),
            "strategies": [_strategy(state, name) for name in state.control.settings.strategies],
            "venues": [self._venue(state, name) for name in state.control.settings.venues],
            "feeds": [self._feed(state, venue, s) for venue, symbols in self._symbols.items() for s in symbols],
            "orders": {
                "open": len(open_ids),
                "in_doubt": sum(1 for ids in execution.doubtful.values() for order_id in ids if order_id in open_ids),
                "pending": len(execution.pending),
                "awaiting": len(execution.awaiting),
            },
            "anomalies": dict(state.anomalies),
            "positions_differ": {f"{venue} {account} {symbol}": how for (venue, account, symbol), how in differ.items()},
            "fills": len(execution.fills) - execution.void,
            "positions": [_position(state, position) for position in execution.positions.values()],
            "balances": [
                {"account": account, "currency": currency, "amount": cash.amount, "as_of": cash.as_of}
                for (account, currency), cash in execution.balances.items()
            ],
        }

    def _venue(self, state: State, name: str) -> dict[str, Any]:
        adapter = self._runtime.adapters[name]
        session = state.control.sessions.get(name)
        venue = state.control.venues[name]
        sender, target = adapter.link.numbers
        return {
            "venue": name,
            "session": adapter.session,
            "state": "down" if session is None else session.state,
            "opened": venue.opened,
            "reason": venue.reason if venue.opened else state.control.closed.get(name, venue.reason),
            "trouble": adapter.outbound.trouble,
            "expected": name not in state.control.hours,
            "epoch": adapter.watermark.epoch,
            "next_sender": sender,
            "next_target": target,
            "logons": 0 if session is None else session.logons,
            "last_logon_ns": None if session is None else session.last_logon_ns,
            "last_receive_ns": adapter.last_receive_ns,
        }

    def _feed(self, state: State, venue: str, symbol: str) -> dict[str, Any]:
        book = state.market.books.get((venue, symbol))
        feed = state.market.feeds.get((venue, symbol))
        detail = "" if feed is FeedState.UP else self._runtime.adapters[venue].subscription.trouble(wall_ns())
        return {
            "venue": venue,
            "symbol": symbol,
            "state": "none" if feed is None else str(feed),
            "detail": detail,
            "bid": str(book.bids[0].price) if book and book.bids else None,
            "ask": str(book.asks[0].price) if book and book.asks else None,
            "age_seconds": None if book is None else f"{max(0, wall_ns() - book.updated_ns) / 1e9:.1f}",
        }

    # ------------------------------------------------------------------------------------------------------ conclusions

    def _journal(self) -> dict[str, Any]:
        committer = self._runtime.committer
        failing = committer.failing_since_ns is not None
        detail = committer.error if failing else committer.slow
        state = "failed" if failing else "degraded" if detail else "running"
        return {"seq": self._runtime.durable_seq, "state": state, "detail": detail}

    def _stalled(self) -> bool:
        return not self._runtime.running or wall_ns() - self._runtime.alive_ns > STALL_NS

    def _capabilities(self, document: Mapping[str, Any], writer: WriterStatus) -> dict[str, dict[str, Any]]:
        found: dict[str, tuple[ComponentState, str]] = {
            "market_input": market_input(document),
            "runtime": self._runtime_state(document),
            "venue_connectivity": connectivity(document),
            "operational_control": ("running", ""),
            "record_writer": (writer.state, _trouble(writer) or (f"{writer.lag} events behind" if writer.lag > 1000 else "")),
            "observability": ("running", ""),
        }
        return {name: self._stamped(name, state, detail) for name, (state, detail) in found.items()}

    def _stamped(self, name: str, state: ComponentState, detail: str) -> dict[str, Any]:
        known = self._since.get(name)
        if known is None or known[0] != state:
            known = self._since[name] = (state, wall_ns())
        return {"state": state, "detail": detail, "since_ns": known[1]}

    def _runtime_state(self, document: Mapping[str, Any]) -> tuple[ComponentState, str]:
        if self._runtime.failure is not None:
            return "failed", f"ended by a defect: {type(self._runtime.failure).__name__}"
        if document["journal"]["state"] == "failed":
            state: ComponentState = "failed" if self._stalled() else "degraded"
            return state, f"dispatch halted, the journal refuses: {document['journal']['detail']}"
        if self._stalled():
            return "failed", "; ".join(["the thread does not turn", *document["stops"].values()])
        halted = halts(document)
        if halted:
            return "degraded", "; ".join(halted)
        return "running", ""

    def _alarms(self, document: Mapping[str, Any]) -> list[Alarm]:
        found = troubles(document, shutil.disk_usage(self._state_dir).free)
        now = wall_ns()
        since = {name: self._alarm_since.get(name, now) for _, name, _ in found}
        self._alarm_since = since
        return [Alarm(severity=severity, name=name, what=what, since_ns=since[name]) for severity, name, what in found]


def _trouble(writer: WriterStatus) -> str:
    """What is wrong with the records now; the writer itself remembers it for longer."""
    return "" if writer.state == "running" else writer.last_error or ""


def _trading_state(state: State) -> str:
    return str(state.control.trading.get(SCOPE_ALL, TradingState.ENABLED))


def _strategy(state: State, name: str) -> dict[str, Any]:
    known = state.control.strategies.get(name, StrategyState())
    trading = state.control.trading.get(f"strategy:{name}", TradingState.ENABLED)
    shown = "disabled" if known.disabled is not None else str(trading)
    return {"name": name, "state": shown, "errors": known.errors, "reason": known.disabled or ""}


def _position(state: State, position: Position) -> dict[str, Any]:
    """`mark_px` and `unrealized_pnl` are None where no market price is known; P&L in `currency`."""
    instrument = state.control.settings.instruments.get(position.symbol)
    price = market_price(state, position.venue, position.symbol)
    multiplier = ONE if instrument is None else instrument.multiplier
    open_pnl = None if price is None else (price - position.avg_px) * position.net_qty * multiplier
    return {
        "account": position.account,
        "strategy": position.strategy,
        "venue": position.venue,
        "symbol": position.symbol,
        "currency": None if instrument is None else instrument.currency,
        "net_qty": str(position.net_qty),
        "avg_px": _plain(position.avg_px),
        "realized_pnl": _plain(position.realized_pnl),
        "mark_px": None if price is None else _plain(price),
        "unrealized_pnl": None if open_pnl is None else _plain(open_pnl),
    }


def _plain(value: Decimal) -> str:
    return f"{round(value, 9).normalize():f}"
