"""The record writer as the gateway has it: a process of its own, because its work would take the interpreter from who trades.

Here is the gateway's side: it starts the process, wakes it, hears how it stands, and starts it again when it dies. Nothing
waits for it but a start, which wants to know whether the records can be used at all, and a stop, which gives it some seconds.
"""

from __future__ import annotations

import logging
import os
import selectors
import signal
import subprocess
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from time import monotonic

import msgspec

from gateway import interpreter
from gateway.errors import PreconditionFailed
from gateway.records.status import Looking, Opened, Settings, Stop, Told, Wake, WriterState, WriterStatus
from gateway.redaction import MASK

_log = logging.getLogger(__name__)
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.2, 30.0
"""Before a process that died is started again; doubled each time, and from the beginning once one has come to write."""
STARTING_S, ANSWER_S = 10.0, 3.0
"""What a start gives the process to be there and begin to look at the records, and the database to answer then."""
_GRACE_S = 0.5
"""More than was given to a stop, until the process is killed."""
_BLOCK = 1 << 16
_LONGEST_LINE = 2_000
_TOLD = msgspec.json.Decoder(Looking | Opened | Told)


def launch(gateway: str) -> subprocess.Popen[bytes]:
    """A process that waits for its settings, and has the gateway's name for who looks at `ps`. Raises OSError.

    It hears no signal meant for this one, has none of its files, locks and sockets, and ends with the thread that calls this.
    """
    return subprocess.Popen(
        interpreter.command("gateway.records", gateway),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        bufsize=0,
        env=interpreter.environment(),
        start_new_session=True,
    )


