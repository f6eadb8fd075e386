"""The status document as a page of at most 80 columns: a pure function of the document.

Sections: run, trading and kill, capabilities, venues and feeds, orders, positions, alarms. Nothing here asks or waits.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from gateway.cli import times
from gateway.cli.output import Column, Row, cell, rounded, table

Document = dict[str, Any]

_GOOD = {"enabled", "running", "settled", "up"}
_BAD = {"disabled", "failed", "stopped", "down", "gap", "critical", "engaged"}

_CAPABILITIES = (
    Column("Capability", "name"),
    Column("State", "state"),
    Column("Since (UTC)", lambda row: times.short(row["since_ns"]), whole=True),
    Column("Detail", lambda row: row["detail"] or "-"),
)
_VENUES = (
    Column("Venue", "venue"),
    Column("Session", "session"),
    Column("State", "state"),
    Column("Open", lambda row: "yes" if row["opened"] else f"no: {row['reason']}"),
    Column("Epoch", "epoch", right=True),
    Column("Sender", "next_sender", right=True),
    Column("Target", "next_target", right=True),
    Column("Logons", "logons", right=True),
)
_FEEDS = (
    Column("Feed", "venue"),
    Column("Symbol", "symbol"),
    Column("State", "state"),
    Column("Bid", "bid", right=True),
    Column("Ask", "ask", right=True),
    Column("Age (s)", lambda row: _tenths(row["age_seconds"]), right=True),
)
_STRATEGIES = (
    Column("Strategy", "name"),
    Column("State", "state"),
    Column("Errors", "errors", right=True),
    Column("Reason", lambda row: row["reason"] or "-"),
)
_POSITIONS = (
    Column("Account", "account"),
    Column("Strategy", "strategy"),
    Column("Venue", "venue"),
    Column("Symbol", "symbol"),
    Column("Net", "net_qty", right=True),
    Column("Average", "avg_px", right=True),
    Column("Realized", "realized_pnl", right=True),
)
_BALANCES = (
    Column("Account", "account"),
    Column("Currency", "currency"),
    Column("Balance", lambda row: rounded(Decimal(row["amount"])), right=True),
    Column("Opened", lambda row: row["as_of"] or "-"),
)
_ALARMS = (
    Column("Severity", "severity"),
    Column("Since (UTC)", lambda row: times.short(row["since_ns"]), whole=True),
    Column("Alarm", "what"),
)


# A gateway whose core is stuck from the start cannot say more than what is outside of it.
_BLANK: Document = {
    "run_id": "-",
    "version": "-",
    "started_ns": None,
    "seq": "-",
    "config_sha256": "-",
    "trading": {},
    "trading_state": "unknown",
    "strategies": [],
    "venues": [],
    "feeds": [],
    "orders": dict.fromkeys(("open", "in_doubt", "pending", "awaiting"), 0),
    "anomalies": {},
    "fills": 0,
    "positions": [],
    "balances": [],
}


def render(document: Document) -> RenderableType:
    """The whole page: what matters most at its end, where a terminal has scrolled to."""
    return Group(*_sections(_BLANK | document))


def _watched(document: Document) -> RenderableType:
    """The whole page for a screen that cuts off what has no place: what matters most at its top."""
    return Group(*_urgent_first(_BLANK | document))


def render_frame(document: Document | None, lost_ns: int | None, why: str) -> RenderableType:
    """The page, under a line that says since when it is old."""
    if lost_ns is None:
        return Text("") if document is None else _watched(document)
    lost = Text(f"not reachable since {times.short(lost_ns)} UTC: {cell(why)}", style="bold red")
    return lost if document is None else Group(lost, Text("what follows is what it said last"), Text(""), _watched(document))


def _sections(document: Document) -> Iterator[RenderableType]:
    yield from _run(document)
    yield from _switches(document)
    yield from _capabilities(document)
    yield from _part(_VENUES, document["venues"])
    yield from _part(_FEEDS, document["feeds"])
    yield from _part(_STRATEGIES, document["strategies"])
    yield from _orders(document)
    yield from _part(_POSITIONS, document["positions"])
    yield from _part(_BALANCES, document["balances"])
    yield from _alarms(document)


def _urgent_first(document: Document) -> Iterator[RenderableType]:
    yield from _run(document)
    yield from _switches(document)
    yield from _alarms(document)
    yield from _orders(document)
    yield from _part(_VENUES, document["venues"])
    yield from _part(_POSITIONS, document["positions"])
    yield from _part(_STRATEGIES, document["strategies"])
    yield from _capabilities(document)
    yield from _part(_FEEDS, document["feeds"])
    yield from _part(_BALANCES, document["balances"])


def _capabilities(document: Document) -> Iterator[RenderableType]:
    yield from _part(_CAPABILITIES, [{"name": name} | value for name, value in document["capabilities"].items()])


def _alarms(document: Document) -> Iterator[RenderableType]:
    yield Text("")
    yield table(_ALARMS, document["alarms"]) if document["alarms"] else Text("no alarms", style="green")


def _run(document: Document) -> Iterator[RenderableType]:
    up = "-" if document["started_ns"] is None else times.span(document["now_ns"] - document["started_ns"])
    yield Text(cell(document["name"]), style="bold").append(
        f"  run {document['run_id']}  version {cell(document['version'])}  pid {document['pid']}  up {up}", style="not bold"
    )
    yield Text(
        f"event {document['seq']}  configuration {cell(document['config_sha256'])[:16]}  intake {document['intake_depth']}"
        f"  metrics port {document['metrics_port']}"
    )
    records = document["records"]
    writer = f", written by process {records['pid']}" if records.get("pid") else ""
    for name, more in (("journal", ""), ("records", f", {records['lag_events']} events behind{writer}")):
        part = document[name]
        detail = f" ({cell(part['detail'])})" if part["detail"] else ""
        yield _state(name, part["state"], f" at event {part['seq']}{more}{detail}")


def _switches(document: Document) -> Iterator[RenderableType]:
    yield Text("")
    yield _state("trading", document["trading_state"], "")
    for scope, state in document["trading"].items():
        yield _state(f"  {cell(scope)}", state, "")
    if not document["kill"]:
        yield Text("kill switch released")
    for scope, reason in document["kill"].items():
        yield _state("kill switch", "engaged", f" for {cell(scope)}: {cell(reason) or 'no reason given'}")


def _orders(document: Document) -> Iterator[RenderableType]:
    orders = document["orders"]
    yield Text("")
    yield Text(
        f"orders: {orders['open']} open, {orders['pending']} waiting, {orders['awaiting']} unanswered, "
        f"{orders['in_doubt']} in doubt; fills: {document['fills']}",
        style="bold red" if orders["in_doubt"] else "",
    )
    anomalies = ", ".join(f"{cell(kind)} {count}" for kind, count in document["anomalies"].items())
    yield Text(f"anomalies: {anomalies or 'none'}")


def _part(columns: tuple[Column, ...], found: list[Row]) -> Iterator[RenderableType]:
    if found:
        yield Text("")
        yield table(columns, found)


def _state(what: str, state: str, rest: str) -> Text:
    style = "green" if state in _GOOD else "bold red" if state in _BAD else "yellow"
    return Text(f"{what} ").append(cell(state), style=style).append(rest)


def _tenths(seconds: object) -> str:
    return "-" if seconds is None else f"{Decimal(str(seconds)):.1f}"
