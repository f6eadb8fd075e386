"""The rules of sequence recovery and their limits, each on the wire."""

from __future__ import annotations

import pytest
from gateway_process import wait_for

from gateway.fix.specs import spec_path


def open_order(gateway, venue, quantity="1000"):
    order_id = gateway.order(quantity=quantity)["order_id"]
    request = venue.wait("D")
    venue.report(request, "0", "0")
    gateway.wait_state(order_id, "Accepted")
    return order_id, request


def keep_fills(venue, request, count, first=1):
    """Fills of one each that the venue made and that never arrived."""
    for cum in range(first, first + count):
        fields = [(32, "1"), (31, "110"), (14, str(cum)), (151, str(1000 - cum)), (6, "110")]
        venue.keep("8", *venue.report_fields(request, "F", "1", *fields))


def filled(gateway, order_id):
    rows = gateway.rows("SELECT cum_qty FROM v_orders WHERE order_id = ?", order_id)
    return int(rows[0]["cum_qty"]) if rows else 0


def with_session(make, **keys):
    """A gateway whose dialect has these keys in its [session]."""
    text = spec_path("generic-fix44").read_text().replace("generic-fix44", "own")
    lines = "".join(f"{key} = {value}\n" for key, value in keys.items())
    text = text.replace("[codes.side]", f"[session]\n{lines}[codes.side]", 1)
    gateway = make(dialect="own.toml")
    (gateway.home / "own.toml").write_text(text)
    return gateway


# ------------------------------------------------------------------------------------------------------------ chunks


@pytest.mark.parametrize("manner", ["resend", "gapfills"])
def test_a_long_resend_is_asked_for_in_chunks(make, venue, manner):
    gateway = with_session(make, resend_chunk=10).start().ready()
    order_id, request = open_order(gateway, venue)
    venue.resends = manner
    first = venue.next_out
    keep_fills(venue, request, 34)
    venue.send("0")
    wait_for(lambda: filled(gateway, order_id) == 34, "all of it, by report or by asking")
    asked = [(int(m[7]) - first, int(m[16]) - first) for m in venue.of_type("2")]
    assert asked == [(0, 9), (10, 19), (20, 29), (30, 33)]
    gateway.wait_open()
    lost = gateway.rows("SELECT * FROM v_session_events WHERE event = 'lost_range'")
    assert bool(lost) is (manner == "gapfills")
    fills = gateway.rows("SELECT * FROM v_fills")
    assert len(fills) == (34 if manner == "resend" else 1)
    assert sum(int(fill["last_qty"]) for fill in fills) == 34
    venue.fill(request, "1", "110", "35")
    wait_for(lambda: filled(gateway, order_id) == 35, "live again")
    assert len(venue.of_type("2")) == 4


def test_a_connection_lost_amid_chunks_goes_on_with_the_rest(make, venue):
    gateway = with_session(make, resend_chunk=10).start().ready()
    order_id, request = open_order(gateway, venue)
    first = venue.next_out
    keep_fills(venue, request, 25)
    venue.resends = "partly"  # one message, and nothing more
    venue.send("0")
    wait_for(lambda: filled(gateway, order_id) == 1, "the first of them")
    venue.resends = "resend"
    venue.disconnect()
    wait_for(lambda: filled(gateway, order_id) == 25, "the rest")
    gateway.wait_open()
    asked = [(int(m[7]) - first, int(m[16]) - first) for m in venue.of_type("2")]
    assert asked[:3] == [(0, 9), (1, 10), (11, 20)]
    assert len(gateway.rows("SELECT * FROM v_fills")) == 25


# ------------------------------------------------------------------------------------------- NextExpectedMsgSeqNum(789)


def test_what_the_logon_shows_to_be_missing_comes_without_being_asked_for(make, venue):
    venue.next_expected = True
    gateway = with_session(make, next_expected="true").start().ready()
    order_id, request = open_order(gateway, venue)
    gateway.kill()
    expected = venue.next_out
    keep_fills(venue, request, 20)
    gateway.start().ready()
    assert venue.of_type("A")[-1][789] == str(expected)
    wait_for(lambda: filled(gateway, order_id) == 20, "all of it")
    assert len(gateway.rows("SELECT * FROM v_fills WHERE status = 'new'")) == 20
    assert venue.of_type("2") == []
    assert not gateway.rows("SELECT * FROM v_session_events WHERE event = 'lost_range'")


