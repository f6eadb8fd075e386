"""Tables in 80 columns: words stay whole while there is any room for them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.cli import output
from gateway.cli.layout import Measure, layout
from gateway.cli.listings import AUDIT, ORDERS, POSITION_HISTORY, Listing
from gateway.cli.order_lookup import print_history

_ORDER = {
    "order_id": "12-1021",
    "created_ns": 1_795_245_213_991_351_480,
    "strategy": "maker",
    "venue": "SIM",
    "symbol": "USD/JPY",
    "side": "sell",
    "quantity": "10000",
    "price": "110.067",
    "stop_price": "109.5",
    "cum_qty": "5000",
    "state": "PartiallyFilled",
    "in_doubt": True,
}
_ACTION = {
    "recorded_ns": 1_795_245_213_991_351_480,
    "actor": "root(0)",
    "action": "configuration_updated",
    "scope": "strategy:maker",
    "after": "0216f18a2e1e0efdaa3464e4523a22bf936b0fa56eb4723b9b8333a6a0bac9d8",
    "result": "done",
    "reason": "more room for the quiet hours",
}
_MOVE = {
    "recorded_ns": 1_795_245_213_991_351_480,
    "account": "CUST-1",
    "strategy": "maker",
    "symbol": "USD/JPY",
    "cause": "adjustment",
    "quantity": "-1000",
    "price": "110.129",
    "net_qty": "2000",
    "realized_pnl": "840.25",
}


@pytest.mark.parametrize(("listing", "row"), [(ORDERS, _ORDER), (AUDIT, _ACTION), (POSITION_HISTORY, _MOVE)])
def test_no_word_is_broken_while_there_is_room(
    listing: Listing, row: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    output.console().print(output.table(listing.columns, [row]))
    shown = capsys.readouterr().out
    assert all(len(line) <= 80 for line in shown.splitlines()), shown
    words = shown.split()
    for column in listing.columns:
        assert set(column.title.split()) <= set(words), shown
        assert set(column.of(row).split()) <= set(words), shown


def test_an_order_shows_its_stop_price() -> None:
    terms = next(column for column in ORDERS.columns if column.title == "Terms")
    assert terms.of(_ORDER) == "sell 10000 @110.067 stop 109.5"
    assert terms.of(_ORDER | {"price": None}) == "sell 10000 stop 109.5"
    assert terms.of(_ORDER | {"stop_price": None}) == "sell 10000 @110.067"


def test_an_order_takes_at_most_two_lines(capsys: pytest.CaptureFixture[str]) -> None:
    output.console().print(output.table(ORDERS.columns, [_ORDER | {"stop_price": None, "in_doubt": False}]))
    assert len(capsys.readouterr().out.splitlines()) == 4, "heading, rule, and two"


def test_a_long_word_in_a_text_breaks_no_state(capsys: pytest.CaptureFixture[str]) -> None:
    row = {
        "recorded_ns": 1_795_245_213_991_351_480,
        "event": "status_reported",
        "to_state": "PartiallyFilled",
        "cl_ord_id": "tov83k-1-1-1",
        "last_qty": "400",
        "last_px": "110",
        "cum_qty": "900",
        "msg_seq_num": 57,
        "text": "https://venue.example/rejects/margin?" + "x" * 40,
        "anomaly": None,
    }
    print_history([row])
    shown = capsys.readouterr().out
    assert all(len(line) <= 80 for line in shown.splitlines()), shown
    assert {"PartiallyFilled", "status_reported", "tov83k-1-1-1"} <= set(shown.split()), shown


@given(st.lists(st.tuples(st.integers(1, 200), st.integers(1, 200)), min_size=1, max_size=10), st.integers(60, 250))
def test_a_table_fits_its_room(columns: list[tuple[int, int]], room: int) -> None:
    measures = [Measure(max(pair), min(pair), min(pair)) for pair in columns]
    found = layout(measures, room)
    assert sum(found.widths) + found.gap * (len(measures) - 1) <= room
    assert all(width >= 1 for width in found.widths)
    if sum(one.word for one in measures) + len(measures) - 1 <= room:
        assert all(width >= one.word for width, one in zip(found.widths, measures, strict=True))


def test_many_rows_are_printed_in_parts_that_nobody_sees(capsys: pytest.CaptureFixture[str]) -> None:
    columns = (output.Column("Number", "number", right=True), output.Column("Name", "name"))
    found = [{"number": number, "name": "long name " * (number % 7)} for number in range(250)]
    output.show(False, columns, found, empty="none")
    in_parts = capsys.readouterr().out
    output.console().print(output.table(columns, found))
    assert in_parts == capsys.readouterr().out
    lines = in_parts.splitlines()
    assert [line.split()[0] for line in lines if line.split()[0].isdigit()] == [str(number) for number in range(250)]
    assert sum("Number" in line for line in lines) == 1
