"""What a projection needs besides the event and its changes, and the shape of what it yields.

Small on purpose: everything here is a function of the event stream (and of the stored configurations), so a rebuild gives
equal rows. Nothing here knows a database.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from decimal import Context as Arithmetic
from decimal import Decimal
from typing import NamedTuple, TypeAlias

from gateway.core.events import Recorded
from gateway.core.values import TradingState, scopes_of
from gateway.records.types import storable

Value: TypeAlias = str | int | bool | bytes | Decimal | None
Row: TypeAlias = dict[str, Value]


class RowOp(NamedTuple):
    """One row for `table`: to be inserted into a history table, to replace the row of its key in a state table."""

    table: str
    row: Row


@dataclass(slots=True)
class Context:
    """`config_sha256`, `trading` and `killed` are those in effect at the event; the rest the projection keeps itself."""

    config_sha256: str = ""
    trading: Mapping[str, TradingState] = field(default_factory=dict)
    killed: Collection[str] = ()
    strategy_of: Callable[[str], str | None] = lambda _: None
    """Order id -> its strategy, None for an order that does not exist."""
    configuration: Callable[[str], str | None] = lambda _: None
    """SHA-256 -> TOML text, None when the journal does not have it."""
    decisions: dict[str, Row] = field(default_factory=dict)
    """ClOrdID -> row of a decision that is still open: queued, or dispatched and not yet on the wire."""
    run: Row | None = None
    configurations_seen: set[str] = field(default_factory=set)

    def trading_state(self, *, venue: str, strategy: str, account: str, symbol: str) -> str:
        """The strictest state over all scopes that apply: `killed`, `disabled`, `reduced` or `enabled`."""
        scopes = scopes_of(venue=venue, strategy=strategy, account=account, symbol=symbol)
        if any(scope in self.killed for scope in scopes):
            return "killed"
        states = {self.trading.get(scope) for scope in scopes}
        for state in (TradingState.DISABLED, TradingState.REDUCED):
            if state in states:
                return state.value
        return TradingState.ENABLED.value


def position_in_stream(recorded: Recorded, context: Context) -> Row:
    """The columns every row has that comes from an event."""
    return {
        "run_id": recorded.run_id,
        "event_seq": recorded.seq,
        "recorded_ns": recorded.at_ns,
        "config_sha256": context.config_sha256,
    }


_COMPARABLE = Arithmetic(prec=15)


def quotient(value: Decimal) -> Decimal:
    """An average or what follows from one, to 15 significant digits: the rest is an artefact of division, and would keep
    the value from being comparable in SQL on SQLite. Prices and quantities never pass through here."""
    return _COMPARABLE.plus(value) if value.is_finite() else value


def cleaned(row: Row) -> Row:
    """The row as both databases can hold it.

    Venues and operators can say anything; the records must not stop over it, and the journal keeps the original. NUL is
    removed (PostgreSQL cannot store it) and lone surrogates become `?`; a number neither database can hold becomes NULL.
    """
    return {name: _clean(value) for name, value in row.items()}


def _clean(value: Value) -> Value:
    match value:
        case str():
            # Also turns a StrEnum into a plain string, which the drivers would otherwise bind by its name.
            text = str(value)
            return text if text.isascii() and "\0" not in text else text.replace("\0", "").encode("utf-8", "replace").decode()
        case Decimal():
            return value if storable(value) else None
        case int() if not -(2**63) <= value < 2**63:
            return None
        case _:
            return value
