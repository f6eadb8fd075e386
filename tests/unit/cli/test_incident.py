"""`gateway incident` and `gateway replay` over a real journal and real records."""

from __future__ import annotations

import sqlite3
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from gateway.core.events import (
    Accepted,
    BookSnapshot,
    Cancelled,
    FillBusted,
    KillEngaged,
    Level,
)
from gateway.fix.timestamps import format_utc
from gateway.incident import find

from .conftest import CONFIGURATION, SESSION, START_NS, Cli, Desk

EVIL = '<script>alert("x")</script><img src=http://a.example/x onerror=alert(1)>\u202e\x1b[31m'


def book(desk: Desk, bid: str, ask: str) -> None:
    levels = {"bids": (Level(Decimal(bid), Decimal(300)),), "asks": (Level(Decimal(ask), Decimal(200)),)}
    desk.feed(BookSnapshot(venue="SIM", symbol="USD/JPY", received_ns=START_NS, **levels))


@pytest.fixture
def reviewed(desk: Desk) -> Desk:
    """A book, then the orders of `traded`, then a kill."""
    desk.opens()
    book(desk, "150.100", "150.130")
    desk.fills(desk.order("1000", "r1"))
    book(desk, "150.110", "150.140")
    desk.order("900000", "r2")
    desk.order("10", "r3")
    desk.order("10", "r4")
    desk.feed(Accepted(venue="SIM", session=SESSION, cl_ord_id="nobody", msg_seq_num=9, text=EVIL))
    desk.feed(KillEngaged(actor="bob(1001)", reason=EVIL, request_id="k1", scope="all"))
    desk.records()
    return desk


def entries(found: Any, **wanted: Any) -> list[Any]:
    return [one for one in found["entries"] if all(one[name] == value for name, value in wanted.items())]


def test_an_order_tells_what_was_seen_decided_sent_and_answered(cli: Cli, reviewed: Desk) -> None:
    found = cli.json("incident", "--order", "7-1")
    (requested,) = entries(found, kind="order_requested")
    dispatched, cancelled = entries(found, kind="dispatched")
    assert cancelled["title"].startswith("CANCEL dispatched")
    assert dispatched["cause"] == requested["seq"]
    assert dispatched["title"] == "NEW dispatched: buy 1000 USD/JPY limit 150.125 day"
    assert (dispatched["book"]["bids"], dispatched["book"]["asks"]) == ([["150.100", "300"]], [["150.130", "200"]])
    assert dispatched["after"] == {
        "order_id": "7-1", "state": "Submitted", "cum_qty": "0", "leaves_qty": "1000", "in_doubt": None,
    }  # fmt: skip
    (sent,) = entries(found, kind="transmitted")
    assert (sent["wire"]["outgoing"], sent["wire"]["msg_seq_num"], sent["wire"]["what"]) == (True, 3, "NewOrderSingle(D)")
    (filled,) = entries(found, kind="filled")
    assert (filled["wire"]["outgoing"], filled["wire"]["msg_seq_num"]) == (False, 5)
    assert (filled["after"]["state"], filled["after"]["cum_qty"], filled["after"]["leaves_qty"]) == (
        "PartiallyFilled",
        "400",
        "600",
    )
    (lane,) = found["orders"]
    assert [stage["state"] for stage in lane["stages"]] == ["Submitted", "Accepted", "PartiallyFilled"]
    assert [(one["last_qty"], one["last_px"], one["status"]) for one in lane["executions"]] == [("400", "150.12", "new")]
    assert {one["order_id"] for one in found["entries"]} <= {None, "7-1"}, "another order's events are not this one's"
    assert entries(found, kind="kill_engaged"), "what operators did meanwhile belongs to it"


def test_a_denied_order_shows_the_numbers_of_the_limit(cli: Cli, reviewed: Desk) -> None:
    found = cli.json("incident", "--order", "7-2")
    (denied,) = entries(found, kind="denied")
    assert denied["title"] == "NEW denied: max_order_quantity"
    assert "900000" in denied["detail"]
    assert "5000" in denied["detail"]
    assert found["orders"] == []


def test_a_queued_order_shows_what_it_waits_for(cli: Cli, reviewed: Desk) -> None:
    (queued,) = entries(cli.json("incident", "--order", "7-4"), kind="queued")
    assert queued["lane"] == "queue"
    assert queued["title"].startswith("NEW approved, waits: ")


