"""The clearing desk: what an account's executions of this process add up to, and what the staff has booked beside them."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal

from gateway.sim.book import Side
from gateway.sim.messages import Answer, PositionReport, PositionsRequest
from gateway.sim.orders import SIDES, Order


def answer(
    session: str,
    request: PositionsRequest,
    orders: Iterable[Order],
    booked: Mapping[tuple[str, str], Decimal],
    next_id: Callable[[str], str],
    now_ns: int,
) -> list[Answer]:
    """One report for each symbol that is not flat, or one that says there is none. `orders`: all of the session."""
    net: dict[str, Decimal] = defaultdict(Decimal)
    for order in orders:
        if (order.terms.account or "") == request.account:
            net[order.terms.symbol] += order.cum_qty if SIDES[order.terms.side] is Side.BUY else -order.cum_qty
    for (account, symbol), quantity in booked.items():
        if account == request.account:
            net[symbol] += quantity
    held = sorted((symbol, quantity) for symbol, quantity in net.items() if quantity)

    def report(symbol: str | None, quantity: Decimal) -> PositionReport:
        return PositionReport(
            session=session,
            req_id=request.req_id,
            report_id=next_id("P"),
            account=request.account,
            date=time.strftime("%Y%m%d", time.gmtime(now_ns // 1_000_000_000)),
            total=len(held),
            symbol=symbol,
            net_qty=quantity,
        )

    return [report(*one) for one in held] if held else [report(None, Decimal(0))]
