"""Looking one order up: in the orders, and when it never became one, in the decisions about it."""

from __future__ import annotations

from typing import Any

import click

from gateway.cli import output, times
from gateway.cli.instance import Instance
from gateway.cli.output import Column, Row
from gateway.errors import NotFound

_HISTORY = (
    Column("Time", lambda row: times.clock(row["recorded_ns"])[:-3], whole=True),
    Column("Event", "event", whole=True),
    Column("State", "to_state", whole=True),
    Column("ClOrdID", "cl_ord_id", whole=True),
    Column("Last", lambda row: _at_price(row["last_qty"], row["last_px"]), right=True),
    Column("Cum", "cum_qty", right=True),
    Column("Seq", "msg_seq_num", right=True),
    Column("Text", lambda row: "; ".join(part for part in (row["text"], row["anomaly"]) if part) or "-"),
)
_UNKNOWN = "unknown_order"
_MOMENTS = ("created_ns", "updated_ns", "terminal_ns", "decided_ns", "dispatched_ns", "sent_ns", "recorded_ns")


def order_document(instance: Instance, order_id: str) -> Row:
    """The order's row with `stage` dispatched; else the newest decision about it, its outcome as `stage`. Raises NotFound."""
    from gateway.cli.reading import opened
    from gateway.records.queries import Filter, decisions, orders

    with opened(instance) as store:
        found = orders(store, Filter(order_id=order_id))
        asked = [] if found else decisions(store, Filter(order_id=order_id))
    if found:
        return {"order_id": order_id, "stage": "dispatched"} | found[0]
    # Somebody who names an order that never was gets a denial with its number: that makes no order of it.
    decided = [row for row in asked if row["code"] != _UNKNOWN]
    if not decided:
        raise NotFound(f"there is no order {order_id}; `gateway order list` and `gateway decision list` show what there is")
    output.say(_never_left(order_id, decided[0]))
    return {"order_id": order_id, "stage": decided[0]["outcome"], "state": None} | decided[0]


def order_history(instance: Instance, order_id: str, limit: int) -> list[Row]:
    """Rows of v_order_events; empty, with a message, for an order that never left. Raises NotFound."""
    from gateway.cli.reading import listing

    where: dict[str, Any] = {"order_id": order_id}
    found = listing(instance, "v_order_events", where, order_by=("event_seq", "ordinal"), limit=limit)
    if not found:
        order_document(instance, order_id)
    return found


def _never_left(order_id: str, decision: Row) -> str:
    said = [decision["outcome"].replace("_", " "), decision["code"], decision["reason"]]
    return f"order {order_id} is not an order yet, or never became one: {': '.join(part for part in said if part)}"


def print_order(found: Row) -> None:
    """One value a line, without what was never said."""
    width = max(map(len, found))
    for name, value in found.items():
        if value is not None and value != "":
            text = f"{times.moment(value)} ({value})" if name in _MOMENTS else output.cell(value)
            click.echo(f"{name:{width}} {text}")


def print_history(found: list[Row]) -> None:
    """A table of the events."""
    if found:
        output.console().print(output.table(_HISTORY, found))


def _at_price(quantity: object, price: object) -> str:
    return "-" if quantity is None else f"{output.cell(quantity)} @{output.cell(price)}"
