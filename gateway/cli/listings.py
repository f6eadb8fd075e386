"""The table of list commands: which view each reads, by what it can be filtered, and what a person sees of it in 80 columns.

JSON shows every column of the view; the tables here choose. Adding a list is adding an entry.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import click

from gateway.cli import output, times
from gateway.cli.instance import Instance
from gateway.cli.options import command, moment
from gateway.cli.output import Column, Row
from gateway.core.values import TERMINAL, FillStatus, OrderState

LIMIT = 100
OPEN_STATES = tuple(state.value for state in OrderState if state not in TERMINAL)
OUTCOMES = ("dispatched", "queued", "denied", "superseded", "closed_unsent", "failed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """`filters` are columns of the view, each an option of its name; `choices` closes the vocabulary of one of them."""

    view: str
    example: str
    summary: str
    columns: tuple[Column, ...]
    filters: tuple[str, ...]
    choices: dict[str, tuple[str, ...]]
    order_by: tuple[str, ...]
    empty: str
    timed: bool = True
    flags: dict[str, tuple[str, dict[str, Any]]] = field(default_factory=dict)
    """Name of a flag -> its help, and what it asks of columns."""


def _at(key: str) -> Callable[[Row], str]:
    return lambda row: times.short(row[key])


def _number(title: str, key: str) -> Column:
    return Column(title, key, right=True)


ORDERS = Listing(
    view="v_orders",
    example="gateway order list --open --venue SIM",
    summary="Orders, newest first. One that never left is in `gateway decision list`.",
    columns=(
        Column("Order", "order_id"),
        Column("Created", _at("created_ns")),
        Column("Strategy", "strategy"),
        Column("Venue", "venue"),
        Column("Symbol", "symbol"),
        Column("Side", "side"),
        _number("Qty", "quantity"),
        _number("Price", "price"),
        _number("Done", "cum_qty"),
        Column("State", lambda row: f"{row['state']}{' (in doubt)' if row['in_doubt'] else ''}"),
    ),
    filters=("state", "strategy", "account", "venue", "symbol"),
    choices={"state": tuple(state.value for state in OrderState)},
    order_by=("-created_ns", "-event_seq"),
    empty="no such orders",
    flags={
        "open": ("Only orders that are still open.", {"state": OPEN_STATES}),
        "in_doubt": ("Only orders whose true state is unknown.", {"in_doubt": True}),
    },
)
FILLS = Listing(
    view="v_fills",
    example="gateway fill list --order 7-12",
    summary="Executions, newest first; one row an ExecID(17).",
    columns=(
        Column("Time", _at("recorded_ns")),
        Column("Order", "order_id"),
        Column("ExecID", "exec_id"),
        Column("Strategy", "strategy"),
        Column("Venue", "venue"),
        Column("Symbol", "symbol"),
        Column("Side", "side"),
        _number("Qty", "last_qty"),
        _number("Price", "last_px"),
        Column("Status", "status"),
    ),
    filters=("order_id", "status", "strategy", "account", "venue", "symbol"),
    choices={"status": tuple(status.value for status in FillStatus)},
    order_by=("-event_seq", "order_id", "exec_id"),
    empty="no such fills",
)
POSITIONS = Listing(
    view="v_positions",
    example="gateway position list --account DESK1",
    summary="Every position ever held, flat ones included.",
    columns=(
        Column("Account", "account"),
        Column("Strategy", "strategy"),
        Column("Venue", "venue"),
        Column("Symbol", "symbol"),
        _number("Net", "net_qty"),
        _number("Average", "avg_px"),
        _number("Realized", "realized_pnl"),
        Column("Updated", _at("updated_ns")),
    ),
    filters=("account", "strategy", "venue", "symbol"),
    choices={},
    order_by=("account", "strategy", "venue", "symbol"),
    empty="no positions",
    timed=False,
)
DECISIONS = Listing(
    view="v_decisions",
    example="gateway decision list --outcome denied",
    summary="What was decided about every intent, newest first.",
    columns=(
        Column("Decided", _at("decided_ns")),
        Column("Order", "order_id"),
        Column("Strategy", "strategy"),
        Column("Intent", "intent"),
        Column("Symbol", "symbol"),
        Column("Side", "side"),
        _number("Qty", "quantity"),
        _number("Price", "price"),
        Column("Outcome", "outcome"),
        Column("Why", lambda row: row["reason"] if row["code"] is None else f"{row['code']}: {row['reason']}"),
    ),
    filters=("order_id", "outcome", "code", "strategy", "account", "venue", "symbol"),
    choices={"outcome": OUTCOMES},
    order_by=("-event_seq",),
    empty="no such decisions",
)
ANOMALIES = Listing(
    view="v_anomalies",
    example="gateway anomaly list --kind unknown_order",
    summary="What should not have been, newest first.",
    columns=(
        Column("Time", _at("recorded_ns")),
        Column("Kind", "kind"),
        Column("Venue", "venue"),
        Column("Order", "order_id"),
        _number("MsgSeqNum", "msg_seq_num"),
        Column("Detail", "detail"),
    ),
    filters=("kind", "order_id", "venue", "session", "strategy"),
    choices={},
    order_by=("-event_seq", "ordinal"),
    empty="no such anomalies",
)
AUDIT = Listing(
    view="v_operator_actions",
    example="gateway audit list --actor alice",
    summary="What operators asked for, newest first.",
    columns=(
        Column("Time", _at("recorded_ns")),
        Column("Actor", "actor"),
        Column("Action", "action"),
        Column("Scope", "scope"),
        Column("Before", lambda row: row["before"] or "-"),
        Column("After", "after"),
        Column("Result", "result"),
        Column("Reason", lambda row: row["reason"] or "-"),
    ),
    filters=("actor", "action", "scope", "request_id"),
    choices={},
    order_by=("-event_seq", "ordinal"),
    empty="no such actions",
)

_FLAGS = {"order_id": "--order"}


def listing_command(listing: Listing, within: click.Group) -> click.Command:
    """The `list` command of a noun."""

    def run(instance: Instance, limit: int, from_ns: int | None = None, to_ns: int | None = None, **chosen: Any) -> None:
        show(instance, listing, _where(listing, chosen), limit, from_ns, to_ns)

    run.__doc__ = listing.summary
    if listing.timed:
        run = click.option("--to", "to_ns", callback=moment, metavar="TIME", help="Before this time.")(run)
        run = click.option("--from", "from_ns", callback=moment, metavar="TIME", help="ISO 8601 (UTC) or nanoseconds.")(run)
    run = click.option("--limit", type=click.IntRange(0), default=LIMIT, show_default=True, help="Rows at most; 0 for all.")(
        run
    )
    for name in reversed(listing.filters):
        closed = listing.choices.get(name)
        flag = _FLAGS.get(name, f"--{name.replace('_', '-')}")
        run = click.option(flag, name, type=click.Choice(closed) if closed else str, help=f"Only this {name}.")(run)
    for name, (what, _) in listing.flags.items():
        run = click.option(f"--{name.replace('_', '-')}", name, is_flag=True, help=what)(run)
    return command("list", within=within, example=listing.example)(run)


def _where(listing: Listing, chosen: dict[str, Any]) -> dict[str, Any]:
    """What the options ask of columns. Raises click.UsageError when two of them speak of the same one."""
    where = {name: chosen[name] for name in listing.filters if chosen[name] is not None}
    for name, (_, asked) in listing.flags.items():
        if chosen[name]:
            if where.keys() & asked.keys():
                raise click.UsageError(f"--{name.replace('_', '-')} and --{next(iter(asked))} exclude each other")
            where |= asked
    return where


def show(
    instance: Instance,
    listing: Listing,
    where: dict[str, Any],
    limit: int,
    from_ns: int | None = None,
    to_ns: int | None = None,
) -> None:
    """Read and print one listing."""
    from gateway.cli.reading import listing as read

    found = read(instance, listing.view, where, order_by=listing.order_by, limit=limit, from_ns=from_ns, to_ns=to_ns)
    output.show(instance.as_json, listing.columns, found, empty=listing.empty)
