"""Commands as FIX message bodies: fields in dictionary order, ready for whoever owns the session to send.

Exists so that what we say is written in one place and can be read in a test without a wire. It adds no header, sends nothing,
and takes the time as an argument. A value that would end a field or smuggle another one in is refused (`Denied`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal

import msgspec

from gateway.core.events import PositionsRequested, StatusRequested
from gateway.core.orders import Command
from gateway.core.values import OrderType, text_problem
from gateway.errors import ConfigurationError, Denied, Problem
from gateway.fix import tags
from gateway.fix.numbers import format_decimal
from gateway.fix.schema import Dialect
from gateway.fix.strict import StrictDictionary, strict_dictionary
from gateway.fix.timestamps import format_utc

_PRICED = frozenset({OrderType.LIMIT, OrderType.STOP_LIMIT})
_STOPPED = frozenset({OrderType.STOP, OrderType.STOP_LIMIT})
_LENGTH_OF_DATA = {data: length for length, data in tags.DATA_OF_LENGTH.items()}
_DISPENSABLE = {
    "D": frozenset({tags.TRANSACT_TIME}),
    "F": frozenset({tags.TRANSACT_TIME, tags.ORDER_QTY}),
    "G": frozenset({tags.TRANSACT_TIME}),
}
_Value = str | None


class Outgoing(msgspec.Struct, frozen=True):
    """A message to send: MsgType(35) and the body in order. Groups are written out, count first."""

    msg_type: str
    fields: tuple[tuple[int, str], ...]


class Encoder:
    """Writes requests the way a dialect wants them. Raises `ConfigurationError` when it names fields that do not exist."""

    def __init__(self, dialect: Dialect, strict: StrictDictionary | None = None) -> None:
        self._dialect = dialect
        self._strict = strict if strict is not None else strict_dictionary(dialect.name)
        self._constants = {
            "D": self._resolved("orders.new_order", dialect.orders.new_order),
            "F": self._resolved("orders.cancel", dialect.orders.cancel),
            "G": self._resolved("orders.replace", dialect.orders.replace),
        }
        if dialect.positions is not None:
            self._constants["AN"] = self._resolved("positions.request", dialect.positions.request)
        self._names_status_requests = "H" in dialect.messages and tags.ORD_STATUS_REQ_ID in self._strict.places("H")

    def new_order(self, command: Command, sent_ns: int) -> Outgoing:
        """NewOrderSingle(D)."""
        quantity = _positive("OrderQty(38)", command.quantity)
        fields = [*self._named(command), *self._terms(command), *self._order(command, sent_ns), (tags.ORDER_QTY, quantity)]
        return self._outgoing("D", fields)

    def replace(self, command: Command, sent_ns: int) -> Outgoing:
        """OrderCancelReplaceRequest(G): all terms as they shall be (FIX 4.4 vol. 4). Raises `Denied` where there is none."""
        if "G" not in self._dialect.messages:
            raise Denied(f"the dialect {self._dialect.name} offers no OrderCancelReplaceRequest(G)")
        quantity = _positive("OrderQty(38)", command.quantity)
        fields = [*self._chained(command), *self._terms(command), *self._order(command, sent_ns), (tags.ORDER_QTY, quantity)]
        return self._outgoing("G", fields)

    def cancel(self, command: Command, sent_ns: int) -> Outgoing:
        """OrderCancelRequest(F) for all that is left. An unknown quantity (external orders) is left out: nothing may keep a
        cancel from going."""
        quantity = format_decimal(command.quantity) if command.quantity > 0 else None
        fields = [*self._chained(command), *self._order(command, sent_ns), (tags.ORDER_QTY, quantity)]
        return self._outgoing("F", fields)

    def status_request(self, request: StatusRequested) -> Outgoing:
        """OrderStatusRequest(H). Raises `Denied` where the dialect offers none."""
        if self._dialect.status.request == "none":
            raise Denied(f"the dialect {self._dialect.name} offers no status request")
        side = self._dialect.codes.side[request.side]
        fields: list[tuple[int, _Value]] = [
            (tags.CL_ORD_ID, request.cl_ord_id),
            (tags.ORDER_ID, self._venue_order_id(request.venue_order_id)),
            (tags.SYMBOL, request.symbol),
            (tags.SIDE, side),
        ]
        if self._names_status_requests:
            fields.append((tags.ORD_STATUS_REQ_ID, request.request_id))
        return self._outgoing("H", fields)

    @property
    def cancel_names_last_sent(self) -> bool:
        """Whether OrigClOrdID(41) of a cancel names a REPLACE that has no answer yet."""
        return self._dialect.orders.cancel_names == "last_sent"

    @property
    def asks_mass_status(self) -> bool:
        """Whether the dialect offers OrderMassStatusRequest(AF)."""
        return self._dialect.status.request == "mass"

    def mass_status_request(self, request_id: str) -> Outgoing:
        """OrderMassStatusRequest(AF) for all orders. Raises `Denied` where the dialect offers none."""
        if not self.asks_mass_status:
            raise Denied(f"the dialect {self._dialect.name} offers no mass status request")
        fields = [(tags.MASS_STATUS_REQ_ID, request_id), (tags.MASS_STATUS_REQ_TYPE, self._dialect.status.mass_type)]
        return self._outgoing("AF", fields)

    @property
    def position_types(self) -> frozenset[str]:
        """PosType(703) of the entries that make a position; empty where the dialect has no positions."""
        return frozenset(self._dialect.positions.types) if self._dialect.positions is not None else frozenset()

    def position_request(self, request: PositionsRequested, sent_ns: int) -> Outgoing:
        """RequestForPositions(AN). Raises `Denied` where the dialect offers none."""
        positions = self._dialect.positions
        if positions is None:
            raise Denied(f"the dialect {self._dialect.name} offers no position request")
        return self._outgoing(
            "AN",
            [
                (tags.POS_REQ_ID, request.request_id),
                (tags.POS_REQ_TYPE, positions.request_type),
                (tags.ACCOUNT, request.account),
                (tags.CLEARING_BUSINESS_DATE, request.trading_date),
                (tags.TRANSACT_TIME, format_utc(sent_ns, self._dialect.orders.timestamp_decimals)),
            ],
        )

    def market_data_request(self, req_id: str, symbols: Sequence[str], subscribe: bool = True) -> Outgoing:
        """MarketDataRequest(V). Raises `Denied` where the dialect has no market data."""
        data = self._dialect.market_data
        if data is None:
            raise Denied(f"the dialect {self._dialect.name} has no market data")
        head: list[tuple[int, _Value]] = [
            (tags.MD_REQ_ID, req_id),
            (tags.SUBSCRIPTION_REQUEST_TYPE, data.subscribe if subscribe else data.unsubscribe),
            (tags.MARKET_DEPTH, data.depth),
            (tags.MD_UPDATE_TYPE, data.update_type if subscribe else None),
        ]
        kinds = [(tags.MD_ENTRY_TYPE, kind) for kind in data.entry_types]
        names = [(tags.SYMBOL, symbol) for symbol in symbols]
        groups = [
            (tags.NO_MD_ENTRY_TYPES, str(len(kinds))), *kinds, (tags.NO_RELATED_SYM, str(len(names))), *names,
        ]  # fmt: skip
        # Groups keep their order: entries must follow their count (FIX 4.4 vol. 1, "Repeating Groups").
        return Outgoing("V", (*_clean(head), *_clean(groups)))

    def credentials(self, username: str, password: str | None) -> tuple[tuple[int, str], ...]:
        """The fields to add to the Logon(A). Raises `ConfigurationError` when the dialect has no place for what is given."""
        logon = self._dialect.logon
        fields: list[tuple[int, str]] = []
        for key, name, value in (("username", logon.username, username), ("password", logon.password, password)):
            if not value:
                continue
            if not name:
                raise self._unusable(f"logon.{key}", f"a {key} is configured, and this dialect has no field for it")
            ((tag, _),) = self._resolved(f"logon.{key}", {name: value})
            length = _LENGTH_OF_DATA.get(tag)
            fields += [(length, str(len(value.encode())))] if length is not None else []
            fields.append((tag, value))
        return tuple(fields)

    def logon_fields(self, *, cancel_on_disconnect: bool) -> tuple[tuple[int, str], ...]:
        """(tag, value) pairs the Logon(A) also carries: how the venue is told to cancel our orders when the connection ends."""
        fields = self._dialect.session.cancel_on_disconnect if cancel_on_disconnect else {}
        return self._resolved("session.cancel_on_disconnect", fields)

    def test_request(self, request_id: str) -> Outgoing:
        """TestRequest(1): the other side must answer with a Heartbeat(0) that repeats `request_id`."""
        return self._outgoing("1", [(tags.TEST_REQ_ID, request_id)])

    def _named(self, command: Command) -> list[tuple[int, _Value]]:
        limit = self._dialect.orders.max_cl_ord_id_length
        if len(command.cl_ord_id) > limit:
            raise Denied(f"ClOrdID(11)={command.cl_ord_id!r} is longer than the {limit} characters the venue takes")
        return [(tags.CL_ORD_ID, command.cl_ord_id)]

    def _chained(self, command: Command) -> list[tuple[int, _Value]]:
        if not command.orig_cl_ord_id:
            raise Denied(f"ClOrdID(11)={command.cl_ord_id!r}: OrigClOrdID(41) is missing, so no order is named")
        venue_order_id = self._venue_order_id(command.venue_order_id)
        return [*self._named(command), (tags.ORIG_CL_ORD_ID, command.orig_cl_ord_id), (tags.ORDER_ID, venue_order_id)]

    def _venue_order_id(self, known: str | None) -> str | None:
        """OrderID(37) is the venue's own text: where it cannot be repeated safely, the request goes without it."""
        wanted = known is not None and self._dialect.orders.send_venue_order_id
        return known if wanted and text_problem(known or "") is None else None

    def _order(self, command: Command, sent_ns: int) -> list[tuple[int, _Value]]:
        """What every request about an order repeats."""
        return [
            (tags.ACCOUNT, command.account if self._dialect.orders.send_account else None),
            (tags.SYMBOL, command.symbol),
            (tags.SIDE, self._dialect.codes.side[command.side]),
            (tags.TRANSACT_TIME, format_utc(sent_ns, self._dialect.orders.timestamp_decimals)),
        ]

    def _terms(self, command: Command) -> list[tuple[int, _Value]]:
        kind, codes = command.order_type, self._dialect.codes
        if kind not in codes.order_type:
            raise Denied(f"the venue's dialect {self._dialect.name} has no order type {kind}")
        if command.time_in_force not in codes.time_in_force:
            raise Denied(f"the venue's dialect {self._dialect.name} has no time in force {command.time_in_force}")
        return [
            (tags.ORD_TYPE, codes.order_type[kind]),
            (tags.PRICE, _price("Price(44)", command.price) if kind in _PRICED else None),
            (tags.STOP_PX, _price("StopPx(99)", command.stop_price) if kind in _STOPPED else None),
            (tags.TIME_IN_FORCE, codes.time_in_force[command.time_in_force]),
        ]

    def _outgoing(self, msg_type: str, fields: Iterable[tuple[int, _Value]]) -> Outgoing:
        """The fields that say something, with the dialect's constants, in the dictionary's order; strays go last."""
        places = self._strict.places(msg_type)
        # A venue whose own dictionary has no place for the time or, in a cancel, for the quantity, does not want them.
        dispensable = _DISPENSABLE.get(msg_type, frozenset()) - places.keys()
        wanted = (field for field in fields if field[0] not in dispensable)
        said = _clean([*wanted, *self._constants.get(msg_type, ())])
        return Outgoing(msg_type, tuple(sorted(said, key=lambda item: places.get(item[0], len(places)))))

    def _resolved(self, key: str, constants: dict[str, str]) -> tuple[tuple[int, str], ...]:
        try:
            return tuple((self._strict.tag(name), value) for name, value in constants.items())
        except KeyError as error:
            raise self._unusable(key, f"{error.args[0]} is not a field of {self._dialect.dictionary}") from None

    def _unusable(self, key: str, what: str) -> ConfigurationError:
        remedy = "correct the name, or declare it under [[extra_fields]]"
        return ConfigurationError(
            [Problem(file=self._dialect.file or self._dialect.name, line=None, key=key, what=what, remedy=remedy)]
        )


def _clean(fields: Iterable[tuple[int, _Value]]) -> list[tuple[int, str]]:
    """The fields with a value. Raises `Denied` for a value that must not reach the wire."""
    said = [(tag, value) for tag, value in fields if value]
    for tag, value in said:
        problem = text_problem(value)
        if problem is not None:
            raise Denied(f"tag {tag}: {problem}")
    return said


def _price(label: str, value: Decimal | None) -> str:
    if value is None:
        raise Denied(f"{label} is missing from an order that needs it")
    return format_decimal(value)


def _positive(label: str, value: Decimal) -> str:
    text = format_decimal(value)
    if value <= 0:
        raise Denied(f"{label}={text} is not a quantity that can be sent")
    return text
