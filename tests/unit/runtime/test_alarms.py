"""Alarms are in the log when they come and when they go, once each."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from gateway.runtime.alarms import AlarmLog


def alarm(name: str, what: str, severity: str = "warning") -> dict[str, Any]:
    return {"name": name, "what": what, "severity": severity, "since_ns": 1}


def test_what_comes_and_goes_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    log = AlarmLog(dict)
    log.tell([alarm("in doubt", "1 open orders in doubt")])
    log.tell([alarm("in doubt", "2 open orders in doubt"), alarm("runtime", "stuck", "critical")])
    log.tell([alarm("in doubt", "2 open orders in doubt", "critical")])
    log.tell([])
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("WARNING", "alarm: 1 open orders in doubt"),
        ("CRITICAL", "alarm: stuck"),
        ("CRITICAL", "alarm: 2 open orders in doubt"),
        ("INFO", "alarm over: runtime"),
        ("INFO", "alarm over: in doubt"),
    ]


def test_a_look_that_fails_ends_nothing(caplog: pytest.LogCaptureFixture) -> None:
    def document() -> dict[str, Any]:
        raise OSError("the directory is gone")

    AlarmLog(document).look()
    assert "the directory is gone" in caplog.text


def test_the_status_is_not_looked_at_all_the_time() -> None:
    looks: list[int] = []

    def document() -> dict[str, Any]:
        looks.append(1)
        return {"alarms": []}

    log = AlarmLog(document)
    for _ in range(100):
        log.look()
    assert looks == [1]
