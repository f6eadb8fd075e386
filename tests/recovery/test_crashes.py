"""SIGKILL at random moments while trading: afterwards both sides tell the same story."""

from __future__ import annotations

from random import Random

from trading import STRATEGY, come_to_rest, differences, start_and_die, trade_and_die

from gateway.sim.process import start_venue

ROUNDS = 3
SEED = 20260102


def test_killed_while_trading(home, make):
    random = Random(SEED)
    with start_venue(home / "venue", rate=20, flow=10, seed=SEED) as venue:
        gateway = make(venue.port, market_data=["USD/JPY"], extra=STRATEGY, ack_timeout=2)
        sent = sum(trade_and_die(gateway, random) for _ in range(ROUNDS))
        start_and_die(gateway, random)
        come_to_rest(gateway)
        assert differences(gateway, venue.ledger_path) == []
    assert sent > ROUNDS
    assert gateway.rows("SELECT count(*) AS n FROM v_fills")[0]["n"] > 0
    assert [row["clean_stop"] for row in gateway.rows("SELECT clean_stop FROM v_runs ORDER BY run_id")][-1] == 1
    assert gateway.rows("SELECT count(*) AS n FROM v_runs WHERE clean_stop = 0")[0]["n"] >= ROUNDS


def test_the_comparison_finds_a_difference(home, make):
    """The test above can fail: a fill that the venue made and never told is found."""
    with start_venue(home / "venue", rate=0) as venue:
        gateway = make(venue.port).start().ready()
        venue.command("house sell USD/JPY 1000 110.5")
        venue.command("fault drop 2")
        gateway.order("buy", "1000", "110.5")
        gateway.kill()
        gateway.start().ready()
        gateway.caught_up()
        found = differences(gateway, venue.ledger_path)
    assert any("fill" in line and "inferred" in line for line in found), found