class RecordProcess:
    """One per gateway, whose `name` it has: `prepare`, `open` and `start`, each once. `now_ns` is the clock for the status."""

    def __init__(self, settings: Settings, *, name: str, now_ns: Callable[[], int]) -> None:
        self._settings = settings
        self._name = name
        self._now_ns = now_ns
        self._lock = threading.Lock()
        """Held to write to the process, and to put another in its place."""
        self._process: subprocess.Popen[bytes] | None = None
        self._head = 0
        self._started = False
        self._stop_at: float | None = None
        self._stop_asked = threading.Event()
        self._opened: Opened | None = None
        self._begun = False
        """A start does not wait any more: records that refuse now are waited for until somebody has mended them."""
        self._looking, self._first_look = threading.Event(), threading.Event()
        """The first one has begun to look at the records, or is gone; has found something, or is gone."""
        self._came_to_write = False
        self._retries = 0
        self._status = WriterStatus(state="initialising", since_ns=now_ns())
        self._thread = threading.Thread(target=self._run, name="record-process", daemon=True)

    def prepare(self) -> None:
        """Start the process, which imports what it needs while the gateway does other things, and waits."""
        with suppress(OSError):  # `open` tries again, and says what is wrong
            self._process = launch(self._name)

    def open(self) -> None:
        """Have it look at the records. Raises PreconditionFailed when they cannot be used as they are.

        That is the only thing to wait for, and not for long: records that refuse later are waited for while the gateway trades.
        """
        self._thread.start()
        if self._looking.wait(STARTING_S):
            self._first_look.wait(ANSWER_S)
        self._begun = True
        opened = self._opened
        if opened is None:
            _log.warning("records are away, trading goes on: %s", self._status.last_error or "they do not answer yet")
        elif opened.refused:
            raise PreconditionFailed(opened.trouble or "the records refuse")
        elif opened.trouble is not None:
            _log.warning("records are away, trading goes on: %s", opened.trouble)

    def start(self) -> None:
        """Begin to follow the journal."""
        with self._lock:
            self._started = True
            self._tell(Wake(self._head))

    def wake(self, seq: int) -> None:
        """The journal has been committed up to `seq`. Any thread; waits for nobody: a wake-up may be lost, and no event is."""
        if seq > self._head:
            self._head = seq
        if self._started and self._lock.acquire(blocking=False):
            try:
                self._tell(Wake(seq))
            finally:
                self._lock.release()

    def stop(self, timeout: float) -> bool:
        """Write what is committed, then end; True if all of it was written within `timeout` seconds."""
        self._stop_at = monotonic() + timeout
        self._stop_asked.set()
        if self._thread.ident is None:
            self._kill()
        else:
            self._ask_to_stop()
            self._thread.join(timeout + _GRACE_S)
            if self._thread.is_alive():
                self._kill()  # it hangs: its transaction is all or nothing
                self._thread.join(_GRACE_S)
        return self.status().state == "stopped" and self.status().lag == 0

    def status(self) -> WriterStatus:
        """How it stands. Any thread."""
        status = self._status
        return replace(status, head=max(self._head, status.head, status.seq))

    # ------------------------------------------------------------------------------------------------ on its own thread

    def _run(self) -> None:
        pause = FIRST_PAUSE_S
        while True:
            self._came_to_write = False
            if not (trouble := self._once()):
                break
            pause = FIRST_PAUSE_S if self._came_to_write else pause
            self._retries = self._status.retries + 1
            self._change("degraded", trouble)
            self._found(self._opened)
            if self._stop_at is not None and monotonic() + pause > self._stop_at:
                break
            _log.error("%s; trading goes on, and it is started again in %g s", trouble, pause)
            self._stop_asked.wait(pause)
            pause = min(2 * pause, LONGEST_PAUSE_S)
        self._found(self._opened)

    def _found(self, opened: Opened | None) -> None:
        """Nobody waits any longer. None: it is gone, and what the next one finds is not waited for."""
        self._opened = opened
        self._looking.set()
        self._first_look.set()

    def _once(self) -> str:
        """One process, from its start to its end: "" when it ended as it should, else what became of it."""
        try:
            process = self._process or launch(self._name)
        except OSError as error:
            return f"the record writer's process cannot be started: {error.strerror}"
        assert process.stdin is not None
        os.set_blocking(process.stdin.fileno(), False)
        with self._lock:
            self._process = process
            self._tell(self._settings)
            if self._started:
                self._tell(Wake(self._head))
        self._status = replace(self._status, pid=process.pid)
        _log.info("records are written by process %d", process.pid)
        if self._stop_at is not None:
            self._ask_to_stop()
        self._follow(process)
        with self._lock:
            self._process = None
            process.stdin.close()
        code = process.wait()
        if not code and self._status.state in ("stopped", "failed"):
            self._status = replace(self._status, pid=None)
            return ""
        return f"the record writer's process {process.pid} {_ended(code)}"

    def _follow(self, process: subprocess.Popen[bytes]) -> None:
        """Hear what it says until it is silent for good."""
        assert process.stdout is not None
        assert process.stderr is not None
        with process.stdout, process.stderr, selectors.DefaultSelector() as selector:
            selector.register(process.stdout, selectors.EVENT_READ, self._told)
            selector.register(process.stderr, selectors.EVENT_READ, self._grumbled)
            rests = {process.stdout: b"", process.stderr: b""}
            while rests:
                for key, _ in selector.select():
                    stream, hear = key.fileobj, key.data
                    block = os.read(key.fd, _BLOCK)
                    *lines, rest = (rests[stream] + block).split(b"\n")  # type: ignore[index]  # a file, as it was registered
                    for line in lines:
                        hear(line, process.pid)
                    rests[stream] = rest[-_BLOCK:]  # type: ignore[index]  # the same
                    if not block:
                        selector.unregister(stream)
                        rests.pop(stream)  # type: ignore[call-overload]  # the same

    def _told(self, line: bytes, pid: int) -> None:
        try:
            message = _TOLD.decode(line)
        except msgspec.MsgspecError as error:
            _log.error("the record writer's process said what nobody understands: %s", error)
            return
        if isinstance(message, Looking):
            self._looking.set()
            return
        if isinstance(message, Opened):
            if message.refused and not self._begun:
                self._change("failed", message.trouble)
            self._found(self._opened or message)
            return
        status = message.status
        if not status.seq and status.state != "running":  # it has not seen the records yet: they stand where they stood
            status = replace(status, seq=self._status.seq, recorded_ns=self._status.recorded_ns)
        self._came_to_write = self._came_to_write or status.state == "running"
        last = status.last_error or self._status.last_error
        self._status = replace(status, retries=self._retries + status.retries, last_error=last, pid=pid)

    def _grumbled(self, line: bytes, pid: int) -> None:
        """Warnings of libraries, and the last words of an interpreter."""
        text = line.decode(errors="backslashreplace")[:_LONGEST_LINE].rstrip()
        for secret in self._settings.secrets():
            text = text.replace(secret, MASK)
        if text:
            _log.warning("record writer's process %d: %s", pid, text)

    def _change(self, state: WriterState, error: str | None = None) -> None:
        before = self._status
        since_ns = before.since_ns if before.state == state else self._now_ns()
        retries = max(before.retries, self._retries)
        self._status = replace(
            before, state=state, since_ns=since_ns, last_error=error or before.last_error, retries=retries, pid=None
        )

    # ------------------------------------------------------------------------------------------------------ what is told

    def _ask_to_stop(self) -> None:
        """It may be asked twice, by whoever stops and by the thread that has just started another process."""
        assert self._stop_at is not None
        with self._lock:
            self._tell(Wake(self._head))
            self._tell(Stop(max(self._stop_at - monotonic(), 0.0)))

    def _tell(self, message: Settings | Wake | Stop) -> None:
        """Only with the lock. A process that is gone, or has not read for thousands of lines, is told nothing."""
        if self._process is not None and self._process.stdin is not None and self._thread.ident is not None:
            with suppress(BlockingIOError, BrokenPipeError):
                os.write(self._process.stdin.fileno(), msgspec.json.encode(message) + b"\n")

    def _kill(self) -> None:
        process = self._process
        if process is not None:
            process.kill()


def _ended(code: int) -> str:
    if code >= 0:
        return f"ended with {code}"
    with suppress(ValueError):
        return f"was ended by {signal.Signals(-code).name}"
    return f"was ended by signal {-code}"
