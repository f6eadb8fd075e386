"""Which keys of a configuration may change while the gateway runs."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest

from gateway.config.model import Configuration
from gateway.runtime.reload import changed_keys

TEXT = """
[gateway]
name = "desk-1"
[risk]
max_open_orders = 5
[risk.strategy.maker]
max_open_orders = 2
[[instruments]]
symbol = "USD/JPY"
tick_size = "0.001"
lot_size = "1"
currency = "JPY"
[[venues]]
name = "A"
dialect = "generic-fix44"
host = "127.0.0.1"
port = 1
sender_comp_id = "D"
target_comp_id = "A"
[[venues]]
name = "B"
dialect = "generic-fix44"
host = "127.0.0.1"
port = 1
sender_comp_id = "D"
target_comp_id = "B"
[[strategies]]
name = "maker"
class = "m:C"
params = { quantity = "1", deep = { a = 1 } }
"""


def configured(change: Any = None) -> Configuration:
    document = tomllib.loads(TEXT)
    if change is not None:
        change(document)
    return Configuration.model_validate(document)


def add_limit(document: Any) -> None:
    document["risk"]["venue"] = {"A": {"max_order_value": "7"}}


def swap_venues(document: Any) -> None:
    document["venues"].reverse()


def add_strategy(document: Any) -> None:
    document["strategies"].append(document["strategies"][0] | {"name": "other"})


@pytest.mark.parametrize(
    ("change", "live", "restart"),
    [
        (lambda d: None, [], []),
        (lambda d: d["risk"].update(max_open_orders=6), ["risk.max_open_orders"], []),
        (add_limit, "risk.venue.A.", []),
        (lambda d: d["risk"].pop("strategy"), "risk.strategy.maker.", []),
        (lambda d: d["instruments"][0].update(tick_size="0.01"), ["instruments.USD/JPY.tick_size"], []),
        (lambda d: d["instruments"][0].update(currency="USD"), [], ["instruments.USD/JPY.currency"]),
        (lambda d: d["venues"][1].update(ack_timeout_seconds=9), ["venues.B.ack_timeout_seconds"], []),
        (lambda d: d["venues"][1].update(rate_limit={"burst": 9}), ["venues.B.rate_limit.burst"], []),
        (lambda d: d["venues"][1].update(port=9), [], ["venues.B.port"]),
        (lambda d: d["venues"][1].update(password_env="P"), [], ["venues.B.password_env"]),
        (swap_venues, [], ["venues (names and order)"]),
        (lambda d: d["strategies"][0]["params"].update(deep={"a": 2}), ["strategies.maker.params.deep.a"], []),
        (lambda d: d["strategies"][0].pop("params"), "strategies.maker.params.", []),
        (add_strategy, None, "strategies (names and order)"),
        (lambda d: d["gateway"].update(name="desk-2"), [], ["gateway.name"]),
    ],
)
def test_what_may_change(change: Any, live: Any, restart: Any) -> None:
    found_live, found_restart = changed_keys(configured(), configured(change))
    if isinstance(live, str):
        assert found_live
        assert all(key.startswith(live) for key in found_live)
    elif live is not None:
        assert found_live == live
    if isinstance(restart, str):
        assert restart in found_restart
    else:
        assert found_restart == restart
