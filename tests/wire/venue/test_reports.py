"""What a venue may say about orders, also when it says it badly: it reaches SQL, and somebody is told."""

from __future__ import annotations

import pytest
from gateway_process import wait_for

from gateway.errors import Denied


@pytest.fixture
def order(gateway, venue):
    """An accepted order: its id and the request."""
    order_id = gateway.order()["order_id"]
    request = venue.wait("D")
    venue.report(request, "0", "0")
    gateway.wait_state(order_id, "Accepted")
    return order_id, request


def fills(gateway, order_id):
    return gateway.rows("SELECT last_qty, last_px, status FROM v_fills WHERE order_id = ?", order_id)


ODD = {
    "an enum nobody knows": ([(103, "77"), (378, "99")], []),
    "no AvgPx, no TransactTime": ([], [6, 60]),
    "no LeavesQty, no Side": ([], [151, 54]),
    "tags of its own": ([(9999, "x"), (20001, "y")], []),
    "text where a number stands": ([(381, "many")], []),
    "an order status nobody knows": ([(39, "?")], []),
}


def test_an_odd_fill_is_money_all_the_same(gateway, venue):
    for name, (more, drop) in ODD.items():
        order_id = gateway.order()["order_id"]
        request = venue.wait("D")
        venue.report(request, "0", "0")
        fields = [(32, "400"), (31, "109.5"), (14, "400"), (151, "600"), (6, "109.5"), *more]
        venue.report(request, "F", "1", *fields, drop=drop)
        gateway.wait_state(order_id, "PartiallyFilled")
        assert fills(gateway, order_id) == [{"last_qty": 400, "last_px": 109.5, "status": "new"}], name
        told = gateway.rows("SELECT raw FROM v_anomalies WHERE kind = 'deviation' AND raw LIKE ?", f"%|11={request[11]}|%")
        assert told, name


def test_what_the_engine_refuses_is_kept_raw_and_asked_about(gateway, venue, order):
    """A tag twice: the engine answers it with Reject(3), and no callback ever sees the fill."""
    order_id, request = order
    fields = venue.report_fields(request, "F", "1", (32, "400"), (31, "110"), (14, "400"), (151, "600"), (6, "110"))
    venue.send("8", *fields, (14, "400"))
    assert venue.wait("3")[45]
    assert venue.wait("H")[11] == request[11]
    [anomaly] = gateway.wait_rows("SELECT * FROM v_anomalies WHERE kind = 'engine_rejected'")
    assert "|32=400|" in anomaly["raw"]
    gateway.wait_state(order_id, "PartiallyFilled")
    assert fills(gateway, order_id) == [{"last_qty": 400, "last_px": 110, "status": "inferred"}]
    gateway.wait_open()


def test_a_reject_by_number_ends_the_order_it_names(gateway, venue):
    for kind, event, fields in (
        ("j", "business_reject", ((380, "3"),)),
        ("3", "reject", ((371, "55"), (373, "5"))),
    ):
        order_id = gateway.order()["order_id"]
        request = venue.wait("D")
        venue.send(kind, (45, request[34]), (372, "D"), *fields, (58, "not today"))
        assert "not today" in gateway.wait_state(order_id, "Rejected")["reason"]
        [anomaly] = gateway.wait_rows("SELECT * FROM v_anomalies WHERE kind = ?", event)
        assert "not today" in anomaly["detail"]


def test_a_reject_by_number_finds_an_order_of_an_earlier_process(gateway, venue):
    order_id = gateway.order()["order_id"]
    request = venue.wait("D")
    gateway.wait_rows("SELECT * FROM v_orders WHERE order_id = ?", order_id)
    gateway.kill()
    venue.status_answers = False
    gateway.start().answering()
    venue.wait("H")
    venue.send("j", (45, request[34]), (372, "D"), (380, "0"), (58, "not then either"))
    gateway.wait_state(order_id, "Rejected")


LENGTHS = ("2147483647", "100000", "12", "-5", "many")


def test_a_wrong_length_of_data_costs_neither_the_fill_nor_the_process(gateway, venue, order):
    """Believed, the first ends the process where it stands."""
    order_id, request = order
    for index, length in enumerate(LENGTHS, start=1):
        more = [(tag, value) for data in (96, 355) for tag, value in ((data - 1, length), (data, "told"))]
        venue.fill(request, "100", "110", f"{index}00", *more)
    gateway.wait_rows("SELECT * FROM v_orders WHERE order_id = ? AND cum_qty = ?", order_id, 100 * len(LENGTHS))
    assert fills(gateway, order_id) == [{"last_qty": 100, "last_px": 110, "status": "new"}] * len(LENGTHS)
    assert venue.of_type("2") == venue.of_type("3") == []


