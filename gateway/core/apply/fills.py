"""Executions: every genuine one counts exactly once, whatever order they arrive in and however often.

Three policies for ExecIDs that do not behave (the key is venue, trade date, order, ExecID(17)):

    same id, same content          a duplicate: changes nothing
    same id, other content         `exec_id_conflict`: the first stands, somebody must look
    other id, same trade           `duplicate_trade`: same time, price, quantity and CumQty(14) that counts it; changes nothing

More than was ordered is a genuine over-fill and counts (`over_fill`, from the lifecycle table). An *inferred* execution
stands for quantity a venue's CumQty proved before its report arrived; the real report replaces it, never adds to it.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from msgspec.structs import replace

from gateway.core.apply.anomalies import misfit
from gateway.core.apply.positions import recount_position, trade_position
from gateway.core.changes import AnomalyRaised, Change, FillChanged, OrderChanged
from gateway.core.ended import FillKey
from gateway.core.events import ExecutionEvent, FillBusted, FillCorrected, Filled, FillInferred, Recorded
from gateway.core.lifecycle import transition
from gateway.core.orders import Fill, Order
from gateway.core.state import State
from gateway.core.values import ZERO, Doubt, FillStatus, OrderState

PLACEHOLDER_IDS = frozenset({"", "0", "NONE", "UNKNOWN", "N/A"})
"""What venues send where an id is required and they have nothing to say."""


STOPPED = "7"
"""OrdStatus(39)."""
PRE_43_TRADES = frozenset("12")
"""ExecType(150) of a partial fill and a fill before FIX 4.3."""


def venue_order_id(event: ExecutionEvent, order: Order) -> str | None:
    """OrderID(37) as the event has it, or as it was known before when the event only fills the field."""
    said = event.venue_order_id
    return said if said is not None and said not in PLACEHOLDER_IDS else order.venue_order_id


def fill(state: State, recorded: Recorded, event: Filled, order: Order) -> list[Change]:
    """Apply a trade report to its order."""
    if event.last_qty <= 0:
        return [misfit("no_quantity", event, order, f"a trade of {event.last_qty}")]
    execution = state.execution
    exec_id = event.exec_id or _unnamed(event)
    key = known_key(state, event.venue, order.order_id, exec_id, event.trade_date)
    known = execution.fills.here(key)  # with its order, which is no record's while something is done about it
    if known is None and event.poss_dup:  # told again on another day, by a venue that states no date of the trade
        known = _same_content(state, event, order)
    if known is not None:
        return _seen_before(event, order, known)
    if _same_trade(state, order, event):
        detail = f"ExecID(17)={exec_id} repeats a trade already counted: {event.last_qty} at {event.last_px}"
        return [misfit("duplicate_trade", event, order, detail)]
    absorbed = _absorb(state, event, order)
    new = Fill(
        order_id=order.order_id,
        exec_id=exec_id,
        trade_date=key[1],
        venue=order.venue,
        account=order.account,
        strategy=order.strategy,
        symbol=order.symbol,
        side=order.side,
        last_qty=event.last_qty,
        last_px=event.last_px,
        status=FillStatus.NEW,
        reported_cum_qty=event.cum_qty,
        venue_time_ns=event.venue_time_ns,
        session=event.session,
        msg_seq_num=event.msg_seq_num,
        counted_on=state.control.run.trading_date,
    )
    execution.put_fill(key, new)
    counted = any(change.after.status is FillStatus.REPLACED for change in absorbed)
    changes: list[Change] = [*absorbed, FillChanged(before=None, after=new, counted=counted)]
    if absorbed:
        changes += recount_position(state, recorded, new, "replaced")
        total = sum((f.last_qty for f in live_fills(state, order.order_id)), order.split_qty)
        what = "filled" if total > order.cum_qty else "fill_inferred"  # what was counted already is no late or over-fill
        return update_order(state, recorded, order, what, event) + changes
    changes.append(trade_position(state, recorded, new, "fill"))
    cum_qty = order.cum_qty + new.last_qty
    notional = order.notional + new.last_qty * new.last_px
    return update_order(state, recorded, order, "filled", event, cum_qty, notional) + changes


def _unnamed(event: Filled) -> str:
    """A name for a trade whose report has no ExecID(17): a resend of the same message is the same execution."""
    place = "" if event.epoch is None else f"{event.epoch}/"  # journals before this field name it without
    return f"{event.session}/{place}{event.msg_seq_num}"


def is_guarantee(state: State, event: Filled, order: Order) -> bool:
    """Before FIX 4.3 a guarantee of an execution is reported like one: OrdStatus(39)=7 (stopped), and CumQty(14) does not move
    (FIX 4.2 appendix D, D37). Where inferred executions stand for reports to come, it may well be one of those."""
    if event.ord_status != STOPPED or event.exec_type not in PRE_43_TRADES or event.cum_qty != order.cum_qty:
        return False
    key = known_key(state, event.venue, order.order_id, event.exec_id or _unnamed(event), event.trade_date)
    inferred = any(fill.status is FillStatus.INFERRED for fill in live_fills(state, order.order_id))
    return key not in state.execution.fills and not inferred


def split(state: State, event: ExecutionEvent, order: Order) -> Order:
    """The order after a corporate action: CumQty(14) is what the venue says, the value of its executions what it was."""
    if event.cum_qty is None or order.state is OrderState.SUBMITTED:
        return order  # nothing to split: what it says is filled has been executed
    executed = sum((fill.last_qty for fill in live_fills(state, order.order_id)), ZERO)
    return replace(order, cum_qty=event.cum_qty, split_qty=event.cum_qty - executed)


def infer(state: State, recorded: Recorded, event: FillInferred) -> list[Change]:
    """Apply a synthetic execution for quantity that the venue's CumQty(14) proves."""
    order = state.execution.orders[event.order_id]
    new = Fill(
        order_id=order.order_id,
        exec_id=event.exec_id,
        trade_date=event.trade_date,
        venue=order.venue,
        account=order.account,
        strategy=order.strategy,
        symbol=order.symbol,
        side=order.side,
        last_qty=event.last_qty,
        last_px=event.last_px,
        status=FillStatus.INFERRED,
        venue_time_ns=event.venue_time_ns,
        counted_on=state.control.run.trading_date,
    )
    state.execution.put_fill((order.venue, event.trade_date, order.order_id, event.exec_id), new)
    cum_qty = order.cum_qty + new.last_qty
    notional = order.notional + new.last_qty * new.last_px
    return [
        *update_order(state, recorded, order, "fill_inferred", None, cum_qty, notional),
        FillChanged(before=None, after=new),
        trade_position(state, recorded, new, "inferred"),
        AnomalyRaised(
            anomaly="fill_inferred",
            order_id=order.order_id,
            venue=order.venue,
            detail=f"{new.last_qty} at {new.last_px}: the venue's CumQty(14) was ahead of the reports received",
        ),
    ]