def test_what_the_venue_shows_to_be_missing_is_gap_filled_and_no_order_goes_again(make, venue):
    venue.next_expected = True
    gateway = with_session(make, next_expected="true").start().ready()
    order_id, request = open_order(gateway, venue)
    venue.expected = request.number  # it has lost our order, and says so in its Logon
    venue.disconnect()
    fill = venue.wait("4")
    assert (fill[123], int(fill[34])) == ("Y", request.number)
    gateway.wait_open()
    assert len(venue.of_type("D")) == 1
    venue.fill(request, "1000", "110")
    gateway.wait_state(order_id, "Filled")


# ----------------------------------------------------------------------------------- numbers at a logon (edge case 12)


def test_too_low_for_the_venue_names_the_number_and_the_command_that_mends_it(gateway, venue):
    """We lost our numbers."""
    order_id, request = open_order(gateway, venue)
    venue.refuse_logon = "MsgSeqNum too low, expecting 4711 but received 4"
    venue.disconnect()
    reason = gateway.wait_venue("expecting 4711")["reason"]
    assert 'gateway session set-seq SIM --next-sender 4711 --reason "..."' in reason
    venue.refuse_logon, venue.expected = "", 4711
    gateway.post("/sessions/SIM/set-seq", reason="as it says", next_sender=4711)
    gateway.wait_open()
    assert venue.of_type("A")[-1][34] == "4711"
    venue.fill(request, "1000", "110")
    gateway.wait_state(order_id, "Filled")


def test_too_low_from_the_venue_names_the_number_and_the_command_that_mends_it(gateway, venue):
    """The venue lost its numbers."""
    order_id, request = open_order(gateway, venue)
    for _ in range(5):
        venue.send("0")
    wait_for(lambda: gateway.watermark() == venue.next_out - 1, "heartbeats taken")
    venue.next_out = 3
    venue.disconnect()
    reason = gateway.wait_venue("MsgSeqNum too low")["reason"]
    assert 'gateway session set-seq SIM --next-target 3 --reason "..."' in reason
    gateway.post("/sessions/SIM/logout")
    venue.next_out = 3
    gateway.post("/sessions/SIM/set-seq", reason="as it says", next_target=3)
    gateway.post("/sessions/SIM/logon")
    gateway.wait_open()
    venue.fill(request, "1000", "110")
    gateway.wait_state(order_id, "Filled")


def test_a_reset_that_was_asked_for_and_is_not_honoured(gateway, venue):
    """The venue answers without ResetSeqNumFlag(141)=Y and goes on with its own number: what that skips is asked for."""
    order_id, request = open_order(gateway, venue)
    venue.honour_reset = False
    venue.next_out = 500
    gateway.post("/sessions/SIM/reset", reason="agreed, or so we thought")
    assert venue.wait("A", t141="Y")
    gateway.wait_open()
    assert gateway.venue()["next_target"] == venue.next_out
    venue.fill(request, "1000", "110")
    gateway.wait_state(order_id, "Filled")


def test_the_venue_resets_in_mid_day_by_a_logon(gateway, venue):
    """Logon(A) with ResetSeqNumFlag(141)=Y on a session that is up: a new epoch, and reconciliation in it."""
    order_id, request = open_order(gateway, venue)
    for _ in range(5):
        venue.send("0")
    wait_for(lambda: gateway.watermark() == venue.next_out - 1, "heartbeats taken")
    venue.next_out, venue.expected = 1, 1
    venue._resetting = True
    venue.send("A", (98, 0), (108, 30), (141, "Y"))
    gateway.wait_rows("SELECT * FROM v_session_events WHERE event = 'reset' AND epoch = 2")
    gateway.wait_open()
    assert gateway.venue()["epoch"] == 2
    assert gateway.venue()["next_target"] == venue.next_out
    venue.fill(request, "1000", "110")
    gateway.wait_state(order_id, "Filled")
    gateway.kill()
    gateway.start().ready()
    assert gateway.venue()["next_target"] == venue.next_out


