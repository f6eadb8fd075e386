"""Stream time when the wall clock jumps: backwards, or to another day. Neither moves what has happened."""

from __future__ import annotations

import pytest

from gateway import clock
from gateway.runtime.trading_day import TradingDay

DAY = 86_400_000_000_000
NOON = 20_000 * DAY + DAY // 2


class Time:
    """A machine whose wall clock somebody sets; the monotonic one only runs on."""

    def __init__(self, wall: int) -> None:
        self.wall = wall
        self.monotonic = 1_000

    def pass_by(self, ns: int) -> None:
        self.wall += ns
        self.monotonic += ns

    def time_ns(self) -> int:
        return self.wall

    def monotonic_ns(self) -> int:
        return self.monotonic


@pytest.fixture
def time(monkeypatch):
    machine = Time(NOON)
    monkeypatch.setattr(clock, "time", machine)
    return machine


@pytest.mark.parametrize("jump", [-DAY, -1, 1, DAY])
def test_a_clock_that_jumps_moves_no_stream_time(time, jump):
    stream = clock.StreamClock(0)
    before = stream.now_ns()
    time.wall += jump
    time.pass_by(5)
    assert stream.now_ns() == before + 5
    assert clock.wall_ns() == NOON + jump + 5, "wall time is kept beside it as it is"


def test_a_clock_that_fell_back_between_two_runs_is_waited_out(time):
    """The journal's last stream time is the floor; deadlines go on running above it."""
    last = NOON + DAY
    stream = clock.StreamClock(last)
    assert stream.now_ns() == last
    time.pass_by(7)
    assert stream.now_ns() == last + 7


def test_a_leap_to_another_day_within_a_run_rolls_no_trading_day(time):
    day = TradingDay("00:00", "UTC")
    stream = clock.StreamClock(0)
    present = day.date_at(stream.now_ns())
    time.wall += 3 * DAY
    assert day.rolled(stream.now_ns(), present) is None
    # The next run takes the clock as it finds it then.
    rolled = day.rolled(clock.StreamClock(stream.now_ns()).now_ns(), present)
    assert rolled is not None
    assert rolled.trading_date > present
