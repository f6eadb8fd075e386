"""`gateway fill book`: what was bought and sold in all, grouped as asked. Sums are exact; averages are to fifteen digits."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

import click

from gateway.cli import output
from gateway.cli.instance import Instance
from gateway.cli.options import command, moment
from gateway.cli.output import Column, Row
from gateway.core.values import FillStatus, Side

GROUPS = {"instrument": "symbol", "strategy": "strategy", "account": "account", "venue": "venue"}
"""What can be grouped by -> the column of v_fills."""
_COUNTS = tuple(status.value for status in FillStatus if status not in (FillStatus.BUSTED, FillStatus.REPLACED))


@dataclass(slots=True)
class _Sum:
    fills: int = 0
    bought: Decimal = Decimal(0)
    paid: Decimal = Decimal(0)
    sold: Decimal = Decimal(0)
    received: Decimal = Decimal(0)

    def add(self, side: str, quantity: Decimal, price: Decimal) -> None:
        self.fills += 1
        if side == Side.BUY:
            self.bought += quantity
            self.paid += quantity * price
        else:
            self.sold += quantity
            self.received += quantity * price


def summed(fills: Iterable[Row], by: Sequence[str]) -> list[Row]:
    """One row a group, in the order of its names, with `symbol` always among them: quantities of two instruments have no sum.

    `bought_qty`, `sold_qty`, `net_qty` in units of the instrument; `avg_buy_px`, `avg_sell_px` None where there was none.
    """
    columns = tuple(dict.fromkeys(("symbol", *(GROUPS[name] for name in by))))
    sums: dict[tuple[str, ...], _Sum] = {}
    for fill in fills:
        key = tuple(str(fill[column]) for column in columns)
        sums.setdefault(key, _Sum()).add(fill["side"], Decimal(fill["last_qty"]), Decimal(fill["last_px"]))
    return [
        dict(zip(columns, key, strict=True))
        | {
            "fills": one.fills,
            "bought_qty": one.bought,
            "avg_buy_px": _average(one.paid, one.bought),
            "sold_qty": one.sold,
            "avg_sell_px": _average(one.received, one.sold),
            "net_qty": one.bought - one.sold,
        }
        for key, one in sorted(sums.items())
    ]


def _average(notional: Decimal, quantity: Decimal) -> Decimal | None:
    from gateway.records.context import quotient

    return quotient(notional / quantity) if quantity else None


@command("book", example="gateway fill book --by strategy --by account")
@click.option("--by", multiple=True, type=click.Choice(tuple(GROUPS)), help="Split the totals by this, too; repeatable.")
@click.option("--strategy", help="Only this strategy.")
@click.option("--account", help="Only this account.")
@click.option("--venue", help="Only this venue.")
@click.option("--symbol", help="Only this symbol.")
@click.option("--from", "from_ns", callback=moment, metavar="TIME", help="ISO 8601 (UTC) or nanoseconds.")
@click.option("--to", "to_ns", callback=moment, metavar="TIME", help="Before this time.")
def book(instance: Instance, by: tuple[str, ...], from_ns: int | None, to_ns: int | None, **chosen: str | None) -> None:
    """Totals of what was bought and sold, an instrument a row.

    Counts every execution that stands: not those that were busted, nor inferred ones a report has replaced.
    """
    from gateway.cli.reading import listing

    where = {name: value for name, value in chosen.items() if value is not None} | {"status": _COUNTS}
    fills = listing(instance, "v_fills", where, order_by=("event_seq",), limit=0, from_ns=from_ns, to_ns=to_ns)
    names = dict.fromkeys(("instrument", *by))
    columns = (
        *(Column(name.capitalize(), GROUPS[name]) for name in names),
        Column("Fills", "fills", right=True),
        Column("Bought", "bought_qty", right=True),
        Column("at", lambda row: _rounded(row["avg_buy_px"]), right=True),
        Column("Sold", "sold_qty", right=True),
        Column("at", lambda row: _rounded(row["avg_sell_px"]), right=True),
        Column("Net", "net_qty", right=True),
    )
    output.show(instance.as_json, columns, summed(fills, by), empty="no such fills")


def _rounded(price: Decimal | None) -> str:
    return "-" if price is None else output.rounded(price)
