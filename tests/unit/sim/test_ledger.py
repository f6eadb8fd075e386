"""The ledger and the directory it lives in."""

from __future__ import annotations

from contextlib import closing
from decimal import Decimal
from pathlib import Path

import pytest

from gateway.errors import PreconditionFailed
from gateway.sim.ledger import Ledger, read_ledger
from gateway.sim.messages import Report
from gateway.sim.store import Directory

D = Decimal


def report(exec_id: str, text: str | None = None) -> Report:
    return Report(
        session="DESK",
        order_id="O1",
        exec_id=exec_id,
        exec_type="F",
        ord_status="1",
        symbol="USD/JPY",
        side="1",
        transact_ns=1,
        cl_ord_id="A",
        order_qty=D(10),
        last_qty=D("1E+1"),
        last_px=D("110.100"),
        cum_qty=D(10),
        leaves_qty=D(0),
        avg_px=D("110.1"),
        text=text,
    )


def test_what_is_written_is_read_back_exactly(tmp_path: Path) -> None:
    path = tmp_path / "ledger.csv"
    with closing(Ledger(path)) as ledger:
        ledger.write(report("E1", text='a, "quoted"\nline'), 5, "duplicate")
    (line,) = read_ledger(path)
    assert (line.sent_ns, line.exec_id, line.fault, line.text) == (5, "E1", "duplicate", 'a, "quoted"\nline')
    assert (line.price, line.orig_cl_ord_id) == (None, None)
    assert (str(line.last_qty), str(line.last_px)) == ("10", "110.100")


def test_a_line_is_readable_before_the_file_is_closed_and_a_torn_one_is_dropped(tmp_path: Path) -> None:
    path = tmp_path / "ledger.csv"
    with closing(Ledger(path)) as ledger:
        ledger.write(report("E1"), 1)
        with path.open("a") as file:
            file.write("2,DESK,E2,O1")
        assert [line.exec_id for line in read_ledger(path)] == ["E1"]
    with closing(Ledger(path)) as ledger:
        ledger.write(report("E3"), 3)
    assert [line.exec_id for line in read_ledger(path)] == ["E1", "E3"]


def test_a_directory_counts_its_runs_and_lets_in_one_venue(tmp_path: Path) -> None:
    with closing(Directory(tmp_path)) as first:
        assert first.run == 1
        with pytest.raises(PreconditionFailed, match="another venue is running here"):
            Directory(tmp_path)
    with closing(Directory(tmp_path)) as second:
        assert second.run == 2


def test_a_damaged_run_number_is_not_guessed(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("")
    with pytest.raises(PreconditionFailed, match="is not a run number"):
        Directory(tmp_path)


def test_a_ledger_that_cannot_be_opened_is_said(tmp_path: Path) -> None:
    with pytest.raises(PreconditionFailed, match="cannot write the ledger"):
        Ledger(tmp_path / "nowhere" / "ledger.csv")
