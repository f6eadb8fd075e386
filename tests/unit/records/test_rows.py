"""From changes to rows, with changes made by hand: no state, no journal, no database."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from gateway.core import changes as ch
from gateway.core import events as ev
from gateway.core.orders import Command, Fill, Order, Position
from gateway.core.settings import CoreSettings
from gateway.core.values import CommandKind, FillStatus, OrderState, OrderType, Side, TimeInForce, TradingState
from gateway.records.context import Context, Row, RowOp, cleaned, quotient
from gateway.records.rows import project
from gateway.records.tables import PROJECTED

ORDER = Order(
    order_id="7-1",
    strategy="maker",
    account="ACC",
    venue="SIM",
    symbol="USD/JPY",
    side=Side.SELL,
    order_type=OrderType.STOP_LIMIT,
    time_in_force=TimeInForce.GTC,
    quantity=Decimal(10),
    price=Decimal("1.5"),
    stop_price=Decimal("1.4"),
    state=OrderState.SUBMITTED,
    cl_ord_id="A7-1",
    created_ns=1,
    updated_ns=1,
)
COMMAND = Command(
    kind=CommandKind.NEW,
    order_id="7-1",
    cl_ord_id="A7-1",
    venue="SIM",
    strategy="maker",
    account="ACC",
    symbol="USD/JPY",
    side=Side.SELL,
    order_type=OrderType.LIMIT,
    time_in_force=TimeInForce.DAY,
    quantity=Decimal(10),
    price=Decimal("1.5"),
)
SENT = ev.Transmitted(venue="SIM", session="FIX.4.4:A->B", epoch=1, msg_seq_num=5, order_id="7-1", cl_ord_id="A7-1", sent_ns=77)


def at(seq: int, event: ev.Event, cause: int | None = None) -> ev.Recorded:
    return ev.Recorded(seq=seq, run_id=7, at_ns=seq * 100, wall_ns=0, cause=cause or seq, event=event)


def in_a_run() -> Context:
    """Some way into a run, with the order above."""
    return Context(config_sha256="abc", configurations_seen={"abc"}, strategy_of={"7-1": "maker"}.get)


def rows(seq: int, event: ev.Event, *changes: ch.Change, context: Context | None = None) -> list[RowOp]:
    return project(at(seq, event), changes, context or in_a_run())


def of(ops: list[RowOp], table: str) -> Row:
    (row,) = [op.row for op in ops if op.table == table]
    return row


def test_every_row_has_exactly_the_columns_of_its_table() -> None:
    settings = CoreSettings(config_sha256="abc")
    position = Position(account="ACC", strategy="maker", venue="SIM", symbol="USD/JPY")
    session = ch.Session(venue="SIM", session="FIX.4.4:A->B")
    fill = Fill(
        order_id="7-1", exec_id="E1", trade_date="20240101", venue="SIM", account="ACC", strategy="maker",
        symbol="USD/JPY", side=Side.SELL, last_qty=Decimal(1), last_px=Decimal(2), status=FillStatus.NEW,
    )  # fmt: skip
    acted = ch.OperatorActed(
        action="kill_engaged", actor="a", scope="strategy:maker", reason="", request_id="r", before="", after="", result=""
    )
    made = [
        *rows(
            1,
            ev.RunStarted(version="1", settings=settings, trading_date="20240101", id_prefix="A"),
            context=Context(config_sha256="abc"),
        ),
        *rows(2, ev.Dispatched(command=COMMAND, decided_seq=2, ack_deadline_ns=9), ch.OrderChanged(before=None, after=ORDER)),
        *rows(
            3,
            ev.Filled(venue="SIM", last_qty=Decimal(1), last_px=Decimal(2)),
            ch.OrderChanged(before=ORDER, after=ORDER, anomaly="late_fill"),
            ch.FillChanged(before=None, after=fill),
            ch.PositionChanged(before=position, after=position, cause="fill", quantity=Decimal(-1), price=Decimal(2)),
            ch.AnomalyRaised(anomaly="late_fill", order_id="7-1"),
        ),
        *rows(4, ev.ControlTime(deadline_ns=1), ch.SessionChanged(before=None, after=session, event="gap"), acted),
    ]
    assert {op.table for op in made} == set(PROJECTED)
    for op in made:
        assert set(op.row) == set(PROJECTED[op.table].columns.keys()), op.table


def test_ordinals_are_places_among_the_changes() -> None:
    ops = rows(
        9,
        ev.ControlTime(deadline_ns=1),
        ch.AnomalyRaised(anomaly="a"),
        ch.OrderChanged(before=ORDER, after=ORDER),
        ch.AnomalyRaised(anomaly="b", order_id="7-1"),
    )
    history = [op.row for op in ops if "ordinal" in op.row]
    assert [(row["event_seq"], row["ordinal"]) for row in history] == [(9, 0), (9, 1), (9, 2)]
    assert [row["strategy"] for row in history] == [None, "maker", "maker"], "an anomaly of an order is its strategy's too"


def test_an_order_row_says_it_all_in_plain_words() -> None:
    after = replace(
        ORDER,
        state=OrderState.PARTIALLY_FILLED,
        cum_qty=Decimal(3),
        notional=Decimal(10),
        in_doubt="ack_timeout",
        external=True,
    )
    row = of(rows(4, ev.InDoubt(order_id="7-1", reason="ack_timeout"), ch.OrderChanged(before=ORDER, after=after)), "orders")
    assert (row["side"], row["order_type"], row["time_in_force"], row["state"]) == (
        "sell", "stop-limit", "gtc", "PartiallyFilled",
    )  # fmt: skip
    assert all(type(value) is str for value in (row["side"], row["state"])), "no enum reaches a driver"
    assert (row["in_doubt"], row["in_doubt_reason"], row["external"]) == (True, "ack_timeout", True)
    assert (row["cum_qty"], row["leaves_qty"], row["avg_px"]) == (3, 7, Decimal("3.33333333333333"))
    assert (row["event_seq"], row["recorded_ns"], row["run_id"], row["config_sha256"]) == (4, 400, 7, "abc")


def test_a_session_change_without_a_word_for_it_is_no_history() -> None:
    session = ch.Session(venue="SIM", session="FIX.4.4:A->B")
    ops = rows(1, ev.ControlTime(deadline_ns=1), ch.SessionChanged(before=None, after=session))
    assert [op.table for op in ops] == ["sessions"]


@pytest.mark.parametrize(
    ("event", "said"),
    [
        (
            ev.Filled(venue="SIM", cl_ord_id="A7-0", orig_cl_ord_id="A7-9", exec_id="E1", exec_type="F", ord_status="1",
                      last_qty=Decimal(3), last_px=Decimal(2), cum_qty=Decimal(3), poss_dup=True, session="S", msg_seq_num=4),
            {"event": "filled", "cl_ord_id": "A7-0", "orig_cl_ord_id": "A7-9", "exec_id": "E1", "exec_type": "F",
             "ord_status": "1", "last_qty": 3, "last_px": 2, "cum_qty": 3, "poss_dup": True, "session": "S", "msg_seq_num": 4},
        ),
        (
            ev.Dispatched(command=replace(COMMAND, cl_ord_id="A7-2", orig_cl_ord_id="A7-1"), decided_seq=1, ack_deadline_ns=1),
            {"event": "dispatched", "cl_ord_id": "A7-2", "orig_cl_ord_id": "A7-1", "poss_dup": False, "last_qty": None},
        ),
        (SENT, {"event": "transmitted", "session": "FIX.4.4:A->B", "msg_seq_num": 5, "cl_ord_id": "A7-1"}),
        (
            ev.FillInferred(order_id="7-1", venue="SIM", exec_id="I1", trade_date="", last_qty=Decimal(1), last_px=Decimal(2)),
            {"event": "fill_inferred", "exec_id": "I1", "last_qty": 1, "last_px": 2},
        ),
        (ev.InDoubt(order_id="7-1", reason="disconnect"), {"event": "in_doubt", "text": "disconnect"}),
        (ev.Resolved(order_id="7-1", disposition="reported"), {"event": "resolved", "text": "reported"}),
        (ev.Resolved(order_id="7-1", disposition="not_sent", detail="by hand"), {"text": "not_sent: by hand"}),
        (
            ev.SubmissionFailed(order_id="7-1", cl_ord_id="A7-1", reason="gate"),
            {"event": "submission_failed", "text": "gate", "cl_ord_id": "A7-1"},
        ),
        (ev.Cancelled(venue="SIM"), {"event": "cancelled", "cl_ord_id": "A7-1", "session": None, "cum_qty": None}),
    ],
)  # fmt: skip
def test_the_history_holds_what_the_event_said(event: ev.Event, said: dict[str, Any]) -> None:
    row = of(rows(3, event, ch.OrderChanged(before=ORDER, after=ORDER)), "order_events")
    assert {name: row[name] for name in said} == said
    assert (row["from_state"], row["to_state"]) == ("Submitted", "Submitted")


def decided(*events: ev.Event, context: Context | None = None) -> list[Row]:
    """The decision rows as they stand after `events`, which begin at position 10."""
    context = context or in_a_run()
    table: dict[object, Row] = {}
    for seq, event in enumerate(events, start=10):
        for op in project(at(seq, event, cause=3), [], context):
            table[op.row["event_seq"]] = op.row
    assert not context.decisions or "outcome" in next(iter(context.decisions.values()))
    return list(table.values())


def test_a_decision_that_waits_is_one_row_to_the_wire() -> None:
    waited = ev.Dispatched(command=COMMAND, decided_seq=10, ack_deadline_ns=1)
    context = Context()
    (row,) = decided(ev.Queued(command=COMMAND, why="rate_limit"), waited, SENT, context=context)
    assert (row["event_seq"], row["updated_seq"], row["outcome"], row["intent"]) == (10, 12, "dispatched", "NEW")
    assert (row["decided_ns"], row["dispatched_ns"], row["sent_ns"], row["trigger_seq"]) == (1000, 1100, 77, 3)
    assert (row["session"], row["msg_seq_num"]) == ("FIX.4.4:A->B", 5)
    assert context.decisions == {}, "closed decisions are forgotten"


def test_a_decision_at_once() -> None:
    (row,) = decided(ev.Dispatched(command=COMMAND, decided_seq=10, ack_deadline_ns=1))
    assert (row["outcome"], row["decided_ns"], row["dispatched_ns"], row["sent_ns"]) == ("dispatched", 1000, 1000, None)


@pytest.mark.parametrize(
    ("event", "outcome", "reason"),
    [
        (ev.Superseded(command=COMMAND, by="CANCEL"), "superseded", "CANCEL"),
        (ev.ClosedUnsent(command=COMMAND, reason="killed"), "closed_unsent", "killed"),
    ],
)
def test_a_decision_that_never_went(event: ev.Event, outcome: str, reason: str) -> None:
    (waited,) = decided(ev.Queued(command=COMMAND, why="rate_limit"), event)
    assert (waited["event_seq"], waited["outcome"], waited["code"], waited["reason"]) == (10, outcome, outcome, reason)
    (at_once,) = decided(event)
    assert (at_once["event_seq"], at_once["outcome"]) == (10, outcome)


def test_a_dispatch_that_failed() -> None:
    failed = ev.SubmissionFailed(order_id="7-1", cl_ord_id="A7-1", reason="gate closed")
    (row,) = decided(ev.Dispatched(command=COMMAND, decided_seq=10, ack_deadline_ns=1), failed)
    assert (row["outcome"], row["code"], row["reason"]) == ("failed", "submission_failed", "gate closed")
    assert decided(failed) == [], "the decision of an earlier, unknown dispatch is not invented"
    assert decided(SENT) == []


def test_a_rewritten_new_is_a_decision_of_its_own() -> None:
    smaller = replace(COMMAND, quantity=Decimal(5))
    first, second = decided(
        ev.Queued(command=COMMAND, why="rate_limit"),
        ev.Superseded(command=COMMAND, by="REPLACE"),
        ev.Queued(command=smaller, why="rate_limit"),
        ev.Dispatched(command=smaller, decided_seq=12, ack_deadline_ns=1),
    )
    assert (first["outcome"], first["quantity"]) == ("superseded", 10)
    assert (second["outcome"], second["quantity"], second["event_seq"]) == ("dispatched", 5, 12)


def test_a_denial_has_its_code_and_the_trading_state() -> None:
    denied = ev.Denied(
        order_id=None, intent="NEW", strategy="maker", account="ACC", venue="SIM", symbol="USD/JPY", code="c", reason="1 > 0"
    )
    context = Context(trading={"venue:SIM": TradingState.REDUCED, "strategy:other": TradingState.DISABLED})
    (row,) = decided(denied, context=context)
    assert (row["outcome"], row["code"], row["reason"], row["side"], row["quantity"]) == ("denied", "c", "1 > 0", None, None)
    assert row["trading_state"] == "reduced"


@pytest.mark.parametrize(
    ("trading", "killed", "expected"),
    [
        ({}, {}, "enabled"),
        ({"all": TradingState.REDUCED}, {}, "reduced"),
        ({"all": TradingState.REDUCED, "account:A": TradingState.DISABLED}, {}, "disabled"),
        ({"all": TradingState.DISABLED}, {"instrument:S": "why"}, "killed"),
        ({"venue:W": TradingState.DISABLED}, {"venue:W": "why"}, "enabled"),
    ],
)
def test_the_strictest_scope_rules(trading: dict[str, TradingState], killed: dict[str, str], expected: str) -> None:
    context = Context(trading=trading, killed=killed)
    assert context.trading_state(venue="V", strategy="X", account="A", symbol="S") == expected


def test_runs_and_the_first_use_of_a_configuration() -> None:
    context = Context(config_sha256="abc", configuration={"abc": "toml"}.get)
    started = ev.RunStarted(version="1", settings=CoreSettings(config_sha256="abc"), trading_date="20240101", id_prefix="A")
    first = project(at(1, started), [], context)
    assert of(first, "configurations")["toml"] == "toml"
    assert of(first, "runs")["clean_stop"] is False
    (stopped,) = project(at(2, ev.RunStopped()), [], context)
    assert (stopped.row["stopped_ns"], stopped.row["clean_stop"], stopped.row["started_ns"]) == (200, True, 100)
    again = project(at(3, started), [], context)
    assert [op.table for op in again] == ["runs"], "known already"
    assert project(at(4, ev.RunStopped()), [], Context()) == [], "a run whose start nobody saw"


def test_a_configuration_is_known_from_whatever_event_put_it_into_effect() -> None:
    context = in_a_run()
    context.config_sha256 = "def"
    (op,) = project(at(5, ev.ControlTime(deadline_ns=1)), [], context)
    assert (op.table, op.row["config_sha256"], op.row["first_used_ns"]) == ("configurations", "def", 500)
    assert project(at(6, ev.ControlTime(deadline_ns=1)), [], context) == []


def test_an_anomaly_belongs_to_a_strategy() -> None:
    failed = ev.StrategyFailed(strategy="taker", error="ZeroDivisionError")
    assert of(rows(3, failed, ch.AnomalyRaised(anomaly="strategy_failed")), "anomalies")["strategy"] == "taker"
    again = ev.Filled(venue="SIM", last_qty=Decimal(1), last_px=Decimal(2))
    of_order = ch.AnomalyRaised(anomaly="duplicate_execution", order_id="7-1")
    assert of(rows(3, again, of_order), "anomalies")["strategy"] == "maker", "although the order did not change"
    of_nobody = ch.AnomalyRaised(anomaly="unknown_order", order_id="7-9")
    assert of(rows(3, again, of_nobody), "anomalies")["strategy"] is None


def test_what_no_database_can_hold_never_reaches_one() -> None:
    row: Row = {
        "a": "x\0y\udcff",
        "b": Decimal("NaN"),
        "c": 2**63,
        "d": OrderState.FILLED,
        "e": True,
        "f": Decimal("1E+999999"),
    }
    assert cleaned(row) == {"a": "xy?", "b": None, "c": None, "d": "Filled", "e": True, "f": None}
    assert type(cleaned(row)["d"]) is str


def test_quotients_are_comparable_and_prices_untouched() -> None:
    assert quotient(Decimal(1) / Decimal(3)) == Decimal("0.333333333333333")
    assert quotient(Decimal("150.1219")) == Decimal("150.1219")
    assert quotient(Decimal("NaN")).is_nan()
