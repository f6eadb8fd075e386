"""The monitoring endpoints answer over a real socket, read-only, on the loopback interface."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Iterator
from typing import NoReturn

import pytest

from gateway.errors import PreconditionFailed
from gateway.telemetry.gauges import GaugeSnapshot
from gateway.telemetry.http import MetricsServer
from gateway.telemetry.metrics import Metrics

SNAPSHOT = GaugeSnapshot(
    trading_state="enabled",
    kill_engaged=False,
    orders_open=0,
    queue_depth=0,
    intake_depth=0,
    record_lag_events=0,
    record_lag_seconds=0.0,
    disk_free_bytes=1,
)


@pytest.fixture
def reasons() -> list[str]:
    return []


@pytest.fixture
def server(reasons: list[str]) -> Iterator[MetricsServer]:
    running = MetricsServer(Metrics(lambda: SNAPSHOT), lambda: reasons, 0)
    running.start()
    yield running
    running.stop()


def ask(port: int, path: str, method: str = "GET") -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=100)
    try:
        connection.request(method, path, headers={"Connection": "close"})
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def test_a_free_port_is_taken_and_shown(server: MetricsServer) -> None:
    assert server.port > 0
    assert ask(server.port, "/healthz") == (200, b"alive\n")


def test_metrics_are_scraped(server: MetricsServer) -> None:
    status, body = ask(server.port, "/metrics")
    assert status == 200
    assert b"gateway_trading_state 2.0" in body


def test_readiness_lists_the_reasons(server: MetricsServer, reasons: list[str]) -> None:
    assert ask(server.port, "/readyz") == (200, b'{"ready": true, "reasons": []}')
    reasons.append("venue SIM is not reconciled")
    status, body = ask(server.port, "/readyz")
    assert status == 503
    assert json.loads(body) == {"ready": False, "reasons": ["venue SIM is not reconciled"]}


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_nothing_can_be_changed(server: MetricsServer, method: str) -> None:
    assert ask(server.port, "/healthz", method)[0] == 405


def test_head_has_no_body(server: MetricsServer) -> None:
    assert ask(server.port, "/metrics", "HEAD") == (200, b"")


def test_other_paths_are_not_found(server: MetricsServer) -> None:
    assert ask(server.port, "/metrics/../etc")[0] == 404


def test_a_port_in_use_is_refused_with_the_key_to_change() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        server = MetricsServer(Metrics(lambda: SNAPSHOT), list, port)
        with pytest.raises(PreconditionFailed, match=rf"127\.0\.0\.1:{port}.*telemetry\.metrics_port"):
            server.start()


def test_a_snapshot_that_fails_is_a_failed_scrape_and_nothing_more() -> None:
    def broken() -> NoReturn:
        raise RuntimeError("not yet")

    server = MetricsServer(Metrics(broken), list, 0)
    server.start()
    try:
        assert ask(server.port, "/metrics")[0] == 500
        assert ask(server.port, "/healthz")[0] == 200
    finally:
        server.stop()


def test_nobody_answers_after_stop() -> None:
    server = MetricsServer(Metrics(lambda: SNAPSHOT), list, 0)
    server.start()
    port = server.port
    server.stop()
    with pytest.raises(ConnectionRefusedError):
        ask(port, "/healthz")
