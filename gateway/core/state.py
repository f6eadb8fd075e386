"""The state: exactly three domains, each a function of the event stream.

`gateway.core.apply` is the only module that changes it. Everything in a `Table` is part of the digest; the plain dicts are
indexes that can be recomputed from the tables and are kept only for speed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal

from gateway.core.changes import Session
from gateway.core.contents import (
    Asked,
    Awaiting,
    Book,
    LastTrade,
    Pending,
    PlannedNumbers,
    Reconciliation,
    Run,
    StrategyState,
    Unreconciled,
    VenueState,
)
from gateway.core.digest import Digest, NoDigest, Table
from gateway.core.ended import FillKey
from gateway.core.ended_orders import EndedOrders
from gateway.core.exposure import Exposure, NoExposure
from gateway.core.indexes import Deadlines, Lines, Marks, Read, Waiting
from gateway.core.ledger import EntryKey, Ledger
from gateway.core.orders import Adjustment, Balance, Command, Day, Fill, Order, Position, PositionKey, Terms
from gateway.core.settings import CoreSettings
from gateway.core.values import CommandKind, FeedState, SessionState, TradingState, scopes_of
from gateway.core.windows import Window, Windows

FOLDED = 5_000
"""Orders that may end in a fold before it makes records of them; what commits then, a few at a time, is no start's business."""


class MarketState:
    """What the feeds say. Keys are (venue, symbol)."""

    def __init__(self, digest: Digest) -> None:
        self.books: Table[tuple[str, str], Book] = Table("book", digest)
        self.trades: Table[tuple[str, str], LastTrade] = Table("trade", digest)
        self.feeds: Table[tuple[str, str], FeedState] = Table("feed", digest)


