"""Every difference between two accounts of a day is found and named, and equal ones have none."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from told import NANOS, START_NS, Told, scripted

from gateway.fix.timestamps import format_utc, parse_utc
from gateway.replay.compare import compare
from gateway.replay.differences import Comparison, Difference
from gateway.replay.ledger import Span, of_replay


def held(path: Path, log: Told, other: Told, *, without: tuple[int, ...] = (), span: Span | None = None) -> Comparison:
    """`log`, with lines left out, against `other`."""
    ours = of_replay(log.replayed(path / "log", without=without), "log")
    return compare(ours, of_replay(other.replayed(path / "other"), "other"), span=span)


def edited(pattern: bytes, by: bytes) -> Told:
    """The scripted day with one text in one message another."""
    told = scripted()
    lines = [re.sub(pattern, by, line) for line in told.lines]
    assert sum(new != old for new, old in zip(lines, told.lines, strict=True)) == 1, pattern
    told.lines = lines
    return told


def named(comparison: Comparison) -> list[tuple[str, str, str | None, str | None, str | None]]:
    return [(one.kind, one.what, one.order, one.exec_id, one.field) for one in comparison.differences]


def test_equal_logs_have_no_difference(tmp_path: Path) -> None:
    found = held(tmp_path, scripted(), scripted())
    assert found.equal
    assert (found.orders, found.executions, found.positions) == (3, 2, 1)


def test_a_fill_missing_in_the_log_is_named(tmp_path: Path) -> None:
    found = held(tmp_path, scripted(), scripted(), without=(3,))
    assert ("missing", "execution", "A1", "E3", None) in named(found)
    assert ("quantity", "order", "A1", None, "cum_qty") in named(found)
    assert ("state", "order", "A1", None, "state") in named(found)
    assert ("quantity", "position", None, None, "net_qty") in named(found)
    back = held(tmp_path, scripted(), shorter(3))
    assert ("extra", "execution", "A1", "E3", None) in named(back)


def test_a_fill_that_was_inferred_is_still_missing(tmp_path: Path) -> None:
    (found,) = (one for one in held(tmp_path, scripted(), scripted(), without=(2,)).differences if one.what == "execution")
    assert (found.kind, found.exec_id, found.other) == ("missing", "E2", "buy 400 at 110.25")
    assert found.detail == "400 was inferred from CumQty(14) instead"


def shorter(*without: int) -> Told:
    told = scripted()
    told.lines = [line for at, line in enumerate(told.lines) if at not in without]
    return told


def test_an_order_only_one_side_has_is_named(tmp_path: Path) -> None:
    assert named(held(tmp_path, shorter(10, 11), scripted())) == []  # beyond the end of the log: it cannot know
    assert named(held(tmp_path, shorter(4, 5, 6, 7, 8, 9), scripted())) == [("missing", "order", "B1", None, None)]
    assert named(held(tmp_path, scripted(), shorter(4, 5, 6, 7, 8, 9))) == [("extra", "order", "B1", None, None)]


@pytest.mark.parametrize(
    ("edit", "expected"),
    [
        (lambda: edited(rb"32=600\x0131=110.2", b"32=600\x0131=110.3"), ("price", "execution", "A1", "E3", "last_px")),
        (lambda: edited(rb"17=E3(.*)14=1000", rb"17=E9\g<1>14=1000"), ("exec_id", "execution", "A1", "E3", "exec_id")),
        (lambda: edited(rb"(17=E3.*60=20240102-10:0)0", rb"\g<1>1"), ("time", "execution", "A1", "E3", "venue_time_ns")),
        (lambda: edited(rb"35=D(.*11=C1.*)44=110.25", rb"35=D\g<1>44=99"), ("price", "order", "C1", None, "price")),
        (lambda: edited(rb"35=D(.*11=C1.*)38=1000", rb"35=D\g<1>38=10"), ("quantity", "order", "C1", None, "quantity")),
        (lambda: edited(rb"35=D(.*11=C1.*)54=1", rb"35=D\g<1>54=2"), ("side", "order", "C1", None, "side")),
        (lambda: edited(rb"35=D(.*11=C1.*)55=USD/JPY", rb"35=D\g<1>55=EUR/USD"), ("symbol", "order", "C1", None, "symbol")),
        (lambda: edited(rb"150=8\x0139=8", b"150=0\x0139=0"), ("state", "order", "C1", None, "state")),
        (lambda: edited(rb"32=400(.*)14=400", b"32=300\\g<1>14=300"), ("quantity", "execution", "A1", "E2", "last_qty")),
    ],
)  # fmt: skip
def test_every_kind_of_difference_is_named(
    tmp_path: Path, edit: Callable[[], Told], expected: tuple[str, str, str, str | None, str]
) -> None:
    if expected[0] == "quantity" and expected[1] == "execution":
        edit = reworded
    found = held(tmp_path, scripted(), edit())
    assert expected in named(found), named(found)
    assert not found.equal


@pytest.mark.parametrize(
    ("edit", "expected"),
    [
        (lambda: edited(rb"(17=E3.*)39=2", rb"\g<1>39=1"), ("state", "order", "A1", None, "ord_status")),
        (lambda: edited(rb"(17=E3.*)14=1000", rb"\g<1>14=999"), ("quantity", "order", "A1", None, "cum_qty")),
        (lambda: edited(rb"(17=E3.*\x01)6=[0-9.]+", rb"\g<1>6=99"), ("price", "order", "A1", None, "avg_px")),
        (lambda: edited(rb"(17=E2.*)54=1", rb"\g<1>54=2"), ("side", "execution", "A1", "E2", "side")),
        (lambda: edited(rb"(17=E2.*)55=USD/JPY", rb"\g<1>55=EUR/USD"), ("symbol", "execution", "A1", "E2", "symbol")),
    ],
)  # fmt: skip
def test_what_a_report_says_is_compared_though_it_changes_nothing(
    tmp_path: Path, edit: Callable[[], Told], expected: tuple[str, str, str, str | None, str]
) -> None:
    """The core believes the executions; that one side was told another thing is a difference all the same."""
    assert expected in named(held(tmp_path, scripted(), edit()))
    assert expected in named(held(tmp_path, edit(), scripted()))


def test_a_request_that_did_not_arrive_is_named(tmp_path: Path) -> None:
    ours, theirs = scripted(), scripted()
    for told in (ours, theirs):
        told.new("D1").report("D1", "E9", "0", "0")
        told.cancel("D2", "D1")
        told.report("D1", "E10", "3", "3")
    del theirs.lines[-2]
    found = held(tmp_path, ours, theirs)
    assert [(one.kind, one.what, one.order, one.log, one.other) for one in found.differences] == [
        ("extra", "request", "D1", "cancel D2", None)
    ]
    assert named(held(tmp_path, theirs, ours)) == [("missing", "request", "D1", None, "cl_ord_id")]


@pytest.mark.parametrize(
    ("edit", "expected"),
    [
        (lambda: edited(rb"(35=D.*11=A1.*)38=1000", rb"\g<1>38=1001"), ("quantity", "request", "A1", None, "quantity")),
        (lambda: edited(rb"(35=D.*11=A1.*)44=110.25", rb"\g<1>44=110.26"), ("price", "request", "A1", None, "price")),
        (lambda: edited(rb"(35=D.*11=A1.*)44=110.25\x01", rb"\g<1>"), ("price", "request", "A1", None, "price")),
        (lambda: edited(rb"(35=G.*11=B2.*)38=700", rb"\g<1>38=701"), ("quantity", "request", "B1", None, "quantity")),
        (lambda: edited(rb"(35=G.*11=B2.*)44=110.25", rb"\g<1>44=111"), ("price", "request", "B1", None, "price")),
        (lambda: edited(rb"(17=E4.*)150=0", rb"\g<1>150=A"), ("state", "report", "B1", None, "exec_id")),
    ],
)  # fmt: skip
def test_a_message_in_other_words_is_named(
    tmp_path: Path, edit: Callable[[], Told], expected: tuple[str, str, str, str | None, str]
) -> None:
    """What became of the order is the same, for the reports say so; what was asked or said is not."""
    found = held(tmp_path, scripted(), edit())
    assert expected in named(found), named(found)
    assert expected in named(held(tmp_path, edit(), scripted()))


def test_a_changed_request_says_what_either_side_has(tmp_path: Path) -> None:
    (found,) = held(tmp_path, scripted(), edited(rb"(35=G.*11=B2.*)38=700", rb"\g<1>38=701")).differences
    assert (f"{found.log}", f"{found.other}", found.detail) == ("700", "701", "of replace B2")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (1, ("report", "A1", None, "exec_id", "accepted E1")),
        (7, ("report", "B1", None, "exec_id", "replaced E5")),
    ],
)  # fmt: skip
def test_a_report_that_did_not_arrive_is_named(
    tmp_path: Path, line: int, expected: tuple[str, str, str | None, str, str]
) -> None:
    """An acknowledgement: what follows shows the same order on both sides."""
    found = [one for one in held(tmp_path, scripted(), scripted(), without=(line,)).differences if one.what == "report"]
    assert [(one.kind, one.what, one.order, one.exec_id, one.field, one.other) for one in found] == [("missing", *expected)]
    back = [one for one in held(tmp_path, scripted(), shorter(line)).differences if one.what == "report"]
    assert [(one.kind, one.what, one.order, one.exec_id, one.field, one.log) for one in back] == [("extra", *expected)]


def test_a_refusal_that_did_not_arrive_is_named(tmp_path: Path) -> None:
    ours, theirs = scripted(), scripted()
    for told in (ours, theirs):
        told.new("D1").report("D1", "E9", "0", "0").cancel("D2", "D1")
        told.say("SIM", "9", t37="VD", t11="D2", t41="D1", t39="0", t434="1", t102="0")
        told.cancel("D3", "D1").report("D3", "E10", "4", "4", t41="D1")
    del theirs.lines[-3]
    assert named(held(tmp_path, ours, theirs)) == [("extra", "report", "D1", None, "cl_ord_id")]
    (found,) = held(tmp_path, theirs, ours).differences
    assert (found.kind, found.what, found.other) == ("missing", "report", "cancel_rejected D2")


def test_a_report_at_the_end_of_a_log_is_not_missed(tmp_path: Path) -> None:
    """It may have been on its way: within the second at either end only one side has it, and that is no difference."""
    ours, theirs = scripted(), scripted()
    for told in (ours, theirs):
        told.new("D1").report("D1", "E9", "0", "0")
    ours.report("D1", "E10", "I", "0")
    theirs.say("SIM", "0")
    assert held(tmp_path, ours, theirs).equal
    for told in (ours, theirs):
        told.say("SIM", "0").say("SIM", "0")
    assert named(held(tmp_path, ours, theirs)) == [("extra", "report", "D1", None, "exec_id")]


def test_two_sessions_may_use_the_same_names(tmp_path: Path) -> None:
    """A broker's log has many clients, and each counts its ClOrdIDs from 1."""
    one, two = Told(ours="DESK", theirs="SIM"), Told(ours="FUND", theirs="ECN")
    for told, qty in ((one, 1000), (two, 500)):
        told.new("1", qty).fill("1", "E1", qty, qty, qty)
    both, alone = Told(), Told()
    both.lines = [line for pair in zip(one.lines, two.lines, strict=True) for line in pair]
    alone.lines = two.lines
    equal = held(tmp_path, both, both)
    assert (equal.equal, equal.orders, equal.executions) == (True, 2, 2)
    found = held(tmp_path, both, alone)
    assert [(one.kind, one.what, one.log) for one in found.differences][:2] == [
        ("extra", "order", "buy 1000 USD/JPY at 110.25, Filled, 1000 filled"),
        ("extra", "execution", "buy 1000 at 110.25"),
    ]


