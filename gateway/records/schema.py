"""Bringing a records database to the revision this build wants, and finding where it departs from what is declared.

Drives alembic without a configuration file, from a checkout or from an installed package. Nothing here knows rows.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect

import gateway
from gateway.errors import InternalError
from gateway.records import partitions
from gateway.records.tables import METADATA
from gateway.records.types import ExactDecimal, Flag
from gateway.records.views import VIEWS


def location() -> Path:
    """Where the migrations lie: inside the installed package, else at the top of the checkout."""
    package = Path(gateway.__file__).parent
    for directory in (package / "migrations", package.parent / "migrations"):
        if (directory / "env.py").is_file():
            return directory
    raise InternalError(f"no migrations in {package} or beside it: the installation is incomplete")


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(location()).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def known(revision: str) -> bool:
    """Whether this build has the migration called `revision`."""
    return any(script.revision == revision for script in ScriptDirectory.from_config(_config()).walk_revisions())


def upgrade(connection: Connection) -> None:
    """Bring the database to the wanted revision, within the transaction of `connection`."""
    command.upgrade(_config(connection), "head")


def differences(connection: Connection) -> list[str]:
    """Where the database departs from the tables and views this build declares, one line each; none when it does not."""
    apart = {one.name for found in (partitions.attached(connection) or {}).values() for one in found}

    def ours(_object: object, name: str | None, kind: str, _reflected: bool, _compared: object) -> bool:
        """A view that was reflected as a table is not one, and a partition is part of its table."""
        return not (kind == "table" and (name in VIEWS or name in apart))

    context = MigrationContext.configure(connection, opts={"compare_type": _type_differs, "include_object": ours})
    return [_line(difference) for difference in compare_metadata(context, METADATA)] + _view_differences(connection)


def _line(difference: Any) -> str:
    """One line for one of alembic's operations, some of which come as a list of their own."""
    parts = difference[0] if isinstance(difference, list) else difference
    return " ".join(str(part) for part in parts if part is not None and not isinstance(part, dict))


def _type_differs(_context: object, _found: object, _declared: object, found_type: Any, declared_type: Any) -> bool | None:
    """SQLite reports ANY as NUMERIC and a flag as INTEGER; everything else alembic compares itself (None)."""
    if isinstance(declared_type, ExactDecimal):
        return found_type.__visit_name__.lower() not in {"numeric", "any"}
    if isinstance(declared_type, Flag):
        return found_type.__visit_name__.lower() not in {"boolean", "integer"}
    return None


def _view_differences(connection: Connection) -> list[str]:
    inspector = inspect(connection)
    existing = set(inspector.get_view_names())
    found = []
    for view in VIEWS.values():
        if view.name not in existing:
            found.append(f"missing view {view.name}")
            continue
        columns = tuple(column["name"] for column in inspector.get_columns(view.name))
        if columns != view.columns:
            found.append(f"view {view.name} has columns {', '.join(columns)}; wanted {', '.join(view.columns)}")
    return found