def test_data_that_holds_soh_is_taken_whole_and_in_its_turn(gateway, venue, order):
    """The engine cannot split it, and would ask for it again and again."""
    order_id, request = order
    data = "a\x0110=x\x01"
    venue.fill(request, "100", "110", "100", (354, len(data)), (355, data))
    missing = venue.report_fields(
        request, "F", "1", (32, "100"), (31, "110"), (14, "200"), (151, "800"), (6, "110"), (354, len(data)), (355, data)
    )
    kept = venue.keep("8", *missing)  # comes when it is asked for
    venue.fill(request, "100", "110", "300", (354, len(data)), (355, data))
    venue.fill(request, "100", "110", "400")
    gateway.wait_rows("SELECT * FROM v_orders WHERE order_id = ? AND cum_qty = 400", order_id)
    assert fills(gateway, order_id) == [{"last_qty": 100, "last_px": 110, "status": "new"}] * 4
    texts = gateway.rows("SELECT text FROM v_order_events WHERE order_id = ? AND event = 'filled'", order_id)
    assert [row["text"] for row in texts] == [data, data, data, None]
    assert [message[7] for message in venue.of_type("2")] == [str(kept)]


def test_fields_that_are_only_in_data_are_believed_by_nobody(gateway, venue, order):
    """The engine takes them for the message's own."""
    order_id, request = order
    data = "a\x0158=no"
    venue.fill(request, "100", "110", "100", (354, len(data)), (355, data))
    gateway.wait_rows("SELECT * FROM v_orders WHERE order_id = ? AND cum_qty = 100", order_id)
    [told] = gateway.rows("SELECT text FROM v_order_events WHERE order_id = ? AND event = 'filled'", order_id)
    assert told["text"] == data


HOSTILE = {
    "terminal escapes": "\x1b[2J\x1b]0;owned\x07 red \x1b[31m",
    "html": "<script>alert('1')</script>&amp;",
    "latin-1 bytes": b"r\xe9fus\xe9 \xff\xfe",
    "a line of its own": "x\n20260101-00:00:00.000000 in 8=FIX.4.4|35=8|",
    "ten kilobytes": "z" * 10_000,
}


def test_hostile_text_is_stored_and_harms_nothing(gateway, venue):
    for name, text in HOSTILE.items():
        order_id = gateway.order()["order_id"]
        request = venue.wait("D")
        venue.report(request, "0", "0")
        venue.report(request, "F", "2", (32, "1000"), (31, "110"), (14, "1000"), (151, "0"), (6, "110"), (58, text))
        gateway.wait_state(order_id, "Filled")
        [event] = gateway.wait_rows("SELECT text FROM v_order_events WHERE order_id = ? AND event = 'filled'", order_id)
        assert event["text"] == (text if isinstance(text, str) else text.decode("latin-1")), name
    assert gateway.terminate() == 0
    log = (gateway.state / "fix/SIM/messages.log").read_text(encoding="utf-8", errors="surrogateescape")
    assert all(line.split(" ")[1] in ("in", "out", "event") for line in log.split("\n")[:-1])
    assert len([line for line in log.split("\n") if "35=8" in line]) == 2 * len(HOSTILE)


def test_an_order_nobody_sent_becomes_visible_and_can_be_cancelled(gateway, venue):
    stranger = {11: "FOREIGN-1", 55: "USD/JPY", 54: "1", 38: "500"}
    venue.report(stranger, "0", "0", (44, "109"))  # type: ignore[arg-type]
    [row] = gateway.wait_rows("SELECT * FROM v_orders WHERE external = 1")
    gateway.cancel(row["order_id"])
    assert venue.wait("F")[41] == "FOREIGN-1"


def test_an_id_of_the_venue_that_cannot_be_repeated_stops_nobody(gateway, venue):
    """ClOrdID(11) of a foreign order holds what must not reach the wire: it cannot be asked about, everything else goes on."""
    stranger = {11: "BAD\x1bID\u00e9", 55: "USD/JPY", 54: "1", 38: "500"}
    venue.report(stranger, "0", "0", (44, "109"))  # type: ignore[arg-type]
    gateway.wait_rows("SELECT * FROM v_orders WHERE external = 1")
    venue.disconnect()
    gateway.wait_rows("SELECT * FROM v_orders WHERE external = 1 AND in_doubt_reason = 'status_unanswered'")
    assert gateway.status()["capabilities"]["runtime"]["state"] == "running"


def test_soh_from_an_operator_never_reaches_the_wire(gateway, venue):
    for field in ("symbol", "account", "venue"):
        with pytest.raises(Denied):
            gateway.order(**{field: "A\x0154=2"})
    venue.accept_orders = True
    gateway.wait_state(gateway.order()["order_id"], "Accepted")
    assert [order[55] for order in venue.of_type("D")] == ["USD/JPY"]


