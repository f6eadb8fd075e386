"""Dialects by name or by file: read, checked, and with every problem at once where they cannot be used.

Exists so that a dialect is read in one way, whether it is shipped in `fix_specs/` or somebody's own file beside his
configuration. What a dialect can say is in `gateway.fix.schema`, what can be wrong with it in `gateway.fix.dialect_check`.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec

from gateway.errors import ConfigurationError, Problem
from gateway.fix.dialect_check import Finding, against_dictionaries, contradictions, shape
from gateway.fix.schema import Dialect
from gateway.fix.specs import spec_path
from gateway.toml_lines import LineIndex, key_name

__all__ = ["Dialect", "check_dialect", "dialect_path", "load_dialect", "read_dialect", "require_usable"]
_POSITION = re.compile(r" \(at line ([0-9]+), column [0-9]+\)$")


def dialect_path(reference: str) -> Path:
    """The file of a dialect: `reference` itself if it ends in `.toml`, else that name in `fix_specs/`. Raises `NotFound`."""
    return Path(reference) if reference.endswith(".toml") else spec_path(reference)


@lru_cache(maxsize=64)
def load_dialect(reference: str) -> Dialect:
    """The dialect `reference` names. Raises `NotFound`, or `ConfigurationError` with everything wrong with its file."""
    return read_dialect(dialect_path(reference))


def read_dialect(path: Path) -> Dialect:
    """The dialect in the file `path`, not yet held against the dictionaries. Raises `ConfigurationError`."""
    document = _document(path)
    problems = [*shape(document)]
    if problems:
        raise _unusable(path, problems)
    dialect = _placed(msgspec.convert(document, Dialect), path)
    problems = [*contradictions(dialect)]
    if dialect.name != path.stem:
        problems.append(Finding(("name",), f"{dialect.name!r} differs from the file's name", "make them equal"))
    if problems:
        raise _unusable(path, problems)
    return dialect


def check_dialect(path: Path) -> list[Problem]:
    """Everything wrong with a dialect file, dictionaries included. Raises `PreconditionFailed` without dictionaries."""
    try:
        require_usable(read_dialect(path))
    except ConfigurationError as error:
        return error.problems
    return []


def require_usable(dialect: Dialect) -> None:
    """Raise `ConfigurationError` with every name and code of `dialect` that the dictionaries do not have."""
    findings = [*against_dictionaries(dialect)]
    if findings:
        raise _unusable(Path(dialect.file or f"{dialect.name}.toml"), findings)


def _placed(dialect: Dialect, path: Path) -> Dialect:
    """The dialect with its file; a dictionary that lies beside it goes before a standard one of the same name."""
    found = {}
    for key in ("dictionary", "transport_dictionary"):
        name = getattr(dialect, key)
        own = path.parent.resolve() / name if name else None
        if own is not None and own.is_file():
            found[key] = str(own)
    return msgspec.structs.replace(dialect, file=str(path), **found)


def _document(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_bytes().decode("utf-8"))
    except OSError as error:
        problem = _problem(path, None, f"cannot be read ({error.strerror})", "check the path")
    except UnicodeDecodeError:
        problem = _problem(path, None, "is not UTF-8 text", "save the file as UTF-8")
    except (ValueError, RecursionError) as error:
        found = _POSITION.search(str(error))
        what = _POSITION.sub("", str(error))
        problem = _problem(path, int(found[1]) if found else None, f"is not TOML: {what}", "correct the syntax")
    raise ConfigurationError([problem])


def _problem(path: Path, line: int | None, what: str, remedy: str) -> Problem:
    return Problem(file=str(path), line=line, key=key_name(()), what=what, remedy=remedy)


def _unusable(path: Path, findings: Iterable[Finding]) -> ConfigurationError:
    try:
        lines = LineIndex(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError):
        lines = LineIndex("")
    problems = [
        Problem(file=str(path), line=lines.find(f.path), key=key_name(f.path), what=f.what, remedy=f.remedy) for f in findings
    ]
    return ConfigurationError(sorted(problems, key=lambda problem: problem.line or 0))
