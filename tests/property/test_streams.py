"""Random streams against small venues: whatever arrives, in whatever order, the named invariants hold."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import settings
from streams import Amended, AmendedVenues, Streams, Venues

from gateway.core.values import Side

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


def test_a_kill_beside_an_order_whose_token_is_there_at_that_moment() -> None:
    """Found by a seed that is not the gate's: the rate of `SIM` frees a token at the very event that kills `ALT`."""
    stream = AmendedVenues()
    stream.begin(rate=Decimal(1000), burst=2, trading=1)
    stream.market(bid=155_900, spread=0, status=None)
    stream.replace(calm=1, lots=0, pick=0, then="cancel", ticks=0)
    stream.day(after=False, expires="said")
    stream.order(flows=False, lots=1, side=Side.BUY, ticks=0)
    before = len(stream.harness.sent())
    assert stream.harness.state.execution.pending_new["venue:SIM"]
    stream.narrow(lasts=True, scope="venue:ALT")
    assert len(stream.harness.sent()) == before
    stream.time()
    assert len(stream.harness.sent()) == before + 1
    stream.replay_equality()


def test_a_quoter_beside_a_venue_that_refuses_and_a_question_that_was_lost_comes_to_rest() -> None:
    """Found by another such seed: until the question is overdue nobody may ask for a cancel as fast as it is refused."""
    stream = Venues()
    stream.begin(rate=None, burst=1, trading=1)
    stream.market(bid=155_900, spread=0, status=None)
    stream.catch_up()
    stream.replace(calm=1, lots=0, pick=0, then="waits", ticks=0)
    stream.catch_up()
    stream.day(after=False, expires="forgotten")
    stream.catch_up()
    stream.transmit(loses=0, many=2)
    stream.reconcile()
    stream.the_truth_is_known()
