"""A journal that refuses: the same batch is offered again, dispatch halts, the sessions log out, and all comes back."""

from __future__ import annotations

import pytest

from gateway.errors import JournalError
from gateway.runtime.journaling import LOGOUT_AFTER_SECONDS, Committer


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
