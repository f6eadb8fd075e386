"""Commands that ask the live process: what they send, what they print, and the exit code they end with."""

from __future__ import annotations

import json
import os
import pwd
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from gateway.cli.order import DISPOSITIONS
from gateway.control.surface import Answer
from gateway.core.reactions import resolve
from gateway.core.values import OrderType, Side, TimeInForce
from gateway.errors import Denied, GatewayError, NotFound, PreconditionFailed, UnknownOutcome

NEW = ("order", "new", "--venue", "SIM", "--symbol", "USD/JPY", "--side", "buy", "--qty", "1000", "--price", "150.125")


def test_an_order_in_doubt_is_resolved_as_typed(cli: Any, surface: Any) -> None:
    words = ("order", "resolve", "7-1", "--as", "filled", "--cum-qty", "1000", "--avg-px", "150.12", "--reason", "by phone")
    assert cli(*words).stdout == "order 7-1: dispatched, Cancelled\n"
    request = surface.last
    assert (request.order_id, request.disposition, request.cum_qty, request.avg_px) == (
        "7-1",
        "filled",
        Decimal(1000),
        Decimal("150.12"),
    )
    assert cli("order", "resolve", "7-1", "--as", "filled").exit_code == 2, "no reason"
    assert cli("order", "resolve", "7-1", "--as", "lost", "--reason", "r").exit_code == 2
    assert tuple(resolve.DISPOSITIONS) == DISPOSITIONS


def test_a_position_is_adjusted_as_typed(cli: Any, surface: Any) -> None:
    words = ("position", "adjust", "--strategy", "desk", "--venue", "SIM", "--symbol", "USD/JPY", "--quantity", "-5000")
    assert cli(*words, "--avg-px", "156.25", "--reason", "the clearer").exit_code == 0
    request = surface.last
    assert (surface.asked[-1][0], request.account, request.strategy) == ("adjust_position", "", "desk")
    assert (request.quantity, request.avg_px, request.reason) == (Decimal(-5000), Decimal("156.25"), "the clearer")
    assert cli(*words, "--avg-px", "156.25").exit_code == 2, "no reason"
    assert cli(*words, "--avg-px", "many", "--reason", "r").exit_code == 2


def test_the_day_is_rolled_once_confirmed(cli: Any, surface: Any) -> None:
    assert cli("trading", "roll-day", "--reason", "early close").exit_code == 2, "not confirmed"
    assert cli("trading", "roll-day", "--yes", "--date", "20250617", "--reason", "early close").exit_code == 0
    assert (surface.asked[-1][0], surface.last.trading_date) == ("roll_day", "20250617")
    assert cli("trading", "roll-day", "--yes", "--reason", "early close").exit_code == 0
    assert surface.last.trading_date is None


def test_a_venue_is_closed_with_a_reason(cli: Any, surface: Any) -> None:
    assert cli("venue", "close", "SIM", "--reason", "late fills").exit_code == 0
    assert (surface.asked[-1][0], surface.last.venue, surface.last.reason) == ("close_venue", "SIM", "late fills")
    assert cli("venue", "close", "SIM", "--reason", " ").exit_code == 2


def test_a_new_order_arrives_as_typed(cli: Any, surface: Any) -> None:
    result = cli(*NEW, "--tif", "ioc", "--account", "ACC", "--reason", "hedge", "--request-id", "r9")
    assert result.stdout == "order 7-1: dispatched, Submitted\n"
    method, request, actor = surface.asked[-1]
    assert (method, actor) == ("new_order", f"{pwd.getpwuid(os.getuid()).pw_name}({os.getuid()})")
    assert (request.venue, request.symbol, request.side, request.account) == ("SIM", "USD/JPY", Side.BUY, "ACC")
    assert (str(request.quantity), str(request.price)) == ("1000", "150.125")
    assert (request.order_type, request.time_in_force) == (OrderType.LIMIT, TimeInForce.IOC)
    assert (request.reason, request.request_id) == ("hedge", "r9")


def test_json_names_order_stage_and_state(cli: Any, surface: Any) -> None:
    answer = cli.json(*NEW)
    assert {name: answer[name] for name in ("order_id", "stage", "state")} == {
        "order_id": "7-1",
        "stage": "dispatched",
        "state": "Submitted",
    }


def test_two_requests_have_two_ids(cli: Any, surface: Any) -> None:
    cli(*NEW)
    cli(*NEW)
    first, second = (request.request_id for _, request, _ in surface.asked)
    assert first != second


