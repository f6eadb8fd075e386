"""`gateway position adjust`: an operator's word on a position that no execution explains."""

from __future__ import annotations

from decimal import Decimal

import click

from gateway.cli.answers import answered
from gateway.cli.instance import Instance
from gateway.cli.options import asks, command, number


@command(
    "adjust",
    example="gateway position adjust --strategy desk --venue SIM --symbol USD/JPY \\\n"
    '    --quantity -5000 --avg-px 156.25 --reason "as the clearer states it"',
)
@click.option("--account", default="", help="The account; empty for orders that name none.")
@click.option("--strategy", required=True, help="The strategy; desk for orders people enter.")
@click.option("--venue", required=True, help="The venue.")
@click.option("--symbol", required=True, help="The symbol.")
@click.option(
    "--quantity", required=True, callback=number, metavar="QTY", help="What the position is now; negative when short."
)
@click.option("--avg-px", required=True, callback=number, metavar="PRICE", help="Its average cost; 0 for a flat position.")
@asks(reason="required")
def adjust(
    instance: Instance,
    account: str,
    strategy: str,
    venue: str,
    symbol: str,
    quantity: Decimal,
    avg_px: Decimal,
    reason: str,
    request_id: str | None,
) -> None:
    """Set a position to a quantity and an average cost.

    Realises nothing. The difference is kept: an earlier execution that is busted later still moves the position.
    """
    answer = instance.ask(
        "/positions/adjust",
        reason=reason,
        request_id=request_id,
        account=account,
        strategy=strategy,
        venue=venue,
        symbol=symbol,
        quantity=str(quantity),
        avg_px=str(avg_px),
    )
    answered(instance, answer, "position adjusted")
