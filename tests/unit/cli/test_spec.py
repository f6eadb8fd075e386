"""Dialects on the command line: listed, compiled, checked, compared."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import quickfix

from gateway.config.load import load
from gateway.fix.dictionary import find
from gateway.fix.specs import available, spec_path


@pytest.mark.parametrize("name", available())
def test_shipped_dialects_are_listed_and_pass_their_own_check(cli: Any, name: str) -> None:
    (row,) = [row for row in cli.json("spec", "list") if row["name"] == name]
    assert row["path"] == str(spec_path(name))
    assert "8" in row["messages"]
    assert cli.json("spec", "check", name) == {"path": row["path"], "ok": True, "problems": []}


@pytest.mark.parametrize(("name", "count"), [("generic-fix42", 2), ("generic-fix50sp2", 4)])
def test_built_dictionaries_are_read_by_the_engine(cli: Any, tmp_path: Path, name: str, count: int) -> None:
    files = cli.json("spec", "build", name, "--out", str(tmp_path / "out"))["files"]
    assert len(files) == count
    assert cli("spec", "build", name, "--out", str(tmp_path / "out")).stdout.split() == files
    permissive, strict = (quickfix.DataDictionary(file) for file in files[:2])
    assert strict.hasFieldValue(54)
    assert not permissive.hasFieldValue(54)
    # The dialect's own field is in the group that lacks it in the standard.
    text = Path(files[1]).read_text()
    assert '<field number="278" name="MDEntryID"' in text
    assert cli.json("spec", "diff", files[1], files[1]) == []


def test_a_dialect_and_its_strict_dictionary_say_the_same(cli: Any, tmp_path: Path) -> None:
    _, strict = cli.json("spec", "build", "generic-fix44", "--out", str(tmp_path))["files"]
    result = cli("spec", "diff", "generic-fix44", strict, "--json")
    assert {row["kind"] for row in json.loads(result.stdout)} == {"setting"}


def test_differences_are_rows_and_exit_code_1(cli: Any, tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    text = spec_path("generic-fix44").read_text().replace("generic-fix44", "mine")
    own = """