class ExecutionState(EndedOrders):
    """Orders, fills, positions, and the execution-control queue.

    `put_...` and `drop_...` change a table and the indexes over it together; nothing else writes to an indexed table.
    """

    def __init__(self, digest: Digest) -> None:
        super().__init__(digest)
        self.positions: Table[PositionKey, Position] = Table("position", digest)
        self.restatements: Table[tuple[str, str, str], int] = Table("restatement", digest)
        """(order id, ClOrdID, ExecID) of a change the venue made under that name -> 1: one that comes again changes nothing."""
        self.pending: Table[str, Pending] = Table("pending", digest)
        self.awaiting: Table[str, Awaiting] = Table("awaiting", digest)
        self.asked: Table[str, Asked] = Table("asked", digest)
        self.buckets: Table[str, int] = Table("bucket", digest)
        self.adjustments: Table[tuple[str, str, str, str, int], Adjustment] = Table("adjustment", digest)
        """Position and place in the stream -> what was adjusted there."""
        self.openings: Table[PositionKey, str] = Table("opening", digest)
        """Position -> date of the opening position last taken over from the configuration."""
        self.balances: Table[tuple[str, str], Balance] = Table("balance", digest)
        """(account, currency) -> cash."""
        self.days: Table[PositionKey, Day] = Table("day", digest)
        self.window_bounds: Table[str, Window] = Table("window", digest)
        self.window_moments: Table[tuple[str, int], int] = Table("moment", digest)
        self.recent: Table[str, int] = Table("recent", digest)
        """Order as text -> when the same was last approved, oldest first; kept where duplicates are denied."""
        # Indexes.
        self.venue_order_ids: dict[tuple[str, str], str] = {}
        self.open: dict[str, dict[str, None]] = defaultdict(dict)
        """Scope -> ids of orders that are not terminal, oldest first."""
        self.deadlines = Deadlines()
        """ClOrdID -> acknowledgement deadline."""
        self.questions = Deadlines()
        """Order id -> when the answer to a status request is overdue."""
        self.asked_at: dict[str, int] = defaultdict(int)
        """Venue -> status requests without an answer."""
        self.doubtful: dict[str, dict[str, None]] = defaultdict(dict)
        """Venue -> ids of orders in doubt, ended ones included."""
        self.pending_new: dict[str, dict[str, None]] = defaultdict(dict)
        """Scope -> ids of orders whose NEW waits."""
        self.pending_replace: dict[str, dict[str, None]] = defaultdict(dict)
        """Scope -> ids of orders whose REPLACE waits."""
        self.waiting = Waiting()
        self.remembered = Deadlines()
        """Text in `recent` -> when it was approved."""
        self.exposure = Exposure()
        self.entries: dict[PositionKey, list[EntryKey]] = {}
        """Position -> what changed it last, the oldest first."""
        self.entry_blocks: dict[PositionKey, list[bytes]] = {}
        """Position -> what changed it before that, in blocks."""
        self.ledger = Ledger(self.entries, self.entry_blocks)
        self.marks = Marks()
        self.traded: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
        """(scope, currency) -> value traded this day."""
        self.approved: dict[str, int] = defaultdict(int)
        """Scope -> new orders approved this day."""
        self.deciding = True
        """Something is decided with this state. Without that there is nothing in it that only limits and deadlines ask for."""

    def put_order(self, order: Order) -> None:
        """Store an order and keep the indexes true."""
        order_id = order.order_id
        before = self.orders.here(order_id)
        if before is None and order_id in self.ended:
            before = self.taken_out(order_id)
        self.orders[order_id] = order
        if order.venue_order_id is not None and (before is None or before.venue_order_id != order.venue_order_id):
            self.venue_order_ids[order.venue, order.venue_order_id] = order_id
        was_open = before is not None and not before.state.terminal
        is_open = not order.state.terminal
        if was_open != is_open:
            for scope in order_scopes(order):
                if is_open:
                    self.open[scope][order_id] = None
                else:
                    self.open[scope].pop(order_id, None)
        if order.in_doubt is not None:
            self.doubtful[order.venue][order_id] = None
        elif before is not None and before.in_doubt is not None:
            self.doubtful[order.venue].pop(order_id, None)
        self._follow(order_id, order)
        if not is_open and (was_open or before is None):
            self.over.add(order_id)
            self.put_away(2, self.over.keep + self.over.spare)

    def waits(self, order_id: str) -> bool:
        return order_id in self.pending or order_id in self.asked

    @property
    def windows(self) -> Windows:
        """The two tables of windows, as what they mean."""
        return Windows(self.window_bounds, self.window_moments)

    def ignore_exposure(self) -> None:
        """Nothing is decided with this state now: sums of what is open are a fifth of what an execution costs."""
        self.exposure = NoExposure()

    @contextmanager
    def folding(self) -> Iterator[None]:
        """Many events are applied, and nothing is decided meanwhile: what can wait until after them waits."""
        spare, self.over.spare = self.over.spare, FOLDED
        self.ignore_exposure()
        yield
        self.over.spare = spare
        self.rebuild()

    def rebuild(self) -> None:
        """Make every `Index` anew from the tables, for a state that was put together otherwise."""
        self.exposure, self.waiting, self.marks = Exposure(), Waiting(), Marks()
        self.deadlines, self.questions, self.remembered = Deadlines(), Deadlines(), Deadlines()
        self.find_ended()
        for key, position in self.positions.items():
            self.exposure.hold(key, position.net_qty)
        for order_id in (*self.open["all"], *self.pending_new["all"], *self.pending):
            self._follow(order_id, self.orders.get(order_id))
        for cl_ord_id, awaiting in self.awaiting.items():
            if awaiting.deadline_ns is not None:
                self.deadlines.put(cl_ord_id, awaiting.deadline_ns)
        for order_id, asked in self.asked.items():
            self.questions.put(order_id, asked.deadline_ns)
        for text, at_ns in self.recent.items():
            self.remembered.put(text, at_ns)

    def _follow(self, order_id: str, order: Order | None) -> None:
        """An order or its pending command changed."""
        pending = self.pending.get(order_id)
        command = None if pending is None else pending.command
        if self.exposure.follows:
            self.exposure.follow(order_id, order, command)
        if pending is not None:
            self.waiting.follow(order_id, order, pending.command, pending.decided_seq)
        elif order_id in self.waiting.places:
            self.waiting.leave(order_id)

    def put_recent(self, text: str, at_ns: int, kept_ns: int) -> None:
        """The same order was approved at `at_ns`; what lies `kept_ns` or more before is forgotten."""
        self.recent[text] = at_ns
        self.remembered.put(text, at_ns)
        while (oldest := self.remembered.first()) is not None and oldest[0] <= at_ns - kept_ns:
            del self.recent[oldest[1]]
            self.remembered.drop(oldest[1])

    def put_asked(self, order_id: str, asked: Asked) -> None:
        """A status request went out; it counts until `drop_asked`."""
        self.drop_asked(order_id)
        self.asked[order_id] = asked
        self.asked_at[asked.venue] += 1
        self.questions.put(order_id, asked.deadline_ns)

    def drop_asked(self, order_id: str) -> None:
        """No answer is waited for any more, if one was."""
        asked = self.asked.get(order_id)
        if asked is not None:
            del self.asked[order_id]
            self.asked_at[asked.venue] -= 1
            self.questions.drop(order_id)

    def put_fill(self, key: FillKey, fill: Fill) -> None:
        """Store an execution and keep the indexes true."""
        if self.keep_fill(key, fill):
            self.ledger.add(fill.position, key)
        else:
            self.marks.forget(fill.position, lambda: self.ledger.place(fill.position, key))

    def put_position(self, key: PositionKey, position: Position) -> None:
        self.positions[key] = position
        if self.exposure.follows:
            self.exposure.hold(key, position.net_qty)

    def put_adjustment(self, key: PositionKey, seq: int, adjustment: Adjustment) -> None:
        self.adjustments[(*key, seq)] = adjustment
        self.ledger.add(key, (*key, seq))

    def put_day(self, key: PositionKey, day: Day) -> None:
        """What was traded and approved today by one position's owner; the sums of its scopes follow."""
        before = self.days.get(key, Day())
        self.days[key] = day
        account, strategy, venue, symbol = key
        scopes = scopes_of(venue=venue, strategy=strategy, account=account, symbol=symbol)
        if day.orders != before.orders:
            for scope in scopes:
                self.approved[scope] += day.orders - before.orders
        if (day.traded, day.currency) != (before.traded, before.currency):
            for scope in scopes:
                if before.traded:
                    self.traded[scope, before.currency] -= before.traded
                if day.traded:
                    self.traded[scope, day.currency] += day.traded

    def forget_days(self) -> None:
        """A new trading day: daily limits begin anew."""
        for key in tuple(self.days):
            del self.days[key]
        self.traded.clear()
        self.approved.clear()

    def put_pending(self, pending: Pending) -> None:
        """The one command of its order that waits, in place of the one before it, at the end of the line."""
        self.drop_pending(pending.command.order_id)
        self.pending[pending.command.order_id] = pending
        for index in self._waiting(pending.command):
            index[pending.command.order_id] = None
        self._follow(pending.command.order_id, self.orders.get(pending.command.order_id))

    def drop_pending(self, order_id: str) -> None:
        pending = self.pending.get(order_id)
        if pending is None:
            return
        del self.pending[order_id]
        for index in self._waiting(pending.command):
            index.pop(order_id, None)
        self._follow(order_id, self.orders.get(order_id))

    def _waiting(self, command: Command) -> list[dict[str, None]]:
        """The indexes a pending command belongs in."""
        if command.kind is CommandKind.CANCEL:
            return []
        by_scope = self.pending_new if command.kind is CommandKind.NEW else self.pending_replace
        return [by_scope[scope] for scope in order_scopes(command)]

    def put_awaiting(self, cl_ord_id: str, awaiting: Awaiting) -> None:
        self.awaiting[cl_ord_id] = awaiting
        if awaiting.deadline_ns is None:
            self.deadlines.drop(cl_ord_id)
        elif self.deciding:
            self.deadlines.put(cl_ord_id, awaiting.deadline_ns)

    def drop_awaiting(self, cl_ord_id: str) -> None:
        if cl_ord_id in self.awaiting:
            del self.awaiting[cl_ord_id]
            if self.deciding:
                self.deadlines.drop(cl_ord_id)


