from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any, cast

import pytest

from gateway.core.events import Event, VenueOpened
from gateway.core.strategy import Action, Memory, Params, Strategy, View
from gateway.runtime.guards import Consultation
from gateway.runtime.timed import Timed


class Failing(Strategy[Params, Memory]):
    def on_event(self, event: Event, view: View, memory: Memory) -> tuple[Memory, Sequence[Action]]:
        raise ZeroDivisionError("no quantity")


def test_where_an_error_of_a_strategy_came_from_is_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    seconds: list[float] = []
    timed = Timed("mine", Failing(Params()), seconds.append, Consultation())
    with caplog.at_level(logging.WARNING), pytest.raises(ZeroDivisionError, match="no quantity"):
        timed.on_event(VenueOpened(venue="SIM", reason="reconciled"), cast("Any", None), Memory())
    assert "strategy mine raised an error" in caplog.text
    assert "test_timed.py" in caplog.text
    assert "raise ZeroDivisionError" in caplog.text
    assert len(seconds) == 1
