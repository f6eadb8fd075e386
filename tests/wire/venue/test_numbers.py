"""MsgSeqNum(34) is a log position: gaps are asked for, processed once, or journalled as lost."""

from __future__ import annotations

import pytest
from gateway_process import wait_for


@pytest.fixture
def order(gateway, venue):
    order_id = gateway.order()["order_id"]
    request = venue.wait("D")
    venue.report(request, "0", "0")
    gateway.wait_state(order_id, "Accepted")
    return order_id, request


def keep_fill(venue, request, quantity, cum):
    """A fill that the venue made and that never arrived."""
    leaves = str(1000 - int(cum))
    fields = [(32, quantity), (31, "110"), (14, cum), (151, leaves), (6, "110")]
    return venue.keep("8", *venue.report_fields(request, "F", "2" if leaves == "0" else "1", *fields))


def quantities(gateway, order_id):
    return [r["last_qty"] for r in gateway.rows("SELECT * FROM v_fills WHERE order_id = ? ORDER BY event_seq", order_id)]


def test_a_gap_is_asked_for_and_everything_counts_once(gateway, venue, order):
    order_id, request = order
    first = keep_fill(venue, request, "100", "100")
    keep_fill(venue, request, "200", "300")
    venue.fill(request, "400", "110", "700")
    asked = venue.wait("2")
    assert (asked[7], asked[16]) == (str(first), "0")
    wait_for(lambda: len(quantities(gateway, order_id)) == 3, "three fills")
    assert quantities(gateway, order_id) == [100, 200, 400]
    assert gateway.rows("SELECT cum_qty FROM v_orders WHERE order_id = ?", order_id) == [{"cum_qty": 700}]
    assert gateway.rows("SELECT * FROM v_session_events WHERE event = 'gap'")


def test_fills_made_while_we_were_away_come_once(gateway, venue, order):
    order_id, request = order
    gateway.kill()
    keep_fill(venue, request, "100", "100")
    keep_fill(venue, request, "900", "1000")
    gateway.start().ready()
    gateway.wait_state(order_id, "Filled")
    assert quantities(gateway, order_id) == [100, 900]


def test_refused_logons_skip_nothing(gateway, venue, order):
    """The Logout that refuses has a number, too, and the engine counts it: what is missing before it is to be asked for."""
    times = 3
    order_id, request = order
    venue.refuse_logon = "not now"
    logons = len(venue.of_type("A"))
    venue.disconnect()
    for number in range(times):
        wait_for(lambda number=number: len(venue.of_type("A")) > logons + number, "a logon that is refused")
        keep_fill(venue, request, "100", str(100 * (number + 1)))
    venue.refuse_logon = ""
    gateway.wait_open()
    gateway.wait_rows("SELECT 1 FROM v_orders WHERE order_id = ? AND cum_qty = ?", order_id, 100 * times)
    gateway.caught_up()
    fills = gateway.rows("SELECT status FROM v_fills WHERE order_id = ?", order_id)
    assert [row["status"] for row in fills] == ["new"] * times, "reported, not inferred"


def test_killed_between_a_high_logon_and_the_resend_loses_nothing(gateway, venue, order):
    """The Logon carries a number far ahead: the watermark must not follow it past what is still to be resent."""
    order_id, request = order
    gateway.kill()
    keep_fill(venue, request, "100", "100")
    keep_fill(venue, request, "900", "1000")
    venue.resends = "silent"
    gateway.start().answering()
    venue.wait("2")
    gateway.wait_rows("SELECT * FROM v_session_events WHERE event = 'gap'")
    gateway.wait_venue("settling")
    gateway.kill()
    venue.resends = "resend"
    gateway.start().ready()
    gateway.wait_state(order_id, "Filled")
    assert quantities(gateway, order_id) == [100, 900]
    assert {r["status"] for r in gateway.rows("SELECT status FROM v_fills")} == {"new"}


def test_a_gap_fill_over_a_fill_is_found_out_by_reconciliation(gateway, venue, order):
    order_id, request = order
    venue.resends = "gapfill"
    lost = keep_fill(venue, request, "600", "600")
    venue.send("0")
    venue.wait("2")
    assert venue.wait("H")[11] == request[11]
    gateway.wait_state(order_id, "PartiallyFilled")
    [row] = gateway.rows("SELECT * FROM v_fills")
    assert (row["last_qty"], row["status"]) == (600, "inferred")
    [event] = gateway.rows("SELECT * FROM v_session_events WHERE event = 'lost_range'")
    assert event["detail"].startswith(f"{lost}..")
    gateway.wait_open()


def test_a_reset_of_the_sequence_is_a_lost_range(gateway, venue, order):
    order_id, request = order
    skipped = venue.next_out
    keep_fill(venue, request, "600", "600")
    venue.reset_to(skipped + 50)
    venue.wait("H")
    gateway.wait_state(order_id, "PartiallyFilled")
    [event] = gateway.wait_rows("SELECT * FROM v_session_events WHERE event = 'lost_range'")
    assert event["detail"].startswith(f"{skipped}..{skipped + 49}")
    gateway.wait_open()
    assert gateway.venue()["next_target"] > skipped + 49
    venue.fill(request, "400", "110", "1000")
    gateway.wait_state(order_id, "Filled")


