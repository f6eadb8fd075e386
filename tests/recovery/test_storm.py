"""A resend storm, the short version of `storm.py`: nothing lost, nothing doubled."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from storm import Venue, asked_for, sent_again


@pytest.fixture
def stormy() -> Iterator[Venue]:
    venue = Venue()
    yield venue
    venue.close()


def test_everything_is_sent_again_and_asked_for(make, stormy):
    gateway = make(stormy.port).start().ready()
    sent_again(gateway, stormy, 2_000)
    asked_for(gateway, stormy, 2_000)
