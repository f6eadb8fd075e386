"""The gateway's side of the process that writes records. What dies with what is in tests/recovery/test_record_process.py."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from gateway.errors import PreconditionFailed
from gateway.records import process
from gateway.records.process import RecordProcess
from gateway.records.status import Settings

LAST_WORDS = "import sys; sys.stdin.readline(); sys.exit('no answer from postgresql://desk:s3%40ret@db as s3@ret')"


DEFECT = """
from gateway.records import child, store
def broken(self):
    raise RuntimeError("a defect")
store.RecordStore.ensure_current = broken
child.serve()
"""


def launched(code: str) -> subprocess.Popen[bytes]:
    pipe = subprocess.PIPE
    return subprocess.Popen([sys.executable, "-c", code], stdin=pipe, stdout=pipe, stderr=pipe, bufsize=0)


def made(directory: Path, records_url: str = "") -> RecordProcess:
    settings = Settings(
        journal_url=f"sqlite:///{directory}/journal.db",
        journal_password=None,
        records_url=records_url or f"sqlite:///{directory}/records.db",
        records_password=None,
    )
    return RecordProcess(settings, name="desk-1", now_ns=lambda: 0)


def test_settings_show_no_password() -> None:
    settings = Settings(
        journal_url="postgresql://desk:in%20url@db/j",
        journal_password="plain",
        records_url="sqlite:///r.db",
        records_password=None,
    )
    assert settings.secrets() == {"in%20url", "in url", "plain"}
    assert not any(secret in repr(settings) for secret in settings.secrets())


def test_records_that_cannot_be_used_are_refused(tmp_path: Path) -> None:
    writer = made(tmp_path, "mysql://desk@db/records")
    writer.prepare()
    with pytest.raises(PreconditionFailed, match="records cannot live in mysql"):
        writer.open()
    assert writer.status().state == "failed"
    assert writer.stop(10) is False


def test_nothing_that_is_written_is_not_all_written(tmp_path: Path) -> None:
    """A journal that is not there: the writer fails, says why, and trading would go on."""
    writer = made(tmp_path)
    writer.prepare()
    writer.open()
    writer.start()
    writer.wake(7)
    assert writer.stop(20) is False
    assert writer.status().lag == 7


def test_one_that_cannot_be_started_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "nowhere"))
    writer = made(tmp_path)
    writer.prepare()
    writer.open()
    assert writer.status().state == "degraded"
    assert "cannot be started" in (writer.status().last_error or "")
    assert writer.stop(0.1) is False


def test_its_last_words_are_in_the_log_without_passwords(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    again = threading.Event()
    monkeypatch.setattr(process, "launch", lambda _: launched(LAST_WORDS))
    monkeypatch.setattr(process._log, "error", lambda *_: again.set())
    settings = Settings(
        journal_url="sqlite:///j.db", journal_password=None, records_url="postgresql://desk:s3%40ret@db", records_password=None
    )
    writer = RecordProcess(settings, name="desk-1", now_ns=lambda: 0)
    with caplog.at_level(logging.WARNING):
        writer.open()
        assert again.wait(60), "it died and is started again"
        writer.stop(0.1)
    assert "no answer from postgresql://desk:***@db as ***" in caplog.text
    assert "s3" not in caplog.text
    assert "ended with 1" in (writer.status().last_error or "")


def test_a_defect_in_it_is_no_silence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    again = threading.Event()
    said: list[str] = []

    def error(text: str, *values: object) -> None:
        said.append(text % values)
        again.set()

    monkeypatch.setattr(process, "launch", lambda _: launched(DEFECT))
    monkeypatch.setattr(process._log, "error", error)
    writer = made(tmp_path)
    with caplog.at_level(logging.WARNING):
        writer.open()
        assert again.wait(60), "it is started again"
        writer.stop(0.1)
    assert "RuntimeError: a defect" in caplog.text
    assert "ended with 1; trading goes on" in said[0]
