"""reset_on_logon = true: the engine begins its numbers anew before the journal holds the new epoch, and dies in between."""

from __future__ import annotations

import sqlite3

import pytest
from gateway_process import wait_for


def traded(venue, request, quantity, price, cum_qty, avg_px):
    more = ((32, quantity), (31, price), (14, cum_qty), (151, str(1000 - int(cum_qty))), (6, avg_px))
    return venue.report_fields(request, "F", "2" if cum_qty == "1000" else "1", *more)


@pytest.mark.parametrize("again", ["told again", "not told again"])
def test_death_with_the_reset_on_the_wire_and_not_in_the_journal(make, venue, again):
    gateway = make(venue_extra="reset_on_logon = true").start().ready()
    order_id = gateway.order(quantity="1000")["order_id"]
    request = venue.wait("D")
    venue.report(request, "0", "0")
    day = [traded(venue, request, "300", "156", "300", "156")]
    venue.send("8", *day[0])
    gateway.wait_state(order_id, "PartiallyFilled")
    gateway.caught_up()
    first = gateway.venue()["epoch"]
    lock = sqlite3.connect(gateway.state / "journal.db", isolation_level=None, timeout=100)
    lock.execute("BEGIN IMMEDIATE")
    logons = len(venue.of_type("A"))
    venue.disconnect()
    wait_for(lambda: len(venue.of_type("A")) > logons, "a logon that resets")
    day.append(traded(venue, request, "200", "157", "500", "156.4"))
    venue.send("8", *day[1])  # in the new count, as a low number; the journal has not heard of it
    wait_for(lambda: (gateway.state / "fix/SIM/messages.log").read_text("latin-1").count("\x0132=200\x01") == 1, "the fill")
    gateway.kill()
    lock.execute("ROLLBACK")
    lock.close()
    gateway.start().ready()
    assert gateway.venue()["epoch"] == first + 1
    gateway.wait_rows("SELECT * FROM v_orders WHERE cum_qty = 500")
    if again == "told again":  # the venue repeats its day under new numbers, with the ExecIDs it gave
        for fields in day:
            venue.send("8", *fields)
        gateway.caught_up()
    venue.send("8", *traded(venue, request, "500", "158", "1000", "157.2"))
    gateway.wait_state(order_id, "Filled")
    gateway.caught_up()
    rows = gateway.rows("SELECT last_qty, last_px, status FROM v_fills WHERE status <> 'replaced' ORDER BY event_seq")
    assert [(row["last_qty"], row["last_px"]) for row in rows] == [(300, 156), (200, 157), (500, 158)]
    assert gateway.rows("SELECT net_qty FROM v_positions") == [{"net_qty": 1000}]
    assert len(venue.of_type("D")) == 1
