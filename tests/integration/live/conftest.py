"""Whole gateways, each a process of its own, with records on a real PostgreSQL."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

_TESTS = Path(__file__).parents[2]
sys.path[:0] = [str(Path(__file__).parent), str(_TESTS / "wire/venue"), str(_TESTS / "recovery")]

from postgresql_gateway import PASSWORD, PostgresqlGateway, make_gateway  # noqa: E402 - found on the path set just above

from gateway.sim.process import VenueProcess, start_venue  # noqa: E402


@pytest.fixture(scope="module")
def server(own_postgresql: Any) -> Any:
    """A server that lets the gateway's role in by password alone."""
    own_postgresql.psql(f"CREATE ROLE desk LOGIN PASSWORD '{PASSWORD}';")
    rules = own_postgresql.pgdata / "pg_hba.conf"
    rules.write_text("local all desk scram-sha-256\n" + rules.read_text())
    own_postgresql.psql("SELECT pg_reload_conf();")
    return own_postgresql


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("gw")  # short: a socket's path may have 107 characters


@pytest.fixture(scope="module")
def venue(home: Path) -> Iterator[VenueProcess]:
    """A venue with one tick, at the start: its book moves by orders alone."""
    with start_venue(home / "venue", rate=0) as process:
        yield process


@pytest.fixture
def gateway(server: Any, tmp_path_factory: pytest.TempPathFactory, venue: VenueProcess) -> Iterator[PostgresqlGateway]:
    made = make_gateway(server, tmp_path_factory.mktemp("gw") / "g", venue.port)
    yield made
    made.close()
    server.psql("DROP DATABASE g WITH (FORCE);")
