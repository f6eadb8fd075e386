"""A matrix played: every row goes through the encoder or the decoder of a dialect, and through the core.

Nothing is fed to the core that a gateway would not feed it: requests are an operator's, what the core dispatches is encoded and
read back from the wire's text, and every word of the venue is a FIX message that the decoder makes events of.
"""

from __future__ import annotations

import datetime
from decimal import Decimal

from gateway.core.apply.execution import find_order
from gateway.core.changes import AnomalyRaised
from gateway.core.events import (
    Dispatched,
    Event,
    ExecutionEvent,
    StatusRequested,
    TradingDayRolled,
    Transmitted,
)
from gateway.core.turn import Step
from gateway.core.values import NANOS, CommandKind, TimeInForce
from gateway.fix.decoder import Decoder, rejected_by_reference
from gateway.fix.dialect import load_dialect
from gateway.fix.encoder import Encoder, Outgoing
from gateway.fix.numbers import format_decimal
from gateway.fix.strict import strict_dictionary
from gateway.fix.timestamps import format_utc
from gateway.testing.harness import SESSION, SYMBOL, TRADING_DATE, VENUE, Harness
from gateway.testing.matrices.table import VERSIONS, Matrix, Row, Seen
from gateway.testing.matrices.wire import STATUS, exec_type, message

LETTERS = "XYZWVU"
_WORDS = {code: word for word, code in STATUS.items()}
_STEP_NS = NANOS // 1000
_DAY_NS = 86_400 * NANOS


def play(matrix: Matrix, dialect: str, *, version: str | None = None) -> list[Seen]:
    """What there was to see after each row. Rows aside are played on a game of their own, from the rows before them.

    `version` (a key of `VERSIONS`) says how the venue words its reports; it follows from the dialect where that is one of ours.
    """
    spoken = version or next(key for key, name in VERSIONS.items() if name == dialect)
    table = Game(dialect, spoken)
    seen: list[Seen] = []
    main: list[Row] = []
    side: tuple[str, Game] | None = None
    for row in matrix.rows:
        if not row.aside:
            main.append(row)
            seen.append(table.row(row))
            continue
        if side is None or side[0] != row.time:
            side = (row.time, Game(dialect, spoken))
            for earlier in main:
                side[1].row(earlier)
        seen.append(side[1].row(row))
    return seen


