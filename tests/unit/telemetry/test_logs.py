"""Log lines reach their outputs redacted, in bounded memory, and without making their caller wait."""

from __future__ import annotations

import io
import json
import logging
import stat
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog

from gateway.errors import PreconditionFailed
from gateway.telemetry import logs

Start = Callable[..., logs.Logs]


@pytest.fixture
def start() -> Iterator[Start]:
    running: list[logs.Logs] = []

    def configure(*args: Any, **kwargs: Any) -> logs.Logs:
        running.append(logs.configure(*args, **kwargs))
        return running[-1]

    yield configure
    for entry in reversed(running):
        entry.stop()


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_structlog_and_stdlib_lines_reach_the_file_as_json(start: Start, tmp_path: Path) -> None:
    running = start("console", tmp_path / "gateway.jsonl", stream=io.StringIO())
    structlog.get_logger("ours").info("session up", venue="SIM", next_target=7)
    logging.getLogger("theirs").warning("%d retries", 3)
    running.stop()
    first, second = lines((tmp_path / "gateway.jsonl").read_text())
    assert (first["event"], first["venue"], first["next_target"], first["logger"]) == ("session up", "SIM", 7, "ours")
    assert (second["event"], second["level"], second["logger"]) == ("3 retries", "warning", "theirs")
    assert first["time"].endswith("+00:00")


def test_the_file_is_readable_by_its_owner_alone(start: Start, tmp_path: Path) -> None:
    start("json", tmp_path / "gateway.jsonl", stream=io.StringIO())
    assert stat.S_IMODE((tmp_path / "gateway.jsonl").stat().st_mode) == 0o600


@pytest.mark.parametrize("form", ["console", "json"])
def test_no_password_and_no_escape_reaches_an_output(start: Start, tmp_path: Path, form: str) -> None:
    stream = io.StringIO()
    running = start(form, tmp_path / "gateway.jsonl", stream=stream)
    log = structlog.get_logger()
    log.info("35=A\x01554=hunter2\x0110=1\x01", text="\x1b[2Jpwned", password="hunter2")
    logging.getLogger("x").info("raw %r", "35=A\x01554=hunter2\x0110=1\x01")
    try:
        raise ValueError("logon 554=hunter2")
    except ValueError:
        log.exception("failed")
        logging.getLogger("x").exception("failed")
    running.stop()
    for text in (stream.getvalue(), (tmp_path / "gateway.jsonl").read_text()):
        assert text.count("554=***") == 4
        assert "pwned" in text
        assert "Traceback" in text
        assert "hunter2" not in text
        assert "\x1b" not in text


class Blocked(io.StringIO):
    """An output that hangs, as a terminal that was paused does."""

    def __init__(self) -> None:
        super().__init__()
        self.reached = threading.Event()
        self.release = threading.Event()

    def write(self, text: str) -> int:
        self.reached.set()
        assert self.release.wait(100)
        return super().write(text)


def test_a_blocked_output_costs_lines_and_the_loss_is_reported(start: Start) -> None:
    stream = Blocked()
    running = start("json", stream=stream, capacity=10)
    log = structlog.get_logger()
    log.info("first")
    assert stream.reached.wait(100)
    for number in range(25):
        log.info("more", number=number)
    assert running.dropped == 15
    stream.release.set()
    running.stop()
    written = lines(stream.getvalue())
    assert [line["number"] for line in written if line["event"] == "more"] == list(range(10))
    assert [line["event"] for line in written if line["level"] == "warning"] == ["15 log lines were dropped"]


class Full(io.StringIO):
    """An output without space."""

    def write(self, _: str) -> int:
        raise OSError(28, "No space left on device")


def test_an_output_that_fails_does_not_silence_the_other(start: Start, tmp_path: Path) -> None:
    running = start("json", tmp_path / "gateway.jsonl", stream=Full())
    structlog.get_logger().info("kept")
    running.stop()
    assert running.dropped > 0
    events = [line["event"] for line in lines((tmp_path / "gateway.jsonl").read_text())]
    assert events == ["kept", "1 log lines were dropped"]


def test_a_file_moved_by_logrotate_is_opened_anew(start: Start, tmp_path: Path) -> None:
    path = tmp_path / "gateway.jsonl"
    moved = tmp_path / "gateway.jsonl.1"
    running = start("json", path, stream=io.StringIO())
    structlog.get_logger().info("before")
    path.rename(moved)
    structlog.get_logger().info("after")
    running.stop()
    assert [line["event"] for line in lines(path.read_text())][-1] == "after"


def test_lines_below_the_level_are_not_written(start: Start) -> None:
    stream = io.StringIO()
    running = start("json", stream=stream, level=logging.WARNING)
    structlog.get_logger().info("quiet")
    structlog.get_logger().error("loud")
    running.stop()
    assert [line["event"] for line in lines(stream.getvalue())] == ["loud"]


def test_a_file_that_cannot_be_opened_is_refused_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(PreconditionFailed, match="No such file"):
        logs.configure("json", tmp_path / "absent" / "gateway.jsonl", stream=io.StringIO())


def test_stopping_restores_plain_logging(start: Start) -> None:
    before = list(logging.getLogger().handlers)
    start("json", stream=io.StringIO()).stop()
    assert logging.getLogger().handlers == before
