"""Death between two steps: what was not sent is Rejected, what was sent is asked about, nothing is sent twice or lost."""

from __future__ import annotations

import contextlib
from pathlib import Path
from random import Random

import pytest
from crash_launcher import CALLS, COMMITS, POINTS, SENDS
from proxy import Proxy
from rounds import Rounds
from trading import differences

from gateway.errors import GatewayError
from gateway.sim.ledger import read_ledger

LAUNCHER = str(Path(__file__).with_name("crash_launcher.py"))


def die_at(gateway, point, action):
    gateway.launcher = (LAUNCHER, point)
    gateway.start().ready()
    with contextlib.suppress(GatewayError):
        action()
    assert gateway.ended() == -9
    gateway.launcher = ("-m", "gateway", "run")
    gateway.start().ready()
    gateway.caught_up()


def news(venue):
    return [line.cl_ord_id for line in read_ledger(venue.ledger_path) if line.exec_type == "0"]


@pytest.mark.parametrize("point", ["before-send-D", "after-send-D", "before-transmitted", "after-transmitted"])
def test_a_new_order(make, venue, point):
    gateway = make(venue.port)
    die_at(gateway, point, gateway.order)
    [order] = gateway.rows("SELECT * FROM v_orders")
    if point == "before-send-D":
        assert order["state"] == "Rejected"
        assert order["reason"].startswith("not_sent")
        assert news(venue) == []
    else:
        assert order["state"] == "Accepted"
        assert news(venue) == [order["cl_ord_id"]]
    assert not order["in_doubt"]
    assert gateway.venue()["opened"]
    assert differences(gateway, venue.ledger_path) == []


def test_an_order_that_was_never_committed_never_was(make, venue):
    gateway = make(venue.port)
    die_at(gateway, "before-dispatched", gateway.order)
    assert gateway.rows("SELECT * FROM v_orders") == []
    assert news(venue) == []


@pytest.mark.parametrize("point", ["before-send-F", "after-send-F"])
def test_a_cancel(make, venue, point):
    gateway = make(venue.port).start().ready()
    order_id = gateway.order()["order_id"]
    gateway.wait_state(order_id, "Accepted")
    gateway.kill()
    die_at(gateway, point, lambda: gateway.cancel(order_id))
    order = gateway.wait_state(order_id, "Accepted" if point == "before-send-F" else "Cancelled")
    assert not order["in_doubt"]
    if point == "before-send-F":  # and the order can be cancelled after all
        gateway.cancel(order_id)
        gateway.wait_state(order_id, "Cancelled")
    gateway.caught_up()
    assert differences(gateway, venue.ledger_path) == []


STARTING = (
    "after-run-number",
    "after-logged-on",
    "before-reconciliation",
    "after-question",
    "after-status",
    "before-reconciled",
)
TRADING = ("before-filled", "after-filled", "after-send-log", "before-send-G", "after-send-G", "before-resolved")
WRITING = (
    "before-projection",
    "after-projected-rows",
    "after-projection",
    "before-encoded-snapshot",
    "after-published-snapshot",
)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("points", [STARTING, TRADING, WRITING], ids=["starting", "trading", "writing"])
def test_one_death_after_the_other(home, venue, points):
    """One after the other on the same directory; `scripts/soak --points` takes all there are."""
    with Proxy(venue.port) as proxy:
        rounds = Rounds(home / "g", venue, proxy, Random(1), extra="")
        try:
            for point in points:
                rounds.die_at(point)
            assert rounds.check() == []
        finally:
            rounds.gateway.close()
        assert rounds.count("v_fills") > 0


def test_there_is_a_point_on_both_sides_of_everything():
    assert len(POINTS) == len(set(POINTS)) == 2 * len({*COMMITS, *SENDS, *CALLS})
