"""One recorded event as a person reads it: who speaks, what happened, and the particulars.

A table by kind of event. A kind without a line of its own is shown with its fields, so a new one is never left out.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any, NamedTuple

import msgspec

from gateway.core import events as ev
from gateway.core.orders import Command
from gateway.core.values import NANOS, CommandKind
from gateway.incident.model import Lane

MESSAGES = {
    CommandKind.NEW: "NewOrderSingle(D)",
    CommandKind.REPLACE: "OrderCancelReplaceRequest(G)",
    CommandKind.CANCEL: "OrderCancelRequest(F)",
}


class Told(NamedTuple):
    """The words for one event."""

    lane: Lane
    title: str
    detail: str = ""


def narrate(recorded: ev.Recorded) -> Told:
    """What an event says. Never raises on content."""
    event = recorded.event
    for kind, tell in _WORDS.items():
        if isinstance(event, kind):
            return tell(recorded, event)
    return Told("system", _words(event.kind()), _fields(event))


def number(value: Decimal | None) -> str:
    """A quantity or price for people; `-` when there is none."""
    return "-" if value is None else f"{value:f}"


def span(nanoseconds: int) -> str:
    """A duration in the unit that fits: `85 us`, `1.2 ms`, `3.40 s`."""
    if abs(nanoseconds) < 1_000_000:
        return f"{nanoseconds / 1_000:.0f} us"
    if abs(nanoseconds) < NANOS:
        return f"{nanoseconds / 1_000_000:.1f} ms"
    return f"{nanoseconds / NANOS:.2f} s"


def terms(command: Command) -> str:
    """`buy 1000 USD/JPY limit 156.010 day`; a cancel names what it cancels."""
    price = "" if command.price is None else f" {number(command.price)}"
    stop = "" if command.stop_price is None else f" stop {number(command.stop_price)}"
    kind = command.order_type.value
    return f"{command.side.value} {number(command.quantity)} {command.symbol} {kind}{price}{stop} {command.time_in_force.value}"


def _words(kind: str) -> str:
    return kind.replace("_", " ")


def _fields(event: ev.Event, *without: str) -> str:
    found = msgspec.to_builtins(event)
    skipped = {"kind", "settings", "raw", *without}
    return ", ".join(f"{name} {value}" for name, value in found.items() if name not in skipped and value not in ("", None, []))


def _said(*parts: str | None) -> str:
    return "; ".join(part for part in parts if part)


def _command(verb: str) -> Callable[[ev.Recorded, Any], Told]:
    lane = "queue"

    def tell(recorded: ev.Recorded, event: Any) -> Told:
        command: Command = event.command
        why = getattr(event, "why", "") or getattr(event, "reason", "") or getattr(event, "by", "")
        named = f"ClOrdID {command.cl_ord_id}"
        return Told(lane, f"{command.kind.value} {verb}: {why}", _said(terms(command), named))

    return tell


def _dispatched(recorded: ev.Recorded, event: ev.Dispatched) -> Told:
    command = event.command
    origin = f"for {command.orig_cl_ord_id}" if command.orig_cl_ord_id else None
    waited = f"decided at event {event.decided_seq}, waited until now" if event.decided_seq != recorded.seq else None
    whose = f"strategy {command.strategy}"
    return Told(
        "decision",
        f"{command.kind.value} dispatched: {terms(command)}",
        _said(f"ClOrdID {command.cl_ord_id}", origin, whose, waited),
    )


def _denied(recorded: ev.Recorded, event: ev.Denied) -> Told:
    asked = " ".join(part for part in (event.side.value if event.side else "", number(event.quantity), event.symbol) if part)
    price = f"at {number(event.price)}" if event.price is not None else None
    return Told("risk", f"{event.intent} denied: {event.code}", _said(event.reason, asked, price, f"strategy {event.strategy}"))


def _transmitted(recorded: ev.Recorded, event: ev.Transmitted) -> Told:
    how = "found in the send log after a crash" if event.recovered else None
    return Told("wire", f"sent as MsgSeqNum {event.msg_seq_num}", _said(f"ClOrdID {event.cl_ord_id}", how))


def _execution(recorded: ev.Recorded, event: ev.ExecutionEvent) -> Told:
    last = ""
    if isinstance(event, ev.Filled | ev.FillCorrected):
        last = f" {number(event.last_qty)} at {number(event.last_px)}"
    reason = getattr(event, "reason", "") or getattr(event, "cxl_rej_reason", "")
    numbers = f"CumQty {number(event.cum_qty)}, LeavesQty {number(event.leaves_qty)}" if event.cum_qty is not None else None
    named = f"ClOrdID {event.cl_ord_id}" if event.cl_ord_id else None
    execution = f"ExecID {event.exec_id}" if event.exec_id else None
    text = f"Text: {event.text}" if event.text else None
    odd = f"deviates: {', '.join(event.deviations)}" if event.deviations else None
    again = "PossDup" if event.poss_dup else None
    return Told("venue", f"{_words(event.kind())}{last}", _said(numbers, named, execution, reason, text, again, odd))


def _operator(recorded: ev.Recorded, event: ev.OperatorEvent) -> Told:
    scope = getattr(event, "scope", None) or getattr(event, "order_id", None) or getattr(event, "venue", None) or ""
    switched = f" {event.state.value}" if isinstance(event, ev.TradingSwitched) else ""
    who = f"by {event.actor}"
    why = f"reason: {event.reason}" if event.reason else None
    rest = _fields(event, "actor", "reason", "scope", "state", "request_id", "order_id", "venue")
    return Told("operator", f"{_words(event.kind())}{switched} {scope}".rstrip(), _said(who, why, rest))


def _session(recorded: ev.Recorded, event: ev.SessionEvent) -> Told:
    notice = event.event if isinstance(event, ev.SessionNotice) else ""
    title = _words(notice or event.kind())
    return Told("session", f"{title} {event.session}", _fields(event, "session", "venue", "event"))


def _market(recorded: ev.Recorded, event: ev.MarketEvent) -> Told:
    if isinstance(event, ev.MarketTrade):
        return Told("market", f"trade {event.symbol} {number(event.quantity)} at {number(event.price)}", event.venue)
    if isinstance(event, ev.BookSnapshot):
        bid = number(event.bids[0].price) if event.bids else "-"
        ask = number(event.asks[0].price) if event.asks else "-"
        skipped = f"{event.conflated} older ones conflated" if event.conflated else None
        return Told("market", f"book {event.symbol} {bid} / {ask}", _said(event.venue, skipped))
    changes = ", ".join(
        f"{change.side.value} {number(change.price)} x {number(change.quantity)}" for change in getattr(event, "changes", ())
    )
    return Told("market", f"book {event.symbol} changes", _said(event.venue, changes))


def _feed(recorded: ev.Recorded, event: ev.FeedStatus) -> Told:
    return Told("feed", f"feed {event.venue} {event.symbol or 'all symbols'} {event.status.value}", event.detail)


def _doubt(recorded: ev.Recorded, event: ev.InDoubt) -> Told:
    return Told("system", f"in doubt: {event.reason}")


def _resolved(recorded: ev.Recorded, event: ev.Resolved) -> Told:
    return Told("system", f"doubt resolved: {event.disposition}", event.detail)


def _strategy(recorded: ev.Recorded, event: Any) -> Told:
    return Told(
        "decision", f"strategy {event.strategy} {_words(event.kind().removeprefix('strategy_'))}", _fields(event, "strategy")
    )


def _failed(recorded: ev.Recorded, event: ev.SubmissionFailed) -> Told:
    return Told("wire", "not sent", _said(event.reason, f"ClOrdID {event.cl_ord_id}"))


def _run(recorded: ev.Recorded, event: Any) -> Told:
    return Told("run", f"{_words(event.kind())} {recorded.run_id}", _fields(event, "settings", "id_prefix"))


_WORDS: dict[type[ev.Event], Callable[[ev.Recorded, Any], Told]] = {
    ev.Dispatched: _dispatched,
    ev.Denied: _denied,
    ev.Queued: _command("approved, waits"),
    ev.Superseded: _command("superseded"),
    ev.ClosedUnsent: _command("closed unsent"),
    ev.Transmitted: _transmitted,
    ev.SubmissionFailed: _failed,
    ev.ExecutionEvent: _execution,
    ev.OperatorEvent: _operator,
    ev.SessionEvent: _session,
    ev.FeedStatus: _feed,
    ev.MarketEvent: _market,
    ev.InDoubt: _doubt,
    ev.Resolved: _resolved,
    ev.StrategyRemembered: _strategy,
    ev.StrategyFailed: _strategy,
    ev.StrategyDisabled: _strategy,
    ev.RunStarted: _run,
    ev.RunStopped: _run,
}
"""The first kind an event is an instance of speaks for it."""
