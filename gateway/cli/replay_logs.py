"""`gateway replay LOG...`: what a FIX log comes to, and how it differs from what others say. Compares; decides nothing."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from decimal import Decimal
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gateway.cli import output
from gateway.cli.instance import Instance
from gateway.cli.log import Span, opened, require_messages
from gateway.cli.output import Column, Row, day_column, rounded
from gateway.cli.times import clock, moment
from gateway.core.values import NANOS
from gateway.errors import GatewayError, NotFound
from gateway.wording import counted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.records.store import RecordStore
    from gateway.replay.differences import Comparison
    from gateway.replay.engine import Replay
    from gateway.replay.ledger import Ledger

_MOST = 1000
_ORDERS = (
    Column("First", "created_ns"),
    Column("Order", "order"),
    Column("Symbol", "symbol"),
    Column("Side", "side"),
    Column("Qty", "quantity", right=True),
    Column("Price", "price", right=True),
    Column("State", "state"),
    Column("Done", "cum_qty", right=True),
    Column("Avg", lambda row: rounded(row["avg_px"]) if row["cum_qty"] else None, right=True),
)
_FILLS = (
    Column("Time", "venue_time_ns"),
    Column("Order", "order"),
    Column("ExecID", "exec_id"),
    Column("Symbol", "symbol"),
    Column("Side", "side"),
    Column("Qty", "quantity", right=True),
    Column("Price", "price", right=True),
    Column("Status", "status"),
)
_POSITIONS = (
    Column("Account", lambda row: row["account"] or None),
    Column("Venue", "venue"),
    Column("Symbol", "symbol"),
    Column("Net", "net_qty", right=True),
    Column("Avg", lambda row: rounded(row["avg_px"]), right=True),
    Column("Bought", "bought_qty", right=True),
    Column("Sold", "sold_qty", right=True),
    Column("P&L", lambda row: rounded(row["realized_pnl"]), right=True),
)
_ANOMALIES = (
    Column("Time", "at_ns"),
    Column("Anomaly", "kind"),
    Column("Order", "order"),
    Column("Seq", "msg_seq_num", right=True),
    Column("Detail", "detail"),
)
_DIFFERENCES = (
    Column("Differs", "kind", whole=True),
    Column("What", "what", whole=True),
    Column("Order", "order"),
    Column("ExecID", "exec_id"),
    Column("Symbol", "symbol"),
    Column("Field", "field"),
    Column("Log", lambda row: _value(row["field"], row["log"])),
    Column("Other", lambda row: _value(row["field"], row["other"])),
    Column("Detail", lambda row: row["detail"] or None),
)


def _value(field: str | None, value: Any) -> object:
    """What one side says, as people read it; --json has every digit."""
    if isinstance(value, Decimal):
        return rounded(value)
    return clock(value)[:-3] if field == "venue_time_ns" and value is not None else value


def replay_logs(
    instance: Instance,
    files: tuple[str, ...],
    against_records: str | None,
    against_log: tuple[str, ...],
    *,
    start: int | None,
    end: int | None,
    side: str | None,
    dialect: str | None,
    venue: tuple[str, ...],
    time_tolerance: float,
) -> None:
    """Replay, compare, tell. Raises `GatewayError` in the end when anything differs."""
    from gateway.replay import compare, ledger

    if dialect is not None and dialect.endswith(".toml") and not Path(dialect).exists():
        raise NotFound(f"no file {dialect}; check the path")
    against = bool(against_log) or against_records is not None
    cut = (None, None) if against else (start, end)  # a comparison needs what came before and after
    replayed = _replayed(files, *cut, side, dialect, compared=bool(against_log))
    if against:
        _require_overlap(replayed, start, end)
    ours = ledger.of_replay(replayed, "log") if against else None
    tolerance_ns, span = round(time_tolerance * NANOS), _span(start, end)
    comparisons: list[Comparison] = []
    if ours is not None and against_log:
        theirs = _replayed(against_log, None, None, None, dialect, compared=True)
        name = "drop copy" if not theirs.requests else "other log"
        comparisons.append(compare.compare(ours, ledger.of_replay(theirs, name), tolerance_ns=tolerance_ns, span=span))
    if ours is not None and against_records is not None:
        theirs_held = _records(instance.records_at(against_records), replayed, ours, venue)
        comparisons.append(compare.compare(ours, theirs_held, tolerance_ns=tolerance_ns, span=span))
    if instance.as_json:
        told = [{**asdict(one), "equal": one.equal} for one in comparisons]
        output.document({**_document(replayed), "comparisons": told})
    else:
        _told(replayed, tables=not comparisons)
        for one in comparisons:
            _compared(one)
    found = sum(len(one.differences) for one in comparisons)
    if found:
        raise GatewayError(f"{found} differences")
    for one in comparisons:
        if one.apart:
            raise NotFound(f"nothing was compared: the log and the {one.other} are of other times")


def _require_overlap(replayed: Replay, start: int | None, end: int | None) -> None:
    """Raises `NotFound` when nothing of the log is between --from and --to."""
    first, last = replayed.totals.first_ns, replayed.totals.last_ns
    if first is not None and last is not None and ((start or first) > last or (end or last + 1) <= first):
        raise NotFound(Span(first, last).missed(replayed.totals.read))


def _span(start: int | None, end: int | None) -> Any:
    from gateway.replay.ledger import Span

    return None if start is None and end is None else Span(start, None if end is None else end - 1)


def _replayed(
    files: tuple[str, ...], start: int | None, end: int | None, side: str | None, dialect: str | None, *, compared: bool
) -> Replay:
    from gateway.replay.ahead import Wanted, batches
    from gateway.replay.engine import Replay

    found = opened(files)
    replayed = Replay(several=len(found) > 1, compared=compared)
    with output.progress() as progress:
        for batch in batches(Wanted(tuple(files), side, dialect, start, end)):
            replayed.follow(batch.told)
            if batch.progress is not None:
                progress(*batch.progress)
            if batch.totals is not None:
                replayed.totals = batch.totals
                for one, (_, size, problem) in zip(found, batch.logs, strict=True):
                    one.source.size, one.source.problem = size, problem
    replayed.finish()
    totals = replayed.totals
    require_messages(found, totals.read)
    if not totals.messages:
        raise NotFound(Span(*(totals.outside or (None, None))).missed(totals.read))
    return replayed


def _records(store: RecordStore, replayed: Replay, ours: Ledger, chosen: tuple[str, ...]) -> Ledger:
    from gateway.replay import recorded

    try:
        store.require_file()
        store.require_current()
        sessions = [session.name for session in replayed.sessions]
        venues = recorded.venues_of(store, sessions, chosen)
        return recorded.of_records(store, venues, ours.span)
    finally:
        store.close()


def _document(replayed: Replay) -> dict[str, Any]:
    totals = replayed.totals
    return {
        "messages": totals.messages,
        "requests": replayed.requests,
        "reports": replayed.reports,
        "repeated": totals.repeated,
        "not_read": totals.not_read,
        "first_ns": totals.first_ns,
        "last_ns": totals.last_ns,
        "sessions": [
            {"session": one.name, "venue": one.venue, "messages": messages}
            for one, messages in zip(replayed.sessions, totals.by_session, strict=True)
        ],
        **_rows(replayed),
        "anomaly_counts": dict(replayed.anomaly_counts),
    }


def _rows(replayed: Replay) -> dict[str, Iterator[Row]]:
    """The rows of each table, made as they are asked for."""
    from gateway.replay import ledger

    names, orders = ledger.names_in(replayed), replayed.state.execution.orders

    @lru_cache(maxsize=8)  # executions of an order come together
    def name(order_id: str | None) -> str | None:
        order = None if order_id is None else orders.get(order_id)
        if order is None or order_id is None:
            return None
        return next(iter(names(order_id)), order.venue_order_id)

    held = replayed.state.execution.positions.values()
    return {
        "orders": (
            {"order": next(iter(line.names), line.venue_order_id), **asdict(line)} for line in ledger.orders_of(replayed)
        ),
        "fills": ({**asdict(line), "order": name(line.order)} for line in ledger.fills_of(replayed)),
        "positions": ({field: getattr(one, field) for field in one.__struct_fields__} for one in held),
        "anomalies": ({**asdict(one), "order": name(one.order_id)} for one in replayed.anomalies),
    }


def _told(replayed: Replay, *, tables: bool) -> None:
    totals, execution = replayed.totals, replayed.state.execution
    click.echo(f"{totals.messages} messages: {replayed.requests} requests, {replayed.reports} reports about orders")
    click.echo(f"{moment(totals.first_ns)} to {moment(totals.last_ns)}")
    for session in replayed.sessions:
        click.echo(output.cell(f"session {session.name}"))
    if totals.repeated:
        click.echo(f"{totals.repeated} messages stand in the logs more than once, and count once")
    if totals.not_read:
        kinds = ", ".join(f"{count} of type {kind}" for kind, count in Counter(totals.not_read).most_common(8))
        click.echo(output.cell(f"not read: {kinds}"))
    counts = ", ".join(f"{count} {kind}" for kind, count in replayed.anomaly_counts.most_common()) or "none"
    click.echo(f"{len(execution.orders)} orders, {replayed.executions} executions; anomalies: {counts}")
    if not tables:
        return
    found = _rows(replayed)
    for title, columns, key, count in (
        ("orders", _ORDERS, "orders", len(execution.orders)),
        ("executions", _FILLS, "fills", len(execution.fills)),
        ("positions", _POSITIONS, "positions", len(execution.positions)),
        ("anomalies", _ANOMALIES, "anomalies", len(replayed.anomalies)),
    ):
        if count:
            click.echo(f"\n{title}")
            rows = list(islice(found[key], _MOST))
            first = columns[0]
            if isinstance(first.value, str) and first.value.endswith("_ns"):
                columns = (day_column(first.title, first.value, rows), *columns[1:])
            output.show(False, columns, rows, empty="none")
            if count > _MOST:
                output.say(f"{count - _MOST} more {title} are not shown: --json has all of them")


def _compared(comparison: Comparison) -> None:
    first, last = moment(comparison.span.first_ns), moment(comparison.span.last_ns)
    click.echo(f"\ncompared with {comparison.other}, as far as both reach\n{first} to {last}")
    if comparison.clock_apart_ns:
        ahead = "behind" if comparison.clock_apart_ns > 0 else "ahead of"
        click.echo(f"its clock is {abs(comparison.clock_apart_ns) / NANOS:.3f} s {ahead} the log's: allowed for")
    both = counted(order=comparison.orders, execution=comparison.executions, position=comparison.positions)
    click.echo(f"on both sides: {both}")
    if comparison.left_out_orders or comparison.left_out_executions:
        click.echo(
            f"left out, for the other side cannot know them: {comparison.left_out_orders} orders,"
            f" {comparison.left_out_executions} executions"
        )
    if comparison.went_on:
        click.echo(f"how they ended is not compared, for they went on after one side's end: {comparison.went_on} orders")
    rows = [asdict(one) for one in comparison.differences[:_MOST]]
    columns = [
        column for column in _DIFFERENCES if column.title in ("Log", "Other") or any(column.of(row) != "-" for row in rows)
    ]
    output.show(False, columns, rows, empty="nothing to compare" if comparison.apart else "no differences")
    if len(comparison.differences) > _MOST:
        output.say(f"{len(comparison.differences) - _MOST} more differences are not shown: --json has all of them")
