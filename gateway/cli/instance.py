"""The instance a command is about: its configuration file, its places, and the live process behind the socket.

Places are found even in a file that would not be accepted as a whole: somebody who is editing it must still be able to stop
trading. Nothing heavy is imported before it is needed.
"""

from __future__ import annotations

import os
import secrets
import tomllib
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gateway.cli import output
from gateway.errors import ConfigurationError, UnknownOutcome

if TYPE_CHECKING:
    from gateway.config.load import LoadedConfiguration
    from gateway.config.paths import Places
    from gateway.control.client import ControlClient
    from gateway.journal.stores import JournalAt
    from gateway.records.store import RecordStore

_TIMEOUT = 10.0


class Instance:
    """One gateway, as far as its configuration file tells."""

    def __init__(self, config_path: Path, *, as_json: bool) -> None:
        self.config_path = config_path
        self.as_json = as_json

    @cached_property
    def configuration(self) -> LoadedConfiguration:
        """The whole configuration; passwords need not be there. Raises ConfigurationError."""
        from gateway.config.load import load

        return load(self.config_path, check_secrets=False)

    @cached_property
    def places(self) -> Places:
        """Where the instance keeps its files. Raises ConfigurationError when the file does not even say that."""
        from gateway.config.paths import resolve

        try:
            loaded = self.configuration
        except ConfigurationError:
            places = _places_alone(self.config_path)
            if places is None:
                raise
            output.say(f"{self.config_path} would not be accepted as it stands (see `gateway check`); going by its places")
            return places
        return resolve(loaded.configuration, loaded.base_dir)

    @property
    def venues(self) -> list[str]:
        """Names of the venues; none where the configuration is not accepted as a whole."""
        try:
            return [venue.name for venue in self.configuration.configuration.venues]
        except ConfigurationError:
            return []

    def record_store(self) -> RecordStore:
        """The instance's records, with the password where one is configured. Raises ConfigurationError, PreconditionFailed."""
        from gateway.config.secrets import resolve_password
        from gateway.records.store import RecordStore

        places = self.places
        return RecordStore(
            places.records_url, password=resolve_password(places.records, "records", places.base_dir, os.environ)
        )

    def records_at(self, url: str) -> RecordStore:
        """The records at `url`, with the password that is configured where they are the instance's own, and nowhere else."""
        from gateway.records.engines import parse_url
        from gateway.records.store import RecordStore

        try:
            own = parse_url(self.places.records_url, None) == parse_url(url, None)
        except ConfigurationError:
            own = False  # there need not be a configuration
        return self.record_store() if own else RecordStore(url)

    @property
    def kill_file(self) -> Path:
        return self.places.state_dir / "kill.json"

    def journal(self) -> JournalAt:
        """Where the journal is, with the password where one is configured. Raises ConfigurationError."""
        from gateway.config.secrets import resolve_password
        from gateway.journal.stores import JournalAt

        places = self.places
        password = resolve_password(places.journal, "journal", places.base_dir, os.environ)
        return JournalAt(places.journal_url, places.journal.durability, password)

    def client(self, timeout: float = _TIMEOUT) -> ControlClient:
        """The live process, which may not be there."""
        from gateway.control.client import ControlClient

        return ControlClient(self.places.control_socket, timeout)

    def ask(
        self, path: str, *, reason: str, request_id: str | None, timeout: float = _TIMEOUT, **fields: object
    ) -> dict[str, Any]:
        """POST a request; fields that are None are left out. An outcome that stays unknown names the id to repeat it with."""
        request = request_id or secrets.token_hex(8)
        body = {name: value for name, value in fields.items() if value is not None}
        try:
            answer: dict[str, Any] = self.client(timeout).post(path, body | {"request_id": request, "reason": reason})
        except UnknownOutcome as error:
            raise UnknownOutcome(f"{error} (--request-id {request})") from error
        return answer


def _places_alone(path: Path) -> Places | None:
    """The places of a file that is TOML and names them properly, whatever else is wrong with it."""
    from pydantic import ValidationError

    from gateway.config.model import Configuration, ControlSection, GatewaySection, JournalSection, RecordsSection
    from gateway.config.paths import resolve

    try:
        document = tomllib.loads(path.read_text("utf-8"))
        described = Configuration.model_construct(
            gateway=GatewaySection.model_validate(document.get("gateway")),
            journal=JournalSection.model_validate(document.get("journal", {})),
            records=RecordsSection.model_validate(document.get("records", {})),
            control=ControlSection.model_validate(document.get("control", {})),
        )
    except (OSError, ValueError, ValidationError):
        return None
    return resolve(described, path.absolute().parent)
