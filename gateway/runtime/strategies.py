"""From a configuration to strategies that run: found, their parameters validated, made.

A strategy is code of somebody else's: whatever goes wrong while it is imported or made is told with the key it stands under.
"""

from __future__ import annotations

import importlib
import importlib.util
import math
import re
import sys
from collections.abc import Iterator, Mapping
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec

from gateway.config.load import LoadedConfiguration
from gateway.config.model import Configuration, StrategySection
from gateway.config.paths import resolve
from gateway.core.core import AnyStrategy
from gateway.core.settings import StrategySettings, Trigger
from gateway.core.strategy import Strategy
from gateway.errors import ConfigurationError, PreconditionFailed, Problem, StrategyRefused
from gateway.toml_lines import KeyPath, LineIndex, key_name

_AT = re.compile(r" - at `\$([^`]*)`$")
_PART = re.compile(r"\.([^.\[]+)|\[(\d+)\]")


def strategy_settings(loaded: LoadedConfiguration) -> dict[str, StrategySettings]:
    """Every strategy's settings, each tried. Raises ConfigurationError with everything wrong, by file and line."""
    found, problems = {}, []
    import_own(resolve(loaded.configuration, loaded.base_dir).strategy_path)
    lines = LineIndex(loaded.text)
    for index, section in enumerate(loaded.configuration.strategies):
        try:
            found[section.name] = _settings(loaded.configuration, section)
            _load(found[section.name])
        except StrategyRefused as error:
            path: KeyPath = ("strategies", index, *error.path)
            line = lines.find(path)
            problems.append(Problem(file=str(loaded.path), line=line, key=key_name(path), what=error.what, remedy=error.remedy))
    if problems:
        raise ConfigurationError(problems)
    return found


def import_own(folder: Path | None) -> None:
    """Let modules in the folder that `gateway.strategy_path` names be imported; what is installed is found before them."""
    if folder is not None and str(folder) not in sys.path:
        sys.path.append(str(folder))
    importlib.invalidate_caches()


def load_strategies(settings: Mapping[str, StrategySettings]) -> dict[str, AnyStrategy]:
    """Import and construct strategies. Raises StrategyRefused naming strategy, class and parameter."""
    return {name: _load(one) for name, one in settings.items()}


def code_sha256(class_path: str) -> str:
    """Hash of the source of the module a strategy lives in. Raises PreconditionFailed when there is none."""
    module, _, _ = class_path.partition(":")
    try:
        spec = importlib.util.find_spec(module)
    except (ImportError, ValueError) as error:
        raise PreconditionFailed(f"{class_path!r}: {error}") from error
    if spec is None or spec.origin is None:
        raise PreconditionFailed(f"{class_path!r}: no module {module!r}")
    return sha256(Path(spec.origin).read_bytes()).hexdigest()


def _settings(configuration: Configuration, section: StrategySection) -> StrategySettings:
    venue = next(v for v in configuration.venues if v.name == section.venue or (not section.venue and v.role != "market-data"))
    for path, value in _leaves(section.params, ("params",)):
        if isinstance(value, float) and not math.isfinite(value):
            raise StrategyRefused(section.name, path, f"{value} is no number to trade with", "correct it")
    try:
        code = code_sha256(section.class_path)
    except PreconditionFailed as error:
        remedy = "install it, put it into the folder of gateway.strategy_path, or correct the name"
        raise StrategyRefused(section.name, ("class",), str(error), remedy) from error
    return StrategySettings(
        name=section.name,
        class_path=section.class_path,
        code_sha256=code,
        venue=venue.name,
        account=section.account or venue.account,
        instruments=tuple(section.instruments),
        params=msgspec.json.encode(dict(section.params)).decode(),
        events=tuple(Trigger(word) for word in section.events),
        max_errors=section.max_errors,
    )


def _load(settings: StrategySettings) -> AnyStrategy:
    name, path = settings.name, settings.class_path
    module_name, _, class_name = path.partition(":")
    try:
        found = getattr(importlib.import_module(module_name), class_name)
    except (Exception, SystemExit) as error:
        what = f"{path!r} cannot be imported: {type(error).__name__}: {error}"
        raise StrategyRefused(name, ("class",), what, "correct the module or the name") from error
    if not (isinstance(found, type) and issubclass(found, Strategy)):
        raise StrategyRefused(name, ("class",), f"{path!r} is not a gateway.strategies.Strategy", "name a class that is")
    if not (hasattr(found, "Params") and hasattr(found, "Memory")):
        what = f"{path!r} does not say what its parameters and its memory are"
        raise StrategyRefused(name, ("class",), what, "derive it from Strategy[YourParams, YourMemory]")
    params = _params(settings, found.Params)
    try:
        found.Memory()
        strategy: AnyStrategy = found(params)
    except Exception as error:
        what = f"{path!r} cannot be made: {type(error).__name__}: {error}"
        raise StrategyRefused(name, ("class",), what, "give every field of Memory a default, and no other __init__") from error
    return strategy


def _params(settings: StrategySettings, kind: type[msgspec.Struct]) -> msgspec.Struct:
    """The parameters, of the declared names and types, finite, and as the strategy's own checks want them."""
    known = {field.encode_name: field for field in msgspec.structs.fields(kind)}
    given: dict[str, Any] = msgspec.json.decode(settings.params)
    for name in given:
        if name not in known:
            remedy = f"known: {', '.join(known)}" if known else "it has no parameters"
            raise StrategyRefused(settings.name, ("params", name), "is not a parameter of this strategy", remedy)
    try:
        params = msgspec.json.decode(settings.params, type=kind)
    except Exception as error:
        said = str(error)
        where = _AT.search(said)
        path = () if where is None else tuple(part or int(index) for part, index in _PART.findall(where[1]))
        what = said[: where.start()] if where else said
        raise StrategyRefused(settings.name, ("params", *path), what, "correct the value") from error
    for path, value in _leaves(msgspec.to_builtins(params, builtin_types=(Decimal,)), ("params",)):
        if isinstance(value, Decimal) and not value.is_finite():
            raise StrategyRefused(settings.name, path, f"{value} is no number to trade with", "correct it")
    return params


def _leaves(value: Any, path: tuple[str | int, ...]) -> Iterator[tuple[tuple[str | int, ...], object]]:
    if isinstance(value, Mapping):
        for name, entry in value.items():
            yield from _leaves(entry, (*path, str(name)))
    elif isinstance(value, list | tuple):
        for index, entry in enumerate(value):
            yield from _leaves(entry, (*path, index))
    else:
        yield path, value
