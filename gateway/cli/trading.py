"""`gateway trading`: which new risk may be taken, scope by scope."""

from __future__ import annotations

import click

from gateway.cli.answers import answered
from gateway.cli.instance import Instance
from gateway.cli.options import asks, command, confirm, group, scope, yes
from gateway.core.values import TradingState

trading = group("trading", "Enable, reduce or disable trading in a scope.")


def _switch(name: str, state: TradingState, why: str, summary: str) -> click.Command:
    example = f'gateway trading {name} --scope venue:SIM --reason "{why}"'

    @command(name, within=trading, summary=summary, example=example)
    @scope
    @asks(reason="optional")
    def switch(instance: Instance, scope: str, reason: str, request_id: str | None) -> None:
        answer = instance.ask("/trading", reason=reason, request_id=request_id, scope=scope, state=state.value)
        answered(instance, answer, f"trading {state} for {scope}")

    return switch


_switch("enable", TradingState.ENABLED, "maintenance is over", "Allow new orders; enabling a strategy also clears its errors.")
_switch(
    "disable",
    TradingState.DISABLED,
    "venue maintenance",
    "Deny new orders, and drop those that wait. What is open at venues stays open.",
)
_switch("reduce", TradingState.REDUCED, "flat by the close", "Allow only orders that bring a position nearer to zero.")


@command("roll-day", within=trading, example='gateway trading roll-day --yes --reason "the venue closed early"')
@click.option(
    "--date", "trading_date", metavar="YYYYMMDD", help="The day that begins; the one after the present when left out."
)
@yes
@asks(reason="required")
def roll_day(instance: Instance, trading_date: str | None, yes: bool, reason: str, request_id: str | None) -> None:
    """Begin the next trading day now, ahead of the configured time.

    Daily limits restart, DAY orders are asked about, DAY orders that were not sent yet are dropped.
    """
    confirm(instance.configuration.configuration.gateway.name, "ending the trading day", yes=yes)
    answer = instance.ask("/trading/roll-day", reason=reason, request_id=request_id, trading_date=trading_date)
    answered(instance, answer, answer["detail"])
