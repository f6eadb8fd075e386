"""`gateway log`: what people and programs are shown, and what no terminal may obey."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gateway.cli.main import root

HEAD = "35={}|34={}|49={}|52=20240102-10:00:{:02d}|56={}|"


def fix(kind: str, number: int, second: int, body: str, *, venue: bool = False) -> bytes:
    who = ("SIM", "DESK") if venue else ("DESK", "SIM")
    inner = (HEAD.format(kind, number, who[0], second, who[1]) + body).replace("|", "\x01").encode()
    message = b"8=FIX.4.4\x019=%d\x01" % len(inner) + inner
    return message + b"10=%03d\x01" % (sum(message) % 256)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "messages.log"
    messages = [
        (b"out", fix("A", 1, 0, "98=0|108=30|553=me|554=hunter2|95=7|96=hunter3|")),
        (b"out", fix("D", 2, 1, "11=A|21=1|55=USD/JPY|54=1|60=20240102-10:00:01|38=10|40=2|44=110.5|")),
        (
            b"in",
            fix("8", 1, 2, "37=V|11=A|17=1|150=F|39=2|55=USD/JPY|54=1|38=10|32=10|31=110.5|151=0|14=10|6=110.5|", venue=True),
        ),
        (b"in", fix("3", 2, 3, "45=9|58=\x1b[31mred\x1b[0m <b>bold</b>|", venue=True)),
        (b"in", fix("W", 3, 4, "55=USD/JPY|268=2|269=0|270=110.1|271=5|269=1|270=110.3|271=7|", venue=True)),
    ]
    lines = [b"20240102-10:00:%02d.000250 %s %s\n" % (n, way, message) for n, (way, message) in enumerate(messages)]
    path.write_bytes(b"".join(lines))
    return path


def run(*arguments: str, expect: int = 0) -> Result:
    done = CliRunner().invoke(root, ["log", *arguments])
    assert done.exit_code == expect, done.output
    assert "\x1b" not in done.output
    assert "hunter" not in done.output
    return done


def test_sniff(log: Path) -> None:
    text = run("sniff", str(log)).stdout
    assert "one message a line, LF" in text
    assert "'out' is out, 'in' is in" in text
    assert "FIX.4.4 SIM > DESK: 3" in text
    (row,) = json.loads(run("sniff", "--json", str(log)).stdout)
    assert f"{log.stat().st_size} bytes" in text
    assert row["bytes"] == log.stat().st_size
    assert (row["separator"], row["messages"], row["directions"]) == ("SOH", 5, {"in": 3, "out": 2, "unknown": 0})
    assert (row["clock"], row["clock_ahead_ns"], row["odd"], row["without"]) == ("date and time", 0, {}, {})


def test_decode_shows_names_meanings_and_groups_and_no_secrets(log: Path) -> None:
    text = run("decode", str(log)).stdout
    for shown in (
        "Password(554)",
        "***",
        "Side(54)",
        "BUY",
        "ExecutionReport(8)",
        "NoMDEntries(268)",
        "      MDEntryType(269)  0  BID",
    ):
        assert shown in text
    assert "\\x1b[31mred" in text
    rows = [json.loads(line) for line in run("decode", "--json", "--where", "35=W or 35=A", str(log)).stdout.splitlines()]
    assert [row["name"] for row in rows] == ["Logon", "MarketDataSnapshotFullRefresh"]
    assert [item["value"] for item in rows[0]["fields"] if item["tag"] in (554, 96)] == ["***", "***"]
    (group,) = [item for item in rows[1]["fields"] if item["tag"] == 268]
    assert [[item["value"] for item in entry] for entry in group["entries"]] == [["0", "110.1", "5"], ["1", "110.3", "7"]]


def test_grep(log: Path) -> None:
    (line,) = run("grep", "35=8 and 150=F and 55~^USD", str(log)).stdout.splitlines()
    assert line.startswith("20240102-10:00:02.000250 in 8=FIX.4.4|9=")
    assert "***" in run("grep", "35=A", str(log)).stdout
    assert run("grep", "--count", "55", str(log)).stdout == "3\n"
    assert json.loads(run("grep", "--count", "--json", "55", str(log)).stdout) == {"messages": 3}
    rows = [
        json.loads(row) for row in run("grep", "--json", "34>0", "--from", "2024-01-02T10:00:03", str(log)).stdout.splitlines()
    ]
    assert [(row["number"], row["direction"], row["msg_type"]) for row in rows] == [(4, "in", "3"), (5, "in", "W")]
    assert len(run("grep", "--max", "2", "34>0", str(log)).stdout.splitlines()) == 2
    assert "none of 5 messages matches" in run("grep", "35=Q", str(log), expect=3).stderr
    assert "column 10: no version of FIX" in run("grep", "35=8 and Foo=1", str(log), expect=2).stderr


@pytest.mark.parametrize(
    ("start", "count"),
    [
        ("20240102", 5),
        ("20240103", 0),
        ("20240102-10:00:02.000250", 3),
        ("2024-01-02T10:00:02.000250000Z", 3),
        ("2024-01-02T10:00:02.000250001Z", 2),  # no digit of it is lost
        ("2024-01-02 19:00:02.000250+09:00", 3),
        ("1704189602000250001", 2),
    ],
)
def test_times_are_read_to_the_nanosecond(log: Path, start: str, count: int) -> None:
    assert run("grep", "--count", "35", "--from", start, str(log)).stdout == f"{count}\n"


def test_a_word_nobody_knows_is_said(log: Path) -> None:
    assert "knows a value 'Trad'" in run("grep", "--count", "ExecType=Trad", str(log)).stderr


def test_standard_input_and_directories(log: Path) -> None:
    command = [sys.executable, "-m", "gateway", "log", "grep", "--count", "35=8", "-"]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    done = subprocess.run(command, input=log.read_bytes(), capture_output=True, env=environment, check=True, timeout=100)
    assert done.stdout == b"1\n"
    assert run("grep", "--count", "35=8", str(log.parent)).stdout == "1\n"


def test_stats_sessions_orders_latency(log: Path) -> None:
    assert "5 messages" in run("stats", str(log)).stdout
    assert {row["name"] for row in json.loads(run("stats", "--json", str(log)).stdout)["types"]} >= {"Logon", "ExecutionReport"}
    assert "FIX.4.4:DESK<->SIM" in run("sessions", str(log)).stdout
    events = [json.loads(line) for line in run("sessions", "--events", "--json", str(log)).stdout.splitlines()]
    assert [event["kind"] for event in events] == ["logon", "reject"]
    assert "\\x1b[31m" in run("sessions", "--events", str(log)).stdout
    (order,) = [json.loads(line) for line in run("orders", "--json", "--order", "V", str(log)).stdout.splitlines()]
    assert (order["order"], order["state"], order["cum_qty"], len(order["messages"])) == ("A", "filled", "10", 2)
    assert "filled" in run("orders", "--symbol", "USD/JPY", str(log)).stdout
    assert "no order B" in run("orders", "--order", "B", str(log), expect=3).stderr
    (new, *_) = json.loads(run("latency", "--json", str(log)).stdout)["requests"]
    assert (new["answered"], new["p50_ns"]) == (1, 1_000_000_000)
    assert "1000.000" in run("latency", str(log)).stdout


def test_numbers_count_within_their_file(log: Path) -> None:
    copy = log.with_name("copy")
    copy.write_bytes(log.read_bytes())
    for verb in (["grep", "35=8"], ["decode", "--where", "35=8"]):
        rows = [json.loads(line) for line in run(*verb, "--json", str(log), str(copy)).stdout.splitlines()]
        assert [row["number"] for row in rows] == [3, 3]


def test_nothing_of_a_pipe_is_lost(log: Path) -> None:
    """To put logs in order they are looked into, which a pipe allows once."""
    command = f"{sys.executable} -m gateway log orders --json <(cat {log}) <(cat {log})"
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    done = subprocess.run(["bash", "-c", command], capture_output=True, env=environment, check=True, timeout=60)
    assert json.loads(done.stdout)["requests"] == {"new": 1}


def test_a_span_that_misses_the_log_says_where_it_is(log: Path) -> None:
    for verb in ("sessions", "orders", "latency"):
        said = run(verb, "--from", "2025-01-01", str(log), expect=3).stderr
        assert "none of 5 messages is between --from and --to; they are from 2024-01-02 10:00:00.000250000 to" in said


def test_a_bar_shows_on_a_terminal_how_far_it_is_and_obeys_no_name(log: Path) -> None:
    named = log.with_name("x[") / "b]\x1b[31m.log"
    named.parent.mkdir()
    log.rename(named)
    ours, theirs = os.openpty()
    command = [sys.executable, "-m", "gateway", "log", "stats", f"{named.parent}/{named.name}"]
    done = subprocess.run(
        command, stderr=theirs, stdout=subprocess.PIPE, timeout=60, check=False, env=os.environ | {"TERM": "xterm"}
    )
    os.close(theirs)
    shown = os.read(ours, 1 << 16).decode()
    os.close(ours)
    assert done.returncode == 0, shown
    assert b"5 messages" in done.stdout
    assert "100%" in shown
    assert "x[/b]\\x1b[31m.log" in shown, "written out, and room for the bar beside it"


def test_what_is_not_there(tmp_path: Path) -> None:
    assert "no file" in run("stats", str(tmp_path / "none"), expect=3).stderr
    assert "an empty name" in run("stats", "", expect=3).stderr
    (tmp_path / "empty").write_text("")
    (tmp_path / "text").write_text("nothing\nof 8=FIX here\n")
    for verb in ("sniff", "stats", "sessions", "orders", "latency", "decode"):
        assert "no FIX message" in run(verb, str(tmp_path / "text"), str(tmp_path / "empty"), expect=3).stderr
    run("decode", "--follow", str(tmp_path / "text"), str(tmp_path / "empty"), expect=2)


@pytest.mark.timeout(60)
def test_follow_shows_what_comes_at_once(log: Path) -> None:
    command = [sys.executable, "-m", "gateway", "log", "grep", "--follow", "35=8", str(log)]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment, text=True)
    try:
        assert process.stdout is not None
        assert "|17=1|" in process.stdout.readline()
        with log.open("ab") as file:
            file.write(b"20240102-10:00:09.000 in " + fix("8", 9, 9, "37=V|11=A|17=2|150=3|39=3|", venue=True) + b"\n")
        assert "|17=2|" in process.stdout.readline()
        process.send_signal(signal.SIGINT)
        assert process.wait(100) == 130
        assert process.stderr is not None
        assert process.stderr.read() == ""
    finally:
        process.kill()
        process.communicate()


def both_sides(tmp_path: Path, ahead: int) -> tuple[Path, Path]:
    """Our log of an order with three executions, and the venue's of the same messages by a clock that is ahead."""
    said = [fix("A", 1, 0, "98=0|108=30|"), fix("A", 1, 0, "98=0|108=30|", venue=True)]
    said.append(fix("D", 2, 1, "11=ORDER-NUMBER-1|21=1|55=USD/JPY|54=1|60=20240102-10:00:01|38=3|40=2|44=110.5|"))
    for done in (1, 2, 3):
        terms = f"37=V|11=ORDER-NUMBER-1|17=E{done}|150=F|39={2 if done == 3 else 1}|55=USD/JPY|54=1|38=3|32=1|31=110.5|"
        said.append(fix("8", done + 1, done + 1, f"{terms}151={3 - done}|14={done}|6=110.33333333333|", venue=True))
    paths = tmp_path / "ours.log", tmp_path / "venue.log"
    for path, late in zip(paths, (0, ahead), strict=True):
        path.write_bytes(b"".join(b"20240102-10:00:%02d.000 %s\n" % (n + late, one) for n, one in enumerate(said)))
    return paths


