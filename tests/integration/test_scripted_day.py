"""The scripted day on each database: everything both venues say they did is in the records, and nothing else is."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from desk import Stores
from scripted_day import STRATEGIES, live_through, postgresql


@pytest.mark.slow
@pytest.mark.timeout(180)
@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_both_venues_agree_with_the_records_at_the_end_of_the_day(
    database: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    home = tmp_path_factory.mktemp("day")  # short: a socket's path may have 107 characters
    server = postgresql(tmp_path_factory.mktemp("pg")) if database == "postgresql" else nullcontext(Stores())
    with server as stores:
        comparison = live_through(home, stores, print)
    assert comparison.differences == []
    assert comparison.executions > 14
    assert comparison.orders > 20
    assert comparison.positions >= len(STRATEGIES) + 1  # momentum has two instruments at most, the desk two venues
