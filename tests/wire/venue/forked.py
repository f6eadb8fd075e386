"""Processes that begin with everything imported: forked from one that has done nothing else.

A gateway needs a second of processor time to import what it is made of, and the suite starts some hundreds. `Process` is used
as `subprocess.Popen` is: a process of its own with a PID, its own files and signals, and an exit code. What it lacks, the start
of an interpreter by `python -m gateway`, is in the tests of tests/integration.
"""

from __future__ import annotations

import atexit
import contextlib
import io
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

_LARGEST = 1 << 20
"""Bytes of a request; an environment is the most of it."""


class Process:
    """`arguments` as after `python`: `-m MODULE ...`, `-c CODE ...` or `FILE ...`."""

    def __init__(self, arguments: Sequence[str], stdout: IO[bytes], stderr: IO[bytes], env: Mapping[str, str]) -> None:
        self.args = list(arguments)
        self.returncode: int | None = None
        self._ended, told = os.pipe()
        self._lock = threading.Lock()
        try:
            self.pid = _nursery().start(self.args, dict(env), (stdout.fileno(), stderr.fileno(), told))
        finally:
            os.close(told)

    def poll(self) -> int | None:
        return self._look(0)

    def wait(self, timeout: float | None = None) -> int:
        """Its exit code. Raises subprocess.TimeoutExpired."""
        code = self._look(timeout)
        if code is None:
            raise subprocess.TimeoutExpired(self.args, timeout or 0)
        return code

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):  # it has ended since, as subprocess has it
                os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def _look(self, timeout: float | None) -> int | None:
        with self._lock:
            if self.returncode is None and select.select([self._ended], [], [], timeout)[0]:
                said = os.read(self._ended, 16)
                assert said, "what forks processes has ended"
                self.returncode = int(said)
                os.close(self._ended)
            return self.returncode


def run(
    arguments: Sequence[str], timeout: float = 100, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """As `subprocess.run` with captured text."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        process = Process(arguments, out, err, os.environ if env is None else env)
        try:
            code = process.wait(timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
        out.seek(0)
        err.seek(0)
        return subprocess.CompletedProcess(process.args, code, out.read().decode(), err.read().decode())


# ------------------------------------------------------------------------------------------------- the side that asks


class _Nursery:
    """The process that forks; it ends when this one does."""

    def __init__(self) -> None:
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _LARGEST)
        self._lock = threading.Lock()
        with theirs:
            command = [sys.executable, __file__, str(theirs.fileno())]
            environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
            self._process = subprocess.Popen(command, env=environment, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL)
        atexit.register(self.close)

    def start(self, arguments: list[str], environment: dict[str, str], files: Sequence[int]) -> int:
        request = {"arguments": arguments, "environment": environment, "directory": str(Path.cwd())}
        with self._lock:
            socket.send_fds(self._socket, [json.dumps(request).encode()], files)
            answer = self._socket.recv(16)
        assert answer, "what forks processes has ended"
        return int(answer)

    def close(self) -> None:
        self._socket.close()
        self._process.wait()


_made: list[_Nursery] = []


def _nursery() -> _Nursery:
    if not _made:
        _made.append(_Nursery())
    return _made[0]


# ------------------------------------------------------------------------------------------------- the side that forks


def _serve(asked: socket.socket) -> tuple[dict[str, Any], list[int]] | None:
    """Fork for every request until nobody asks any more: None then, and the request in each process that was forked."""
    awake, wake = os.pipe()
    os.set_blocking(wake, False)
    os.set_blocking(awake, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake)
    told: dict[int, int] = {}
    while True:
        ready, _, _ = select.select([asked, awake], [], [])
        if awake in ready:
            os.read(awake, 4096)
        _reap(told)
        if asked not in ready:
            continue
        raw, files, _, _ = socket.recv_fds(asked, _LARGEST, 3)
        if not raw:
            return None
        pid = os.fork()
        if not pid:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            for descriptor in (asked.detach(), awake, wake, files[2], *told.values()):
                os.close(descriptor)
            return json.loads(raw), files[:2]
        told[pid] = files[2]
        for descriptor in files[:2]:
            os.close(descriptor)
        asked.send(str(pid).encode())


def _reap(told: dict[int, int]) -> None:
    """Say of those that ended how they did."""
    with contextlib.suppress(ChildProcessError):
        while (found := os.waitpid(-1, os.WNOHANG))[0]:
            with contextlib.suppress(BrokenPipeError):
                os.write(told[found[0]], str(os.waitstatus_to_exitcode(found[1])).encode())
            os.close(told.pop(found[0]))


def _become(request: dict[str, Any], files: list[int]) -> None:
    """What `python ARGUMENTS` does from here on."""
    for number, descriptor in enumerate(files, 1):
        os.dup2(descriptor, number)
        os.close(descriptor)
    spare = None if request["arguments"][:2] == ["-m", "gateway"] and "run" not in request["arguments"] else _Spare()
    os.environ.clear()
    os.environ.update(request["environment"])
    os.chdir(request["directory"])
    if spare is not None:
        start = gateway.records.process.launch
        spares = [spare]
        gateway.records.process.launch = lambda name: spares.pop() if spares else start(name)
    first, *others = request["arguments"]
    found = [path for path in request["environment"].get("PYTHONPATH", "").split(os.pathsep) if path]
    sys.path[:0] = [str(Path(first).parent) if first[0] != "-" else request["directory"], *found]
    if first == "-m":
        sys.argv = others
        runpy.run_module(others[0], run_name="__main__", alter_sys=True)
    elif first == "-c":
        sys.argv = ["-c", *others[1:]]
        exec(compile(others[0], "<string>", "exec"), {"__name__": "__main__"})
    else:
        sys.argv = [first, *others]
        runpy.run_path(first, run_name="__main__")


class _Spare:
    """The process of a gateway's record writer, forked before that has begun; used as `subprocess.Popen` is. After its death
    the next one is started as the product does it."""

    def __init__(self) -> None:
        pipes = [os.pipe() for _ in range(3)]
        (theirs_in, ours_in), (ours_out, theirs_out), (ours_err, theirs_err) = pipes
        self.pid = os.fork()
        if not self.pid:
            for number, descriptor in enumerate((theirs_in, theirs_out, theirs_err)):
                os.dup2(descriptor, number)
            for pipe in pipes:
                for descriptor in pipe:
                    os.close(descriptor)
            os.setsid()
            runpy.run_module("gateway.records", run_name="__main__")
        for descriptor in (theirs_in, theirs_out, theirs_err):
            os.close(descriptor)
        self.stdin, self.stdout, self.stderr = io.FileIO(ours_in, "w"), io.FileIO(ours_out), io.FileIO(ours_err)

    def wait(self) -> int:
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)


if __name__ == "__main__":
    import gc

    # What is imported here is not imported by those that are forked.
    import gateway.bootstrap.gateway
    import gateway.bootstrap.process
    import gateway.cli.lifecycle
    import gateway.cli.main
    import gateway.cli.verify
    import gateway.records.child
    import gateway.records.process

    sys.path.pop(0)  # this directory
    gc.collect()
    gc.freeze()
    request = _serve(socket.socket(fileno=int(sys.argv[1])))
    if request is not None:
        _become(*request)
