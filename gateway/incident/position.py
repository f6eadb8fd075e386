"""The whole state at a position of the stream: what the gateway knew right after that event."""

from __future__ import annotations

from typing import Any

import msgspec

from gateway.core.digest import Table
from gateway.core.state import State
from gateway.errors import NotFound
from gateway.incident.history import History, Progress

_DOMAINS = ("market", "execution", "control")


def state_at(history: History, seq: int, progress: Progress = lambda *_: None) -> State:
    """The state after event `seq`. Raises NotFound."""
    if not history.first - 1 <= seq <= history.head:
        raise NotFound(f"there is no event {seq}: the journal holds {history.first} to {history.head}")
    return history.state_before(seq + 1, progress, with_digest=True)


def document(state: State, *, everything: bool = True) -> dict[str, Any]:
    """The state as plain values: position, digest, and every table of the three domains as a list of key and value.

    Without `everything`, orders that ended and their executions are left out.
    """
    found: dict[str, Any] = {"seq": state.seq, "at_ns": state.at_ns, "digest": state.digest()}
    for domain in _DOMAINS:
        tables = {}
        for name, content in vars(getattr(state, domain)).items():
            if isinstance(content, Table):
                tables[name.lstrip("_")] = [
                    {"key": _plain(key), "value": _plain(value)}
                    for key, value in content.items()
                    if everything or not _over(state, name, key)
                ]
        found[domain] = tables
    found["control"]["settings"] = msgspec.to_builtins(state.control.settings)
    found["anomalies"] = dict(state.anomalies)
    return found


def _over(state: State, table: str, key: Any) -> bool:
    order_id = {"orders": key, "fills": key[2] if isinstance(key, tuple) and len(key) > 2 else None}.get(table)
    if table == "cl_ord_ids":
        order_id = state.execution.cl_ord_ids[key]
    order = state.execution.orders.get(order_id) if order_id is not None else None
    return order is not None and order.state.terminal


def _plain(value: Any) -> Any:
    return msgspec.to_builtins(value)
