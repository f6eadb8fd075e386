"""reset_on_logon = true: the engine begins its numbers anew before the journal holds the new epoch, and dies in between."""

from __future__ import annotations

import sqlite3

import pytest
from gateway_process import wait_for

SMALL_INTAKE = """
import sys
from pathlib import Path
from gateway.bootstrap import gateway, process
gateway.INTAKE_CAPACITY = 5
sys.exit(process.run(Path(sys.argv[1])))
"""


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


def test_what_a_full_intake_refused_before_a_reset_is_a_lost_range(make, venue):
    """The venue cannot send it again, and is asked: the fill is inferred, and where it was lost is on record."""
    gateway = make(venue_extra="reset_on_logon = true", launcher=("-c", SMALL_INTAKE)).start().ready()
    order_id = gateway.order(quantity="1000")["order_id"]
    request = venue.wait("D")
    venue.report(request, "0", "0")
    gateway.wait_state(order_id, "Accepted")
    gateway.caught_up()
    lock = sqlite3.connect(gateway.state / "journal.db", isolation_level=None, timeout=100)
    lock.execute("BEGIN IMMEDIATE")
    for done in range(100, 1100, 100):
        venue.send("8", *traded(venue, request, "100", "156", str(done), "156"))
    wait_for(lambda: "intake full" in gateway.err.read_text(), "the connection is cut")
    lock.execute("ROLLBACK")
    lock.close()
    gateway.wait_state(order_id, "Filled")
    [lost] = gateway.wait_rows("SELECT * FROM v_session_events WHERE event = 'lost_range'")
    refused = lost["msg_seq_num"]
    assert lost["detail"] == f"{refused}..{refused}: not taken in before the numbers were reset, with all that followed"
    assert f"intake full: dropping the connection, to go on at MsgSeqNum(34)={refused}" in gateway.err.read_text()
    assert sum(row["last_qty"] for row in gateway.rows("SELECT last_qty FROM v_fills")) == 1000
    assert gateway.rows("SELECT net_qty FROM v_positions") == [{"net_qty": 1000}]
