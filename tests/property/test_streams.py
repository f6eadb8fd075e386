"""Random streams against small venues: whatever arrives, in whatever order, the named invariants hold."""

from __future__ import annotations

from hypothesis import settings
from streams import Amended, AmendedVenues, Streams, Venues

LIMITS = settings(stateful_step_count=50)
BESIDE = settings(LIMITS, max_examples=LIMITS.max_examples // 2)
TestStreams = Streams.TestCase
TestStreams.settings = LIMITS
TestAmended = Amended.TestCase
TestAmended.settings = LIMITS
TestVenues = Venues.TestCase
TestVenues.settings = BESIDE
TestAmendedVenues = AmendedVenues.TestCase
TestAmendedVenues.settings = BESIDE
