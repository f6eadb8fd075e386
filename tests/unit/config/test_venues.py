"""Several venues in one configuration: what each session is for, where prices come from, and who trades where."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.config.load import load
from gateway.core.settings import CoreSettings
from gateway.errors import ConfigurationError
from gateway.runtime.settings import core_settings

INSTRUMENT = """\
[gateway]
name = "desk-1"
[[instruments]]
symbol = "USD/JPY"
tick_size = "0.001"
lot_size = 1
currency = "JPY"
"""
STRATEGY = '[[strategies]]\nname = "s"\nclass = "gateway.strategies.quoter:Quoter"\n'


def venue(name: str, *lines: str, target: str | None = None, dialect: str = "generic-fix44") -> str:
    """A venue with a session of its own, and these keys."""
    keys = (f'name = "{name}"', f'dialect = "{dialect}"', 'host = "127.0.0.1"', "port = 1", 'sender_comp_id = "DESK"')
    return "\n".join(["[[venues]]", *keys, f'target_comp_id = "{target or name}"', *lines, ""])


SIM = venue("SIM")
FEED = venue("MD", 'role = "market-data"', 'market_data = ["USD/JPY"]')


def configured(tmp_path: Path, text: str) -> CoreSettings:
    path = tmp_path / "gateway.toml"
    path.write_text(INSTRUMENT + text)
    return core_settings(load(path, environ={}))


def test_a_venue_with_one_session_for_orders_and_one_for_market_data(tmp_path: Path) -> None:
    orders = venue("EX", 'role = "orders"', 'market_data_from = "MD"', 'account = "A"')
    settings = configured(tmp_path, FEED + orders + STRATEGY)
    assert {name: (one.orders, one.feed) for name, one in settings.venues.items()} == {"MD": (False, ""), "EX": (True, "MD")}
    assert settings.feed_of("EX") == settings.feed_of("MD") == "MD"
    assert (settings.strategies["s"].venue, settings.strategies["s"].account) == ("EX", "A")


def test_a_strategy_trades_where_and_for_whom_it_says(tmp_path: Path) -> None:
    more = STRATEGY.replace('"s"', '"t"') + 'venue = "EX"\naccount = "B"\n'
    settings = configured(tmp_path, SIM + 'account = "A"\n' + venue("EX") + STRATEGY + more)
    assert {s.name: (s.venue, s.account) for s in settings.strategies.values()} == {"s": ("SIM", "A"), "t": ("EX", "B")}


@pytest.mark.parametrize(
    ("addition", "key"),
    [
        (venue("MD", 'role = "market-data"'), "venues[1].role"),
        (FEED + 'market_data_from = "SIM"\n', "venues[1].market_data_from"),
        (venue("EX", 'role = "orders"', 'market_data = ["USD/JPY"]'), "venues[1].market_data"),
        (venue("EX", 'market_data_from = "EY"'), "venues[1].market_data_from"),
        (venue("EX", 'market_data_from = "SIM"'), "venues[1].market_data_from"),
        (venue("EX", 'role = "drop-copy"'), "venues[1].role"),
        (FEED + STRATEGY + 'venue = "MD"\n', "strategies[0].venue"),
        (venue("EX", target="SIM"), "venues[1].target_comp_id"),
    ],
)
def test_roles_and_sessions_that_cannot_be(tmp_path: Path, addition: str, key: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        configured(tmp_path, SIM + addition)
    assert [problem.key for problem in caught.value.problems] == [key]


def test_one_pair_of_names_in_two_versions_of_fix_is_two_sessions(tmp_path: Path) -> None:
    settings = configured(tmp_path, SIM + venue("OLD", target="SIM", dialect="generic-fix42"))
    assert {one.session for one in settings.venues.values()} == {"FIX.4.4:DESK->SIM", "FIX.4.2:DESK->SIM"}
