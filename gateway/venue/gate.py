"""The gate in front of the wire: closed by the kill switch before anything else happens, and by the gateway against itself.

It needs neither core nor journal nor database: engaging closes the gate and writes an fsynced kill file, on whatever thread
asks. The gate is closed in memory, at once, whatever the disk does, and however long it takes over another scope. The file
survives restarts; a gateway that finds it starts killed. Requests that lower risk (cancels, status requests, market data)
always pass; new orders pass only when no engaged scope covers them.

A stop is the gate closed by the gateway itself, while an invariant is broken or a strategy overruns. It has a cause instead of
a file: what it is about is in the journal, or ends with the process.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from threading import Event, Lock

import msgspec

from gateway.core.orders import Command
from gateway.core.state import order_scopes
from gateway.core.values import CommandKind
from gateway.errors import PreconditionFailed, remedy
from gateway.journal.durable import alone_with, write_durably

_PATIENCE_SECONDS = 1.0
"""How long a change of the kill file waits for one by another process, which may hang in it."""


class KillGate:
    """Engaged scopes, in memory and in the kill file. Any thread."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = Lock()
        """Held to change what is in memory, and never over a disk, which may not answer."""
        self._filing = Lock()
        """Held to change the file, or to compare it with memory; taken before the other."""
        self._engaged: dict[str, str] = _read(path)
        self._times: dict[str, int] = {}
        self.closed = Event()
        """Set while a scope is engaged: what a thread can wait for."""
        self._signal()
        self._stops: dict[str, tuple[str, str]] = {}
        """Cause -> scope, why."""

    def times(self, scope: str) -> int:
        """How often a scope was engaged: what a release compares with, so that it opens nothing that was closed after it."""
        return self._times.get(scope, 0)

    @property
    def engaged(self) -> Mapping[str, str]:
        """Scope -> reason."""
        return self._engaged

    def engage(self, scope: str, reason: str) -> None:
        """Close the gate for a scope, and keep it closed over restarts.

        Raises PreconditionFailed when the file could not be written; the gate is closed all the same, for this process.
        """
        self.close(scope, reason)
        self.keep()

    def close(self, scope: str, reason: str) -> None:
        """Close the gate for a scope at once, for as long as this process lives. `keep` makes more of it."""
        with self._lock:
            self._times[scope] = self.times(scope) + 1
            self._engaged = {**self._engaged, scope: reason}
            self._signal()

    def keep(self) -> None:
        """Write what is engaged into the kill file; as long as the disk takes. Raises PreconditionFailed when it refuses."""
        with self._filing, alone_with(self._path, _PATIENCE_SECONDS):
            self._write({**_read(self._path), **self._engaged})

    def release(self, scope: str, times: int | None = None) -> None:
        """Open the gate for a scope, unless it was engaged again since `times` (None: since now). The file goes first: what
        cannot be written stays engaged.

        Raises PreconditionFailed when the file could not be written.
        """
        with self._filing, alone_with(self._path, _PATIENCE_SECONDS):
            times = self.times(scope) if times is None else times
            if times != self.times(scope):
                return
            on_disk = {**_read(self._path), **self._engaged}
            self._write({engaged: reason for engaged, reason in on_disk.items() if engaged != scope})
            with self._lock:
                if times != self.times(scope):
                    return  # whoever closed it meanwhile writes it down next
                self._engaged = {engaged: reason for engaged, reason in self._engaged.items() if engaged != scope}
                self._signal()

    def stop(self, cause: str, scope: str, why: str) -> None:
        """Let no NEW and no REPLACE of a scope pass until `resume` is told the same cause."""
        with self._lock:
            self._stops = {**self._stops, cause: (scope, why)}

    def resume(self, cause: str) -> None:
        """The cause is over; others stay."""
        with self._lock:
            self._stops = {known: stop for known, stop in self._stops.items() if known != cause}

    @property
    def stops(self) -> Mapping[str, tuple[str, str]]:
        """Cause -> scope, why."""
        return self._stops

    def refusal(self, command: Command) -> str | None:
        """Why this request must not pass; None when it may."""
        if command.kind is CommandKind.CANCEL:
            return None
        engaged, stops = self._engaged, self._stops
        if not engaged and not stops:
            return None
        scopes = order_scopes(command)
        for scope in scopes:
            if scope in engaged:
                return f"kill switch engaged for {scope}"
        return next((f"stopped for {scope}: {why}" for scope, why in stops.values() if scope in scopes), None)

    def reload(self) -> Mapping[str, str]:
        """Scopes that were engaged through the file since we looked last; the gate is closed for them on return."""
        with self._filing:  # while reading, too: a scope released in the meantime must not come back
            found = _read(self._path)
            with self._lock:
                added = {scope: reason for scope, reason in found.items() if scope not in self._engaged}
                if added:
                    self._times |= {scope: self.times(scope) + 1 for scope in added}
                    self._engaged = {**self._engaged, **added}
                    self._signal()
        return added

    def _signal(self) -> None:
        if self._engaged:
            self.closed.set()
        else:
            self.closed.clear()

    def _write(self, engaged: Mapping[str, str]) -> None:
        """Another process may have engaged a scope through the file: what it wrote is kept."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            write_durably(self._path, msgspec.json.encode(engaged))
        except OSError as error:
            raise PreconditionFailed(f"kill file {self._path}: {error.strerror}; {remedy(error)}") from error


def kill_file_problem(path: Path) -> str | None:
    """Why a kill file cannot be understood; None for one that can be, or is not there."""
    return None if isinstance(found := _parsed(path), dict) else found


def _read(path: Path) -> dict[str, str]:
    """A kill file that cannot be understood means killed: never trade on a doubt."""
    return found if isinstance(found := _parsed(path), dict) else {"all": found}


def _parsed(path: Path) -> dict[str, str] | str:
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, str])
    except FileNotFoundError:
        return {}
    except (OSError, msgspec.MsgspecError) as error:
        return f"kill file {path} is unreadable ({error})"