class ControlState:
    """The run, its switches, its sessions, and the strategies' memory."""

    def __init__(self, digest: Digest) -> None:
        self._run: Table[str, Run] = Table("run", digest)
        self._run["run"] = Run()
        self.settings = CoreSettings(config_sha256="")
        self.limits = Read()
        self.rates = Read()
        self.trading: Table[str, TradingState] = Table("trading", digest)
        self.killed: Table[str, str] = Table("killed", digest)
        """Scope -> reason."""
        self.broken: Table[str, str] = Table("broken", digest)
        """Invariant -> what is wrong, until an operator enables trading again."""
        self.sessions: Table[str, Session] = Table("session", digest)
        self.venues: Table[str, VenueState] = Table("venue", digest)
        self.closed: Table[str, str] = Table("closed", digest)
        """Venue -> why an operator closed it; opened again by an operator alone."""
        self.hours: Table[str, str] = Table("hours", digest)
        """Venue -> why its session is not to be up now."""
        self.planned: Table[str, PlannedNumbers] = Table("planned", digest)
        """Venue -> numbers an operator gave, until a logon has used them."""
        self.reconciliations: Table[str, Reconciliation] = Table("reconciliation", digest)
        self.unreconciled: Table[str, Unreconciled] = Table("unreconciled", digest)
        self.unconfirmed: Table[tuple[str, str], str] = Table("unconfirmed", digest)
        """(venue, order id) of orders a reconciliation still waits for."""
        self.unconfirmed_of: dict[str, dict[str, None]] = defaultdict(dict)
        """Index: venue -> order ids."""
        self.to_ask = Lines()
        """Unconfirmed orders that were not asked about yet."""
        self.positions_differ: Table[tuple[str, str, str], str] = Table("position_differs", digest)
        """(venue, account, symbol) -> how the venue's word differs from our fills, until it does not."""
        self.strategies: Table[str, StrategyState] = Table("strategy", digest)
        self.timers: Table[tuple[str, str], int] = Table("timer", digest)
        """(strategy, name) -> stream time at which it wants to be woken."""
        self.requests: Table[str, str] = Table("request", digest)
        """Operator request id -> order id it made, or "": a retry changes nothing."""

    def settled(self, venue: str) -> bool:
        """Whether the venue's session is up and both sides agree on its sequence numbers."""
        session = self.sessions.get(venue)
        return session is not None and session.state is SessionState.SETTLED

    def expect_confirmation(self, venue: str, order_id: str) -> None:
        """A reconciliation of this venue waits for what it says of the order, and has still to ask."""
        self.unconfirmed.discard((venue, order_id))  # so that the order of the table is that of the line
        self.to_ask.discard(venue, order_id)
        self.unconfirmed[venue, order_id] = ""
        self.unconfirmed_of[venue][order_id] = None
        self.to_ask.add(venue, order_id)

    def confirm(self, venue: str, order_id: str) -> None:
        self.unconfirmed.discard((venue, order_id))
        self.unconfirmed_of[venue].pop(order_id, None)
        self.to_ask.discard(venue, order_id)

    def asked_about(self, venue: str, order_id: str) -> None:
        if self.to_ask.discard(venue, order_id):
            self.unconfirmed[venue, order_id] = "asked"

    def rebuild(self) -> None:
        """Make the `Index` anew from the table."""
        self.to_ask = Lines()
        for (venue, order_id), asked in self.unconfirmed.items():
            if not asked:
                self.to_ask.add(venue, order_id)

    @property
    def run(self) -> Run:
        return self._run["run"]

    @run.setter
    def run(self, run: Run) -> None:
        self._run["run"] = run

    @property
    def run_id(self) -> int:
        return self.run.run_id

    @property
    def config_sha256(self) -> str:
        return self.run.config_sha256


