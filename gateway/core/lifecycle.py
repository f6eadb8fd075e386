"""The life of an order: everything that can change `Order.state`, as one table.

Theory of operation
-------------------
An order begins at submission, when its NEW is dispatched. From there only events move it, and the table is keyed by the
event, not by the state a venue claims: `TABLE[what happened][state before] -> Edge`. An event without an edge is an
*anomaly*: recorded, counted, visible, and the state is untouched. An edge can also carry an anomaly of its own: the event
is applied, yet somebody should look.

Fills always count. CumQty and the position follow every genuine fill, whatever the state; the table only says where the
*state* goes. `BY_QUANTITY` means Filled when CumQty has reached OrderQty, PartiallyFilled when something is filled,
Accepted otherwise; `KEEP` means that the state stays.

In doubt is a flag beside the state, not a state: see `InDoubt` and `Resolved`.

Sources: FIX 4.4 vol. 4, appendix D (order state change matrices); OrdStatus(39) precedence, FIX 4.4 vol. 4, ExecutionReport.
"""

from __future__ import annotations

from decimal import Decimal
from enum import Enum

import msgspec

from gateway.core.values import OrderState

S, A, P, F, C, R, X = OrderState


class Move(Enum):
    """Where the state goes when the table cannot name it beforehand."""

    KEEP = "keep"
    BY_QUANTITY = "by quantity"


KEEP, BY_QUANTITY = Move


class Edge(msgspec.Struct, frozen=True):
    """One cell: where the state goes, the market's reason when it surprises, the anomaly it raises; `beyond`: the one it
    raises when CumQty(14) has gone beyond OrderQty(38)."""

    to: OrderState | Move
    note: str = ""
    anomaly: str | None = None
    beyond: str | None = None


_OPEN_KEEP = {S: Edge(KEEP), A: Edge(KEEP), P: Edge(KEEP)}
_LATE_FILL = "a fill confirmed after the order ended is real money: it counts, the state stays"