def test_hours_that_differ_between_the_sides(gateway, venue):
    """The venue's day ends before ours: a Logout, refusals for a while, then number 1 with the flag. Nothing needs us."""
    order_id, request = open_order(gateway, venue)
    venue.refuse_logon = "outside session hours"
    venue.send("5", (58, "end of session"))
    venue.disconnect()
    gateway.wait_venue("outside session hours")
    venue.refuse_logon, venue.reset_at_logon = "", True
    gateway.wait_open()
    assert gateway.venue()["epoch"] == 2
    assert venue.of_type("H")[-1][11] == request[11]
    venue.fill(request, "1000", "110")
    gateway.wait_state(order_id, "Filled")


# ------------------------------------------------------------------------------------------- resends (edge case 13)


def test_a_resend_that_brings_the_same_again_and_again_is_given_up(make, venue):
    """Endless, and never what is missing: no progress counts as no answer."""
    gateway = make(venue_extra="resend_timeout_seconds = 1").start().ready()
    order_id, request = open_order(gateway, venue)
    venue.resends = "again"
    keep_fills(venue, request, 7)
    venue.send("0")
    wait_for(lambda: filled(gateway, order_id) == 7, "found out by asking")
    assert len(venue.of_type("2")) == 2
    assert gateway.wait_rows("SELECT * FROM v_session_events WHERE event = 'lost_range'")
    gateway.wait_open()


@pytest.mark.parametrize("gap_fill", ["Y", "N"])
def test_a_reset_to_a_number_beyond_counting_ends_the_connection_and_not_the_session(gateway, venue, gap_fill):
    """The engine takes the number, and every logon after that is too low."""
    order_id, request = open_order(gateway, venue)
    connections = venue.connections
    if gap_fill == "Y":
        venue.send("4", (123, "Y"), (36, "99999999999"))
    else:
        venue.send("4", (123, "N"), (36, "99999999999"), number=venue.next_out)
    wait_for(lambda: venue.connections > connections, "another connection")
    gateway.wait_open()
    venue.fill(request, "1000", "110")
    gateway.wait_state(order_id, "Filled")
    assert gateway.wait_rows("SELECT * FROM v_session_events WHERE detail LIKE '%NewSeqNo(36)=99999999999 makes no sense%'")
    assert venue.of_type("2") == []
    assert gateway.watermark() == venue.next_out - 1


def test_a_reset_to_the_number_that_is_due_skips_nothing(gateway, venue):
    """Killed after it, the gateway asks for the message that has that number: it never came."""
    order_id, request = open_order(gateway, venue)
    venue.reset_to(venue.next_out)
    gateway.order()
    venue.wait("D")  # what came before the order's acknowledgement has been taken
    wait_for(lambda: gateway.rows("SELECT * FROM v_decisions WHERE outcome = 'dispatched'")[1:], "both sent")
    gateway.kill()
    keep_fills(venue, request, 1)
    gateway.start().ready()
    gateway.caught_up()
    fills = gateway.rows("SELECT * FROM v_fills WHERE order_id = ?", order_id)
    assert [(row["status"], int(row["last_qty"])) for row in fills] == [("new", 1)]


def test_a_gap_fill_in_pieces_is_followed_to_its_end(gateway, venue):
    order_id, request = open_order(gateway, venue)
    venue.resends = "gapfills"
    keep_fills(venue, request, 7)
    venue.send("0")
    wait_for(lambda: filled(gateway, order_id) == 7, "found out by asking")
    gateway.wait_open()
    wait_for(lambda: gateway.watermark() == venue.next_out - 1, "all of it")
    fills = gateway.rows("SELECT * FROM v_fills")
    assert {row["status"] for row in fills} == {"inferred"}
    assert sum(int(row["last_qty"]) for row in fills) == 7


# ------------------------------------------------------------------------------------ between send and answer (14)


def test_cut_between_send_and_acknowledgement_is_unknown_and_then_asked(gateway, venue):
    order_id = gateway.order()["order_id"]
    request = venue.wait("D")
    venue.disconnect()
    gateway.wait_state(order_id, "Submitted", in_doubt=True)
    venue.report_fields(request, "0", "0")  # it had arrived
    venue.known[request[11]] |= {39: "0"}
    gateway.wait_state(order_id, "Accepted")
    assert len(venue.of_type("D")) == 1


# -------------------------------------------------------------------------------------------------- clocks (16)


