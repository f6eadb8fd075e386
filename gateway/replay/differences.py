"""What a comparison of two ledgers yields: every difference by name, and how much was compared.

missing    the other side has it, the log has not        quantity, price, side, symbol, state
extra      the log has it, the other side has not        exec_id   the same trade under another ExecID(17)
time       both have it, at times further apart than is tolerated
"""

from __future__ import annotations

from dataclasses import dataclass, field

from gateway.replay.ledger import Span

KINDS = ("missing", "extra", "symbol", "side", "quantity", "price", "state", "exec_id", "time")
"""Every name of a difference."""


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
