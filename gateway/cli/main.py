"""The command `gateway`: the table of its commands, and the one edge where known errors become exit codes.

A `GatewayError` ends in `error: ...` on stderr and its exit code, and so does a file that this user may not open. Anything else
is a defect and keeps its traceback. Nothing heavy (the engine, SQLAlchemy, pydantic, rich) is imported here or by what this
imports.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from gateway import __version__
from gateway.cli import output
from gateway.cli.lazy import Entry, LazyGroup
from gateway.cli.options import SETTINGS
from gateway.errors import ConfigurationError, Denied, GatewayError

INTERRUPTED = 130
"""128 + SIGINT, as shells report it."""
LEFT = 141
"""128 + SIGPIPE: whoever read the output left before its end, and what the command would have come to is not known."""

COMMANDS = {
    "demo": Entry("gateway.cli.lifecycle:demo", "Run a simulated venue and a gateway, and compare their ledgers."),
    "init": Entry("gateway.cli.lifecycle:init", "Write a commented starter configuration."),
    "check": Entry("gateway.cli.lifecycle:check", "Verify everything that can be verified before the open."),
    "run": Entry("gateway.cli.lifecycle:run", "Run the live process in the foreground."),
    "stop": Entry("gateway.cli.stop:stop", "Ask the gateway to stop, and wait for its clean end."),
    "status": Entry("gateway.cli.status:status", "Show the whole state of the running gateway."),
    "session": Entry("gateway.cli.session:session", "FIX sessions: their numbers, logon and logout."),
    "trading": Entry("gateway.cli.trading:trading", "Enable, reduce or disable trading in a scope."),
    "kill": Entry("gateway.cli.kill:kill", "The kill switch."),
    "venue": Entry("gateway.cli.venue:venue", "Venues: open one on your word, or close it to new orders."),
    "order": Entry("gateway.cli.order:order", "Orders: send, cancel, look up."),
    "fill": Entry("gateway.cli.reads:fill", "Executions."),
    "position": Entry("gateway.cli.reads:position", "Positions."),
    "decision": Entry("gateway.cli.reads:decision", "What was decided about every intent."),
    "anomaly": Entry("gateway.cli.reads:anomaly", "What should not have been."),
    "config": Entry("gateway.cli.config:config", "The configuration in the file, and those that were used."),
    "audit": Entry("gateway.cli.reads:audit", "What operators asked for."),
    "db": Entry("gateway.cli.db:db", "The records database: its revision and its shape."),
    "incident": Entry(
        "gateway.cli.incident:incident", "Show what happened to an order or in a window, what was known, and why."
    ),
    "replay": Entry("gateway.cli.replay:replay", "Replay a FIX log, or what was recorded."),
    "verify": Entry("gateway.cli.verify:verify", "Replay the journal and compare decisions, states and records."),
    "log": Entry("gateway.cli.log_group:log", "FIX logs of any layout: files, .gz, standard input."),
    "spec": Entry("gateway.cli.spec:spec", "Venue dialects and their dictionaries."),
    "venue-sim": Entry("gateway.cli.simulator:venue_sim", "A FIX venue to connect to."),
    "doctor": Entry("gateway.cli.doctor:doctor", "Look at the installation: engine, dictionaries, versions, permissions."),
}


class Root(LazyGroup):
    """Where errors end."""

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except ConfigurationError as error:
            for problem in error.problems:
                output.error(str(problem))
            ctx.exit(error.exit_code)
        except GatewayError as error:
            output.error(str(error))
            ctx.exit(error.exit_code)
        except PermissionError as error:
            if error.filename is None:
                raise
            output.error(f"no permission to open {error.filename}; run the command as a user who has it")
            ctx.exit(Denied.exit_code)
        except KeyboardInterrupt:
            ctx.exit(INTERRUPTED)
        except BrokenPipeError:
            output.abandon()
            ctx.exit(LEFT)


@click.command("gateway", cls=Root, entries=COMMANDS, context_settings=SETTINGS, no_args_is_help=True)
@click.version_option(__version__, message="%(prog)s %(version)s")
@click.option(
    "--config",
    type=click.Path(path_type=Path, readable=False),
    envvar="GATEWAY_CONFIG",
    show_envvar=True,
    help="The instance's configuration file.  [default: gateway.toml]",
)
def root(config: Path | None) -> None:
    """A live trading gateway: FIX connectivity around a deterministic, event-driven core.

    Exit codes: 0 done, 1 failed, 2 usage, 3 not found, 4 denied, 5 gateway not reachable, 6 precondition, 7 unknown
    outcome.
    """


def _have_streams() -> None:
    """A service started without stdin, stdout or stderr gets /dev/null: else its first file would have that number."""
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        if getattr(sys, name) is None:
            null = os.open(os.devnull, os.O_RDWR)
            if null != number:
                os.dup2(null, number)
                os.close(null)
            setattr(sys, name, open(number, mode, closefd=False))  # noqa: SIM115 - for the life of the process


def main() -> None:
    """The console script."""
    _have_streams()
    root(prog_name="gateway")
