"""Every kind of order through the command line, over the wire, to the simulated venue and back."""

from __future__ import annotations

import json
import os

import pytest
from forked import run as run_forked
from trading import come_to_rest, differences

USAGE, NOT_FOUND, DENIED = 2, 3, 4


@pytest.fixture
def gateway(make, venue):
    return make(venue.port).start().ready()


@pytest.fixture
def desk(gateway):
    """`gateway order ...` as an operator types it; the document it prints, and its exit code."""

    def run(*words, code=0):
        environment = {**os.environ, "GATEWAY_CONFIG": str(gateway.config)}
        done = run_forked(["-m", "gateway", "order", *words, "--json"], env=environment)
        assert done.returncode == code, done.stderr
        return json.loads(done.stdout) if done.stdout.strip() else {}

    def new(side, quantity, *words, code=0):
        asked = ("new", "--venue", "SIM", "--symbol", "USD/JPY", "--side", side, "--qty", quantity, "--wait", "10")
        return run(*asked, *words, code=code)

    run.new = new
    return run


def test_replace(desk, gateway, venue):
    order_id = desk.new("buy", "1000", "--price", "105")["order_id"]
    first = desk("replace", order_id, "--price", "105.5", "--wait", "10")
    assert (first["stage"], first["state"], first["replaced"]) == ("dispatched", "Accepted", True)
    desk("replace", order_id, "--qty", "3000", "--price", "106", "--wait", "10")
    shown = desk("show", order_id)
    assert (shown["quantity"], shown["price"], shown["cum_qty"]) in {("3000", "106", "0"), ("3000", "106.000", "0")}
    assert desk("replace", order_id, "--price", "106", code=DENIED)["code"] == "no_change"
    assert desk("replace", order_id, "--price", "1", code=DENIED)["code"] == "price_collar"
    desk("replace", "9-9", "--price", "106", code=NOT_FOUND)
    desk("replace", order_id, code=USAGE)
    desk("cancel", order_id, "--wait", "10")
    assert desk("replace", order_id, "--price", "105", code=DENIED)["code"] == "order_closed"
    chain = gateway.wait_rows(
        "SELECT cl_ord_id, orig_cl_ord_id FROM v_order_events WHERE order_id = ? AND event = 'dispatched' ORDER BY event_seq",
        order_id,
    )
    names = [row["cl_ord_id"] for row in chain]
    assert [row["orig_cl_ord_id"] for row in chain] == [None, *names[:-1]]
    intents = gateway.rows("SELECT intent, outcome FROM v_decisions WHERE order_id = ? ORDER BY event_seq", order_id)
    assert [row["intent"] for row in intents if row["outcome"] == "dispatched"] == ["NEW", "REPLACE", "REPLACE", "CANCEL"]
    come_to_an_end(gateway, venue)


def test_stop_and_stop_limit(desk, gateway, venue):
    stop = desk.new("buy", "1000", "--type", "stop", "--stop-price", "110.2")["order_id"]
    limit = desk.new("sell", "1000", "--type", "stop-limit", "--stop-price", "109.5", "--price", "109.4")["order_id"]
    assert desk("replace", stop, "--stop-price", "110.000", "--wait", "10")["replaced"]
    assert desk("show", stop)["state"] == "Accepted"
    venue.command("house sell USD/JPY 100 110.000")
    desk.new("buy", "100", "--price", "110.000")  # a trade at the stop price
    gateway.wait_state(stop, "Filled")
    desk("cancel", limit, "--wait", "10")
    assert gateway.wait_state(limit, "Cancelled")["stop_price"] == 109.5
    come_to_an_end(gateway, venue)


def test_immediate_orders(desk, gateway, venue):
    venue.command("house sell USD/JPY 400 110.000")
    none = desk.new("buy", "100000", "--price", "110.000", "--tif", "fok")
    assert none["state"] == "Cancelled"
    some = desk.new("buy", "1000", "--price", "110.000", "--tif", "ioc")
    assert some["state"] == "Cancelled"
    venue.command("house sell USD/JPY 400 110.000")
    whole = desk.new("buy", "400", "--price", "110.000", "--tif", "fok")
    assert whole["state"] == "Filled"
    found = {row["order_id"]: row["cum_qty"] for row in gateway.wait_rows("SELECT * FROM v_orders")}
    assert found == {none["order_id"]: 0, some["order_id"]: 400, whole["order_id"]: 400}
    come_to_an_end(gateway, venue)


def test_good_till_cancelled_outlives_the_day(desk, gateway, venue):
    day = desk.new("buy", "1000", "--price", "105")["order_id"]
    gtc = desk.new("buy", "1000", "--price", "105", "--tif", "gtc")["order_id"]
    assert venue.command("end-day") == "1 report"
    gateway.wait_state(day, "Expired")
    assert desk("replace", gtc, "--price", "105.5", "--wait", "10")["replaced"]
    assert desk("show", gtc)["state"] == "Accepted"
    come_to_an_end(gateway, venue)


def test_cancel_all_by_scope(desk, gateway, venue):
    orders = [desk.new("buy", "1000", "--price", "105", "--account", name)["order_id"] for name in ("A", "B")]
    desk("cancel-all", "--scope", "account:A", "--yes")
    gateway.wait_state(orders[0], "Cancelled")
    desk("cancel-all", "--scope", "strategy:other", "--yes", code=NOT_FOUND)
    desk("cancel-all", "--scope", "account:C", "--yes")
    assert desk("show", orders[1])["state"] == "Accepted"
    desk("cancel-all", "--scope", "instrument:USD/JPY", "--yes")
    gateway.wait_state(orders[1], "Cancelled")
    desk("cancel-all", "--scope", "nonsense", "--yes", code=USAGE)
    come_to_an_end(gateway, venue)


def come_to_an_end(gateway, venue):
    gateway.terminate()
    come_to_rest(gateway)
    assert differences(gateway, venue.ledger_path) == []
