"""The revision of a records database, as a start asks for it: what it has, and what this build wants.

What changes revisions is `gateway.records.schema`, which takes a tenth of a second to import and is not needed where both are
the same.
"""

from __future__ import annotations

from sqlalchemy import Connection, inspect, text

WANTED = "0004"
"""The newest migration."""
_TABLE = "alembic_version"


def current_revision(connection: Connection) -> str | None:
    """The revision the database has; None when it has never been migrated."""
    if not inspect(connection).has_table(_TABLE):
        return None
    found: str | None = connection.execute(text(f"SELECT version_num FROM {_TABLE}")).scalar_one_or_none()  # noqa: S608 - ours
    return found