def reworded() -> Told:
    """E2 says another quantity, with CumQty to match."""
    told = scripted()
    told.lines[2] = told.lines[2].replace(b"32=400", b"32=300").replace(b"14=400", b"14=300").replace(b"151=600", b"151=700")
    return told


def test_times_within_the_tolerance_are_the_same(tmp_path: Path) -> None:
    later = edited(rb"(17=E3.*60=20240102-10:0)0", rb"\g<1>1")
    ours = of_replay(scripted().replayed(tmp_path / "log"), "log")
    theirs = of_replay(later.replayed(tmp_path / "other"), "other")
    assert compare(ours, theirs, tolerance_ns=61 * NANOS).equal
    (found,) = compare(ours, theirs, tolerance_ns=59 * NANOS).differences
    assert (found.kind, found.detail) == ("time", "60.000 s apart")


def test_a_busted_fill_differs_in_state(tmp_path: Path) -> None:
    busted = scripted()
    busted.report("A1", "E8", "H", "1", 400, t19="E3", t32=600, t31="110.2")
    found = held(tmp_path, told_on(scripted()), busted)
    assert ("state", "execution", "A1", "E3", "status") in named(found)


def told_on(told: Told) -> Told:
    """The same with a last message that says nothing, so that both logs end together."""
    return told.say("SIM", "0")


