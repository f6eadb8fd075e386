"""The send log: one line for every request, written before the wire sees it.

After a crash it settles what the journal cannot know. A dispatch that is not in it was never sent, provided the machine has
not rebooted since (a line that only reached the page cache survives the process, not the power). One that is in it may have
arrived: ask.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec

from gateway.errors import PreconditionFailed, remedy

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_KEEP_LINES = 100_000
"""Of the file when it is opened, and in memory: what is older cannot be in doubt any more."""
_FORGET = 500
"""Requests at a time, so that it takes 0.1 ms now and then."""
_OPENED = "opened "
_SPOILT = b" this line was not finished\n"
"""Ends what a failed write left behind (a full disk), so that the next line stands on its own."""


class Sent(msgspec.Struct, frozen=True):
    """A request that was about to reach the wire under this MsgSeqNum(34)."""

    epoch: int
    msg_seq_num: int
    cl_ord_id: str


def boot_id() -> str:
    """Changes with every boot; "unknown" where the kernel does not tell, which counts as a reboot."""
    try:
        return _BOOT_ID.read_text(encoding="ascii").strip()
    except OSError:
        return "unknown"


class SendLog:
    """Append-only, one file a session. Appending is a single write(2), unbuffered."""

    def __init__(self, path: Path, run_id: int) -> None:
        self._path = path
        self._boot_id = boot_id()
        self._torn = False
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            lines = _shorten(path)
            self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        except OSError as error:
            raise PreconditionFailed(f"send log {path}: {error.strerror}; {remedy(error)}") from error
        opened = (line.removeprefix(_OPENED).split(" ") for line in lines if line.startswith(_OPENED))
        self._runs = {parts[1] for parts in opened if len(parts) == 2 and parts[0] == self._boot_id != "unknown"}
        os.write(self._file, f"{_OPENED}{self._boot_id} {run_id}\n".encode())
        self._by_id: dict[str, Sent] = {}
        self._by_number: dict[tuple[int, int], str] = {}
        self._run_of: dict[str, int] = {}
        """Which run wrote the line of a request; only of runs before this one."""
        run = 0
        for line in lines:
            if line.startswith(_OPENED):
                run = _number(line.rpartition(" ")[2])
            elif (sent := _parse(line)) is not None:
                self._remember(sent)
                self._run_of[sent.cl_ord_id] = run

    def append(self, epoch: int, msg_seq_num: int, cl_ord_id: str) -> None:
        """Raises OSError, naming the file, when the line cannot be written: the request must then not be sent."""
        sent = Sent(epoch, msg_seq_num, cl_ord_id)
        line = f"{epoch} {msg_seq_num} {cl_ord_id}\n".encode()
        rest = _SPOILT + line if self._torn else line
        self._torn = True
        try:
            while rest:  # a full disk may take a part first, and says why it took no more when asked again
                rest = rest[os.write(self._file, rest) :]
        except OSError as error:
            raise OSError(f"send log {self._path}: {error.strerror}") from error
        self._torn = False
        self._remember(sent)

    def find(self, cl_ord_id: str) -> Sent | None:
        """The send of a request; the last one when it was tried more than once."""
        return self._by_id.get(cl_ord_id)

    def beyond(self, run_id: int, known: Callable[[str], bool]) -> list[Sent]:
        """Requests sent in the run `run_id`, the last one in the journal, or later, that the journal does not know.

        A request is committed before its line is written: one that is here and not there says that the journal was lost, or
        its end, or that an older copy of it was put back.
        """
        late = (name for name, run in self._run_of.items() if run >= run_id)
        return [self._by_id[name] for name in late if not known(name)]

    def cl_ord_id(self, epoch: int, msg_seq_num: int) -> str | None:
        """The request that was sent under a number: what RefSeqNum(45) refers to."""
        return self._by_number.get((epoch, msg_seq_num))

    def last_number(self, epoch: int) -> int:
        """Highest number used for a request in an epoch; 0 when none."""
        return max((number for known, number in self._by_number if known == epoch), default=0)

    def complete(self, run_id: int) -> bool:
        """Whether absence from the log proves that a run sent nothing: the run wrote it in this very boot."""
        return str(run_id) in self._runs

    def close(self) -> None:
        os.close(self._file)

    def _remember(self, sent: Sent) -> None:
        self._by_id[sent.cl_ord_id] = sent
        self._by_number[sent.epoch, sent.msg_seq_num] = sent.cl_ord_id
        _forget(self._by_id)
        _forget(self._by_number)


def _forget(known: dict[Any, Any]) -> None:
    if len(known) >= _KEEP_LINES + _FORGET:
        for key in list(islice(known, _FORGET)):
            del known[key]


def _number(text: str) -> int:
    return int(text) if text.isdecimal() else 0


def _parse(line: str) -> Sent | None:
    """What a line says; None when it was not finished, or is not about a request."""
    parts = line.split(" ")
    if len(parts) != 3 or not parts[0].isdigit() or not parts[1].isdigit():
        return None
    return Sent(int(parts[0]), int(parts[1]), parts[2])


def _shorten(path: Path) -> list[str]:
    """The log's lines; a long log is cut to its last part, which is all that can still be in doubt."""
    if not path.exists():
        return []
    content = path.read_bytes()
    whole = content[: content.rfind(b"\n") + 1]
    if len(whole) < len(content):
        os.truncate(path, len(whole))  # a torn last line (power loss) is no line, and must not swallow the next one
    lines = whole.decode("utf-8", "replace").splitlines()
    if len(lines) <= _KEEP_LINES:
        return lines
    temporary = path.with_name(path.name + ".new")
    temporary.write_text("\n".join(lines[-_KEEP_LINES:]) + "\n", encoding="utf-8")
    os.replace(temporary, path)
    return lines[-_KEEP_LINES:]
