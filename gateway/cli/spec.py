"""`gateway spec`: the venue dialects this installation has."""

from __future__ import annotations

from typing import Any

from gateway.cli import output
from gateway.cli.instance import Instance
from gateway.cli.options import command, group
from gateway.cli.output import Column

spec = group("spec", "Venue dialects.")

_COLUMNS = (
    Column("Dialect", "name"),
    Column("Session", "begin_string"),
    Column("Dictionary", "dictionary"),
    Column("Title", "title"),
)


@command("list", within=spec, example="gateway spec list")
def list_(instance: Instance) -> None:
    """Every dialect a venue can be configured with."""
    output.show(instance.as_json, _COLUMNS, dialects(), empty="no dialects are installed")


def dialects() -> list[dict[str, Any]]:
    """One row a dialect. Raises ConfigurationError for one that cannot be used."""
    from gateway.fix.dialect import load_dialect
    from gateway.fix.specs import available, spec_path

    found = [(load_dialect(name), spec_path(name)) for name in available()]
    return [
        {
            "name": dialect.name,
            "title": dialect.title,
            "begin_string": dialect.begin_string,
            "dictionary": dialect.dictionary,
            "messages": dialect.messages,
            "path": str(path),
        }
        for dialect, path in found
    ]
