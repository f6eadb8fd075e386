"""What the staff of a venue does to client orders without being asked: cancel, bust, correct, end the day.

Exists apart from order entry because no client request leads here. Pure like the exchange: it returns the reports.
"""

from __future__ import annotations

from decimal import Decimal

from gateway.sim.book import ZERO
from gateway.sim.exchange import Exchange
from gateway.sim.messages import Answer, ExecType, OrdStatus, OrdType, TimeInForce
from gateway.sim.orders import Execution, Order


class Refused(Exception):
    """The intervention makes no sense; the message says why."""


def cancel(exchange: Exchange, order_id: str, now_ns: int) -> list[Answer]:
    """Cancel an open order unsolicited: ClOrdID(11) stays what it was."""
    order = exchange.orders.get(order_id)
    if order is None or not order.is_open:
        raise Refused(f"no open order {order_id}")
    return [exchange.close(order, OrdStatus.CANCELED, ExecType.CANCELED, now_ns, text="cancelled by the venue")]


def end_day(exchange: Exchange, now_ns: int) -> list[Answer]:
    """Expire every open order with TimeInForce(59)=0: ExecType(150)=C."""
    return [
        exchange.close(order, OrdStatus.EXPIRED, ExecType.EXPIRED, now_ns, text="end of the trading day")
        for order in exchange.orders.values()
        if order.is_open and order.terms.time_in_force == TimeInForce.DAY
    ]


def bust(exchange: Exchange, exec_id: str, now_ns: int) -> list[Answer]:
    """Take back a trade from every client in it: ExecType(150)=H naming it in ExecRefID(19).

    A limit order gets the quantity back and works it again; any other order that was filled ends cancelled.
    """
    answers: list[Answer] = []
    for execution in _trade(exchange, exec_id):
        execution.busted = True
        answers += _amended(exchange, execution, ExecType.TRADE_CANCEL, now_ns)
    return answers


def correct(exchange: Exchange, exec_id: str, quantity: Decimal, price: Decimal, now_ns: int) -> list[Answer]:
    """Change quantity and price of a trade for every client in it: ExecType(150)=G naming it in ExecRefID(19)."""
    if quantity <= ZERO or price <= ZERO:
        raise Refused("quantity and price must be positive")
    trade = _trade(exchange, exec_id)
    for execution in trade:
        order = execution.order
        if order.cum_qty - execution.quantity + quantity > order.quantity:
            raise Refused(f"{quantity} would overfill order {order.order_id} of {order.quantity}")
    answers: list[Answer] = []
    for execution in trade:
        execution.quantity, execution.price = quantity, price
        answers += _amended(exchange, execution, ExecType.TRADE_CORRECT, now_ns)
    return answers


def _trade(exchange: Exchange, exec_id: str) -> list[Execution]:
    """Both sides of a trade, as far as they belong to clients."""
    named = exchange.executions.get(exec_id)
    if named is None or named.busted:
        raise Refused(f"no live execution {exec_id}")
    return [e for e in exchange.executions.values() if e.trade_id == named.trade_id and not e.busted]


def _amended(exchange: Exchange, execution: Execution, exec_type: str, now_ns: int) -> list[Answer]:
    order = execution.order
    before = order.open_qty
    order.recount()
    if order.is_open and not _can_rest(order):
        order.closed_as = OrdStatus.CANCELED
    report_id = exchange.next_id("E")
    report = order.report(report_id, exec_type, now_ns, last=execution, exec_ref_id=execution.exec_id)
    if exec_type == ExecType.TRADE_CORRECT:
        exchange.rename_execution(execution, report_id)
    return [report] if order.open_qty == before else [report, *exchange.resubmit(order, now_ns)]


def _can_rest(order: Order) -> bool:
    limit = order.terms.ord_type in (OrdType.LIMIT, OrdType.STOP_LIMIT)
    return limit and order.terms.time_in_force in (TimeInForce.DAY, TimeInForce.GTC)