def test_a_drop_copy_of_executions_is_asked_for_no_more_than_it_says(tmp_path: Path) -> None:
    drop = Told(ours="DROP")
    drop.now_ns += 2 * NANOS
    drop.fill("A1", "E2", 400, 400).fill("A1", "E3", 600, 1000, price="110.2")
    drop.now_ns = scripted().now_ns - NANOS
    found = held(tmp_path, scripted(), drop.say("SIM", "0"))
    assert named(found) == []
    assert (found.executions, found.orders, found.left_out_orders) == (2, 1, 2)
    drop.lines.pop(1)
    assert ("extra", "execution", "A1", "E3", None) in named(held(tmp_path, scripted(), drop))


def test_a_span_narrows_what_must_be_there(tmp_path: Path) -> None:
    early = Span(START_NS, START_NS + NANOS)
    assert held(tmp_path, shorter(4, 5, 6, 7, 8, 9), scripted(), span=early).equal


def test_differences_say_what_each_side_says(tmp_path: Path) -> None:
    found = held(tmp_path, scripted(), edited(rb"32=600\x0131=110.2", b"32=600\x0131=110.3"))
    (price,) = (one for one in found.differences if one.what == "execution")
    assert isinstance(price, Difference)
    assert (str(price.log), str(price.other)) == ("110.2", "110.3")


