"""The intake: bounded, and nothing in it disappears without being counted."""

from __future__ import annotations

from gateway.runtime.intake import Ask, Intake
from gateway.venue.link import Inbound, Kind


def message(number: int, msg_type: str = "8", body: str = "", venue: str = "SIM") -> Inbound:
    raw = f"8=FIX.4.4\x019=100\x0135={msg_type}\x0149=SIM\x0156=DESK\x0134={number}\x01{body}10=000\x01"
    return Inbound(venue=venue, kind=Kind.MESSAGE, raw=raw, received_ns=number)


def snapshot(number: int, symbol: str = "USD/JPY", bid: str = "1", more: str = "") -> Inbound:
    return message(number, "W", f"55={symbol}\x01268=1\x01269=0\x01270={bid}\x01{more}")


def filled(count: int, capacity: int = 10) -> Intake:
    """An intake of orders' reports, numbered from 1."""
    intake = Intake(capacity)
    for number in range(1, count + 1):
        assert intake.offer(message(number))
    return intake


def test_a_newer_snapshot_takes_the_place_of_the_older_and_keeps_its_number():
    intake = filled(6)
    assert intake.offer(snapshot(7, bid="1"))
    assert intake.offer(message(8))
    assert intake.offer(snapshot(9, bid="2"))
    assert intake.offer(snapshot(10, bid="3"))
    items = intake.take(100, 0)
    assert len(items) == 8
    kept = items[6]
    assert "270=3" in kept.raw
    assert (kept.msg_seq_num, kept.conflated, kept.received_ns) == (7, 2, 10)


def test_nothing_is_conflated_while_there_is_room():
    intake = filled(1)
    assert intake.offer(snapshot(2))
    assert intake.offer(snapshot(3))
    assert [item.conflated for item in intake.take(100, 0)] == [0, 0, 0]


def test_symbols_are_kept_apart():
    intake = filled(6)
    assert intake.offer(snapshot(7, "EUR/USD"))
    assert intake.offer(snapshot(8, "USD/JPY"))
    assert len(intake.take(100, 0)) == 8


def test_a_snapshot_that_was_taken_is_not_changed_any_more():
    intake = filled(6)
    assert intake.offer(snapshot(7, bid="1"))
    taken = intake.take(100, 0)[-1]
    for number in range(8, 14):
        assert intake.offer(message(number))
    assert intake.offer(snapshot(14, bid="2"))
    assert ("270=1" in taken.raw, taken.conflated) == (True, 0)
    assert len(intake.take(100, 0)) == 7


def test_a_snapshot_never_overtakes_an_increment():
    """W, X, W: the second W in the place of the first would be followed by an older X."""
    intake = filled(6)
    assert intake.offer(snapshot(7, bid="1"))
    assert intake.offer(message(8, "X", "268=1\x01279=2\x0155=USD/JPY\x01"))
    assert intake.offer(snapshot(9, bid="2"))
    numbers = [item.received_ns for item in intake.take(100, 0)]
    assert numbers == list(range(1, 10))


def test_a_snapshot_never_overtakes_one_that_came_while_there_was_room():
    intake = filled(5)
    assert intake.offer(snapshot(6, bid="1"))
    assert len(intake.take(2, 0)) == 2
    assert intake.offer(snapshot(7, bid="2"))
    assert intake.offer(message(8))
    assert intake.offer(snapshot(9, bid="3"))
    assert [item.raw.partition("270=")[2][:1] for item in intake.take(100, 0) if "35=W" in item.raw] == ["3"]


def test_a_snapshot_never_overtakes_one_with_trades():
    intake = filled(6)
    assert intake.offer(snapshot(7, bid="1"))
    assert intake.offer(snapshot(8, bid="2", more="269=2\x01270=2\x01"))
    assert intake.offer(snapshot(9, bid="3"))
    assert [item.raw.partition("270=")[2][:1] for item in intake.take(100, 0) if "35=W" in item.raw] == ["1", "2", "3"]


def test_trades_in_a_snapshot_are_never_conflated():
    intake = filled(6)
    trade = "269=2\x01270=5\x01"
    assert intake.offer(snapshot(7, more=trade))
    assert intake.offer(snapshot(8, more=trade))
    assert len(intake.take(100, 0)) == 8


def test_a_full_intake_refuses_but_takes_what_must_not_be_missed():
    intake = filled(10)
    assert not intake.offer(message(11))
    assert not intake.offer(snapshot(12))
    assert intake.depth == 10
    intake.insist(Inbound(venue="SIM", kind=Kind.LOGOUT))
    intake.insist(Ask(lambda: None))
    assert intake.depth == 12
    assert len(intake.take(100, 0)) == 12
    assert intake.offer(message(11))


def test_a_full_lane_is_full_for_its_venue_alone():
    intake = filled(10)
    assert not intake.offer(message(11))
    assert all(intake.offer(message(number, venue="ALT")) for number in range(1, 11))
    assert not intake.offer(message(11, venue="ALT"))


def test_a_venue_does_not_wait_behind_the_flood_of_another():
    intake = filled(10)
    assert intake.offer(message(101, venue="ALT"))
    assert intake.offer(message(102, venue="ALT"))
    taken = intake.take(6, 0)
    assert [item.received_ns for item in taken if item.venue == "ALT"] == [101, 102]
    assert [item.received_ns for item in taken if item.venue == "SIM"] == [1, 2, 3, 4]
    assert [item.received_ns for item in intake.take(100, 0)] == [5, 6, 7, 8, 9, 10]


def test_operators_wait_behind_nobody():
    intake = filled(10)
    ask = Ask(lambda: None)
    intake.insist(ask)
    assert intake.take(3, 0)[0] is ask


def test_what_an_engine_did_stays_in_its_place_among_the_messages_of_its_venue():
    intake = filled(2)
    intake.insist(Inbound(venue="SIM", kind=Kind.LOGOUT, received_ns=3))
    assert intake.offer(message(4))
    assert [item.received_ns for item in intake.take(100, 0)] == [1, 2, 3, 4]


def test_a_batch_has_a_most_and_waiting_an_end():
    intake = filled(4)
    assert len(intake.take(3, 0)) == 3
    assert len(intake.take(3, 0)) == 1
    assert intake.take(3, 0.01) == []