class Game:
    """One run of a core against a venue that says what the rows say."""

    def __init__(self, dialect: str, version: str) -> None:
        described, strict = load_dialect(dialect), strict_dictionary(dialect)
        self.harness = Harness().open()
        self._version = version
        self._begin_string = described.begin_string
        self._decoder = Decoder(described, strict, VENUE, SESSION)
        self._encoder = Encoder(described, strict)
        self._letters: dict[str, str] = {}
        """ClOrdID -> its letter."""
        self._kinds: dict[str, tuple[str, int]] = {}
        """ClOrdID -> MsgType and MsgSeqNum it was last sent under."""
        self._said: dict[str, tuple[str, dict[int, str]]] = {}
        """Time of a row -> MsgType and body of its message."""
        self._subject = ""
        self._inbound = 0
        self._outbound = 0

    def row(self, row: Row) -> Seen:
        """Play one row; what there is to see after it. Raises KeyError for a name that was never sent."""
        steps = self._played(row)
        sent = tuple(self._sent(record.event) for step in steps for record in step.records if _goes_out(record.event))
        found = (change for step in steps for _, changes in step.changes for change in changes)
        anomalies = tuple(change.anomaly for change in found if isinstance(change, AnomalyRaised))
        order = self.harness.state.execution.orders.get(self._subject)
        if order is None:
            return Seen(sent=sent, anomalies=anomalies)
        return Seen(
            sent=sent,
            name=self._letter(order.cl_ord_id),
            quantity=order.quantity,
            state=order.state.value,
            cum_qty=order.cum_qty,
            leaves_qty=order.leaves_qty,
            avg_px=order.avg_px,
            status=_WORDS.get(order.venue_status or "", order.venue_status or ""),
            doubt=order.in_doubt or "",
            anomalies=anomalies,
        )

    # ------------------------------------------------------------------------------------------------------- a row's word

    def _played(self, row: Row) -> list[Step]:
        what, _, rest = row.said["Message"].partition(" ")
        known = len(self.harness.steps)
        match what:
            case "new":
                self._new(rest)
            case "replace":
                terms = _terms(rest)
                self.harness.request_replace(self._subject, quantity=terms.get("quantity"), price=terms.get("price"))
            case "cancel":
                self.harness.request_cancel(self._subject)
            case "clock":
                self.harness.pass_deadline()
            case "day":
                self._next_day()
            case "down":
                self.harness.disconnect()
            case "up":
                self.harness.log_on()
                self.harness.settle()
            case _:
                self._hear(*self._message(row, what, rest))
        steps = self.harness.steps[known:]
        for step in steps:
            for record in step.records:
                if isinstance(record.event, Dispatched):
                    self._transmit(record.event)
        return steps

    def _new(self, rest: str) -> None:
        words = rest.split()
        terms = _terms(words[0])
        time_in_force = TimeInForce(words[1]) if len(words) > 1 else TimeInForce.DAY
        self._subject = self.harness.request_order(
            quantity=terms["quantity"], price=terms.get("price"), time_in_force=time_in_force
        )

    def _next_day(self) -> None:
        date = datetime.date.fromisoformat(self.harness.state.control.run.trading_date or TRADING_DATE)
        rolled = (date + datetime.timedelta(days=1)).strftime("%Y%m%d")
        self.harness.feed(TradingDayRolled(actor="schedule", request_id=rolled, trading_date=rolled), after_ns=_DAY_NS)

    def _message(self, row: Row, what: str, rest: str) -> tuple[str, dict[int, str]]:
        names, *more = rest.split()
        if what == "again":
            msg_type, body = self._said[names]
            said = {**body, **_tags(more)}
        else:
            msg_type = {"exec": "8", "cxlrej": "9", "reject": "3", "busrej": "j"}[what]
            said = {**self._body(row, msg_type, names), **_tags(more)}
        for word in more:
            if word.startswith("?"):
                said.pop(int(word[1:]), None)
        self._said[row.time] = (msg_type, said)
        return msg_type, said

    def _body(self, row: Row, msg_type: str, names: str) -> dict[int, str]:
        cells = row.said
        if msg_type in ("3", "j"):
            kind, number = self._kinds[self._id(names)]
            return {45: str(number), 372: kind, **({380: "0"} if msg_type == "j" else {})}
        first, _, second = names.partition(",")
        named = {tag: self._id(name) for tag, name in ((11, first), (41, second)) if name and name != "-"}
        body = {37: f"V{self._subject or '0'}", **named, 39: STATUS[cells["OrdStatus"]]}
        if msg_type == "9":
            kind, _ = self._kinds.get(named.get(11, ""), ("F", 0))
            return {**body, 434: "2" if kind == "G" else "1"}
        last_qty, _, last_px = cells["Last"].partition("@")
        columns = {38: cells["OrderQty"], 32: last_qty, 31: last_px, 14: cells["CumQty"], 151: cells["LeavesQty"]}
        return {
            **body,
            17: f"E{len(self._said) + 1}",
            **exec_type(cells["ExecType"], cells["OrdStatus"], self._version),
            55: SYMBOL,
            54: "1",
            **{tag: value for tag, value in columns.items() if value},
            6: str(row.expected.avg_px),
            60: format_utc(self.harness.now_ns, 3),
        }

    def _hear(self, msg_type: str, body: dict[int, str]) -> None:
        """The venue's message, decoded, and fed to the core event by event, as the venue adapter does it."""
        self._inbound += 1
        now = self.harness.now_ns + _STEP_NS
        decoded = self._decoder.decode(message(self._begin_string, msg_type, self._inbound, now, body), now)
        events: list[Event] = list(decoded.events)
        if msg_type in ("3", "j"):
            name, (kind, _) = next(item for item in self._kinds.items() if item[1][1] == decoded.ref_seq_num)
            refused = rejected_by_reference(decoded, cl_ord_id=name, msg_type=kind)
            events += [] if refused is None else [refused]
        for event in events:
            self.harness.feed(event, after_ns=_STEP_NS)
            if isinstance(event, ExecutionEvent):
                order = find_order(self.harness.state, event)
                self._subject = self._subject if order is None else order.order_id

    # ---------------------------------------------------------------------------------------------------------- names

    def _id(self, name: str) -> str:
        if name.startswith('"'):
            return name.strip('"')
        return next(cl_ord_id for cl_ord_id, letter in self._letters.items() if letter == name)

    def _letter(self, cl_ord_id: str) -> str:
        return self._letters.get(cl_ord_id, f'"{cl_ord_id}"')

    # ----------------------------------------------------------------------------------------------------- what goes out

    def _transmit(self, event: Dispatched) -> None:
        self._outbound += 1
        command = event.command
        self._letters.setdefault(command.cl_ord_id, LETTERS[len(self._letters)])
        self._kinds[command.cl_ord_id] = (self._encoded(event).msg_type, self._outbound)
        self.harness.feed(
            Transmitted(
                venue=VENUE,
                session=SESSION,
                epoch=1,
                msg_seq_num=self._outbound,
                order_id=command.order_id,
                cl_ord_id=command.cl_ord_id,
            ),
            after_ns=_STEP_NS,
        )

    def _encoded(self, event: Dispatched | StatusRequested) -> Outgoing:
        if isinstance(event, StatusRequested):
            return self._encoder.status_request(event)
        write = {
            CommandKind.NEW: self._encoder.new_order,
            CommandKind.REPLACE: self._encoder.replace,
            CommandKind.CANCEL: self._encoder.cancel,
        }
        return write[event.command.kind](event.command, self.harness.now_ns)

    def _sent(self, event: Event) -> str:
        """`G Y,X 12000@50`, read from what goes on the wire."""
        assert isinstance(event, Dispatched | StatusRequested)
        outgoing = self._encoded(event)
        fields = dict(outgoing.fields)
        names = ",".join(self._letter(fields[tag]) for tag in (11, 41) if tag in fields)
        if outgoing.msg_type not in ("D", "G"):
            return f"{outgoing.msg_type} {names}"
        price = f"@{fields[44]}" if 44 in fields else ""
        return f"{outgoing.msg_type} {names} {fields[38]}{price}"


def _goes_out(event: Event) -> bool:
    return isinstance(event, Dispatched | StatusRequested)


def _terms(text: str) -> dict[str, str]:
    """`12000@51` -> quantity and price, as far as they are said."""
    quantity, _, price = text.partition("@")
    return {name: format_decimal(Decimal(value)) for name, value in (("quantity", quantity), ("price", price)) if value}


def _tags(words: list[str]) -> dict[int, str]:
    """`102=0 58=text` as fields."""
    return {int(tag): value for tag, _, value in (word.partition("=") for word in words if not word.startswith("?"))}
