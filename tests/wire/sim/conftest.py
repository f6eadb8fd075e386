"""A client of a few lines, written against the specification and not against an engine, so that it can do as it likes."""

from __future__ import annotations

import itertools
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gateway.sim.process import VenueProcess, start_venue

SOH = "\x01"
TIMEOUT = 100.0
NOW = "20260102-03:04:05.000"


class Message(dict[int, str]):
    """First value of each tag; `pairs` has them all in order."""

    def __init__(self, text: str) -> None:
        self.pairs = [(int(tag), value) for tag, _, value in (f.partition("=") for f in text.split(SOH)[:-1])]
        super().__init__(reversed(self.pairs))

    def values_of(self, tag: int) -> list[str]:
        return [value for t, value in self.pairs if t == tag]


class Client:
    """One FIX session. `next_out` and `next_in` are MsgSeqNum(34), kept by the test over connections."""

    def __init__(self, port: int, comp_id: str = "DESK", next_out: int = 1, begin: str = "FIX.4.4") -> None:
        self.begin = begin
        self.comp_id = comp_id
        self.next_out = next_out
        self.received: list[Message] = []
        self._unread: list[Message] = []
        self._buffer = b""
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT)

    def send(self, msg_type: str, *fields: tuple[int, object]) -> None:
        head = [(35, msg_type), (49, self.comp_id), (56, "SIM"), (34, self.next_out), (52, _sending_time())]
        body = "".join(f"{tag}={value}{SOH}" for tag, value in [*head, *fields])
        text = f"8={self.begin}{SOH}9={len(body)}{SOH}{body}"
        raw = f"{text}10={sum(text.encode('latin-1')) % 256:03d}{SOH}".encode("latin-1")
        self.next_out += 1
        self._socket.sendall(raw)

    def logon(self, *more: tuple[int, object]) -> Message:
        self.send("A", (98, 0), (108, 30), *more)
        return self.wait("A")

    def logout(self) -> None:
        self.send("5")
        self.wait("5")
        self.close()

    def close(self) -> None:
        self._socket.close()

    def new(self, cl_ord_id: str, symbol: str, side: int, quantity: object, price: object = None, **more: object) -> None:
        """`more` are tags spelled t59=3; a price makes it a limit order unless OrdType is given."""
        extra = [(int(name[1:]), value) for name, value in more.items()]
        ord_type = [] if "t40" in more else [(40, 1 if price is None else 2)]
        limit = [] if price is None else [(44, price)]
        self.send("D", (11, cl_ord_id), (55, symbol), (54, side), (60, NOW), (38, quantity), *ord_type, *limit, *extra)

    def cancel(self, cl_ord_id: str, orig: str, symbol: str, side: int) -> None:
        self.send("F", (41, orig), (11, cl_ord_id), (55, symbol), (54, side), (60, NOW), (38, 1))

    def replace(self, cl_ord_id: str, orig: str, symbol: str, side: int, quantity: object, price: object) -> None:
        fields = ((41, orig), (11, cl_ord_id), (55, symbol), (54, side), (60, NOW), (38, quantity), (40, 2), (44, price))
        self.send("G", *fields)

    def status(self, cl_ord_id: str, symbol: str, side: int) -> Message:
        self.send("H", (11, cl_ord_id), (55, symbol), (54, side), (790, f"Q-{cl_ord_id}"))
        return self.report(t150="I", t790=f"Q-{cl_ord_id}")

    def report(self, **tags: str) -> Message:
        return self.wait("8", **tags)

    def wait(self, msg_type: str, timeout: float = TIMEOUT, **tags: str) -> Message:
        """The next unread message of this type with these tags, spelled t39="2"."""
        wanted = {35: msg_type, **{int(name[1:]): value for name, value in tags.items()}}
        deadline = time.monotonic() + timeout
        while True:
            for message in self._unread:
                if wanted.items() <= message.items():
                    self._unread.remove(message)
                    return message
            try:
                self._read(deadline)
            except (TimeoutError, ConnectionError) as error:
                raise AssertionError(f"{error!r} while waiting for {wanted}; unread: {self._unread}") from None

    def wait_closed(self) -> None:
        """Until the venue has closed the connection."""
        deadline = time.monotonic() + TIMEOUT
        open_still = True
        while open_still:
            try:
                self._read(deadline)
            except ConnectionError:
                open_still = False

    def settle(self) -> None:
        """Until everything sent before was handled: a TestRequest(1) and its Heartbeat(0)."""
        token = f"settle-{self.next_out}"
        self.send("1", (112, token))
        self.wait("0", t112=token)

    def _read(self, deadline: float) -> None:
        remaining = deadline - time.monotonic()
        if remaining <= 0:
            raise TimeoutError("nothing came")
        self._socket.settimeout(remaining)
        data = self._socket.recv(65536)
        if not data:
            raise ConnectionResetError("closed by the venue")
        self._buffer += data
        while (end := self._buffer.find(b"\x0110=")) >= 0 and len(self._buffer) >= end + 8:
            message = Message(self._buffer[: end + 8].decode())
            self._buffer = self._buffer[end + 8 :]
            self.received.append(message)
            self._unread.append(message)


def _sending_time() -> str:
    return time.strftime("%Y%m%d-%H:%M:%S", time.gmtime())


@pytest.fixture
def connect() -> Iterator[Callable[..., Client]]:
    """Clients that are closed at the end of the test."""
    clients: list[Client] = []

    def open_client(port: int, comp_id: str = "DESK", next_out: int = 1, begin: str = "FIX.4.4") -> Client:
        clients.append(Client(port, comp_id, next_out, begin))
        return clients[-1]

    yield open_client
    for client in clients:
        client.close()


DESKS = [f"DESK{number}" for number in range(60)]
SYMBOLS = [f"SYM{number}" for number in range(60)]


@pytest.fixture(scope="session")
def still_venue(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VenueProcess]:
    """A venue without ticks: its books move only by what tests do. Tests do not share sessions or symbols on it."""
    directory = tmp_path_factory.mktemp("still")
    with start_venue(directory, targets=DESKS, symbols=SYMBOLS, rate=0) as venue:
        yield venue


_numbers = itertools.count()


@pytest.fixture
def desk(still_venue: VenueProcess, connect: Callable[..., Client]) -> Client:
    """A session of its own, logged on."""
    client = connect(still_venue.port, DESKS[next(_numbers)])
    client.logon()
    return client


@pytest.fixture
def symbol() -> str:
    """A symbol that no other test trades."""
    return SYMBOLS[next(_numbers)]


@pytest.fixture
def tick_file(tmp_path: Path) -> Callable[..., Path]:
    """A CSV of ticks from (bid, ask) pairs."""

    def write(*ticks: tuple[str, str]) -> Path:
        path = tmp_path / "ticks.csv"
        rows = [f"2026-01-01 00:00:00+00:00,{bid},{ask}" for bid, ask in ticks]
        path.write_text("\n".join(["timestamp,bid,ask", *rows]) + "\n")
        return path

    return write
