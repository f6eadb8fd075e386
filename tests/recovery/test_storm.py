"""A resend storm, the short version of `storm.py`: nothing lost, nothing doubled."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from gateway_process import wait_for
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


def test_a_full_intake_refuses_logons_too_and_loses_nothing(make, stormy, tmp_path):
    """The Logon(A) of a venue that has more to send carries a number far ahead. Refused for want of room, it must not become
    where the gateway goes on: what was never taken comes again when there is room."""
    held = tmp_path / "held"
    held.touch()
    gateway = make(stormy.port, launcher=(str(Path(__file__).with_name("slow_launcher.py")), "500", str(held))).start().ready()

    def refused() -> None:
        logons = len(stormy.of_type("A"))
        wait_for(lambda: len(stormy.of_type("A")) >= logons + 4, "logons while there is no room")
        held.unlink()

    found = sent_again(gateway, stormy, 2_000, meanwhile=refused)
    assert found["logons"] >= 4
