"""`gateway replay LOG --against-records`, on each database: equal when they are, and what differs by name."""

from __future__ import annotations

import json
from collections import defaultdict
from decimal import Decimal
from pathlib import Path
from typing import Any

from click.testing import CliRunner
from sqlalchemy import text

from gateway.cli.main import root
from gateway.core.events import Accepted, Dispatched, Filled
from gateway.core.values import Side
from gateway.fix.timestamps import format_utc
from gateway.records.store import RecordStore


def written(path: Path, journal: Any, *, without: str | None = None) -> Path:
    """The FIX log of a desk's day; `without` this ExecID(17)."""
    lines, commands, done = [], {}, defaultdict(Decimal)
    for stored in journal.records:
        event, at = stored.recorded.event, format_utc(stored.recorded.at_ns, 3)
        if isinstance(event, Dispatched):
            commands[event.command.cl_ord_id] = event.command
        elif not isinstance(event, Accepted | Filled):
            continue
        name = event.command.cl_ord_id if isinstance(event, Dispatched) else event.cl_ord_id
        command = commands[name]
        side = "1" if command.side is Side.BUY else "2"
        terms = f"11={name}|1=ACC|55=USD/JPY|54={side}|38={command.quantity}|40=2|44={command.price}|60={at}|"
        if isinstance(event, Dispatched):
            lines.append(said("D", "DESK", "SIM", stored.recorded.seq, at, terms))
            continue
        trade = ""
        if isinstance(event, Filled):
            done[name] += event.last_qty
            trade = f"17={event.exec_id}|32={event.last_qty}|31={event.last_px}|"
        kind = ("F", "2" if done[name] == command.quantity else "1") if trade else ("0", "0")
        left = command.quantity - done[name]
        terms += f"37=V{name}|{trade or '17=ack|'}150={kind[0]}|39={kind[1]}|14={done[name]}|151={left}|6=0|"
        if trade and event.exec_id == without:
            continue
        lines.append(said("8", "SIM", "DESK", stored.recorded.seq, at, terms))
    path.write_bytes(b"".join(lines))
    return path


def said(kind: str, sender: str, target: str, number: int, at: str, body: str) -> bytes:
    inner = f"35={kind}|34={number}|49={sender}|52={at}|56={target}|{body}"
    message = f"8=FIX.4.4|9={len(inner)}|{inner}".replace("|", "\x01").encode()
    return message + b"10=%03d\x01\n" % (sum(message) & 255)


def compared(log: Path, url: str, exit_code: int) -> dict[str, Any]:
    result = CliRunner().invoke(root, ["replay", str(log), "--against-records", url, "--json"])
    assert result.exit_code == exit_code, result.output
    (found,) = json.loads(result.stdout)["comparisons"]
    return found


def test_a_log_and_the_records_of_its_day(desk, journal, recorded_all, store: RecordStore, url: str, tmp_path: Path) -> None:
    desk.trades(4)
    recorded_all()
    equal = compared(written(tmp_path / "whole.log", journal), url, 0)
    assert (equal["orders"], equal["executions"], equal["positions"], equal["differences"]) == (4, 12, 1, [])

    lost = compared(written(tmp_path / "short.log", journal, without="E5"), url, 1)["differences"]
    assert ("missing", "execution", "E5") in [(one["kind"], one["what"], one["exec_id"]) for one in lost]

    with store.transaction() as connection:
        connection.execute(text("UPDATE orders SET state = 'Expired' WHERE order_id = '7-2'"))
    (altered,) = compared(tmp_path / "whole.log", url, 1)["differences"]
    assert (altered["kind"], altered["what"], altered["field"], altered["other"]) == ("state", "order", "state", "Expired")
