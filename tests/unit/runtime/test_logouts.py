"""Logging out because of a failure of our own, and on again: whatever the threads, no session is forgotten."""

from __future__ import annotations

import threading
from types import SimpleNamespace

from gateway.runtime.logouts import Logouts
from gateway.venue.schedule import Schedule


class Link:
    """Says whether it connects; `logout` waits until it may go on."""

    def __init__(self, enabled=True):
        self.enabled = enabled
        self.entered, self.go_on = threading.Event(), threading.Event()
        self.go_on.set()

    def logout(self):
        self.entered.set()
        assert self.go_on.wait(20)
        self.enabled = False

    def logon(self):
        self.enabled = True


def venue(**given):
    made = SimpleNamespace(link=Link(**given))
    made.schedule = Schedule(made, None)
    return made


def test_only_who_was_up_comes_back_however_often_we_log_out():
    up, kept_out = venue(), venue(enabled=False)
    logouts = Logouts([up, kept_out])
    logouts.log_out()
    logouts.log_out()
    assert (up in logouts, kept_out in logouts) == (True, False)
    logouts.log_on_again()
    assert (up.link.enabled, kept_out.link.enabled) == (True, False)
    assert up not in logouts


def test_whom_an_operator_has_logged_out_meanwhile_stays_out():
    one = venue()
    logouts = Logouts([one])
    logouts.log_out()
    one.schedule.log_out()
    logouts.log_on_again()
    assert not one.link.enabled


def test_who_logs_on_again_waits_for_the_end_of_a_logout():
    slow = venue()
    logouts = Logouts([slow])
    slow.link.go_on.clear()
    out = threading.Thread(target=logouts.log_out, daemon=True)
    out.start()
    assert slow.link.entered.wait(20)
    on = threading.Thread(target=logouts.log_on_again, daemon=True)
    on.start()
    on.join(0.1)
    slow.link.go_on.set()
    for thread in (out, on):
        thread.join(20)
    assert slow.link.enabled


def test_nobody_logs_on_for_a_runtime_that_has_ended():
    one = venue()
    logouts = Logouts([one])
    logouts.log_out(for_good=True)
    logouts.log_on_again()
    assert not one.link.enabled
    assert one in logouts, "an emergency cancel may need it"
