"""Gateways that trade with the simulated venue, each a process of its own."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1] / "wire/venue"))

from gateway_process import GatewayProcess
from postgresql import Server

from gateway.sim.process import VenueProcess, start_venue


@pytest.fixture
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("gw")  # short: a socket's path may have 107 characters


@pytest.fixture
def venue(home: Path) -> Iterator[VenueProcess]:
    """A venue with one tick, at the start: its book moves by orders alone."""
    with start_venue(home / "venue", rate=0) as process:
        yield process


@pytest.fixture
def make(home: Path) -> Iterator[Callable[..., GatewayProcess]]:
    made: list[GatewayProcess] = []

    def build(port: int, name: str = "g", **options: Any) -> GatewayProcess:
        made.append(GatewayProcess(home / name, port, **options))
        return made[-1]

    yield build
    for gateway in made:
        gateway.close()


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """A PostgreSQL that is pulled away and comes back; whoever takes it starts it and empties it first."""
    running = Server()
    yield running
    running.close()
