"""Every fault the simulated venue can be told to make: the gateway survives it, and in the end both sides tell one story."""

from __future__ import annotations

import pytest
from gateway_process import wait_for
from trading import come_to_rest, differences


@pytest.fixture
def gateway(make, venue):
    return make(venue.port, ack_timeout=1).start().ready()


def working(gateway, side="buy", quantity="1000", price="109.5"):
    order_id = gateway.order(side, quantity, price)["order_id"]
    gateway.wait_state(order_id, "Accepted")
    return order_id


def ends_equal(gateway, venue):
    """Nothing is left open or in doubt, and records and ledger agree."""
    gateway.terminate()
    come_to_rest(gateway)
    assert differences(gateway, venue.ledger_path) == []


def hit(venue, quantity="400"):
    """The house sells at the price of the orders here: they trade."""
    venue.command(f"house sell USD/JPY {quantity} 109.5")


def reconnects(gateway):
    """Until the gateway has logged on again and is open."""
    wait_for(lambda: len(gateway.rows("SELECT 1 FROM v_session_events WHERE event = 'logon'")) > 1, "logged on again")
    gateway.wait_open()


@pytest.fixture
def inside(venue):
    """A market far away, so that orders at 109.5 are the best there is."""
    venue.command("house sell USD/JPY 100 120")


def test_a_dropped_acknowledgement_of_a_replace_is_asked_about(gateway, venue):
    order_id = working(gateway, price="100")
    venue.command("fault drop 1")
    gateway.replace(order_id, price="101", quantity="2000")
    wait_for(lambda: gateway.rows("SELECT 1 FROM v_order_events WHERE event = 'resolved'"), "the answer")
    [row] = gateway.wait_rows("SELECT * FROM v_orders WHERE order_id = ? AND in_doubt = 0 AND price = 101", order_id)
    assert (row["quantity"], row["state"]) == (2000, "Accepted")
    gateway.replace(order_id, price="100.5", wait_seconds=60)
    gateway.cancel(order_id, wait_seconds=60)
    ends_equal(gateway, venue)


def test_a_dropped_fill_is_counted(gateway, venue):
    order_id = working(gateway, "sell", "1000", "110.000")
    venue.command("fault drop 1")
    venue.command("house buy USD/JPY 400 110.000")
    venue.command("house buy USD/JPY 100 110.000")
    gateway.wait_rows("SELECT 1 FROM v_orders WHERE order_id = ? AND cum_qty = 500", order_id)
    assert gateway.rows("SELECT 1 FROM v_fills WHERE order_id = ? AND status = 'inferred'", order_id)
    gateway.cancel(order_id, wait_seconds=60)
    [row] = gateway.wait_rows("SELECT * FROM v_orders WHERE order_id = ? AND state = 'Cancelled'", order_id)
    assert row["cum_qty"] == 500


def test_delayed_reports(gateway, venue):
    venue.command("fault delay 2 1.5")
    order_id = gateway.order("sell", "1000", "110.000")["order_id"]
    gateway.wait_state(order_id, "Accepted")
    gateway.replace(order_id, quantity="600", wait_seconds=60)
    venue.command("house buy USD/JPY 600 110.000")
    gateway.wait_state(order_id, "Filled")
    ends_equal(gateway, venue)


def test_duplicated_reports(gateway, venue):
    order_id = working(gateway, "sell", "1000", "110.000")
    venue.command("fault duplicate 4")
    gateway.replace(order_id, quantity="900", wait_seconds=60)
    venue.command("house buy USD/JPY 400 110.000")
    gateway.replace(order_id, quantity="800", wait_seconds=60)
    venue.command("house buy USD/JPY 400 110.000")
    gateway.wait_state(order_id, "Filled")
    [row] = gateway.wait_rows("SELECT * FROM v_orders WHERE order_id = ?", order_id)
    assert (row["quantity"], row["cum_qty"]) == (800, 800)
    ends_equal(gateway, venue)


def test_reordered_reports(gateway, venue):
    order_id = working(gateway, "sell", "1000", "110.000")
    venue.command("fault reorder 3")
    gateway.replace(order_id, quantity="2000")
    # Before it is with the venue, 1,200 would be more than there is.
    gateway.wait_rows("SELECT 1 FROM v_decisions WHERE order_id = ? AND intent = 'REPLACE' AND sent_ns IS NOT NULL", order_id)
    venue.command("house buy USD/JPY 400 110.000")
    venue.command("house buy USD/JPY 800 110.000")
    [row] = gateway.wait_rows("SELECT * FROM v_orders WHERE order_id = ? AND cum_qty = 1200 AND quantity = 2000", order_id)
    assert row["state"] == "PartiallyFilled"
    ends_equal(gateway, venue)


