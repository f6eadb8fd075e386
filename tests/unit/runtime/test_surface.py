"""What becomes of a request whose asker could not wait for it."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from gateway.control.surface import Stop
from gateway.errors import UnknownOutcome
from gateway.runtime.surface import GatewaySurface


def test_a_stop_that_is_applied_late_ends_the_process_all_the_same():
    """From its event on nothing new is traded: a gateway that went on would do so for nothing."""
    asked, later = [], []

    def submit(event, timeout, after=None):
        later.append(after)
        raise UnknownOutcome("the journal hangs")

    runtime = SimpleNamespace(adapters={}, submit=submit)
    surface = GatewaySurface(runtime, None, None, None, asked.append)
    with pytest.raises(UnknownOutcome):
        surface.stop(Stop(request_id="r", reason="end of day"), "me")
    assert not asked
    later[0]()
    assert asked == ["me: end of day"]
