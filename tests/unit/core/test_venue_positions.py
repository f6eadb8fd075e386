"""Positions as a venue tells them are compared with ours, and nothing follows from a difference but that it is seen."""

from __future__ import annotations

import inspect
from decimal import Decimal

from msgspec.structs import replace

from gateway.core import events
from gateway.core.events import DERIVED, Event, PositionsReported, PositionsRequested, ReportedPosition
from gateway.testing.harness import ACCOUNT, SESSION, SYMBOL, VENUE, Harness, settings


def asking() -> Harness:
    config = settings()
    venues = {name: replace(venue, asks_positions=True) for name, venue in config.venues.items()}
    return Harness(config=replace(config, venues=venues))


def tell(harness: Harness, *positions: tuple[str, str], complete: bool = True, account: str = ACCOUNT) -> list[str]:
    """What the venue says; the differences known afterwards."""
    told = tuple(ReportedPosition(symbol=symbol, net_qty=Decimal(net)) for symbol, net in positions)
    harness.feed(
        PositionsReported(
            venue=VENUE, session=SESSION, request_id="P", account=account, positions=told, complete=complete, detail="why"
        )
    )
    return list(harness.state.control.positions_differ.values())


def test_asked_after_every_reconciliation_for_every_account() -> None:
    harness = asking().open()
    [request] = harness.events(PositionsRequested)
    assert (request.venue, request.account) == (VENUE, ACCOUNT)
    harness.disconnect()
    harness.log_on()
    harness.settle()
    assert len(harness.events(PositionsRequested)) == 2
    assert Harness().open().events(PositionsRequested) == []


def test_a_difference_stays_until_it_is_none_and_moves_nothing() -> None:
    harness = asking().open()
    order_id = harness.request_order()
    harness.accept(order_id)
    harness.fill(order_id, "4000")
    assert tell(harness, (SYMBOL, "4000")) == []
    assert tell(harness) == [f"{SYMBOL} of account {ACCOUNT}: 0 at the venue, 4000 here"]
    assert len(tell(harness, (SYMBOL, "1000"), ("OTHER", "-5"))) == 2
    assert harness.position() == Decimal(4000)
    assert len(tell(harness, complete=False)) == 2, "no answer proves nothing"
    assert harness.anomalies().count("position_differs") == 3
    assert harness.anomalies().count("positions_unknown") == 1
    assert tell(harness, (SYMBOL, "4000")) == []


def test_a_venue_that_names_no_account_tells_all_of_them() -> None:
    harness = asking().open()
    order_id = harness.request_order()
    harness.accept(order_id)
    harness.fill(order_id, "4000")
    assert tell(harness, (SYMBOL, "4000"), account="") == []
    assert tell(harness, (SYMBOL, "4000"), account="another") == [f"{SYMBOL} of account another: 4000 at the venue, 0 here"]


def test_every_event_that_only_the_core_makes_is_listed_as_derived():
    """One that is not would be taken for input by `verify`, and recomputed beside itself."""
    defined = {cls.kind() for _, cls in inspect.getmembers(events.derived, inspect.isclass) if issubclass(cls, Event)}
    assert defined - {"event", "derived"} == DERIVED
