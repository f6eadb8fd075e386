"""Structured logs of the gateway's own doings, for people and for collectors; never the record of what happened.

That record is the journal. A log line may be lost, so writing one must cost its caller next to nothing: the calling
thread puts a record on a bounded queue, and one background thread formats, redacts and writes. When the queue is full
or the disk is, lines are counted and dropped, and the count is written as soon as writing works again.
"""

from __future__ import annotations

import logging
import logging.handlers
import os
import queue
import sys
import threading
from collections.abc import Sequence
from datetime import UTC, datetime
from io import TextIOWrapper
from pathlib import Path
from typing import Any, Literal, TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from gateway.errors import PreconditionFailed
from gateway.redaction import printable, redact_value

_CAPACITY = 10_000
_STOP_SECONDS = 5.0


class Logs:
    """The running log machinery; `stop()` writes what is queued and restores plain logging."""

    def __init__(self, outputs: Sequence[_Output], level: int, capacity: int) -> None:
        self._outputs = outputs
        self._intake = _Intake(capacity)
        self._thread = threading.Thread(target=self._write, name="logs", daemon=True)
        self._root = logging.getLogger()
        self._before = self._root.level, list(self._root.handlers)
        self._root.handlers[:] = [self._intake]
        self._root.setLevel(level)
        self._thread.start()

    @property
    def dropped(self) -> int:
        """Lines lost so far, because the queue was full or an output could not be written."""
        return self._intake.dropped + sum(output.failed for output in self._outputs)

    def stop(self) -> None:
        """Write what is queued, within bounded time, and close the file."""
        level, handlers = self._before
        self._root.handlers[:] = handlers
        self._root.setLevel(level)
        self._intake.close()
        self._thread.join(_STOP_SECONDS)
        structlog.reset_defaults()

    def _write(self) -> None:
        reported = 0
        while (record := self._intake.take()) is not None:
            for output in self._outputs:
                output.handle(record)
            if self.dropped > reported:
                self._report(self.dropped - reported)
                reported = self.dropped  # a report that could not be written counts too, and is not repeated
        for output in self._outputs:
            output.close()

    def _report(self, missing: int) -> None:
        text = "%d log lines were dropped"
        record = logging.LogRecord(__name__, logging.WARNING, __file__, 0, text, (missing,), exc_info=None)
        for output in self._outputs:
            output.handle(record)


def configure(
    stream_format: Literal["console", "json"] = "console",
    path: Path | None = None,
    *,
    level: int = logging.INFO,
    stream: TextIO | None = None,
    capacity: int = _CAPACITY,
) -> Logs:
    """Route structlog and stdlib logging to `stream` (stderr) in the given format, and to `path` as JSON lines.

    Raises PreconditionFailed when the file cannot be opened for appending.
    """
    target = stream or sys.stderr
    outputs: list[_Output] = [_Stream(target)]
    outputs[0].setFormatter(_formatter(_console(target) if stream_format == "console" else _json()))
    if path is not None:
        outputs.append(_open(path))
        outputs[1].setFormatter(_formatter(_json()))
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.contextvars.merge_contextvars,
            structlog.stdlib.add_log_level,
            structlog.stdlib.add_logger_name,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.processors.format_exc_info,  # here: on the writing thread there is no current exception
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    return Logs(outputs, level, capacity)


def redact_event(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """structlog processor: no password in any value."""
    redacted: EventDict = redact_value(event)
    return redacted


def printable_event(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """structlog processor for terminals: text of a counterparty is shown, not obeyed."""
    return {key: _printable(key, value) for key, value in event.items()}


def _printable(key: str, value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    return printable(str(value), keep_lines=key == "exception")


class _Intake(logging.Handler):
    """What the logging threads see: a bounded queue that never makes them wait."""

    def __init__(self, capacity: int) -> None:
        super().__init__()
        self.dropped = 0
        self._capacity = capacity
        self._queue: queue.SimpleQueue[logging.LogRecord | None] = queue.SimpleQueue()

    def emit(self, record: logging.LogRecord) -> None:
        # Handler.handle() holds the handler's lock, so the size and the count are exact.
        if self._queue.qsize() >= self._capacity:
            self.dropped += 1
        else:
            self._queue.put(record)

    def take(self) -> logging.LogRecord | None:
        return self._queue.get()

    def close(self) -> None:
        self._queue.put(None)
        super().close()


class _Output(logging.Handler):
    """One place lines go to; a place that cannot be written costs lines, not the gateway."""

    failed = 0

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the name is logging's
        self.failed += 1


class _Stream(_Output, logging.StreamHandler[TextIO]):
    """A terminal or a pipe; it stays open, for it is not ours."""


class _PrivateFile(_Output, logging.handlers.WatchedFileHandler):
    """Readable by its owner alone, and reopened after logrotate has moved it."""

    def _open(self) -> TextIOWrapper:
        descriptor = os.open(self.baseFilename, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        return open(descriptor, "a", encoding="utf-8", errors="backslashreplace")


def _open(path: Path) -> _PrivateFile:
    try:
        return _PrivateFile(path)
    except OSError as error:
        raise PreconditionFailed(f"cannot write the log file {path} ({error.strerror}); check gateway.state_dir") from error


def _formatter(renderers: list[Processor]) -> logging.Formatter:
    return structlog.stdlib.ProcessorFormatter(
        processors=[
            _stamp,
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            redact_event,
            *renderers,
        ],
        foreign_pre_chain=[structlog.stdlib.add_log_level, structlog.stdlib.add_logger_name],
    )


def _json() -> list[Processor]:
    return [structlog.processors.JSONRenderer(sort_keys=True)]


def _console(stream: TextIO) -> list[Processor]:
    colors = stream.isatty() and not os.environ.get("NO_COLOR")
    renderer = structlog.dev.ConsoleRenderer(colors=colors, exception_formatter=structlog.dev.plain_traceback)
    return [printable_event, renderer]


def _stamp(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """The time at which the line was logged, not the time at which this thread came to write it."""
    created = datetime.fromtimestamp(event["_record"].created, tz=UTC)
    event["time"] = created.isoformat(timespec="microseconds")
    return event
