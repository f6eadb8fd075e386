"""Open orders, a strategy that never returns, and what the venue has cancelled: for tests of emergency cancels."""

from __future__ import annotations

from pathlib import Path

from gateway_process import GatewayProcess

from gateway.sim.ledger import read_ledger
from gateway.sim.process import VenueProcess

STUCK = '''
"""A strategy that never returns once a file is there."""

from pathlib import Path

import msgspec

from gateway.core.strategy import Strategy


class Params(msgspec.Struct, frozen=True, kw_only=True):
    file: str


class Memory(msgspec.Struct, frozen=True, kw_only=True):
    pass


class Stuck(Strategy[Params, Memory]):
    Params = Params
    Memory = Memory

    def on_event(self, event, view, memory):
        while Path(self.params.file).exists():
            pass
        return memory, ()
'''


def stuck_strategy(home: Path, file: Path) -> str:
    """Its section of a configuration; it is importable from `home`, and does not return while `file` is there."""
    (home / "stuck_strategy.py").write_text(STUCK)
    return f"""
[[strategies]]
name = "stuck"
class = "stuck_strategy:Stuck"
instruments = ["USD/JPY"]
params = {{ file = "{file}" }}
"""


def at_venue(venue: VenueProcess) -> dict[str, str | None]:
    """ClOrdIDs of the cancels the venue confirmed, by its order id."""
    return {line.order_id: line.cl_ord_id for line in read_ledger(venue.ledger_path) if line.exec_type == "4"}


def resting(gateway: GatewayProcess, count: int = 3) -> list[str]:
    """Ids of orders that the venue has accepted and nobody trades with."""
    orders = [gateway.order(price="100", wait_seconds=60) for _ in range(count)]
    assert {order["state"] for order in orders} == {"Accepted"}
    return [order["order_id"] for order in orders]
