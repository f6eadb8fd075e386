"""What follows from a status document: which capability is how, why the gateway is halted, what an operator should look at.

Pure functions of the document, so that status, readiness, alarms and metrics cannot disagree.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway.core.values import SCOPE_ALL, FeedState
from gateway.telemetry.gauges import ComponentState
from gateway.wording import counted

STARTING_NS = 5_000_000_000
"""How long a venue may take to log on before somebody is told."""
LOW_DISK_BYTES = 1 << 30


def market_input(document: Mapping[str, Any]) -> tuple[ComponentState, str]:
    """Degraded while a feed is not up, naming the first five and why; initialising before any of them has said anything, unless
    its request was refused, or goes unanswered."""
    feeds = document.get("feeds", ())
    bad = [f"{f['venue']} {f['symbol']} {f['state']}" for f in feeds if f["state"] != FeedState.UP]
    if not feeds:
        return "running", "no market data configured"
    if not bad:
        return "running", ""
    why = list(dict.fromkeys(f"{feed['venue']}: {feed['detail']}" for feed in feeds if feed.get("detail")))
    waiting = not why and all(feed["state"] == "none" for feed in feeds)
    return ("initialising" if waiting else "degraded"), "; ".join([", ".join(bad[:5]), *why[:5]])


def connectivity(document: Mapping[str, Any]) -> tuple[ComponentState, str]:
    """Degraded while a venue that should be open is not, or nothing can be sent there; a start has `STARTING_NS` for it."""
    shut = closed(document)
    troubled = [f"{v['venue']}: {v['trouble']}" for v in document.get("venues", ()) if v["trouble"]]
    if not shut and not troubled:
        return "running", ""
    detail = "; ".join([f"{v['venue']}: {v['reason']}" for v in shut] + troubled)
    if troubled:
        return "degraded", detail
    starting = document["now_ns"] - document["started_ns"] < STARTING_NS and all(v["logons"] == 0 for v in shut)
    return ("initialising" if starting else "degraded"), detail


def closed(document: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Venues that should be open and are not; one outside its hours should not."""
    return [venue for venue in document.get("venues", ()) if venue["expected"] and not venue["opened"]]


def halts(document: Mapping[str, Any]) -> list[str]:
    """Why nothing new is dispatched by anybody, beside the kill switch and the journal."""
    broken = [f"dispatch halted: invariant {name} is broken: {what}" for name, what in document.get("broken", {}).items()]
    return broken or [f"gate closed for {stop}" for stop in document["stops"].values() if stop.startswith(f"{SCOPE_ALL}: ")]


def troubles(document: Mapping[str, Any], free_bytes: int) -> list[tuple[str, str, str]]:
    """(severity, name, what) of everything an operator should look at; `free_bytes` where the journal lies."""
    found: list[tuple[str, str, str]] = []
    for scope, reason in document["kill"].items():
        said = f"kill switch engaged for {scope}: {reason or 'no reason given'}"
        found.append(("critical", f"kill switch {scope}", said))
    for venue, counts in document["emergency_cancels"].items():
        how = ", ".join(f"{count} {outcome}" for outcome, count in sorted(counts.items()))
        found.append(
            (
                "critical",
                f"emergency {venue}",
                f"venue {venue}: emergency cancels of {counted(order=sum(counts.values()))}: {how}",
            )
        )
    for name, capability in document["capabilities"].items():
        if capability["state"] in ("degraded", "failed"):
            severity = "critical" if capability["state"] == "failed" else "warning"
            found.append((severity, name, f"{name}: {capability['state']}: {capability['detail']}"))
    for name, detail in document.get("broken", {}).items():
        found.append(("critical", f"invariant {name}", f"dispatch halted: invariant {name} is broken: {detail}"))
    for cause, stop in document["stops"].items():
        found.append(("critical", f"gate {cause}", f"gate closed for {stop}"))
    for strategy in document.get("strategies", ()):
        if strategy["state"] == "disabled":
            said = f"strategy {strategy['name']} disabled: {strategy['reason']}"
            found.append(("warning", f"strategy {strategy['name']}", said))
    for name, how in document.get("positions_differ", {}).items():
        found.append(("critical", f"position {name}", f"position at venue {name.partition(' ')[0]} differs: {how}"))
    if document["journal"]["state"] == "degraded":
        found.append(("warning", "journal", f"journal: {document['journal']['detail']}"))
    doubt = document.get("orders", {}).get("in_doubt", 0)
    if doubt:
        found.append(
            (
                "warning",
                "in doubt",
                f"{counted(open_order=doubt)} in doubt: see `gateway order list --in-doubt` and `gateway order resolve`",
            )
        )
    if free_bytes < LOW_DISK_BYTES:
        found.append(("warning", "disk", "less than 1 GiB free where the journal lies"))
    return found
