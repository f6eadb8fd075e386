"""`gateway spec`: venue dialects and the dictionaries they compile to. Needs no running gateway and no configuration."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from gateway.cli import output
from gateway.cli.instance import Instance
from gateway.cli.options import command, group
from gateway.cli.output import Column
from gateway.errors import ConfigurationError, GatewayError, NotFound

DIFFERS = 1

spec = group("spec", "Venue dialects and their dictionaries.")

_COLUMNS = (
    Column("Dialect", "name"),
    Column("Session", "begin_string"),
    Column("Dictionary", "dictionary"),
    Column("Messages", lambda row: " ".join(row["messages"])),
    Column("Title", "title"),
)
_DIFFERENCES = (
    Column("What", "kind", whole=True),
    Column("Where", "where"),
    Column("Left", "left"),
    Column("Right", "right"),
)
_DIALECT = click.argument("dialect", metavar="DIALECT|FILE")


@command("list", within=spec, example="gateway spec list")
def list_(instance: Instance) -> None:
    """Every dialect a venue can be configured with.

    Session is BeginString(8); JSON has the file, the transport dictionary and DefaultApplVerID(1137), too.
    """
    output.show(instance.as_json, _COLUMNS, dialects(), empty="no dialects are installed")


@command("build", within=spec, example="gateway spec build generic-fix44 --out /tmp/dictionaries")
@_DIALECT
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), default=Path(), help="Where to.  [default: here]")
def build(instance: Instance, dialect: str, out: Path) -> None:
    """Write the dictionaries a dialect compiles to, as QuickFIX reads them.

    NAME.permissive.xml is what the gateway gives its engine, so that no fill is refused; NAME.strict.xml is what its
    decoder judges by. With FIXT.1.1 each comes in two, the session's as NAME.transport.*.xml.

    Exit codes: 3 no such dialect, 6 it cannot be used or written.
    """
    from gateway.fix.dialect import load_dialect, require_usable
    from gateway.fix.strict_file import write_dictionaries

    loaded = load_dialect(_existing(dialect))
    require_usable(loaded)
    written = [str(path) for path in write_dictionaries(loaded, out)]
    if instance.as_json:
        output.document({"dialect": loaded.name, "files": written})
    else:
        click.echo("\n".join(written))


@command("check", within=spec, example="gateway spec check generic-fix44")
@_DIALECT
def check(instance: Instance, dialect: str) -> None:
    """Find everything wrong with a dialect, at once: keys, types, contradictions, names the dictionaries lack.

    Exit codes: 3 no such dialect, 6 problems were found.
    """
    from gateway.fix.dialect import check_dialect, dialect_path

    path = dialect_path(_existing(dialect))
    problems = check_dialect(path)
    if instance.as_json:
        output.document({"path": str(path), "ok": not problems, "problems": [asdict(problem) for problem in problems]})
    if problems:
        raise ConfigurationError(problems)
    if not instance.as_json:
        click.echo(f"{path}: can be used")


@command("diff", within=spec, example="gateway spec diff generic-fix44 generic-fix44")
@click.argument("left")
@click.argument("right")
@click.option("--message", "messages", multiple=True, metavar="MSGTYPE", help="Only this message; repeatable.")
def diff(instance: Instance, left: str, right: str, messages: tuple[str, ...]) -> None:
    """Show what differs between two dialects or dictionaries.

    LEFT and RIGHT: a dialect's name or .toml file, or a dictionary's .xml file or standard name (FIX44.xml). Compared are
    settings, messages, fields in them, what is required, groups, types and values.

    Exit codes: 0 equal, 1 different, 3 no such dialect or file, 6 one cannot be used.
    """
    from gateway.fix.differences import differences, sheet

    found = [asdict(difference) for difference in differences(sheet(left), sheet(right), messages)]
    output.show(instance.as_json, _DIFFERENCES, found, empty="no differences")
    click.get_current_context().exit(DIFFERS if found else 0)


def dialects() -> list[dict[str, Any]]:
    """One row a dialect; one that cannot be read has its first problem as its title."""
    from gateway.fix.dialect import load_dialect
    from gateway.fix.specs import available, spec_path

    return [_row(load_dialect, name, str(spec_path(name))) for name in available()]


def _row(load: Any, name: str, path: str) -> dict[str, Any]:
    keys = ("begin_string", "dictionary", "transport_dictionary", "appl_ver_id", "messages", "title")
    try:
        dialect = load(name)
    except GatewayError as error:
        return {"name": name, "path": path, **dict.fromkeys(keys), "messages": [], "title": f"cannot be used: {error}"}
    return {"name": name, "path": path, **{key: getattr(dialect, key) for key in keys}}


def _existing(reference: str) -> str:
    if reference.endswith(".toml") and not Path(reference).is_file():
        raise NotFound(f"no dialect file {reference}; check the path, or see `gateway spec list`")
    return reference