@pytest.mark.parametrize(
    ("code", "exit_code"),
    [
        ("max_order_value", 4),
        ("price_collar", 4),
        ("kill_engaged", 6),
        ("venue_not_open", 6),
        ("trading_disabled", 6),
        ("strategy_disabled", 6),
    ],
)
def test_a_denial_carries_its_code(cli: Any, surface: Any, code: str, exit_code: int) -> None:
    surface.order = replace(surface.order, stage="denied", state=None, code=code, reason="numbers \x1b[2J")
    answer = cli.json(*NEW, exit_code=exit_code)
    assert (answer["stage"], answer["code"], answer["state"]) == ("denied", code, None)
    result = cli(*NEW)
    assert (result.exit_code, result.stdout) == (exit_code, "")
    assert result.stderr == f"error: order 7-1 denied: {code}: numbers \\x1b[2J\n"


@pytest.mark.parametrize(
    "malformed",
    [
        ("--qty", "much"),
        ("--qty", "NaN"),
        ("--qty", "1_000"),
        ("--price", "１"),
        ("--side", "short"),
        ("--type", "pegged"),
        ("--wait", "-1"),
    ],
)
def test_malformed_arguments_are_usage(cli: Any, surface: Any, malformed: tuple[str, str]) -> None:
    assert cli(*NEW, *malformed).exit_code == 2
    assert surface.asked == []


@pytest.mark.parametrize("value", ["A\x01B", "A=B", "A\nB", "Zürich"])
@pytest.mark.parametrize("option", ["--account", "--symbol", "--venue"])
def test_text_that_must_not_reach_the_wire_is_denied(cli: Any, surface: Any, option: str, value: str) -> None:
    result = cli(*NEW, option, value, "--json")
    assert (result.exit_code, result.stdout) == (4, "")
    assert "must not reach the wire" in result.stderr
    assert surface.asked == []


def test_a_scope_is_checked_by_form_here_and_by_text_there(cli: Any, surface: Any) -> None:
    assert cli("trading", "disable", "--scope", "desk:A").exit_code == 2
    assert cli("trading", "disable", "--scope", "venue:").exit_code == 2
    assert cli("trading", "disable", "--scope", "account:A=B").exit_code == 4
    assert surface.asked == []


def test_an_answer_that_is_missing_is_unknown(cli: Any, surface: Any) -> None:
    surface.order = replace(surface.order, timed_out=True)
    result = cli(*NEW, "--wait", "0.01", "--json")
    assert result.exit_code == 7
    assert json.loads(result.stdout)["order_id"] == "7-1"
    assert "gateway order show 7-1" in result.stderr
    assert surface.last.wait_seconds == 0.01


@pytest.mark.parametrize(("stage", "state"), [("queued", None), ("dispatched", "Accepted"), ("dispatched", "Filled")])
def test_what_is_known_after_waiting_is_no_failure(cli: Any, surface: Any, stage: str, state: str | None) -> None:
    surface.order = replace(surface.order, stage=stage, state=state)
    assert cli(*NEW, "--wait", "0.01").exit_code == 0


def test_a_rejected_order_is_a_failure_with_the_venue_s_words(cli: Any, surface: Any) -> None:
    surface.order = replace(surface.order, state="Rejected", reason="market closed")
    result = cli(*NEW, "--wait", "1", "--json")
    assert result.exit_code == 1
    shown = json.loads(result.stdout)
    assert (shown["stage"], shown["state"], shown["reason"]) == ("dispatched", "Rejected", "market closed")
    assert result.stderr == "error: order 7-1 was rejected: market closed\n"


def test_a_cancel_that_was_waited_for(cli: Any, surface: Any) -> None:
    assert cli("order", "cancel", "7-1", "--wait", "1").exit_code == 0
    assert surface.last.order_id == "7-1"
    surface.cancelled = replace(surface.cancelled, state="Filled")
    failed = cli("order", "cancel", "7-1", "--wait", "1")
    assert failed.exit_code == 1
    assert "was not cancelled: it is Filled" in failed.stderr
    surface.cancelled = replace(surface.cancelled, state="Accepted", reason="too late")
    assert "order 7-1 was not cancelled (too late): it is Accepted" in cli("order", "cancel", "7-1", "--wait", "1").stderr
    surface.cancelled = replace(surface.cancelled, state="Accepted", timed_out=True)
    assert cli("order", "cancel", "7-1", "--wait", "1").exit_code == 7
    assert cli("order", "cancel", "7-1").exit_code == 0


@pytest.mark.parametrize(
    ("failure", "exit_code"),
    [
        (GatewayError("broken"), 1),
        (NotFound("no such"), 3),
        (Denied("not allowed"), 4),
        (PreconditionFailed("not logged on"), 6),
        (UnknownOutcome("the core did not answer"), 7),
        (RuntimeError("a defect"), 7),
    ],
)
def test_every_error_ends_in_one_line_and_its_code(cli: Any, surface: Any, failure: Exception, exit_code: int) -> None:
    surface.failure = failure
    result = cli("session", "logout", "SIM", "--json")
    assert (result.exit_code, result.stdout) == (exit_code, "")
    assert result.stderr.startswith("error: ")
    assert result.stderr.count("\n") == 1


