"""Start a venue as a process of its own, from the demo or a test.

Exists so that both go through the real command. It must not import the engine: the venue lives in another process.
"""

from __future__ import annotations

import json
import queue
import subprocess
import threading
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from types import TracebackType

from gateway import interpreter
from gateway.errors import GatewayError, NotReachable, PreconditionFailed

STOP_SECONDS = 30.0


class VenueProcess:
    """A running venue. As a context manager it is stopped at the end of the block."""

    def __init__(self, process: subprocess.Popen[str], directory: Path, timeout: float) -> None:
        self._process = process
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._read, name="venue-stdout", daemon=True)
        self._reader.start()
        self.directory = directory
        self.ledger_path = directory / "ledger.csv"
        self.log_path = directory / "venue.log"
        where = json.loads(self._line(timeout))
        self.host: str = where["host"]
        self.port: int = where["port"]

    @property
    def pid(self) -> int:
        return self._process.pid

    def running(self) -> bool:
        return self._process.poll() is None

    def command(self, line: str, timeout: float = 60.0) -> str:
        """One console command and what follows `ok`. Raises GatewayError when the venue answers `error`."""
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()
        status, _, answer = self._line(timeout).partition(" ")
        if status != "ok":
            raise GatewayError(f"venue: {answer}")
        return answer

    def stop(self, timeout: float = STOP_SECONDS) -> int:
        """Ask it to stop, kill it if it does not; its exit code. Harmless when it has ended."""
        if self.running():
            self._process.terminate()
        try:
            return self._finish(timeout)
        except subprocess.TimeoutExpired:
            return self.kill()

    def kill(self) -> int:
        """SIGKILL: what a crash of the venue looks like."""
        self._process.kill()
        return self._finish(STOP_SECONDS)

    def __enter__(self) -> VenueProcess:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    def _finish(self, timeout: float) -> int:
        code = self._process.wait(timeout)
        self._reader.join()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
        return code

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line.rstrip("\n"))
        self._lines.put(None)

    def _line(self, timeout: float) -> str:
        """The next line of the venue. Raises PreconditionFailed if it ended, NotReachable if it is silent."""
        try:
            line = self._lines.get(timeout=timeout)
        except queue.Empty:
            self.kill()
            raise NotReachable(f"the venue said nothing for {timeout} s; see {self.log_path}") from None
        if line is None:
            code = self._finish(STOP_SECONDS)
            last = self.log_path.read_text(errors="replace").strip().splitlines()[-1:]
            raise PreconditionFailed(f"the venue ended with exit code {code}: {' '.join(last) or 'no message'}")
        return line


def start_venue(
    directory: Path,
    *,
    targets: Sequence[str] = ("DESK",),
    symbols: Sequence[str] = ("USD/JPY",),
    sender: str = "SIM",
    port: int = 0,
    fix_version: str = "4.4",
    username: str = "",
    password_env: str = "",
    ticks: Path | None = None,
    seed: int = 1,
    rate: float = 20.0,
    flow: float = 4.0,
    tick_size: Decimal = Decimal("0.001"),
    start_price: Decimal = Decimal("110"),
    timeout: float = 60.0,
) -> VenueProcess:
    """A venue that listens on 127.0.0.1 when this returns; it ends with this process at the latest.

    Its store and ledger are in `directory`, its messages in `directory`/venue.log. Raises PreconditionFailed with the
    venue's last message when it cannot start, NotReachable when it does not listen within `timeout` seconds.
    """
    directory.mkdir(parents=True, exist_ok=True)
    flags = {
        "--dir": directory,
        "--fix-version": fix_version,
        "--sender": sender,
        "--port": port,
        "--seed": seed,
        "--rate": rate,
        "--flow": flow,
        "--tick-size": tick_size,
        "--start-price": start_price,
    }
    if password_env:
        flags |= {"--username": username, "--password-env": password_env}
    if ticks is not None:
        flags["--ticks"] = ticks
    command = interpreter.command("gateway.sim", "--json", "--console", "--exit-with-parent")
    command += [str(part) for flag in flags.items() for part in flag]
    command += [part for target in targets for part in ("--target", target)]
    command += [part for symbol in symbols for part in ("--symbol", symbol)]
    with (directory / "venue.log").open("a") as log:
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True, env=interpreter.environment()
        )
    return VenueProcess(process, directory, timeout)
