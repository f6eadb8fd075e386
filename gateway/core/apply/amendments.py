"""Executions that change after they happened: corrections and busts, those of executions whose own report never came, too.

What an amendment names and we never saw is one of three things, and CumQty(14) tells them apart: a report that was lost (the
correction then counts as the execution, and what was inferred in its place goes), a report that is still to come (the bust
leaves a mark under its name, so that it will not count), or a venue that names executions in a way of its own (nothing is
counted). Either way the anomaly `unknown_execution` is raised, and the core asks the venue.
"""

from __future__ import annotations

from msgspec.structs import asdict, replace

from gateway.core.apply import fills
from gateway.core.apply.anomalies import misfit
from gateway.core.apply.positions import recount_position
from gateway.core.changes import Change, FillChanged
from gateway.core.ended import FillKey
from gateway.core.events import ExecutionEvent, FillBusted, FillCorrected, Filled, Recorded
from gateway.core.orders import Fill, Order
from gateway.core.state import State
from gateway.core.values import ZERO, FillStatus, OrderState


def correct(state: State, recorded: Recorded, event: FillCorrected, order: Order) -> list[Change]:
    """ExecType(150)=G: the execution named by ExecRefID(19) gets new content."""
    key = _amended(state, event, order)
    before = state.execution.fills.get(key)
    if before is None:
        return _correct_unseen(state, recorded, event, order)
    if _said_twice(event, before):
        return []
    if before.status is FillStatus.BUSTED or event.last_qty <= 0:
        detail = f"ExecRefID(19)={event.exec_ref_id} is {before.status}, now {event.last_qty} at {event.last_px}"
        return [misfit("impossible_correction", event, order, detail)]
    after = replace(before, last_qty=event.last_qty, last_px=event.last_px, status=FillStatus.CORRECTED)
    return _amend(state, recorded, event, order, key, before, after)


def bust(state: State, recorded: Recorded, event: FillBusted, order: Order) -> list[Change]:
    """ExecType(150)=H: the execution named by ExecRefID(19) does not count any more."""
    key = _amended(state, event, order)
    before = state.execution.fills.get(key)
    if before is None:
        return _bust_unseen(state, recorded, event, order, key)
    if _said_twice(event, before):
        return []
    return _amend(state, recorded, event, order, key, before, replace(before, status=FillStatus.BUSTED))


def disproved(state: State, recorded: Recorded, event: ExecutionEvent, order: Order) -> list[Change]:
    """Take out of the inferred executions what the venue's CumQty(14) does not bear out any more, the latest first. What was
    reported one by one stays: only a bust takes that back."""
    if event.cum_qty is None or event.poss_dup:
        return []
    excess = order.cum_qty - event.cum_qty
    changes: list[Change] = []
    last = None
    for key in reversed(tuple(state.execution.fills_of(order.order_id))):
        inferred = state.execution.fills[key]
        if inferred.status is not FillStatus.INFERRED or excess <= ZERO:
            continue
        rest = inferred.last_qty - excess
        last = replace(inferred, last_qty=rest) if rest > ZERO else replace(inferred, status=FillStatus.BUSTED)
        state.execution.put_fill(key, last)
        changes.append(FillChanged(before=inferred, after=last))
        excess -= inferred.last_qty
    if last is None:
        return []
    return [
        *fills.update_order(state, recorded, order, _bust_edge(event, order), None),
        *changes,
        *recount_position(state, recorded, last, "bust"),
    ]


def _amended(state: State, event: FillCorrected | FillBusted, order: Order) -> FillKey:
    key = fills.known_key(state, event.venue, order.order_id, event.exec_ref_id, event.trade_date)
    if key not in state.execution.fills:  # amended on a later day
        key = state.execution.named(order.order_id, event.exec_ref_id) or key
    return key


def _said_twice(event: FillCorrected | FillBusted, before: Fill) -> bool:
    return event.exec_id is not None and event.exec_id in before.amendments


def _named(event: FillCorrected | FillBusted, fill: Fill) -> Fill:
    return fill if event.exec_id is None else replace(fill, amendments=(*fill.amendments, event.exec_id))


def _amend(
    state: State, recorded: Recorded, event: FillCorrected | FillBusted, order: Order, key: FillKey, before: Fill, after: Fill
) -> list[Change]:
    if after == before:
        return []  # said twice
    after = _named(event, after)
    state.execution.put_fill(key, after)
    busted = isinstance(event, FillBusted)
    return [
        *fills.update_order(state, recorded, order, _bust_edge(event, order) if busted else "fill_corrected", event),
        FillChanged(before=before, after=after),
        *recount_position(state, recorded, after, "bust" if busted else "correction"),
    ]


def _bust_edge(event: ExecutionEvent, order: Order) -> str:
    """Whether the busted quantity is open again. A venue that does not say is taken to mean yes: never understate."""
    works_again = event.leaves_qty is None or event.leaves_qty > ZERO
    return "fill_busted_open" if order.state is OrderState.FILLED and works_again else "fill_busted"


def _correct_unseen(state: State, recorded: Recorded, event: FillCorrected, order: Order) -> list[Change]:
    """It counts as the execution it corrects, where the venue's CumQty(14) has room for one that we do not have."""
    changes: list[Change] = [_unknown(event, order)]
    live = fills.live_fills(state, order.order_id)
    reported = sum((fill.last_qty for fill in live if fill.status is not FillStatus.INFERRED), order.split_qty)
    if event.cum_qty is None or reported + event.last_qty > event.cum_qty:
        return changes
    fields = {name: value for name, value in asdict(event).items() if name in Filled.__struct_fields__}
    execution = Filled(**(fields | {"exec_id": event.exec_ref_id}))
    changes += fills.fill(state, recorded, execution, order)
    key = fills.known_key(state, event.venue, order.order_id, event.exec_ref_id, event.trade_date)
    counted = state.execution.fills.get(key)
    if counted is None:
        return changes  # another name of a trade already counted
    after = _named(event, replace(counted, status=FillStatus.CORRECTED))
    state.execution.put_fill(key, after)
    return [*changes, FillChanged(before=counted, after=after)]


def _bust_unseen(state: State, recorded: Recorded, event: FillBusted, order: Order, key: FillKey) -> list[Change]:
    """Its report, should it come yet, will not count; what was inferred in its place goes with it."""
    mark = _named(
        event,
        Fill(
            order_id=order.order_id,
            exec_id=event.exec_ref_id,
            trade_date=key[1],
            venue=order.venue,
            account=order.account,
            strategy=order.strategy,
            symbol=order.symbol,
            side=order.side,
            last_qty=ZERO,
            last_px=ZERO,
            status=FillStatus.BUSTED,
            venue_time_ns=event.venue_time_ns,
            session=event.session,
            msg_seq_num=event.msg_seq_num,
            counted_on=state.control.run.trading_date,
        ),
    )
    state.execution.put_fill(key, mark)
    return [_unknown(event, order), FillChanged(before=None, after=mark), *disproved(state, recorded, event, order)]


def _unknown(event: FillCorrected | FillBusted, order: Order) -> Change:
    return misfit("unknown_execution", event, order, f"ExecRefID(19)={event.exec_ref_id} was never reported")
