"""Two ledgers held against each other: every difference by name, with what either side says.

Orders are matched by any ClOrdID(11) they share, else by OrderID(37); executions by order and ExecID(17), and where a venue
names them otherwise on another session, by quantity, price and time. What only one side can know, because it lies outside of
the other's span, is counted and not called a difference.

    missing    the other side has it, the log has not        quantity, price, side, symbol, state
    extra      the log has it, the other side has not        exec_id   the same trade under another ExecID(17)
    time       both have it, at times further apart than is tolerated
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from decimal import Decimal

from gateway.core.values import NANOS, ZERO
from gateway.replay import clocks, spoken
from gateway.replay.engine import Said
from gateway.replay.ledger import FillLine, Ledger, OrderLine, Span

KINDS = ("missing", "extra", "symbol", "side", "quantity", "price", "state", "exec_id", "time")
"""Every name of a difference."""
EDGE_NS = NANOS
"""What lies this close to the end of a span may or may not be in it: clocks differ."""
_PLACES = Decimal(10) ** -9
"""Averages are compared to here: the databases keep what a division left in their own ways."""


@dataclass(frozen=True, slots=True)
class Difference:
    """`log` and `other`: what each says of `field`; None where there is nothing to say."""

    kind: str
    what: str
    """`order`, `request`, `report`, `execution` or `position`."""
    order: str | None
    exec_id: str | None
    symbol: str | None
    field: str | None
    log: object
    other: object
    detail: str = ""


@dataclass(slots=True)
class Comparison:
    """How much was compared, every difference, and how much was left out because one side cannot know it."""

    other: str
    span: Span
    orders: int = 0
    executions: int = 0
    positions: int = 0
    left_out_orders: int = 0
    left_out_executions: int = 0
    clock_apart_ns: int = 0
    """What was added to the other side's times: its clock is that much behind."""
    went_on: int = 0
    """Orders about which messages came after the end of one side: how they ended is not compared."""
    differences: list[Difference] = field(default_factory=list)

    @property
    def apart(self) -> bool:
        """The two have no time in common, and no difference says so: they are of different days."""
        first, last = self.span.first_ns, self.span.last_ns
        return self.equal and first is not None and last is not None and first > last

    @property
    def equal(self) -> bool:
        return not self.differences


def compare(log: Ledger, other: Ledger, *, tolerance_ns: int = NANOS, span: Span | None = None) -> Comparison:
    """Every difference. `tolerance_ns`: how far apart times of one execution may be. `span`: only what
    was going on in it is compared, in what both tell of it from before and after, too; it is by the log's clock."""
    return _Comparing(log, other, tolerance_ns, span).result


