"""An operator's adjustment of a position: from the request to the event, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Collection

from gateway.control.surface import AdjustPosition
from gateway.core.events import PositionAdjusted
from gateway.core.state import State
from gateway.core.values import DESK
from gateway.errors import Denied, GatewayError, NotFound


def adjustment_problem(state: State, request: AdjustPosition) -> GatewayError | None:
    """Why this adjustment cannot be made; None when it can. A position that exists may always be adjusted."""
    key = (request.account, request.strategy, request.venue, request.symbol)
    if request.avg_px < 0 or (request.quantity and not request.avg_px):
        return Denied(f"an average price of {request.avg_px} cannot be: give the average cost, above zero")
    if key in state.execution.positions:
        return None
    settings = state.control.settings
    known: dict[str, tuple[str, Collection[str]]] = {
        "venue": (request.venue, settings.venues),
        "symbol": (request.symbol, settings.instruments),
        "strategy": (request.strategy, (*settings.strategies, DESK)),
    }
    for what, (name, names) in known.items():
        if name not in names:
            return NotFound(f"{what} {name!r} is not configured; known: {', '.join(sorted(names)) or 'none'}")
    return None


def adjustment(request: AdjustPosition, actor: str) -> PositionAdjusted:
    """The event that the request asks for."""
    return PositionAdjusted(
        actor=actor,
        reason=request.reason,
        request_id=request.request_id,
        account=request.account,
        strategy=request.strategy,
        venue=request.venue,
        symbol=request.symbol,
        quantity=request.quantity,
        avg_px=request.avg_px,
    )