def test_an_order_is_found_by_its_cl_ord_id_and_without_records(cli: Cli, reviewed: Desk) -> None:
    by_order = cli.json("incident", "--order", "7-1")
    name = entries(by_order, kind="dispatched")[0]["detail"].split("ClOrdID ")[1].split(";")[0]
    assert cli.json("incident", "--order", name) == by_order
    for path in cli.state.glob("records.db*"):
        path.unlink()
    result = cli("incident", "--order", "7-1", "--json")
    assert "going through the journal instead" in result.stderr
    assert cli.json("incident", "--order", "7-1") == by_order


def test_records_of_a_live_gateway_are_a_little_behind(cli: Cli, reviewed: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """What they lack is looked at, and not the whole journal; records of another journal are not believed."""
    reviewed.feed(Cancelled(venue="SIM", session=SESSION, cl_ord_id="A-7-1-1", venue_order_id="V1", msg_seq_num=10))
    walked = find._from_journal
    monkeypatch.delattr(find, "_from_journal")
    found = cli.json("incident", "--order", "7-1")
    assert entries(found, kind="cancelled")[0]["after"]["state"] == "Cancelled"
    with sqlite3.connect(cli.state / "records.db") as database:
        database.execute("UPDATE checkpoint SET hash = x'00'")
        database.execute("UPDATE decisions SET trigger_seq = 1")
    database.close()
    assert isinstance(cli("incident", "--order", "7-1").exception, NameError), "it wants the journal"
    monkeypatch.setattr(find, "_from_journal", walked, raising=False)
    assert cli.json("incident", "--order", "7-1") == found


def test_corrections_and_doubts_show_in_the_lane(cli: Cli, reviewed: Desk) -> None:
    heard: dict[str, Any] = {"venue": "SIM", "session": SESSION, "cl_ord_id": "A-7-1-1", "venue_order_id": "V1"}
    reviewed.feed(FillBusted(**heard, msg_seq_num=10, exec_id="B1", exec_ref_id="E" + "9" * 60, trade_date="20231114"))
    found = cli.json("incident", "--order", "7-1")
    (lane,) = found["orders"]
    assert [one["status"] for one in lane["executions"]] == ["busted"]
    (filled,) = entries(found, kind="filled")
    assert [one["at_ns"] for one in lane["executions"]] == [filled["at_ns"]], "it was made when it was made"
    assert lane["stages"][-1]["cum_qty"] == "0"


def test_a_window_holds_everything_but_idle_market_data(cli: Cli, reviewed: Desk) -> None:
    found = cli.json("incident", "--from", "2023-11-14T00:00:00Z", "--to", "2023-11-15T00:00:00Z")
    assert found["market_events"] == 2
    assert not entries(found, kind="book_snapshot"), "nobody acted on a book here"
    assert {lane["order_id"] for lane in found["orders"]} == {"7-1", "7-3"}
    assert [(one["bid"], one["ask"]) for one in found["quotes"]["SIM USD/JPY"]] == [
        ("150.100", "150.130"),
        ("150.110", "150.140"),
    ]
    assert any(one["anomalies"] for one in found["entries"])
    seqs = [one["seq"] for one in found["entries"]]
    assert seqs == sorted(set(seqs))
    one = START_NS + 4 * 1_000_000
    assert [e["kind"] for e in cli.json("incident", "--from", str(one), "--to", str(one + 1))["entries"]] == []


def test_the_text_of_messages_comes_from_the_fix_log(cli: Cli, reviewed: Desk) -> None:
    log = cli.state / "fix" / "SIM" / "messages.log"
    log.parent.mkdir(parents=True)
    sent_at = START_NS + 6_000_000
    lines = [
        (sent_at - 50_000_000_000, "out", "8=FIX.4.4|35=D|34=3|11=long before|10=000|"),
        (sent_at, "out", f"8=FIX.4.4|35=D|34=3|554=hunter2|58={EVIL}|10=000|"),
        (sent_at, "in", "8=FIX.4.4|35=0|34=3|10=000|"),
        (sent_at, "event", "34=3 is no message"),
    ]
    text = "".join(f"{format_utc(at, 6)} {way} {said}\n" for at, way, said in lines)
    log.write_text(text.replace("|", "\x01"))
    (sent,) = entries(cli.json("incident", "--order", "7-1"), kind="transmitted")
    assert "58=<script>" in sent["wire"]["text"]
    assert "hunter2" not in sent["wire"]["text"]


def test_texts_are_found_by_the_clock_of_the_log_and_what_it_lacks_is_said(cli: Cli, desk: Desk) -> None:
    """The wall's clock was set back by an hour: stream time goes on, the FIX log does not."""
    desk.opens()
    desk.wall_behind_ns = 3_600_000_000_000
    desk.fills(desk.order("1000", "r1"))
    (sent,) = entries(cli.json("incident", "--order", "7-1"), kind="transmitted")
    text = "8=FIX.4.4|35=D|34=3|11=A7-1|10=000|"
    log = cli.state / "fix" / "SIM" / "messages.log"
    log.parent.mkdir(parents=True)
    log.write_text(f"{format_utc(sent['wall_ns'], 6)} out {text}\n".replace("|", "\x01"))
    found = cli.json("incident", "--order", "7-1")
    assert [one["wire"]["text"] for one in found["entries"] if one["wire"]] == [text, "", ""]
    assert found["notes"] == ["2 messages of SIM are shown without their text: messages.log does not have them"]


class Tags(HTMLParser):
    """What a browser would take for markup."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))


def test_the_page_is_whole_and_hostile_text_stays_text(cli: Cli, reviewed: Desk, tmp_path: Path) -> None:
    target = tmp_path / "page.html"
    result = cli("incident", "--from", "2023-11-14T00:00:00Z", "--to", "2023-11-15T00:00:00Z", "--html", str(target))
    assert result.exit_code == 0, result.output
    text = target.read_text("utf-8")
    assert "&lt;script&gt;" in text
    assert "\u202e" not in text
    assert "\x1b" not in text
    parser = Tags()
    parser.feed(text)
    assert [tag for tag, _ in parser.seen].count("script") == 1, "the page's own"
    assert not any(tag in ("img", "link", "iframe", "object", "base", "form") for tag, _ in parser.seen)
    names = {name for _, attributes in parser.seen for name in attributes}
    assert not {name for name in names if name.startswith("on") or name in ("src", "href", "action", "style")}
    policy = next(a["content"] for tag, a in parser.seen if tag == "meta" and a.get("http-equiv") == "Content-Security-Policy")
    assert policy is not None
    assert policy.startswith("default-src 'none'")


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ([], 2, "--order ID, or --from"),
        (["--order", "7-1", "--from", "1"], 2, "--order ID, or --from"),
        (["--from", "1"], 2, "two ends"),
        (["--from", "2", "--to", "1"], 2, "not after"),
        (["--from", "1", "--to", "2"], 3, "the journal goes from 2023-11-14"),
        (["--order", "9-9"], 3, "no order 9-9"),
        (["--from", "noon", "--to", "2"], 2, "ISO 8601"),
        (["--order", "7-1", "--html", "/nowhere/page.html"], 6, "directory"),
        (["--order", "7-1", "--html", "-", "--json"], 2, "both write to stdout"),
    ],
)
def test_what_cannot_be_reviewed_says_why(cli: Cli, reviewed: Desk, arguments: list[str], code: int, words: str) -> None:
    result = cli("incident", *arguments)
    assert result.exit_code == code, result.output
    assert words in result.stderr


def test_the_page_goes_to_stdout_when_asked(cli: Cli, reviewed: Desk, tmp_path: Path) -> None:
    target = tmp_path / "page.html"
    assert cli("incident", "--order", "7-1", "--html", str(target)).exit_code == 0
    assert cli("incident", "--order", "7-1", "--html", "-").stdout == target.read_text("utf-8")


@pytest.mark.parametrize("subject", [["--order", "7-1"], ["--from", "2023-11-14T00:00:00Z", "--to", "2023-11-15T00:00:00Z"]])
def test_the_terminal_shows_it_in_eighty_columns(cli: Cli, reviewed: Desk, subject: list[str]) -> None:
    result = cli("incident", *subject)
    assert result.exit_code == 0, result.output
    assert max(map(len, result.stdout.splitlines())) <= 80
    assert "\x1b" not in result.stdout
    assert "\u202e" not in result.stdout
    assert "slowest steps" in result.stdout


def test_the_state_at_a_position_is_the_one_that_was_recorded(cli: Cli, reviewed: Desk) -> None:
    early = cli.json("replay", "--until", "4")
    assert (early["seq"], early["execution"]["orders"]) == (4, [])
    assert early["control"]["sessions"][0]["value"]["state"] == "settled"
    last = cli.json("replay", "--until", str(reviewed.core.state.seq))
    assert last["digest"] == last["recorded_digest"] == reviewed.core.state.digest()
    assert {one["key"] for one in last["execution"]["orders"]} == {"7-1", "7-3"}
    assert last["control"]["killed"][0]["key"] == "all"


def test_a_digest_that_differs_is_said(cli: Cli, reviewed: Desk) -> None:
    with sqlite3.connect(reviewed.path) as database:
        database.execute("UPDATE event SET digest = ? WHERE seq = 4", ("0" * 32,))
    database.close()
    result = cli("replay", "--until", "4")
    assert result.exit_code == 0, result.output
    assert f"recorded at event 4 is {'0' * 32}" in result.stderr


def test_open_only_leaves_out_what_ended(cli: Cli, reviewed: Desk) -> None:
    heard: dict[str, Any] = {"venue": "SIM", "session": SESSION, "cl_ord_id": "A-7-1-1", "venue_order_id": "V1"}
    reviewed.feed(Cancelled(**heard, msg_seq_num=10, ord_status="4"))
    head = str(reviewed.core.state.seq)
    everything, still_open = cli.json("replay", "--until", head), cli.json("replay", "--until", head, "--open-only")
    assert {one["key"] for one in everything["execution"]["orders"]} == {"7-1", "7-3"}
    assert {one["key"] for one in still_open["execution"]["orders"]} == {"7-3"}
    assert (len(everything["execution"]["fills"]), still_open["execution"]["fills"]) == (1, [])


@pytest.mark.parametrize("arguments", [[], ["--until", "1", "--with-config", "gateway.toml"], ["--until", "-1"]])
def test_replay_wants_one_question(cli: Cli, reviewed: Desk, arguments: list[str]) -> None:
    arguments = [str(cli.config) if one == "gateway.toml" else one for one in arguments]
    assert cli("replay", *arguments).exit_code == 2


def test_a_position_that_is_not_there(cli: Cli, reviewed: Desk) -> None:
    result = cli("replay", "--until", "100000")
    assert result.exit_code == 3
    assert f"the journal holds 1 to {reviewed.core.state.seq}" in result.stderr


def other_limits(cli: Cli, text: str) -> str:
    path = cli.directory / "other.toml"
    path.write_text(CONFIGURATION + text)
    return str(path)


def test_the_same_limits_decide_the_same(cli: Cli, reviewed: Desk) -> None:
    found = cli.json("replay", "--with-config", other_limits(cli, '[risk]\nmax_order_quantity = "5000"\n'))
    assert found["changed"] == []
    assert found["decisions"] == 4


def test_other_limits_name_the_decisions_they_change(cli: Cli, reviewed: Desk) -> None:
    tighter = cli.json("replay", "--with-config", other_limits(cli, '[risk]\nmax_order_quantity = "100"\n'))
    assert [(one["order_id"], one["recorded"], one["other"]) for one in tighter["changed"]] == [
        ("7-1", "allowed", "max_order_quantity")
    ]
    assert (tighter["denied_now"], tighter["allowed_now"]) == (1, 0)
    looser = cli.json(
        "replay", "--with-config", other_limits(cli, '[risk]\nmax_order_quantity = "1000000"\nmax_order_value = "1000000000"\n')
    )
    assert [(one["order_id"], one["recorded"], one["other"]) for one in looser["changed"]] == [
        ("7-2", "max_order_quantity", "allowed")
    ]


def test_counts_are_kept_as_the_other_limits_ask_for_them(cli: Cli, reviewed: Desk) -> None:
    """No duplicates were denied then, so nothing was remembered for it; the other limits remember."""
    found = cli.json("replay", "--with-config", other_limits(cli, "[risk]\nduplicate_order_seconds = 60\n"))
    assert ("7-4", "duplicate_order") in [(one["order_id"], one["other"]) for one in found["changed"]]


def test_a_broken_configuration_is_named_with_its_line(cli: Cli, reviewed: Desk) -> None:
    result = cli("replay", "--with-config", other_limits(cli, "[risk]\nmax_order_quantiti = 1\n"))
    assert result.exit_code == 6
    assert "other.toml:" in result.stderr
    assert "max_order_quantiti" in result.stderr
