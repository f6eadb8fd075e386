"""A dialect is data: how one venue writes FIX, in one TOML file. This is its schema.

Exists so that another venue, or another version of FIX, is another file and no code. It says what is sent and what is meant;
which fields exist at all is the dictionary's matter, what follows from a report the core's. Unknown keys are errors.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from gateway.core.values import OrderType, Side, TimeInForce

Meaning = Literal[
    "accepted", "rejected", "fill", "cancelled", "replaced", "expired", "done_for_day", "pending_new", "pending_cancel",
    "pending_replace", "suspended", "restated", "fill_corrected", "fill_busted", "status",
]  # fmt: skip
"""What an ExecType(150) or ExecTransType(20) can mean to us."""


class Spec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Root of everything a dialect file holds."""


class ExtraField(Spec, frozen=True, kw_only=True):
    """A field the venue uses beyond the standard dictionary, or in a place where that does not have it.

    `messages` are MsgType(35) values. With `group` (the name of its count field) it belongs to the entries of that group.
    """

    tag: int
    name: str
    type: str = "STRING"
    values: dict[str, str] = {}
    messages: list[str]
    group: str | None = None
    required: bool = False


class Codes(Spec, frozen=True, kw_only=True):
    """Our words -> the venue's codes. `side_read`: further codes of Side(54) we understand but never send."""

    side: dict[Side, str]
    side_read: dict[str, Side] = {}
    order_type: dict[OrderType, str]
    time_in_force: dict[TimeInForce, str]


class UnknownOrder(Spec, frozen=True, kw_only=True):
    """How a report says that the venue does not know the order asked about: all three must hold.

    `status_reply_only`: an ExecType(150) other than the status one counts only when OrdStatusReqID(790) shows that the report
    answers a status request, because the same code in answer to a new order is a plain reject.
    """

    ord_status: str = "8"
    ord_rej_reasons: list[str]
    status_reply_only: bool = True


class Execution(Spec, frozen=True, kw_only=True):
    """How reports are read. `exec_trans_types` (FIX 4.2, ExecTransType(20)) rules over `exec_types` where it has an entry.

    `absent`: texts venues put into required id fields that have nothing to say.
    """

    exec_types: dict[str, Meaning]
    exec_trans_types: dict[str, Meaning] = {}
    unknown_order: UnknownOrder
    absent: list[str] = []


class Orders(Spec, frozen=True, kw_only=True):
    """How requests are written. The tables give constant fields by name, e.g. `HandlInst = "1"`.

    `cancel_names`: what OrigClOrdID(41) names in a cancel that overtakes an unanswered replace.
    """

    max_cl_ord_id_length: int
    timestamp_decimals: Literal[0, 3, 6, 9] = 3
    cancel_names: Literal["last_accepted", "last_sent"]
    send_account: bool = True
    send_venue_order_id: bool = True
    new_order: dict[str, str] = {}
    cancel: dict[str, str] = {}
    replace: dict[str, str] = {}


class Logon(Spec, frozen=True, kw_only=True):
    """Which fields of the Logon(A) carry the credentials, by name; "" for none.

    `RawData` is what FIX 4.2 has instead of a password. No other field may hold one: these are the ones that are redacted
    wherever a message is written down.
    """

    username: str = "Username"
    password: Literal["Password", "RawData", ""] = "Password"


class Session(Spec, frozen=True, kw_only=True):
    """What the venue's session layer wants beside the standard.

    `resend_chunk`: most messages one ResendRequest(2) may ask for. `next_expected`: Logon(A) carries
    NextExpectedMsgSeqNum(789), and what is missing comes without being asked for (FIX 4.4 vol. 2). `cancel_on_disconnect`:
    constant fields of the Logon(A), by name, by which the venue cancels our orders when the connection ends.
    """

    resend_chunk: int | None = None
    next_expected: bool = False
    cancel_on_disconnect: dict[str, str] = {}


class Status(Spec, frozen=True, kw_only=True):
    """Which status request the venue answers: OrderStatusRequest(H) per order, or also OrderMassStatusRequest(AF)."""

    request: Literal["one-by-one", "mass", "none"]
    mass_type: str = "7"
    """MassStatusReqType(585); 7: all orders."""


class Positions(Spec, frozen=True, kw_only=True):
    """RequestForPositions(AN), where the venue answers it. `request`: constant fields of the question, by name.

    `types`: PosType(703) of the entries that add up to the position.
    """

    request_type: str = "0"
    """PosReqType(724); 0: positions."""
    types: list[str] = msgspec.field(default_factory=lambda: ["TOT"])
    request: dict[str, str] = {}


class MarketData(Spec, frozen=True, kw_only=True):
    """How market data is asked for and read.

    `entries`: `price` when an entry gives the total at its price, `id` when entries are single orders or quotes named by
    MDEntryID(278) whose quantities add up.
    """

    subscribe: str = "1"
    unsubscribe: str = "2"
    depth: str = "0"
    update_type: str | None = "1"
    entry_types: list[str]
    bid: str = "0"
    offer: str = "1"
    trade: str = "2"
    entries: Literal["price", "id"] = "price"


class Dialect(Spec, frozen=True, kw_only=True):
    """One venue dialect. `messages` are the application messages used; admin messages are always there.

    `ignored`: messages the venue may send that say nothing to us. `transport_dictionary` and `appl_ver_id` belong to FIXT.1.1
    sessions, whose header and admin messages live in a dictionary of their own.
    """

    name: str
    file: str = ""
    """Where it was read from; not a key of the file."""
    title: str
    begin_string: str
    dictionary: str
    transport_dictionary: str | None = None
    appl_ver_id: str | None = None
    messages: list[str]
    ignored: list[str] = []
    logon: Logon = Logon()
    session: Session = Session()
    codes: Codes
    execution: Execution
    orders: Orders
    status: Status
    market_data: MarketData | None = None
    positions: Positions | None = None
    extra_fields: list[ExtraField] = []
