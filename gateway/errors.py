"""The tree of known errors, and the exit code each ends with.

Every message says what happened, where (file and key, or session and MsgSeqNum), and what to do about it. The command
line has one edge (`gateway.cli.main`) that turns these into one line on stderr and an exit code; anything else that
reaches that edge is a defect and keeps its traceback.

    GatewayError                  1  failed
      OperatorError                  whoever runs the gateway can mend it
        UsageError                2  malformed arguments
        NotFound                  3  no such order, session, venue, file
        Denied                    4  refused by risk, permission or validation
        NotReachable              5  no gateway answers on the control socket
        PreconditionFailed        6  not logged on, kill engaged, port or journal in use, unwritable directory, wrong revision
          JournalLost             6  another gateway took the journal, or its database is not the one we wrote to
          StrategyRefused         6  a strategy of the configuration cannot be made: its class, or its parameters
          ConfigurationError      6  all problems of one configuration at once, each with file, line, key and remedy
        UnknownOutcome            7  a time limit passed: it may have happened, it may not
      CounterpartyError              the other side sent what we cannot take
        UndecodableMessage        1  not FIX, or not translatable; carries the raw text
      InternalError               1  a broken invariant or a damaged journal: ours
        JournalError              1  the journal cannot be read or written
        JournalCorrupt            1  a record of the journal is not what its hash says
"""

from __future__ import annotations

import errno
from dataclasses import dataclass


class GatewayError(Exception):
    """Root of every error the gateway raises knowingly."""

    exit_code = 1


class OperatorError(GatewayError):
    """Whoever runs the gateway can mend it."""


class UsageError(OperatorError):
    exit_code = 2


class NotFound(OperatorError):
    exit_code = 3


class Denied(OperatorError):
    exit_code = 4


class NotReachable(OperatorError):
    exit_code = 5


class PreconditionFailed(OperatorError):
    exit_code = 6


class UnknownOutcome(OperatorError):
    exit_code = 7


class JournalLost(PreconditionFailed):
    """The journal is no longer ours to write: another gateway took it, or the database lost what it had confirmed."""


class StrategyRefused(PreconditionFailed):
    """A strategy of the configuration cannot be made. `path` is the key within its table, e.g. ("params", "quantity")."""

    def __init__(self, strategy: str, path: tuple[str | int, ...], what: str, remedy: str) -> None:
        super().__init__(f"strategy {strategy}: {'.'.join(map(str, path))}: {what}; {remedy}")
        self.path = path
        self.what = what
        self.remedy = remedy


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing wrong with a configuration: where it stands, what is wrong, and how to mend it."""

    file: str
    line: int | None
    key: str
    what: str
    remedy: str

    def __str__(self) -> str:
        where = self.file if self.line is None else f"{self.file}:{self.line}"
        return f"{where}: {self.key}: {self.what}; {self.remedy}"


class ConfigurationError(PreconditionFailed):
    """Everything wrong with one configuration, found in one pass."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems

    def __reduce__(self) -> tuple[type[ConfigurationError], tuple[list[Problem]]]:
        return type(self), (self.problems,)


_NO_SPACE = "free space on the disk"
_REMEDIES = {
    errno.ENOSPC: _NO_SPACE,
    errno.EDQUOT: f"{_NO_SPACE}, or raise the user's quota",
    errno.EROFS: "remount the file system writable, or name a directory on another one",
    errno.EIO: "the disk fails: name a directory on another one",
    errno.EMFILE: "raise the limit of open files",
    errno.ENFILE: "raise the limit of open files",
    errno.EISDIR: "move that directory away",
    errno.ENAMETOOLONG: "name a directory with a shorter path",
}


def remedy(error: OSError, otherwise: str = "make the directory writable") -> str:
    """What to do about a file that could not be written; `otherwise` where the error leaves only permissions."""
    return _REMEDIES.get(error.errno or 0, otherwise)


class CounterpartyError(GatewayError):
    """The other side sent what we cannot take."""


class UndecodableMessage(CounterpartyError):
    """Not FIX, or not translatable. `raw` is the text as it arrived."""

    def __init__(self, what: str, raw: str) -> None:
        super().__init__(what)
        self.raw = raw


class InternalError(GatewayError):
    """A broken invariant: a defect of ours."""


class JournalError(InternalError):
    """The journal cannot be read or written."""


class JournalCorrupt(JournalError):
    """A record of the journal is not what its hash says."""
