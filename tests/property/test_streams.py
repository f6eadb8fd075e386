"""Random streams against a small venue: whatever arrives, in whatever order, the named invariants hold."""

from __future__ import annotations

from hypothesis import settings
from streams import Amended, Streams

LIMITS = settings(max_examples=200, stateful_step_count=50, deadline=None, derandomize=True)
TestStreams = Streams.TestCase
TestStreams.settings = LIMITS
TestAmended = Amended.TestCase
TestAmended.settings = LIMITS
