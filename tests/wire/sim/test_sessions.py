"""What outlives a connection, a restart and a midnight; and the faults of sessions and reports."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.errors import PreconditionFailed
from gateway.sim.ledger import read_ledger
from gateway.sim.process import VenueProcess, start_venue

INSIDE = "110.000"
FX = "USD/JPY"


@pytest.fixture
def venue(tmp_path: Path) -> Iterator[VenueProcess]:
    with start_venue(tmp_path / "venue", rate=0) as process:
        yield process


@pytest.fixture
def client(venue: VenueProcess, connect: Callable[..., Any]) -> Any:
    opened = connect(venue.port)
    opened.logon()
    return opened


def reports(client: Any) -> list[dict[int, str]]:
    return [message for message in client.received if message[35] == "8"]


def test_the_ledger_is_what_the_client_received(venue: VenueProcess, client: Any) -> None:
    client.new("A", FX, 2, 1000, INSIDE)
    client.replace("B", "A", FX, 2, 900, INSIDE)
    client.new("C", FX, 1, 300)
    client.cancel("D", "B", FX, 2)
    client.status("B", FX, 2)
    client.logout()
    received = [(r[17], r[37], r[11], r.get(41), r[150], r[39], r[14], r[151], r.get(32), r.get(31)) for r in reports(client)]
    ledger = [
        (
            line.exec_id,
            line.order_id,
            line.cl_ord_id,
            line.orig_cl_ord_id,
            line.exec_type,
            line.ord_status,
            str(line.cum_qty),
            str(line.leaves_qty),
            None if line.last_qty is None else str(line.last_qty),
            None if line.last_px is None else str(line.last_px),
        )
        for line in read_ledger(venue.ledger_path)
    ]
    assert received == ledger
    assert [line[4] for line in ledger] == ["0", "5", "0", "F", "F", "4", "I"]


def test_reports_missed_while_away_are_resent(venue: VenueProcess, client: Any, connect: Callable[..., Any]) -> None:
    client.new("A", FX, 2, 1000, INSIDE)
    seen = int(client.report(t11="A")[34])
    client.logout()
    venue.command(f"house buy {FX} 400")
    again = connect(venue.port, next_out=client.next_out)
    logon = again.logon()
    assert int(logon[34]) > seen + 2
    again.send("2", (7, seen + 1), (16, 0))
    fill = again.report(t150="F")
    assert (fill[43], fill[11], fill[32], fill[151]) == ("Y", "A", "400", "600")
    assert again.status("A", FX, 2)[14] == "400"


def test_missed_reports_survive_a_killed_venue_and_a_midnight(tmp_path: Path, connect: Callable[..., Any]) -> None:
    directory = tmp_path / "venue"
    with start_venue(directory, rate=0) as venue:
        client = connect(venue.port)
        client.logon()
        client.new("A", FX, 2, 1000, INSIDE)
        first = client.report(t11="A")
        client.close()
        while json.loads(venue.command("sessions"))["DESK"] == "up":
            pass
        venue.command(f"house buy {FX} 400")
        venue.kill()
    for session in (directory / "store").glob("*.session"):
        session.write_text("20200101-00:00:00")
    with (directory / "ledger.csv").open("a") as ledger:
        ledger.write("torn line")
    with start_venue(directory, rate=0) as venue:
        client = connect(venue.port, next_out=client.next_out)
        client.logon()
        client.send("2", (7, int(first[34]) + 1), (16, 0))
        assert client.report(t150="F")[43] == "Y"
        client.new("B", FX, 2, 1000, INSIDE)
        second = client.report(t11="B")
        lines = read_ledger(venue.ledger_path)
    assert [(line.cl_ord_id, line.exec_type) for line in lines] == [("A", "0"), ("A", "F"), ("B", "0")]
    assert len({line.exec_id for line in lines}) == 3
    assert (first[37], second[37]) == ("O1-11", "O2-11")


def test_old_market_data_is_not_resent(venue: VenueProcess, client: Any) -> None:
    types = (267, 2), (269, 0), (269, 1)
    client.send("V", (262, "R"), (263, 1), (264, 0), (265, 1), *types, (146, 1), (55, FX))
    snapshot = client.wait("W")
    client.new("A", FX, 2, 1000, "115")
    client.report(t11="A")
    client.send("2", (7, snapshot[34]), (16, 0))
    assert client.report(t43="Y")[11] == "A"
    assert client.wait("4", t34=snapshot[34])[123] == "Y"


def test_faults_of_reports(venue: VenueProcess, client: Any) -> None:
    venue.command("fault drop 1")
    client.new("A", FX, 1, 10, "100")
    client.new("B", FX, 1, 10, "100")
    client.report(t11="B")
    venue.command("fault duplicate 1")
    client.new("C", FX, 1, 10, "100")
    assert client.report(t11="C")[17] == client.report(t11="C")[17]
    venue.command("fault fill-before-ack 1")
    client.new("D", FX, 1, 10)
    assert [client.report(t11="D")[150] for _ in range(2)] == ["F", "0"]
    venue.command("fault reorder 2")
    client.new("E", FX, 1, 10)
    assert [client.report(t11="E")[150] for _ in range(2)] == ["F", "0"]
    venue.command("fault delay 1 0.2")
    client.new("F", FX, 1, 10, "100")
    client.new("G", FX, 1, 10, "100")
    last = client.report(t11="F")
    assert [r[11] for r in reports(client)[-2:]] == ["G", "F"]
    assert last[150] == "0"
    marks = [(line.cl_ord_id, line.fault) for line in read_ledger(venue.ledger_path) if line.fault]
    assert marks == [("A", "drop"), ("C", "duplicate")]
    assert not [r for r in reports(client) if r[11] == "A"]


def test_the_end_of_the_day_expires_day_orders(venue: VenueProcess, client: Any) -> None:
    client.new("A", FX, 1, 10, "100", t59=0)
    client.new("B", FX, 1, 10, "100", t59=1)
    client.report(t11="B")
    assert venue.command("end-day") == "1 report"
    assert client.report(t11="A", t150="C")[39] == "C"
    assert client.status("B", FX, 1)[39] == "0"


def test_faults_of_sessions(venue: VenueProcess, client: Any, connect: Callable[..., Any]) -> None:
    client.new("A", FX, 1, 10, "100")
    client.report(t11="A")
    venue.command("disconnect DESK")
    client.wait_closed()
    venue.command("refuse-logon on")
    logouts: list[Any] = []
    deadline = time.monotonic() + 100
    while not logouts and time.monotonic() < deadline:
        # The engine drops a connection without a word while it still holds the one before: then it is tried again.
        refused = connect(venue.port, next_out=client.next_out)
        refused.send("A", (98, 0), (108, 30))
        refused.wait_closed()
        logouts = [m for m in refused.received if m[35] == "5"]
    assert "refused" in logouts[0][58]
    venue.command("refuse-logon off")
    venue.command("gap-fill-resends on")
    venue.command("jump-sequence DESK 5")
    again = connect(venue.port, next_out=refused.next_out)
    jumped = again.logon()
    again.send("2", (7, 2), (16, 0))
    assert again.wait("4", t34="2")[123] == "Y"
    assert int(jumped[34]) >= 8


def test_a_resend_request_can_stay_unanswered(venue: VenueProcess, client: Any) -> None:
    client.new("A", FX, 1, 10, "100")
    placed = client.report(t11="A")
    venue.command("silent-resends on")
    client.send("2", (7, 1), (16, 0))
    client.settle()
    fresh = [message for message in client.received if message.get(43) != "Y"]
    assert {m[35] for m in client.received if m not in fresh} == {"0"}
    assert [m[35] for m in fresh] == ["A", "8", "0"]
    venue.command("silent-resends off")
    client.send("2", (7, placed[34]), (16, 0))
    assert client.report(t43="Y")[11] == "A"


def test_a_client_of_another_name_is_not_let_in(venue: VenueProcess, connect: Callable[..., Any]) -> None:
    stranger = connect(venue.port, "STRANGER")
    stranger.send("A", (98, 0), (108, 30))
    stranger.wait_closed()
    assert not stranger.received


def test_a_port_or_directory_in_use_is_said_in_one_line(venue: VenueProcess, tmp_path: Path) -> None:
    with pytest.raises(PreconditionFailed, match=rf"exit code 6: venue-sim: port {venue.port}: Address already in use"):
        start_venue(tmp_path / "other", port=venue.port)
    with pytest.raises(PreconditionFailed, match=r"exit code 6: .*another venue is running here"):
        start_venue(venue.directory)


def test_it_stops_cleanly_and_says_so(tmp_path: Path) -> None:
    process = start_venue(tmp_path / "venue", rate=0)
    assert process.stop() == 0
    assert process.log_path.read_text().strip().endswith(f"stopped: 0 orders, 0 reports, {process.ledger_path}")
