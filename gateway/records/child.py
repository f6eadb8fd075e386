"""The record writer's process: a `RecordWriter`, told by the gateway through a pipe, and telling how it stands through another.

Passwords come through the pipe alone. When the gateway is gone the kernel ends this process with it, at once and wherever it is
(`__main__`); where it did not come to ask for that, the pipe ends. Rows and checkpoint are one transaction, so that nothing is
half written, and the next gateway finds the records free.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
from typing import NoReturn

import msgspec

from gateway.clock import wall_ns
from gateway.errors import GatewayError
from gateway.journal.stores import JournalAt
from gateway.records.engines import RecordsUnavailable
from gateway.records.status import Looking, Opened, Settings, Stop, Told, Wake
from gateway.records.store import RecordStore
from gateway.records.writer import RecordWriter

ANSWER_S = 30.0
"""A statement that takes longer has failed: the way to the server may swallow an answer, and the next try finds another."""
_TELL_S = 0.05
"""Least time between two lines about progress."""
_HEAR_S = 0.01
"""Least time between two looks at what the gateway said: it commits more often than it is worth to wake up for."""
_BLOCK = 1 << 16
_ORDERS = msgspec.json.Decoder(Wake | Stop)


def serve() -> NoReturn:
    """Write records until told to stop, or until nobody is there to tell."""
    told = os.dup(1)
    os.dup2(2, 1)  # whatever prints does not print into what the gateway reads
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(name)s: %(message)s")
    logging.captureWarnings(capture=True)
    threading.excepthook = _defect
    lines = _Lines(0)
    first = lines.next()
    if not first:
        os._exit(0)
    settings = msgspec.json.decode(first[0], type=Settings)
    try:
        store = RecordStore(settings.records_url, password=settings.records_password, answer_seconds=ANSWER_S)
    except GatewayError as error:
        _say(told, Opened(trouble=str(error), refused=True))
        os._exit(0)
    _Child(JournalAt(settings.journal_url, password=settings.journal_password), store, told).serve(lines, first[1:])


class _Lines:
    """Complete lines as they arrive."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._rest = b""

    def next(self) -> list[bytes]:
        """One or more; none at the end."""
        while True:
            block = os.read(self._descriptor, _BLOCK)
            if not block:
                return []
            *complete, self._rest = (self._rest + block).split(b"\n")
            if complete:
                return complete


class _Child:
    """The main thread listens; one thread writes records, one tells."""

    def __init__(self, place: JournalAt, store: RecordStore, told: int) -> None:
        self._store = store
        self._told = told
        self._news = threading.Event()
        self._wanted = threading.Event()
        self._stopped = threading.Event()
        self._opened = threading.Event()
        self._writer = RecordWriter(
            place.reader,
            store,
            now_ns=wall_ns,
            state_at=place.state_at,
            on_news=self._news.set,
        )

    def serve(self, lines: _Lines, waiting: list[bytes]) -> NoReturn:
        threading.Thread(target=self._open, name="opening", daemon=True).start()
        pause = threading.Event()
        while True:
            self._hear(waiting)
            pause.wait(_HEAR_S)
            waiting = lines.next()
            if not waiting:
                os._exit(0)  # the gateway is gone

    def _hear(self, lines: list[bytes]) -> None:
        orders = [_ORDERS.decode(line) for line in lines]
        self._writer.wake(max((order.seq for order in orders if isinstance(order, Wake)), default=0))
        if orders:
            self._wanted.set()
        for order in orders:
            if isinstance(order, Stop):
                threading.Thread(target=self._stop, args=(order.seconds,), name="stop", daemon=True).start()

    def _open(self) -> None:
        """The records as they are found; then they are written, and how far is told."""
        _say(self._told, Looking())
        opened = Opened()
        try:
            self._store.ensure_current()
        except RecordsUnavailable as error:
            opened = Opened(trouble=str(error))
        except GatewayError as error:
            opened = Opened(trouble=str(error), refused=True)
        _say(self._told, opened)
        self._wanted.wait()  # not when they were refused in time: then there is no run
        self._writer.start()
        self._opened.set()
        while self._writer.status().state not in ("stopped", "failed") and not self._stopped.is_set():
            self._news.wait()
            self._news.clear()
            _say(self._told, Told(self._writer.status()))
            self._stopped.wait(_TELL_S)
        self._end()

    def _stop(self, seconds: float) -> None:
        if not self._opened.wait(seconds):
            os._exit(1)  # the database has not even been seen: nothing can be said about it
        self._writer.stop(seconds)
        self._stopped.set()
        self._news.set()

    def _end(self) -> NoReturn:
        _say(self._told, Told(self._writer.status()))
        self._store.close()
        os._exit(0)


def _defect(arguments: threading.ExceptHookArgs) -> None:
    """A process in which a thread is missing would be silent for good: the gateway says that it ended, and starts another."""
    try:
        sys.__excepthook__(arguments.exc_type, arguments.exc_value or arguments.exc_type(), arguments.exc_traceback)
    finally:
        os._exit(1)


def _say(told: int, message: Looking | Opened | Told) -> None:
    """The gateway may be stopped (SIGSTOP) and read nothing: then this thread waits, and no other."""
    line = msgspec.json.encode(message) + b"\n"
    while line:
        line = line[os.write(told, line) :]