def test_market_data_with_unknown_tags_and_resent_market_data(make, venue):
    gateway = make(market_data=["USD/JPY"]).start().ready()
    req_id = venue.wait("V")[262]
    book = [(262, req_id), (55, "USD/JPY"), (9000, "w"), (268, 2)]
    book += [(269, "0"), (270, "109.9"), (271, "1000"), (269, "1"), (270, "110.1"), (271, "2000"), (9001, "y")]
    venue.send("W", *book)
    level = [(279, "1"), (269, "0"), (55, "USD/JPY"), (270, "109.9"), (271, "3000"), (9002, "z")]
    venue.send("X", (262, req_id), (268, 1), *level)

    def feed():
        return gateway.status()["feeds"][0]

    wait_for(lambda: feed()["state"] == "up" and feed()["bid"] == "109.9", "a book")
    assert feed()["ask"] == "110.1"
    # A gap, repaired by resending an old snapshot: discarded, counted, subscribed anew.
    wrong = [(269, "0"), (270, "1.0"), (271, "1"), (269, "1"), (270, "2.0"), (271, "1")]
    venue.keep("W", (262, req_id), (55, "USD/JPY"), (268, 2), *wrong)
    venue.send("0")
    venue.wait("2")
    [counted] = gateway.wait_rows("SELECT * FROM v_session_events WHERE event = 'discarded_market_data'")
    assert counted["detail"].startswith("1 ")
    assert venue.wait("V", t263="2")[262] == req_id
    again = venue.wait("V", t263="1")
    assert again[262] != req_id
    wait_for(lambda: feed()["state"] == "gap", "the book is not believed")
    assert feed()["bid"] != "1.0"
    venue.send("W", (262, again[262]), *book[1:])
    wait_for(lambda: feed()["state"] == "up", "the book is believed again")


def test_market_data_that_the_engine_refuses_makes_the_feed_untrusted(make, venue):
    """An unknown tag in two entries of a group ends the group for the engine: it must be declared in the dialect."""
    gateway = make(market_data=["USD/JPY"]).start().ready()
    req_id = venue.wait("V")[262]
    entries = [(269, "0"), (270, "109.9"), (271, "1000"), (269, "1"), (270, "110.1"), (271, "2000")]
    venue.send("W", (262, req_id), (55, "USD/JPY"), (268, 2), *entries)
    wait_for(lambda: gateway.status()["feeds"][0]["state"] == "up", "a book")
    venue.send("W", (262, req_id), (55, "USD/JPY"), (268, 2), *entries[:3], (9001, "x"), *entries[3:], (9001, "y"))
    wait_for(lambda: gateway.status()["feeds"][0]["state"] == "gap", "the book is not believed")
    # A fresh snapshot is asked for: the old subscription ended, a new one begun. One refused again is not asked for at once.
    wait_for(lambda: [message[263] for message in venue.of_type("V")] == ["1", "2", "1"], "a new subscription")
    venue.send("W", (262, req_id), (55, "USD/JPY"), (268, 2), *entries[:3], (9001, "x"), *entries[3:], (9001, "y"))
    refused = "SELECT * FROM v_anomalies WHERE kind = 'engine_rejected'"
    wait_for(lambda: len(gateway.rows(refused)) == 2, "the second one is refused, too")
    assert len(venue.of_type("V")) == 3
    venue.send("W", (262, req_id), (55, "USD/JPY"), (268, 2), *entries)
    wait_for(lambda: gateway.status()["feeds"][0]["state"] == "up", "a book again")
    # The venue ends it, for a reason that may pass.
    venue.send("Y", (262, venue.of_type("V")[-1][262]), (281, "2"), (58, "too many"))
    wait_for(lambda: any("too many; asked again" in alarm["what"] for alarm in gateway.status()["alarms"]), "an alarm")
    assert gateway.status()["feeds"][0]["state"] == "stale"


def test_a_fill_that_names_no_order_is_found_by_asking(gateway, venue, order):
    order_id, request = order
    fields = venue.report_fields(request, "F", "1", (32, "400"), (31, "110"), (14, "400"), (151, "600"), (6, "110"))
    venue.send("8", *(field for field in fields if field[0] not in (11, 37)))
    assert venue.wait("H")[11] == request[11]
    gateway.wait_state(order_id, "PartiallyFilled")
    assert fills(gateway, order_id) == [{"last_qty": 400, "last_px": 110, "status": "inferred"}]
    gateway.wait_open()


def test_a_report_that_contradicts_itself_is_asked_about(gateway, venue, order):
    """ExecType=4 (cancelled) with OrdStatus=0 (new): which of them is true, only the venue knows."""
    order_id, request = order
    fields = venue.report_fields(request, "4", "4", (151, "0"))  # its books say so from now on
    venue.send("8", *((tag, "0" if tag == 39 else value) for tag, value in fields))
    assert venue.wait("H")[11] == request[11]
    gateway.wait_state(order_id, "Cancelled")
