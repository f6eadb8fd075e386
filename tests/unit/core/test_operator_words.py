"""What an operator says on his own authority: a venue closed to new orders, an order in doubt resolved."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from gateway.core.changes import OperatorActed
from gateway.core.events import (
    Accepted,
    ClosedUnsent,
    Denied,
    FillInferred,
    OrderRequested,
    OrderResolveRequested,
    Resolved,
    VenueCloseRequested,
    VenueOpened,
    VenueOpenRequested,
)
from gateway.core.reactions.resolve import DISPOSITIONS, objection
from gateway.core.values import CommandKind, OrderState, OrderType, Side
from gateway.testing.harness import ACCOUNT, SYMBOL, VENUE, Harness, settings


def close(harness: Harness, request_id: str = "c1") -> None:
    harness.feed(VenueCloseRequested(actor="op", reason="late fills", request_id=request_id, venue=VENUE))


def test_a_closed_venue_takes_no_orders_and_all_cancels() -> None:
    harness = Harness().open()
    order_id = harness.request_order()
    harness.accept(order_id)
    close(harness)
    harness.request_order()
    assert [(d.code, d.reason) for d in harness.events(Denied)] == [
        ("venue_not_open", "venue SIM is not open: closed by op: late fills")
    ]
    harness.request_cancel(order_id)
    assert [c.order_id for c in harness.sent(CommandKind.CANCEL)] == [order_id]


def test_closing_drops_what_waits() -> None:
    harness = Harness(config=settings(rate_per_second=Decimal(1))).open()
    harness.request_order()
    waiting = harness.request_order()
    close(harness)
    assert [e.command.order_id for e in harness.events(ClosedUnsent)] == [waiting]


def test_a_closed_venue_stays_closed_over_sessions_and_runs_until_it_is_opened() -> None:
    harness = Harness().open()
    close(harness)
    before = len(harness.events(VenueOpened))
    harness.disconnect()
    harness.log_on()
    harness.settle()
    harness.start()
    harness.log_on()
    harness.settle()
    venue = harness.state.control.venues[VENUE]
    assert (venue.opened, venue.reason) == (False, "closed by op: late fills")
    assert len(harness.events(VenueOpened)) == before
    harness.feed(VenueOpenRequested(actor="op", reason="mended", request_id="o1", venue=VENUE))
    assert harness.state.control.venues[VENUE].opened
    close(harness)  # the same request again
    assert harness.state.control.venues[VENUE].opened


def test_a_refused_opening_lifts_nothing() -> None:
    harness = Harness().open()
    close(harness)
    harness.disconnect()
    step = harness.feed(VenueOpenRequested(actor="op", reason="too early", request_id="o1", venue=VENUE))
    (acted,) = [change for _, changes in step.changes for change in changes if isinstance(change, OperatorActed)]
    assert (acted.result, acted.after) == ("refused", acted.before)
    harness.log_on()
    harness.settle()
    assert not harness.state.control.venues[VENUE].opened


def doubtful(harness: Harness) -> str:
    order_id = harness.request_order()
    harness.pass_deadline()
    harness.pass_deadline()
    harness.pass_deadline()
    assert harness.order(order_id).in_doubt == "status_unanswered"
    return order_id


def word(order_id: str, disposition: str, **more: Any) -> OrderResolveRequested:
    return OrderResolveRequested(
        actor="op", reason="by phone", request_id=f"r-{disposition}", order_id=order_id, disposition=disposition, **more
    )


@pytest.mark.parametrize(
    ("disposition", "state"),
    [
        ("working", OrderState.ACCEPTED),
        ("filled", OrderState.FILLED),
        ("cancelled", OrderState.CANCELLED),
        ("rejected", OrderState.REJECTED),
        ("expired", OrderState.EXPIRED),
        ("never-arrived", OrderState.REJECTED),
    ],
)
def test_every_disposition_ends_the_doubt(disposition: str, state: OrderState) -> None:
    assert disposition in DISPOSITIONS
    harness = Harness().open()
    order_id = doubtful(harness)
    step = harness.feed(word(order_id, disposition))
    order = harness.order(order_id)
    assert (order.state, order.in_doubt) == (state, None)
    assert harness.state.execution.awaiting == {}
    assert harness.state.execution.asked == {}
    assert harness.next_deadline is None
    acted = [c for _, changes in step.changes for c in changes if isinstance(c, OperatorActed)]
    assert [(c.action, c.scope, c.reason) for c in acted] == [("order_resolve_requested", f"order:{order_id}", "by phone")]
    assert harness.events(Resolved)[-1].detail == "op: by phone"
    assert harness.anomalies() == (["fill_inferred"] if disposition == "filled" else [])


def test_what_is_filled_beyond_what_is_known_counts_once() -> None:
    harness = Harness().open()
    order_id = doubtful(harness)
    harness.feed(word(order_id, "cancelled", cum_qty=Decimal(400), avg_px=Decimal("155.9")))
    (inferred,) = harness.events(FillInferred)
    assert (inferred.last_qty, inferred.last_px) == (Decimal(400), Decimal("155.9"))
    assert harness.position() == Decimal(400)
    assert harness.order(order_id).state is OrderState.CANCELLED
    harness.fill(order_id, "400", "155.9", cum_qty=Decimal(400))  # the real report comes after all
    assert harness.position() == Decimal(400)


def test_the_venue_has_the_last_word_on_an_order_that_never_arrived() -> None:
    harness = Harness().open()
    order_id = doubtful(harness)
    harness.feed(word(order_id, "never-arrived"))
    harness.report(Accepted, order_id)
    assert harness.order(order_id).state is OrderState.ACCEPTED
    assert harness.anomalies() == ["reopened"]


@pytest.mark.parametrize(
    ("disposition", "more", "why"),
    [
        ("working", {"cum_qty": Decimal(20000)}, "is for 10000"),
        ("filled", {"cum_qty": Decimal(400)}, "say what became of the rest"),
        ("never-arrived", {"cum_qty": Decimal(400)}, "it did arrive"),
        ("lost", {}, "is not a disposition"),
    ],
)
def test_what_cannot_be_is_refused_and_changes_nothing(disposition: str, more: dict[str, Any], why: str) -> None:
    harness = Harness().open()
    order_id = doubtful(harness)
    request = word(order_id, disposition, **more)
    assert why in (objection(harness.state, request) or "")
    before = harness.order(order_id)
    harness.feed(request)
    assert harness.order(order_id) == before
    assert harness.events(Resolved) == []


def test_an_order_that_is_not_in_doubt_is_left_to_the_venue() -> None:
    harness = Harness().open()
    order_id = harness.request_order()
    harness.accept(order_id)
    assert "is not in doubt" in (objection(harness.state, word(order_id, "cancelled")) or "")
    harness.feed(word(order_id, "cancelled"))
    assert harness.order(order_id).state is OrderState.ACCEPTED


def test_a_market_order_needs_the_price_of_what_is_filled() -> None:
    harness = Harness().open()
    order_id = harness.request_order(price=None, order_type=OrderType.MARKET)
    for _ in range(3):
        harness.pass_deadline()
    assert "--avg-px" in (objection(harness.state, word(order_id, "filled")) or "")
    harness.feed(word(order_id, "filled", avg_px=Decimal("156.2")))
    assert harness.order(order_id).avg_px == Decimal("156.2")
    assert harness.state.execution.positions[ACCOUNT, "desk", VENUE, SYMBOL].net_qty == Decimal(10000)


@pytest.mark.parametrize(
    ("order_type", "price", "stop_price", "said"),
    [
        (OrderType.LIMIT, "156", None, "at 156"),
        (OrderType.MARKET, None, None, "at market"),
        (OrderType.STOP, None, "155", "at stop 155"),
        (OrderType.STOP_LIMIT, "156", "155", "at 156 stop 155"),
    ],
)
def test_the_audit_has_every_price_of_an_order(
    order_type: OrderType, price: str | None, stop_price: str | None, said: str
) -> None:
    terms = {"price": price, "stop_price": stop_price}
    decimals = {name: None if text is None else Decimal(text) for name, text in terms.items()}
    request = OrderRequested(
        actor="op",
        reason="",
        request_id="r",
        venue=VENUE,
        symbol=SYMBOL,
        side=Side.SELL,
        quantity=Decimal(500),
        order_type=order_type,
        **decimals,
    )
    step = Harness().open().feed(request)
    [acted] = [c for _, changes in step.changes for c in changes if isinstance(c, OperatorActed)]
    assert acted.after == f"sell 500 {SYMBOL} {said}"
