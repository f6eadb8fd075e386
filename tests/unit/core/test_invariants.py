"""Every invariant that is looked for online, broken on purpose: dispatch halts, the event says which, the rest goes on."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from gateway.core import execution_control, invariants, risk
from gateway.core.apply import HANDLERS, apply, fills
from gateway.core.core import Core
from gateway.core.events import (
    ClosedUnsent,
    ControlTime,
    DefectReported,
    Denied,
    InvariantBroken,
    PendingNew,
    Recorded,
    SessionNotice,
    SessionReset,
    Suspended,
    TradingSwitched,
)
from gateway.core.exposure import Exposure
from gateway.core.values import CommandKind, TradingState
from gateway.core.verify import Verifier
from gateway.testing.harness import ACCOUNT, SESSION, SYMBOL, VENUE, Harness, settings

D = Decimal
Break = Callable[[Harness, pytest.MonkeyPatch], object]
BREAKS: dict[str, Break] = {}


def breaks(name: str) -> Callable[[Break], Break]:
    def keep(function: Break) -> Break:
        assert name not in BREAKS
        BREAKS[name] = function
        return function

    return keep


def touch(harness: Harness, order_id: str) -> None:
    """An event that concerns the order and changes nothing of interest."""
    harness.report(Suspended, order_id)


def working(harness: Harness) -> str:
    order_id = harness.request_order()
    harness.accept(order_id)
    return order_id


@breaks("order_adds_up")
def _more_filled_than_ordered(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    order_id = working(harness)
    orders = harness.state.execution.orders
    orders[order_id] = replace(orders[order_id], cum_qty=D(10_000))
    touch(harness, order_id)


@breaks("order_has_ended")
def _not_listed_as_open(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    order_id = working(harness)
    del harness.state.execution.open["all"][order_id]
    touch(harness, order_id)


@breaks("answers_awaited")
def _nobody_waits_for_the_answer(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    order_id = harness.request_order()
    harness.state.execution.drop_awaiting(harness.order(order_id).new_in_flight or "")
    harness.report(PendingNew, order_id)


@breaks("exposure_covers")
def _exposure_forgets(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Exposure, "follow", lambda *_: None)
    harness.request_order()


@breaks("one_waits")
def _another_order_s_command_waits(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    order_id = working(harness)
    harness.disconnect()
    harness.request_cancel(order_id)
    pending = harness.state.execution.pending
    pending[order_id] = replace(pending[order_id], command=replace(pending[order_id].command, order_id="1-99"))
    touch(harness, order_id)


@breaks("one_in_flight")
def _nothing_waits_for_an_answer(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    order_id = harness.request_order()
    monkeypatch.setattr(execution_control, "waits", lambda *_, **__: False)
    harness.request_replace(order_id, price="155")


@breaks("nothing_under_kill")
def _risk_does_not_look(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    harness.kill()
    monkeypatch.setattr(risk, "CONTROLS", ())
    harness.request_order()


@breaks("names_are_new")
def _a_name_again(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    order_id = working(harness)
    name = execution_control.cl_ord_id(harness.state, order_id, 2)
    harness.state.execution.cl_ord_ids[VENUE, name] = order_id
    harness.request_replace(order_id, price="155")


@breaks("cum_qty_is_fills")
def _an_order_counts_too_much(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    order_id, update_order = working(harness), fills.update_order

    def wrong(state: Any, recorded: Any, order: Any, what: Any, event: Any, cum_qty: Any, notional: Any) -> Any:
        return update_order(state, recorded, order, what, event, cum_qty + 1000, notional)

    monkeypatch.setattr(fills, "update_order", wrong)
    harness.fill(order_id, "1000")


@breaks("position_is_fills")
def _a_position_counts_twice(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    order_id, trade_position = working(harness), fills.trade_position

    def twice(state: Any, recorded: Any, new: Any, cause: Any) -> Any:
        first = trade_position(state, recorded, new, cause)
        return replace(trade_position(state, recorded, new, cause), before=first.before)

    monkeypatch.setattr(fills, "trade_position", twice)
    harness.fill(order_id, "1000")


@breaks("epochs_rise")
def _an_old_epoch(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    harness.feed(SessionReset(venue=VENUE, session=SESSION, epoch=2, reason="test"))
    harness.feed(SessionNotice(venue=VENUE, session=SESSION, epoch=1, event="gap"))


@breaks("contiguous")
def _a_position_is_skipped(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    def skip(state: Any, recorded: Any, event: Any) -> list[Any]:
        state.seq += 1
        return []

    monkeypatch.setitem(HANDLERS, ControlTime, skip)
    harness.feed(ControlTime(deadline_ns=harness.now_ns))


@breaks("can_be_looked_at")
def _the_look_fails(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    order_id = working(harness)
    monkeypatch.setattr(Exposure, "open_quantity", lambda *_: None)
    touch(harness, order_id)


@breaks("watermark_rises")
@breaks("journal_is_state")
def _the_shell_reports(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("watermark_rises", "journal_is_state"):
        harness.feed(DefectReported(invariant=name, detail="as seen from outside"))


@pytest.mark.parametrize("name", BREAKS)
def test_broken_on_purpose(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    harness = Harness().open()
    with monkeypatch.context() as patched:
        BREAKS[name](harness, patched)
    assert name in [event.invariant for event in harness.events(InvariantBroken)]
    assert name in harness.state.control.broken
    assert "invariant_broken" in harness.anomalies()
    assert harness.state.control.trading["all"] is TradingState.DISABLED
    sent = len(harness.sent(CommandKind.NEW))
    harness.request_order()
    assert len(harness.sent(CommandKind.NEW)) == sent
    assert harness.events(Denied)[-1].code in ("trading_disabled", "kill_engaged")


def test_all_of_them_are_broken_somewhere() -> None:
    looked_for = {one.name for _, group in invariants.CHECKS for one in group if group is not invariants.REFUSED}
    assert set(BREAKS) == looked_for


def test_what_is_refused_changes_nothing() -> None:
    harness = Harness().open()
    digest, event = harness.state.digest(), ControlTime(deadline_ns=1)
    with pytest.raises(ValueError, match="stream time"):
        harness.core.step(event, run_id=1, at_ns=harness.now_ns - 1, wall_ns=0)
    with pytest.raises(ValueError, match="cannot follow"):
        apply(
            harness.state, Recorded(seq=harness.state.seq + 2, run_id=1, at_ns=harness.now_ns, wall_ns=0, cause=1, event=event)
        )
    assert harness.state.digest() == digest


def test_reception_and_cancels_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    harness = Harness().open()
    order_id = working(harness)
    harness.feed(DefectReported(invariant="journal_is_state", detail="test"))
    harness.fill(order_id, "4000")
    assert harness.position() == 4000
    harness.request_cancel(order_id)
    assert [command.order_id for command in harness.sent(CommandKind.CANCEL)] == [order_id]
    harness.confirm_cancel(order_id)
    assert harness.order(order_id).state.terminal


def test_what_waits_is_closed() -> None:
    harness = Harness(config=settings(rate_per_second=D(1))).open()
    harness.request_order()
    waiting = harness.request_order()
    assert waiting in harness.state.execution.pending
    harness.feed(DefectReported(invariant="journal_is_state", detail="test"))
    assert harness.events(ClosedUnsent)[-1].command.order_id == waiting
    harness.pass_deadline()
    assert len(harness.sent()) == 1


def test_said_once_and_over_when_trading_is_enabled() -> None:
    harness = Harness().open()
    for _ in range(3):
        harness.feed(DefectReported(invariant="journal_is_state", detail="test"))
    assert len(harness.events(InvariantBroken)) == 1
    enabled = {"actor": "alice", "state": TradingState.ENABLED}
    harness.feed(TradingSwitched(request_id="e1", scope=f"account:{ACCOUNT}", **enabled))
    assert harness.state.control.broken
    harness.feed(TradingSwitched(request_id="e2", scope="all", **enabled))
    assert not harness.state.control.broken
    assert harness.order(harness.request_order()).symbol == SYMBOL
    harness.feed(DefectReported(invariant="journal_is_state", detail="again"))
    assert len(harness.events(InvariantBroken)) == 2


def test_a_fold_finds_it_again_and_verify_says_that_it_does_not_follow_from_the_events() -> None:
    """What damaged memory led to is history; deciding again, from sound memory, does not lead there."""
    harness = Harness().open()
    with pytest.MonkeyPatch.context() as patched:
        BREAKS["exposure_covers"](harness, patched)
    folded = Core({})
    folded.fold(harness.records)
    assert folded.state.control.broken == harness.state.control.broken
    verifier = Verifier(lambda _: {})
    differences = [*verifier.feed(harness.records), *verifier.finish()]
    assert "invariant_broken" in (differences[0].recorded or "")
    assert differences[0].computed is None
