"""Price-time priority, by example and by property."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.sim.book import Book, BookEvent, Cancelled, Lifetime, Replaced, Resting, Side, Trade

D = Decimal


def book_with(*offers: tuple[str, str, int]) -> Book:
    book = Book()
    for order_id, price, quantity in offers:
        book.submit(order_id, Side.SELL, D(price), D(quantity))
    return book


def trades(events: Iterable[BookEvent]) -> list[tuple[str, Decimal, Decimal]]:
    return [(e.maker, e.price, e.quantity) for e in events if isinstance(e, Trade)]


def test_better_prices_trade_first_and_earlier_orders_before_later_ones() -> None:
    book = book_with(("late", "10", 5), ("later", "10", 5), ("better", "9", 5))
    events = book.submit("taker", Side.BUY, D(11), D(12))
    assert trades(events) == [("better", D(9), D(5)), ("late", D(10), D(5)), ("later", D(10), D(2))]
    assert book.levels(Side.SELL) == [(D(10), D(3))]


def test_what_a_limit_order_cannot_trade_rests_at_its_limit() -> None:
    book = book_with(("a", "10", 5), ("b", "12", 5))
    events = book.submit("taker", Side.BUY, D(11), D(8))
    assert events[-1] == Resting(order_id="taker", side=Side.BUY, price=D(11), quantity=D(3))
    assert (book.best(Side.BUY), book.best(Side.SELL)) == (D(11), D(12))


@pytest.mark.parametrize(
    ("price", "lifetime", "traded", "left"),
    [
        (None, Lifetime.RESTS, 5, 3),
        (D(10), Lifetime.IMMEDIATE, 5, 3),
        (D(10), Lifetime.ALL_OR_NOTHING, 0, 8),
        (D(9), Lifetime.IMMEDIATE, 0, 8),
    ],
)
def test_orders_that_do_not_rest(price: Decimal | None, lifetime: Lifetime, traded: int, left: int) -> None:
    book = book_with(("a", "10", 5))
    events = book.submit("taker", Side.BUY, price, D(8), lifetime)
    assert sum(quantity for _, _, quantity in trades(events)) == traded
    assert events[-1] == Cancelled(order_id="taker", quantity=D(left))
    assert book.best(Side.BUY) is None


def test_all_or_nothing_looks_through_several_levels() -> None:
    book = book_with(("a", "10", 5), ("b", "11", 5))
    events = book.submit("taker", Side.BUY, D(11), D(10), Lifetime.ALL_OR_NOTHING)
    assert len(trades(events)) == 2


@pytest.mark.parametrize(
    ("price", "quantity", "kept"), [("10", 4, True), ("10", 5, True), ("10", 6, False), ("10.5", 4, False)]
)
def test_priority_is_kept_only_for_less_at_the_same_price(price: str, quantity: int, kept: bool) -> None:
    book = book_with(("first", "10", 5), ("second", "10", 5))
    (event,) = (e for e in book.replace("first", D(price), D(quantity)) if isinstance(e, Replaced))
    assert event.priority_kept is kept
    maker = trades(book.submit("taker", Side.BUY, D(10), D(1)))[0][0]
    assert maker == ("first" if kept else "second")


def test_a_replace_that_crosses_trades() -> None:
    book = book_with(("offer", "10", 5))
    book.submit("bid", Side.BUY, D(9), D(5))
    assert trades(book.replace("bid", D(10), D(5))) == [("offer", D(10), D(5))]


def test_cancel_removes_and_is_refused_the_second_time() -> None:
    book = book_with(("a", "10", 5))
    assert book.cancel("a") == [Cancelled(order_id="a", quantity=D(5))]
    assert book.levels(Side.SELL) == []
    with pytest.raises(KeyError):
        book.cancel("a")


@pytest.mark.parametrize("quantity", [D(0), D(-1)])
def test_quantities_are_positive(quantity: Decimal) -> None:
    with pytest.raises(ValueError, match="not positive"):
        Book().submit("a", Side.BUY, D(1), quantity)


commands = st.lists(
    st.tuples(
        st.sampled_from(["submit", "submit", "submit", "market", "cancel", "replace"]),
        st.sampled_from(list(Side)),
        st.integers(95, 105),
        st.integers(1, 20),
        st.sampled_from(list(Lifetime)),
        st.integers(0, 30),
    ),
    max_size=60,
)


@given(commands)
def test_no_quantity_appears_or_vanishes_and_the_book_never_crosses(
    steps: list[tuple[str, Side, int, int, Lifetime, int]],
) -> None:
    book = Book()
    resting: dict[str, Decimal] = {}
    for number, (action, side, price, quantity, lifetime, pick) in enumerate(steps):
        order_id = f"o{number}"
        if action in ("cancel", "replace"):
            if not resting:
                continue
            order_id = sorted(resting)[pick % len(resting)]
            before = resting.pop(order_id)
            if action == "cancel":
                assert book.cancel(order_id) == [Cancelled(order_id=order_id, quantity=before)]
                events, incoming = [], D(0)
            else:
                events, incoming = book.replace(order_id, D(price), D(quantity)), D(quantity)
        else:
            limit = None if action == "market" else D(price)
            events, incoming = book.submit(order_id, side, limit, D(quantity), lifetime), D(quantity)
        _account(events, order_id, incoming, resting)
        bid, offer = book.best(Side.BUY), book.best(Side.SELL)
        assert bid is None or offer is None or bid < offer
        standing = sum((size for side in Side for _, size in book.levels(side)), D(0))
        assert standing == sum(resting.values())


def _account(events: list[BookEvent], taker: str, incoming: Decimal, resting: dict[str, Decimal]) -> None:
    """What came in is traded, cancelled or rests; every maker gives what the taker takes."""
    left = incoming
    kept = False
    for event in events:
        match event:
            case Trade():
                assert event.taker == taker
                left -= event.quantity
                resting[event.maker] -= event.quantity
                if not resting[event.maker]:
                    del resting[event.maker]
            case Cancelled():
                left -= event.quantity
            case Resting():
                left -= event.quantity
                resting[event.order_id] = event.quantity
            case Replaced(priority_kept=True):
                kept = True
                resting[event.order_id] = event.quantity
    assert left == (incoming if kept else 0)
