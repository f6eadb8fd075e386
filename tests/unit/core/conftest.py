"""What most tests of the core begin with."""

from __future__ import annotations

import pytest

from gateway.testing.harness import Harness


@pytest.fixture
def harness() -> Harness:
    """A core whose venue is open."""
    return Harness().open()


@pytest.fixture
def order_id(harness: Harness) -> str:
    """Accepted: 10000 at 156."""
    accepted = harness.request_order(quantity="10000")
    harness.accept(accepted)
    return accepted
