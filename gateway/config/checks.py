"""Checks that concern several keys: names that must be unique, names that must exist, choices that exclude each other.

They read the parsed TOML, not the models, so that they also run when a value elsewhere is wrong. They open nothing.
"""

from __future__ import annotations

from collections.abc import Iterator

from gateway.config.findings import Finding, Table, table, tables, text
from gateway.config.secrets import DATABASES
from gateway.core.values import DESK
from gateway.errors import GatewayError
from gateway.fix.dialect import load_dialect
from gateway.toml_lines import KeyPath

MARKET_DATA, ORDERS = "market-data", "orders"


def cross_checks(document: Table) -> Iterator[Finding]:
    """Every finding that takes more than one key to see."""
    yield from _unique(document, "instruments", ("symbol",))
    yield from _unique(document, "venues", ("name",))
    yield from _unique(document, "strategies", ("name",))
    yield from _sessions_differ(document)
    yield from _symbols_exist(document, "venues", "market_data")
    yield from _symbols_exist(document, "strategies", "instruments")
    yield from _risk_scopes_exist(document)
    yield from _risk_names_exist(document)
    yield from _positions_exist(document)
    yield from _balances_once(document)
    yield from _password_source(document)
    yield from _tls_files(document)
    yield from _roles(document)
    yield from _standby(document)
    yield from _rate_groups_exist(document)
    venues = [text(venue, "name") for _, venue in tables(document, "venues") if text(venue, "role") != MARKET_DATA]
    for index, strategy in tables(document, "strategies"):
        if not venues or text(strategy, "venue") not in ("", *venues):
            remedy = f"use one of: {', '.join(venues)}" if venues else "add a [[venues]] table that takes orders"
            yield Finding(("strategies", index, "venue"), "there is no such venue to trade at", remedy)
        if text(strategy, "name") == DESK:
            what = f"{DESK!r} is the strategy of manual orders"
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


def _sessions_differ(document: Table) -> Iterator[Finding]:
    """The engine tells sessions apart by BeginString(8) and the two CompIDs, whatever host they go to."""
    first: dict[tuple[str, ...], int] = {}
    for index, venue in tables(document, "venues"):
        session = (_begin_string(text(venue, "dialect")), text(venue, "sender_comp_id"), text(venue, "target_comp_id"))
        if not all(session):
            continue
        if session in first:
            what = f"{session[0]}:{session[1]}->{session[2]} is the session of venues[{first[session]}] already"
            yield Finding(("venues", index, "target_comp_id"), what, "ask the venue for another CompID, or remove one")
        first.setdefault(session, index)


def _begin_string(dialect: str) -> str:
    try:
        return load_dialect(dialect).begin_string if dialect else ""
    except GatewayError:
        return dialect  # it is refused elsewhere; two venues of it are still compared


def _standby(document: Table) -> Iterator[Finding]:
    if table(document, "standby").get("enabled") is True and not text(table(document, "journal"), "url").startswith(
        "postgresql"
    ):
        what = "a standby follows a journal that both gateways reach, and this one is a file"
        yield Finding(("standby", "enabled"), what, "put the journal into PostgreSQL ([journal] url), or remove [standby]")


def _roles(document: Table) -> Iterator[Finding]:
    """A session for one thing does not do the other, and prices come from one place."""
    venues = {text(venue, "name"): venue for _, venue in tables(document, "venues")}
    feeds = [name for name, venue in venues.items() if venue.get("market_data")]
    for index, venue in tables(document, "venues"):
        role, source, symbols = text(venue, "role"), text(venue, "market_data_from"), venue.get("market_data")
        if role == MARKET_DATA and not symbols:
            yield Finding(("venues", index, "role"), "a session for market data subscribes to nothing", "list market_data")
        if role == ORDERS and symbols:
            remedy = 'move it to the venue with role = "market-data", and name that in market_data_from'
            yield Finding(("venues", index, "market_data"), "nothing is subscribed to on a session for orders", remedy)
        elif source and symbols:
            what = "prices come from one place, and market_data names another"
            yield Finding(("venues", index, "market_data_from"), what, "keep market_data or market_data_from, not both")
        elif source and source not in feeds:
            remedy = f"use one of: {', '.join(feeds)}" if feeds else "list market_data at the venue it comes from"
            yield Finding(("venues", index, "market_data_from"), f"there is no venue {source!r} with market data", remedy)


