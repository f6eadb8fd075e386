"""The table of listing commands: which view each reads, by what it can be filtered, what a person sees of it in 80 columns.

JSON shows every column of the view; the tables here choose. Adding a list is adding an entry.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import click

from gateway.cli import output, times
from gateway.cli.instance import Instance
from gateway.cli.options import command, moment
from gateway.cli.output import Column, Row
from gateway.core.values import TERMINAL, FillStatus, OrderState

LIMIT = 100
HASH_LENGTH = 64
"""Of a SHA-256 in hexadecimal."""
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
    with_decisions: bool = False
    """Each row has an `outcome`, too: what was decided because of it."""
    verb: str = "list"
    flags: dict[str, tuple[str, dict[str, Any]]] = field(default_factory=dict)
    """Name of a flag -> its help, and what it asks of columns."""


def _time(title: str, key: str) -> Column:
    return Column(title, lambda row: times.short(row[key]), whole=True)


def _number(title: str, key: str) -> Column:
    return Column(title, key, right=True)


def _quotient(title: str, key: str) -> Column:
    return Column(title, lambda row: output.rounded(Decimal(row[key])), right=True)


def _terms(quantity: str, price: str) -> Column:
    """`buy 1000 @150.125 stop 150`: one column where four would not fit."""

    def of(row: Row) -> str:
        at = "" if row[price] is None else f"@{output.cell(row[price])}"
        stop = "" if row.get("stop_price") is None else f"stop {output.cell(row['stop_price'])}"
        said = (row.get("intent"), row["side"], None if row[quantity] is None else output.cell(row[quantity]), at, stop)
        return " ".join(part for part in said if part)

    return Column("Terms", of)


def _after(row: Row) -> str:
    """The hash of a configuration short enough for a screen."""
    return " ".join(word[:12] if len(word) == HASH_LENGTH else word for word in output.cell(row["after"]).split())


def _result(row: Row) -> str:
    """`requested` says nothing about a request of which something was decided."""
    outcome = row.get("outcome")
    said = [outcome] if row["result"] == "requested" and outcome else [row["result"], outcome]
    return "; ".join(filter(None, said))


ORDERS = Listing(
    view="v_orders",
    example="gateway order list --open --venue SIM",
    summary="Orders, newest first. One that never left is in `gateway decision list`.",
    columns=(
        Column("Order", "order_id"),
        _time("Created", "created_ns"),
        Column("Strategy", "strategy"),
        Column("Venue", "venue"),
        Column("Symbol", "symbol"),
        _terms("quantity", "price"),
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
        _time("Time", "recorded_ns"),
        Column("Order", "order_id"),
        Column("ExecID", "exec_id"),
        Column("Venue", "venue"),
        Column("Symbol", "symbol"),
        _terms("last_qty", "last_px"),
        Column("Status", "status", whole=True),
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
        _quotient("Average", "avg_px"),
        _quotient("Realized", "realized_pnl"),
        _time("Updated", "updated_ns"),
    ),
    filters=("account", "strategy", "venue", "symbol"),
    choices={},
    order_by=("account", "strategy", "venue", "symbol"),
    empty="no positions",
    timed=False,
)
POSITION_HISTORY = Listing(
    view="v_position_events",
    verb="history",
    example="gateway position history --symbol USD/JPY",
    summary="Every change of a position and its cause, newest first.",
    columns=(
        _time("Time", "recorded_ns"),
        Column("Account", "account"),
        Column("Strategy", "strategy"),
        Column("Symbol", "symbol"),
        Column("Cause", "cause", whole=True),
        _number("Quantity", "quantity"),
        _number("Price", "price"),
        _number("Net", "net_qty"),
        _quotient("Realized", "realized_pnl"),
    ),
    filters=("account", "strategy", "venue", "symbol", "cause", "order_id"),
    choices={},
    order_by=("-event_seq", "-ordinal"),
    empty="no such changes",
)
DECISIONS = Listing(
    view="v_decisions",
    example="gateway decision list --outcome denied",
    summary="What was decided about every intent, newest first.",
    columns=(
        _time("Decided", "decided_ns"),
        Column("Order", "order_id"),
        Column("Strategy", "strategy"),
        Column("Symbol", "symbol"),
        _terms("quantity", "price"),
        Column("Outcome", "outcome", whole=True),
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
        _time("Time", "recorded_ns"),
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
    summary="What operators asked for and what came of it, newest first.",
    with_decisions=True,
    columns=(
        _time("Time", "recorded_ns"),
        Column("Actor", "actor"),
        Column("Action", "action", whole=True),
        Column("Scope", "scope"),
        Column("After", _after),
        Column("Result", _result),
        Column("Reason", lambda row: row["reason"] or "-"),
    ),
    filters=("actor", "action", "scope", "request_id"),
    choices={},
    order_by=("-event_seq", "ordinal"),
    empty="no such actions",
)

_FLAGS = {"order_id": "--order"}


def listing_command(listing: Listing, within: click.Group) -> click.Command:
    """The command of a listing."""

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
    return command(listing.verb, within=within, example=listing.example)(run)


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

    found = read(
        instance,
        listing.view,
        where,
        order_by=listing.order_by,
        limit=limit,
        from_ns=from_ns,
        to_ns=to_ns,
        with_decisions=listing.with_decisions,
    )
    output.show(instance.as_json, listing.columns, found, empty=listing.empty)