@pytest.mark.parametrize("ahead", [0, 3])
def test_both_sides_logs_of_a_session_are_one(tmp_path: Path, ahead: int) -> None:
    ours, venue = map(str, both_sides(tmp_path, ahead))
    for files in ((ours, venue), (venue, ours)):
        (order,) = map(json.loads, run("orders", "--json", *files).stdout.splitlines())
        assert (order["state"], order["cum_qty"], order["fills"], order["notes"]) == ("filled", "3", 3, [])
        (session,) = json.loads(run("sessions", "--json", *files).stdout)
        assert [one["messages"] for one in session["directions"]] == [2, 4]
        assert [one["events"] for one in session["directions"]] == [{"logon": 1}, {"logon": 1}]
        assert "6 messages stand in more than one log, and count once" in run("latency", *files).stderr
    assert json.loads(run("stats", "--json", ours, venue).stdout)["messages"] == 12  # what the files hold


def test_a_table_of_orders_fits_and_says_what_does_not_fit_below(tmp_path: Path) -> None:
    path = tmp_path / "venue.log"
    path.write_bytes(b"\n".join(both_sides(tmp_path, 0)[0].read_bytes().splitlines()[3:]))
    lines = run("orders", str(path)).stdout.splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[0].split()[:2] == ["2024-01-02", "Order"]
    assert lines[2].split() == ["10:00:03.000", "ORDER-NUMBER-1", "USD/JPY", "buy", "3", "-", "filled", "3", "110.333333"]
    assert [line.rstrip() for line in lines[-1:]] == ["ORDER-NUMBER-1  no request for it in the log"]
