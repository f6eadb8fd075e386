"""The journal, folded into rows: one code path for the writer, for a rebuild and for verification.

Holds a core state of its own and nothing of the database. Feed it every record of the journal once, in order, from the
first; or from the one after a snapshot, with the context the records have at that position.
"""

from __future__ import annotations

from collections.abc import Callable

from gateway.core.apply import apply
from gateway.core.changes import Change, OrderChanged
from gateway.core.events import Recorded, Transmitted
from gateway.core.state import State
from gateway.journal.interface import Stored
from gateway.records.context import Context, RowOp
from gateway.records.rows import project


class Fold:
    """State and projection context at a position of the journal."""

    def __init__(
        self, configuration: Callable[[str], str | None], state: State | None = None, context: Context | None = None
    ) -> None:
        """`configuration`: SHA-256 -> TOML text, None when the journal does not have it. `state` and `context` go together."""
        self._state = State(with_digest=False) if state is None else state
        self._context = Context() if context is None else context
        self._context.configuration = configuration
        self._context.strategy_of = self._strategy_of

    @property
    def seq(self) -> int:
        """Position of the last record folded; 0 at the beginning."""
        return self._state.seq

    @property
    def at_ns(self) -> int:
        """Stream time of that record; 0 at the beginning."""
        return self._state.at_ns

    def advance(self, stored: Stored) -> list[RowOp]:
        """Fold one record and return its rows. Raises ValueError when it does not follow the last one."""
        changes = apply(self._state, stored.recorded)
        control = self._state.control
        self._context.config_sha256 = control.config_sha256
        self._context.trading = control.trading
        self._context.killed = control.killed
        return project(stored.recorded, changes or self._transmitted(stored.recorded), self._context)

    def _strategy_of(self, order_id: str) -> str | None:
        order = self._state.execution.orders.get(order_id)
        return None if order is None else order.strategy

    def _transmitted(self, recorded: Recorded) -> list[Change]:
        """Going on the wire changes nothing about an order, but belongs in its history."""
        if not isinstance(recorded.event, Transmitted):
            return []
        order = self._state.execution.orders.get(recorded.event.order_id)
        return [] if order is None else [OrderChanged(before=order, after=order)]
