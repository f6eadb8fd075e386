"""A configuration that changes while the gateway trades: all of it or nothing, and the journal says from where on."""

from __future__ import annotations

import os
import signal

import pytest
from gateway_process import wait_for

from gateway.errors import Denied, PreconditionFailed
from gateway.journal.stores import JournalAt
from gateway.records.store import RecordStore
from gateway.runtime.strategies import load_strategies
from gateway.verification import verify_instance

MAKER = """
[[strategies]]
name = "maker"
class = "gateway.strategies.quoter:Quoter"
instruments = ["USD/JPY"]
params = { quantity = "1000" }
"""


def change(gateway, old, new):
    text = gateway.config.read_text()
    assert text.count(old) == 1
    gateway.config.write_text(text.replace(old, new))


def effective(gateway):
    return gateway.status()["config_sha256"]


def verified(gateway):
    place = JournalAt(f"sqlite:///{gateway.state}/journal.db")
    verdict = verify_instance(place, RecordStore(f"sqlite:///{gateway.records}"), load_strategies, lambda *_: None)
    assert verdict.equal, verdict.first
    return verdict


def test_a_limit_holds_from_the_event_on_and_the_journal_verifies(gateway, venue):
    before = effective(gateway)
    assert gateway.order(quantity="500")["stage"] == "dispatched"
    change(gateway, 'max_order_quantity = "1000000"', 'max_order_quantity = "400"')
    answer = gateway.post("/configuration", reason="smaller")
    assert answer["changed"] == ["risk.max_order_quantity"]
    assert effective(gateway) == answer["sha256"] != before
    assert gateway.order(quantity="500")["code"] == "max_order_quantity"
    gateway.caught_up()
    rows = gateway.rows("SELECT config_sha256, outcome FROM v_decisions ORDER BY event_seq")
    assert [(row["config_sha256"], row["outcome"]) for row in rows] == [(before, "dispatched"), (answer["sha256"], "denied")]
    [action] = gateway.rows("SELECT * FROM v_operator_actions WHERE action = 'configuration_updated'")
    assert (action["before"], action["reason"]) == (before, "smaller")
    assert action["after"] == f"{answer['sha256']} risk.max_order_quantity"
    stored = {row["config_sha256"]: row["toml"] for row in gateway.rows("SELECT * FROM v_configurations")}
    assert 'max_order_quantity = "400"' in stored[answer["sha256"]]
    assert 'max_order_quantity = "1000000"' in stored[before]
    assert gateway.post("/configuration")["detail"] == "nothing has changed"
    assert gateway.terminate() == 0
    verified(gateway)
    gateway.start().ready()
    assert effective(gateway) == answer["sha256"]


def test_what_needs_a_restart_is_named_and_nothing_is_changed(gateway, venue):
    before = effective(gateway)
    change(gateway, 'max_order_quantity = "1000000"', 'max_order_quantity = "400"')
    change(gateway, "heartbeat_seconds = 30", "heartbeat_seconds = 7")
    with pytest.raises(Denied, match=r"only with a restart: venues\.SIM\.heartbeat_seconds; nothing was changed") as refused:
        gateway.post("/configuration")
    assert "risk.max_order_quantity" in str(refused.value)
    assert effective(gateway) == before
    assert gateway.order(quantity="500")["stage"] == "dispatched"


def test_every_mistake_is_named_and_nothing_is_changed(gateway, venue):
    before = effective(gateway)
    change(gateway, 'max_order_quantity = "1000000"', 'max_order_qty = "400"')
    change(gateway, 'price_collar_pct = "20"', "price_collar_pct = 2.5")
    with pytest.raises(PreconditionFailed) as refused:
        gateway.post("/configuration")
    assert "risk.max_order_qty: is not a known key; did you mean 'max_order_quantity'?" in str(refused.value)
    assert "risk.price_collar_pct: is a float" in str(refused.value)
    assert effective(gateway) == before


def test_hangup_takes_up_the_file(gateway, venue):
    before = effective(gateway)
    change(gateway, 'max_order_quantity = "1000000"', 'max_order_quantity = "400"')
    for stray in (signal.SIGUSR1, signal.SIGUSR2):  # nothing uses them: they do nothing
        gateway.process.send_signal(stray)
    gateway.process.send_signal(signal.SIGHUP)
    wait_for(lambda: effective(gateway) != before, "the new configuration")
    assert gateway.order(quantity="500")["code"] == "max_order_quantity"
    [action] = gateway.wait_rows("SELECT * FROM v_operator_actions WHERE action = 'configuration_updated'")
    assert action["actor"] == "SIGHUP"


HANGS = """
from gateway.strategies import Memory, Params, Strategy

class Waits(Params, frozen=True):
    until: str = ""

    def __post_init__(self):
        if self.until:
            open(self.until + ".here", "w").close()
            open(self.until).close()

class Hangs(Strategy[Waits, Memory]):
    def on_event(self, event, view, memory):
        return memory, []
"""


def test_a_strategy_that_hangs_while_it_is_made_anew_holds_up_no_kill_switch(make, venue):
    gateway = make(
        extra=MAKER.replace("gateway.strategies.quoter:Quoter", "hangs:Hangs").replace('quantity = "1000"', 'until = ""')
    )
    change(gateway, 'state_dir = "var"', 'state_dir = "var"\nstrategy_path = "."')
    (gateway.home / "hangs.py").write_text(HANGS)
    pipe = gateway.home / "pipe"
    os.mkfifo(pipe)  # whoever opens it for reading waits for a writer
    gateway.start().ready()
    change(gateway, 'until = ""', f'until = "{pipe}"')
    gateway.process.send_signal(signal.SIGHUP)
    wait_for(pipe.with_name("pipe.here").exists, "it hangs")
    (gateway.state / "kill.json").write_text('{"all": "by hand"}')
    wait_for(lambda: gateway.journal("kill_engaged"), "the kill file is seen")
    assert gateway.terminate() == 0


def test_a_strategy_gets_its_parameters_and_keeps_its_memory(make, venue):
    gateway = make(market_data=["USD/JPY"], extra=MAKER).start().ready()
    asked = venue.wait("V")

    def quote(price):
        entries = [(269, "0"), (270, price), (271, "1000000"), (269, "1"), (270, f"{float(price) + 0.1:.3f}"), (271, "1000000")]
        venue.send("W", (262, asked[262]), (55, "USD/JPY"), (268, 2), *entries)

    quote("110.000")
    quotes = [venue.wait("D"), venue.wait("D")]
    for request in quotes:
        assert request[38] == "1000"
        venue.report(request, "0", "0")
    change(gateway, 'quantity = "1000"', 'quantity = "500"')
    assert gateway.post("/configuration")["changed"] == ["strategies.maker.params.quantity"]
    quote("111.000")
    replaces = [venue.wait("G"), venue.wait("G")]
    assert {replace[41] for replace in replaces} == {request[11] for request in quotes}, "it remembers its orders"
    assert [replace[38] for replace in replaces] == ["500", "500"]
    change(gateway, 'quantity = "500"', 'quantity = "x"')
    with pytest.raises(PreconditionFailed, match=r"gateway.toml:\d+: strategies\[0\].params.quantity: "):
        gateway.post("/configuration")
    assert gateway.terminate() == 0
    verified(gateway)
