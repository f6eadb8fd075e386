"""A hostile counterparty and gateways that run against it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from counterparty import Counterparty
from gateway_process import GatewayProcess


@pytest.fixture
def venue() -> Iterator[Counterparty]:
    counterparty = Counterparty()
    yield counterparty
    counterparty.close()


@pytest.fixture
def make(tmp_path_factory: pytest.TempPathFactory, venue: Counterparty) -> Iterator[Callable[..., GatewayProcess]]:
    """Gateways against the counterparty; ended after the test."""
    made: list[GatewayProcess] = []

    def build(**options: Any) -> GatewayProcess:
        options.setdefault("port", venue.port)
        made.append(GatewayProcess(tmp_path_factory.mktemp("gw"), **options))
        return made[-1]

    yield build
    for gateway in made:
        gateway.close()


@pytest.fixture
def gateway(make: Callable[..., GatewayProcess]) -> GatewayProcess:
    """A gateway without market data, open for orders."""
    return make().start().ready()
