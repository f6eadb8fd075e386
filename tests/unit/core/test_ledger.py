"""A position's ledger: packed or not, its entries are the same, in the same order."""

from __future__ import annotations

from decimal import Decimal

import pytest
from msgspec.structs import replace

from gateway.core import snapshot
from gateway.core.events import FillBusted
from gateway.core.ledger import BLOCK, EntryKey, Ledger
from gateway.core.orders import Position, PositionKey
from gateway.core.positions import recomputed
from gateway.core.values import Side
from gateway.testing.harness import ACCOUNT, SYMBOL, TRADING_DATE, VENUE, Harness

D = Decimal
KEY: PositionKey = (ACCOUNT, "desk", VENUE, SYMBOL)


def test_entries_are_those_added_whatever_is_in_blocks() -> None:
    ledger = Ledger({}, {})
    added: list[EntryKey] = []
    for number in range(3 * BLOCK + 7):
        entry: EntryKey = (*KEY, number) if number % 5 == 0 else (VENUE, TRADING_DATE, f"1-{number}", f"E{number}")
        added.append(entry)
        ledger.add(KEY, entry)
        if number in (0, BLOCK - 1, 2 * BLOCK - 2, 2 * BLOCK - 1, 2 * BLOCK, 3 * BLOCK, 3 * BLOCK + 6):
            for counted in {0, 1, BLOCK - 1, BLOCK, BLOCK + 1, number, number + 1} & set(range(number + 2)):
                assert list(ledger.after(KEY, counted)) == added[counted:]
    for place in (0, 1, BLOCK - 1, BLOCK, 2 * BLOCK, 3 * BLOCK + 6):
        assert ledger.place(KEY, added[place]) == place
    with pytest.raises(ValueError, match="is no entry"):
        ledger.place(KEY, (VENUE, TRADING_DATE, "1-1", "other"))
    assert list(ledger.after(("another", "desk", VENUE, SYMBOL), 0)) == []


def test_a_position_is_counted_anew_from_blocks_and_records() -> None:
    harness = Harness().open()
    orders = []
    for number in range(2 * BLOCK + 40):
        order_id = harness.request_order(Side.BUY if number % 3 else Side.SELL, "1000", "156")
        harness.fill(order_id, "1000", str(D(1550 + number % 20) / 10), exec_id=f"E{number}")
        orders.append(order_id)
        harness.state.execution.put_away(10, 5)
    state = harness.state
    assert state.execution.entry_blocks[KEY]
    harness.core = harness.core.at(snapshot.restore(snapshot.frames(snapshot.image(state)), state.digest()))
    harness.state = harness.core.state
    for number in (3, BLOCK + 3, 2 * BLOCK + 3, 4):
        harness.report(FillBusted, orders[number], exec_ref_id=f"E{number}", exec_id=f"B{number}", trade_date=TRADING_DATE)
        execution = harness.state.execution
        fills = [execution.fills[entry] for entry in execution.ledger.after(KEY, 0)]  # type: ignore[index]  # no adjustments
        *_, anew = recomputed(fills, Position(account=ACCOUNT, strategy="desk", venue=VENUE, symbol=SYMBOL), D(1), 0)
        assert replace(execution.positions[KEY], updated_ns=0) == replace(anew, updated_ns=0)
