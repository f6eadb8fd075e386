"""What a running gateway says of itself: numbers, moments and reasons, by the names and in the forms of the contract."""

from __future__ import annotations

import json
import urllib.request
from time import time_ns

from gateway_process import wait_for


def exposition(gateway) -> str:
    port = gateway.status()["metrics_port"]
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=100) as answer:
        return answer.read().decode()


def test_an_alarm_dates_from_when_it_began_and_is_in_the_log(make, venue):
    gateway = make(venue.port).start().ready()
    venue.kill()
    wait_for(lambda: "alarm: venue_connectivity" in gateway.err.read_text(), "the alarm in the log")
    asked_ns = time_ns()
    status = gateway.status()
    assert status["capabilities"]["venue_connectivity"]["state"] == "degraded"
    assert status["capabilities"]["venue_connectivity"]["since_ns"] < asked_ns
    [alarm] = [alarm for alarm in status["alarms"] if alarm["name"] == "venue_connectivity"]
    assert alarm["since_ns"] < asked_ns


def test_messages_of_the_session_are_counted(make, venue):
    gateway = make(venue.port).start().ready()
    text = exposition(gateway)
    assert 'gateway_messages_total{direction="out",msg_type="A",venue="SIM"} 1.0' in text
    probes = [line for line in (gateway.state / "fix/SIM/messages.log").read_text().splitlines() if "\x0135=1\x01" in line]
    sent = sum(" out " in line for line in probes)
    assert f'gateway_messages_total{{direction="out",msg_type="1",venue="SIM"}} {sent}.0' in text
    assert 'gateway_session_rejects_total{venue="SIM"} 0.0' in text


def test_the_status_has_no_binary_fractions(make, venue):
    gateway = make(venue.port, market_data=["USD/JPY"]).start().ready()
    gateway.order(wait_seconds=60)
    wait_for(lambda: gateway.status()["feeds"][0]["bid"], "a price")

    def refuse(text: str) -> float:
        raise AssertionError(f"{text} is not exact")

    json.loads(json.dumps(gateway.status()), parse_float=refuse)


def test_a_start_under_kill_says_why(make, venue):
    gateway = make(venue.port)
    gateway.state.mkdir(mode=0o700)
    (gateway.state / "kill.json").write_text('{"all": "a bad night"}')
    gateway.start().ready()
    assert gateway.status()["kill"] == {"all": "a bad night"}