def test_an_order_refused_for_its_sending_time_is_rejected_and_the_session_goes_on(gateway, venue):
    """Reject(3) with SessionRejectReason(373)=10, then a Logout: FIX 4.4 vol. 2, "SendingTime accuracy problem"."""
    order_id = gateway.order()["order_id"]
    request = venue.wait("D")
    venue.send("3", (45, request[34]), (372, "D"), (373, "10"), (58, "SendingTime accuracy problem"))
    venue.send("5", (58, "SendingTime accuracy problem"))
    venue.disconnect()
    gateway.wait_state(order_id, "Rejected")
    gateway.wait_rows("SELECT * FROM v_session_events WHERE event = 'logout' AND detail LIKE '%SendingTime%'")
    gateway.wait_open()
    assert len(venue.of_type("D")) == 1


def test_a_lost_range_is_also_searched_for_orders_nobody_knows(make, venue):
    """With mass status requests, which otherwise go out after a logon."""
    text = spec_path("generic-fix44").read_text().replace("generic-fix44", "own").replace('"one-by-one"', '"mass"')
    gateway = make(dialect="own.toml")
    (gateway.home / "own.toml").write_text(text)
    gateway.start().ready()
    first = venue.wait("AF")
    _, request = open_order(gateway, venue)
    venue.reset_to(venue.next_out + 20)
    again = venue.wait("AF")
    assert first[584] != again[584]
    assert venue.wait("H")[11] == request[11]
    stranger = {11: "nobody-1", 55: "USD/JPY", 54: "1", 38: "500"}
    venue.report(stranger, "I", "0", (584, again[584]), (37, "O-9"), (44, "109"))
    [found] = gateway.wait_rows("SELECT * FROM v_orders WHERE external = 1")
    assert (found["venue_order_id"], found["state"]) == ("O-9", "Accepted")


def test_numbers_set_in_the_middle_of_a_resend(gateway, venue):
    """What was asked for and had not come is lost by the operator's word, and found out by asking."""
    order_id, request = open_order(gateway, venue)
    venue.resends = "silent"
    keep_fills(venue, request, 6)
    venue.send("0")
    venue.wait("2")
    gateway.wait_venue("resend")
    venue.resends = "resend"
    gateway.post("/sessions/SIM/set-seq", reason="by phone", next_target=venue.next_out + 1)  # its Logout takes a number
    gateway.wait_open()
    wait_for(lambda: filled(gateway, order_id) == 6, "found out by asking")
    assert len(venue.of_type("2")) == 1
    assert gateway.venue()["next_target"] == venue.next_out
    venue.fill(request, "994", "110", "1000")
    gateway.wait_state(order_id, "Filled")
    assert [int(row["last_qty"]) for row in gateway.rows("SELECT * FROM v_fills ORDER BY event_seq")] == [6, 994]


# ---------------------------------------------------------------------------------------- inferred, then reported


def test_the_report_that_was_gap_filled_comes_after_all_and_counts_once(gateway, venue):
    """As a drop copy or a venue's support desk would send it: the inferred execution gives way to the real ones."""
    order_id, request = open_order(gateway, venue)
    venue.resends = "gapfill"
    lost = [
        venue.report_fields(request, "F", "1", (32, part), (31, "110"), (14, cum), (151, str(1000 - int(cum))), (6, "110"))
        for part, cum in (("200", "200"), ("400", "600"))
    ]
    for fields in lost:
        venue.keep("8", *fields)
    venue.send("0")
    gateway.wait_rows("SELECT * FROM v_fills WHERE status = 'inferred' AND last_qty = 600")
    gateway.wait_open()
    for fields in lost:
        venue.send("8", *fields, (97, "Y"))
    gateway.wait_rows("SELECT * FROM v_fills WHERE status = 'new' AND last_qty = 400")
    wait_for(lambda: gateway.watermark() == venue.next_out - 1, "both taken")
    gateway.caught_up()
    counted = gateway.rows("SELECT last_qty FROM v_fills WHERE status IN ('new', 'inferred') ORDER BY event_seq")
    assert sum(int(row["last_qty"]) for row in counted) == 600
    assert [row["net_qty"] for row in gateway.rows("SELECT net_qty FROM v_positions")] == [600]
    assert filled(gateway, order_id) == 600
    venue.fill(request, "400", "110", "1000")
    gateway.wait_state(order_id, "Filled")
    assert [row["net_qty"] for row in gateway.wait_rows("SELECT net_qty FROM v_positions WHERE net_qty = 1000")] == [1000]
