"""From a configuration to what the core decides with, and to strategies that run."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Mapping
from decimal import Decimal
from hashlib import sha256
from pathlib import Path

import msgspec

from gateway.config.load import LoadedConfiguration
from gateway.config.model import Configuration
from gateway.config.model import RiskLimits as RiskModel
from gateway.core.core import AnyStrategy
from gateway.core.settings import CoreSettings, Instrument, OpeningSettings, RiskLimits, StrategySettings, Venue
from gateway.core.strategy import Strategy
from gateway.core.values import NANOS, SCOPE_ALL, Side
from gateway.errors import PreconditionFailed
from gateway.fix.dialect import load_dialect


def core_settings(loaded: LoadedConfiguration) -> CoreSettings:
    """What travels in `RunStarted`. Raises PreconditionFailed when a strategy cannot be found."""
    configuration = loaded.configuration
    return CoreSettings(
        config_sha256=loaded.sha256,
        instruments={
            i.symbol: Instrument(
                symbol=i.symbol,
                tick_size=i.tick_size,
                lot_size=i.lot_size,
                currency=i.currency,
                multiplier=i.multiplier,
                reference_price=i.reference_price,
            )
            for i in configuration.instruments
        },
        venues={
            v.name: Venue(
                name=v.name,
                session=session_id(configuration, v.name),
                orders=v.role != "market-data",
                feed=v.market_data_from,
                account=v.account,
                ack_timeout_ns=v.ack_timeout_seconds * NANOS,
                cancel_names_last_sent=load_dialect(v.dialect).orders.cancel_names == "last_sent",
                rate_per_second=None if v.rate_limit is None else Decimal(v.rate_limit.per_second),
                rate_burst=1 if v.rate_limit is None else v.rate_limit.burst,
                cancel_on_disconnect=v.cancel_on_disconnect,
                asks_positions=load_dialect(v.dialect).positions is not None,
            )
            for v in configuration.venues
        },
        strategies=_strategies(configuration),
        risk=_risk(configuration),
        rates=dict(configuration.risk.rates),
        positions=tuple(
            OpeningSettings(**{name: getattr(p, name) for name in OpeningSettings.__struct_fields__})
            for p in configuration.positions
        ),
    )


def session_id(configuration: Configuration, venue: str) -> str:
    """`FIX.4.4:DESK->SIM`: how a session is named in records, logs and status."""
    found = next(v for v in configuration.venues if v.name == venue)
    begin_string = load_dialect(found.dialect).begin_string
    return f"{begin_string}:{found.sender_comp_id}->{found.target_comp_id}"


def _risk(configuration: Configuration) -> dict[str, RiskLimits]:
    section = configuration.risk
    limits = {SCOPE_ALL: _limits(section)}
    for kind in ("venue", "instrument", "strategy", "account"):
        for name, narrower in getattr(section, kind).items():
            limits[f"{kind}:{name}"] = _limits(narrower)
    return limits


def _limits(model: RiskModel) -> RiskLimits:
    limits = {name: getattr(model, name) for name in RiskLimits.__struct_fields__}
    sides = model.permitted_sides
    limits["permitted_sides"] = None if sides is None else tuple(Side(side) for side in sides)
    return RiskLimits(**limits)


def strategy_settings(configuration: Configuration, name: str) -> StrategySettings:
    """One strategy's settings. Raises PreconditionFailed when its module cannot be found."""
    return _strategies(configuration, only=name)[name]


def _strategies(configuration: Configuration, only: str | None = None) -> dict[str, StrategySettings]:
    found = {}
    for section in configuration.strategies:
        if only not in (None, section.name):
            continue
        venue = next(
            v for v in configuration.venues if v.name == section.venue or (not section.venue and v.role != "market-data")
        )
        found[section.name] = StrategySettings(
            name=section.name,
            class_path=section.class_path,
            code_sha256=code_sha256(section.class_path),
            venue=venue.name,
            account=section.account or venue.account,
            instruments=tuple(section.instruments),
            params=msgspec.json.encode(dict(section.params)).decode(),
        )
    return found


def code_sha256(class_path: str) -> str:
    """Hash of the source of the module a strategy lives in."""
    module, _, _ = class_path.partition(":")
    try:
        spec = importlib.util.find_spec(module)
    except (ImportError, ValueError) as error:
        raise PreconditionFailed(f"strategy class {class_path!r}: {error}") from error
    if spec is None or spec.origin is None:
        raise PreconditionFailed(f"strategy class {class_path!r}: no module {module!r}; install it or correct the name")
    return sha256(Path(spec.origin).read_bytes()).hexdigest()


def load_strategies(settings: Mapping[str, StrategySettings]) -> dict[str, AnyStrategy]:
    """Import and construct strategies. Raises PreconditionFailed naming strategy, class and parameter."""
    return {name: _load(one) for name, one in settings.items()}


def _load(settings: StrategySettings) -> AnyStrategy:
    module_name, _, class_name = settings.class_path.partition(":")
    try:
        found = getattr(importlib.import_module(module_name), class_name)
    except (ImportError, AttributeError) as error:
        raise PreconditionFailed(f"strategy {settings.name}: class {settings.class_path!r}: {error}") from error
    if not (isinstance(found, type) and issubclass(found, Strategy)):
        raise PreconditionFailed(f"strategy {settings.name}: {settings.class_path!r} is not a gateway.core.strategy.Strategy")
    try:
        params = msgspec.json.decode(settings.params, type=found.Params)
    except msgspec.ValidationError as error:
        raise PreconditionFailed(f"strategy {settings.name}: params: {error}") from error
    strategy: AnyStrategy = found(params)
    return strategy
