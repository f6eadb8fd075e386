"""How a matrix is written down: rows of cells between `|`, what was said before `||`, what follows from it behind.

    Time | Message | ExecType | OrdStatus | OrderQty | CumQty | LeavesQty | Last
      || Sent | Order | State | CumQty | LeavesQty | AvgPx | Marks          (on the same line)

*Time* counts as the specification does. A row whose time ends with `*` is another way it can go from there, and those that
follow it under the same time go on that way; the next row without `*` continues where they left.

*Message* is one of

    new 10000@50 [gtc|ioc|fok]      the desk's order, request for other terms, and cancel: what goes to the venue for it,
    replace 12000@51, cancel        now or later, is under *Sent*
    exec Y,X                        ExecutionReport(8), OrderCancelReject(9): ClOrdID(11) and, behind the comma,
    cxlrej Y,X                      OrigClOrdID(41); in quotes a text of the venue's own instead of one of our names
    reject X, busrej X              Reject(3), BusinessMessageReject(j) whose RefSeqNum(45) is that of the last request X
    again 5                         the message of row 5 once more, under another MsgSeqNum(34)
    clock, day, down, up            time passes to the next deadline; the trading day rolls; the session ends; it is back

followed by any tags that are not in a column, as `102=0`; `?151` leaves one out. X, Y, Z, W, V, U are the ClOrdIDs in the order
in which they were sent. *Last* is LastQty@LastPx.

*Sent* is what the row made the gateway send: MsgType(35), names, and of a NEW or REPLACE OrderQty(38)@Price(44). *Order* is
the order's name and quantity. *Marks* are `doubt=REASON`, an anomaly as `!late_fill`, and `venue=STATUS` where the OrdStatus
kept is not that of the row's message. An empty cell means: as before, or for
*Sent* and *Marks*: none.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path

VERSIONS = {"fix42": "generic-fix42", "fix44": "generic-fix44", "fix50": "generic-fix50sp2"}
"""Key of a matrix that holds its number in a version of FIX -> the dialect it is played through."""

SAID = ("Time", "Message", "ExecType", "OrdStatus", "OrderQty", "CumQty", "LeavesQty", "Last")
FOLLOWS = ("Sent", "Order", "State", "CumQty", "LeavesQty", "AvgPx", "Marks")
_FOLDER = Path(__file__).parent


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What there is to see after a row: of the order it speaks of, and of what the gateway sent and complained about."""

    sent: tuple[str, ...] = ()
    name: str = ""
    """The letter of Order.cl_ord_id."""
    quantity: Decimal = Decimal(0)
    state: str = ""
    cum_qty: Decimal = Decimal(0)
    leaves_qty: Decimal = Decimal(0)
    avg_px: Decimal = Decimal(0)
    status: str = ""
    """The venue's OrdStatus(39), by its word."""
    doubt: str = ""
    anomalies: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of a matrix. `said` and `follows` are its cells as written, `expected` what they mean."""

    time: str
    said: dict[str, str]
    follows: dict[str, str]
    expected: Seen

    @property
    def aside(self) -> bool:
        """Another way it can go; the rows after it do not follow from it."""
        return self.time.endswith("*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Matrix:
    """One matrix. `numbers` says under which number which version of the specification has it; none: it is our own."""

    id: str
    group: str
    title: str
    note: str
    numbers: dict[str, str]
    rows: tuple[Row, ...]

    @property
    def versions(self) -> tuple[str, ...]:
        return tuple(self.numbers)


def _cells(text: str, names: tuple[str, ...], where: str) -> dict[str, str]:
    cells = [cell.strip() for cell in text.split("|")]
    if len(cells) > len(names):
        raise ValueError(f"{where}: {len(cells)} cells where there are {len(names)} columns: {text.strip()}")
    return dict(zip(names, [*cells, *[""] * (len(names) - len(cells))], strict=True))


def _rows(text: str, where: str) -> tuple[Row, ...]:
    rows: list[Row] = []
    main = Seen()
    before = main
    for line in filter(None, (line.strip() for line in text.splitlines())):
        left, _, right = line.partition("||")
        said, follows = _cells(left, SAID, where), _cells(right, FOLLOWS, where)
        time = said["Time"]
        aside = time.endswith("*")
        if not aside or not rows or rows[-1].time != time:
            before = main
        before = _expected(said, follows, before)
        main = main if aside else before
        rows.append(Row(time=time, said=said, follows=follows, expected=before))
    return tuple(rows)


def _expected(said: dict[str, str], follows: dict[str, str], before: Seen) -> Seen:
    name, _, quantity = follows["Order"].partition(" ")
    marks = [mark.strip() for mark in follows["Marks"].split(",") if mark.strip()]
    named = dict(mark.split("=", 1) for mark in marks if "=" in mark)
    spoken = said["OrdStatus"] or before.status
    return replace(
        before,
        sent=tuple(sent.strip() for sent in follows["Sent"].split(";") if sent.strip()),
        name=name or before.name,
        quantity=Decimal(quantity) if quantity else before.quantity,
        state=follows["State"] or before.state,
        cum_qty=Decimal(follows["CumQty"]) if follows["CumQty"] else before.cum_qty,
        leaves_qty=Decimal(follows["LeavesQty"]) if follows["LeavesQty"] else before.leaves_qty,
        avg_px=Decimal(follows["AvgPx"]) if follows["AvgPx"] else before.avg_px,
        status=named.get("venue", spoken),
        doubt=named.get("doubt", ""),
        anomalies=tuple(mark[1:] for mark in marks if mark.startswith("!")),
    )


def load() -> tuple[Matrix, ...]:
    """Every matrix, in the order of the files and within them. Raises `ValueError` where a table cannot be read."""
    found: list[Matrix] = []
    for file in sorted(_FOLDER.glob("*.toml")):
        data = tomllib.loads(file.read_text("utf-8"))
        for one in data["matrix"]:
            where = f"{file.name}: {one['id']}"
            numbers = {version: one[version] for version in VERSIONS if version in one}
            if "own" in one:
                numbers = dict.fromkeys(one["own"], "")
            found.append(
                Matrix(
                    id=one["id"],
                    group=data["group"],
                    title=one["title"],
                    note=" ".join(one.get("note", "").split()),
                    numbers=numbers,
                    rows=_rows(one["rows"], where),
                )
            )
    return tuple(found)


MATRICES = load()
