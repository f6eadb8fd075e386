"""A boundary of the schedule that passes while an operator logs the session out: his word is the last one."""

from __future__ import annotations

import threading
from types import SimpleNamespace

from gateway.core.events import SessionScheduled
from gateway.venue.schedule import Schedule


class Link:
    """Says whether it connects; `logon` waits until it may go on."""

    def __init__(self):
        self.enabled = False
        self.entered, self.go_on = threading.Event(), threading.Event()

    def logon(self):
        self.entered.set()
        assert self.go_on.wait(20)
        self.enabled = True

    def logout(self):
        self.enabled = False


def test_a_logout_waits_for_the_boundary_that_is_being_carried_out():
    link = Link()
    schedule = Schedule(SimpleNamespace(link=link), None)
    begins = SessionScheduled(venue="SIM", session="S", epoch=1, up=True, reason="")
    boundary = threading.Thread(target=schedule.carry_out, args=(begins,), daemon=True)
    boundary.start()
    assert link.entered.wait(20)
    operator = threading.Thread(target=schedule.log_out, daemon=True)
    operator.start()
    operator.join(0.1)
    link.go_on.set()
    for thread in (boundary, operator):
        thread.join(20)
    assert not link.enabled
    schedule.carry_out(begins)
    assert not link.enabled, "no schedule logs on what an operator logged out"
    schedule.log_on()
    assert link.enabled