TABLE: dict[str, dict[OrderState, Edge]] = {
    "accepted": {
        S: Edge(A),
        A: Edge(KEEP, "a second acknowledgement: resent, or a status answered twice"),
        P: Edge(KEEP, "the fill overtook its acknowledgement"),
        F: Edge(KEEP, "the fill overtook its acknowledgement"),
        C: Edge(KEEP, "the cancel overtook the acknowledgement"),
    },
    # The same, when it was only our own conclusion that the order had never arrived: the venue knows better.
    "accepted_presumed": {R: Edge(BY_QUANTITY, "the venue's order path was slower than its status path", "reopened")},
    "filled_presumed": {R: Edge(BY_QUANTITY, "the venue's order path was slower than its status path", "reopened")},
    "pending_new": _OPEN_KEEP,
    "rejected": {
        S: Edge(R),
        A: Edge(R, "some venues acknowledge receipt and reject after their own risk check"),
        R: Edge(KEEP, "said twice"),
        P: Edge(KEEP, "what is filled cannot be rejected: ask the venue", "reject_after_fill"),
    },
    # OrdRejReason(103)=6, duplicate order, for one that the venue has acknowledged: it refuses a copy, the original works.
    "copy_rejected": {
        S: Edge(R, "the name was used before, by somebody else"),
        **{state: Edge(KEEP, "a copy was refused, not the order: ask the venue", "duplicate_refused") for state in (A, P)},
        **{state: Edge(KEEP) for state in (F, C, R, X)},
    },
    "filled": {
        S: Edge(BY_QUANTITY, "fill before acknowledgement", beyond="over_fill"),
        A: Edge(BY_QUANTITY, beyond="over_fill"),
        P: Edge(BY_QUANTITY, beyond="over_fill"),
        F: Edge(KEEP, "more than was ordered: it counts all the same", "over_fill"),
        C: Edge(KEEP, _LATE_FILL, "late_fill"),
        R: Edge(KEEP, _LATE_FILL, "late_fill"),
        X: Edge(KEEP, _LATE_FILL, "late_fill"),
    },
    "fill_inferred": {state: Edge(BY_QUANTITY if state in (S, A, P) else KEEP) for state in OrderState},
    "fill_corrected": {
        S: Edge(BY_QUANTITY),
        A: Edge(BY_QUANTITY),
        P: Edge(BY_QUANTITY),
        F: Edge(BY_QUANTITY, "a correction downwards leaves open quantity"),
        C: Edge(KEEP),
        R: Edge(KEEP),
        X: Edge(KEEP),
    },
    "fill_busted": {
        S: Edge(BY_QUANTITY),
        A: Edge(BY_QUANTITY),
        P: Edge(BY_QUANTITY),
        F: Edge(KEEP, "the venue does not put the quantity back to work"),
        C: Edge(KEEP),
        R: Edge(KEEP),
        X: Edge(KEEP),
    },
    # The same bust, when the venue says (or does not deny) that the quantity works again: exposure is never understated.
    "fill_busted_open": {
        F: Edge(BY_QUANTITY, "the venue reports open quantity again", "reopened"),
    },
    "cancelled": {
        S: Edge(C, "cancelled without ever having been acknowledged"),
        A: Edge(C),
        P: Edge(C),
        C: Edge(KEEP, "said twice"),
    },
    "expired": {
        S: Edge(X, "an IOC can expire in its first report"),
        A: Edge(X),
        P: Edge(X),
        X: Edge(KEEP, "said twice"),
    },
    "replaced": {
        S: Edge(BY_QUANTITY, "the replace overtook the acknowledgement"),
        A: Edge(BY_QUANTITY),
        P: Edge(BY_QUANTITY, "a new quantity at or below CumQty ends the order Filled"),
        F: Edge(BY_QUANTITY, "filled while the replace was on its way, and increased all the same", "reopened"),
    },
    "done_for_day": {
        **_OPEN_KEEP,
        **{state: Edge(KEEP, "said of every order of the day: OrdStatus 3 outranks how it ended") for state in (F, C, X)},
    },
    "calculated": {
        **_OPEN_KEEP,
        **{state: Edge(KEEP, "settlement details of what was executed, after the end") for state in (F, C, X)},
    },
    "pending_cancel": _OPEN_KEEP,
    "pending_replace": _OPEN_KEEP,
    "suspended": _OPEN_KEEP,
    "restated": {
        S: Edge(KEEP),
        A: Edge(BY_QUANTITY),
        P: Edge(BY_QUANTITY, "the venue took quantity out of the order"),
        F: Edge(KEEP),
        C: Edge(KEEP),
        X: Edge(KEEP),
    },
    "cancel_rejected": {state: Edge(KEEP) for state in OrderState},
    # While a REPLACE to more is unanswered an order that has filled its old quantity is not yet Filled.
    "replace_rejected": {**{state: Edge(KEEP) for state in OrderState}, P: Edge(BY_QUANTITY, "nothing more was added")},
    "replace_not_sent": {**{state: Edge(KEEP) for state in OrderState}, P: Edge(BY_QUANTITY, "nothing more was added")},
    "status_reported": {state: Edge(KEEP) for state in OrderState},
    # Proven never to have reached the venue.
    "submission_failed": {S: Edge(R)},
    "not_sent": {S: Edge(R)},
    "unknown_at_venue": {S: Edge(R, "sent, and the venue denies knowing it after its sequence numbers were settled")},
    "day_ended": {
        state: Edge(X, "a venue forgets DAY orders with their day: asked after it, it denies knowing one it had accepted")
        for state in (S, A, P)
    },
    # What a status answer says of an order we were not told about in time.
    "reported_accepted": {S: Edge(A), A: Edge(BY_QUANTITY), P: Edge(BY_QUANTITY)},
    "reported_pending_replace": {S: Edge(A), A: Edge(KEEP), P: Edge(KEEP)},
    "reported_filled": {S: Edge(BY_QUANTITY), A: Edge(BY_QUANTITY), P: Edge(BY_QUANTITY), F: Edge(KEEP)},
    # The same, said twice of an order that had ended here: exposure is never understated.
    "reported_working": {
        state: Edge(BY_QUANTITY, "reinstated, or never ended: the venue's desk, a replace made of cancel and new", "reopened")
        for state in (F, C, R, X)
    },
    "reported_cancelled": {S: Edge(C), A: Edge(C), P: Edge(C), C: Edge(KEEP)},
    "reported_rejected": {S: Edge(R), A: Edge(R), R: Edge(KEEP)},
    "reported_expired": {S: Edge(X), A: Edge(X), P: Edge(X), X: Edge(KEEP)},
}
"""What happened -> state before -> edge."""

NO_EDGE = "no_edge"
"""The anomaly of an event that fits no edge."""


def transition(what: str, before: OrderState, *, quantity: Decimal, cum_qty: Decimal) -> tuple[OrderState, str | None]:
    """State after `what` happened to an order in state `before`, and the anomaly to raise (None when all is well).

    `cum_qty` is CumQty(14) as it stands after the event. An event without an edge leaves the state and raises `no_edge`.
    """
    edge = TABLE[what].get(before)
    if edge is None:
        return before, NO_EDGE
    if edge.to is KEEP:
        return before, edge.anomaly
    if edge.to is BY_QUANTITY:
        return by_quantity(quantity, cum_qty), edge.beyond if edge.beyond and cum_qty > quantity else edge.anomaly
    assert isinstance(edge.to, OrderState)
    return edge.to, edge.anomaly


def by_quantity(quantity: Decimal, cum_qty: Decimal) -> OrderState:
    """The working state that quantities alone imply."""
    if cum_qty >= quantity:
        return OrderState.FILLED
    return OrderState.PARTIALLY_FILLED if cum_qty else OrderState.ACCEPTED
