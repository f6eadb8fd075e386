"""The tables about the configuration agree with the models they speak of."""

from __future__ import annotations

from typing import Any, get_args

from pydantic import BaseModel

from gateway.config.explain import MODELS
from gateway.config.model import Configuration
from gateway.config.unsupported import ANY, TABLE


def models_below(model: type[BaseModel], path: tuple[str, ...]) -> dict[tuple[str, ...], type[BaseModel]]:
    found = {path: model}
    for name, field in model.model_fields.items():
        found |= models_in(field.annotation, (*path, name))
    return found


def models_in(annotation: Any, path: tuple[str, ...]) -> dict[tuple[str, ...], type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return models_below(annotation, path)
    container = getattr(annotation, "__origin__", None) in (tuple, dict)
    found: dict[tuple[str, ...], type[BaseModel]] = {}
    for argument in get_args(annotation):
        found |= models_in(argument, (*path, ANY) if container else path)
    return found


def test_suggestions_know_every_model() -> None:
    assert models_below(Configuration, ()) == MODELS


def test_every_unsupported_key_lies_where_a_model_is() -> None:
    assert {row.pattern[:-1] for row in TABLE} <= set(MODELS)


def test_a_risk_limit_is_either_in_force_or_unsupported() -> None:
    later = {row.pattern[-1] for row in TABLE if row.pattern[0] == "risk"}
    assert not later & set(MODELS[("risk",)].model_fields)
