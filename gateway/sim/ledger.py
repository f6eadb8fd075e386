"""The venue's own record of every ExecutionReport(8) it made, to be compared with what the gateway believes.

Exists as the other side's truth: a line is written and flushed before the engine sees the report, so whatever reached a
client is here. The column `fault` is empty for a report sent as it should be, `drop` for one the venue made but withheld on
purpose (the trade is real, the client was not told), `duplicate` for one sent again. Status answers are here too, under
exec_type I; they are not executions. The file is append-only, over restarts as well.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable
from dataclasses import dataclass, fields
from decimal import Decimal
from pathlib import Path

from gateway.errors import PreconditionFailed
from gateway.sim.messages import ExecType, Report


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerLine:
    """One line; empty cells are None where the tag was absent. `text` and `fault` are empty strings then."""

    sent_ns: int
    session: str
    exec_id: str
    order_id: str
    cl_ord_id: str | None
    orig_cl_ord_id: str | None
    exec_type: str
    ord_status: str
    symbol: str
    side: str
    order_qty: Decimal | None
    price: Decimal | None
    last_qty: Decimal | None
    last_px: Decimal | None
    cum_qty: Decimal
    leaves_qty: Decimal
    avg_px: Decimal
    text: str
    fault: str
    exec_ref_id: str | None = None


COLUMNS = [column.name for column in fields(LedgerLine)]


class Ledger:
    """Appends; one write and one flush for each report. Everything in a report is ASCII, for requests are held to it."""

    def __init__(self, path: Path) -> None:
        try:
            _cut_torn_line(path)
            self._file = path.open("a", newline="", encoding="ascii")
        except OSError as error:
            raise PreconditionFailed(f"{path}: cannot write the ledger: {error.strerror}") from error
        self._writer = csv.writer(self._file)
        self.lines = 0
        if self._file.tell() == 0:
            self._writer.writerow(COLUMNS)
            self._file.flush()

    def write(self, report: Report, sent_ns: int, fault: str = "") -> None:
        """Durable against the death of this process when it returns."""
        self._writer.writerow(
            (
                sent_ns,
                report.session,
                report.exec_id,
                report.order_id,
                report.cl_ord_id or "",
                report.orig_cl_ord_id or "",
                report.exec_type,
                report.ord_status,
                report.symbol,
                report.side,
                _cell(report.order_qty),
                _cell(report.price),
                _cell(report.last_qty),
                _cell(report.last_px),
                _cell(report.cum_qty),
                _cell(report.leaves_qty),
                _cell(report.avg_px),
                report.text or "",
                fault,
                report.exec_ref_id or "",
            )
        )
        self._file.flush()
        self.lines += 1

    def close(self) -> None:
        """Nothing is lost by not closing: every line was flushed."""
        self._file.close()


def read_ledger(path: Path) -> list[LedgerLine]:
    """Every complete line, in the order of sending. A torn last line, left by a kill, was never sent and is left out."""
    text = path.read_text(encoding="ascii")
    complete = text[: text.rfind("\n") + 1]
    return [_line(row) for row in csv.DictReader(io.StringIO(complete))]


def executions(lines: Iterable[LedgerLine]) -> dict[str, LedgerLine]:
    """The trades that stand, by the ExecID(17) they were first reported with, with the content of their last correction.

    A correction has an ExecID of its own, which a later bust or correction may name in ExecRefID(19).
    """
    standing: dict[str, LedgerLine] = {}
    first: dict[str, str] = {}
    for line in lines:
        if line.fault == "duplicate":
            continue
        known = first.get(line.exec_ref_id or "")
        if line.exec_type == ExecType.TRADE:
            standing[line.exec_id] = line
            first[line.exec_id] = line.exec_id
        elif line.exec_type == ExecType.TRADE_CORRECT and known in standing:
            standing[known] = line
            first[line.exec_id] = known
        elif line.exec_type == ExecType.TRADE_CANCEL and known is not None:
            standing.pop(known, None)
    return standing


def _cut_torn_line(path: Path) -> None:
    """Drop what a kill left after the last newline, so that the next line starts on its own."""
    content = path.read_bytes() if path.exists() else b""
    if content and not content.endswith(b"\n"):
        os.truncate(path, content.rfind(b"\n") + 1)


def _line(row: dict[str, str]) -> LedgerLine:
    return LedgerLine(
        sent_ns=int(row["sent_ns"]),
        session=row["session"],
        exec_id=row["exec_id"],
        order_id=row["order_id"],
        cl_ord_id=row["cl_ord_id"] or None,
        orig_cl_ord_id=row["orig_cl_ord_id"] or None,
        exec_type=row["exec_type"],
        ord_status=row["ord_status"],
        symbol=row["symbol"],
        side=row["side"],
        order_qty=_decimal(row["order_qty"]),
        price=_decimal(row["price"]),
        last_qty=_decimal(row["last_qty"]),
        last_px=_decimal(row["last_px"]),
        cum_qty=Decimal(row["cum_qty"]),
        leaves_qty=Decimal(row["leaves_qty"]),
        avg_px=Decimal(row["avg_px"]),
        text=row["text"],
        fault=row["fault"],
        exec_ref_id=row.get("exec_ref_id") or None,
    )


def _cell(value: Decimal | None) -> str:
    return "" if value is None else format(value, "f")


def _decimal(text: str) -> Decimal | None:
    return Decimal(text) if text else None
