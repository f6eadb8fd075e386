"""The time that two ledgers both tell of, by the log's clock: what lies outside of it, only one side can know.

The other side's clock may be behind, and those of executions may be others than those of messages (`clocks`).
"""

from __future__ import annotations

from collections.abc import Mapping

from gateway.core.values import NANOS
from gateway.replay import clocks, spoken
from gateway.replay.ledger import FillLine, Ledger, OrderLine, Span

EDGE_NS = NANOS
"""What lies this close to the end of a span may or may not be in it: clocks differ."""


class CommonTime:
    """`ours`: key of an order of the other side -> that order in the log. `window`: nothing else is compared.

    `apart_ns`: what is added to times of the other side; `span`: what is compared.
    """

    def __init__(
        self, log: Ledger, other: Ledger, ours: Mapping[str, OrderLine], *, tolerance_ns: int, window: Span | None
    ) -> None:
        self._log, self._other = log, other
        self._slack_ns = max(EDGE_NS, tolerance_ns)
        self.apart_ns = clocks.apart((line, other.orders[key]) for key, line in ours.items())
        self._fills_apart_ns = {id(one): clocks.of_executions(one) for one in (log, other)}
        self._span = log.span.both(other.span.moved(self.apart_ns))
        self._window = window
        self.span = self._span if window is None else self._span.both(window)

    def asked_for(self, ledger: Ledger, line: OrderLine) -> bool:
        """Whether an order was alive in the span that was asked for."""
        if self._window is None:
            return True
        born, died = (at if ledger is self._log else at + self.apart_ns for at in (line.created_ns, line.updated_ns))
        first, last = self._window.first_ns, self._window.last_ns
        return (last is None or born <= last) and (first is None or died >= first)

    def in_window(self, ledger: Ledger, fill: FillLine) -> bool:
        """The same of an execution."""
        if self._window is None or fill.at_ns is None:
            return True
        at = fill.at_ns + self._fills_apart_ns[id(ledger)]
        return self._window.holds(at if ledger is self._log else at + self.apart_ns)

    def heard_of(self, ledger: Ledger, line: OrderLine) -> bool:
        """Whether messages about an order lie in the span of both."""
        moments = ledger.wire_moments.get(line.key, () if ledger.wire_moments else (line.updated_ns,))
        return any(self._holds(ledger, at, self._slack_ns) for at in (line.created_ns, *moments))

    def fill_heard_of(self, ledger: Ledger, fill: FillLine) -> bool:
        """Whether an execution lies in the span of both."""
        at = None if fill.at_ns is None else fill.at_ns + self._fills_apart_ns[id(ledger)]
        return self._holds(ledger, at, self._slack_ns)

    def _holds(self, ledger: Ledger, at_ns: int | None, slack_ns: int = 0) -> bool:
        """Whether a moment by a ledger's clock is in the span of both."""
        moved = at_ns if at_ns is None or ledger is self._log else at_ns + self.apart_ns
        return self._span.holds(moved, slack_ns)

    def told(self, said: spoken.Request | spoken.Report, theirs: bool, slack_ns: int = 0) -> bool:
        """Whether a message is of the time that both tell of, and of the span that was asked for."""
        at_ns = said.at_ns + self.apart_ns if theirs else said.at_ns
        return self._span.holds(at_ns, slack_ns) and (self._window is None or self._window.holds(at_ns))

    def reported(self, report: spoken.Report, theirs: bool) -> bool:
        """What is on its way at either end of a log, only one side has."""
        both = report.session in self._log.sessions and report.session in self._other.sessions
        return both and self.told(report, theirs, -self._slack_ns)

    def went_on(self, ours: OrderLine, theirs: OrderLine) -> bool:
        """Whether one side heard of the order when the other had ended."""
        end = self._span.last_ns
        if end is None:
            return False
        last = end + self._slack_ns
        heard = self._other.wire_moments.get(theirs.key)
        latest = max(heard, default=theirs.created_ns) if heard is not None else theirs.updated_ns
        return latest + self.apart_ns > last or ours.updated_ns > last
