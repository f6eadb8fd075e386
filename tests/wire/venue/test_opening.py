"""From logon to an open venue, and every way in which it does not come to that."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

from gateway_process import wait_for


def session_events(gateway, event):
    return gateway.rows("SELECT * FROM v_session_events WHERE event = ? ORDER BY event_seq", event)


def test_ready_only_after_the_probe_was_answered(make, venue):
    venue.answer_tests = False
    gateway = make().start().answering()
    probe = venue.wait("1")
    gateway.wait_venue("settling")
    assert not gateway.said_ready()
    assert gateway.order(price="110")["code"] == "venue_not_open"
    venue.send("0")  # a heartbeat that answers nothing
    venue.send("0", (112, "SETTLE-of-somebody-else"))
    assert not gateway.venue()["opened"]
    venue.send("0", (112, probe[112]))
    gateway.ready()
    assert gateway.venue()["opened"]


def test_an_unanswered_probe_is_sent_again_and_the_venue_stays_closed(make, venue):
    venue.answer_tests = False
    gateway = make().start().answering()
    first = venue.wait("1")
    second = venue.wait("1")
    assert first[112] != second[112]
    venue.send("0", (112, first[112]))  # too late: only the last probe counts
    venue.send("B", (148, "a headline, so that the heartbeat before it was handled"))
    wait_for(lambda: gateway.watermark() == 3, "both messages taken")
    assert "settling" in gateway.venue()["reason"]
    assert not gateway.said_ready()
    venue.send("0", (112, second[112]))
    gateway.ready()


def test_opens_only_when_open_orders_are_reconciled(gateway, venue):
    order_id = gateway.order()["order_id"]
    order = venue.wait("D")
    venue.report(order, "0", "0")
    gateway.wait_state(order_id, "Accepted")
    venue.status_answers = False
    venue.disconnect()
    asked = venue.wait("H")
    assert asked[11] == order[11]
    gateway.wait_venue("reconciling")
    assert gateway.order()["code"] == "venue_not_open"
    venue.send("8", *venue.report_fields(order, "I", "0", (790, asked[790])))
    gateway.wait_open()


def test_a_refused_logon_shows_its_text(make, venue):
    venue.refuse_logon = "MsgSeqNum too low, expecting 42 but received 1"
    gateway = make().start().answering()
    assert "expecting 42" in gateway.wait_venue("expecting 42")["reason"]
    [refused, *_] = gateway.wait_rows("SELECT * FROM v_session_events WHERE event = 'logon_refused'")
    assert refused["detail"] == venue.refuse_logon
    assert not gateway.said_ready()
    venue.refuse_logon = ""
    gateway.ready()


def test_a_venue_that_lost_its_numbers_is_told_so_and_so_are_we(gateway, venue):
    for _ in range(5):
        venue.send("0")
    wait_for(lambda: gateway.watermark() >= 7, "heartbeats taken")
    venue.next_out = 1
    venue.disconnect()
    gateway.wait_venue("MsgSeqNum too low")
    assert "too low" in venue.wait("5")[58]
    gateway.wait_rows("SELECT * FROM v_session_events WHERE event = 'logout' AND detail LIKE '%MsgSeqNum too low%'")


def test_a_reset_by_the_venue_starts_a_new_epoch(gateway, venue):
    for _ in range(5):
        venue.send("0")
    wait_for(lambda: gateway.watermark() >= 7, "heartbeats taken")
    venue.reset_at_logon = True
    venue.disconnect()
    gateway.wait_rows("SELECT * FROM v_session_events WHERE event = 'reset' AND epoch = 2")
    gateway.wait_open()
    state = gateway.venue()
    assert state["epoch"] == 2
    assert state["next_target"] < 7
    venue.accept_orders = True
    gateway.wait_state(gateway.order()["order_id"], "Accepted")
    # The next process goes on in the new epoch.
    gateway.kill()
    gateway.start().ready()
    assert gateway.venue()["epoch"] == 2


def test_a_reset_of_ours_starts_a_new_epoch_each_time(make, venue):
    gateway = make(venue_extra="reset_on_logon = true").start().ready()
    first = gateway.venue()["epoch"]
    venue.disconnect()
    wait_for(lambda: gateway.venue().get("epoch", 0) == first + 1, "a new epoch")
    gateway.wait_open()
    assert [m[34] for m in venue.of_type("A")] == ["1", "1"]


def test_what_the_venue_missed_is_gap_filled_and_the_probe_repeated(make, venue):
    gateway = make().start().ready()
    venue.accept_orders = True
    gateway.wait_state(gateway.order()["order_id"], "Accepted")
    venue.ask_again_from = 1
    probes = len(venue.of_type("1"))
    venue.disconnect()
    fill = venue.wait("4")
    assert (fill[123], fill[34]) == ("Y", "1")
    gateway.wait_rows("SELECT * FROM v_session_events WHERE event = 'resend_request'")
    wait_for(lambda: len(venue.of_type("1")) >= probes + 2, "a second probe")
    gateway.wait_open()
    assert len(venue.of_type("D")) == 1, "an order is never sent again"


def test_the_venue_is_away_at_the_start(make, venue):
    port = venue.port
    venue.close()
    gateway = make(port=port).start().answering()
    gateway.wait_venue("the logon was not answered")
    assert not gateway.said_ready()
    back = type(venue)(port)
    try:
        gateway.ready()
        assert gateway.terminate() == 0
        assert back.of_type("5"), "a clean stop logs out"
    finally:
        back.close()


def test_sigterm_ends_cleanly_although_nobody_answers_the_logout(gateway, venue):
    venue.disconnect()
    assert gateway.process is not None
    gateway.process.send_signal(signal.SIGTERM)
    assert gateway.ended() == 0
    assert gateway.rows("SELECT clean_stop FROM v_runs") == [{"clean_stop": 1}]


def test_an_operator_may_open_what_is_not_reconciled(make, venue):
    gateway = make(ack_timeout=1).start().ready()
    venue.accept_orders = True
    gateway.wait_state(gateway.order()["order_id"], "Accepted")
    venue.status_answers = False
    venue.disconnect()
    gateway.wait_venue("not reconciled")
    [anomaly] = gateway.wait_rows("SELECT * FROM v_anomalies WHERE kind = 'not_reconciled'")
    assert "1 order unanswered" in anomaly["detail"]
    alarms = " ".join(alarm["what"] for alarm in gateway.status()["alarms"])
    assert "in doubt" in alarms
    assert "not reconciled" in alarms
    gateway.post("/venues/SIM/open", reason="spoke to the venue")
    gateway.wait_open()


STREAMLESS = """
import os
for stream in (0, 1, 2):
    os.close(stream)
os.execv({python!r}, [{python!r}, "-m", "gateway", "run", {config!r}])
"""


def test_a_service_without_stdin_stdout_and_stderr_trades(make, venue):
    gateway = make()
    code = STREAMLESS.format(python=sys.executable, config=str(gateway.config))
    service = subprocess.Popen([sys.executable, "-c", code])
    try:
        wait_for(lambda: service.poll() is not None or gateway.venue()["opened"], "venue open")
        gateway.order()
        venue.wait("D")
        opened = [os.readlink(f"/proc/{service.pid}/fd/{stream}") for stream in (0, 1, 2)]
        assert opened == [os.devnull] * 3
        service.terminate()
        assert service.wait(100) == 0
    finally:
        service.kill()
        service.wait()
