"""What a log says about sessions, orders and latencies; and a log that grows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from threading import Event as Flag

import pytest
from fixlog_layouts import fix, head, layouts, session

from gateway.fixlogs.latency import Latencies, percentile
from gateway.fixlogs.orders import Order, Orders
from gateway.fixlogs.reader import Log, LogMessage
from gateway.fixlogs.sessions import KINDS, Event, Sessions
from gateway.fixlogs.sources import Source

Read = Callable[..., list[LogMessage]]
VENUE = ("SIM", "DESK")


def events(read: Read, *bodies: str) -> list[tuple[str, str, str]]:
    told: list[Event] = []
    followed = Sessions(told.append)
    for message in read(b"".join(map(fix, bodies))):
        followed.add(message)
    assert {event.kind for event in told} <= set(KINDS)
    return [(event.kind, event.sender, event.detail) for event in told]


def test_a_quiet_session_has_a_beginning_and_an_end(read: Read) -> None:
    followed = Sessions()
    for message in read(b"".join(session())):
        followed.add(message)
    (row,) = followed.result()
    assert (row["session"], row["heartbeat_seconds"]) == ("FIX.4.4:DESK<->SIM", 30)
    ours, theirs = row["directions"]
    assert (ours["sender"], ours["messages"], ours["lowest_seq_num"], ours["highest_seq_num"]) == ("DESK", 4, 1, 4)
    assert ours["events"] == {"logon": 1, "logout": 1}
    assert (theirs["sender"], theirs["messages"], theirs["events"]) == ("SIM", 6, {"logon": 1})


@pytest.mark.parametrize(
    ("bodies", "found"),
    [
        ([head("0", 1, 0), head("0", 4, 1)], [("gap", "DESK", "2 to 3 missing")]),
        ([head("0", 5, 0), head("0", 3, 1)], [("low", "DESK", "expected 6")]),
        ([head("0", 5, 0), head("0", 3, 1) + "43=Y|"], []),
        ([head("0", 5, 0), head("0", 5, 0)], [("repeated", "DESK", "")]),
        ([head("0", 5, 0), head("A", 1, 1) + "141=Y|108=30|", head("0", 2, 2)],
         [("reset", "DESK", "expected 6"), ("logon", "DESK", "heartbeat 30 s")]),
        ([head("A", 1, 0), head("A", 1, 1, *VENUE), head("0", 2, 4), head("A", 3, 9), head("A", 2, 9, *VENUE)],
         [("logon", "DESK", "heartbeat ? s"), ("logon", "SIM", "heartbeat ? s"),
          ("lost", "DESK", "last message 5.000 s before"),
          ("logon", "DESK", "heartbeat ? s"), ("logon", "SIM", "heartbeat ? s")]),
        ([head("A", 1, 0), head("A", 1, 1, *VENUE), head("5", 2, 4, *VENUE), head("A", 2, 9)],
         [("logon", "DESK", "heartbeat ? s"), ("logon", "SIM", "heartbeat ? s"),
          ("logout", "SIM", ""), ("logon", "DESK", "heartbeat ? s")]),
        ([head("0", 2, 0), head("2", 3, 1) + "7=5|16=0|"], [("resend_request", "DESK", "5 to the end")]),
        ([head("0", 2, 0), head("4", 3, 1) + "43=Y|123=Y|36=9|", head("0", 9, 2)], [("gap_fill", "DESK", "next is 9")]),
        ([head("0", 2, 0), head("4", 3, 1) + "36=20|", head("0", 20, 2)], [("sequence_reset", "DESK", "next is 20")]),
        ([head("3", 1, 0) + "45=7|372=D|58=bad tag|"], [("reject", "DESK", "of 7 D bad tag")]),
        ([head("j", 1, 0) + "45=8|58=no|"], [("business_reject", "DESK", "of 8 no")]),
        ([head("A", 1, 0) + "108=2|", head("0", 2, 2), head("0", 3, 9)],
         [("logon", "DESK", "heartbeat 2 s"), ("silence", "DESK", "7.000 s")]),
        ([head("A", 1, 0) + "108=2|", head("1", 2, 1) + "112=T|", head("0", 1, 9, *VENUE) + "112=T|"],
         [("logon", "DESK", "heartbeat 2 s"), ("test_request", "DESK", "T"), ("late_answer", "SIM", "8.000 s")]),
    ],
)  # fmt: skip
def test_what_happens_in_a_session(read: Read, bodies: list[str], found: list[tuple[str, str, str]]) -> None:
    assert events(read, *bodies) == found


def orders(read: Read, data: bytes, *, held: int = 50_000, history: bool = False) -> list[Order]:
    done: list[Order] = []
    followed = Orders(done.append, held=held, history=history)
    for message in read(data):
        followed.add(message)
    followed.finish()
    return done


@pytest.mark.parametrize("name", layouts())
def test_an_order_over_its_chain(read: Read, name: str) -> None:
    (order,) = orders(read, layouts()[name], history=True)
    row = order.row()
    assert (row["state"], row["cum_qty"], row["fills"], row["avg_px"]) == ("filled", Decimal(1000), 2, "110.22")
    assert (row["chain"], row["requests"], row["refused"]) == (["A-1", "A-2"], {"new": 1, "cancel": 1}, 1)
    assert row["notes"] == ["cancel A-2 was sent after the order had ended"]
    assert [line["msg_type"] for line in order.history] == ["D", "8", "8", "8", "F", "9"]


def report(number: int, rest: str, order: str = "A") -> str:
    return head("8", number, number, *VENUE) + f"37=V{order}|11={order}|55=X|54=1|38=10|" + rest


NEW = head("D", 1, 0) + "11=A|55=X|54=1|38=10|40=1|"


@pytest.mark.parametrize(
    ("bodies", "state", "notes"),
    [
        ([NEW], "unanswered", []),
        ([NEW, report(1, "17=1|150=0|39=0|14=0|")], "new", []),
        ([NEW, report(1, "17=1|150=F|39=1|32=4|14=5|")], "partially filled", ["CumQty(14) is 5, its executions add up to 4"]),
        ([NEW, report(1, "17=1|150=F|39=1|32=4|14=4|"), report(2, "17=1|150=F|39=1|32=4|14=4|")], "partially filled",
         ["ExecID(17) 1 came twice"]),
        ([NEW, report(1, "17=1|150=F|39=1|32=4|14=4|"), report(2, "43=Y|17=1|150=F|39=1|32=4|14=4|")], "partially filled", []),
        ([NEW, report(1, "17=1|150=4|39=4|14=0|"), report(2, "17=2|150=F|39=4|32=4|14=4|")], "cancelled",
         ["an execution after the order had ended: 4"]),
        ([NEW, report(1, "17=1|150=F|39=1|32=4|14=4|"), report(2, "17=2|19=1|20=1|150=H|39=0|14=0|")], "new",
         ["execution 1 was busted"]),
        ([report(1, "17=1|150=0|39=0|14=0|")], "new", ["no request for it in the log"]),
        ([NEW, head("3", 1, 1, *VENUE) + "45=1|58=no|"], "refused", ["new A was refused by a Reject(3): no"]),
        ([NEW, head("j", 1, 1, *VENUE) + "45=99|379=A|58=shut|"], "refused",
         ["request A was refused by a BusinessMessageReject(j): shut"]),
        ([NEW, report(1, "17=1|20=0|39=1|32=4|14=4|"), report(2, "17=2|20=0|39=2|32=6|14=10|")], "filled", []),  # FIX 4.0
        ([NEW, report(1, "17=1|150=0|39=0|14=0|"), head("G", 2, 2) + "11=B|41=A|"], "new", ["replace B was not answered"]),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_noted(read: Read, bodies: list[str], state: str, notes: list[str]) -> None:
    (order,) = orders(read, b"".join(map(fix, bodies)))
    assert (order.row()["state"], order.row()["notes"]) == (state, notes)


def test_a_day_that_is_sent_again_changes_nothing(read: Read) -> None:
    reports = ["17=1|150=0|39=0|14=0|6=0|", "17=2|150=F|39=1|32=4|14=4|6=9|", "17=3|150=F|39=2|32=6|14=10|6=8|"]
    day = [report(number, rest) for number, rest in enumerate(reports, 1)]
    again = [report(number, f"43=Y|{rest}") for number, rest in enumerate(reports, 1)]
    once, twice = (orders(read, b"".join(map(fix, bodies)))[0].row() for bodies in ([NEW, *day], [NEW, *day, *again]))
    assert (twice["cum_qty"], twice["avg_px"], twice["fills"], twice["notes"]) == (Decimal(10), "8", 2, [])
    assert {**twice, "last_ns": 0} == {**once, "last_ns": 0}


def test_a_replace_changes_the_terms_once_it_is_accepted(read: Read) -> None:
    bodies = [
        NEW,
        report(1, "17=1|150=0|39=0|14=0|44=9|"),
        head("G", 2, 2) + "11=B|41=A|38=20|44=8|",
        head("8", 3, 3, *VENUE) + "37=VA|11=B|41=A|55=X|54=1|38=20|44=8|17=2|150=5|39=0|14=0|",
    ]
    before, after = (orders(read, b"".join(map(fix, part)))[0].row() for part in (bodies[:3], bodies))
    assert (before["quantity"], after["quantity"], after["price"], after["chain"]) == ("10", "20", "8", ["A", "B"])


def test_finished_orders_are_handed_out_and_forgotten(read: Read) -> None:
    done: list[Order] = []
    followed = Orders(done.append, held=10)
    bodies = b"".join(
        fix(head("D", n, 0) + f"11=O{n}|55=X|54=1|38=10|40=1|") + fix(report(n, "17=1|150=F|39=2|32=10|31=1|14=10|", f"O{n}"))
        for n in range(1, 201)
    )
    for message in read(bodies):
        followed.add(message)
        assert len(followed._orders) <= 11
    followed.finish()
    assert [order.name for order in done] == [f"O{n}" for n in range(1, 201)]
    assert {order.row()["state"] for order in done} == {"filled"}


def test_latency_is_by_the_clock_of_the_log(read: Read) -> None:
    measured = Latencies(worst=1)
    for message in read(layouts()["quickfix-go"]):
        measured.add(message)
    result = measured.result()
    assert result["clocks"] == {"log": 2}
    new, _, cancel = result["requests"]
    assert (new["requests"], new["answered"], new["p50_ns"], new["max_ns"]) == (1, 1, 10**9, 10**9)
    assert (cancel["answered"], cancel["unanswered"]) == (1, 0)
    assert [(row["cl_ord_id"], row["latency_ns"]) for row in result["worst"]] == [("A-1", 10**9)]


def test_latency_ends_with_a_refusal_and_never_beyond_the_longest(read: Read) -> None:
    bodies = [
        NEW,
        head("D", 2, 1) + "11=B|55=X|54=1|38=10|40=1|",
        head("j", 1, 2, *VENUE) + "45=1|",
        head("3", 2, 4, *VENUE) + "45=2|",
    ]
    measured = Latencies()
    for message in read(b"".join(map(fix, bodies)).replace(b"10:00:04.000", b"10:00:04.256")):
        measured.add(message)
    new = measured.result()["requests"][0]
    assert (new["requests"], new["answered"], new["unanswered"]) == (2, 2, 0)
    assert (new["min_ns"], new["p50_ns"], new["p99_ns"], new["max_ns"]) == (2 * 10**9, 2 * 10**9, 3_256 * 10**6, 3_256 * 10**6)


def test_percentiles_are_the_nearest_rank() -> None:
    counts = Counter(dict.fromkeys(range(1, 101), 1))
    assert [percentile(counts, share) for share in (50, 90, 99, 99.9)] == [50, 90, 99, 100]
    assert percentile(Counter(), 50) is None


@pytest.mark.timeout(60)
def test_a_growing_log(tmp_path: Path) -> None:
    """Messages come as they are whole; a log that was replaced is read from its beginning."""
    path = tmp_path / "log"
    first, second, third = session()[:3]
    path.write_bytes(first + second[:30])
    stop = Flag()
    log = Log(Source(str(path)))
    messages = log.growing(stop)
    assert next(messages).body == first
    with path.open("ab") as file:
        file.write(second[30:] + b"\n")
    assert next(messages).body == second
    other = tmp_path / "other"
    other.write_bytes(third)
    other.replace(path)
    assert next(messages).body == third
    with path.open("ab") as file:
        file.write(first)  # the last of a log that is rotated away
    path.rename(tmp_path / "log.1")
    path.write_bytes(second)
    assert [next(messages).body, next(messages).body] == [first, second]
    stop.set()
    assert list(messages) == []
