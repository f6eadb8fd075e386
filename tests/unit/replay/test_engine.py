"""A log through the decoder and the core: whichever side wrote it, however often it tells a thing, in every version."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from told import Told, replayed, scripted

from gateway.core.values import OrderState
from gateway.fix.timestamps import format_utc, parse_utc
from gateway.replay.engine import Replay


def orders(replay: Replay) -> dict[str, tuple[str, Decimal, Decimal]]:
    """First ClOrdID -> state, quantity, CumQty."""
    found = replay.state.execution
    first = {order_id: name for (_, name), order_id in reversed(list(found.cl_ord_ids.items()))}
    return {first[one.order_id]: (str(one.state), one.quantity, one.cum_qty) for one in found.orders.values()}


def fills(replay: Replay) -> list[tuple[str, Decimal, str]]:
    return [(fill.exec_id, fill.last_qty, str(fill.status)) for fill in replay.state.execution.fills.values()]


def test_requests_and_reports_make_orders_fills_and_positions(tmp_path: Path) -> None:
    replay = scripted().replayed(tmp_path / "log")
    assert orders(replay) == {
        "A1": ("Filled", Decimal(1000), Decimal(1000)),
        "B1": ("Cancelled", Decimal(700), Decimal(0)),
        "C1": ("Rejected", Decimal(1000), Decimal(0)),
    }
    assert fills(replay) == [("E2", Decimal(400), "new"), ("E3", Decimal(600), "new")]
    (position,) = replay.state.execution.positions.values()
    assert (position.venue, position.symbol, position.net_qty, position.avg_px) == ("SIM", "USD/JPY", 1000, Decimal("110.22"))
    assert replay.anomalies == []
    assert [session.name for session in replay.sessions] == ["FIX.4.4:DESK->SIM"]


def test_the_same_message_in_both_sides_logs_counts_once(tmp_path: Path) -> None:
    told = scripted()
    replay = replayed(told.write(tmp_path / "ours"), told.write(tmp_path / "theirs"))
    assert replay.totals.repeated == len(told.lines)
    assert fills(replay) == [("E2", Decimal(400), "new"), ("E3", Decimal(600), "new")]
    assert replay.anomalies == []


def test_a_file_for_each_direction_whose_clocks_differ(tmp_path: Path) -> None:
    told, slow = scripted(), scripted()
    slow.lines = [_three_seconds_slow(line) for line in slow.lines]
    requests = [at for at, line in enumerate(told.lines) if b"\x0149=DESK\x01" in line]
    reports = [at for at in range(len(told.lines)) if at not in requests]
    sent, heard = told.write(tmp_path / "sent", without=reports), slow.write(tmp_path / "heard", without=requests)
    replay = replayed(sent, heard)
    assert replay.anomalies == []
    assert orders(replay) == orders(scripted().replayed(tmp_path / "log"))
    alone = replayed(heard, tmp_path / "heard")
    assert alone.anomaly_counts["external_order"] == 3, "without the requests, nothing waits for ever"


def _three_seconds_slow(line: bytes) -> bytes:
    head, _, rest = line.partition(b"\x0152=")
    at, _, rest = rest.partition(b"\x01")
    earlier = format_utc((parse_utc(at.decode()) or 0) - 3_000_000_000, 3).encode()
    return head + b"\x0152=" + earlier + b"\x01" + rest


def test_a_resend_counts_once(tmp_path: Path) -> None:
    told = Told().new("A1").fill("A1", "E2", 400, 400).fill("A1", "E2", 400, 400, t43="Y")
    replay = told.replayed(tmp_path / "log")
    assert orders(replay)["A1"][2] == 400
    assert replay.anomalies == []


def test_a_missing_fill_is_inferred_from_the_next_and_named_as_that(tmp_path: Path) -> None:
    replay = scripted().replayed(tmp_path / "log", without=[2])
    assert orders(replay)["A1"] == ("Filled", Decimal(1000), Decimal(1000))
    assert sorted(status for _, _, status in fills(replay)) == ["inferred", "new"]
    assert replay.anomaly_counts["fill_inferred"] == 1


@pytest.mark.parametrize("version", ["FIX.4.0", "FIX.4.1", "FIX.4.2", "FIX.4.3", "FIX.4.4", "FIXT.1.1"])
def test_every_version_has_a_dialect(tmp_path: Path, version: str) -> None:
    told = Told(version).new("A1").report("A1", "E1", "0", "0", t20=0).fill("A1", "E2", 400, 400, t20=0)
    told.cancel("A2", "A1").report("A2", "E3", "4", "4", 400, t41="A1", t20=0)
    if version == "FIX.4.0":  # it has neither ExecType nor LeavesQty
        plain = [
            b"\x01".join(field for field in line.split(b"\x01") if not field.startswith((b"150=", b"151=")))
            for line in told.lines
        ]
        told.lines = [line[: line.rindex(b"10=")] + b"10=000\x01" for line in plain]
    if version >= "FIX.4.3":
        told.lines = [line.replace(b"\x0120=0", b"") for line in told.lines]
    replay = told.replayed(tmp_path / "log")
    assert orders(replay) == {"A1": ("Cancelled", Decimal(1000), Decimal(400))}
    assert fills(replay) == [("E2", Decimal(400), "new")]
    assert replay.anomalies == []


def test_a_session_reject_ends_the_order_it_refers_to(tmp_path: Path) -> None:
    told = Told().new("A1").say("SIM", "3", t45=1, t372="D", t58="no such field").new("B1")
    told.report("B1", "E1", "0", "0").cancel("B2", "B1").say("SIM", "j", t45=3, t372="F", t380=3, t58="not here")
    replay = told.replayed(tmp_path / "log")
    assert {name: state for name, (state, _, _) in orders(replay).items()} == {"A1": "Rejected", "B1": "Accepted"}
    (working,) = (one for one in replay.state.execution.orders.values() if one.state is OrderState.ACCEPTED)
    assert working.cancel_in_flight is None


def test_a_log_that_begins_in_the_middle_shows_what_it_can(tmp_path: Path) -> None:
    replay = scripted().replayed(tmp_path / "log", without=[0, 1, 2])
    assert orders(replay)["A1"] == ("Filled", Decimal(1000), Decimal(1000))
    assert replay.anomaly_counts["external_order"] == 1
    cut = scripted().replayed(tmp_path / "cut", without=[4, 5])
    assert cut.anomaly_counts["request_for_unknown_order"] == 1
    assert orders(cut)["B2"][0] == "Cancelled"


def test_a_drop_copy_has_orders_of_unknown_origin(tmp_path: Path) -> None:
    told = Told(ours="DROP").fill("A1", "E2", 400, 400).fill("A1", "E3", 600, 1000)
    replay = told.replayed(tmp_path / "log")
    (order,) = replay.state.execution.orders.values()
    assert (order.external, str(order.state), order.cum_qty) == (True, "Filled", 1000)
    assert (replay.requests, replay.only_trades) == (0, True)


def test_a_side_is_the_one_that_sends_the_orders(tmp_path: Path) -> None:
    client, street = Told(ours="FUND", theirs="BROKER").new("A1"), Told(ours="BROKER", theirs="EXCH").new("X1")
    paths = [client.write(tmp_path / "client"), street.write(tmp_path / "street")]
    assert sorted(orders(replayed(*paths))) == ["A1", "X1"]
    assert sorted(orders(replayed(*paths, side="BROKER"))) == ["X1"]


def test_a_clordid_used_again_is_noted_and_the_first_order_stays(tmp_path: Path) -> None:
    replay = Told().new("A1").new("A1", 5).replayed(tmp_path / "log")
    assert orders(replay) == {"A1": ("Submitted", Decimal(1000), Decimal(0))}
    assert [anomaly.kind for anomaly in replay.anomalies] == ["request_repeated"]


def test_names_like_ours_make_no_two_orders_one(tmp_path: Path) -> None:
    replay = Told().new("7-1").new("7").new("7-1-1").replayed(tmp_path / "log")
    assert sorted(orders(replay)) == ["7", "7-1", "7-1-1"]
