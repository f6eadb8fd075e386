"""What a review's pictures show: where things are drawn, and that what does not fit is said."""

from __future__ import annotations

from decimal import Decimal

from gateway.core.events import Level
from gateway.incident import drawing
from gateway.incident.model import BookView, Entry, Execution, Incident, OrderLane, Quote, Stage
from gateway.incident.page import page

BEGIN = 1_700_000_000_000_000_000
SECOND = 1_000_000_000


def incident(*, decisions: int = 0, orders: int = 1, seconds: int = 10) -> Incident:
    """Orders that were filled, whose execution was busted and made again; a decision a millisecond."""
    price = Decimal("150.1")
    lanes = [
        OrderLane(
            order_id=f"1-{number}", venue="SIM", symbol="USD/JPY", side="buy", strategy="m", quantity=Decimal(10), price=price,
            stages=[
                Stage(at_ns=BEGIN, state="Accepted", cum_qty=Decimal(0), price=price),
                Stage(at_ns=BEGIN + SECOND, state="Filled", cum_qty=Decimal(10), price=price),
                Stage(at_ns=BEGIN + 2 * SECOND, state="Filled", cum_qty=Decimal(10)),
                Stage(at_ns=BEGIN + 5 * SECOND, state="Accepted", cum_qty=Decimal(0), price=price),
                Stage(at_ns=BEGIN + 6 * SECOND, state="Cancelled", cum_qty=Decimal(0)),
            ],
            executions=[Execution(at_ns=BEGIN + SECOND, exec_id="E1", last_qty=Decimal(10), last_px=price, status="busted")],
        )
        for number in range(orders)
    ]  # fmt: skip
    levels = {"bids": (Level(price, Decimal(300)),), "asks": (Level(price + 1, Decimal(9_999_999)),)}
    entries = [
        Entry(
            seq=seq, cause=seq, at_ns=BEGIN + seq * 1_000_000, wall_ns=0, kind="dispatched", lane="decision", title="NEW",
            price=price + 1, book=BookView(venue="SIM", symbol="USD/JPY", seq=seq, at_ns=BEGIN, **levels),
        )
        for seq in range(decisions)
    ]  # fmt: skip
    return Incident(
        subject="order 1-0", from_seq=1, to_seq=2, from_ns=BEGIN, to_ns=BEGIN + seconds * SECOND, runs=[1], config_sha256=[],
        entries=entries, orders=lanes, spans=[], quotes={"SIM USD/JPY": [Quote(at_ns=BEGIN, bid=price, ask=price + 1)]},
    )  # fmt: skip


def test_the_time_in_which_an_order_had_ended_has_no_bar() -> None:
    (row,) = drawing.lanes(incident()).rows
    assert [bar.state for bar in row.bars] == ["Accepted", "Accepted"]
    assert [mark.kind for mark in row.marks] == ["end Filled", "end Cancelled", "unfill"]


def test_a_busted_execution_is_none_beside_the_prices() -> None:
    (chart,) = drawing.quotes(incident())
    assert [mark.kind for mark in chart.marks] == ["unfill"]
    assert 'class="m-unfill" cx=' in page(incident())


def test_decisions_beyond_those_drawn_are_counted() -> None:
    shown, more = drawing.books(incident(decisions=drawing.MOST_BOOKS + 7))
    assert (len(shown), more) == (drawing.MOST_BOOKS, 7)
    text = page(incident(decisions=drawing.MOST_BOOKS + 7))
    assert f"the next {drawing.MOST_BOOKS - 6} decisions" in text
    assert "7 more decisions" in text
    assert "more decisions" not in page(incident(decisions=6))


def test_what_is_said_of_a_level_fits_beside_its_bar() -> None:
    (ladder,) = drawing.books(incident(decisions=1))[0]
    widest = max(ladder.levels, key=lambda level: level.width)
    assert widest.ours
    letters = len(f"{widest.quantity} {widest.side} ◂ ours")
    assert widest.x + widest.width + 5 + letters * 6 < 330, "of the picture's width"


def test_the_page_says_the_day_and_the_table_every_day_there_was() -> None:
    assert "2023-11-14 22:13:20.000000 to 22:13:30.000000 UTC" in page(incident())
    longer = page(incident(decisions=1, seconds=7200))
    assert "2023-11-14 22:13:20.000000 to 2023-11-15 00:13:20.000000 UTC" in longer
    assert '<td class="time mono">2023-11-14 22:13:20.000000</td>' in longer


def test_a_page_of_many_orders_says_what_it_left_out() -> None:
    text = page(incident(orders=2_000, decisions=10))
    assert f"{2_000 - drawing.MOST_LANES} more orders are in the table only" in text
