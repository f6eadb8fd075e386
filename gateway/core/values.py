"""The small vocabulary every layer shares: sides, types, states, and the rules of a legal identifier.

Values are the field's own words, lower case where the command line and SQL show them. Prices and quantities are `Decimal`
everywhere; `*_ns` are UTC nanoseconds. Nothing here does I/O or knows a wire format.
"""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from functools import lru_cache

ZERO = Decimal(0)
ONE = Decimal(1)
NANOS = 1_000_000_000


class Side(StrEnum):
    """Side(54). `sell` covers every way of selling; short-sale marking is a dialect's matter."""

    BUY = "buy"
    SELL = "sell"

    def __init__(self, value: str) -> None:
        self.sign = 1 if value == "buy" else -1
        """+1 for buy, -1 for sell: position = sum of sign * LastQty."""


class OrderType(StrEnum):
    """OrdType(40)."""

    LIMIT = "limit"
    MARKET = "market"
    STOP = "stop"
    STOP_LIMIT = "stop-limit"


class TimeInForce(StrEnum):
    """TimeInForce(59)."""

    DAY = "day"
    GTC = "gtc"
    IOC = "ioc"
    FOK = "fok"


class OrderState(StrEnum):
    """The canonical states of an order; the lifecycle begins at submission (`gateway.core.lifecycle`)."""

    SUBMITTED = "Submitted"
    """Dispatched to the venue, which has not answered yet."""
    ACCEPTED = "Accepted"
    """Acknowledged by the venue, nothing executed."""
    PARTIALLY_FILLED = "PartiallyFilled"
    """Executed in part, the rest works."""
    FILLED = "Filled"
    """Executed in full. Ends the order."""
    CANCELLED = "Cancelled"
    """Cancelled, whoever asked for it; what was executed before counts. Ends the order."""
    REJECTED = "Rejected"
    """Refused by the venue, or proven never to have reached it (reason `not_sent`). Ends the order."""
    EXPIRED = "Expired"
    """Ended by its time in force; what was executed before counts. Ends the order."""

    def __init__(self, value: str) -> None:
        self.terminal = value in ("Filled", "Cancelled", "Rejected", "Expired")
        """No open quantity is left at the venue, as far as the venue has said."""


TERMINAL = frozenset(state for state in OrderState if state.terminal)


class FillStatus(StrEnum):
    """What became of an execution: one row per ExecID(17)."""

    NEW = "new"
    """As the venue reported it."""
    CORRECTED = "corrected"
    """The venue gave it other content, which stands here."""
    BUSTED = "busted"
    """The venue took it back: does not count."""
    INFERRED = "inferred"
    """Derived from the venue's CumQty(14), its report missing: counts, under an ExecID of ours."""
    REPLACED = "replaced"
    """Was inferred, until the reports came that stand for it: does not count."""


class CommandKind(StrEnum):
    """What an intent asks of a venue."""

    NEW = "NEW"
    REPLACE = "REPLACE"
    CANCEL = "CANCEL"


class OpenWord(StrEnum):
    """A vocabulary that grows: a word that another build wrote into the journal stays what it is."""

    @classmethod
    def _missing_(cls, value: object) -> OpenWord | None:
        if not isinstance(value, str):
            return None
        word = str.__new__(cls, value)
        word._name_ = word._value_ = value
        return word


class Doubt(OpenWord):
    """Why the true state of an order is unknown: `v_orders.in_doubt_reason`, and the reason of an `in_doubt` event."""

    ACK_TIMEOUT = "ack_timeout"
    """No answer to a request within `ack_timeout_seconds`; the venue is asked."""
    DAY_ROLLED = "day_rolled"
    """The trading day of a DAY order is over and the venue has not said that it ended; asked."""
    DISCONNECT = "disconnect"
    """The session went down with a request unanswered; asked after the next logon."""
    IMPLAUSIBLE_CUM_QTY = "implausible_cum_qty"
    """Asked, too, the venue has a CumQty(14) beyond all that was ordered: an operator's."""
    NOT_SETTLED = "not_settled"
    """The venue cannot be asked before sequence numbers agree; the reconciliation after the logon asks."""
    RESTART = "restart"
    """The gateway died with a request unanswered; asked after the next logon."""
    SAID_WORKING = "said_working"
    """A status answer says that an order works which has ended here; asked once more before it is opened again."""
    STATUS_UNANSWERED = "status_unanswered"
    """The venue did not answer the question either: its late answer's, the next reconciliation's, or an operator's."""
    UNKNOWN_AT_VENUE = "unknown_at_venue"
    """The venue denies knowing an order that it had acknowledged: an operator's, unless it knows it when asked again."""


class Hold(OpenWord):
    """What approved work waits for: `v_decisions.reason` while it is `queued`."""

    SESSION = "session"
    """The session is not settled, or the venue not open."""
    IN_FLIGHT = "in_flight"
    """An earlier request of the same order has no answer yet."""
    RATE = "rate"
    """The venue's rate limit."""


class TradingState(StrEnum):
    """What new risk may be taken in a scope. `reduced`: only orders that bring a position nearer to zero."""

    ENABLED = "enabled"
    """Orders may be sent."""
    REDUCED = "reduced"
    """Only orders that bring a position nearer to zero."""
    DISABLED = "disabled"
    """No new orders; cancels as ever."""


class SessionState(StrEnum):
    """How far a FIX session has come."""

    DOWN = "down"
    LOGGED_ON = "logged_on"
    """Numbers not yet agreed: nothing is sent."""
    SETTLED = "settled"


class FeedState(StrEnum):
    """Whether a market-data feed can be believed."""

    UP = "up"
    STALE = "stale"
    GAP = "gap"


DESK = "desk"
"""Strategy of orders that people enter; a configured strategy may not take its name."""
SCOPE_ALL = "all"
SCOPE_KINDS = ("venue", "strategy", "account", "instrument")


def scope_problem(scope: str) -> str | None:
    """Why `scope` is not `all`, `venue:NAME`, `strategy:NAME`, `account:NAME` or `instrument:SYMBOL`; None if it is one."""
    if scope == SCOPE_ALL:
        return None
    kind, colon, name = scope.partition(":")
    if not colon or kind not in SCOPE_KINDS or not name:
        return f"{scope!r} is not a scope: use all, " + ", ".join(f"{k}:NAME" for k in SCOPE_KINDS)
    return text_problem(name)


@lru_cache(maxsize=4096)
def scopes_of(*, venue: str, strategy: str, account: str, symbol: str) -> tuple[str, ...]:
    """Every scope an order falls under, widest first."""
    return (SCOPE_ALL, f"venue:{venue}", f"strategy:{strategy}", f"account:{account}", f"instrument:{symbol}")


def text_problem(value: str) -> str | None:
    """Why `value` must not reach the wire as a FIX field value; None if it may.

    SOH ends a field (FIX 4.4 vol. 1, "Field Delimiter"); `=` inside a value is legal FIX but never needed in the fields we
    fill, and a reader that splits carelessly would be led astray: both are refused, as is every control character.
    """
    if value.isascii() and value.isprintable() and "=" not in value:
        return None
    if any(ord(character) < 32 or ord(character) == 127 for character in value):
        return f"{value!r} holds a control character (SOH would end the FIX field)"
    if "=" in value:
        return f"{value!r} holds '='"
    if not value.isascii():
        return f"{value!r} holds a character outside ASCII"
    return None