[[extra_fields]]
tag = 5001
name = "Desk"
type = "INT"
values = { 1 = "FIRST" }
messages = ["D", "8"]
required = true
"""
    path.write_text(text.replace("max_cl_ord_id_length = 20", "max_cl_ord_id_length = 12").replace(', "B"]', "]") + own)
    result = cli("spec", "diff", "generic-fix44", str(path), "--json")
    assert result.exit_code == 1
    rows = {(row["kind"], row["where"]): (row["left"], row["right"]) for row in json.loads(result.stdout)}
    assert rows == {
        ("setting", "orders.max_cl_ord_id_length"): ("20", "12"),
        ("message", "B"): ("News", None),
        ("field", "NewOrderSingle(D) Desk(5001)"): (None, "required"),
        ("field", "ExecutionReport(8) Desk(5001)"): (None, "required"),
    }
    shown = cli("spec", "diff", "generic-fix44", str(path))
    assert shown.exit_code == 1
    assert "Desk(5001)" in shown.stdout
    equal = cli("spec", "diff", "generic-fix44", str(path), "--message", "9")
    assert (equal.exit_code, equal.stdout) == (0, "")


def test_dictionaries_are_compared_to_the_last_value(cli: Any, tmp_path: Path) -> None:
    text = find("FIX42.xml").read_text()
    for old, new in (
        ("<field name='ClOrdID' required='Y' />", "<field name='ClOrdID' required='N' />"),
        ("<value enum='5' description='SELL_SHORT' />", "<value enum='z' description='SELL_LATE' />"),
        ("number='58' name='Text' type='STRING'", "number='58' name='Text' type='CHAR'"),
    ):
        assert old in text, old
        text = text.replace(old, new, 1)
    (tmp_path / "other.xml").write_text(text)
    rows = json.loads(cli("spec", "diff", "FIX42.xml", str(tmp_path / "other.xml"), "--json").stdout)
    kinds = {(row["kind"], row["where"], row["left"], row["right"]) for row in rows}
    assert ("value", "Side(54)=5", "SELL_SHORT", None) in kinds
    assert ("value", "Side(54)=z", None, "SELL_LATE") in kinds
    assert ("type", "Text(58)", "STRING", "CHAR") in kinds
    assert [kind[2:] for kind in kinds if kind[0] == "required"] == [("required", "optional")]
    assert len(kinds) == 4


def test_problems_are_all_told_with_line_and_remedy(cli: Any, tmp_path: Path) -> None:
    path = tmp_path / "generic-fix42.toml"
    text = spec_path("generic-fix42").read_text()
    path.write_text(text.replace('"1" = "fill" ', '"1" = "filled" ').replace('depth = "0"', "depth = 0"))
    result = cli("spec", "check", str(path))
    assert result.exit_code == 6
    lines = result.stderr.splitlines()
    assert len(lines) == 2
    assert all(line.startswith(f"error: {path}:") for line in lines)
    document = json.loads(cli("spec", "check", str(path), "--json").stdout)
    assert [problem["key"] for problem in document["problems"]] == ["execution.exec_types.1", "market_data.depth"]
    assert all(problem["line"] and problem["remedy"] for problem in document["problems"])


@pytest.mark.parametrize(
    "arguments",
    [
        ("check", "no-such"),
        ("check", "no/such.toml"),
        ("build", "no-such"),
        ("diff", "generic-fix44", "no-such"),
        ("diff", "generic-fix44", "no/such.xml"),
        ("diff", "no/such.toml", "generic-fix44"),
    ],
)
def test_what_is_not_there_is_3(cli: Any, arguments: tuple[str, ...]) -> None:
    result = cli("spec", *arguments)
    assert result.exit_code == 3, result.stderr


def test_a_configuration_may_name_a_dialect_file_of_its_own(cli: Any, tmp_path: Path) -> None:
    """Relative to the configuration, with a dictionary of the broker's beside it."""
    (tmp_path / "broker").mkdir()
    shutil.copy(find("FIX44.xml"), tmp_path / "broker" / "BROKER.xml")
    own = tmp_path / "broker" / "mine.toml"
    text = spec_path("generic-fix44").read_text().replace("FIX44.xml", "BROKER.xml").replace("generic-fix44", "mine")
    own.write_text(text)
    configuration = tmp_path / "gateway.toml"
    configuration.write_text(configuration.read_text().replace('"generic-fix44"', '"broker/mine.toml"'))
    assert cli.json("check", "--running", str(configuration))["ok"] is True
    wrong = text.replace('sell = "2"', 'sell = "Q"', 1).replace('"mine"', '"wrong"')
    own.with_name("wrong.toml").write_text(wrong)
    configuration.write_text(configuration.read_text().replace("broker/mine", "broker/wrong"))
    result = cli("check", str(configuration))
    assert result.exit_code == 6
    assert "codes.side.sell" in result.stderr
    configuration.write_text(configuration.read_text().replace("broker/wrong", "broker/other"))
    assert f"gateway.toml:{line_of(configuration, 'other.toml')}: venues[0].dialect: there is no file" in cli(
        "check", str(configuration)
    ).stderr.replace(f"{tmp_path}/", "")


def line_of(path: Path, text: str) -> int:
    return next(number for number, line in enumerate(path.read_text().splitlines(), 1) if text in line)


def test_a_change_in_a_dialect_file_is_a_change_of_the_configuration(cli: Any, tmp_path: Path) -> None:
    own = tmp_path / "mine.toml"
    text = spec_path("generic-fix44").read_text().replace("generic-fix44", "mine")
    own.write_text(text)
    configuration = tmp_path / "gateway.toml"
    configuration.write_text(configuration.read_text().replace('"generic-fix44"', '"mine.toml"'))
    before = load(configuration)
    assert before.configuration.venues[0].dialect == str(own)
    own.write_text(text.replace("max_cl_ord_id_length = 20", "max_cl_ord_id_length = 12"))
    assert load(configuration).sha256 != before.sha256
    own.unlink()
    assert load(configuration, check_secrets=False).configuration.venues, "an operator's commands need no dialect"
