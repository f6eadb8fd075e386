"""NewOrderSingle(D), OrderCancelReplaceRequest(G) and OrderCancelRequest(F) of a log as the commands they were.

A log may hold what our own orders cannot say: an order type that we do not know counts as limit or market by its price.
"""

from __future__ import annotations

from gateway.core.orders import Command, Order
from gateway.core.values import ZERO, CommandKind, OrderType, Side, TimeInForce
from gateway.fix import tags
from gateway.fix.message import FixMessage
from gateway.fix.numbers import parse_decimal
from gateway.fix.schema import Dialect

KINDS = {"D": CommandKind.NEW, "G": CommandKind.REPLACE, "F": CommandKind.CANCEL}


class Requests:
    """Reads the requests of a dialect."""

    def __init__(self, dialect: Dialect) -> None:
        codes = dialect.codes
        self._sides = {**codes.side_read, **{code: side for side, code in codes.side.items()}}
        self._types = {code: kind for kind, code in codes.order_type.items()}
        self._times = {code: time for time, code in codes.time_in_force.items()}

    def new(self, message: FixMessage, *, order_id: str, cl_ord_id: str, venue: str) -> Command | None:
        """The order a D asks for; None when it does not say what is to be bought or sold."""
        side, symbol = self._sides.get(message.get(tags.SIDE) or ""), message.get(tags.SYMBOL)
        if side is None or symbol is None:
            return None
        price = parse_decimal(message.get(tags.PRICE))
        return Command(
            kind=CommandKind.NEW,
            order_id=order_id,
            cl_ord_id=cl_ord_id,
            venue=venue,
            strategy="",
            account=message.get(tags.ACCOUNT) or "",
            symbol=symbol,
            side=side,
            order_type=self._type(message, priced=price is not None),
            time_in_force=self._times.get(message.get(tags.TIME_IN_FORCE) or "0", TimeInForce.DAY),
            quantity=parse_decimal(message.get(tags.ORDER_QTY)) or ZERO,
            price=price,
            stop_price=parse_decimal(message.get(tags.STOP_PX)),
        )

    def about(self, message: FixMessage, kind: CommandKind, order: Order, cl_ord_id: str) -> Command:
        """What a G or F asks of an order; terms it does not repeat stay."""
        price, stop_price = parse_decimal(message.get(tags.PRICE)), parse_decimal(message.get(tags.STOP_PX))
        return Command(
            kind=kind,
            order_id=order.order_id,
            cl_ord_id=cl_ord_id,
            request=order.requests + 1,
            orig_cl_ord_id=message.get(tags.ORIG_CL_ORD_ID),
            venue_order_id=order.venue_order_id,
            venue=order.venue,
            strategy=order.strategy,
            account=order.account,
            symbol=order.symbol,
            side=order.side,
            order_type=order.order_type,
            time_in_force=order.time_in_force,
            quantity=parse_decimal(message.get(tags.ORDER_QTY)) or order.quantity,
            price=order.price if price is None else price,
            stop_price=order.stop_price if stop_price is None else stop_price,
        )

    def side(self, code: str | None) -> Side | None:
        """Side(54) as a word of ours."""
        return self._sides.get(code or "")

    def _type(self, message: FixMessage, *, priced: bool) -> OrderType:
        known = self._types.get(message.get(tags.ORD_TYPE) or "")
        return known or (OrderType.LIMIT if priced else OrderType.MARKET)
