"""A FIX acceptor that does as it is told, right or wrong: raw sockets and simplefix, no engine.

A reader thread keeps the session going according to the switches; tests look at what has come and send what they like.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterable
from decimal import Decimal

import simplefix

DEADLINE = 100.0
SOH = b"\x01"
Field = tuple[int, object]


class Message(dict[int, str]):
    """First value of each tag; `raw` as it came."""

    def __init__(self, message: simplefix.FixMessage) -> None:
        pairs = [(int(tag), value.decode("latin-1")) for tag, value in message.pairs]
        super().__init__(reversed(pairs))
        self.raw = message.encode(raw=True)

    @property
    def number(self) -> int:
        return int(self[34])


class Counterparty:
    """One session, over any number of connections."""

    def __init__(self, port: int = 0) -> None:
        self._listener = socket.create_server(("127.0.0.1", port))
        self.port = self._listener.getsockname()[1]
        self.next_out = 1
        self.expected = 1
        self.received: list[Message] = []
        self.connections = 0
        self.answer_logon = True
        self.refuse_logon = ""
        self.reset_at_logon = False
        self.answer_tests = True
        self.resends = "resend"  # or gapfill, gapfills, silent, reset, refuse, partly, again
        self.next_expected = False
        """Go by NextExpectedMsgSeqNum(789): what it shows to be missing is sent without being asked for."""
        self.honour_reset = True
        self.answer_logout = True
        self.accept_orders = False
        self.status_answers = True
        self._resetting = False
        self.ask_again_from: int | None = None
        """Ask for a resend from here at the next logon, whatever was received."""
        self.known: dict[str, dict[int, object]] = {}
        """ClOrdID -> fields of a status answer: the venue's books."""
        self._sent: dict[int, tuple[str, tuple[Field, ...]]] = {}
        self._ids = 0
        self._taken: set[int] = set()
        self._changed = threading.Condition()
        self._writing = threading.RLock()
        self._connection: socket.socket | None = None
        self._closing = False
        self.failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    # -------------------------------------------------------------------------------------------------------- sending

    def send(self, msg_type: str, *fields: Field, number: int | None = None, poss_dup: bool = False) -> int:
        """Send a message under the next number, or another; returns the number."""
        with self._writing:
            used = self.next_out if number is None else number
            if number is None:
                self.next_out += 1
            self._sent[used] = (msg_type, fields)
            self._write(self.encode(msg_type, used, fields, poss_dup=poss_dup))
            return used

    def keep(self, msg_type: str, *fields: Field) -> int:
        """Use up a number without sending: it goes out when a resend is asked for."""
        with self._writing:
            used, self.next_out = self.next_out, self.next_out + 1
            self._sent[used] = (msg_type, fields)
            return used

    def encode(self, msg_type: str, number: int, fields: Iterable[Field], *, poss_dup: bool = False) -> bytes:
        message = simplefix.FixMessage()
        message.append_pair(8, "FIX.4.4")
        message.append_pair(35, msg_type)
        message.append_pair(49, "SIM")
        message.append_pair(56, "DESK")
        message.append_pair(34, number)
        if poss_dup:
            message.append_pair(43, "Y")
            message.append_pair(122, _now())
        message.append_pair(52, _now())
        for tag, value in fields:
            message.append_pair(tag, value)
        encoded: bytes = message.encode()
        return encoded

    def gap_fill(self, begin: int, new: int) -> None:
        self._write(self.encode("4", begin, [(123, "Y"), (36, new)], poss_dup=True))

    def reset_to(self, new: int) -> None:
        """SequenceReset-Reset."""
        with self._writing:
            self._write(self.encode("4", self.next_out, [(123, "N"), (36, new)]))
            self.next_out = new

    def disconnect(self) -> None:
        with self._writing:
            connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()

    def close(self) -> None:
        self._closing = True
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.disconnect()
        self._thread.join(DEADLINE)
        if self.failure is not None:
            raise AssertionError("the counterparty broke") from self.failure

    def _write(self, raw: bytes) -> None:
        with self._writing:
            if self._connection is not None:
                with contextlib.suppress(OSError):
                    self._connection.sendall(raw)

    # ------------------------------------------------------------------------------------------------------ reports

    def report(self, order: Message, exec_type: str, ord_status: str, *more: Field, drop: Iterable[int] = ()) -> int:
        """An ExecutionReport(8) about a request; `more` wins over the defaults, values of None leave a tag out."""
        return self.send("8", *self.report_fields(order, exec_type, ord_status, *more, drop=drop))

    def report_fields(
        self, order: Message, exec_type: str, ord_status: str, *more: Field, drop: Iterable[int] = ()
    ) -> tuple[Field, ...]:
        self._ids += 1
        fields: dict[int, object] = {
            37: f"O-{order[11]}",
            11: order[11],
            17: f"E{self._ids}",
            150: exec_type,
            39: ord_status,
            55: order[55],
            54: order[54],
            38: order.get(38, "0"),
            151: order.get(38, "0"),
            14: "0",
            6: "0",
            60: _now(),
        }
        fields |= dict(more)
        answer = tuple((tag, value) for tag, value in fields.items() if tag not in tuple(drop))
        if exec_type != "I":
            self.known[order[11]] = fields
        return answer

    def fill(self, order: Message, quantity: str, price: str, cum: str | None = None, *more: Field) -> int:
        cum = cum or quantity
        leaves = Decimal(order[38]) - Decimal(cum)
        status = "1" if leaves else "2"
        return self.report(order, "F", status, (32, quantity), (31, price), (14, cum), (151, str(leaves)), (6, price), *more)

    # ------------------------------------------------------------------------------------------------------ receiving

    def wait(self, msg_type: str, seconds: float = DEADLINE, **tags: str) -> Message:
        """The next message of a type, and with these tags (t112="x"), that no test has taken yet."""
        wanted = {35: msg_type, **{int(name[1:]): value for name, value in tags.items()}}
        end = time.monotonic() + seconds
        with self._changed:
            while True:
                for index, message in enumerate(self.received):
                    if index not in self._taken and wanted.items() <= message.items():
                        self._taken.add(index)
                        return message
                left = end - time.monotonic()
                if left <= 0 or not self._changed.wait(left):
                    seen = [(m[35], m[34]) for m in self.received]
                    raise AssertionError(f"no {wanted} within {seconds} s; received {seen}")

    def of_type(self, msg_type: str) -> list[Message]:
        with self._changed:
            return [message for message in self.received if message[35] == msg_type]

    def settled(self, probes: int = 1) -> None:
        """Until this many settling probes have been answered."""
        for _ in range(probes):
            self.wait("1")

    # ------------------------------------------------------------------------------------------------------- session

    def _run(self) -> None:
        try:
            while not self._closing:
                try:
                    connection, _ = self._listener.accept()
                except OSError:
                    return
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                with self._writing:
                    self._connection = connection
                self.connections += 1
                with connection:
                    self._read(connection)
        except BaseException as error:  # noqa: BLE001 - raised again in the test that closes this
            self.failure = error

    def _read(self, connection: socket.socket) -> None:
        parser = simplefix.FixParser()
        while True:
            try:
                data = connection.recv(65536)
            except OSError:
                return
            if not data:
                return
            parser.append_buffer(data)
            while (found := parser.get_message()) is not None:
                message = Message(found)
                self._handle(message)
                with self._changed:
                    self.received.append(message)
                    self._changed.notify_all()

    def _handle(self, message: Message) -> None:
        kind = message[35]
        if kind == "A":
            self._logon(message)
            return
        if kind == "4":
            self.expected = max(self.expected, int(message[36]))
            return
        self.expected = max(self.expected, message.number + 1)
        if kind == "1" and self.answer_tests:
            self.send("0", (112, message[112]))
        elif kind == "2":
            self._resend(int(message[7]), message.number, int(message[16]))
        elif kind == "5" and self.answer_logout:
            self.send("5")
            self.disconnect()
        elif kind == "D" and self.accept_orders:
            self.report(message, "0", "0")
        elif kind == "H" and self.status_answers:
            self._status(message)

    def _logon(self, message: Message) -> None:
        if message.get(141) == "Y":
            if self._resetting:  # the answer to our own reset
                self._resetting, self.expected = False, message.number + 1
                return
            if self.honour_reset:
                self.next_out, self.expected = 1, 1
        if self.refuse_logon:
            self.send("5", (58, self.refuse_logon))
            self.disconnect()
            return
        if not self.answer_logon:
            return
        gap = message.number > self.expected
        begin = self.expected
        self.expected = max(self.expected, message.number + 1)
        more: list[Field] = [(141, "Y")] if message.get(141) == "Y" and self.honour_reset else []
        if self.reset_at_logon:
            more = [(141, "Y")]
            self.reset_at_logon = False
            self._resetting = True
            self.next_out = 1
            self._sent.clear()
        missing = int(message.get(789, self.next_out)) if self.next_expected else self.next_out
        if self.next_expected:
            more.append((789, self.expected if not gap else begin))
        last = self.next_out
        self.send("A", (98, 0), (108, message[108]), *more)
        if missing < last:
            self._resend(missing, 0)
            return
        if self.next_expected:
            return
        if gap or self.ask_again_from is not None:
            begin, self.ask_again_from = self.ask_again_from or begin, None
            self.send("2", (7, begin), (16, 0))

    def _resend(self, begin: int, asked_by: int, end: int = 0) -> None:
        with self._writing:
            last = min(self.next_out, end + 1) if end else self.next_out
            if self.resends == "again":  # and again what was received long ago
                for _ in range(5):
                    self._write(self.encode("0", begin - 1, (), poss_dup=True))
                return
            if self.resends == "silent":
                return
            if self.resends == "refuse":
                self.send("3", (45, asked_by), (372, "2"), (58, "no resends here"))
                return
            if self.resends == "partly":  # one message for each request
                last = begin + 1
            if self.resends == "gapfills":  # in as many pieces as there are messages
                for number in range(begin, last):
                    self.gap_fill(number, number + 1)
                return
            if self.resends == "gapfill":
                self.gap_fill(begin, last)
                return
            if self.resends == "reset":
                self._write(self.encode("4", last, [(123, "N"), (36, last)]))
                return
            gap = None
            for number in range(begin, last):
                msg_type, fields = self._sent.get(number, ("0", ()))
                if msg_type in "0124 5A":
                    gap = number if gap is None else gap
                    continue
                if gap is not None:
                    self.gap_fill(gap, number)
                    gap = None
                self._write(self.encode(msg_type, number, fields, poss_dup=True))
            if gap is not None:
                self.gap_fill(gap, last)

    def _status(self, request: Message) -> None:
        known = self.known.get(request[11])
        if known is None:
            fields = ((39, "8"), (103, "5"), (37, "NONE"), (14, "0"), (151, "0"), (6, "0"), (58, "unknown order"))
            base: dict[int, object] = {11: request[11], 17: "0", 150: "I", 55: request[55], 54: request[54]}
            self.send("8", *(base | dict(fields)).items(), (790, request.get(790, "0")))
            return
        answer = {tag: value for tag, value in known.items() if tag not in (31, 32, 17, 150)}
        self.send("8", (17, "0"), (150, "I"), *answer.items(), (790, request.get(790, "0")))


def _now() -> str:
    return time.strftime("%Y%m%d-%H:%M:%S", time.gmtime())
