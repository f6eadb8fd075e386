"""Random streams against small venues: whatever arrives, in whatever order, the named invariants hold."""

from __future__ import annotations

from hypothesis import settings
from streams import Amended, AmendedVenues, Streams, Venues

LIMITS = settings(max_examples=150, stateful_step_count=50, deadline=None, derandomize=True)
BESIDE = settings(LIMITS, max_examples=60)
TestStreams = Streams.TestCase
TestStreams.settings = LIMITS
TestAmended = Amended.TestCase
TestAmended.settings = LIMITS
TestVenues = Venues.TestCase
TestVenues.settings = BESIDE
TestAmendedVenues = AmendedVenues.TestCase
TestAmendedVenues.settings = BESIDE
