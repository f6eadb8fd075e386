"""A run as a process in the foreground: its log, its signals, the line it promises, its exit code."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from pathlib import Path

import msgspec

from gateway.bootstrap.front import Front
from gateway.bootstrap.gateway import Gateway
from gateway.bootstrap.places import make_usable
from gateway.bootstrap.recovery import Stopped
from gateway.config.load import load
from gateway.signals import SignalThread
from gateway.telemetry import logs

_log = logging.getLogger(__name__)
STOP_SECONDS = 60.0
"""From the wish to stop to the end of the process at the latest. The parts of a stop have bounds of their own, which add up to
less; this one is for what hangs outside of them, such as a disk that does not answer while a file is closed."""


def run(config_path: Path, *, json_output: bool = False) -> int:
    """The live process in the foreground. Returns its exit code."""
    loaded = load(config_path)
    make_usable(loaded, config_path)
    log = logs.configure("json" if json_output else "console", loaded.state_dir / "gateway.log")
    logging.getLogger("alembic").setLevel(logging.WARNING)
    front = Front(loaded)
    # After the engine was imported: its import resets SIGINT to the default action.
    stops = (signal.SIGTERM, signal.SIGINT)
    signals = SignalThread()
    for number in stops:
        signals.on(number, lambda received: front.request_stop(received.name))
    # SIGUSR1 and SIGUSR2 mean nothing here, and would end the process: one sent by a slip, or by a script made for another
    # program, must not cost the connections of a live gateway.
    for number in (signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2):
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, stops)  # whoever started us may have kept them for this moment
    threading.Thread(target=_end_in_time, args=(front,), name="stop-limit", daemon=True).start()
    try:
        gateway = Gateway(loaded, front)
    except Stopped:
        _log.info("stopped before the run began")
        return _end(front, log, 0)
    except BaseException:
        front.stop()
        raise
    gateway.start()
    signals.on(signal.SIGHUP, lambda _: gateway.request_reload())  # also what a terminal sends that closes
    gateway.wait(lambda: _say_ready(gateway, json_output))
    front.stop_asked.set()
    clean = gateway.stop()
    if clean:
        _log.info("stopped")
    else:
        _log.warning("stopped, not everything was done in time")
    code = 0 if clean else 1
    lost = gateway.lost
    if lost is not None:
        print(f"error: {lost}", file=sys.stderr, flush=True)  # noqa: T201 - the reason of this end
        code = lost.exit_code
    return _end(front, log, code)


def _end_in_time(front: Front) -> None:
    """What is committed is safe, and what was not done is what a start after SIGKILL does."""
    front.stop_asked.wait()
    threading.Event().wait(STOP_SECONDS)
    print(f"error: not stopped within {STOP_SECONDS:g} s: ending all the same", file=sys.stderr, flush=True)  # noqa: T201 - the log may hang, too
    os._exit(1)


def _end(front: Front, log: logs.Logs, code: int) -> int:
    front.stop()
    log.stop()
    # The engine's own teardown can crash while a peer connects at that moment. Everything is durable and closed: leave it out.
    os._exit(code)


def _say_ready(gateway: Gateway, json_output: bool) -> None:
    port = gateway.reporter.metrics_port
    document = {"ready": True, "pid": os.getpid(), "metrics_port": port}
    line = msgspec.json.encode(document).decode() if json_output else "ready"
    print(line, flush=True)  # noqa: T201 - the one line `run` promises on stdout