def machine(told: Told, ahead_s: int) -> Told:
    """A log with times of its own, as the machine writes it whose clock is so far ahead; the venue's is 3 s ahead."""

    def later(found: re.Match[bytes]) -> bytes:
        at = parse_utc(found[2].decode())
        assert at is not None
        return found[1] + format_utc(at + 3 * NANOS, 3).encode()

    lines = []
    for line in told.lines:
        at = parse_utc(line.partition(b"\x0152=")[2].partition(b"\x01")[0].decode())
        assert at is not None
        moved = re.sub(rb"(\x01(?:52|60)=)([^\x01]+)", later, line) if b"\x0149=SIM\x01" in line else line
        lines.append(format_utc(at + ahead_s * NANOS, 3).encode() + b" " + moved)
    moved_told = Told()
    moved_told.lines = lines
    return moved_told


@pytest.mark.parametrize("ahead_s", [0, 3, -40])
def test_a_fill_near_the_end_is_missed_though_clocks_are_apart(tmp_path: Path, ahead_s: int) -> None:
    day = Told()
    for number in range(4):
        day.new(f"A{number}").report(f"A{number}", f"N{number}", "0", "0").fill(f"A{number}", f"E{number}", 1000, 1000)
    day.new("B1").report("B1", "N9", "0", "0")
    day.cancel("B2", "B1").report("B2", "N10", "4", "4", t41="B1")
    without = Told()
    without.lines = [line for line in day.lines if b"\x0117=E3\x01" not in line]
    equal = held(tmp_path, machine(day, 0), machine(day, ahead_s))
    assert equal.equal
    assert (equal.positions, equal.went_on, equal.left_out_executions) == (1, 0, 0)
    assert equal.clock_apart_ns == -ahead_s * NANOS
    there = held(tmp_path, machine(day, 0), machine(without, ahead_s))
    assert ("extra", "execution", "A3", "E3", None) in named(there)
    back = held(tmp_path, machine(without, ahead_s), machine(day, 0))
    assert ("missing", "execution", "A3", "E3", None) in named(back)


