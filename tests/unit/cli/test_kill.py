"""The kill switch from the command line, above all when nothing answers."""

from __future__ import annotations

import os
from typing import Any

import pytest

from gateway.errors import Denied, UnknownOutcome
from gateway.venue.gate import KillGate


def engaged(cli: Any) -> dict[str, str]:
    return dict(KillGate(cli.state / "kill.json").engaged)


def test_engaging_asks_the_gateway(cli: Any, surface: Any) -> None:
    answer = cli.json("kill", "engage", "--scope", "venue:SIM", "--reason", "drill")
    assert (answer["engaged"], answer["cancelling"], answer["source"]) == ({"venue:SIM": "drill"}, 2, "gateway")
    assert engaged(cli) == {}, "the gateway writes its own kill file"
    assert cli.json("kill", "status")["engaged"] == {"venue:SIM": "drill"}
    assert cli("kill", "status").stdout == "venue:SIM: engaged (drill)\n"


def test_a_stuck_core_is_said_and_the_gate_is_closed_all_the_same(cli: Any, surface: Any) -> None:
    surface.kill_seq = None
    result = cli("kill", "engage", "--reason", "drill")
    assert result.exit_code == 0
    assert "the core did not answer" in result.stderr
    assert cli("kill", "release", "--reason", "over", "--yes").exit_code == 7


def test_without_a_gateway_the_file_closes_the_gate(cli: Any) -> None:
    result = cli("kill", "engage", "--reason", "drill")
    assert result.exit_code == 0
    assert "the next start will be killed" in result.stdout
    assert "WARNING" not in result.stderr
    assert engaged(cli) == {"all": "drill"}
    assert cli.json("kill", "engage", "--scope", "account:A", "--reason", "b")["source"] == "kill file"
    assert cli.json("kill", "status")["engaged"] == {"all": "drill", "account:A": "b"}


@pytest.mark.parametrize("scope", ["venue:SIMM", "strategy:nobody", "instrument:USDJPY"])
def test_a_scope_that_names_nothing_is_refused_unless_somebody_runs(
    cli: Any, scope: str, request: pytest.FixtureRequest
) -> None:
    result = cli("kill", "engage", "--scope", scope, "--reason", "drill")
    assert (result.exit_code, engaged(cli)) == (3, {})
    assert f"there is no {scope.partition(':')[0]}" in result.stderr
    request.getfixturevalue("desk")
    result = cli("kill", "engage", "--scope", scope, "--reason", "drill")
    assert (result.exit_code, engaged(cli)) == (0, {scope: "drill"})
    assert "does not know what is to be stopped" in result.stderr


def test_a_running_gateway_that_does_not_answer_is_said_loudly(cli: Any, desk: Any) -> None:
    result = cli("kill", "engage", "--reason", "drill")
    assert result.exit_code == 0
    assert f"WARNING: a gateway RUNS (process {os.getpid()})" in result.stderr
    assert engaged(cli) == {"all": "drill"}


@pytest.mark.parametrize("failure", [UnknownOutcome("no answer"), RuntimeError("a defect")])
def test_an_answer_that_is_no_answer_closes_the_gate_through_the_file(cli: Any, surface: Any, failure: Exception) -> None:
    surface.failure = failure
    assert cli("kill", "engage", "--reason", "drill").exit_code == 0
    assert engaged(cli) == {"all": "drill"}


def test_a_refusal_is_a_refusal(cli: Any, surface: Any) -> None:
    surface.failure = Denied("not you")
    assert cli("kill", "engage", "--reason", "drill").exit_code == 4
    assert engaged(cli) == {}


def test_text_that_is_not_allowed_is_refused_without_a_gateway_too(cli: Any) -> None:
    assert cli("kill", "engage", "--scope", "account:A=B", "--reason", "drill").exit_code == 4
    assert engaged(cli) == {}


def test_release_needs_the_gateway(cli: Any) -> None:
    cli("kill", "engage", "--reason", "drill")
    assert cli("kill", "release", "--reason", "over", "--yes").exit_code == 5
    assert engaged(cli) == {"all": "drill"}


def test_nothing_engaged(cli: Any) -> None:
    result = cli("kill", "status")
    assert result.stdout == "not engaged\n"
    assert "not reachable" in result.stderr


def test_a_configuration_that_is_being_edited_does_not_keep_the_gate_open(cli: Any) -> None:
    cli.config.write_text(cli.config.read_text() + '\n[[venues]]\nname = "HALF"\n')
    result = cli("kill", "engage", "--reason", "drill")
    assert result.exit_code == 0
    assert "would not be accepted" in result.stderr
    assert engaged(cli) == {"all": "drill"}


def test_a_file_that_is_no_toml_is_an_error_each(cli: Any) -> None:
    cli.config.write_text("[gateway\n")
    result = cli("kill", "engage", "--reason", "drill", "--json")
    assert (result.exit_code, result.stdout) == (6, "")


def test_status_of_a_scope_shows_what_stops_it(cli: Any, surface: Any) -> None:
    surface.killed.update({"venue:SIM": "a", "strategy:maker": "b"})
    assert cli.json("kill", "status", "--scope", "strategy:maker")["engaged"] == {"strategy:maker": "b"}
    surface.killed["all"] = "c"
    assert cli.json("kill", "status", "--scope", "account:X")["engaged"] == {"all": "c"}
    assert len(cli.json("kill", "status")["engaged"]) == 3
