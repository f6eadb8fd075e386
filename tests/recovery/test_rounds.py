"""Ten random rounds: a failing network, deaths at random and between two steps. Afterwards both sides tell the same story."""

from __future__ import annotations

from random import Random

import pytest
from proxy import Proxy
from rounds import Rounds
from trading import differences

from gateway.sim.process import start_venue

ROUNDS = 10
SEED = 20260102


@pytest.mark.timeout(600)
def test_ten_rounds(home):
    with start_venue(home / "venue", rate=20, flow=10, seed=SEED) as venue, Proxy(venue.port, SEED) as proxy:
        rounds = Rounds(home / "g", venue, proxy, Random(SEED))
        try:
            told = [rounds.run() for _ in range(ROUNDS)]
            found = rounds.check()
        finally:
            rounds.gateway.close()
    assert found == [], told
    assert rounds.count("v_fills") > 0, told
    assert rounds.count("v_runs WHERE clean_stop = 0") > ROUNDS // 2, told
    assert sum(rounds.faults.values()) > ROUNDS // 2, told


def test_the_comparison_finds_a_difference(make, venue):
    """The test above can fail: a fill that the venue made and never told is found."""
    gateway = make(venue.port).start().ready()
    venue.command("house sell USD/JPY 1000 110.5")
    venue.command("fault drop 2")
    gateway.order("buy", "1000", "110.5")
    gateway.kill()
    gateway.start().ready()
    gateway.caught_up()
    found = differences(gateway, venue.ledger_path)
    assert any("fill" in line and "inferred" in line for line in found), found
