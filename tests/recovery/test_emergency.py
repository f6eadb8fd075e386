"""The kill switch while core or journal is stuck: the adapter cancels by itself, and the journal learns of it later."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from gateway_process import locked, wait_for
from postgresql import verified
from stuck import at_venue, resting, stuck_strategy
from test_outages import second_venue
from trading import differences

from gateway.errors import UnknownOutcome
from gateway.sim.process import start_venue

HANGING = str(Path(__file__).with_name("hanging_send.py"))


def requests(gateway, msg_type):
    log = (gateway.state / "fix/SIM/messages.log").read_text()
    return [line for line in log.splitlines() if " out " in line and f"\x0135={msg_type}\x01" in line]


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
    with start_venue(home / "venue", rate=0) as venue:
        gateway = make(venue.port, market_data=["USD/JPY"], extra=stuck_strategy(home, file)).start().ready()
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


def test_one_engine_hangs_in_a_send_and_the_other_venue_is_cancelled(home, make):
    """And what hung there when the kill switch was engaged does not leave when the disk answers again."""
    hold = home / "hold"
    with start_venue(home / "venue", rate=0) as venue, start_venue(home / "alt", sender="ALT", rate=0) as other:
        gateway = make(venue.port, extra=second_venue(other.port), launcher=(HANGING, "SIM", str(hold))).start().ready()
        [order] = resting(gateway, 1)
        elsewhere = gateway.order(price="100", venue="ALT", wait_seconds=10)["order_id"]
        hold.touch()
        with ThreadPoolExecutor() as asking:
            asking.submit(gateway.order, price="100")
            wait_for(lambda: len(gateway.journal("dispatched")) == 3, "one more is about to leave")
            gateway.post("/kill", reason="stuck in a send")
            wait_for(lambda: len(at_venue(other)) == 1, "cancelled where it can be")
            wait_for(lambda: "has hung in another message" in gateway.err.read_text(), "said where it cannot")
            assert at_venue(venue) == {}
            hold.unlink()
        for order_id in (order, elsewhere):
            gateway.wait_state(order_id, "Cancelled")
        [late] = gateway.wait_rows("SELECT * FROM v_orders WHERE state = 'Rejected'")
        assert late["reason"] == "not_sent: kill switch engaged for all"
        assert len(requests(gateway, "D")) == 1
