"""Whether a REPLACE took, as the answer to a status request shows it: by the order's name, else by its quantity and prices."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from gateway.core.apply.replaces import PENDING, said_terms
from gateway.core.events import StatusReported
from gateway.core.orders import Order
from gateway.core.state import State


def terms_learned(event: StatusReported, order: Order) -> dict[str, Any]:
    """Fields of `Resolved` that say what the answer shows and we did not hold; empty when it shows what we have."""
    if order.state.terminal:
        return {}
    said = said_terms(event, order)
    changed = {name: value for name, value in said.items() if value != getattr(order, name)}
    if not took(event, order, said):
        return changed
    asked = {name: getattr(order.replacing, name) for name in ("quantity", "price", "stop_price")}
    found = {name: value for name, value in {**asked, **said}.items() if value is not None and value != getattr(order, name)}
    return {"cl_ord_id": order.new_in_flight, **found}


def took(event: StatusReported, order: Order, said: dict[str, Decimal]) -> bool:
    """The order goes by the name of the REPLACE in flight, or has its terms and not the old ones."""
    if order.replacing is None or event.ord_status in PENDING:
        return False
    if event.cl_ord_id == order.new_in_flight:
        return True
    new = all(getattr(order.replacing, name) == value for name, value in said.items())
    return new and any(getattr(order, name) != value for name, value in said.items())


def undecided(state: State, event: StatusReported, order: Order) -> bool:
    """The answer does not show whether an overdue REPLACE took: it says nothing of what the REPLACE would change."""
    waiting = state.execution.awaiting.get(order.new_in_flight or "")
    if order.replacing is None or waiting is None or waiting.deadline_ns is not None:
        return False
    said = said_terms(event, order)
    asked = {name for name in ("quantity", "price", "stop_price") if getattr(order, name) != getattr(order.replacing, name)}
    return not took(event, order, said) and not asked & said.keys()
