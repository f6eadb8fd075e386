"""Reads a configuration file, whole or not at all: either everything in it is usable, or every problem is named.

An operator who mends one line per attempt before the open loses the open; hence all checks run on every load and their
findings are reported together, in the order of the file. Loading creates nothing and connects to nothing.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from gateway.config.checks import cross_checks
from gateway.config.dialects import dialect_findings, dialect_hashes, with_dialect_files
from gateway.config.explain import explain
from gateway.config.findings import Finding
from gateway.config.model import Configuration
from gateway.config.paths import path_findings, resolve
from gateway.config.secrets import literal_secrets, secret_findings
from gateway.config.unsupported import unsupported
from gateway.errors import ConfigurationError, Problem
from gateway.toml_lines import LineIndex, key_name

_POSITION = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")
_LARGEST = 10_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedConfiguration:
    """An accepted configuration, with the text it came from and its places made absolute."""

    configuration: Configuration
    path: Path
    text: str = field(repr=False)
    sha256: str
    """Of the content: comments, layout and the order of keys do not change it; dialect files of one's own do."""
    base_dir: Path
    state_dir: Path
    journal_url: str
    records_url: str
    control_socket: Path


def load(path: Path | str, *, check_secrets: bool = True, environ: Mapping[str, str] | None = None) -> LoadedConfiguration:
    """Read and check the file.

    With `check_secrets=False` the password variables and files need not be there (the command line asks the live
    process and has no need of them). Raises ConfigurationError with every problem found.
    """
    file = str(path)
    text = _read(file)
    document = _parse(file, text)
    base_dir = Path(os.path.abspath(file)).parent
    configuration, findings = _check(document, base_dir, (os.environ if environ is None else environ), check_secrets)
    if configuration is None or findings:
        raise ConfigurationError(_problems(file, text, findings))
    places = resolve(configuration, base_dir)
    hashes = dialect_hashes(document, base_dir)
    return LoadedConfiguration(
        configuration=with_dialect_files(configuration, base_dir),
        path=Path(os.path.abspath(file)),
        text=text,
        sha256=content_sha256({**document, "dialects": hashes} if hashes else document),
        base_dir=base_dir,
        state_dir=places.state_dir,
        journal_url=places.journal_url,
        records_url=places.records_url,
        control_socket=places.control_socket,
    )


def content_sha256(document: Mapping[str, Any]) -> str:
    """The SHA-256 of a parsed TOML document in canonical form (hexadecimal)."""
    canonical = json.dumps(document, sort_keys=True, separators=(",", ":"), default=_canonical)
    return hashlib.sha256(canonical.encode("ascii")).hexdigest()


def _canonical(value: date | time | datetime) -> dict[str, str]:
    """TOML dates and times, kept apart from strings that look like them."""
    return {type(value).__name__: value.isoformat()}


def _check(
    document: dict[str, Any], base_dir: Path, environ: Mapping[str, str], check_secrets: bool
) -> tuple[Configuration | None, list[Finding]]:
    findings = [*unsupported(document), *literal_secrets(document)]
    # What is already said better than "not a known key" is not said again.
    said = {finding.path for finding in findings}
    configuration = None
    try:
        configuration = Configuration.model_validate(document)
    except ValidationError as error:
        findings += [finding for finding in explain(error) if finding.path not in said]
    findings += cross_checks(document)
    wrong = {finding.path for finding in findings}
    findings += [finding for finding in path_findings(document, base_dir) if finding.path not in wrong]
    if check_secrets:
        findings += [finding for finding in secret_findings(document, base_dir, environ) if finding.path not in wrong]
        findings += [finding for finding in dialect_findings(document, base_dir) if finding.path not in wrong]
    return configuration, findings


def _read(file: str) -> str:
    try:
        with open(file, "rb") as stream:
            content = stream.read(_LARGEST + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not a path"
        raise _refusal(file, None, f"cannot be read ({reason})", "check the path, or run `gateway init`") from None
    if len(content) > _LARGEST:
        raise _refusal(file, None, "is larger than 10 MB", "check that this is a configuration file")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise _refusal(file, line, "is not UTF-8 text", "save the file as UTF-8") from None


def _parse(file: str, text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise _refusal(file, None, "is nested too deeply", "flatten it") from None
    except ValueError as error:  # TOMLDecodeError, and numbers too long for int()
        position = _POSITION.search(str(error))
        what = str(error)[: position.start()] if position else str(error)
        if position and position[1]:
            line, where = int(position[1]), f" in column {position[2]}"
        else:
            line, where = text.count("\n") + 1, " at the end of the file"
        raise _refusal(file, line, f"is not TOML: {what}{where}", "correct the syntax") from None


def _refusal(file: str, line: int | None, what: str, remedy: str) -> ConfigurationError:
    return ConfigurationError([Problem(file=file, line=line, key=key_name(()), what=what, remedy=remedy)])


def _problems(file: str, text: str, findings: Iterable[Finding]) -> list[Problem]:
    lines = LineIndex(text)
    problems = [
        Problem(
            file=file,
            line=lines.find(finding.path),
            key=key_name(finding.path),
            what=finding.what,
            remedy=finding.remedy,
        )
        for finding in findings
    ]
    return sorted(problems, key=lambda problem: problem.line or 0)
