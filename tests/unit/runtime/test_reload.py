"""Which keys of a configuration may change while the gateway runs."""

from __future__ import annotations

import tomllib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from gateway.config.load import load
from gateway.config.model import Configuration
from gateway.control.surface import ApplyConfiguration
from gateway.core.state import State
from gateway.errors import UnknownOutcome
from gateway.runtime.reload import Reloader, changed_keys

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


def test_what_was_applied_after_nobody_waited_any_more_is_what_is_in_effect(tmp_path: Path) -> None:
    path = tmp_path / "gateway.toml"
    path.write_text('[gateway]\nname = "desk-1"\n[risk]\nmax_open_orders = 5\n')
    fed: list[Any] = []

    def submit(make: Any, timeout: float) -> Any:
        fed.append(make())
        if len(fed) == 1:
            raise UnknownOutcome("applied, and nobody hears of it")
        return SimpleNamespace(records=[SimpleNamespace(seq=7)])

    core = SimpleNamespace(state=State(), use=lambda strategies: None)
    reloader = Reloader(
        load(path),
        SimpleNamespace(core=core, submit=submit, durable_seq=0),  # type: ignore[arg-type]  # as much of one as it asks
        remember=lambda *_: None,
        build=lambda _: {},
        applied=lambda _: None,
    )
    first = path.read_text()
    path.write_text(first.replace("5", "6"))
    with pytest.raises(UnknownOutcome):
        reloader.apply(ApplyConfiguration(request_id="one"), "me")
    path.write_text(first)
    assert reloader.apply(ApplyConfiguration(request_id="two"), "me").changed == ("risk.max_open_orders",)
    assert len(fed) == 2
