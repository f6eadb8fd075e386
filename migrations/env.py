"""Alembic's environment for the records database.

The gateway hands in an open connection (`gateway.records.schema`), so there is no alembic.ini, no URL and no password here.
A revision is one file in `versions/`, holds its own frozen text of tables and views, and imports nothing from the gateway:
what was released stays what it was.
"""

from __future__ import annotations

from alembic import context

context.configure(connection=context.config.attributes["connection"])
with context.begin_transaction():
    context.run_migrations()