def test_a_resend_that_is_answered_by_a_reset_at_logon(gateway, venue, order):
    order_id, request = order
    gateway.kill()
    keep_fill(venue, request, "1000", "1000")
    venue.resends = "reset"
    gateway.start().ready()
    gateway.wait_state(order_id, "Filled")
    assert gateway.rows("SELECT * FROM v_anomalies WHERE kind = 'lost_range'")


def test_resent_duplicates_change_nothing(gateway, venue, order):
    order_id, request = order
    number = venue.fill(request, "400", "110")
    gateway.wait_state(order_id, "PartiallyFilled")
    kind, fields = venue._sent[number]
    venue._write(venue.encode(kind, number, fields, poss_dup=True))
    venue.send(kind, *fields, (97, "Y"))
    venue.send(kind, *fields)
    wait_for(lambda: gateway.watermark() == venue.next_out - 1, "everything taken")
    gateway.caught_up()
    assert quantities(gateway, order_id) == [400]


def test_a_reject_ahead_of_a_gap_loses_nothing(gateway, venue, order):
    """The engine takes a Reject(3) for the next message whatever its number, and would skip the one it waits for."""
    order_id, request = order
    keep_fill(venue, request, "100", "100")
    keep_fill(venue, request, "900", "1000")
    venue.send("3", (45, "1"), (58, "ahead of a gap"))
    gateway.wait_state(order_id, "Filled")
    assert quantities(gateway, order_id) == [100, 900]
    gateway.wait_open()


@pytest.mark.parametrize("manner", ["silent", "refuse"])
def test_a_resend_that_never_comes_is_given_up_after_the_second_time(make, venue, manner):
    """The venue's number is taken at its third Logon, and the status answer tells what the lost message said."""
    gateway = make(venue_extra="resend_timeout_seconds = 1").start().ready()
    order_id = gateway.order()["order_id"]
    request = venue.wait("D")
    venue.report(request, "0", "0")
    gateway.wait_state(order_id, "Accepted")
    venue.resends = manner
    lost = keep_fill(venue, request, "600", "600")
    venue.send("0")
    gateway.wait_state(order_id, "PartiallyFilled")
    [event] = gateway.rows("SELECT * FROM v_session_events WHERE event = 'lost_range'")
    assert event["detail"].startswith(f"{lost}..")
    assert {m[7] for m in venue.of_type("2")} == {str(lost)}
    assert len(venue.of_type("2")) == 2
    assert len(venue.of_type("A")) == 3  # a connection the engine opens and drops at once brings no Logon
    [row] = gateway.rows("SELECT * FROM v_fills")
    assert (row["last_qty"], row["status"]) == (600, "inferred")
    gateway.wait_open()
    venue.fill(request, "400", "110", "1000")
    gateway.wait_state(order_id, "Filled")
    assert quantities(gateway, order_id) == [600, 400]


def test_a_resend_in_pieces_is_waited_for(make, venue):
    """Every piece is progress: nothing is given up, however often it takes a new connection."""
    gateway = make(venue_extra="resend_timeout_seconds = 1").start().ready()
    order_id = gateway.order()["order_id"]
    request = venue.wait("D")
    venue.report(request, "0", "0")
    gateway.wait_state(order_id, "Accepted")
    venue.resends = "partly"
    for part in range(1, 4):
        keep_fill(venue, request, "100", str(100 * part))
    venue.fill(request, "700", "110", "1000")
    wait_for(lambda: len(quantities(gateway, order_id)) == 3, "what came in pieces")
    venue.resends = "resend"
    gateway.wait_state(order_id, "Filled")
    assert quantities(gateway, order_id) == [100, 100, 100, 700]
    assert not gateway.rows("SELECT * FROM v_session_events WHERE event = 'lost_range'")
    gateway.wait_open()


def test_a_bust_of_a_fill_that_was_gap_filled(gateway, venue, order):
    """The report was lost, the quantity inferred; the bust names an execution we never saw."""
    order_id, request = order
    venue.resends = "gapfill"
    keep_fill(venue, request, "600", "600")
    venue.send("0")
    gateway.wait_rows("SELECT * FROM v_fills WHERE status = 'inferred'")
    gateway.wait_open()
    lost = venue.known[request[11]][17]
    venue.report(request, "H", "0", (19, lost), (14, "0"), (151, "1000"))
    gateway.wait_state(order_id, "Accepted")
    gateway.wait_rows("SELECT * FROM v_positions WHERE net_qty = 0")
    assert {r["status"] for r in gateway.rows("SELECT status FROM v_fills")} == {"busted"}
    venue.fill(request, "400", "110", "400")
    gateway.wait_rows("SELECT * FROM v_positions WHERE net_qty = 400")
    gateway.kill()
    assert gateway.start().ready().status()["positions"][0]["net_qty"] == "400"