def _rate_groups_exist(document: Table) -> Iterator[Finding]:
    groups = table(document, "rate_groups")
    for index, venue in tables(document, "venues"):
        name = text(venue, "rate_group")
        if name and name not in groups:
            what = f"there is no [rate_groups.{name}], so nothing would limit it"
            yield Finding(("venues", index, "rate_group"), what, "add it, or correct the name")


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
        "strategy": {text(entry, "name") for _, entry in tables(document, "strategies")} | {DESK},
    }
    risk = table(document, "risk")
    for scope, names in known.items():
        for name in table(risk, scope):
            if name not in names:
                what = f"there is no {scope} {name!r}, so these limits would protect nothing"
                yield Finding(("risk", scope, name), what, f"correct the name, or add the {scope}")


def _risk_names_exist(document: Table) -> Iterator[Finding]:
    """A misspelt name in a list would restrict, or permit, nothing."""
    symbols = {text(entry, "symbol") for _, entry in tables(document, "instruments")}
    strategies = {text(entry, "name") for _, entry in tables(document, "strategies")} | {DESK}
    lists = {"restricted": symbols, "permitted_instruments": symbols, "permitted_strategies": strategies}
    risk = table(document, "risk")
    scopes: list[tuple[KeyPath, Table]] = [(("risk",), risk)]
    for kind in ("venue", "instrument", "strategy", "account"):
        scopes += [(("risk", kind, name), table(table(risk, kind), name)) for name in table(risk, kind)]
    for path, limits in scopes:
        for key, known in lists.items():
            value = limits.get(key)
            for position, name in enumerate(value if isinstance(value, list) else []):
                if isinstance(name, str) and name not in known:
                    yield Finding((*path, key, position), f"{name!r} is not configured", "correct the name, or remove it")


def _positions_exist(document: Table) -> Iterator[Finding]:
    """An opening position that nothing trades would never meet its executions."""
    known = {
        "venue": {text(entry, "name") for _, entry in tables(document, "venues")},
        "symbol": {text(entry, "symbol") for _, entry in tables(document, "instruments")},
    }
    first: dict[tuple[str, ...], int] = {}
    for index, entry in tables(document, "positions"):
        for key, names in known.items():
            if text(entry, key) and text(entry, key) not in names:
                yield Finding(("positions", index, key), f"there is no such {key}", "correct the name, or remove the position")
        place = tuple(text(entry, key) for key in ("account", "strategy", "venue", "symbol"))
        if place in first:
            what = f"is the same position as positions[{first[place]}]"
            yield Finding(("positions", index, "symbol"), what, "keep one of the two")
        first.setdefault(place, index)


def _balances_once(document: Table) -> Iterator[Finding]:
    first: dict[tuple[str, str], int] = {}
    for index, entry in tables(document, "balances"):
        place = (text(entry, "account"), text(entry, "currency"))
        if place in first:
            what = f"is the same balance as balances[{first[place]}]"
            yield Finding(("balances", index, "currency"), what, "keep one of the two")
        first.setdefault(place, index)


def _password_source(document: Table) -> Iterator[Finding]:
    places: list[tuple[KeyPath, Table]] = [(("venues", index), venue) for index, venue in tables(document, "venues")]
    places += [((section,), table(document, section)) for section in DATABASES]
    for path, place in places:
        if "password_env" in place and "password_file" in place:
            what = "a password comes from one source, and here are two"
            yield Finding((*path, "password_file"), what, "keep password_env or password_file, not both")


def _tls_files(document: Table) -> Iterator[Finding]:
    """Half a protection is none: what is given must act, and what acts must be whole."""
    for index, venue in tables(document, "venues"):
        place: KeyPath = ("venues", index)
        given = [key for key in ("tls_ca_file", "tls_cert_file", "tls_key_file") if text(venue, key)]
        if venue.get("tls") is not True:
            for key in given:
                yield Finding(
                    (*place, key), "is given, and tls is not true: nothing would be encrypted", "set tls = true, or remove it"
                )
            continue
        if "tls_ca_file" not in given:
            what = "needs tls_ca_file: without it any server would be believed"
            yield Finding((*place, "tls"), what, "name the file of the authority that signs the venue's certificate (PEM)")
        for key, other in (("tls_cert_file", "tls_key_file"), ("tls_key_file", "tls_cert_file")):
            if key in given and other not in given:
                yield Finding((*place, key), f"is given without {other}", "give both, or neither")