def test_fill_before_acknowledgement(gateway, venue):
    venue.command("fault fill-before-ack 1")
    venue.command("house sell USD/JPY 1000 110.000")
    order_id = gateway.order("buy", "1000", "110.000")["order_id"]
    gateway.wait_state(order_id, "Filled")
    ends_equal(gateway, venue)


def test_rejects(gateway, venue):
    venue.command("reject-next 1")
    answer = gateway.order("buy", "1000", "100", wait_seconds=60)
    assert (answer["state"], "rejected by the operator of the venue" in answer["reason"]) == ("Rejected", True)
    assert gateway.wait_state(answer["order_id"], "Rejected")["reason"] == answer["reason"]
    ends_equal(gateway, venue)


@pytest.mark.parametrize("command", ["bust {} ", "correct {} 300 109.8"])
def test_a_trade_is_busted_or_corrected(gateway, venue, command):
    order_id = working(gateway, "sell", "1000", "110.000")
    venue.command("house buy USD/JPY 400 110.000")
    [fill] = gateway.wait_rows("SELECT * FROM v_fills WHERE order_id = ?", order_id)
    venue.command(command.format(fill["exec_id"]))
    status, cum_qty = ("busted", 0) if command.startswith("bust") else ("corrected", 300)
    [row] = gateway.wait_rows("SELECT * FROM v_orders WHERE order_id = ? AND cum_qty = ?", order_id, cum_qty)
    assert (row["quantity"], row["leaves_qty"]) == (1000, 1000 - cum_qty)
    assert [f["status"] for f in gateway.rows("SELECT * FROM v_fills WHERE order_id = ?", order_id)] == [status]
    gateway.cancel(order_id, wait_seconds=60)
    gateway.wait_state(order_id, "Cancelled")
    net = [row["net_qty"] for row in gateway.rows("SELECT net_qty FROM v_positions")]
    assert net == [-cum_qty]


def test_an_unsolicited_cancel(gateway, venue):
    order_id = working(gateway)
    [row] = gateway.wait_rows("SELECT * FROM v_orders WHERE order_id = ? AND venue_order_id IS NOT NULL", order_id)
    venue.command(f"cancel {row['venue_order_id']}")
    gateway.wait_state(order_id, "Cancelled")
    ends_equal(gateway, venue)


def test_a_disconnect_with_a_replace_unheard(gateway, venue):
    """The report is lost with the connection: whether the replace took is asked after the logon."""
    order_id = working(gateway)
    venue.command("fault drop 1")
    gateway.replace(order_id, price="109")
    venue.command("disconnect DESK")
    reconnects(gateway)
    [row] = gateway.wait_rows("SELECT * FROM v_orders WHERE order_id = ? AND in_doubt = 0", order_id)
    [mine] = [line for line in venue.command("orders").split("},") if row["venue_order_id"] in line]
    assert f'"price": "{row["price"]:.3f}"' in mine or f'"price": "{row["price"]:g}"' in mine
    assert f'"cl_ord_id": "{row["cl_ord_id"]}"' in mine
    ends_equal(gateway, venue)


def test_a_refused_logon(gateway, venue):
    order_id = working(gateway)
    venue.command("refuse-logon on")
    venue.command("disconnect DESK")
    gateway.wait_rows("SELECT 1 FROM v_session_events WHERE event = 'logon_refused'")
    venue.command("refuse-logon off")
    reconnects(gateway)
    gateway.replace(order_id, price="109", wait_seconds=60)
    ends_equal(gateway, venue)


@pytest.mark.parametrize("switch", ["gap-fill-resends", "silent-resends"])
def test_a_wrong_sequence_number(gateway, venue, switch):
    """Five numbers are missing; the venue gap-fills them or says nothing to the resend request."""
    order_id = working(gateway)
    venue.command(f"{switch} on")
    venue.command("jump-sequence DESK 5")
    gateway.replace(order_id, price="109")
    if switch == "silent-resends":
        gateway.wait_rows("SELECT 1 FROM v_session_events WHERE event IN ('gap', 'lost_range')")
        venue.command("silent-resends off")
        venue.command("disconnect DESK")
    wait_for(lambda: gateway.rows("SELECT 1 FROM v_orders WHERE price = 109 AND in_doubt = 0"), "the replace is known")
    gateway.wait_open()
    ends_equal(gateway, venue)


def test_the_venue_says_what_it_does(gateway, venue):
    order_id = working(gateway)
    venue.command("fault duplicate 1")
    gateway.replace(order_id, price="109", wait_seconds=60)
    said = wait_for(lambda: (text := venue.log_path.read_text()) and "duplicate" in text and text, "the venue's log")
    assert "fault duplicate 1" in said
    lines = [line for line in said.splitlines() if "(150)=5" in line]
    assert [("[fault: duplicate]" in line, "at 109" in line) for line in lines] == [(False, True), (True, True)]
