"""docs/matrices.md, made from the tables. Nothing here explains: what there is to say stands beside the tables.

python -m gateway.testing.matrices.page [--check]     # scripts/pages
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

import gateway
from gateway.testing.matrices.table import FOLLOWS, MATRICES, SAID, VERSIONS, Matrix, Row

TARGET = Path(gateway.__file__).parents[1] / "docs" / "matrices.md"
_NAMES = {"fix42": "FIX 4.2", "fix44": "FIX 4.4", "fix50": "FIX 5.0 SP2"}
_INTRODUCTION = """\
# Order state change matrices

What the gateway makes of every exchange in the order state change matrices of FIX (FIX 4.2 appendix D; FIX 4.4 vol. 4, appendix
D), and of some that are not there. Made from the tables in `gateway/testing/matrices` by `scripts/pages`; each row is a test,
played as FIX messages through the decoder and the core, in every version of FIX that the index names.

Left of `‖` is what is said, right of it what the gateway sends and what it holds of the order then. A time with `*` is another
way it can go. X, Y, Z are ClOrdIDs: `exec Y,X` is an ExecutionReport(8) with ClOrdID(11)=Y and OrigClOrdID(41)=X, `cxlrej` an
OrderCancelReject(9), `reject` and `busrej` a Reject(3) and a BusinessMessageReject(j) of the request named, `clock` is time
that passes, `day` the roll of the trading day. *Sent* names messages by MsgType(35): D new order, F cancel, G replace, H status
request. *Marks* say why the order is in doubt, and with `!` which anomalies were raised ([vocabulary](vocabulary.md)).

Words of ExecType and OrdStatus stand for the codes of the version played: Trade, TradeCorrect, TradeCancel and Status are
ExecType(150) F, G, H and I; in FIX 4.2 a trade is 1 or 2, and ExecTransType(20) 2, 1 and 3 say the rest.
"""


def page() -> str:
    """The text of docs/matrices.md."""
    return "\n".join(part.rstrip() + "\n" for part in [_INTRODUCTION, *_index(), *_matrices()])


def main(arguments: list[str]) -> int:
    """Write the page, or with `--check` compare it; the exit code."""
    text = page()
    if "--check" in arguments:
        same = TARGET.is_file() and TARGET.read_text("utf-8") == text
        sys.stderr.write(f"{TARGET}: {'as the tables say' if same else 'not what the tables say: run scripts/pages'}\n")
        return 0 if same else 1
    TARGET.write_text(text, "utf-8")
    return 0


def _index() -> Iterator[str]:
    rows = sum(len(matrix.rows) * len(matrix.versions) for matrix in MATRICES)
    yield f"{len(MATRICES)} matrices, {rows} rows played.\n"
    yield _table(("Matrix", *_NAMES.values()), ((f"{m.id} {m.title}", *(_number(m, v) for v in VERSIONS)) for m in MATRICES))


def _number(matrix: Matrix, version: str) -> str:
    return "" if version not in matrix.numbers else matrix.numbers[version] or "played"


def _matrices() -> Iterator[str]:
    for group, matrices in groupby(MATRICES, lambda matrix: matrix.group):
        yield f"## {group}\n"
        for matrix in matrices:
            yield f"### {matrix.id} {matrix.title}\n"
            if matrix.note:
                yield matrix.note + "\n"
            yield _table((*SAID, "", *FOLLOWS), (_cells(row) for row in matrix.rows))


def _cells(row: Row) -> tuple[str, ...]:
    seen = row.expected
    held = {
        "Sent": "; ".join(seen.sent),
        "Order": f"{seen.name} {seen.quantity:f}".strip(),
        "State": seen.state,
        "CumQty": f"{seen.cum_qty:f}",
        "LeavesQty": f"{seen.leaves_qty:f}",
        "AvgPx": f"{seen.avg_px:f}",
        "Marks": ", ".join([*([f"in doubt: {seen.doubt}"] if seen.doubt else []), *(f"!{kind}" for kind in seen.anomalies)]),
    }
    return (*(row.said[name] for name in SAID), "‖", *(held[name] for name in FOLLOWS))


def _table(heading: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> str:
    lines = [heading, tuple("---" for _ in heading), *rows]
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