def test_a_trade_reported_again_under_another_name_is_a_difference(tmp_path: Path) -> None:
    again = scripted()
    again.lines.insert(4, again.lines[3].replace(b"\x0117=E3\x01", b"\x0117=E9\x01"))
    said = "ExecID(17)=E9 repeats a trade already counted: 600 at 110.2"
    (missing,) = held(tmp_path, scripted(), again).differences
    assert (missing.kind, missing.what, missing.order, missing.other) == ("missing", "execution", "A1", said)
    (extra,) = held(tmp_path, again, scripted()).differences
    assert (extra.kind, extra.log) == ("extra", said)
    assert held(tmp_path, again, again).equal


def test_the_ends_of_a_span_are_no_differences(tmp_path: Path) -> None:
    ours = of_replay(scripted().replayed(tmp_path / "log"), "log")
    theirs = of_replay(scripted().replayed(tmp_path / "other"), "other")
    lost = of_replay(shorter(3).replayed(tmp_path / "lost"), "lost")
    at = START_NS + 3 * NANOS  # of E3, by TransactTime
    for first in range(24):
        for last in range(first, 24):
            span = Span(START_NS + first * NANOS // 2, START_NS + last * NANOS // 2)
            assert compare(ours, theirs, span=span).equal, span
            found = named(compare(ours, lost, span=span))
            assert (("extra", "execution", "A1", "E3", None) in found) is span.holds(at), span


def test_accounts_of_different_days_are_not_equal(tmp_path: Path) -> None:
    later = scripted()
    later.lines = [
        line.replace(b"=20240102-", b"=20240103-").replace(b"=A1\x01", b"=Z1\x01").replace(b"=B", b"=Y").replace(b"=C1", b"=X1")
        for line in scripted().lines
    ]
    later.lines = [
        line.replace(b"=VA\x01", b"=VZ\x01").replace(b"=VB\x01", b"=VY\x01").replace(b"=VC\x01", b"=VX\x01")
        for line in later.lines
    ]
    assert held(tmp_path, scripted(), later).apart
    assert not held(tmp_path, scripted(), scripted()).apart


def test_a_report_that_only_came_when_sent_again_is_no_difference(tmp_path: Path) -> None:
    ours, venue = scripted(), scripted()
    ours.lines.append(ours.lines.pop(3).replace(b"\x0134=", b"\x0143=Y\x0134="))  # the fill that ended A1, after a reconnect
    again = ours.lines[1].replace(b"\x0134=", b"\x0143=Y\x0134=")  # an older one, sent again with it
    ours.lines.append(again)
    assert held(tmp_path, ours, venue).equal
    assert held(tmp_path, venue, ours).equal
