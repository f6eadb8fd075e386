"""What the status says of the whole follows from its parts."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.runtime.conclusions import market_input


def feed(symbol: str, state: str, detail: str = "") -> dict[str, Any]:
    return {"venue": "SIM", "symbol": symbol, "state": state, "detail": detail}


@pytest.mark.parametrize(
    ("feeds", "found"),
    [
        ([], ("running", "no market data configured")),
        ([feed("A", "up")], ("running", "")),
        ([feed("A", "none")], ("initialising", "SIM A none")),
        ([feed("A", "none", "refused"), feed("B", "none", "refused")], ("degraded", "SIM A none, SIM B none; SIM: refused")),
        ([feed("A", "up"), feed("B", "stale", "refused")], ("degraded", "SIM B stale; SIM: refused")),
        ([feed("A", "up"), feed("B", "gap")], ("degraded", "SIM B gap")),
    ],
)
def test_a_feed_that_is_refused_is_no_feed_that_begins(feeds: list[dict[str, Any]], found: tuple[str, str]) -> None:
    assert market_input({"feeds": feeds}) == found