class State:
    """State = f(event stream). `seq` and `at_ns` are those of the last event applied.

    A projection that never asks for the digest does without the bookkeeping for it, and one that nothing is `deciding` with
    does without sums of what is open, the day's counts and deadlines.
    """

    def __init__(self, *, with_digest: bool = True, deciding: bool = True) -> None:
        self._digest = Digest() if with_digest else NoDigest()
        self.seq = 0
        self.at_ns = 0
        self.market = MarketState(self._digest)
        self.execution = ExecutionState(self._digest)
        self.control = ControlState(self._digest)
        if not deciding:
            self.execution.deciding = False
            self.execution.ignore_exposure()
        self.anomalies: dict[str, int] = defaultdict(int)
        """Kind -> how many: a tally for people, no part of any decision."""

    def go_on_from(self, digest: str) -> None:
        """The digest of what was adopted is this one. Raises ValueError when it is none."""
        self._digest.begin(digest)

    def digest(self) -> str:
        """Stable over processes, hash seeds and histories: equal contents give equal digests."""
        return self._digest.hex()


def intended(execution: ExecutionState, order: Order) -> Terms:
    """The terms an order was last asked to have: by the REPLACE that waits, by the one in flight, or those accepted."""
    pending = execution.pending.get(order.order_id)
    if pending is not None and pending.command.kind is CommandKind.REPLACE:
        command = pending.command
        return Terms(quantity=command.quantity, price=command.price, stop_price=command.stop_price)
    return order.replacing or order.terms


def order_scopes(order: Order | Command) -> tuple[str, ...]:
    """Every scope an order or command falls under."""
    return scopes_of(venue=order.venue, strategy=order.strategy, account=order.account, symbol=order.symbol)


def is_killed(state: State, order: Order | Command) -> bool:
    """Whether the kill switch is engaged for any scope of an order or command."""
    return bool(state.control.killed) and any(scope in state.control.killed for scope in order_scopes(order))
