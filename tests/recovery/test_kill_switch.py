"""The kill switch in a burst: what comes after it is nothing but cancels, each followed to its end, over restarts too."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from random import Random

from gateway_process import wait_for
from trading import Traders, differences

from gateway.sim.process import start_venue


def sent_orders(gateway):
    log = (gateway.state / "fix/SIM/messages.log").read_text()
    return [line for line in log.splitlines() if " out " in line and "\x0135=D\x01" in line]


def open_orders(gateway):
    return gateway.status()["orders"]["open"]


def test_in_a_burst_and_over_restarts(home, make):
    kill_file = home / "g/var/kill.json"
    with start_venue(home / "venue", rate=20) as venue:
        gateway = make(venue.port, market_data=["USD/JPY"]).start().ready()
        with Traders(gateway, Random(1), threads=4):
            wait_for(lambda: len(sent_orders(gateway)) > 30, "a burst")
            answer = gateway.post("/kill", reason="test")
            engaged = datetime.now(UTC).strftime("%H:%M:%S.%f")
            assert answer["engaged"] == {"all": "test"}
            assert json.loads(kill_file.read_text()) == {"all": "test"}
            wait_for(lambda: gateway.rows("SELECT * FROM v_decisions WHERE code = 'kill_engaged' LIMIT 1"), "denials")
        wait_for(lambda: open_orders(gateway) == 0, "every order ended")
        late = [line for line in sent_orders(gateway) if line.split(" ")[0].split("-")[1] > engaged]
        assert late == []
        gateway.caught_up()
        assert differences(gateway, venue.ledger_path) == []
        # Not forgotten by a process that dies, nor by one whose journal's word is all there is.
        gateway.kill()
        gateway.start().ready()
        assert gateway.order()["code"] == "kill_engaged"
        gateway.kill()
        kill_file.unlink()
        gateway.start().ready()
        assert gateway.order()["code"] == "kill_engaged"
        assert json.loads(kill_file.read_text()) == {"all": "test"}
        gateway.post("/kill/release", reason="over")
        assert json.loads(kill_file.read_text()) == {}
        gateway.wait_state(gateway.order(price="100")["order_id"], "Accepted")
        # A file alone engages it: before a start, in a gateway that runs, and an unreadable one counts.
        gateway.kill()
        kill_file.write_text('{"all": "while it was down"}')
        gateway.start().ready()
        assert "while it was down" in gateway.order()["reason"]
        audit = "SELECT actor FROM v_operator_actions WHERE action = 'kill_engaged' AND reason = 'while it was down'"
        assert gateway.wait_rows(audit) == [{"actor": "kill file"}]
        gateway.post("/kill/release", reason="over")
        gateway.wait_state(gateway.order(price="100")["order_id"], "Accepted")
        kill_file.write_text("{not json")
        wait_for(lambda: "all" in gateway.status()["kill"], "the file was seen")
        wait_for(lambda: open_orders(gateway) == 0, "cancelled")
        assert gateway.order()["code"] == "kill_engaged"


def test_an_order_open_at_a_killed_scope_is_cancelled_after_the_logon(home, make):
    """Killed while the venue was away: the cancel goes out when it is back."""
    with start_venue(home / "venue", rate=0) as venue:
        gateway = make(venue.port).start().ready()
        order_id = gateway.order()["order_id"]
        gateway.wait_state(order_id, "Accepted")
        venue.command("refuse-logon on")
        venue.command("disconnect DESK")
        wait_for(lambda: not gateway.venue()["opened"], "closed")
        gateway.post("/kill", reason="test")
        gateway.kill()
        venue.command("refuse-logon off")
        gateway.start()
        gateway.wait_state(order_id, "Cancelled")


QUOTER = """
[[strategies]]
name = "maker"
class = "gateway.strategies.quoter:Quoter"
instruments = ["USD/JPY"]
params = {}
"""


def test_a_strategy_that_quotes_at_once_after_the_release_is_not_stopped_by_the_gate(home, make):
    """The gate opens with the release, before what the strategy makes of it is sent."""
    with start_venue(home / "venue", rate=50) as venue:
        gateway = make(venue.port, market_data=["USD/JPY"], extra=QUOTER).start().ready()
        quotes = "SELECT * FROM v_orders WHERE strategy = 'maker' AND state = 'Accepted'"
        gateway.wait_rows(quotes)
        for again in range(5):
            gateway.post("/kill", reason=f"drill {again}")
            wait_for(lambda: open_orders(gateway) == 0, "every order ended")
            gateway.post("/kill/release", reason="over")
            gateway.wait_rows(quotes)
            gateway.caught_up()
            [last] = gateway.rows("SELECT MAX(recorded_ns) AS ns FROM v_operator_actions WHERE action = 'kill_released'")
            stopped = "SELECT order_id, reason FROM v_orders WHERE reason LIKE 'not_sent%' AND created_ns >= ?"
            assert gateway.rows(stopped, last["ns"]) == []
