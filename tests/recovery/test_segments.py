"""Segments of a live gateway: a roll that is interrupted anywhere loses nothing, and old ones can be moved away."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

import pytest
from gateway_process import wait_for
from postgresql import run_command, verified
from trading import differences

from gateway.errors import GatewayError
from gateway.journal.stores import JournalAt

LAUNCHER = str(Path(__file__).with_name("crash_launcher.py"))
NORMAL = ("-m", "gateway", "run")
SQLITE_POINTS = ("before-roll", "segment-prepared", "segment-published", "rolled", "snapshot-waits", "snapshot-written")


def roll(gateway):
    """A switch that the launcher takes for the end of a trading day."""
    gateway.post("/trading", state="enabled", reason="a new day")


def files(gateway, pattern):
    return sorted(path.name for path in gateway.state.glob(pattern))


def traded(gateway):
    order_id = gateway.order(price="100")["order_id"]
    gateway.wait_state(order_id, "Accepted")
    return order_id


@pytest.mark.parametrize("point", SQLITE_POINTS)
def test_death_on_the_way(make, venue, point):
    gateway = make(venue.port)
    dies_and_goes_on(gateway, venue, point)
    assert not files(gateway, "*.new") or point == "segment-prepared"
    rolled = SQLITE_POINTS.index(point) >= SQLITE_POINTS.index("segment-published")
    assert len(files(gateway, "journal-*.db")) == 1 + rolled
    # Every segment has the snapshot it begins with, whoever had to write it.
    starts = {int(name.removeprefix("journal-").removesuffix(".db")) - 1 for name in files(gateway, "journal-*.db")}
    snapshots = {int(name.removeprefix("journal-").removesuffix(".snapshot")) for name in files(gateway, "*.snapshot")}
    assert starts <= snapshots


def dies_and_goes_on(gateway, venue, point):
    """Trade, roll, die at `point`, start again, roll undisturbed: both sides agree and everything verifies."""
    gateway.launcher = (LAUNCHER, f"roll:{point}")
    gateway.start().ready()
    first = traded(gateway)
    with contextlib.suppress(GatewayError):
        roll(gateway)
    assert gateway.ended() == -9
    gateway.launcher = (LAUNCHER, "roll:never")
    gateway.start().ready()
    gateway.wait_state(first, "Accepted")
    second = traded(gateway)
    roll(gateway)
    third = traded(gateway)
    for order_id in (first, second, third):
        gateway.cancel(order_id)
        gateway.wait_state(order_id, "Cancelled")
    gateway.caught_up()
    assert gateway.terminate() == 0
    assert differences(gateway, venue.ledger_path) == []
    assert verified(gateway)["first_event"] == 1


def test_old_segments_are_moved_away(make, venue, tmp_path):
    gateway = make(venue.port, launcher=(LAUNCHER, "roll:never"))
    gateway.start().ready()
    orders = [traded(gateway)]
    roll(gateway)
    orders.append(traded(gateway))
    roll(gateway)
    orders.append(traded(gateway))
    gateway.caught_up()
    wait_for(lambda: len(files(gateway, "*.snapshot")) == 2, "their snapshots")
    assert gateway.terminate() == 0
    assert verified(gateway)["first_event"] == 1
    # The oldest goes; the gateway starts, knows every order, and verification says where it begins.
    begins = sorted(int(name.removeprefix("journal-").removesuffix(".db")) for name in files(gateway, "journal-*.db"))
    (gateway.state / "journal.db").rename(tmp_path / "journal.db")
    assert verified(gateway)["first_event"] == begins[0]
    assert f"events {begins[0]} to" in run_command(gateway, "verify")
    gateway.start().ready()
    assert gateway.status()["orders"]["open"] == 3
    gateway.cancel(orders[0])
    gateway.wait_state(orders[0], "Cancelled")
    gateway.kill()
    # The next one too, after a death, so that the state comes from the start of the segment and all that followed.
    (gateway.state / f"journal-{begins[0]}.db").rename(tmp_path / f"journal-{begins[0]}.db")
    gateway.start().ready()
    for order_id in orders[1:]:
        gateway.cancel(order_id)
        gateway.wait_state(order_id, "Cancelled")
    gateway.caught_up()
    assert gateway.terminate() == 0
    assert differences(gateway, venue.ledger_path) == []
    assert verified(gateway)["first_event"] == begins[1]
    # With its snapshot gone the rest is no start, and says what to do; back in their place, all is verified again.
    for path in gateway.state.glob("*.snapshot"):
        path.rename(tmp_path / path.name)
    gateway.launcher = NORMAL
    gateway.start()
    assert gateway.ended() == 6
    assert "move the older segments back" in gateway.err.read_text()
    for path in tmp_path.glob("journal*"):
        path.rename(gateway.state / path.name)
    assert verified(gateway)["first_event"] == 1


def test_a_changed_record_before_the_start_is_not_seen_and_one_after_it_is(make, venue, tmp_path):
    """Verification of a part can fail."""
    gateway = make(venue.port, launcher=(LAUNCHER, "roll:never"))
    gateway.start().ready()
    traded(gateway)
    roll(gateway)
    traded(gateway)
    gateway.caught_up()
    assert gateway.terminate() == 0
    [segment] = gateway.state.glob("journal-*.db")
    (gateway.state / "journal.db").rename(tmp_path / "journal.db")
    with sqlite3_at(gateway.records) as records:
        records.execute("UPDATE orders SET cum_qty = 1 WHERE order_id = (SELECT max(order_id) FROM orders)")
    verdict = json.loads(run_command(gateway, "verify", "--json", code=1))
    assert verdict["record_differences"] == 1
    with sqlite3_at(segment) as journal:
        journal.execute("UPDATE event SET at_ns = at_ns + 1 WHERE seq = (SELECT max(seq) FROM event)")
    run_command(gateway, "verify", code=1)
    assert JournalAt(f"sqlite:///{gateway.state}/journal.db").reader().begins()[0] > 0


@contextlib.contextmanager
def sqlite3_at(path):
    import sqlite3

    connection = sqlite3.connect(path)
    with contextlib.closing(connection), connection:
        yield connection
