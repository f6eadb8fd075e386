"""From a configuration to what the core decides with."""

from __future__ import annotations

from decimal import Decimal

from gateway.config.load import LoadedConfiguration
from gateway.config.model import Configuration, RateLimit
from gateway.config.model import RiskLimits as RiskModel
from gateway.core.settings import BalanceSettings, CoreSettings, Instrument, OpeningSettings, Rate, RiskLimits, Venue
from gateway.core.values import NANOS, SCOPE_ALL, Side
from gateway.fix.dialect import load_dialect
from gateway.runtime.strategies import strategy_settings


def core_settings(loaded: LoadedConfiguration) -> CoreSettings:
    """What travels in `RunStarted`. Raises ConfigurationError with everything wrong with the strategies, by file and line."""
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
                rate_group=v.rate_group,
                hard_rate=None if v.hard_rate_limit is None else _rate(v.hard_rate_limit),
                cancel_on_disconnect=v.cancel_on_disconnect,
                asks_positions=load_dialect(v.dialect).positions is not None,
            )
            for v in configuration.venues
        },
        strategies=strategy_settings(loaded),
        risk=_risk(configuration),
        rates=dict(configuration.risk.rates),
        rate_groups={name: _rate(limit) for name, limit in configuration.rate_groups.items()},
        positions=tuple(
            OpeningSettings(**{name: getattr(p, name) for name in OpeningSettings.__struct_fields__})
            for p in configuration.positions
        ),
        balances=tuple(
            BalanceSettings(**{name: getattr(b, name) for name in BalanceSettings.__struct_fields__})
            for b in configuration.balances
        ),
    )


def _rate(limit: RateLimit) -> Rate:
    return Rate(Decimal(limit.per_second), limit.burst)


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
