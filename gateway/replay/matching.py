"""Which order of one ledger is which of the other: by any ClOrdID(11) they share, else by OrderID(37)."""

from __future__ import annotations

from collections import defaultdict

from gateway.replay.ledger import Ledger, OrderLine


def matched(log: Ledger, other: Ledger) -> dict[str, OrderLine]:
    """Key of an order of `other` -> the order of `log` that it is; each is one order at most."""
    by_name: dict[str, list[OrderLine]] = defaultdict(list)
    by_venue_id: dict[str, list[OrderLine]] = defaultdict(list)
    for line in log.orders.values():
        for name in line.names:
            by_name[name].append(line)
        if line.venue_order_id is not None:
            by_venue_id[line.venue_order_id].append(line)
    venues = ({line.venue for line in log.orders.values()}, {line.venue for line in other.orders.values()})
    taken: set[str] = set()
    ours: dict[str, OrderLine] = {}
    for key, line in other.orders.items():
        named = [one for name in line.names for one in by_name.get(name, ())]
        found = _likest(line, named, taken, venues)
        if found is None and line.venue_order_id is not None:
            same_id = [one for one in by_venue_id.get(line.venue_order_id, ()) if one.symbol == line.symbol]
            found = _likest(line, same_id, taken, venues)
        if found is not None:
            ours[key] = found
            taken.add(found.key)
    return ours


def _likest(line: OrderLine, ours: list[OrderLine], taken: set[str], venues: tuple[set[str], set[str]]) -> OrderLine | None:
    """Which of ours an order of the other side is: names are used again in other sessions. Each is one order at most.

    `venues`: those of either side. A venue that both know is the same one; a drop copy or the records call it otherwise.
    """
    known = line.venue in venues[0]
    possible = [
        one for one in ours if one.key not in taken and (one.venue == line.venue or not known or one.venue not in venues[1])
    ]
    return max(possible, key=lambda one: _likeness(line, one), default=None)


def _likeness(line: OrderLine, one: OrderLine) -> tuple[bool, bool, bool]:
    same_id = line.venue_order_id is not None and line.venue_order_id == one.venue_order_id
    return same_id, line.symbol == one.symbol, line.venue == one.venue
