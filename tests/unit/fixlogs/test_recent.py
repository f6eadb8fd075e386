"""What is remembered of a stream without end: enough, and no more."""

from __future__ import annotations

from gateway.fixlogs.recent import Recent


def test_at_least_so_many_are_remembered_and_never_twice_as_many_and_more() -> None:
    recent: Recent[int, int] = Recent(10)
    for number in range(1000):
        recent.put(number, number)
        known = [one for one in range(number + 1) if recent.get(one) == one]
        assert known == list(range(number + 1 - len(known), number + 1))
        assert min(10, number + 1) <= len(known) <= 20
    recent.put(999, 5)
    assert recent.get(999) == 5
