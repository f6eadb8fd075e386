"""The command `gateway venue-sim`.

Exists to turn flags into settings. The engine is imported only once the venue is to be started, so that help is instant.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import click

from gateway.errors import GatewayError
from gateway.sim.settings import decimal_of, settings_from
from gateway.sim.versions import VERSIONS

_PATH = click.Path(path_type=Path)


def _flags(command: Callable[..., None]) -> Callable[..., None]:
    """The flags that are settings; none has a default here, so that the file's values show through."""
    options = [
        click.option("--host", help="127.0.0.1 lets in local clients only, 0.0.0.0 everybody. [127.0.0.1]"),
        click.option("--port", type=int, help="0 takes any free port and says which. [0]"),
        click.option("--fix-version", type=click.Choice(list(VERSIONS)), help="The version of FIX it speaks. [4.4]"),
        click.option("--sender", metavar="COMPID", help="The venue's CompID. [SIM]"),
        click.option("--target", metavar="COMPID", multiple=True, help="A client's CompID; repeatable. [DESK]"),
        click.option("--username", help="What a Logon must name; with --password-env. [none]"),
        click.option(
            "--password-env", metavar="NAME", help="Environment variable with the password a Logon must carry. [none]"
        ),
        click.option("--symbol", multiple=True, help="Repeatable. [USD/JPY]"),
        click.option(
            "--tick-size", type=decimal_of, metavar="DECIMAL", help="Grid of the random walk and of the house's levels. [0.001]"
        ),
        click.option("--start-price", type=decimal_of, metavar="DECIMAL", help="Where the random walk begins. [110]"),
        click.option(
            "--lot", type=decimal_of, metavar="DECIMAL", help="Unit of house sizes: quotes 100-500 lots, flow 1-5. [1000]"
        ),
        click.option("--ticks", type=_PATH, help="CSV timestamp,bid,ask for the first symbol, in place of the walk."),
        click.option("--loop/--no-loop", default=None, help="Play the file again at its end. [--loop]"),
        click.option("--seed", type=int, help="Of everything random. [1]"),
        click.option("--rate", type=click.FloatRange(0, 10_000), help="Ticks a second; 0: one tick at start. [20]"),
        click.option("--flow", type=click.FloatRange(0, 10_000), help="House market orders a second and symbol. [4]"),
        click.option("--dir", type=_PATH, help="Engine store, run number and ledger.csv. [venue]"),
    ]
    for option in reversed(options):
        command = option(command)
    return command


@click.command(name="venue-sim")
@click.argument("config", required=False, type=_PATH)
@_flags
@click.option("--quiet", is_flag=True, help="Only warnings and errors on stderr.")
@click.option("--json", "as_json", is_flag=True, help="Say where it listens as a JSON object.")
@click.option("--console", is_flag=True, help="Take commands on stdin, answer each with one line; try help.")
@click.option("--exit-with-parent", is_flag=True, help="Stop when the process that started it is gone.")
def venue_sim(config: Path | None, quiet: bool, as_json: bool, console: bool, exit_with_parent: bool, **flags: object) -> None:
    """A FIX venue to connect to.

    Matching, market data, status requests, faults and a ledger of its own.

    CONFIG is a TOML file with the flags' names (tick_size for --tick-size); flags win over it.
    """
    settings = settings_from(flags, config)
    logging.basicConfig(
        level=logging.WARNING if quiet else logging.INFO, format="%(asctime)s %(levelname)s %(message)s", force=True
    )
    from gateway.sim.server import serve

    serve(settings, as_json=as_json, quiet=quiet, console=console, exit_with_parent=exit_with_parent)


def main() -> None:
    """The command on its own, outside the `gateway` command line: known errors end in one line and their exit code."""
    try:
        venue_sim()
    except GatewayError as error:
        click.echo(f"venue-sim: {error}", err=True)
        raise SystemExit(error.exit_code) from None
