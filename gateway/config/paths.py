"""Where the gateway keeps its files: paths and database URLs of a configuration, made absolute.

Relative paths count from the folder of the configuration file, never from the working directory, so that the command
line and the live process agree from wherever they are started. Nothing here touches the file system.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from gateway.config.findings import Finding, Table, table, text
from gateway.config.model import Configuration, ControlSection, JournalSection, RecordsSection

SQLITE = "sqlite:///"
POSTGRESQL = "postgresql+psycopg://"
LONGEST_SOCKET = 107
"""Bytes of a Unix socket path on Linux: sun_path holds 108 with its terminator (unix(7))."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    state_dir: Path
    journal_url: str
    records_url: str
    journal: JournalSection
    records: RecordsSection
    base_dir: Path
    control_socket: Path
    strategy_path: Path | None


def resolve(configuration: Configuration, base_dir: Path) -> Places:
    """The absolute places a checked configuration names."""
    return Places(
        state_dir=absolute(base_dir, configuration.gateway.state_dir),
        journal_url=_absolute_url(base_dir, configuration.journal.url),
        records_url=_absolute_url(base_dir, configuration.records.url),
        journal=configuration.journal,
        records=configuration.records,
        base_dir=base_dir,
        control_socket=absolute(base_dir, configuration.control.socket),
        strategy_path=absolute(base_dir, configuration.gateway.strategy_path) if configuration.gateway.strategy_path else None,
    )


def sqlite_file(url: str) -> Path | None:
    """The file of an absolute SQLite URL; None for a URL of another database."""
    return Path(url.removeprefix(SQLITE)) if url.startswith(SQLITE) else None


def absolute(base_dir: Path, path: str) -> Path:
    """`path` as seen from the folder of the configuration file."""
    return Path(os.path.abspath(base_dir / path))


def path_findings(document: Table, base_dir: Path) -> Iterator[Finding]:
    """Every path and URL of the document that could not be used."""
    journal = text(table(document, "journal"), "url", JournalSection().url)
    records = text(table(document, "records"), "url", RecordsSection().url)
    for section, url in (("journal", journal), ("records", records)):
        if url.startswith(POSTGRESQL):
            yield from _postgresql_findings((section, "url"), url)
        else:
            remedy = 'use "sqlite:///FILE" or "postgresql+psycopg://USER@HOST/DATABASE"'
            yield from _sqlite_findings((section, "url"), url, remedy)
    if journal.startswith(SQLITE) and _absolute_url(base_dir, journal) == _absolute_url(base_dir, records):
        what = "is the same file as journal.url, and a SQLite file has one writer"
        yield Finding(("records", "url"), what, "give the records a file of their own")
    socket = absolute(base_dir, text(table(document, "control"), "socket", ControlSection().socket))
    length = len(os.fsencode(socket))
    if not _is_text(str(base_dir)):
        yield Finding(("control", "socket"), f"{str(base_dir)!r} is not UTF-8", "use another directory, or a UTF-8 locale")
    if length > LONGEST_SOCKET:
        what = f"{str(socket)!r} has {length} bytes, and a Unix socket path holds at most {LONGEST_SOCKET}"
        yield Finding(("control", "socket"), what, "give a shorter absolute path, for example below /run")


def _is_text(path: str) -> bool:
    """Whether the path can be written into a database URL: bytes that could not be decoded cannot (PEP 383)."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True


def _sqlite_findings(path: tuple[str, str], url: str, remedy: str) -> Iterator[Finding]:
    if not url.startswith(SQLITE):
        yield Finding(path, "is not a database URL the gateway can use", remedy)
        return
    file = url.removeprefix(SQLITE)
    if not file or file.startswith((":memory:", "file:")) or "?" in file:
        yield Finding(path, "does not name a file", 'use "sqlite:///FILE" without options')


def _postgresql_findings(path: tuple[str, str], url: str) -> Iterator[Finding]:
    try:
        parts = urlsplit(url)
        secret = parts.password is not None or any(key == "password" for key, _ in parse_qsl(parts.query))
        database = parts.path.strip("/")
    except ValueError:
        yield Finding(path, "is not a URL", 'use "postgresql+psycopg://USER@HOST/DATABASE"')
        return
    if secret:
        what = "holds a password, and the configuration is stored with every run"
        yield Finding(path, what, "remove it and use password_env or password_file, or PGPASSWORD or ~/.pgpass")
    if not database:
        yield Finding(path, "names no database", 'end it with "/DATABASE"')


def _absolute_url(base_dir: Path, url: str) -> str:
    if not url.startswith(SQLITE):
        return url
    return SQLITE + str(absolute(base_dir, url.removeprefix(SQLITE)))
