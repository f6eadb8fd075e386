"""The directories and files a run writes to, and whether it could. `check`, `doctor` and `run` ask here, so that they agree.

Looks at the file system and changes nothing. What runs out later (space, a disk turned read-only) is for whoever writes.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from gateway.config.paths import Places, sqlite_file
from gateway.errors import Problem
from gateway.journal.durable import lock_file


@dataclass(frozen=True, slots=True, kw_only=True)
class Needed:
    """`what` it is; `key`: of the configuration, says where; `private`: nobody else may write there."""

    what: str
    key: str
    path: Path
    private: bool = False
    file: bool = False

    @property
    def for_trading(self) -> bool:
        """The records alone can be away while the gateway trades."""
        return self.key != "records.url"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """What is at `path`, of `needed` or above it, and how to mend that."""

    needed: Needed
    path: Path
    what: str
    remedy: str

    def problem(self, config_path: Path) -> Problem:
        """As one line beside those about the configuration's text."""
        what = f"{self.needed.what}: {self.path} {self.what}"
        return Problem(file=str(config_path), line=None, key=self.needed.key, what=what, remedy=self.remedy)


def needed(places: Places, venues: Iterable[str]) -> Iterator[Needed]:
    """All of them, in the order of the configuration; a directory that two keys name comes under the first."""
    state_dir = places.state_dir
    yield Needed(what="state directory", key="gateway.state_dir", path=state_dir, private=True)
    for what, name in (("log", "gateway.log"), ("emergency file", "emergency.log"), ("run number", "run.json")):
        yield Needed(what=what, key="gateway.state_dir", path=state_dir / name, file=True)
    for venue in venues:
        session = session_directory(state_dir, venue)
        for name in ("store", "dictionary"):
            yield Needed(what=f"{name} of session {venue}", key="gateway.state_dir", path=session / name)
        for name in ("messages.log", "send.log"):
            yield Needed(what=f"{name} of session {venue}", key="gateway.state_dir", path=session / name, file=True)
    journal, records = sqlite_file(places.journal_url), sqlite_file(places.records_url)
    socket = places.control_socket.parent
    known = {state_dir}
    if journal is not None and journal.parent not in known:
        known.add(journal.parent)
        yield Needed(what="directory of the journal", key="journal.url", path=journal.parent)
    if journal is not None:
        yield Needed(what="journal", key="journal.url", path=journal, file=True)
        yield Needed(what="lock of the journal", key="journal.url", path=lock_file(journal), file=True)
    if socket not in known:
        known.add(socket)
        yield Needed(what="directory of the control socket", key="control.socket", path=socket, private=True)
    if records is not None and records.parent not in known:
        yield Needed(what="directory of the records", key="records.url", path=records.parent)
    if records is not None:
        yield Needed(what="records", key="records.url", path=records, file=True)


def session_directory(state_dir: Path, venue: str) -> Path:
    """What a session keeps: the engine's store, dictionaries, FIX log, send log."""
    return state_dir / "fix" / venue


def troubles(all_needed: Iterable[Needed]) -> list[Trouble]:
    """What stands in the way, each thing once, whatever needs it."""
    found: dict[Path, Trouble] = {}
    for one in all_needed:
        nearest = one.path
        while not os.path.lexists(nearest) and nearest != nearest.parent:
            nearest = nearest.parent
        wrong = None if nearest in found else _wrong(one, nearest)
        if wrong is not None:
            found[nearest] = Trouble(needed=one, path=nearest, what=wrong[0], remedy=wrong[1])
    return list(found.values())


def _wrong(one: Needed, nearest: Path) -> tuple[str, str] | None:
    """`nearest`: what there is of its path."""
    if one.file and nearest == one.path:
        if not nearest.is_file():
            return "is not a file", "move it away, or name another one"
        return None if os.access(nearest, os.W_OK) else _refused(nearest)
    if not nearest.is_dir():
        return "is not a directory", "move it away, or name another one"
    if not os.access(nearest, os.W_OK | os.X_OK):
        return _refused(nearest)
    status = nearest.stat()
    if one.private and nearest == one.path and stat.S_IMODE(status.st_mode) & 0o022:
        ours = status.st_uid == os.geteuid()  # not a volume that a container was given, or /tmp
        return "can be written by other users", f"chmod 700 {nearest}" if ours else "name a directory inside it: a run makes it"
    return None


def _refused(path: Path) -> tuple[str, str]:
    if os.statvfs(path).f_flag & os.ST_RDONLY:
        return "is on a read-only file system", "remount it, or name another one"
    return "cannot be written by this user", "make it writable, and yours alone, or name another one"
