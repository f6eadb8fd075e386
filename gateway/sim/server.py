"""One venue process from start to stop: assembles the parts, runs the ticks, waits for the end.

Exists as the composition root of the simulator, and is imported only when a venue is really started, for it brings in the
engine.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import NoReturn

import click

from gateway.errors import GatewayError
from gateway.signals import SignalThread
from gateway.sim.acceptor import Acceptor, Sessions, VenueApplication
from gateway.sim.console import Console
from gateway.sim.ledger import Ledger
from gateway.sim.settings import VenueSettings
from gateway.sim.store import Directory
from gateway.sim.venue import Venue
from gateway.wording import counted

log = logging.getLogger("gateway.sim")

IDLE_SECONDS = 0.05
POLL_SECONDS = 0.25
LOGOUT_SECONDS = 2.0


def serve(settings: VenueSettings, *, as_json: bool, quiet: bool, console: bool, exit_with_parent: bool) -> NoReturn:
    """Run until SIGTERM, SIGINT or, if asked, the parent's death, then end the process.

    Raises PreconditionFailed when the venue cannot start.
    """
    parent = os.getppid()
    stop = threading.Event()
    # After the import of the engine, which resets SIGINT.
    signals = SignalThread()
    for number in (signal.SIGINT, signal.SIGTERM):
        signals.on(number, lambda _number: stop.set())
    with closing(Directory(settings.dir)) as directory, closing(Ledger(settings.ledger_path)) as ledger:
        application = VenueApplication(settings)
        sessions = Sessions(settings)
        venue = application.venue = Venue(settings, directory.run, ledger, sessions)
        venue.tick()
        acceptor = Acceptor(application, settings, directory.store)
        with _ticking(venue, settings.rate, stop) as failure:
            _announce(settings, acceptor.port, as_json)
            if console:
                _start_console(Console(venue, application, sessions))
            _wait(stop, parent if exit_with_parent else None)
        sessions.log_out_all(LOGOUT_SECONDS)
        venue.freeze()
        if failure:
            click.echo(f"venue-sim: {failure[0]}", err=True)
        elif not quiet:
            orders = len(venue.exchange.orders)
            click.echo(f"stopped: {counted(order=orders, report=ledger.lines)}, {settings.ledger_path}", err=True)
        _end(failure[0].exit_code if failure else 0)


def _end(code: int) -> NoReturn:
    """Leave at once: the engine's thread is still there and cannot be stopped safely, see `Acceptor`.

    Nothing is lost. The ledger is flushed line by line, the engine flushes its store message by message, and the lock of the
    directory goes with the process.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _announce(settings: VenueSettings, port: int, as_json: bool) -> None:
    where = {"host": settings.host, "port": port, "dir": str(settings.dir)}
    text = json.dumps(where) if as_json else "listening " + " ".join(f"{key}={value}" for key, value in where.items())
    _say(text)


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _wait(stop: threading.Event, parent: int | None) -> None:
    """Never for good: a signal that comes just before this thread goes to sleep is handled when it wakes up."""
    while not stop.wait(POLL_SECONDS):
        if parent is not None and os.getppid() != parent:
            log.warning("the parent process is gone; stopping")
            return


@contextmanager
def _ticking(venue: Venue, rate: float, stop: threading.Event) -> Iterator[list[GatewayError]]:
    """Ticks on a thread of their own while the block runs; a market that cannot go on stops the venue and is yielded."""
    failure: list[GatewayError] = []
    done = threading.Event()

    def run() -> None:
        try:
            _tick_until(done, venue, rate)
        except GatewayError as error:
            failure.append(error)
            stop.set()

    thread = threading.Thread(target=run, name="ticks", daemon=True)
    thread.start()
    try:
        yield failure
    finally:
        done.set()
        thread.join()


def _tick_until(done: threading.Event, venue: Venue, rate: float) -> None:
    due = time.monotonic()
    while not done.wait(min(IDLE_SECONDS, max(due - time.monotonic(), 0.0)) if rate else IDLE_SECONDS):
        work: Callable[[], None] = venue.publish
        if rate and time.monotonic() >= due:
            work = venue.tick
            due = max(due + 1 / rate, time.monotonic() - 1)  # after a stall, catch up a second at most
        try:
            work()
        except GatewayError:
            raise
        except Exception:
            log.exception("a tick failed")


def _start_console(console: Console) -> None:
    def run() -> None:
        for line in sys.stdin:
            if not line.strip():
                continue
            try:
                answer = console.execute(line)
            except Exception:
                log.exception("console: %s", line.strip())
                answer = "error a defect of the venue; see its log"
            _say(answer)

    threading.Thread(target=run, name="console", daemon=True).start()