def test_an_unknown_outcome_names_the_id_to_repeat(cli: Any, surface: Any) -> None:
    surface.failure = UnknownOutcome("the core did not answer")
    assert cli("venue", "open", "SIM", "--reason", "phone", "--request-id", "r1").stderr.endswith("(--request-id r1)\n")


def test_without_a_position_the_outcome_is_unknown(cli: Any, surface: Any) -> None:
    surface.answer = Answer(seq=None, detail="the core is busy")
    result = cli("trading", "enable", "--json")
    assert (result.exit_code, result.stdout) == (7, "")


def test_requests_carry_scope_state_and_reason(cli: Any, surface: Any) -> None:
    for verb, state in (("enable", "enabled"), ("reduce", "reduced"), ("disable", "disabled")):
        assert cli.json("trading", verb, "--scope", "strategy:maker", "--reason", "drill")["seq"] == 14
        assert (surface.last.scope, surface.last.state, surface.last.reason) == ("strategy:maker", state, "drill")
    for action in ("logon", "logout", "test-request"):
        assert cli("session", action, "SIM", "--reason", "drill").exit_code == 0
        assert (surface.last.venue, surface.last.action) == ("SIM", action)
    assert cli("venue", "open", "SIM", "--reason", "phone").exit_code == 0
    assert (surface.last.venue, surface.last.reason) == ("SIM", "phone")


@pytest.mark.parametrize("command", [("kill", "engage"), ("kill", "release", "--yes"), ("venue", "open", "SIM"), ("stop",)])
def test_a_reason_is_asked_for(cli: Any, surface: Any, command: tuple[str, ...]) -> None:
    assert cli(*command).exit_code == 2
    assert cli(*command, "--reason", "  ").exit_code == 2
    assert surface.asked == []


@pytest.mark.parametrize("command", [("kill", "release", "--reason", "x"), ("order", "cancel-all")])
def test_dangerous_verbs_need_a_terminal_or_yes(cli: Any, surface: Any, command: tuple[str, ...]) -> None:
    refused = cli(*command, "--scope", "venue:SIM")
    assert refused.exit_code == 2
    assert "--yes" in refused.stderr
    assert surface.asked == []
    assert cli(*command, "--scope", "venue:SIM", "--yes").exit_code == 0
    assert surface.last.scope == "venue:SIM"


@pytest.mark.parametrize(
    "command",
    [
        NEW,
        ("order", "cancel", "7-1"),
        ("order", "cancel-all", "--yes"),
        ("status",),
        ("trading", "enable"),
        ("session", "logon", "SIM"),
        ("venue", "open", "SIM", "--reason", "x"),
        ("kill", "release", "--yes", "--reason", "x"),
        ("stop", "--reason", "x"),
    ],
)
def test_nobody_there_is_said_plainly(cli: Any, command: tuple[str, ...]) -> None:
    result = cli(*command, "--json")
    assert (result.exit_code, result.stdout) == (5, "")
    assert result.stderr.startswith("error: no gateway answers on")


def test_venues_are_listed_with_and_without_a_gateway(cli: Any, serve: Any) -> None:
    (offline,) = cli.json("venue", "list")
    assert (offline["venue"], offline["dialect"], offline["live"]) == ("SIM", "generic-fix44", None)
    serve()
    (online,) = cli.json("venue", "list")
    assert online["live"]["state"] == "settled"
    assert "settled" in cli("venue", "list").stdout


def test_stop_waits_for_a_clean_end(cli: Any, desk: Any, surface: Any) -> None:
    desk.opens()
    held = cli("stop", "--reason", "night", "--timeout", "0")
    assert held.exit_code == 7
    assert f"process {os.getpid()}" in held.stderr
    desk.closes()
    assert cli.json("stop", "--reason", "night", "--cancel-open")["clean_stop"] is True
    assert surface.last.cancel_open is True


def test_stop_tells_an_unclean_end(cli: Any, desk: Any, surface: Any) -> None:
    desk.opens()
    desk.journal.close()
    result = cli("stop", "--reason", "night")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "does not end with a stop" in result.stderr


def test_stop_says_what_stays_open(cli: Any, desk: Any, surface: Any) -> None:
    desk.trades()
    desk.closes()
    desk.records()
    left = cli("stop", "--reason", "night", "--json")
    assert (left.exit_code, json.loads(left.stdout)["open_orders"]) == (0, 2)
    assert "2 orders left open" in left.stderr
    unknown = cli("stop", "--reason", "night", "--cancel-open", "--json")
    assert (unknown.exit_code, json.loads(unknown.stdout)["open_orders"]) == (7, 2)
    assert "2 orders may still be open" in unknown.stderr