class _Comparing:
    def __init__(self, log: Ledger, other: Ledger, tolerance_ns: int, span: Span | None) -> None:
        self._log, self._other = log, other
        self._tolerance_ns = tolerance_ns
        self._slack_ns = max(EDGE_NS, tolerance_ns)
        self._ours: dict[str, OrderLine] = {}
        """Order of the other side -> ours."""
        self._match()
        self._apart_ns = clocks.apart((ours, other.orders[key]) for key, ours in self._ours.items())
        self._fills_apart_ns = {id(one): clocks.of_executions(one) for one in (log, other)}
        self._span = log.span.both(other.span.moved(self._apart_ns))
        self._window = span
        told = self._span if span is None else self._span.both(span)
        self.result = Comparison(other.name, told, clock_apart_ns=self._apart_ns)
        self._orders()
        self._executions()
        self._positions()
        self.result.differences.sort(key=_place)

    def _match(self) -> None:
        by_name: dict[str, list[OrderLine]] = defaultdict(list)
        by_venue_id: dict[str, list[OrderLine]] = defaultdict(list)
        for line in self._log.orders.values():
            for name in line.names:
                by_name[name].append(line)
            if line.venue_order_id is not None:
                by_venue_id[line.venue_order_id].append(line)
        venues = ({line.venue for line in self._log.orders.values()}, {line.venue for line in self._other.orders.values()})
        taken: set[str] = set()
        for key, line in self._other.orders.items():
            named = [one for name in line.names for one in by_name.get(name, ())]
            found = _likest(line, named, taken, venues)
            if found is None and line.venue_order_id is not None:
                same_id = [one for one in by_venue_id.get(line.venue_order_id, ()) if one.symbol == line.symbol]
                found = _likest(line, same_id, taken, venues)
            if found is not None:
                self._ours[key] = found
                taken.add(found.key)

    # ----------------------------------------------------------------------------------------------------------- orders

    def _orders(self) -> None:
        matched = set()
        for key, theirs in self._other.orders.items():
            ours = self._ours.get(key)
            if ours is not None:
                matched.add(ours.key)
                if self._asked_for(self._log, ours) or self._asked_for(self._other, theirs):
                    self.result.orders += 1
                    self._order(ours, theirs)
            elif not self._asked_for(self._other, theirs):
                continue
            elif self._log.only_trades and not theirs.cum_qty:
                self.result.left_out_orders += 1
            elif self._heard_of(self._other, theirs):
                self._differ("missing", "order", theirs, other=_words(theirs))
            else:
                self.result.left_out_orders += 1
        for key, ours in self._log.orders.items():
            if key in matched or not self._asked_for(self._log, ours):
                continue
            if (self._other.only_trades and not ours.cum_qty) or not self._heard_of(self._log, ours):
                self.result.left_out_orders += 1
            else:
                self._differ("extra", "order", ours, log=_words(ours))

    def _asked_for(self, ledger: Ledger, line: OrderLine) -> bool:
        """Whether an order was alive in the span that was asked for."""
        if self._window is None:
            return True
        born, died = (at if ledger is self._log else at + self._apart_ns for at in (line.created_ns, line.updated_ns))
        first, last = self._window.first_ns, self._window.last_ns
        return (last is None or born <= last) and (first is None or died >= first)

    def _in_window(self, ledger: Ledger, fill: FillLine) -> bool:
        if self._window is None or fill.at_ns is None:
            return True
        at = fill.at_ns + self._fills_apart_ns[id(ledger)]
        return self._window.holds(at if ledger is self._log else at + self._apart_ns)

    def _heard_of(self, ledger: Ledger, line: OrderLine) -> bool:
        """Whether messages about an order lie in the span of both."""
        moments = ledger.wire_moments.get(line.key, () if ledger.wire_moments else (line.updated_ns,))
        return any(self._holds(ledger, at, self._slack_ns) for at in (line.created_ns, *moments))

    def _holds(self, ledger: Ledger, at_ns: int | None, slack_ns: int = 0) -> bool:
        """Whether a moment by a ledger's clock is in the span of both."""
        moved = at_ns if at_ns is None or ledger is self._log else at_ns + self._apart_ns
        return self._span.holds(moved, slack_ns)

    def _order(self, ours: OrderLine, theirs: OrderLine) -> None:
        for kind, ours_says, theirs_says in (("symbol", ours.symbol, theirs.symbol), ("side", ours.side, theirs.side)):
            if ours_says != theirs_says:
                self._differ(kind, "order", ours, field=kind, log=ours_says, other=theirs_says)
        one_sided = self._log.only_trades or self._other.only_trades
        if self._went_on(ours, theirs):
            self.result.went_on += 1
            return
        fields = [("quantity", "cum_qty"), ("price", "avg_px")]
        if not one_sided:
            fields += [("quantity", "quantity"), ("price", "price"), ("price", "stop_price"), ("state", "state")]
        unknown = ours.external or theirs.external
        for kind, name in fields:
            ours_says, theirs_says = getattr(ours, name), getattr(theirs, name)
            if unknown and kind == "price" and None in (ours_says, theirs_says):
                continue  # not in its reports
            if not _same(ours_says, theirs_says):
                self._differ(kind, "order", ours, field=name, log=ours_says, other=theirs_says, detail=theirs.reason or "")

        if not one_sided and ours.said is not None and theirs.said is not None:
            self._said(ours, theirs, ours.said, theirs.said)
        self._spoken(ours, theirs)

    def _said(self, ours: OrderLine, theirs: OrderLine, we_said: Said, they_said: Said) -> None:
        """Where both come to the same, but not because both were told the same: the latest report of each."""
        for kind, name, same in (
            ("state", "ord_status", ours.state == theirs.state),
            ("quantity", "quantity", _same(ours.quantity, theirs.quantity)),
            ("quantity", "cum_qty", _same(ours.cum_qty, theirs.cum_qty)),
            ("price", "avg_px", _same(ours.avg_px, theirs.avg_px)),
        ):
            ours_says, theirs_says = getattr(we_said, name), getattr(they_said, name)
            if same and None not in (ours_says, theirs_says) and not _same(ours_says, theirs_says):
                detail = "as the last report says"
                self._differ(kind, "order", ours, field=name, log=ours_says, other=theirs_says, detail=detail)

    def _spoken(self, ours: OrderLine, theirs: OrderLine) -> None:
        """The messages about an order, where both are logs of the session: one that did not arrive leaves no other trace."""
        log, other = self._log, self._other
        if log.requests is None or other.requests is None:
            return
        asked = spoken.requests(log.requests.get(ours.key, {}), other.requests.get(theirs.key, {}), self._told)
        reports = spoken.reports(log.reports.get(ours.key, {}), other.reports.get(theirs.key, {}), self._reported)
        for one in (*asked, *reports):
            self._differ(one.kind, one.what, ours, field=one.field, log=one.log, other=one.other, detail=one.detail)

    def _told(self, said: spoken.Request | spoken.Report, theirs: bool, slack_ns: int = 0) -> bool:
        """Whether a message is of the time that both tell of, and of the span that was asked for."""
        at_ns = said.at_ns + self._apart_ns if theirs else said.at_ns
        return self._span.holds(at_ns, slack_ns) and (self._window is None or self._window.holds(at_ns))

    def _reported(self, report: spoken.Report, theirs: bool) -> bool:
        """What is on its way at either end of a log, only one side has."""
        both = report.session in self._log.sessions and report.session in self._other.sessions
        return both and self._told(report, theirs, -self._slack_ns)

    def _went_on(self, ours: OrderLine, theirs: OrderLine) -> bool:
        """Whether one side heard of the order when the other had ended."""
        end = self._span.last_ns
        if end is None:
            return False
        last = end + self._slack_ns
        heard = self._other.wire_moments.get(theirs.key)
        latest = max(heard, default=theirs.created_ns) if heard is not None else theirs.updated_ns
        return latest + self._apart_ns > last or ours.updated_ns > last

    # ------------------------------------------------------------------------------------------------------- executions

    def _executions(self) -> None:
        theirs: dict[tuple[str, str], list[FillLine]] = defaultdict(list)
        rest: list[FillLine] = []
        for fill in self._other.fills:
            ours = self._ours.get(fill.order)
            if not fill.inferred:
                theirs[ours.key if ours is not None else f"\0{fill.order}", fill.exec_id].append(fill)
        lonely: dict[str, list[FillLine]] = defaultdict(list)
        for fill in self._log.fills:
            if fill.inferred:
                continue
            same = theirs.get((fill.order, fill.exec_id), [])
            if same:
                self._execution(fill, same.pop(0))
            else:
                lonely[fill.order].append(fill)
        for (key, _), fills in theirs.items():
            for fill in fills:
                renamed = next((one for one in lonely[key] if self._is_same_trade(one, fill)), None)
                if renamed is None:
                    rest.append(fill)
                else:
                    lonely[key].remove(renamed)
                    self._execution(renamed, fill)
                    if _is_named(renamed) and _is_named(fill) and self._in_window(self._log, renamed):
                        order = self._log.orders.get(renamed.order)
                        self._differ(
                            "exec_id", "execution", order, renamed, field="exec_id", log=renamed.exec_id, other=fill.exec_id
                        )
        for fill in rest:
            self._one_sided("missing", fill, self._other)
        for fills in lonely.values():
            for fill in fills:
                self._one_sided("extra", fill, self._log)
        self._repeats()

    def _repeats(self) -> None:
        """Reports of one side alone that a trade was made which both count already: whoever sent them may count it twice."""
        we_heard = self._log.repeats
        they_heard = Counter({(self._key(order), detail): count for (order, detail), count in self._other.repeats.items()})
        for kind, rest in (("missing", they_heard - we_heard), ("extra", we_heard - they_heard)):
            for order, detail in rest.elements():
                line = self._log.orders.get(order)
                if line is not None and not self._asked_for(self._log, line):
                    continue
                mine, their = (detail, None) if kind == "extra" else (None, detail)
                self._differ(kind, "execution", line, field="exec_id", log=mine, other=their)

    def _key(self, order: str) -> str:
        ours = self._ours.get(order)
        return order if ours is None else ours.key

    def _one_sided(self, kind: str, fill: FillLine, ledger: Ledger) -> None:
        if not self._in_window(ledger, fill):
            return
        at = None if fill.at_ns is None else fill.at_ns + self._fills_apart_ns[id(ledger)]
        if not self._holds(ledger, at, self._slack_ns):
            self.result.left_out_executions += 1
            return
        order = (
            self._ours.get(fill.order) or ledger.orders.get(fill.order) if kind == "missing" else ledger.orders.get(fill.order)
        )
        said = f"{fill.side} {fill.quantity:f} at {fill.price:f}" + ("" if fill.live else f", {fill.status}")
        against = self._log if kind == "missing" else self._other
        inferred = sum(
            (one.quantity for one in against.fills if one.status == "inferred" and self._own(one, against) is order), ZERO
        )
        detail = f"{inferred:f} was inferred from CumQty(14) instead" if inferred else ""
        self._differ(
            kind, "execution", order, fill,
            log=said if kind == "extra" else None, other=said if kind == "missing" else None, detail=detail,
        )  # fmt: skip

    def _own(self, fill: FillLine, ledger: Ledger) -> OrderLine | None:
        return self._log.orders.get(fill.order) if ledger is self._log else self._ours.get(fill.order)

    def _execution(self, ours: FillLine, theirs: FillLine) -> None:
        if not self._in_window(self._log, ours):
            return
        self.result.executions += 1
        order = self._log.orders.get(ours.order)
        facts = (
            ("symbol", "symbol", ours.symbol, theirs.symbol),
            ("side", "side", ours.side, theirs.side),
            ("quantity", "last_qty", ours.quantity, theirs.quantity),
            ("price", "last_px", ours.price, theirs.price),
        )
        for kind, name, ours_says, theirs_says in facts:
            if ours_says != theirs_says:
                self._differ(kind, "execution", order, ours, field=name, log=ours_says, other=theirs_says)
        if ours.live != theirs.live:
            self._differ("state", "execution", order, ours, field="status", log=ours.status, other=theirs.status)
        apart = self._apart(ours, theirs)
        if apart > self._tolerance_ns:
            detail = f"{apart / NANOS:.3f} s apart"
            self._differ(
                "time", "execution", order, ours,
                field="venue_time_ns", log=ours.venue_time_ns, other=theirs.venue_time_ns, detail=detail,
            )  # fmt: skip

    @staticmethod
    def _apart(ours: FillLine, theirs: FillLine) -> int:
        if ours.venue_time_ns is None or theirs.venue_time_ns is None:
            return 0
        return abs(ours.venue_time_ns - theirs.venue_time_ns)

    def _is_same_trade(self, ours: FillLine, theirs: FillLine) -> bool:
        content = (ours.symbol, ours.side, ours.quantity, ours.price)
        same = content == (theirs.symbol, theirs.side, theirs.quantity, theirs.price)
        return same and self._apart(ours, theirs) <= self._tolerance_ns

    # -------------------------------------------------------------------------------------------------------- positions

    def _positions(self) -> None:
        """Where everything either side ever executed lies in the common span: else positions are of different days."""
        if self.result.left_out_executions or self.result.went_on or self._log.partial or self._other.partial or self._window:
            return
        for symbol in sorted(self._log.positions.keys() | self._other.positions.keys()):
            ours, theirs = self._log.positions.get(symbol, ZERO), self._other.positions.get(symbol, ZERO)
            self.result.positions += 1
            if ours != theirs:
                self.result.differences.append(Difference("quantity", "position", None, None, symbol, "net_qty", ours, theirs))

    def _differ(
        self,
        kind: str,
        what: str,
        order: OrderLine | None,
        fill: FillLine | None = None,
        *,
        field: str | None = None,
        log: object = None,
        other: object = None,
        detail: str = "",
    ) -> None:
        name = None if order is None else order.names[0] if order.names else order.venue_order_id or order.key
        symbol = fill.symbol if fill is not None else None if order is None else order.symbol
        exec_id = None if fill is None else fill.exec_id
        self.result.differences.append(Difference(kind, what, name, exec_id, symbol, field, log, other, detail))


