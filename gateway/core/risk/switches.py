"""Is it allowed now, and to them? Kill switch, trading states, disabled strategies, permissions, restricted instruments."""

from __future__ import annotations

from gateway.core.orders import Command
from gateway.core.risk.basis import added_quantity, limits
from gateway.core.state import State, order_scopes
from gateway.core.values import Side, TradingState


def killed(state: State, command: Command) -> str | None:
    for scope in order_scopes(command):
        reason = state.control.killed.get(scope)
        if reason is not None:
            return f"kill switch engaged for {scope}: {reason or 'no reason given'}"
    return None


def trading(state: State, command: Command) -> str | None:
    if state.control.run.stopping:
        return "the gateway is stopping"
    for name in state.control.broken:
        return f"invariant {name} is broken: enable trading in the scope all when it is understood"
    for scope in order_scopes(command):
        trading = state.control.trading.get(scope, TradingState.ENABLED)
        if trading is TradingState.DISABLED:
            return f"trading is disabled for {scope}"
        if trading is TradingState.REDUCED and not _reduces(state, command):
            return f"trading is reduced for {scope}: only orders that bring the position nearer to zero"
    return None


def _reduces(state: State, command: Command) -> bool:
    sums = state.execution.exposure.of((command.account, command.strategy, command.venue, command.symbol))
    if not sums.net:
        return False
    against = Side.SELL if sums.net > 0 else Side.BUY
    working = sums.selling if command.side is Side.SELL else sums.buying
    return command.side is against and working + added_quantity(state, command) <= abs(sums.net)


def not_in_doubt(state: State, command: Command) -> str | None:
    order = state.execution.orders.get(command.order_id)
    return None if order is None or order.in_doubt is None else f"the order is in doubt: {order.in_doubt}"


def strategy_enabled(state: State, command: Command) -> str | None:
    known = state.control.strategies.get(command.strategy)
    return None if known is None or known.disabled is None else f"strategy {command.strategy}: {known.disabled}"


def venue_open(state: State, command: Command) -> str | None:
    venue = state.control.venues[command.venue]
    return None if venue.opened else f"venue {command.venue} is not open: {venue.reason}"


def restricted(state: State, command: Command) -> str | None:
    for symbols, scope in limits(state, command, "restricted"):
        if command.symbol in symbols:
            return f"{command.symbol} is on the restricted list ({scope})"
    return None


def permitted(state: State, command: Command) -> str | None:
    asked = (
        ("permitted_instruments", command.symbol),
        ("permitted_sides", command.side),
        ("permitted_strategies", command.strategy),
    )
    for name, value in asked:
        for allowed, scope in limits(state, command, name):
            if value not in allowed:
                return f"{value} is not among {name} {', '.join(allowed) or 'none'} ({scope})"
    return None
