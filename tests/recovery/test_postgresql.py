"""Journal and records in PostgreSQL: deaths on either side, and a journal that is away for a while."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from random import Random

import pytest
from gateway_process import wait_for
from postgresql import PostgresqlGateway, Server, verified
from test_segments import dies_and_goes_on
from trading import STRATEGY, come_to_rest, differences, start_and_die, trade_and_die, trades_through

from gateway.errors import GatewayError
from gateway.journal.stores import JournalAt
from gateway.sim.process import start_venue

SEED = 20260103


@pytest.fixture
def make_postgresql(home: Path, server: Server) -> Iterator[Callable[..., PostgresqlGateway]]:
    made: list[PostgresqlGateway] = []
    server.start()
    server.recreate()

    def build(port: int, name: str = "g", **options) -> PostgresqlGateway:
        made.append(PostgresqlGateway(home / name, port, server, **options))
        return made[-1]

    yield build
    for gateway in made:
        gateway.close()


def test_killed_while_trading(home, make_postgresql):
    random = Random(SEED)
    with start_venue(home / "venue", rate=20, flow=10, seed=SEED) as venue:
        gateway = make_postgresql(venue.port, market_data=["USD/JPY"], extra=STRATEGY, ack_timeout=2)
        sent = sum(trade_and_die(gateway, random) for _ in range(2))
        start_and_die(gateway, random)
        come_to_rest(gateway)
        assert differences(gateway, venue.ledger_path) == []
    assert sent > 2
    assert gateway.rows("SELECT count(*) AS n FROM v_fills")[0]["n"] > 0
    assert verified(gateway)["events"] > 100
    # A database that is lost takes no run number with it.
    runs = gateway.rows("SELECT max(run_id) AS last FROM v_runs")[0]["last"]
    with gateway.server.connect("journal") as connection:
        connection.execute("DROP SCHEMA gateway_journal CASCADE")
    gateway.start().answering()
    with gateway.server.connect("journal") as connection:
        wait_for(lambda: connection.execute("SELECT FROM gateway_journal.event_1").fetchone() is not None, "a new journal")
        assert connection.execute("SELECT min(run_id) AS first FROM gateway_journal.event_1").fetchone()["first"] > runs


def test_a_configuration_outlives_the_server_that_crashes(server):
    """The records of a run are written again from memory; what it was configured with has to be there."""
    server.start()
    server.recreate()
    place = JournalAt(server.url("journal"), "commit")
    with closing(place.open()) as journal:
        journal.remember_configuration("c0ffee", 'name = "desk"')
        server.crash()
        server.start()
    with closing(place.reader()) as reader:
        assert reader.configurations() == {"c0ffee": 'name = "desk"'}


def test_the_server_crashes_and_comes_back(home, make_postgresql, server):
    """With everything it had confirmed and not yet written out: that is written again from memory."""
    with start_venue(home / "venue", rate=20, flow=10, seed=SEED) as venue:
        gateway = make_postgresql(venue.port, market_data=["USD/JPY"], extra=STRATEGY, ack_timeout=2)
        trades_through(gateway, venue, server.crash, server.start)


def test_a_moment_without_the_server_logs_nobody_out(home, make_postgresql, server):
    with start_venue(home / "venue", rate=0) as venue:
        gateway = make_postgresql(venue.port).start().ready()
        gateway.wait_state(gateway.order()["order_id"], "Accepted")
        logons = gateway.rows("SELECT logons FROM v_sessions")
        server.crash()
        server.start()
        order_id = gateway.order()["order_id"]
        gateway.wait_state(order_id, "Accepted")
        assert gateway.rows("SELECT logons FROM v_sessions") == logons
        assert gateway.terminate() == 0
        verified(gateway)


def test_a_second_gateway_is_refused_and_one_that_lost_its_journal_ends(home, venue, make_postgresql, server):
    first = make_postgresql(venue.port).start().ready()
    second = make_postgresql(venue.port, "h").start()
    assert second.ended() == 6
    assert f"is in use by process {first.process.pid} on" in second.err.read_text()
    # Its connection is lost while it sleeps, and another takes the journal: it must not go on.
    first.process.send_signal(signal.SIGSTOP)
    with server.connect("journal") as connection:
        connection.execute("SELECT pg_terminate_backend(backend, 5000) FROM gateway_journal.lease")
    with closing(first.place.open()) as taken:
        head = taken.head()
        first.process.send_signal(signal.SIGCONT)
        with suppress(GatewayError):
            first.order()
        assert first.ended() == 6
        assert f"was taken by process {os.getpid()} on" in first.err.read_text()
        assert taken.head() == head


@pytest.mark.parametrize("point", ["before-roll", "segment-made", "rolled", "snapshot-written"])
def test_death_while_a_segment_ends(make_postgresql, venue, point):
    gateway = make_postgresql(venue.port)
    dies_and_goes_on(gateway, venue, point)
    rolled = point in ("rolled", "snapshot-written")
    with closing(gateway.place.reader()) as reader:
        segments = list(reader.segments())
    assert len(segments) == 2 + rolled
    assert {first - 1 for first in segments[1:]} <= set(gateway.place.snapshots().positions())
    # Old ones go as tables.
    with gateway.server.connect("journal") as connection:
        connection.execute("ALTER TABLE gateway_journal.event_1 SET SCHEMA public")
    assert verified(gateway)["first_event"] == segments[1]
    gateway.start().ready()
    assert gateway.terminate() == 0
