"""A request id stands for one order, also for two who use it at the same moment."""

from __future__ import annotations

from decimal import Decimal
from types import SimpleNamespace

import pytest

from gateway.control.surface import NewOrder
from gateway.core.events import OrderRequested
from gateway.core.values import Side
from gateway.errors import Denied
from gateway.runtime.order_requests import OrderRequests
from gateway.testing.harness import SYMBOL, VENUE, Harness


def test_whoever_comes_second_with_another_order_is_refused():
    harness = Harness().open()
    terms = {"request_id": "r1", "venue": VENUE, "symbol": SYMBOL, "side": Side.BUY, "price": Decimal("156")}

    def submit(event, timeout):
        """Another request with this id gets to the runtime thread first."""
        harness.feed(OrderRequested(actor="somebody", reason="", quantity=Decimal(1000), **terms))
        return harness.feed(event())

    runtime = SimpleNamespace(core=SimpleNamespace(state=harness.state), submit=submit)
    with pytest.raises(Denied, match="whose quantity is 1000, not 2000"):
        OrderRequests(runtime).new(NewOrder(quantity=Decimal(2000), **terms), "me")
    assert len(harness.sent()) == 1
