"""What a venue is started with: flags, a TOML file of the same names, or both, flags winning.

Exists so that the command line and the file cannot drift apart: both fill the same fields. It must not import the engine.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from decimal import Decimal, InvalidOperation
from pathlib import Path

from gateway.errors import ConfigurationError, PreconditionFailed, Problem, UsageError
from gateway.sim.versions import VERSIONS

LOOPBACK = "127.0.0.1"
EVERY_INTERFACE = "0.0.0.0"


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueSettings:
    """`rate` is ticks per second, `flow` house market orders per second and symbol; at rate 0 there is one tick, at start.

    `fix_version` is a key of `VERSIONS`. With `password_env`, the name of an environment variable, a Logon(A) must carry its
    content as password, and `username` where the version has a place for it.
    """

    host: str = LOOPBACK
    port: int = 0
    fix_version: str = "4.4"
    sender: str = "SIM"
    username: str = ""
    password_env: str = ""
    target: tuple[str, ...] = ("DESK",)
    symbol: tuple[str, ...] = ("USD/JPY",)
    tick_size: Decimal = Decimal("0.001")
    start_price: Decimal = Decimal("110")
    lot: Decimal = Decimal("1000")
    ticks: Path | None = None
    loop: bool = True
    seed: int = 1
    rate: float = 20.0
    flow: float = 4.0
    dir: Path = Path("venue")

    @property
    def ledger_path(self) -> Path:
        return self.dir / "ledger.csv"


NAMES = [field.name for field in fields(VenueSettings)]
_STRINGS = ("host", "fix_version", "sender", "username", "password_env")
_STRING_LISTS = ("target", "symbol")
_DECIMALS = ("tick_size", "start_price", "lot")
_PATHS = ("ticks", "dir")


def settings_from(flags: Mapping[str, object], config: Path | None = None) -> VenueSettings:
    """Defaults, then the file, then the flags that are not None or empty. Raises UsageError or ConfigurationError."""
    values = _from_file(config) if config is not None else {}
    values.update({name: value for name, value in flags.items() if value not in (None, ())})
    settings = VenueSettings(**values)  # type: ignore[arg-type] # every value was converted to its field's type
    _check(settings)
    return settings


def decimal_of(text: str) -> Decimal:
    """A finite decimal. Raises ValueError."""
    try:
        value = Decimal(text)
    except InvalidOperation as error:
        raise ValueError(f"{text} is not a decimal number") from error
    if not value.is_finite():
        raise ValueError(f"{text} is not a decimal number")
    return value


def _from_file(path: Path) -> dict[str, object]:
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise PreconditionFailed(f"{path}: cannot read the configuration: {error.strerror}") from error
    except ValueError as error:
        raise ConfigurationError([_problem(path, "(file)", str(error), "correct the TOML")]) from error
    problems = []
    values: dict[str, object] = {}
    for key, raw in document.items():
        try:
            values[key] = _converted(key, raw, path.parent)
        except ValueError as error:
            remedy = f"known keys are {', '.join(NAMES)}" if key not in NAMES else "correct the value"
            problems.append(_problem(path, key, str(error), remedy))
    if problems:
        raise ConfigurationError(problems)
    return values


def _converted(key: str, raw: object, relative_to: Path) -> object:
    """The value of one key as its field's type; decimals are written as strings, paths are relative to the file."""
    if key in _STRING_LISTS and isinstance(raw, list) and raw and all(isinstance(item, str) for item in raw):
        return tuple(raw)
    if key in _DECIMALS and isinstance(raw, str):
        return decimal_of(raw)
    if key in _PATHS and isinstance(raw, str):
        return relative_to / raw
    if key in _STRINGS and isinstance(raw, str):
        return raw
    if key == "loop" and isinstance(raw, bool):
        return raw
    if key in ("port", "seed") and isinstance(raw, int) and not isinstance(raw, bool):
        return raw
    if key in ("rate", "flow") and isinstance(raw, (int, float)) and not isinstance(raw, bool):
        return float(raw)
    if key not in NAMES:
        raise ValueError("unknown key")
    wanted = "a list of strings" if key in _STRING_LISTS else "a decimal as a string" if key in _DECIMALS else "another type"
    raise ValueError(f"needs {wanted}, not {raw!r}")


def _problem(path: Path, key: str, what: str, remedy: str) -> Problem:
    return Problem(file=str(path), line=_line_of(path, key), key=key, what=what, remedy=remedy)


def _line_of(path: Path, key: str) -> int | None:
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    return next((number for number, line in enumerate(lines, 1) if line.partition("=")[0].strip() == key), None)


def _check(settings: VenueSettings) -> None:
    if settings.host not in (LOOPBACK, EVERY_INTERFACE):
        raise UsageError(f"host {settings.host}: the engine listens on every interface; take {LOOPBACK} or {EVERY_INTERFACE}")
    if not 0 <= settings.port <= 65535:
        raise UsageError(f"port {settings.port} is not between 0 and 65535")
    for name in _DECIMALS:
        if getattr(settings, name) <= 0:
            raise UsageError(f"{name} must be positive")
    if settings.rate < 0 or settings.flow < 0:
        raise UsageError("rate and flow must not be negative")
    if settings.fix_version not in VERSIONS:
        raise UsageError(f"fix_version {settings.fix_version} is not one of {', '.join(VERSIONS)}")
    if settings.password_env and not os.environ.get(settings.password_env):
        raise UsageError(f"password_env {settings.password_env}: no such environment variable, or it is empty")
    if settings.username and not settings.password_env:
        raise UsageError("username needs password_env, the environment variable that holds the password")
    if settings.sender in settings.target or len(set(settings.target)) != len(settings.target):
        raise UsageError("sender and targets must all differ")
    for name in (settings.sender, *settings.target, *settings.symbol):
        if not name.isascii() or not name.isprintable() or not name:
            raise UsageError(f"{name!r}: names must be printable ASCII")
