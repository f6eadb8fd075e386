"""NewOrderSingle(D), OrderCancelReplaceRequest(G) and OrderCancelRequest(F) of a log as the commands they were.

A log may hold what our own orders cannot say: an order type that we do not know counts as limit or market by its price.
"""

from __future__ import annotations

from decimal import Decimal

import msgspec

from gateway.core.orders import Command, Order, Terms
from gateway.core.values import ZERO, CommandKind, OrderType, Side, TimeInForce
from gateway.fix import tags
from gateway.fix.message import FixMessage
from gateway.fix.numbers import parse_decimal
from gateway.fix.schema import Dialect

_SAID = (
    tags.CL_ORD_ID, tags.ORIG_CL_ORD_ID, tags.ORDER_ID, tags.ACCOUNT, tags.SYMBOL, tags.SIDE, tags.ORD_TYPE, tags.TIME_IN_FORCE,
    tags.ORDER_QTY, tags.PRICE, tags.STOP_PX,
)  # fmt: skip
KINDS = {"D": CommandKind.NEW, "G": CommandKind.REPLACE, "F": CommandKind.CANCEL}


class Request(msgspec.Struct, frozen=True, array_like=True):
    """What a request says; None for what it does not, or not so that it can be read. `name`: its ClOrdID(11)."""

    name: str | None
    orig_cl_ord_id: str | None
    venue_order_id: str | None
    account: str | None
    symbol: str | None
    side: Side | None
    order_type: OrderType | None
    time_in_force: TimeInForce
    quantity: Decimal | None
    price: Decimal | None
    stop_price: Decimal | None
    poss_dup: bool


class Requests:
    """Reads the requests of a dialect."""

    def __init__(self, dialect: Dialect) -> None:
        codes = dialect.codes
        self._sides = {**codes.side_read, **{code: side for side, code in codes.side.items()}}
        self._types = {code: kind for kind, code in codes.order_type.items()}
        self._times = {code: time for time, code in codes.time_in_force.items()}

    def read(self, message: FixMessage) -> Request:
        """What a D, G, F or H says."""
        name, earlier, order_id, account, symbol, side, kind, time, quantity, price, stop = map(message.get, _SAID)
        return Request(
            name,
            earlier,
            order_id,
            account,
            symbol,
            self._sides.get(side or ""),
            self._types.get(kind or ""),
            self._times.get(time or "0", TimeInForce.DAY),
            parse_decimal(quantity),
            parse_decimal(price),
            parse_decimal(stop),
            message.poss_dup,
        )


def new_order(request: Request, *, order_id: str, cl_ord_id: str, venue: str) -> Command | None:
    """The order a D asks for; None when it does not say what is to be bought or sold."""
    if request.side is None or request.symbol is None:
        return None
    return Command(
        kind=CommandKind.NEW,
        order_id=order_id,
        cl_ord_id=cl_ord_id,
        venue=venue,
        strategy="",
        account=request.account or "",
        symbol=request.symbol,
        side=request.side,
        order_type=request.order_type or (OrderType.MARKET if request.price is None else OrderType.LIMIT),
        time_in_force=request.time_in_force,
        quantity=request.quantity or ZERO,
        price=request.price,
        stop_price=request.stop_price,
    )


def about(request: Request, kind: CommandKind, order: Order, cl_ord_id: str) -> Command:
    """What a G or F asks of an order; terms it does not repeat stay."""
    terms = Terms(
        quantity=request.quantity or order.quantity,
        price=order.price if request.price is None else request.price,
        stop_price=order.stop_price if request.stop_price is None else request.stop_price,
    )
    name = request.orig_cl_ord_id
    return order.command(kind, terms, cl_ord_id=cl_ord_id, orig_cl_ord_id=name, request=order.requests + 1)
