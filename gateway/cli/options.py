"""What the commands' arguments have in common: every command's options, and the values people type.

A malformed value ends in click's usage error (exit code 2) before anybody is asked. Text that is well formed but must not
reach the wire is the gateway's to refuse (exit code 4), so that there is one place that decides it.
"""

from __future__ import annotations

import functools
import re
import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

import click

from gateway.cli.instance import Instance
from gateway.core.values import scope_problem, text_problem
from gateway.errors import NotFound, OperatorError, UsageError
from gateway.instants import parse_instant

SETTINGS: dict[str, Any] = {"help_option_names": ["-h", "--help"], "max_content_width": 80}
_DEFAULT_CONFIG = Path("gateway.toml")

_SHORT = 60
"""Of a command's line in the list of its group, which is indented."""

F = TypeVar("F", bound=Callable[..., Any])
Decorator = Callable[[F], F]


def group(name: str, summary: str) -> click.Group:
    """A noun, to which commands are added."""
    return click.Group(name, help=summary, context_settings=SETTINGS, no_args_is_help=True)


def command(
    name: str, *, example: str, within: click.Group | None = None, summary: str = ""
) -> Callable[[Callable[..., None]], click.Command]:
    """A command: the function gets an `Instance`, then its own values. `example` is one command line that works; `summary`
    its help, where it is not the function's docstring."""

    def decorate(function: Callable[..., None]) -> click.Command:
        @functools.wraps(function)
        def entered(as_json: bool, config_path: Path | None, **values: Any) -> None:
            above = click.get_current_context().find_root().params.get("config")
            function(Instance(config_path or above or _DEFAULT_CONFIG, as_json=as_json), **values)

        entered = _CONFIG(_JSON(entered))
        text = summary or function.__doc__ or ""
        epilog = f"\b\nExample:\n  {example}"
        made_by = click.command(name, help=text, short_help=_short(text), epilog=epilog, context_settings=SETTINGS)
        made = made_by(entered)
        if within is not None:
            within.add_command(made)
        return made

    return decorate


def _short(help_text: str) -> str:
    """The first sentence; where a list of commands has no room for it, up to where it begins to say more."""
    first = " ".join(help_text.split("\n\n")[0].split()).partition(". ")[0].removesuffix(".")
    return (first if len(first) <= _SHORT else re.split("[;:,] ", first, maxsplit=1)[0]) + "."


def there(context: click.Context, parameter: click.Parameter, value: Path | None) -> Path | None:
    """A file that a command reads. Raises `NotFound` as for any other file that is not there."""
    if value is not None and not value.exists():
        raise NotFound(f"no file {value}; check the path")
    return value


_JSON: Decorator[Any] = click.option("--json", "as_json", is_flag=True, help="Data as JSON on stdout, and nothing else there.")
_CONFIG: Decorator[Any] = click.option(
    "--config", "config_path", type=click.Path(path_type=Path, readable=False), help="As for `gateway` itself; wins over it."
)


_DAY_DIGITS = 8
"""Of a day written 20240531, which is no number of nanoseconds that anybody means."""
_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,3})?")


def number(ctx: click.Context, param: click.Parameter, value: str | None) -> Decimal | None:
    """The callback of an option that takes a decimal number."""
    if value is not None and _NUMBER.fullmatch(value) is None:
        raise click.BadParameter(f"{value!r} is not a decimal number", ctx, param)
    return None if value is None else Decimal(value)


def moment(ctx: click.Context, param: click.Parameter, value: str | None) -> int | None:
    """The callback of an option that takes a time: UTC nanoseconds, from themselves, from ISO 8601, or as FIX writes it."""
    if value is None or (re.fullmatch("[0-9]+", value) and len(value) != _DAY_DIGITS):
        return None if value is None else int(value)
    found = parse_instant(value)
    if found is None:
        what = f"{value!r} is neither ISO 8601 (2024-05-31T14:30:00Z) nor UTC nanoseconds"
        raise click.BadParameter(what, ctx, param)
    return found


def _scope(ctx: click.Context, param: click.Parameter, value: str) -> str:
    problem = scope_problem(value)
    # A scope of the right shape around text that is not allowed is the gateway's to refuse.
    if problem is not None and text_problem(value) is None:
        raise click.BadParameter(problem, ctx, param)
    return value


scope: Decorator[Any] = click.option(
    "--scope",
    callback=_scope,
    default="all",
    show_default=True,
    metavar="SCOPE",
    help="all, venue:NAME, strategy:NAME, account:NAME or instrument:SYMBOL.",
)
wait: Decorator[Any] = click.option(
    "--wait",
    type=click.FloatRange(0, 300),
    default=0,
    metavar="SECONDS",
    help="Wait so long for the venue's answer.",
)
yes: Decorator[Any] = click.option("--yes", is_flag=True, help="Do not ask for the name to be typed.")


def asks(*, reason: str) -> Decorator[Any]:
    """The options of every request that changes something; `reason` is `required` or `optional`."""
    required = reason == "required"

    def said(_: click.Context, __: click.Parameter, value: str | None) -> str:
        if required and not (value or "").strip():
            raise click.BadParameter("is empty: say why, it is recorded")
        return value or ""

    def decorate(function: F) -> F:
        why = click.option("--reason", required=required, callback=said, help="Why; recorded.")
        again = click.option("--request-id", help="To repeat a request whose outcome is unknown; made up when left out.")
        return why(again(function))

    return decorate


def confirm(name: str, what: str, *, yes: bool) -> None:
    """Have `name` typed before something dangerous. Raises UsageError when there is nobody to ask."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise UsageError(f"{what} needs a terminal to confirm on, or --yes; nothing was done")
    typed = click.prompt(f"{what}: type {name!r} to go on", default="", show_default=False, err=True)
    if typed != name:
        raise OperatorError("not confirmed; nothing was done")
