"""The kill switch while core or journal is stuck: the adapter cancels by itself, and the journal learns of it later."""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager

import pytest
from gateway_process import wait_for
from postgresql import verified
from trading import differences

from gateway.errors import UnknownOutcome
from gateway.sim.ledger import read_ledger
from gateway.sim.process import start_venue

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


@contextmanager
def locked(gateway):
    """Somebody holds the journal's lock for writing: every commit fails."""
    connection = sqlite3.connect(gateway.state / "journal.db", isolation_level=None, timeout=100)
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        connection.execute("ROLLBACK")
        connection.close()


def at_venue(venue):
    """ClOrdIDs of the cancels the venue confirmed, by its order id."""
    return {line.order_id: line.cl_ord_id for line in read_ledger(venue.ledger_path) if line.exec_type == "4"}


def requests(gateway, msg_type):
    log = (gateway.state / "fix/SIM/messages.log").read_text()
    return [line for line in log.splitlines() if " out " in line and f"\x0135={msg_type}\x01" in line]


def resting(gateway, count=3):
    orders = [gateway.order(price="100", wait_seconds=60) for _ in range(count)]
    assert {order["state"] for order in orders} == {"Accepted"}
    return [order["order_id"] for order in orders]


def told(gateway, venue, orders):
    """Every emergency cancel became an event, every order ended, and everybody agrees."""
    for order_id in orders:
        gateway.wait_state(order_id, "Cancelled")
    gateway.caught_up()
    sent = gateway.journal("emergency_cancel_sent")
    assert {event["order_id"] for event in sent} == set(orders)
    assert {event["cl_ord_id"] for event in sent} >= set(at_venue(venue).values())
    history = gateway.rows("SELECT * FROM v_order_events WHERE event = 'emergency_cancel_sent'")
    assert {(row["cl_ord_id"], row["msg_seq_num"]) for row in history} == {
        (event["cl_ord_id"], event["msg_seq_num"]) for event in sent
    }
    assert differences(gateway, venue.ledger_path) == []


@pytest.mark.parametrize("when", ["before the sessions log out", "after they have"])
def test_the_journal_is_stuck(home, make, when):
    with start_venue(home / "venue", rate=0) as venue:
        gateway = make(venue.port).start().ready()
        orders = resting(gateway)
        with locked(gateway):
            if when == "after they have":
                with pytest.raises(UnknownOutcome):
                    gateway.post("/trading", state="enabled", reason="something to write")
                wait_for(lambda: requests(gateway, "5"), "logged out")
            answer = gateway.post("/kill", reason="stuck")
            assert "does not answer" in answer["detail"]
            wait_for(lambda: len(at_venue(venue)) == len(orders), "cancelled at the venue while nothing can be written")
            assert gateway.journal("kill_engaged") == []
            wait_for(lambda: gateway.status()["emergency_cancels"] == {"SIM": {"answered": 3}}, "answered")
            assert [alarm for alarm in gateway.status()["alarms"] if alarm["name"] == "emergency SIM"]
        told(gateway, venue, orders)
        assert len(requests(gateway, "F")) == len(orders), "the core's own cancels were held back"
        wait_for(lambda: gateway.status()["emergency_cancels"] == {}, "over")
        gateway.post("/kill/release", reason="over")
        gateway.wait_open()
        assert gateway.cancel(resting(gateway, 1)[0], wait_seconds=60)["state"] == "Cancelled"
        assert gateway.terminate() == 0
        verified(gateway)


def test_the_core_is_stuck_and_the_next_process_is_told(home, make, monkeypatch):
    file = home / "stuck"
    monkeypatch.setenv("PYTHONPATH", str(home))
    (home / "stuck_strategy.py").write_text(STUCK)
    extra = f"""
[[strategies]]
name = "stuck"
class = "stuck_strategy:Stuck"
instruments = ["USD/JPY"]
params = {{ file = "{file}" }}
"""
    with start_venue(home / "venue", rate=0) as venue:
        gateway = make(venue.port, market_data=["USD/JPY"], extra=extra).start().ready()
        orders = resting(gateway)
        file.touch()
        venue.command("tick")
        (gateway.state / "kill.json").write_text('{"all": "by the file alone"}')
        wait_for(lambda: len(at_venue(venue)) == len(orders), "cancelled at the venue by a gateway that is stuck")
        late = requests(gateway, "D")
        gateway.kill()
        file.unlink()
        gateway.start().ready()
        told(gateway, venue, orders)
        assert requests(gateway, "D") == late
        assert gateway.order()["code"] == "kill_engaged"
        # Told once: the next start finds it in the journal.
        gateway.kill()
        gateway.start().ready()
        assert len(gateway.journal("emergency_cancel_sent")) == len(orders)
        assert gateway.terminate() == 0
        verified(gateway)
