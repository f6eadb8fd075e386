"""The same events lead to the same decisions: at every position, and whatever the interpreter does meanwhile."""

from __future__ import annotations

import gc
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from random import Random

import pytest
from msgspec.structs import replace

from gateway.core import snapshot, turn
from gateway.core.codec import decode, encode
from gateway.core.core import Core
from gateway.core.events import DERIVED, Recorded
from gateway.core.settings import RiskLimits
from gateway.core.values import Side
from gateway.core.verify import Verifier
from gateway.strategies.quoter import Quoter, QuoterParams
from gateway.testing.harness import Harness, settings

D = Decimal
LIMITS = RiskLimits(max_orders_per_second=30, max_repeated_executions=200, duplicate_order_seconds=1, max_open_orders=12)


def harness_for(quoting: bool = True) -> Harness:
    quoters = {"quoter": Quoter(QuoterParams(quantity=D(3000), max_inventory=D(9000)))} if quoting else {}
    return Harness(quoters, settings(rate_per_second=D(100), rate_burst=4, risk={"all": LIMITS})).open()


def trade(harness: Harness, random: Random, moves: int) -> None:
    """Anything that can happen to orders, in any order."""
    for _ in range(moves):
        open_ids = list(harness.state.execution.open["all"])
        match random.randrange(7):
            case 0 | 1:
                bid = D(155) + D(random.randrange(900)) / 1000
                harness.book(str(bid), str(bid + D("0.01")))
            case 2:
                harness.request_order(random.choice(list(Side)), str(1000 * random.randint(1, 9)), "156")
            case 3 if open_ids:
                harness.accept(random.choice(open_ids))
            case 4 if open_ids:
                order = harness.order(random.choice(open_ids))
                if order.leaves_qty >= 1000:
                    harness.fill(order.order_id, "1000")
            case 5 if open_ids:
                harness.request_cancel(random.choice(open_ids))
            case 6 if harness.next_deadline is not None:
                harness.pass_deadline()


def stored(one: Recorded) -> Recorded:
    return replace(one, event=decode(one.event.kind(), one.event.VERSION, encode(one.event)))


@pytest.mark.parametrize("seed", range(4))
def test_replay_equals_at_every_position(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also between an event and what was derived from it."""
    live, harness, apply = [], harness_for(), turn.apply

    def noting(state, recorded):
        changes = apply(state, recorded)
        live.append((recorded.seq, state.digest()))
        return changes

    monkeypatch.setattr(turn, "apply", noting)
    trade(harness, Random(seed), 150)
    monkeypatch.setattr(turn, "apply", apply)
    shadow, folded = Core({}), []
    for one in harness.records:
        shadow.fold((stored(one),))
        folded.append((one.seq, shadow.state.digest()))
    assert folded[-len(live) :] == live
    assert len({digest for _, digest in live}) > 100


@pytest.mark.parametrize("seed", range(3))
def test_derived_events_are_recomputed_equal_from_any_position(seed: int) -> None:
    harness = harness_for()
    trade(harness, Random(seed), 150)
    records = [stored(one) for one in harness.records]
    assert sum(one.event.kind() in DERIVED for one in records) > 50
    for start in range(0, len(records), 40):
        while start < len(records) and records[start].event.kind() in DERIVED:
            start += 1
        before = Core({})
        before.fold(records[:start])
        verifier = Verifier(lambda configured: harness.strategies if configured else {}, before.state if start else None)
        assert [*verifier.feed(records[start:]), *verifier.finish()] == []
        assert verifier.digest == harness.state.digest()


@contextmanager
def disturbed(random: Random) -> Iterator[None]:
    """Other threads compute, the interpreter switches at random intervals, and garbage is collected at any time."""
    ending, threshold, interval = threading.Event(), gc.get_threshold(), sys.getswitchinterval()

    def disturb() -> None:
        while not ending.is_set():
            sys.setswitchinterval(random.choice((1e-6, 1e-5, 1e-4, 5e-3)))
            gc.collect(random.randrange(3))
            sum(range(random.randrange(2000)))

    threads = [threading.Thread(target=disturb) for _ in range(3)]
    gc.freeze()  # what the tests before left behind is none of it: a collection over that would hold everybody up
    gc.set_threshold(1, 1, 1)
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        ending.set()
        for thread in threads:
            thread.join()
        gc.unfreeze()
        gc.set_threshold(*threshold)
        sys.setswitchinterval(interval)


def test_garbage_collection_and_other_threads_decide_nothing() -> None:
    calm, other = harness_for(), harness_for()
    trade(calm, Random(7), 60)
    with disturbed(Random(1)):
        trade(other, Random(7), 60)
    assert [encode(one.event) for one in other.records] == [encode(one.event) for one in calm.records]
    assert other.state.digest() == calm.state.digest()


def test_snapshot_and_tail_decide_as_the_whole_did() -> None:
    """Strategy memory, rate windows, duplicates and daily counts are in the state, and in what is stored of it."""
    whole, halved = harness_for(), harness_for()
    trade(whole, Random(3), 120)
    trade(halved, Random(3), 60)
    execution, memory = halved.state.execution, halved.state.control.strategies["quoter"].memory
    assert execution.window_moments
    assert execution.recent
    assert execution.days
    assert memory is not None
    restored = snapshot.restore(snapshot.frames(snapshot.image(halved.state)), halved.state.digest())
    assert restored.control.strategies["quoter"].memory == memory
    assert dict(restored.execution.window_moments) == dict(execution.window_moments)
    core = Core(halved.strategies, restored)
    for one in whole.records[halved.state.seq :]:
        if one.event.kind() not in DERIVED:
            core.step(one.event, run_id=one.run_id, at_ns=one.at_ns, wall_ns=one.wall_ns)
    assert core.state.digest() == whole.state.digest()
