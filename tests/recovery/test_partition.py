"""The cable between a gateway and its database is pulled, and the one to the venue with it, or the kill switch in that moment.

What is compared is SendingTime(52) of what left, so that no test depends on how quick this machine is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

import pytest
from gateway_process import GatewayProcess, wait_for
from postgresql import PostgresqlGateway, Server, verified
from proxy import Proxy
from stuck import at_venue, resting, stuck_strategy
from test_standby import OPTIONS, PAIR, agree, follows, trades
from trading import STRATEGY, Traders, differences

from gateway.journal.fence import HOLD_SECONDS
from gateway.sim.process import VenueProcess, start_venue

SEED = 20260105
pytestmark = pytest.mark.timeout(300)


class Site:
    """Two gateways: the first reaches database and venue over a cable each, the second directly."""

    def __init__(self, home: Path, server: Server, venue: VenueProcess, stack: ExitStack, extra: str = "") -> None:
        server.start()
        server.recreate()
        self.venue = venue
        self.to_venue = stack.enter_context(Proxy(venue.port))
        self.to_database = stack.enter_context(Proxy(server.socket, messages=False))
        cable = self.to_database.port
        self.active = PostgresqlGateway(home / "a", self.to_venue.port, server, extra=extra, through=cable, **OPTIONS)
        stack.callback(self.active.close)
        self._home, self._server, self._stack, self._extra = home, server, stack, extra

    def standby(self) -> PostgresqlGateway:
        """Running, and following."""
        made = PostgresqlGateway(self._home / "b", self.venue.port, self._server, extra=self._extra, **OPTIONS)
        self._stack.callback(made.close)
        made.start()
        follows(made)
        return made


@pytest.fixture
def make_site(home: Path, server: Server) -> Iterator[Callable[..., Site]]:
    with ExitStack() as stack:
        yield lambda **options: Site(
            home, server, stack.enter_context(start_venue(home / "venue", rate=20, seed=SEED)), stack, **options
        )


def left(gateway: GatewayProcess, *kinds: str) -> list[float]:
    """SendingTime(52), in seconds since 1970, of the messages of these types that left."""
    lines = (gateway.state / "fix/SIM/messages.log").read_text("latin-1").splitlines()
    fields = [dict(part.split("=", 1) for part in line.split("\x01") if "=" in part) for line in lines if " out " in line]
    return [
        datetime.strptime(message["52"], "%Y%m%d-%H:%M:%S.%f").replace(tzinfo=UTC).timestamp()
        for message in fields
        if message.get("35") in kinds
    ]


def now() -> float:
    return datetime.now(tz=UTC).timestamp()


@pytest.mark.parametrize("venue_too", [False, True], ids=["from the database", "from the database and the venue"])
def test_the_active_one_is_cut_off_and_has_stopped_sending_when_the_standby_begins(make_site, venue_too):
    site = make_site(extra=PAIR + STRATEGY)
    active = site.active.start().ready()
    standby = site.standby()
    with Traders(active, Random(SEED)) as traders:
        wait_for(lambda: traders.sent > 20, "trading")
        site.to_database.partition()
        cut = now()
        if venue_too:
            site.to_venue.partition()
        standby.ready()
        site.to_venue.calm()
        site.to_database.calm()  # with the commits and orders that were on their way
        assert active.ended() == 6
    assert f"was taken by process {standby.process.pid} on" in active.err.read_text()
    last = max(left(active, "D", "F", "G", "H", "V", "AF", "A"))
    assert last < cut + HOLD_SECONDS, "the lease was confirmed before the cut at the latest"
    assert last < min(left(standby, "A"))
    trades(standby)
    standby.kill()
    agree(standby, site.venue)


def test_one_of_a_pair_that_is_killed_without_its_database_cancels_nothing_and_gives_up_the_session(make_site):
    """It cannot know whether the other one has the session by now; that one cancels when it is killed, too."""
    site = make_site(extra=PAIR)
    active = site.active.start().ready()
    orders = resting(active)
    standby = site.standby()
    site.to_database.partition()
    active.post("/kill", reason="the database is away")
    wait_for(lambda: active.status()["emergency_cancels"] == {"SIM": {"withheld": 3}}, "withheld, and said so")
    wait_for(lambda: [alarm for alarm in active.status()["alarms"] if alarm["name"] == "emergency SIM"], "an alarm")
    wait_for(lambda: left(active, "5"), "logged out")
    standby.post("/kill", reason="the other one cannot")
    wait_for(lambda: len(at_venue(site.venue)) == len(orders), "cancelled by the other one, from its first moment")
    assert {name for name in at_venue(site.venue).values() if "-E" in name} == set()
    site.to_database.calm()
    assert active.ended() == 6
    assert left(active, "F") == []
    for order_id in orders:  # not before: what the active one had open in the records database holds the other's writer up
        standby.wait_state(order_id, "Cancelled")
    assert differences(standby, site.venue.ledger_path) == []


@pytest.mark.parametrize("when", ["before the session logs out", "after it has"])
def test_a_gateway_without_a_standby_cancels_although_its_database_is_away(make_site, when):
    site = make_site()
    gateway = site.active.start().ready()
    orders = resting(gateway)
    site.to_database.partition()
    if when == "after it has":
        wait_for(lambda: left(gateway, "5"), "logged out")
    gateway.post("/kill", reason="the database is away")
    wait_for(lambda: len(at_venue(site.venue)) == len(orders), "cancelled at the venue without a database")
    assert all("-E" in name for name in at_venue(site.venue).values())
    site.to_database.calm()
    for order_id in orders:
        gateway.wait_state(order_id, "Cancelled")
    gateway.caught_up()
    assert differences(gateway, site.venue.ledger_path) == []
    gateway.kill()
    verified(gateway)


def test_one_of_a_pair_whose_core_is_stuck_cancels_while_its_lease_is_confirmed(make_site, home, monkeypatch):
    file = home / "stuck"
    monkeypatch.setenv("PYTHONPATH", str(home))
    site = make_site(extra=PAIR + stuck_strategy(home, file))
    gateway: Any = site.active.start().ready()
    orders = resting(gateway)
    file.touch()
    (gateway.state / "kill.json").write_text('{"all": "by the file alone"}')
    wait_for(lambda: len(at_venue(site.venue)) == len(orders), "cancelled at the venue by a gateway that is stuck")
    file.unlink()
    for order_id in orders:
        gateway.wait_state(order_id, "Cancelled")
