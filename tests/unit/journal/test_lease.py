"""Who may write and send: the lease's epoch, the fence in front of each send, and when a standby may try."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from threading import Event
from time import monotonic
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest

from gateway.bootstrap import recovery
from gateway.core.core import Core
from gateway.errors import JournalError, JournalLost, PreconditionFailed
from gateway.journal import claim, fence
from gateway.journal.fence import Fence
from gateway.journal.interface import Watermark
from gateway.journal.lease import LOCKED
from gateway.journal.postgresql import PostgresqlJournal
from gateway.journal.stores import JournalAt


@pytest.fixture
def place(postgresql_url: str) -> JournalAt:
    return JournalAt(postgresql_url)


@pytest.fixture
def sql(place: JournalAt) -> Iterator[Any]:
    """Statements of somebody else."""
    with psycopg.connect(place.url.replace("+psycopg", ""), autocommit=True) as connection:
        yield connection.execute


@pytest.fixture
def opened(place: JournalAt) -> Iterator[Callable[[], Any]]:
    """Journals that are closed in the end, whoever has them by then."""
    with ExitStack() as stack:
        yield lambda: stack.enter_context(closing(place.open()))


def until(condition: Callable[[], object]) -> None:
    end = monotonic() + 100
    while not condition():
        assert monotonic() < end


def test_what_was_confirmed_counts_for_a_while(monkeypatch):
    clock = [100.0]
    monkeypatch.setattr(fence, "now", lambda: clock[0])
    one = Fence()
    assert "has not been confirmed" in (one.refusal() or "")
    one.confirmed(100.0)
    clock[0] = 100.0 + fence.HOLD_SECONDS - 0.01
    assert one.refusal() is None
    one.confirmed(99.0)  # an answer that was asked for earlier takes nothing back
    assert one.refusal() is None
    clock[0] = 100.0 + fence.HOLD_SECONDS
    assert "has not been confirmed for 1.0 s" in (one.refusal() or "")
    one.confirmed(clock[0])
    one.lose(JournalLost("x"))
    assert one.refusal() == "the journal was taken by another gateway"


def test_a_successor_waits_for_longer_than_a_predecessor_may_believe():
    assert fence.WAIT_SECONDS > fence.HOLD_SECONDS


def test_the_lease_is_confirmed_while_nothing_is_written(opened):
    journal, opened_at = opened(), fence.now()
    until(lambda: fence.now() > opened_at + fence.HOLD_SECONDS)
    until(lambda: journal.refusal() is None)


def test_a_fence_closes_when_the_server_answers_no_more_and_opens_with_the_next_commit(opened, sql, records):
    journal = opened()
    journal.append(records(1, 1), {}, "d")
    sql("ALTER TABLE gateway_journal.beat RENAME TO hidden")  # the connection beside the commits is refused
    until(lambda: journal.refusal() is not None)
    journal.append(records(2, 2), {}, "d")
    assert journal.refusal() is None


def test_a_journal_that_was_taken_is_known_to_be_lost_though_nothing_is_written(opened, sql):
    first = opened()
    sql("SELECT pg_terminate_backend(backend, 5000) FROM gateway_journal.lease")
    second = opened()
    until(lambda: first.lost is not None)
    assert "was taken by process" in str(first.lost)
    assert first.refusal() == "the journal was taken by another gateway"
    assert second.refusal() is None
    assert second.lost is None


def test_whoever_follows_a_death_waits_and_whoever_follows_a_clean_end_does_not(place, opened, sql):
    with closing(place.open()) as first:
        assert first.alone_in == 0
    with closing(place.open()) as second:
        assert second.alone_in == 0
        sql("SELECT pg_terminate_backend(backend, 5000) FROM gateway_journal.lease")
        third = opened()
        assert fence.HOLD_SECONDS < third.alone_in <= fence.WAIT_SECONDS
        until(lambda: third.alone_in == 0)


def test_a_closed_journal_lets_nothing_out(place):
    with closing(place.open()) as journal:
        assert journal.refusal() is None
    assert journal.refusal() == "the journal is closed"
    assert journal.lost is None


def test_a_claim_follows_the_holder_and_is_free_without_one(place, opened):
    with closing(place.claim(60)) as claim:
        assert claim.free()  # nothing has run here yet
        with closing(place.open()):
            assert not claim.free()
            assert claim.holder.startswith("process ")
        until(claim.free)
        assert claim.holder == ""


def test_a_holder_who_is_silent_for_too_long_loses_his_connection(place, opened, sql, records):
    silent = opened()
    with closing(place.claim(0.5)) as claim:
        assert not claim.free()
        silent._renewal.stop()
        until(claim.free)
        taken = opened()
        assert taken.alone_in > 0
        with pytest.raises(JournalError):  # the connection that was ended is noticed first
            silent.append(records(1, 1), {}, "d")
        with pytest.raises(JournalLost, match="was taken by"):
            silent.append(records(1, 1), {}, "d")
        taken.append(records(1, 1), {"S": Watermark(1, 7, 12)}, "d")
        assert taken.watermarks() == {"S": Watermark(1, 7, 12)}


def test_silence_is_what_was_listened_to(place, opened, monkeypatch):
    """A standby that was stopped itself, or whose database did not answer, has heard nothing of a holder who may live."""
    clock = [100.0]
    monkeypatch.setattr(claim, "monotonic", lambda: clock[0])
    holder = opened()
    holder._renewal.stop()
    with closing(place.claim(5)) as one:
        assert not one.free()
        clock[0] += 3600
        assert not one.free(), "an hour without a look"
        for _ in range(7):
            clock[0] += 0.5
            assert not one.free()
        clock[0] += 3600
        assert one.free(), "5 s in all"


def test_a_holder_who_lives_keeps_it(place, opened, sql):
    journal = opened()
    beat = sql("SELECT number FROM gateway_journal.beat").fetchone()[0]
    with closing(place.claim(5)) as claim:
        until(lambda: claim.free() or sql("SELECT number FROM gateway_journal.beat").fetchone()[0] > beat + 4)
        assert not claim.free()
    assert journal.lost is None


def test_a_holder_whose_lock_went_with_the_server_may_come_back(place, opened, sql, records):
    """He may have commits to write again that the server forgot: his successor would begin without them."""
    journal = opened()
    sql("UPDATE gateway_journal.lease SET since = pg_postmaster_start_time() - interval '1 s'")
    _end_the_lock(sql)
    with closing(place.claim(60)) as claim:
        assert not claim.free()
        assert claim.holder.startswith("process ")
        with pytest.raises(JournalError):
            journal.append(records(1, 1), {}, "d")
        journal.append(records(1, 1), {}, "d")
        assert not claim.free()
        _end_the_lock(sql)  # under the same server: now it is he who ended
        assert claim.free()


def test_and_has_the_time_of_one_who_is_silent(place, opened, sql):
    journal = opened()
    sql("UPDATE gateway_journal.lease SET since = pg_postmaster_start_time() - interval '1 s'")
    journal._renewal.stop()
    _end_the_lock(sql)
    with closing(place.claim(0.5)) as claim:
        assert not claim.free()
        until(claim.free)


def test_one_who_fails_to_open_leaves_nothing_that_looks_alive(place, sql, monkeypatch):
    """Or a standby would follow itself: whose beat goes on is somebody who lives."""

    segments = PostgresqlJournal.segments

    def interrupted(self: Any) -> Any:
        if self._renewal is not None and hasattr(self, "_seq"):
            raise JournalError("the server went away")
        return segments(self)

    monkeypatch.setattr(PostgresqlJournal, "segments", interrupted)
    with pytest.raises(PreconditionFailed, match="the server went away"):
        place.open()
    until(lambda: not sql("SELECT 1 FROM pg_stat_activity WHERE application_name = 'gateway-lease'").fetchone())
    with closing(place.claim(60)) as claim:
        assert claim.free()


def test_a_standby_whose_takeover_fails_half_way_takes_over_the_next_time(place, sql, monkeypatch, records):
    with closing(place.open()) as journal:
        journal.append(records(1, 1), {}, "d")
    told: list[str] = []
    front = SimpleNamespace(stop_asked=Event(), tell=lambda doing, *_, **__: told.append(doing))
    core_in, tries = recovery.Follower.core_in, iter([True])

    def interrupted(self: Any, journal: Any) -> Any:
        if next(tries, False):
            raise JournalError("the server went away")
        return core_in(self, journal)

    monkeypatch.setattr(recovery.Follower, "core_in", interrupted)
    journal, _ = recovery._wait(place, front, lambda: Core({}), 600)  # type: ignore[arg-type]
    with closing(journal):
        assert told.count("taking over") == 2
        journal.append(records(2, 2), {}, "e")


def _end_the_lock(sql: Any) -> None:
    sql(f"SELECT pg_terminate_backend(pid) FROM ({LOCKED}) AS holders")
    until(lambda: sql(LOCKED).fetchone() is None)


def test_a_file_knows_no_standby(tmp_path):
    with pytest.raises(PreconditionFailed, match="a standby needs a journal in PostgreSQL"):
        JournalAt(f"sqlite:///{tmp_path}/journal.db").claim(5)
