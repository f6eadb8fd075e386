"""Checks that concern several keys: names that must be unique, names that must exist, choices that exclude each other.

They read the parsed TOML, not the models, so that they also run when a value elsewhere is wrong. They open nothing.
"""

from __future__ import annotations

from collections.abc import Iterator

from gateway.config.findings import Finding, Table, table, tables, text
from gateway.config.lines import KeyPath
from gateway.config.secrets import DATABASES

MANUAL_STRATEGY = "desk"
"""The strategy of orders entered by hand; a configured strategy may not take its name."""


def cross_checks(document: Table) -> Iterator[Finding]:
    """Every finding that takes more than one key to see."""
    yield from _unique(document, "instruments", ("symbol",))
    yield from _unique(document, "venues", ("name",))
    yield from _unique(document, "strategies", ("name",))
    yield from _unique(document, "venues", ("dialect", "sender_comp_id", "target_comp_id"))
    yield from _symbols_exist(document, "venues", "market_data")
    yield from _symbols_exist(document, "strategies", "instruments")
    yield from _risk_scopes_exist(document)
    yield from _password_source(document)
    venues = [text(venue, "name") for _, venue in tables(document, "venues")]
    for index, strategy in tables(document, "strategies"):
        if not venues or text(strategy, "venue") not in ("", *venues):
            remedy = f"use one of: {', '.join(venues)}" if venues else "add a [[venues]] table"
            yield Finding(("strategies", index, "venue"), "there is no such venue to trade at", remedy)
        if text(strategy, "name") == MANUAL_STRATEGY:
            what = f"{MANUAL_STRATEGY!r} is the strategy of manual orders"
            yield Finding(("strategies", index, "name"), what, "choose another name")


def _unique(document: Table, array: str, keys: tuple[str, ...]) -> Iterator[Finding]:
    first: dict[tuple[str, ...], int] = {}
    for index, entry in tables(document, array):
        value = tuple(text(entry, key) for key in keys)
        if not all(value):
            continue
        if value in first:
            shown = ", ".join(keys)
            what = f"{shown} is the same as in {array}[{first[value]}]"
            yield Finding((array, index, keys[-1]), what, "make them differ, or remove one of the two")
        first.setdefault(value, index)


def _symbols_exist(document: Table, array: str, key: str) -> Iterator[Finding]:
    known = {text(entry, "symbol") for _, entry in tables(document, "instruments")}
    for index, entry in tables(document, array):
        value = entry.get(key)
        symbols = value if isinstance(value, list) else []
        for position, symbol in enumerate(symbols):
            path: KeyPath = (array, index, key, position)
            if not isinstance(symbol, str):
                continue
            if symbol not in known:
                yield Finding(path, f"{symbol!r} is not an instrument", "add it under [[instruments]], or correct it")
            if symbol in symbols[:position]:
                yield Finding(path, f"{symbol!r} is listed twice", "remove one of the two")


def _risk_scopes_exist(document: Table) -> Iterator[Finding]:
    """A limit for a misspelt name would protect nothing. Accounts are not declared, so they cannot be checked."""
    known = {
        "venue": {text(entry, "name") for _, entry in tables(document, "venues")},
        "instrument": {text(entry, "symbol") for _, entry in tables(document, "instruments")},
        "strategy": {text(entry, "name") for _, entry in tables(document, "strategies")} | {MANUAL_STRATEGY},
    }
    risk = table(document, "risk")
    for scope, names in known.items():
        for name in table(risk, scope):
            if name not in names:
                what = f"there is no {scope} {name!r}, so these limits would protect nothing"
                yield Finding(("risk", scope, name), what, f"correct the name, or add the {scope}")


def _password_source(document: Table) -> Iterator[Finding]:
    places: list[tuple[KeyPath, Table]] = [(("venues", index), venue) for index, venue in tables(document, "venues")]
    places += [((section,), table(document, section)) for section in DATABASES]
    for path, place in places:
        if "password_env" in place and "password_file" in place:
            what = "a password comes from one source, and here are two"
            yield Finding((*path, "password_file"), what, "keep password_env or password_file, not both")