def known_key(state: State, venue: str, order_id: str, exec_id: str, trade_date: str) -> FillKey:
    """The key of an execution. A report that states no date is the execution we know by its ExecID, whatever its date."""
    if not trade_date:
        known = state.execution.named(order_id, exec_id)
        return known or (venue, state.control.run.trading_date, order_id, exec_id)
    return (venue, trade_date, order_id, exec_id)


def _seen_before(event: Filled, order: Order, known: Fill) -> list[Change]:
    if known.status in (FillStatus.CORRECTED, FillStatus.BUSTED):
        return []  # the original report again, after it was amended
    if (known.last_qty, known.last_px) != (event.last_qty, event.last_px):
        detail = f"ExecID(17)={known.exec_id} was {known.last_qty} at {known.last_px}, now {event.last_qty} at {event.last_px}"
        return [misfit("exec_id_conflict", event, order, detail)]
    if event.poss_dup:
        return []
    return [misfit("duplicate_execution", event, order, f"ExecID(17)={known.exec_id} again, without PossDupFlag(43)")]


def _same_content(state: State, event: Filled, order: Order) -> Fill | None:
    key = None if event.exec_id is None else state.execution.named(order.order_id, event.exec_id)
    known = None if key is None else state.execution.fills[key]
    return known if known is not None and (known.last_qty, known.last_px) == (event.last_qty, event.last_px) else None


def _same_trade(state: State, order: Order, event: Filled) -> bool:
    if event.cum_qty is None or event.venue_time_ns is None or event.cum_qty < event.last_qty:
        return False  # a CumQty(14) that does not even count this trade tells no two trades apart
    key = state.execution.same_trade(order.order_id, event.cum_qty, event.venue_time_ns)
    if key is None:
        return False
    other = state.execution.fills[key]
    return other.live and (other.last_qty, other.last_px) == (event.last_qty, event.last_px)


