"""A gap is followed by what comes, not by how long it takes."""

from __future__ import annotations

import pytest

from gateway.venue.resend import ResendWatch, Verdict


@pytest.fixture
def watch():
    made = ResendWatch(10)
    made.asked(5, 100)
    return made


def test_the_second_silence_ends_it(watch):
    assert watch.deadline_ns == 110
    assert watch.overdue(5, 110) is Verdict.AGAIN
    assert watch.deadline_ns is None
    watch.asked(5, 120)
    assert watch.overdue(5, 130) is Verdict.GIVE_UP


def test_progress_is_waited_for(watch):
    assert watch.overdue(6, 110) is Verdict.WAIT
    assert watch.deadline_ns == 120
    assert watch.overdue(6, 120) is Verdict.AGAIN


def test_another_gap_has_failures_of_its_own(watch):
    assert watch.failed() is Verdict.AGAIN
    watch.asked(7, 120)
    assert watch.failed() is Verdict.AGAIN


def test_a_refusal_counts_as_a_silence(watch):
    assert watch.failed() is Verdict.AGAIN
    watch.asked(5, 120)
    assert watch.failed() is Verdict.GIVE_UP


def test_nothing_is_due_while_disconnected_or_closed(watch):
    watch.disconnected()
    assert watch.deadline_ns is None
    watch.asked(5, 120)
    assert watch.failed() is Verdict.AGAIN
    watch.closed()
    watch.asked(5, 130)
    assert watch.failed() is Verdict.AGAIN
