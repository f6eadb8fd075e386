"""Turns what pydantic found into findings an operator can act on.

pydantic says what its model wanted; an operator needs the key, what is wrong and what to write instead. No message
repeats the value that was refused: it may be a secret in the wrong place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from difflib import get_close_matches
from typing import Any

from pydantic import BaseModel, ValidationError

from gateway.config.findings import Finding
from gateway.config.model import (
    Configuration,
    ControlSection,
    GatewaySection,
    Instrument,
    JournalSection,
    OpeningBalance,
    OpeningPosition,
    RateLimit,
    RecordsSection,
    RiskLimits,
    RiskSection,
    Schedule,
    StandbySection,
    StrategySection,
    TelemetrySection,
    TradingDaySection,
    Venue,
)
from gateway.config.unsupported import ANY
from gateway.toml_lines import KeyPath

MODELS: dict[tuple[str, ...], type[BaseModel]] = {
    (): Configuration,
    ("gateway",): GatewaySection,
    ("journal",): JournalSection,
    ("standby",): StandbySection,
    ("records",): RecordsSection,
    ("control",): ControlSection,
    ("telemetry",): TelemetrySection,
    ("trading_day",): TradingDaySection,
    ("risk",): RiskSection,
    ("risk", "venue", ANY): RiskLimits,
    ("risk", "instrument", ANY): RiskLimits,
    ("risk", "strategy", ANY): RiskLimits,
    ("risk", "account", ANY): RiskLimits,
    ("instruments", ANY): Instrument,
    ("venues", ANY): Venue,
    ("venues", ANY, "rate_limit"): RateLimit,
    ("venues", ANY, "hard_rate_limit"): RateLimit,
    ("rate_groups", ANY): RateLimit,
    ("venues", ANY, "schedule"): Schedule,
    ("strategies", ANY): StrategySection,
    ("positions", ANY): OpeningPosition,
    ("balances", ANY): OpeningBalance,
}
"""Which model stands at which place of the document."""

_Words = Callable[[Mapping[str, Any]], tuple[str, str]]

_WORDS: dict[str, _Words] = {
    "gateway": lambda context: (context["what"], context["remedy"]),
    "missing": lambda _: ("is missing", "add it"),
    "string_type": lambda _: ("must be text", 'put it in quotes: "..."'),
    "int_type": lambda _: ("must be a whole number", "write digits without quotes and without a point"),
    "bool_type": lambda _: ("must be true or false", "write true or false, without quotes"),
    "tuple_type": lambda _: ("must be a list", 'write it in brackets: ["..."], or repeat the table as [[...]]'),
    "dict_type": lambda _: ("must be a table", "write it as a table: [...] or { ... }"),
    "model_type": lambda _: ("must be a table", "write it as a table: [...] or { ... }"),
    "literal_error": lambda context: (f"must be {context['expected']}", "use one of these"),
    "greater_than_equal": lambda context: ("is too small", f"give at least {context['ge']}"),
    "less_than_equal": lambda context: ("is too large", f"give at most {context['le']}"),
}


def explain(error: ValidationError) -> Iterator[Finding]:
    """One finding for each problem pydantic saw."""
    for detail in error.errors(include_url=False, include_input=False):
        path: KeyPath = tuple(part for part in detail["loc"] if part != "[key]")
        if detail["type"] == "extra_forbidden":
            yield Finding(path, "is not a known key", _suggestion(path))
            continue
        words = _WORDS.get(detail["type"])
        what, remedy = words(detail.get("ctx", {})) if words else (detail["msg"], "correct the value")
        yield Finding(path, what, remedy)


def _suggestion(path: KeyPath) -> str:
    known = _known_keys(path[:-1])
    close = get_close_matches(str(path[-1]), known, n=1)
    return f"did you mean {close[0]!r}?" if close else f"remove it; known here: {', '.join(known)}"


def _known_keys(place: KeyPath) -> list[str]:
    for pattern, model in MODELS.items():
        if len(pattern) == len(place) and all(part in (ANY, actual) for part, actual in zip(pattern, place, strict=True)):
            return [field.alias or name for name, field in model.model_fields.items()]
    return []
