"""How fast: token buckets on stream time, one for each session, one for each group of sessions, one for a venue's own limit.

A bucket is a GCRA (ITU-T I.371): one number, the theoretical arrival time of the next request; one more may go when that lies
no more than the burst behind it. Its new value travels in the event that spends it, so that applying needs no rates.

    bucket            configured as              who waits for it
    the session's     venues.rate_limit          everything; cancels have a quarter of the burst on top
    a group's         rate_groups, rate_group    the same, over every session of the group
    the venue's own   venues.hard_rate_limit     everything, cancels under the kill switch included: beyond it the venue refuses

Cancels under kill wait for no limit of ours, and leave no debt either: they empty our buckets, and what comes after waits for
one token and not for all that was sent.
"""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from gateway.core.settings import CoreSettings, Rate, Venue
from gateway.core.state import State
from gateway.core.values import NANOS


class _Bucket(NamedTuple):
    name: str
    interval: int
    burst: int
    hard: bool


def _buckets(state: State, venue: str) -> list[_Bucket]:
    settings = state.control.settings
    found: list[_Bucket] = state.control.rates.of(settings, venue, lambda: _configured(settings, settings.venues[venue]))
    return found


def _configured(settings: CoreSettings, venue: Venue) -> list[_Bucket]:
    rates = (
        (venue.name, None if venue.rate_per_second is None else Rate(venue.rate_per_second, venue.rate_burst), False),
        (f"group:{venue.rate_group}", settings.rate_groups.get(venue.rate_group), False),
        (f"hard:{venue.name}", venue.hard_rate, True),
    )
    return [_Bucket(name, int(Decimal(NANOS) / r.per_second), r.burst, hard) for name, r, hard in rates if r is not None]


def free_at(state: State, venue: str, *, cancel: bool, urgent: bool = False) -> int:
    """Stream time from which one more request is within every rate it has to wait for; 0 when there is none."""
    found = 0
    for bucket in _buckets(state, venue):
        if urgent and not bucket.hard:
            continue
        headroom = max(1, bucket.burst // 4) if cancel and not bucket.hard else 0
        at_ns = state.execution.buckets.get(bucket.name, 0) - (bucket.burst + headroom - 1) * bucket.interval
        found = max(found, at_ns)
    return found


def within_rate(state: State, venue: str, *, cancel: bool, urgent: bool = False) -> bool:
    """Whether one more request may go now."""
    return free_at(state, venue, cancel=cancel, urgent=urgent) <= state.at_ns


def spend(state: State, venue: str, *, urgent: bool = False) -> dict[str, int]:
    """Every bucket of a venue after one more request."""
    spent = {}
    for bucket in _buckets(state, venue):
        before = state.execution.buckets.get(bucket.name, 0)
        after = max(before, state.at_ns) + bucket.interval
        if urgent and not bucket.hard:
            after = min(after, max(before, state.at_ns + bucket.burst * bucket.interval))
        spent[bucket.name] = after
    return spent
