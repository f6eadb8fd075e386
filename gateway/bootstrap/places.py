"""Where the things are that a configuration names. Nothing is opened or connected here."""

from __future__ import annotations

import os
from pathlib import Path

from gateway.config.directories import Needed, needed, troubles
from gateway.config.load import LoadedConfiguration
from gateway.config.model import Venue
from gateway.config.paths import absolute, resolve
from gateway.config.secrets import resolve_password
from gateway.errors import ConfigurationError, PreconditionFailed, remedy
from gateway.journal.stores import JournalAt
from gateway.records.status import Settings
from gateway.venue.tls import TlsFiles


def journal_at(loaded: LoadedConfiguration) -> JournalAt:
    """Where the journal is, with the password where one is configured; nothing is opened yet."""
    section = loaded.configuration.journal
    password = resolve_password(section, "journal", loaded.base_dir, os.environ)
    return JournalAt(loaded.journal_url, section.durability, password)


def record_settings(loaded: LoadedConfiguration) -> Settings:
    """What the record writer has to know, with the passwords where they are configured."""
    journal = journal_at(loaded)
    password = resolve_password(loaded.configuration.records, "records", loaded.base_dir, os.environ)
    return Settings(
        journal_url=journal.url,
        journal_password=journal.password,
        records_url=loaded.records_url,
        records_password=password,
    )


def tls_files(loaded: LoadedConfiguration, venue: Venue) -> TlsFiles | None:
    """The files of a venue's encryption, absolute; None when its session is not encrypted by us."""
    if not venue.tls:
        return None
    given = (venue.tls_ca_file, venue.tls_cert_file, venue.tls_key_file)
    ca_file, cert_file, key_file = (absolute(loaded.base_dir, path) if path else None for path in given)
    assert ca_file is not None, "checked when the configuration was loaded"
    return TlsFiles(ca_file=ca_file, cert_file=cert_file, key_file=key_file)


def needed_by(loaded: LoadedConfiguration) -> list[Needed]:
    """Every directory and file the run would write to."""
    venues = [venue.name for venue in loaded.configuration.venues]
    return list(needed(resolve(loaded.configuration, loaded.base_dir), venues))


def make_usable(loaded: LoadedConfiguration, config_path: Path) -> None:
    """Make the state directory, ours alone. Raises ConfigurationError for whatever of the run could not be written there.

    The records are not asked for: a run trades without them, and says so.
    """
    found = [trouble.problem(config_path) for trouble in troubles(one for one in needed_by(loaded) if one.for_trading)]
    if found:
        raise ConfigurationError(found)
    private_directory(loaded.state_dir)


def private_directory(path: Path) -> None:
    """Make it, and see that something can be written there: a disk may be full. Raises PreconditionFailed."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        probe = path / ".writable"
        probe.touch()
        probe.unlink()
    except OSError as error:
        mend = remedy(error, "make it writable, and yours alone")
        raise PreconditionFailed(f"state directory {path}: {error.strerror}; {mend}") from error
