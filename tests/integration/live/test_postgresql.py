"""A whole gateway whose records live in a real PostgreSQL: from `db upgrade` to `verify`, the server away between."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from gateway_process import wait_for
from postgresql_gateway import PASSWORD
from trading import differences

from gateway.sim.process import VenueProcess, start_venue

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


@pytest.fixture
def venue(tmp_path: Path) -> Iterator[VenueProcess]:
    """A venue that has not met any gateway before."""
    with start_venue(tmp_path / "venue", rate=0) as process:
        yield process


def test_a_day_on_postgresql(gateway: Any, server: Any, venue: VenueProcess) -> None:
    gateway.start()
    assert gateway.ended() == 6
    said = gateway.err.read_text()
    assert "at revision none" in said
    assert "run `gateway db upgrade`" in said
    assert "gateway db upgrade" in gateway.cli("db", "check", exit_code=6)
    assert gateway.cli("db", "current")["revision"] is None
    upgraded = gateway.cli("db", "upgrade")
    assert (upgraded["before"], upgraded["revision"]) == (None, gateway.cli("db", "current")["wanted"])
    assert gateway.cli("db", "check")["differences"] == []

    gateway.start().ready()
    gateway.wait_state(gateway.order()["order_id"], "Accepted")
    venue.command("house sell USD/JPY 700 110")
    gateway.wait_rows("SELECT * FROM v_fills")
    writer = wait_for(lambda: gateway.status()["records"]["pid"], "a process that writes the records")
    assert not any(PASSWORD.encode() in Path(f"/proc/{writer}/{what}").read_bytes() for what in ("cmdline", "environ"))

    server.stop()
    ids = [gateway.order(price="110", wait_seconds=60)["order_id"] for _ in range(20)]
    venue.command("house sell USD/JPY 5300 110")
    wait_for(lambda: gateway.status()["records"]["lag_events"] > 60, "records behind")
    wait_for(lambda: gateway.status()["capabilities"]["record_writer"]["state"] == "degraded", "it is said")
    assert gateway.order(price="110", wait_seconds=60)["state"] == "Accepted", "trading does not wait for records"
    server.start()
    gateway.caught_up()
    assert gateway.status()["records"]["lag_events"] == 0
    states = [row["state"] for row in gateway.rows("SELECT * FROM v_orders ORDER BY event_seq") if row["order_id"] in ids]
    assert sorted(states) == ["Accepted"] * 15 + ["Filled"] * 5
    history = gateway.rows("SELECT order_id, event FROM v_order_events ORDER BY event_seq, ordinal")
    assert len(history) == len({(row["order_id"], row["event"], i) for i, row in enumerate(history)})
    for order_id in ids[:5]:
        assert [row["event"] for row in history if row["order_id"] == order_id] == [
            "dispatched", "transmitted", "accepted", "filled",
        ], "once each, in order"  # fmt: skip
    assert differences(gateway, venue.ledger_path) == []

    assert gateway.terminate() == 0
    verdict = gateway.cli("verify")
    assert (verdict["equal"], verdict["record_differences"], verdict["notes"]) == (True, 0, [])
    assert verdict["records_seq"] == verdict["events"] > 100
    gateway.tells_nobody()


def test_records_that_were_touched_are_rebuilt(gateway: Any, server: Any, venue: VenueProcess) -> None:
    gateway.cli("db", "upgrade")
    gateway.start().ready()
    gateway.wait_state(gateway.order()["order_id"], "Accepted")
    assert "is writing to the journal" in gateway.cli("db", "rebuild", "--yes", exit_code=6)
    assert gateway.terminate() == 0
    before = gateway.rows("SELECT * FROM v_order_events ORDER BY event_seq, ordinal")
    with psycopg.connect(gateway.database) as connection:
        connection.execute("UPDATE orders SET quantity = 1")
        connection.execute("DELETE FROM order_events WHERE event = 'accepted'")
    assert gateway.cli("verify", exit_code=1)["record_differences"] == 2
    rebuilt = gateway.cli("db", "rebuild", "--yes")
    assert (rebuilt["differed"], rebuilt["differences"], rebuilt["equal"]) == (2, 0, True)
    assert gateway.rows("SELECT * FROM v_order_events ORDER BY event_seq, ordinal") == before
    assert gateway.cli("verify")["equal"] is True
    gateway.start().ready()
    assert gateway.status()["orders"]["open"] == 1
    gateway.tells_nobody()