def live_fills(state: State, order_id: str) -> Iterator[Fill]:
    """Executions of an order that count, oldest first."""
    for key in state.execution.fills_of(order_id):
        found = state.execution.fills[key]
        if found.live:
            yield found


def _absorb(state: State, event: Filled, order: Order) -> list[FillChanged]:
    """Take what this report brings out of the inferred executions that stood for it."""
    if event.cum_qty is not None and event.cum_qty > order.cum_qty:
        return []  # beyond everything counted so far, inferred or not: a new trade
    changes: list[FillChanged] = []
    quantity, notional = event.last_qty, event.last_qty * event.last_px
    for key in tuple(state.execution.fills_of(order.order_id)):
        inferred = state.execution.fills[key]
        if inferred.status is not FillStatus.INFERRED or quantity <= 0:
            continue
        rest = inferred.last_qty - quantity
        if rest > 0:
            price = (inferred.last_qty * inferred.last_px - notional) / rest
            after = replace(inferred, last_qty=rest, last_px=price if price > 0 else inferred.last_px)
        else:
            after = replace(inferred, status=FillStatus.REPLACED)
        state.execution.put_fill(key, after)
        changes.append(FillChanged(before=inferred, after=after))
        notional -= inferred.last_qty * inferred.last_px
        quantity -= inferred.last_qty
    return changes


def update_order(
    state: State,
    recorded: Recorded,
    order: Order,
    what: str,
    event: Filled | FillCorrected | FillBusted | None,
    cum_qty: Decimal | None = None,
    notional: Decimal | None = None,
) -> list[Change]:
    """Move the order; without totals, count its live executions anew."""
    if cum_qty is None or notional is None:
        live = list(live_fills(state, order.order_id))
        cum_qty = sum((f.last_qty for f in live), order.split_qty)
        notional = sum((f.last_qty * f.last_px for f in live), ZERO)
    if order.presumed and what in ("filled", "fill_inferred"):
        what = "filled_presumed"
    new_state, raised = transition(what, order.state, quantity=order.most_quantity, cum_qty=cum_qty)
    if order.external and not order.state.terminal:
        raised = None  # what an order of another origin is for, only the venue knows
    terminal_ns = (order.terminal_ns or recorded.at_ns) if new_state.terminal else None
    after = replace(
        order,
        state=new_state,
        cum_qty=cum_qty,
        notional=notional,
        updated_ns=recorded.at_ns,
        terminal_ns=terminal_ns,
        presumed=order.presumed and new_state is order.state,
        venue_status=order.venue_status if event is None else event.ord_status or order.venue_status,
        venue_order_id=order.venue_order_id if event is None else venue_order_id(event, order),
        in_doubt=None if event is not None and (new_state.terminal or _acknowledges(order)) else order.in_doubt,
    )
    if new_state.terminal or (after.new_in_flight is not None and after.new_in_flight == after.cl_ord_id):
        after = release_requests(state, after, keep_cancel=not new_state.terminal)
    state.execution.put_order(after)
    changes: list[Change] = [OrderChanged(before=order, after=after, anomaly=raised)]
    if raised is not None:
        changes.append(AnomalyRaised(anomaly=raised, order_id=order.order_id, venue=order.venue, detail=what))
    return changes


def _acknowledges(order: Order) -> bool:
    """A fill ends the doubt about a late acknowledgement; the one about an unanswered cancel or replace stays."""
    return order.in_doubt is Doubt.ACK_TIMEOUT and order.cancel_in_flight is None and order.replacing is None


def release_requests(state: State, order: Order, *, keep_cancel: bool) -> Order:
    """Requests that wait for no answer any more: a fill also acknowledges the NEW; the end of an order answers all."""
    if order.new_in_flight is not None:
        state.execution.drop_awaiting(order.new_in_flight)
    elif order.replacing is None and (keep_cancel or order.cancel_in_flight is None):
        return order
    if order.cancel_in_flight is not None and not keep_cancel:
        state.execution.drop_awaiting(order.cancel_in_flight)
    kept = order.cancel_in_flight if keep_cancel else None
    return replace(order, new_in_flight=None, replacing=None, cancel_in_flight=kept)
