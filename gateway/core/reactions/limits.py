"""What limits do beside denying: the throttle that disables a strategy; what is taken over from the configuration at a run's
start: opening positions and cash balances."""

from __future__ import annotations

from gateway.core import execution_control as control
from gateway.core.apply.positions import executions_window
from gateway.core.contents import StrategyState
from gateway.core.events import OpeningBalance, OpeningPosition, RunStarted, StrategyDisabled
from gateway.core.orders import Balance, Fill
from gateway.core.reactions.intents import cancel_scope
from gateway.core.state import State
from gateway.core.turn import Turn
from gateway.core.values import NANOS, scopes_of


def throttle(turn: Turn) -> None:
    """RTS 6 art. 15(3): after so many executions a strategy is disabled until a person enables it again. What it has open
    is cancelled, what waits is dropped. Cancels and other strategies go on. Executions that were inferred count, too."""
    state = turn.state
    if not state.control.settings.risk:
        return
    for change in turn.new_fills():
        if _external(state, change.after):
            continue
        strategy = change.after.strategy
        if state.control.strategies.get(strategy, StrategyState()).disabled is not None:
            continue
        reason = _too_often(state, change.after)
        if reason is not None:
            turn.emit(StrategyDisabled(strategy=strategy, reason=reason))
            control.purge(turn, f"strategy:{strategy}", "strategy disabled")
            cancel_scope(turn, f"strategy:{strategy}")


def _external(state: State, fill: Fill) -> bool:
    return state.execution.orders[fill.order_id].external


def _too_often(state: State, fill: Fill) -> str | None:
    for scope in scopes_of(venue=fill.venue, strategy=fill.strategy, account=fill.account, symbol=fill.symbol):
        limits = state.control.settings.risk.get(scope)
        most = None if limits is None else limits.max_repeated_executions
        if limits is None or most is None:
            continue
        span = limits.repeated_execution_seconds
        if state.execution.windows.reached(executions_window(fill.strategy, scope), most, state.at_ns, span * NANOS):
            return f"{most} executions within {span} s, max_repeated_executions is {most} ({scope})"
    return None


def take_over(turn: Turn, event: RunStarted) -> None:
    """Once per position or balance and date, however often a run starts with the same configuration."""
    for one in event.settings.positions:
        key = (one.account, one.strategy, one.venue, one.symbol)
        if turn.state.execution.openings.get(key, "") < one.as_of:
            turn.emit(
                OpeningPosition(
                    account=one.account,
                    strategy=one.strategy,
                    venue=one.venue,
                    symbol=one.symbol,
                    quantity=one.quantity,
                    avg_px=one.avg_px,
                    as_of=one.as_of,
                )
            )
    for cash in event.settings.balances:
        known = turn.state.execution.balances.get((cash.account, cash.currency), Balance())
        if known.as_of < cash.as_of:
            turn.emit(OpeningBalance(account=cash.account, currency=cash.currency, amount=cash.amount, as_of=cash.as_of))
