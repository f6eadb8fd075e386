"""Two ledgers held against each other: every difference by name, with what either side says.

Orders are matched by their names (`matching`), executions by order and ExecID(17), and where a venue names them otherwise on
another session, by quantity, price and time. What only one side can know, because it lies outside of the other's span
(`common_time`), is counted and not called a difference.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from decimal import Decimal

from gateway.core.values import NANOS, ZERO
from gateway.replay import spoken
from gateway.replay.common_time import CommonTime
from gateway.replay.differences import KINDS, Comparison, Difference
from gateway.replay.engine import Said
from gateway.replay.ledger import FillLine, Ledger, OrderLine, Span
from gateway.replay.matching import matched

_PLACES = Decimal(10) ** -9
"""Averages are compared to here: the databases keep what a division left in their own ways."""


def compare(log: Ledger, other: Ledger, *, tolerance_ns: int = NANOS, span: Span | None = None) -> Comparison:
    """Every difference. `tolerance_ns`: how far apart times of one execution may be. `span`: only what
    was going on in it is compared, in what both tell of it from before and after, too; it is by the log's clock."""
    return _Comparing(log, other, tolerance_ns, span).result


class _Comparing:
    def __init__(self, log: Ledger, other: Ledger, tolerance_ns: int, span: Span | None) -> None:
        self._log, self._other = log, other
        self._tolerance_ns = tolerance_ns
        self._ours = matched(log, other)
        """Order of the other side -> ours."""
        self._time = CommonTime(log, other, self._ours, tolerance_ns=tolerance_ns, window=span)
        self._everything = span is None
        self.result = Comparison(other.name, self._time.span, clock_apart_ns=self._time.apart_ns)
        self._orders()
        self._executions()
        self._positions()
        self.result.differences.sort(key=_place)

    # ----------------------------------------------------------------------------------------------------------- orders

    def _orders(self) -> None:
        seen = set()
        for key, theirs in self._other.orders.items():
            ours = self._ours.get(key)
            if ours is not None:
                seen.add(ours.key)
                if self._time.asked_for(self._log, ours) or self._time.asked_for(self._other, theirs):
                    self.result.orders += 1
                    self._order(ours, theirs)
            elif not self._time.asked_for(self._other, theirs):
                continue
            elif self._log.only_trades and not theirs.cum_qty:
                self.result.left_out_orders += 1
            elif self._time.heard_of(self._other, theirs):
                self._differ("missing", "order", theirs, other=_words(theirs))
            else:
                self.result.left_out_orders += 1
        for key, ours in self._log.orders.items():
            if key in seen or not self._time.asked_for(self._log, ours):
                continue
            if (self._other.only_trades and not ours.cum_qty) or not self._time.heard_of(self._log, ours):
                self.result.left_out_orders += 1
            else:
                self._differ("extra", "order", ours, log=_words(ours))

    def _order(self, ours: OrderLine, theirs: OrderLine) -> None:
        for kind, ours_says, theirs_says in (("symbol", ours.symbol, theirs.symbol), ("side", ours.side, theirs.side)):
            if ours_says != theirs_says:
                self._differ(kind, "order", ours, field=kind, log=ours_says, other=theirs_says)
        one_sided = self._log.only_trades or self._other.only_trades
        if self._time.went_on(ours, theirs):
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
        asked = spoken.requests(log.requests.get(ours.key, {}), other.requests.get(theirs.key, {}), self._time.told)
        reports = spoken.reports(log.reports.get(ours.key, {}), other.reports.get(theirs.key, {}), self._time.reported)
        for one in (*asked, *reports):
            self._differ(one.kind, one.what, ours, field=one.field, log=one.log, other=one.other, detail=one.detail)

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
                    if _is_named(renamed) and _is_named(fill) and self._time.in_window(self._log, renamed):
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
                if line is not None and not self._time.asked_for(self._log, line):
                    continue
                mine, their = (detail, None) if kind == "extra" else (None, detail)
                self._differ(kind, "execution", line, field="exec_id", log=mine, other=their)

    def _key(self, order: str) -> str:
        ours = self._ours.get(order)
        return order if ours is None else ours.key

    def _one_sided(self, kind: str, fill: FillLine, ledger: Ledger) -> None:
        if not self._time.in_window(ledger, fill):
            return
        if not self._time.fill_heard_of(ledger, fill):
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
        if not self._time.in_window(self._log, ours):
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
        if self.result.left_out_executions or self.result.went_on:
            return
        if not self._everything or self._log.partial or self._other.partial:
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
