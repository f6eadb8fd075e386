"""A journal that refuses: the same batch is offered again, dispatch halts, the sessions log out, and all comes back."""

from __future__ import annotations

import threading

import pytest

from gateway.errors import JournalError
from gateway.runtime import journaling
from gateway.runtime.journaling import LOGOUT_AFTER_SECONDS, SLOW_SECONDS, SLOW_SHOWN_SECONDS, Committer


class Journal:
    """Refuses the first `failures` batches."""

    def __init__(self, failures: int) -> None:
        self.failures = failures
        self.offered: list[tuple] = []
        self.taken: list[tuple] = []

    def append(self, records, watermarks, digest):
        self.offered.append((records, watermarks, digest))
        if len(self.offered) <= self.failures:
            raise JournalError("disk full")
        self.taken.append((records, watermarks, digest))


class Scene:
    def __init__(self, failures: int, abort_after: int | None = None) -> None:
        self.journal = Journal(failures)
        self.log: list[str] = []
        self.waited: list[float] = []
        self.states: list[tuple[bool, str]] = []
        self._abort_after = abort_after
        self.committer = Committer(
            self.journal,
            wait=self._wait,
            on_halt=lambda: self.log.append("halt"),
            on_recovery=lambda: self.log.append("recovery"),
            observe=lambda seconds: self.log.append("committed"),
        )

    def _wait(self, seconds: float) -> bool:
        self.waited.append(seconds)
        self.states.append((self.committer.failing_since_ns is not None, self.committer.error))
        return self._abort_after is not None and len(self.waited) >= self._abort_after


BATCH = (("record",), {"session": "mark"}, "digest")


def test_a_batch_that_is_taken():
    scene = Scene(0)
    assert scene.committer.commit(*BATCH)
    assert scene.log == ["committed"]
    assert scene.waited == []


@pytest.mark.parametrize("failures", [1, 2, 5])
def test_a_short_failure_is_retried_with_the_same_batch(failures):
    scene = Scene(failures)
    assert scene.committer.commit(*BATCH)
    assert scene.journal.taken == [BATCH]
    assert scene.journal.offered == [BATCH] * (failures + 1)
    assert scene.log == ["committed"], "nobody logs out over a moment"
    assert scene.states == [(True, "disk full")] * failures
    assert (scene.committer.failing_since_ns, scene.committer.error) == (None, "")


def test_a_long_failure_logs_out_once_and_logs_on_again():
    scene = Scene(30)
    assert scene.committer.commit(*BATCH)
    assert scene.log == ["halt", "committed", "recovery"]
    assert sum(scene.waited) > LOGOUT_AFTER_SECONDS
    assert scene.journal.taken == [BATCH]
    # The next batch begins with a clean slate.
    assert scene.committer.commit(*BATCH)
    assert scene.log[3:] == ["committed"]


def test_the_sessions_log_out_after_two_seconds_and_not_before():
    for attempts in range(1, 20):
        scene = Scene(attempts)
        assert scene.committer.commit(*BATCH)
        assert ("halt" in scene.log) == (sum(scene.waited[:-1]) >= LOGOUT_AFTER_SECONDS), attempts


def test_told_to_end_it_gives_up_and_says_so():
    scene = Scene(1000, abort_after=4)
    assert not scene.committer.commit(*BATCH)
    assert len(scene.journal.offered) == 4
    assert scene.journal.taken == []
    assert scene.committer.failing_since_ns is not None


class Clock:
    """Moves when it is told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch):
    made = Clock()
    monkeypatch.setattr(journaling, "monotonic", made)
    monkeypatch.setattr(journaling, "perf_counter", made)
    return made


def test_a_commit_that_hangs_is_seen_from_outside(clock):
    """The disk says nothing at all: the sessions log out all the same, once, and log on again when it has answered."""
    scene = Scene(0)
    hangs, go_on = threading.Event(), threading.Event()
    append = scene.journal.append

    def hanging(*batch):
        hangs.set()
        assert go_on.wait(100)
        append(*batch)

    scene.journal.append = hanging
    thread = threading.Thread(target=scene.committer.commit, args=BATCH)
    thread.start()
    assert hangs.wait(100)
    clock.now += LOGOUT_AFTER_SECONDS - 0.1
    scene.committer.watch()
    assert scene.log == []
    clock.now += 0.2
    scene.committer.watch()
    scene.committer.watch()
    assert scene.log == ["halt"]
    assert scene.committer.failing_since_ns is not None
    assert "has not answered for 2 s" in scene.committer.error
    go_on.set()
    thread.join(100)
    assert scene.log == ["halt", "committed", "recovery"]
    assert scene.journal.taken == [BATCH]
    clock.now += 100
    scene.committer.watch()
    assert scene.log == ["halt", "committed", "recovery"]
    assert scene.committer.failing_since_ns is None


def test_a_slow_commit_is_told_for_a_while(clock):
    scene = Scene(0)
    append = scene.journal.append

    def slowly(*batch):
        clock.now += seconds
        append(*batch)

    scene.journal.append = slowly
    seconds = SLOW_SECONDS / 2
    assert scene.committer.commit(*BATCH)
    assert scene.committer.slow == ""
    seconds = SLOW_SECONDS * 2
    assert scene.committer.commit(*BATCH)
    assert "a commit took 0.50 s" in scene.committer.slow
    clock.now += SLOW_SHOWN_SECONDS + 1
    assert scene.committer.slow == ""
    assert scene.log == ["committed", "committed"], "slow is not failed"