def _likest(line: OrderLine, ours: list[OrderLine], taken: set[str], venues: tuple[set[str], set[str]]) -> OrderLine | None:
    """Which of ours an order of the other side is: names are used again in other sessions. Each is one order at most.

    `venues`: those of either side. A venue that both know is the same one; a drop copy or the records call it otherwise.
    """
    known = line.venue in venues[0]
    possible = [
        one for one in ours if one.key not in taken and (one.venue == line.venue or not known or one.venue not in venues[1])
    ]
    return max(possible, key=lambda one: _likeness(line, one), default=None)


def _likeness(line: OrderLine, one: OrderLine) -> tuple[bool, bool, bool]:
    same_id = line.venue_order_id is not None and line.venue_order_id == one.venue_order_id
    return same_id, line.symbol == one.symbol, line.venue == one.venue


def _same(ours: object, theirs: object) -> bool:
    if isinstance(ours, Decimal) and isinstance(theirs, Decimal):
        return ours == theirs or abs(ours - theirs) <= _PLACES
    return ours == theirs


def _is_named(fill: FillLine) -> bool:
    """Not so for an execution whose report has no ExecID(17): it is named by session and MsgSeqNum(34)."""
    return "->" not in fill.exec_id


def _words(line: OrderLine) -> str:
    price = "" if line.price is None else f" at {line.price:f}"
    return f"{line.side} {line.quantity:f} {line.symbol}{price}, {line.state}, {line.cum_qty:f} filled"


def _place(one: Difference) -> tuple[int, str, str, int]:
    whats = ("order", "request", "report", "execution", "position")
    return whats.index(one.what), one.order or "", one.exec_id or one.symbol or "", KINDS.index(one.kind)
