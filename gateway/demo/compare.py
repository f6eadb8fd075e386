"""Compare what venues say they did with what the gateway's records hold, line by line.

A venue's ledger is written by the venue's own process with code of its own; nothing here is shared with the record writer.
Only public views are read, as an analyst would.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from gateway.records.queries import fills, orders, positions
from gateway.records.store import RecordStore
from gateway.sim.ledger import LedgerLine, executions, read_ledger

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
_SIGNS = {"1": 1, "2": -1}
_Position = tuple[str, str, str, str]
"""(account, strategy, venue, symbol)."""


@dataclass(slots=True)
class Comparison:
    """How much was compared, and every difference in words."""

    executions: int = 0
    orders: int = 0
    positions: int = 0
    differences: list[str] = field(default_factory=list)

    @property
    def equal(self) -> bool:
        return not self.differences


def compare(ledgers: Mapping[str, Path], records_url: str) -> Comparison:
    """The ledger of each venue, by its name in the configuration, against v_fills, v_orders and v_positions."""
    store = RecordStore(records_url)
    try:
        result = Comparison()
        all_orders: list[Any] = list(orders(store))
        all_fills: list[Any] = list(fills(store))
        held: dict[_Position, Decimal] = defaultdict(Decimal)
        for venue, path in ledgers.items():
            lines = read_ledger(path)
            ours = [row for row in all_orders if row["venue"] == venue]
            known = {str(row["venue_order_id"]): row for row in ours if row["venue_order_id"] is not None}
            executed = executions(lines)
            _executions(result, executed, [row for row in all_fills if row["venue"] == venue], known)
            _orders(result, lines, known)
            _held(held, executed.values(), known)
        for row in all_orders:
            if row["venue_order_id"] is None and row["state"] != "Rejected":
                result.differences.append(f"order {row['order_id']} is {row['state']}, and no venue knows it")
        _positions(result, held, positions(store))
        return result
    finally:
        store.close()


def _executions(result: Comparison, executed: Mapping[str, LedgerLine], rows: Sequence[Any], known: Mapping[str, Any]) -> None:
    theirs = {
        exec_id: (line.order_id, line.symbol, _SIDES[line.side], line.last_qty, line.last_px)
        for exec_id, line in executed.items()
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
    result.executions += len(theirs)
    for exec_id in theirs.keys() | ours.keys():
        if theirs.get(exec_id) != ours.get(exec_id):
            result.differences.append(f"execution {exec_id}: venue {theirs.get(exec_id)}, v_fills {ours.get(exec_id)}")


def _orders(result: Comparison, lines: Sequence[LedgerLine], known: Mapping[str, Any]) -> None:
    last: dict[str, tuple[str, Decimal]] = {}
    for line in lines:
        if line.order_id != "NONE" and line.exec_type != "I":
            last[line.order_id] = (_STATES.get(line.ord_status, line.ord_status), line.cum_qty)
    result.orders += len(last)
    for order_id in last.keys() | known.keys():
        row = known.get(order_id)
        ours = None if row is None else (row["state"], row["cum_qty"])
        if last.get(order_id) != ours:
            result.differences.append(f"order {order_id}: venue {last.get(order_id)}, v_orders {ours}")


def _held(held: dict[_Position, Decimal], lines: Iterable[LedgerLine], known: Mapping[str, Any]) -> None:
    """What the venue's executions add up to, for whoever gave the order."""
    for line in lines:
        row = known.get(line.order_id)
        if row is not None and line.last_qty is not None:
            held[row["account"], row["strategy"], row["venue"], line.symbol] += _SIGNS[line.side] * line.last_qty


def _positions(result: Comparison, held: Mapping[_Position, Decimal], rows: Sequence[Any]) -> None:
    ours = {(row["account"], row["strategy"], row["venue"], row["symbol"]): row["net_qty"] for row in rows}
    result.positions = len(held)
    for key in held.keys() | ours.keys():
        if held.get(key) != ours.get(key):
            what = " ".join(part or "-" for part in key)
            result.differences.append(f"position {what}: venue {held.get(key)}, v_positions {ours.get(key)}")
