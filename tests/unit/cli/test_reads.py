"""Reading the records: while the gateway is down, while it runs ahead, and whatever the venue wrote into them."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import Engine, event

from gateway.cli import output
from gateway.cli.book import summed
from gateway.core.events import CancelRequested, KillEngaged
from gateway.records.queries import came_of, view_rows
from gateway.records.store import RecordStore

LISTS = ["order", "fill", "position", "decision", "anomaly", "audit", "session"]


def narrow(text: str) -> bool:
    return all(len(line) <= 80 for line in text.splitlines())


@pytest.mark.parametrize("noun", LISTS)
def test_every_list_is_readable_without_a_gateway(cli: Any, traded: Any, noun: str) -> None:
    rows = cli.json(noun, "list")
    assert rows
    assert all("venue" in row or "actor" in row for row in rows)
    table = cli(noun, "list")
    assert table.exit_code == 0
    assert table.stdout.strip()
    assert narrow(table.stdout), table.stdout


def test_what_a_venue_writes_is_shown_and_not_obeyed(cli: Any, traded: Any) -> None:
    shown = cli("order", "history", "7-1").stdout + cli("anomaly", "list").stdout
    row = next(row for row in cli.json("order", "history", "7-1") if row["event"] == "accepted")
    assert "\x1b" not in shown
    assert "\u202e" not in shown
    assert "\x01" not in shown
    assert r"\x1b" in shown
    assert "bold" in shown, "markup is text"
    assert output.cell(row["text"]) == r"\x1b[31mred\x1b[0m\n[bold]not markup[/bold]|end\u202e"


def test_long_values_are_folded_and_not_lost(cli: Any, traded: Any) -> None:
    shown = cli("fill", "list").stdout
    assert narrow(shown)
    assert shown.count("9") >= 60


def test_json_holds_every_column_and_exact_decimals(cli: Any, traded: Any) -> None:
    (order,) = cli.json("order", "list", "--state", "PartiallyFilled")
    assert order["order_id"] == "7-1"
    assert order["price"] == "150.125"
    assert order["cum_qty"] == "400"
    assert isinstance(order["created_ns"], int)
    assert order["in_doubt"] is False


def test_filters_narrow_the_list(cli: Any, traded: Any) -> None:
    assert [row["order_id"] for row in cli.json("order", "list", "--open")] == ["7-3", "7-1"]
    assert cli.json("order", "list", "--in-doubt") == []
    assert cli.json("order", "list", "--venue", "ELSEWHERE") == []
    assert {row["outcome"] for row in cli.json("decision", "list")} == {"dispatched", "queued", "denied"}
    (denied,) = cli.json("decision", "list", "--outcome", "denied")
    assert denied["code"] == "max_order_quantity"
    assert len(cli.json("fill", "list", "--order", "7-1")) == 1
    first = cli.json("audit", "list")[-1]
    assert cli.json("audit", "list", "--to", str(first["recorded_ns"])) == []
    assert cli.json("audit", "list", "--from", "2023-11-14T22:13:20Z") == cli.json("audit", "list")
    assert cli("order", "list", "--open", "--state", "Filled").exit_code == 2


def test_the_audit_says_what_came_of_a_request(cli: Any, traded: Any) -> None:
    """Also where risk denied it, or many orders were meant."""
    traded.feed(CancelRequested(actor="alice(1000)", reason="test", request_id="c1", scope="all"))
    traded.feed(KillEngaged(actor="alice(1000)", reason="test", request_id="k1", scope="all"))
    traded.records()
    outcomes = [(row["action"], row["request_id"], row["result"], row["outcome"]) for row in cli.json("audit", "list")]
    assert outcomes == [
        ("kill_engaged", "k1", "done", None),
        ("cancel_requested", "c1", "requested", "2 dispatched"),
        ("order_requested", "r4", "requested", "closed_unsent: 7-4"),
        ("order_requested", "r3", "requested", "dispatched: 7-3"),
        ("order_requested", "r2", "requested", "denied: max_order_quantity"),
        ("order_requested", "r1", "requested", "dispatched: 7-1"),
    ]
    shown = cli("audit", "list").stdout
    assert "denied:" in shown
    assert "requested" not in shown.split(), "every one of these was decided about"
    assert narrow(shown)


def test_what_came_of_a_long_audit_is_asked_in_portions(cli: Any, traded: Any) -> None:
    """A database takes so many values in a statement, PostgreSQL 65,535; here it is made fewer."""
    store = RecordStore(f"sqlite:///{cli.state}/records.db")

    def limited(connection: Any, _: Any) -> None:
        connection.setlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER, 2_100)

    event.listen(Engine, "connect", limited)
    try:
        actions = view_rows(store, "v_operator_actions")
        asked: list[Any] = [{"event_seq": -number, "recorded_ns": 0} for number in range(2_500)]
        assert came_of(store, asked + actions) == came_of(store, actions) != {}
    finally:
        event.remove(Engine, "connect", limited)
        store.close()


def test_the_book_adds_up_what_stands(cli: Any, traded: Any) -> None:
    (row,) = cli.json("fill", "book")
    assert row == {
        "symbol": "USD/JPY",
        "fills": 1,
        "bought_qty": "400",
        "avg_buy_px": "150.12",
        "sold_qty": "0",
        "avg_sell_px": None,
        "net_qty": "400",
    }
    (split,) = cli.json("fill", "book", "--by", "strategy", "--by", "venue")
    assert (split["strategy"], split["venue"]) == ("desk", "SIM")
    assert cli.json("fill", "book", "--strategy", "nobody") == []
    assert narrow(cli("fill", "book", "--by", "strategy", "--by", "account", "--by", "venue").stdout)


def test_the_book_counts_no_busts_and_splits_sides() -> None:
    def fill(side: str, quantity: str, price: str, symbol: str = "A") -> dict[str, Any]:
        return {"symbol": symbol, "side": side, "last_qty": Decimal(quantity), "last_px": Decimal(price), "strategy": "s"}

    rows = summed([fill("buy", "1", "2"), fill("buy", "3", "4"), fill("sell", "0.5", "8"), fill("sell", "1", "1", "B")], ())
    assert [(r["symbol"], r["net_qty"], r["avg_buy_px"], r["avg_sell_px"]) for r in rows] == [
        ("A", Decimal("3.5"), Decimal("3.5"), Decimal(8)),
        ("B", Decimal(-1), None, Decimal(1)),
    ]


def test_a_position_has_a_history(cli: Any, traded: Any) -> None:
    (row,) = cli.json("position", "history", "--symbol", "USD/JPY")
    assert (row["cause"], row["quantity"], row["price"], row["order_id"]) == ("fill", "400", "150.12", "7-1")
    assert narrow(cli("position", "history").stdout)


def test_a_session_is_shown_with_what_happened_to_it(cli: Any, traded: Any) -> None:
    shown = cli.json("session", "show", "SIM")
    assert (shown["venue"], shown["live"], shown["epoch"]) == ("SIM", None, 1)
    assert [event["event"] for event in shown["events"]] == ["logon"]
    assert narrow(cli("session", "show", "SIM").stdout)
    assert cli("session", "show", "ELSEWHERE").exit_code == 3


def test_a_list_that_is_cut_says_so(cli: Any, traded: Any) -> None:
    result = cli("decision", "list", "--limit", "2", "--json")
    assert "only the first 2" in result.stderr
    assert "only the first" not in cli("decision", "list", "--limit", "0", "--json").stderr


def test_show_says_what_became_of_an_order(cli: Any, traded: Any) -> None:
    assert cli.json("order", "show", "7-1")["state"] == "PartiallyFilled"
    denied = cli("order", "show", "7-2", "--json")
    assert '"stage": "denied"' in denied.stdout
    assert "denied: max_order_quantity: quantity 900000 above" in denied.stderr
    queued = cli.json("order", "show", "7-4")
    assert (queued["stage"], queued["state"]) == ("queued", None)
    unknown = cli("order", "show", "9-9")
    assert (unknown.exit_code, unknown.stdout) == (3, "")
    assert unknown.stderr.startswith("error: there is no order 9-9")


def test_asking_for_an_order_that_never_was_makes_none_of_it(cli: Any, desk: Any) -> None:
    desk.trades()
    for order_id in ("9-99", "7-2"):
        desk.feed(CancelRequested(actor="alice(1000)", reason="", request_id=f"c-{order_id}", order_id=order_id))
    desk.records()
    for verb in ("show", "history"):
        result = cli("order", verb, "9-99", "--json")
        assert (result.exit_code, result.stdout) == (3, "")
        assert "there is no order 9-99" in result.stderr
    assert cli.json("order", "show", "7-2")["code"] == "max_order_quantity", "the decision that ended it"


def test_history_of_what_never_left_is_empty_and_explained(cli: Any, traded: Any) -> None:
    assert [row["event"] for row in cli.json("order", "history", "7-1")] == ["dispatched", "transmitted", "accepted", "filled"]
    result = cli("order", "history", "7-2", "--json")
    assert result.stdout == "[]\n"
    assert "denied" in result.stderr
    assert cli("order", "history", "9-9").exit_code == 3


def test_people_read_their_own_writes(cli: Any, desk: Any, surface: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.trades()
    desk.records()
    desk.order("20", "r5")
    surface.position = desk.core.state.seq
    checks: list[int] = []

    def nap(_: float) -> None:
        checks.append(1)
        desk.records()

    monkeypatch.setattr("gateway.cli.reading.sleep", nap)
    assert "7-5" in {row["order_id"] for row in cli.json("decision", "list")}
    assert checks


def test_records_that_stay_behind_are_named(cli: Any, traded: Any, surface: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    surface.position = traded.core.state.seq + 5
    monkeypatch.setattr("gateway.cli.reading._PATIENCE_SECONDS", 0)
    result = cli("order", "list", "--json")
    assert result.exit_code == 0
    assert result.stderr == "records are 5 events behind\n"


def test_no_records_yet_is_a_precondition(cli: Any) -> None:
    result = cli("order", "list", "--json")
    assert (result.exit_code, result.stdout) == (6, "")
    assert "gateway db upgrade" in result.stderr


def test_sessions_carry_what_is_live(cli: Any, traded: Any, serve: Callable[[], Any]) -> None:
    result = cli("session", "list", "--json")
    assert "not reachable" in result.stderr
    assert '"live": null' in result.stdout
    serve()
    (session,) = cli.json("session", "list")
    assert session["next_sender"] == 2
    assert session["live"]["next_sender"] == 123456
    assert "123456" in cli("session", "list").stdout


def test_configurations_that_were_used(cli: Any, traded: Any) -> None:
    (used,) = cli.json("config", "history")
    assert used["toml"] == 'name = "desk-1"\n'
    assert narrow(cli("config", "history").stdout)
    assert cli("config", "show", "c0ff").stdout == 'name = "desk-1"\n'
    assert cli("config", "show", "beef").exit_code == 3


def test_the_file_and_the_running_configuration(cli: Any, surface: Any) -> None:
    shown = cli.json("config", "show")
    assert shown["configuration"]["risk"]["max_order_value"] == "50000000"
    assert shown["running_sha256"] == surface.document["config_sha256"]
    text = cli("config", "show")
    assert text.stdout == cli.config.read_text()
    assert "another configuration" in text.stderr


def test_db_brings_the_records_to_their_revision(cli: Any) -> None:
    assert cli.json("db", "current")["revision"] is None
    assert cli("db", "check").exit_code == 6
    upgraded = cli.json("db", "upgrade")
    assert (upgraded["before"], upgraded["revision"]) == (None, cli.json("db", "current")["wanted"])
    assert cli.json("db", "check")["differences"] == []
