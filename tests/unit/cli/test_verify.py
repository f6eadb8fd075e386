"""`gateway verify` over a real journal and real records, equal and damaged on purpose."""

from __future__ import annotations

import sqlite3
from typing import Any

import pytest
from msgspec.structs import replace

from gateway import __version__
from gateway.core.codec import encode
from gateway.journal.chain import chain
from gateway.journal.sqlite import SqliteReader


def verify(cli: Any, *args: str, exit_code: int) -> Any:
    return cli.json("verify", *args, exit_code=exit_code)


def alter(path: Any, statement: str) -> None:
    with sqlite3.connect(path) as database:
        assert database.execute(statement).rowcount > 0
    database.close()


def rewrite(path: Any, seq: int, changed: dict[str, Any]) -> None:
    """Another last event, chained as if it had been recorded so."""
    reader = SqliteReader(path)
    recorded = reader.read(seq - 1, 1)[0].recorded
    previous = reader.hash_at(seq - 1)
    reader.close()
    recorded = replace(recorded, event=replace(recorded.event, **changed))
    assert previous is not None
    body = encode(recorded.event)
    with sqlite3.connect(path) as database:
        database.execute("UPDATE event SET body = ?, hash = ? WHERE seq = ?", (body, chain(previous, recorded, body), seq))
    database.close()


def test_what_was_recorded_is_what_is_computed(cli: Any, traded: Any) -> None:
    verdict = verify(cli, exit_code=0)
    head = traded.core.state.seq
    assert verdict["equal"] is True
    assert (verdict["events"], verdict["recomputed"], verdict["records_seq"]) == (head, head, head)
    assert verdict["digests"] > 5
    assert verdict["notes"] == []
    told = cli("verify")
    assert told.stdout.endswith("equal\n")
    assert told.stderr == "", "a progress bar is for terminals"


def test_a_row_that_was_touched_is_found(cli: Any, traded: Any) -> None:
    alter(cli.state / "records.db", "UPDATE orders SET reason = 'other' WHERE order_id = '7-1'")
    verdict = verify(cli, exit_code=1)
    assert verdict["record_differences"] == 1
    assert verdict["first"] == ["orders [order_id='7-1'] reason: records 'other', journal None"]
    assert verify(cli, "--skip-records", exit_code=0)["records_seq"] is None
    told = cli("verify")
    assert told.exit_code == 1
    assert told.stdout.endswith("NOT EQUAL\n")


def test_a_state_that_differs_is_found(cli: Any, traded: Any) -> None:
    alter(traded.path, "UPDATE event SET digest = 'x' WHERE seq = (SELECT max(seq) FROM event WHERE digest IS NOT NULL)")
    assert verify(cli, exit_code=1)["digest_differences"] == 1


def test_a_record_that_was_touched_breaks_the_chain(cli: Any, traded: Any) -> None:
    alter(
        traded.path,
        "UPDATE event SET body = CAST(replace(CAST(body AS TEXT), '900000', '900001') AS BLOB) WHERE kind = 'denied'",
    )
    result = cli("verify")
    assert result.exit_code == 1
    assert "is not what its hash says" in result.stderr


def test_a_missing_record_breaks_the_chain(cli: Any, traded: Any) -> None:
    alter(traded.path, "DELETE FROM event WHERE seq = 5")
    assert "record 5 is missing" in cli("verify").stderr


@pytest.mark.parametrize("version", ["0.0.1", __version__])
def test_another_build_is_named_and_not_called_a_difference(cli: Any, desk: Any, version: str) -> None:
    ours = version == __version__
    desk.opens(version)
    desk.order("1000", "r1")
    desk.records()
    alter(desk.path, "UPDATE event SET digest = 'x' WHERE seq = (SELECT max(seq) FROM event WHERE digest IS NOT NULL)")
    verdict = verify(cli, exit_code=1 if ours else 0)
    assert (verdict["digest_differences"], verdict["not_comparable"]) == ((1, 0) if ours else (0, 1))
    assert any("version 0.0.1" in note for note in verdict["notes"]) is not ours


def test_a_decision_that_would_be_another_today_is_found(cli: Any, desk: Any) -> None:
    """A denial that this build does not make, written with a hash that fits."""
    desk.opens()
    step = desk.order("900000", "r1")
    seq = step.records[-1].seq
    desk.journal.close()
    rewrite(desk.path, seq, {"code": "price_collar"})
    verdict = verify(cli, "--skip-records", exit_code=1)
    assert verdict["decision_differences"] == 1
    assert "price_collar" in verdict["first"][0]
    assert "max_order_quantity" in verdict["first"][0]


def test_nothing_has_run_yet(cli: Any) -> None:
    result = cli("verify", "--json")
    assert (result.exit_code, result.stdout) == (6, "")


def test_missing_records_are_said_first(cli: Any, desk: Any) -> None:
    desk.opens()
    assert cli("verify").exit_code == 6
    assert verify(cli, "--skip-records", exit_code=0)["equal"] is True
