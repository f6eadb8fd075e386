"""`gateway doctor`: what is installed here and whether it can work. Changes nothing and connects to nothing."""

from __future__ import annotations

import importlib.metadata
import platform
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from gateway import __version__
from gateway.cli import output
from gateway.cli.instance import Instance
from gateway.cli.options import command
from gateway.cli.output import Column
from gateway.errors import ConfigurationError, GatewayError, PreconditionFailed

_PACKAGES = (
    "click", "rich", "msgspec", "pydantic", "sqlalchemy", "alembic", "psycopg", "cheroot", "prometheus-client", "structlog",
)  # fmt: skip
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_COLUMNS = (Column("Subject", "subject"), Column("", "state"), Column("Found", "found"))

Fact = dict[str, Any]


@command("doctor", example="gateway doctor")
def doctor(instance: Instance) -> None:
    """Look at the installation: engine, dictionaries, versions, permissions.

    Exit code 6 when something would keep the gateway from running, or its records from being written. A missing configuration
    is no such thing.
    """
    facts = [*_versions(), *_engine(), *_dictionaries(), _boot_id(), *_directories(instance)]
    output.show(instance.as_json, _COLUMNS, facts, empty="")
    if any(fact["state"] == "bad" for fact in facts):
        click.get_current_context().exit(PreconditionFailed.exit_code)


def _fact(subject: str, found: str, state: str = "ok") -> Fact:
    return {"subject": subject, "state": state, "found": found}


def _versions() -> Iterator[Fact]:
    yield _fact("gateway", __version__)
    yield _fact("python", platform.python_version())
    yield _fact("platform", platform.platform())
    for name in _PACKAGES:
        yield _package(name)


def _package(name: str) -> Fact:
    try:
        return _fact(name, importlib.metadata.version(name))
    except importlib.metadata.PackageNotFoundError:
        return _fact(name, "not installed; run `pip install .`", "bad")


def _engine() -> Iterator[Fact]:
    yield _package("quickfix")
    try:
        import _quickfix  # type: ignore[import-not-found]  # the engine has no type stubs
        import quickfix
    except ImportError as error:
        yield _fact("engine", f"cannot be imported ({error}); reinstall quickfix", "bad")
        return
    from gateway.venue.tls import engine_has_tls

    binary = Path(_quickfix.__file__)
    yield _fact("engine", f"{quickfix.__file__}, {binary.name}")
    if not engine_has_tls():
        yield _fact("engine TLS", "not built in: venues with tls = true need an engine built with it", "note")
    else:
        yield _fact("engine TLS", "built in")


def _dictionaries() -> Iterator[Fact]:
    from gateway.fix.dialect import load_dialect
    from gateway.fix.dictionary import find
    from gateway.fix.specs import available

    for name in available():
        try:
            dialect = load_dialect(name)
            needed = [file for file in (dialect.dictionary, dialect.transport_dictionary) if file]
            yield _fact(f"dialect {name}", ", ".join(str(find(file)) for file in needed))
        except GatewayError as error:
            yield _fact(f"dialect {name}", str(error), "bad")


def _boot_id() -> Fact:
    """A send log proves that an order never left only while the machine has not rebooted since."""
    try:
        return _fact("kernel boot id", _BOOT_ID.read_text("ascii").strip())
    except OSError as error:
        return _fact(
            "kernel boot id", f"unreadable ({error.strerror}): after a crash, unsent orders have to be asked about", "note"
        )


def _directories(instance: Instance) -> Iterator[Fact]:
    try:
        places = instance.places
    except ConfigurationError as error:
        yield _fact("configuration", str(error.problems[0]), "note")
        return
    yield _fact("configuration", str(instance.config_path))
    from gateway.config.directories import needed, troubles

    wanted = list(needed(places, instance.venues))
    bad = troubles(wanted)
    for trouble in bad:
        yield _fact(trouble.needed.what, f"{trouble.path} {trouble.what}; {trouble.remedy}", "bad")
    for one in wanted:
        inner = one.path != places.state_dir and one.path.is_relative_to(places.state_dir)
        if not inner and not any(one.path.is_relative_to(trouble.path) for trouble in bad):
            yield _fact(one.what, _shown(one.path))


def _shown(path: Path) -> str:
    return f"{path}: mode {stat.S_IMODE(path.stat().st_mode):04o}" if path.exists() else f"{path}: not there yet, will be made"
