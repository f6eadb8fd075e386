"""An order, or a window of time, as a review: walks the journal once with the state beside it.

What belongs to an order is what names it or changed it, the event that caused each decision about it, and what went on around
it: operators, its venue's session, its feed, its strategy. A window holds everything but market data nobody acted on, which
is counted and drawn as quotes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import msgspec

from gateway.core import events as ev
from gateway.core.changes import AnomalyRaised, Change, FillChanged, OrderChanged
from gateway.core.orders import Order
from gateway.core.state import State
from gateway.core.values import SCOPE_ALL
from gateway.errors import NotFound
from gateway.incident.history import History, Moment, Progress, advance
from gateway.incident.model import (
    BookView,
    Entry,
    Execution,
    Incident,
    OrderLane,
    OrderState,
    Quote,
    Stage,
    Wire,
)
from gateway.incident.narrate import MESSAGES, narrate
from gateway.incident.spans import Spans

MOST_ENTRIES = 5_000
_MOST_QUOTES = 2_000
_DEPTH = 10
_QUIET = (ev.MarketEvent, ev.StrategyRemembered, ev.ControlTime)
"""Entries only where something follows from them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What a review is about: a stretch of the journal, and one order in it unless `order_id` is None."""

    title: str
    first: int
    last: int
    order_id: str | None = None
    venue: str | None = None
    symbol: str | None = None
    strategy: str | None = None


def collect(history: History, subject: Subject, progress: Progress = lambda *_: None) -> Incident:
    """The review of a subject. Raises NotFound when the journal does not hold it, PreconditionFailed when it is cut."""
    first, last = max(subject.first, history.first), min(subject.last, history.head)
    if first > last:
        raise NotFound(f"nothing was recorded there: the journal holds events {history.first} to {history.head}")
    collector = _Collector(subject, history.one(first), history.one(last))
    state = history.state_before(first, progress)
    collector.begin(state)
    for recorded in history.walk(state, last, progress):
        collector.before(state, recorded)
        collector.take(state, advance(state, recorded))
    return collector.finish()


class _Collector:
    def __init__(self, subject: Subject, first: ev.Recorded, last: ev.Recorded) -> None:
        self._subject = subject
        self._spans = Spans()
        self._lanes: dict[str, OrderLane] = {}
        self._kinds: dict[str, str] = {}
        """ClOrdID -> the message that carried it."""
        self._cause: Moment | None = None
        """The input event of the step under way, until it is an entry."""
        self._book: BookView | None = None
        self.incident = Incident(
            subject=subject.title,
            from_seq=first.seq,
            to_seq=last.seq,
            from_ns=first.at_ns,
            to_ns=last.at_ns,
            runs=[],
            config_sha256=[],
            entries=[],
            orders=[],
            spans=[],
            quotes={},
        )

    def begin(self, state: State) -> None:
        """What was open when the review begins."""
        self._settings(state)
        for order_id in state.execution.open[SCOPE_ALL]:
            order = state.execution.orders[order_id]
            if self._subject.order_id in (None, order_id):
                self._stage(order, state.at_ns)
        if self._subject.symbol is not None:
            self._quote(state, self._subject.venue or "", self._subject.symbol)

    def before(self, state: State, recorded: ev.Recorded) -> None:
        """The market as it is seen by what comes now."""
        if recorded.cause == recorded.seq:
            self._cause = None
        self._book = _book_for(state, recorded.event)

    def take(self, state: State, moment: Moment) -> None:
        recorded, event = moment.recorded, moment.recorded.event
        self._learn(state, recorded)
        self._spans.take(recorded)
        if isinstance(event, ev.MarketEvent):
            self.incident.market_events += 1
            if self._subject.symbol in (None, event.symbol):
                self._quote(state, event.venue, event.symbol)
        self._follow(moment.changes, recorded)
        if not self._belongs(event, moment.changes):
            if recorded.cause == recorded.seq:
                self._cause = moment
            return
        if recorded.cause != recorded.seq and self._cause is not None:
            cause, self._cause = self._cause, None
            self._enter(cause, None)
        self._enter(moment, self._book)

    def finish(self) -> Incident:
        found = self.incident
        found.spans = [span for span in self._spans.found if self._subject.order_id in (None, span.order_id)]
        if found.left_out:
            found.notes.append(f"{found.left_out} more events are not shown: the first {MOST_ENTRIES} are; narrow the window")
        return found

    # ------------------------------------------------------------------------------------------------------- belonging

    def _belongs(self, event: ev.Event, changes: Iterable[Change]) -> bool:
        subject = self._subject
        if subject.order_id is None:
            return not isinstance(event, _QUIET)
        if subject.order_id in _named(event) or any(_order_of(change) == subject.order_id for change in changes):
            return True
        if _named(event):
            return False  # another order's
        if isinstance(event, ev.OperatorEvent):
            return not isinstance(event, ev.OrderRequested)  # another order's; that of this one is its cause
        if isinstance(event, ev.SessionEvent):
            return event.venue == subject.venue
        if isinstance(event, ev.FeedStatus):
            return event.symbol in (None, subject.symbol)
        if isinstance(event, ev.StrategyDisabled | ev.StrategyFailed):
            return event.strategy == subject.strategy
        if isinstance(event, ev.ReconciliationStarted | ev.ReconciliationFinished | ev.VenueOpened):
            return event.venue == subject.venue
        return isinstance(event, ev.RunStarted | ev.RunStopped)

    # --------------------------------------------------------------------------------------------------------- entries

    def _enter(self, moment: Moment, book: BookView | None) -> None:
        if len(self.incident.entries) >= MOST_ENTRIES:
            self.incident.left_out += 1
            return
        recorded, changes = moment.recorded, moment.changes
        told = narrate(recorded)
        after = [change.after for change in changes if isinstance(change, OrderChanged)]
        wanted = [order for order in after if self._subject.order_id in (None, order.order_id)]
        previous = self.incident.entries[-1] if self.incident.entries else None
        named = [*(order.order_id for order in (*wanted[-1:], *after)), *_named(recorded.event)]
        command = getattr(recorded.event, "command", recorded.event)
        self.incident.entries.append(
            Entry(
                seq=recorded.seq,
                cause=recorded.cause,
                at_ns=recorded.at_ns,
                wall_ns=recorded.wall_ns,
                kind=recorded.event.kind(),
                lane=told.lane,
                title=told.title,
                detail=told.detail,
                order_id=named[0] if named else None,
                venue=_venue_of(recorded.event),
                after=_after(wanted[-1]) if wanted else None,
                anomalies=tuple(_anomalies(changes)),
                wire=self._wire(recorded.event),
                book=book,
                price=getattr(command, "price", None) if book is not None else None,
                since_ns=None if previous is None else recorded.at_ns - previous.at_ns,
            )
        )

    def _wire(self, event: ev.Event) -> Wire | None:
        if isinstance(event, ev.Transmitted):
            what = self._kinds.get(event.cl_ord_id, "request")
            return Wire(venue=event.venue, session=event.session, outgoing=True, msg_seq_num=event.msg_seq_num, what=what)
        if isinstance(event, ev.ExecutionEvent) and event.msg_seq_num is not None:
            return Wire(
                venue=event.venue,
                session=event.session,
                outgoing=False,
                msg_seq_num=event.msg_seq_num,
                what=event.kind().replace("_", " "),
            )
        return None

    def _learn(self, state: State, recorded: ev.Recorded) -> None:
        event = recorded.event
        if isinstance(event, ev.Dispatched):
            self._kinds[event.command.cl_ord_id] = MESSAGES[event.command.kind]
        if recorded.run_id not in self.incident.runs:
            self.incident.runs.append(recorded.run_id)
        if isinstance(event, ev.RunStarted | ev.ConfigurationUpdated):
            self._settings(state)

    def _settings(self, state: State) -> None:
        found = state.control.config_sha256
        if found and found not in self.incident.config_sha256:
            self.incident.config_sha256.append(found)

    # ---------------------------------------------------------------------------------------------------- lanes, quotes

    def _follow(self, changes: Iterable[Change], recorded: ev.Recorded) -> None:
        for change in changes:
            if isinstance(change, OrderChanged) and self._subject.order_id in (None, change.after.order_id):
                self._stage(change.after, recorded.at_ns)
            elif isinstance(change, FillChanged) and self._subject.order_id in (None, change.after.order_id):
                self._execution(change, recorded)

    def _stage(self, order: Order, at_ns: int) -> None:
        lane = self._lanes.get(order.order_id)
        if lane is None:
            lane = OrderLane(
                order_id=order.order_id,
                venue=order.venue,
                symbol=order.symbol,
                side=order.side.value,
                strategy=order.strategy,
                quantity=order.quantity,
                price=order.price,
            )
            self._lanes[order.order_id] = lane
            self.incident.orders.append(lane)
        stage = Stage(
            at_ns=at_ns,
            state=order.state.value,
            cum_qty=order.cum_qty,
            price=order.price,
            in_doubt=order.in_doubt is not None,
        )
        if not lane.stages or msgspec.structs.replace(lane.stages[-1], at_ns=at_ns) != stage:
            lane.stages.append(stage)
        lane.quantity, lane.price = order.quantity, order.price
        lane.end_ns = order.terminal_ns if order.state.terminal else None

    def _execution(self, change: FillChanged, recorded: ev.Recorded) -> None:
        fill = change.after
        lane = self._lanes.get(fill.order_id)
        if lane is None:
            return
        known = next((at for at, one in enumerate(lane.executions) if one.exec_id == fill.exec_id), None)
        at_ns = recorded.at_ns
        if change.before is not None:  # busted or corrected: it was made when it was made
            at_ns = (fill.venue_time_ns or at_ns) if known is None else lane.executions[known].at_ns
        one = Execution(
            at_ns=at_ns,
            exec_id=fill.exec_id,
            last_qty=fill.last_qty,
            last_px=fill.last_px,
            status=fill.status.value,
        )
        if known is None:
            lane.executions.append(one)
        else:
            lane.executions[known] = one

    def _quote(self, state: State, venue: str, symbol: str) -> None:
        book = state.market.books.get((venue, symbol))
        if book is None:
            return
        quotes = self.incident.quotes.setdefault(f"{venue} {symbol}", [])
        bid = book.bids[0].price if book.bids else None
        ask = book.asks[0].price if book.asks else None
        if not quotes or (quotes[-1].bid, quotes[-1].ask) != (bid, ask):
            quotes.append(Quote(at_ns=state.at_ns, bid=bid, ask=ask))
        if len(quotes) > 2 * _MOST_QUOTES:
            del quotes[1::2]  # every other one: the shape stays, memory is bounded


def _named(event: ev.Event) -> set[str]:
    """The orders an event names by our own id."""
    command = getattr(event, "command", None)
    found = {getattr(event, "order_id", None), None if command is None else command.order_id}
    return {one for one in found if one}


def _order_of(change: Change) -> str | None:
    if isinstance(change, OrderChanged | FillChanged):
        return change.after.order_id
    order_id: str | None = getattr(change, "order_id", None)
    return order_id


def _venue_of(event: ev.Event) -> str | None:
    command = getattr(event, "command", None)
    venue: str | None = getattr(event, "venue", None) if command is None else command.venue
    return venue


def _after(order: Order) -> OrderState:
    return OrderState(
        order_id=order.order_id,
        state=order.state.value,
        cum_qty=order.cum_qty,
        leaves_qty=order.leaves_qty,
        in_doubt=order.in_doubt,
    )


def _anomalies(changes: Sequence[Change]) -> Iterable[str]:
    raised = [change for change in changes if isinstance(change, AnomalyRaised)]
    for anomaly in raised:
        yield f"{anomaly.anomaly}: {anomaly.detail}" if anomaly.detail else anomaly.anomaly
    said = {anomaly.anomaly for anomaly in raised}
    for change in changes:
        if isinstance(change, OrderChanged) and change.anomaly and change.anomaly not in said:
            yield change.anomaly


def _book_for(state: State, event: ev.Event) -> BookView | None:
    """The book a decision was made against."""
    command = getattr(event, "command", event)
    venue, symbol = getattr(command, "venue", None), getattr(command, "symbol", None)
    if not isinstance(event, ev.Dispatched | ev.Denied | ev.Queued) or not venue or not symbol:
        return None
    key = (state.control.settings.feed_of(venue), symbol)
    book, trade, feed = state.market.books.get(key), state.market.trades.get(key), state.market.feeds.get(key)
    if book is None and trade is None:
        return None
    return BookView(
        venue=key[0],
        symbol=symbol,
        seq=state.seq,
        at_ns=state.at_ns if book is None else book.updated_ns,
        bids=() if book is None else book.bids[:_DEPTH],
        asks=() if book is None else book.asks[:_DEPTH],
        last_price=None if trade is None else trade.price,
        feed="" if feed is None else feed.value,
    )
