"""Passwords: where they may come from, and the checks on that source.

A password is read from an environment variable or from a file that only its owner can read, when a session is built,
and kept nowhere. It must never be part of the configuration, of an error message or of a log line. The messages do
not even repeat the name of the variable or file: people put the password itself there by mistake.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from gateway.config.findings import Finding, Table, table, tables, text
from gateway.config.model import PasswordSource, Venue
from gateway.errors import ConfigurationError, Problem
from gateway.toml_lines import KeyPath, key_name

_LITERALS = frozenset({"password", "passwd", "new_password", "passphrase", "secret", "api_key", "api_secret", "token"})
_LARGEST = 4096
DATABASES = ("journal", "records")
"""Sections that may name a password source of their own."""
_READABLE = "give a path relative to the configuration file, and make it readable for the gateway's user"


def resolve_secrets(venue: Venue, base_dir: Path, environ: Mapping[str, str]) -> str | None:
    """The venue's password, or None when it has none.

    Raises ConfigurationError when the variable is not set, or the file is missing, empty or readable by others.
    """
    return _found(venue, ("venues", venue.name), base_dir, environ)


def resolve_password(source: PasswordSource, section: str, base_dir: Path, environ: Mapping[str, str]) -> str | None:
    """The password of a database section, or None when it names no source. Raises ConfigurationError as above."""
    return _found(source, (section,), base_dir, environ)


def _found(source: PasswordSource | Venue, path: KeyPath, base_dir: Path, environ: Mapping[str, str]) -> str | None:
    found = _read(source.password_env, source.password_file, base_dir, environ, path)
    if isinstance(found, Finding):
        where = key_name(found.path)
        raise ConfigurationError([Problem(file=str(base_dir), line=None, key=where, what=found.what, remedy=found.remedy)])
    return found


def secret_findings(document: Table, base_dir: Path, environ: Mapping[str, str]) -> Iterator[Finding]:
    """Every password source of the document that would not give a password now."""
    places: list[tuple[KeyPath, Table]] = [(("venues", index), venue) for index, venue in tables(document, "venues")]
    places += [((section,), table(document, section)) for section in DATABASES]
    for path, place in places:
        env, file = text(place, "password_env"), text(place, "password_file")
        found = _read(env or None, file or None, base_dir, environ, path)
        if isinstance(found, Finding):
            yield found


def literal_secrets(value: Any, path: KeyPath = ()) -> Iterator[Finding]:
    """Every key anywhere in the document that holds a secret as text: the document is stored for ever."""
    if isinstance(value, dict):
        for key, entry in value.items():
            if key.lower() in _LITERALS and not isinstance(entry, dict):
                yield Finding((*path, key), "is a secret written into the configuration", _literal_remedy(path))
            yield from literal_secrets(entry, (*path, key))
    elif isinstance(value, list):
        for index, entry in enumerate(value):
            yield from literal_secrets(entry, (*path, index))


def _literal_remedy(path: KeyPath) -> str:
    if path[:1] == ("venues",) or path[:1] in {(section,) for section in DATABASES}:
        return 'remove it and use password_env = "VARIABLE" or password_file = "FILE"'
    return "remove it and take it from the environment or from a private file"


def _read(
    env: str | None, file: str | None, base_dir: Path, environ: Mapping[str, str], place: KeyPath
) -> str | Finding | None:
    if env is not None:
        path = (*place, "password_env")
        if env not in environ:
            return Finding(path, "names an environment variable that is not set", "set it where the gateway is started")
        return _usable(environ[env], path)
    if file is not None:
        path = (*place, "password_file")
        try:
            content = _read_private(Path(os.path.abspath(base_dir / file)))
        except _Refused as refused:
            return Finding(path, refused.what, refused.remedy)
        return _usable(content, path)
    return None


class _Refused(Exception):
    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(what)
        self.what = what
        self.remedy = remedy


def _read_private(path: Path) -> str:
    """The file's text, after checks on the very file that is read (not on whatever had the name before)."""
    try:
        # Without O_NONBLOCK a pipe under this name would block the start for ever.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not a path"
        raise _Refused(f"names a file that cannot be read ({reason})", _READABLE) from None
    with open(descriptor, "rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise _Refused("names something that is not a regular file", "name a regular file")
        if stat.S_IMODE(status.st_mode) & 0o077:
            raise _Refused("names a file that other users can access", "chmod 600 it, and change the password")
        content = file.read(_LARGEST + 1)
    try:
        return content.decode("utf-8").rstrip("\r\n")
    except UnicodeDecodeError:
        raise _Refused("names a file that is not UTF-8 text", "store the password as one line") from None


def _usable(secret: str, path: KeyPath) -> str | Finding:
    if not secret:
        return Finding(path, "gives an empty password", "store the password there")
    if len(secret) > _LARGEST or any(ord(character) < 32 or ord(character) == 127 for character in secret):
        return Finding(path, "gives text that cannot be a password", "store one line without control characters")
    return secret
