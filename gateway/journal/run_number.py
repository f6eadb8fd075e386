"""The run number: fsynced before use, never reused, so ids made with it never repeat even if the journal's tail was lost."""

from __future__ import annotations

import secrets
from pathlib import Path

import msgspec

from gateway.errors import PreconditionFailed, remedy
from gateway.journal.durable import write_durably

_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_PREFIX_LENGTH = 6
"""Two thousand million of them. Short, because some venues take no more than 20 characters of a ClOrdID(11)."""


class RunNumber(msgspec.Struct, frozen=True):
    """`id_prefix` is drawn when the state directory is first used: ClOrdIDs differ from those of any other directory."""

    run_id: int
    id_prefix: str


def take(path: Path, at_least: int) -> RunNumber:
    """The next run number (above `at_least`, the journal's last), written and fsynced before it is returned."""
    try:
        last = _read(path) or RunNumber(0, _prefix())
        taken = RunNumber(max(last.run_id, at_least) + 1, last.id_prefix)
        write_durably(path, msgspec.json.encode(taken))
    except OSError as error:
        raise PreconditionFailed(f"run number {path}: {error.strerror}; {remedy(error)}") from error
    return taken


def used_elsewhere(path: Path, run_id: int, id_prefix: str) -> bool:
    """Whether the journal's last run was made from another state directory. Raises PreconditionFailed for a damaged file.

    Its number alone does not tell: of two directories each may have had a run of that number.
    """
    known = _read(path)
    return run_id > 0 and (known is None or known.run_id < run_id or known.id_prefix != id_prefix)


def _read(path: Path) -> RunNumber | None:
    if not path.exists():
        return None
    try:
        return msgspec.json.decode(path.read_bytes(), type=RunNumber)
    except msgspec.MsgspecError as error:
        raise PreconditionFailed(f"run number {path} is damaged: {error}; restore it, or move it away to begin anew") from error


def _prefix() -> str:
    return "".join(secrets.choice(_DIGITS) for _ in range(_PREFIX_LENGTH))
