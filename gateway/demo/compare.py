"""Compare what the venue says it did with what the gateway's records hold, line by line.

The venue's ledger is written by the venue's own process with code of its own; nothing here is shared with the record writer.
Only public views are read, as an analyst would.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from gateway.records.queries import fills, orders
from gateway.records.store import RecordStore
from gateway.sim.ledger import LedgerLine, read_ledger

_STATES = {
    "0": "Accepted",
    "1": "PartiallyFilled",
    "2": "Filled",
    "4": "Cancelled",
    "5": "Accepted",
    "8": "Rejected",
    "C": "Expired",
}
"""OrdStatus(39) at the venue -> state in v_orders."""
_SIDES = {"1": "buy", "2": "sell"}


@dataclass(slots=True)
class Comparison:
    """How much was compared, and every difference in words."""

    executions: int = 0
    orders: int = 0
    differences: list[str] = field(default_factory=list)

    @property
    def equal(self) -> bool:
        return not self.differences


def compare(ledger_path: Path, records_url: str) -> Comparison:
    """The venue's ledger against v_fills and v_orders."""
    lines = read_ledger(ledger_path)
    store = RecordStore(records_url)
    try:
        result = Comparison()
        known = {row["venue_order_id"]: row for row in orders(store) if row["venue_order_id"] is not None}
        _executions(result, lines, fills(store), known)
        _orders(result, lines, known)
        return result
    finally:
        store.close()


def _executions(result: Comparison, lines: Iterable[LedgerLine], rows: Iterable[Any], known: dict[Any, Any]) -> None:
    theirs = {
        line.exec_id: (line.order_id, line.symbol, _SIDES[line.side], line.last_qty, line.last_px)
        for line in lines
        if line.exec_type == "F" and line.fault != "duplicate"
    }
    names = {row["order_id"]: venue_order_id for venue_order_id, row in known.items()}
    ours: dict[str, tuple[Any, ...]] = {}
    for row in rows:
        if row["status"] in ("busted", "replaced"):
            continue
        if row["exec_id"] in ours:
            result.differences.append(f"execution {row['exec_id']} is in v_fills twice")
        content = (names.get(row["order_id"]), row["symbol"], row["side"], row["last_qty"], row["last_px"])
        ours[str(row["exec_id"])] = content
    result.executions = len(theirs)
    for exec_id in theirs.keys() | ours.keys():
        if theirs.get(exec_id) != ours.get(exec_id):
            result.differences.append(f"execution {exec_id}: venue {theirs.get(exec_id)}, v_fills {ours.get(exec_id)}")


def _orders(result: Comparison, lines: Iterable[LedgerLine], known: dict[Any, Any]) -> None:
    last: dict[str, tuple[str, Decimal]] = {}
    for line in lines:
        if line.order_id != "NONE" and line.exec_type != "I":
            last[line.order_id] = (_STATES.get(line.ord_status, line.ord_status), line.cum_qty)
    result.orders = len(last)
    for order_id in last.keys() | known.keys():
        row = known.get(order_id)
        ours = None if row is None else (row["state"], row["cum_qty"])
        if last.get(order_id) != ours:
            result.differences.append(f"order {order_id}: venue {last.get(order_id)}, v_orders {ours}")
