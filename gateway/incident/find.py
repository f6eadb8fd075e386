"""Where in the journal an order, or a window of time, is.

The records answer at once, where they are of this journal; what a live gateway has journalled since is looked at event by
event. The journal alone answers too, by a walk over all of it.
"""

from __future__ import annotations

from datetime import UTC

from gateway.core.changes import OrderChanged
from gateway.core.events import Event
from gateway.errors import NotFound, UsageError
from gateway.incident.collect import Subject
from gateway.incident.history import History, Progress, advance
from gateway.instants import local_time
from gateway.records.queries import view_rows
from gateway.records.store import RecordStore

_NAMES = ("order_id", "cl_ord_id", "venue_order_id")
_MOST_BEHIND = 100_000
"""Events that a live gateway's records may lack, and that are looked at one by one."""
AROUND_NS = 2_000_000_000
"""What a review of an order shows of the time before its first event and after its last."""


def window(history: History, from_ns: int, to_ns: int) -> Subject:
    """All events with a stream time in [from_ns, to_ns). Raises UsageError, or NotFound naming what the journal holds."""
    if to_ns <= from_ns:
        raise UsageError("--to is not after --from: there is no time between them")
    first, last = history.first_at(from_ns), history.first_at(to_ns) - 1
    if last < first:
        begin, end = history.one(history.first).at_ns, history.one(history.head).at_ns
        between = f"between {_utc(from_ns)} and {_utc(to_ns)}"
        raise NotFound(f"nothing was recorded {between}: the journal goes from {_utc(begin)} to {_utc(end)}")
    return Subject(title=f"{_utc(from_ns)} to {_utc(to_ns)}", first=first, last=last)


def order(history: History, name: str, store: RecordStore | None, progress: Progress = lambda *_: None) -> Subject:
    """The stretch in which an order lived; `name` is its order id or one of its ClOrdIDs. Raises NotFound."""
    subject = None if store is None else _from_records(history, name, store)
    if subject is None:
        subject = _from_journal(history, name, progress)
    if subject is None:
        raise NotFound(f"there is no order {name}: `gateway order list` and `gateway decision list` show what there is")
    return _with_surroundings(history, subject)


def _from_records(history: History, name: str, store: RecordStore) -> Subject | None:
    seq, hash_ = store.checkpoint()
    if history.head - seq > _MOST_BEHIND or not history.holds(seq, hash_):
        return None  # far behind, or of another journal: the journal knows
    for column in ("order_id", "cl_ord_id"):
        decisions = view_rows(store, "v_decisions", where={column: name})
        events = view_rows(store, "v_order_events", where={column: name})
        if not decisions and not events:
            continue
        order_id = str((decisions or events)[0]["order_id"])
        if column == "cl_ord_id":
            return _from_records(history, order_id, store)
        orders = view_rows(store, "v_orders", where={"order_id": order_id})
        first = [row["trigger_seq"] or row["event_seq"] for row in decisions] + [row["event_seq"] for row in events]
        last = [row["event_seq"] for row in (*decisions, *events)]
        names = {str(row[key]) for row in (*decisions, *events, *orders) for key in _NAMES if row.get(key)}
        last += [one.seq for one in history.events(seq, history.head) if _names(one.event, names)]
        told = (orders or decisions)[0] if orders or decisions else {}
        return Subject(
            title=f"order {order_id}",
            first=min(int(str(seq)) for seq in first),
            last=max(int(str(seq)) for seq in last),
            order_id=order_id,
            venue=str(told.get("venue") or "") or None,
            symbol=str(told.get("symbol") or "") or None,
            strategy=str(told.get("strategy") or "") or None,
        )
    return None


def _names(event: Event, names: set[str]) -> bool:
    """Whether an event is about an order that goes by these; names that come with it are added."""
    about = getattr(event, "command", event)
    found = {str(value) for key in _NAMES if (value := getattr(about, key, None))}
    if names.isdisjoint(found):
        return False
    names |= found
    return True


def _from_journal(history: History, name: str, progress: Progress) -> Subject | None:
    found: Subject | None = None
    names = {name}
    state = history.state_before(history.first, progress)
    for recorded in history.walk(state, history.head, progress):
        moment = advance(state, recorded)
        event = recorded.event
        command = getattr(event, "command", None)
        about = command if command is not None else event if getattr(event, "order_id", None) else None
        told = [change.after for change in moment.changes if isinstance(change, OrderChanged)]
        for one in (*told, *((about,) if about is not None else ())):
            order_id, cl_ord_id = one.order_id, getattr(one, "cl_ord_id", None)
            if order_id not in names and cl_ord_id not in names:
                continue
            names |= {order_id}
            found = Subject(
                title=f"order {order_id}",
                first=found.first if found else recorded.cause,
                last=recorded.seq,
                order_id=order_id,
                venue=getattr(one, "venue", None) or (found.venue if found else None),
                symbol=getattr(one, "symbol", None) or (found.symbol if found else None),
                strategy=getattr(one, "strategy", None) or (found.strategy if found else None),
            )
    return found


def _with_surroundings(history: History, subject: Subject) -> Subject:
    begin = history.one(max(subject.first, history.first)).at_ns
    end = history.one(min(subject.last, history.head)).at_ns
    return Subject(
        title=subject.title,
        first=min(history.first_at(begin - AROUND_NS), subject.first),
        last=max(history.first_at(end + AROUND_NS + 1) - 1, subject.last),
        order_id=subject.order_id,
        venue=subject.venue,
        symbol=subject.symbol,
        strategy=subject.strategy,
    )


def _utc(at_ns: int) -> str:
    return f"{local_time(at_ns, UTC):%Y-%m-%d %H:%M:%S.%f}"
