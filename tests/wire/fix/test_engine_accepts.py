"""The compiled permissive dictionary in the real engine: what a venue may write reaches `fromApp`, and reads the same there.

The venue is a bare socket, so that it can say what no engine would.
"""

from __future__ import annotations

import queue
import socket
import threading
import tomllib
from pathlib import Path

import pytest
import quickfix

from gateway.core.events import BookSnapshot, BookUpdate, ExecutionEvent
from gateway.fix.decoder import Decoder
from gateway.fix.dialect import load_dialect
from gateway.fix.permissive import write_permissive
from gateway.fix.strict import strict_dictionary
from gateway.fix.timestamps import format_utc

SOH = "\x01"
ODD = tomllib.loads((Path(__file__).parents[2] / "unit/fix/odd_reports.toml").read_text())
WAIT = 100
NOW = 1704190272_123000000


def changed(report) -> str:
    fields = [piece.partition("=") for piece in ODD["base"].removesuffix("|").split("|")]
    dropped, new = [str(tag) for tag in report.get("drop", [])], report.get("set", {})
    kept = [f"{tag}={new.get(tag, value)}" for tag, _, value in fields if tag not in dropped]
    return "|".join(kept) + "|" + report.get("append", "")


class Venue:
    """One connection, no engine: logs on, then sends whatever it is told under the next number."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(WAIT)
        self.port = self._listener.getsockname()[1]
        self._seq = 0

    def log_on(self) -> None:
        self._connection, _ = self._listener.accept()
        self._connection.settimeout(WAIT)
        assert b"35=A" in self._connection.recv(4096)
        self.send("A", "98=0|108=30|141=Y|")

    def send(self, msg_type: str, body: str) -> None:
        self._seq += 1
        head = f"35={msg_type}|49=SIM|56=DESK|34={self._seq}|52={format_utc(NOW)}|"
        content = (head + body).replace("|", SOH)
        raw = f"8=FIX.4.4{SOH}9={len(content)}{SOH}{content}"
        raw += f"10={sum(raw.encode('latin-1')) % 256:03d}{SOH}"
        self._connection.sendall(raw.encode("latin-1"))

    def close(self) -> None:
        self._connection.close()
        self._listener.close()


class Desk(quickfix.Application):
    """Takes what the engine passes on. Every callback is total: an exception here ends the process."""

    def __init__(self) -> None:
        super().__init__()
        self.received: queue.SimpleQueue[str] = queue.SimpleQueue()
        self.rejected: list[str] = []
        self.logged_on = threading.Event()

    def onCreate(self, session): ...  # noqa: N802 - the engine's names
    def onLogout(self, session): ...  # noqa: N802
    def fromAdmin(self, message, session): ...  # noqa: N802
    def toApp(self, message, session):  # noqa: N802
        self._note(message)

    def onLogon(self, session):  # noqa: N802
        self.logged_on.set()

    def toAdmin(self, message, session):  # noqa: N802
        self._note(message)

    def fromApp(self, message, session):  # noqa: N802
        self.received.put(message.toString())

    def _note(self, message) -> None:
        text = message.toString()
        if f"{SOH}35=3{SOH}" in text or f"{SOH}35=j{SOH}" in text:
            self.rejected.append(text.replace(SOH, "|"))


SETTINGS = """
[DEFAULT]
ConnectionType=initiator
NonStopSession=Y
PersistMessages=N
ResetOnLogon=Y
HeartBtInt=30
ReconnectInterval=1
AllowUnknownMsgFields=Y
ValidateUserDefinedFields=N
ValidateFieldsHaveValues=N
ValidateFieldsOutOfOrder=N
CheckLatency=N
DataDictionary={dictionary}
SocketConnectHost=127.0.0.1
SocketConnectPort={port}
[SESSION]
BeginString=FIX.4.4
SenderCompID=DESK
TargetCompID=SIM
"""


@pytest.fixture(scope="module")
def wire(tmp_path_factory):
    folder = tmp_path_factory.mktemp("engine")
    files = write_permissive(load_dialect("generic-fix44"), folder)
    venue, desk = Venue(), Desk()
    path = folder / "session.cfg"
    path.write_text(SETTINGS.format(dictionary=files.application, port=venue.port))
    settings, store = quickfix.SessionSettings(str(path)), quickfix.MemoryStoreFactory()
    initiator = quickfix.SocketInitiator(desk, store, settings)
    initiator.start()
    try:
        venue.log_on()
        assert desk.logged_on.wait(WAIT)
        yield venue, desk
    finally:
        initiator.stop(True)
        venue.close()


@pytest.fixture
def decoder():
    return Decoder(load_dialect("generic-fix44"), strict_dictionary("generic-fix44"), "SIM", "S")


@pytest.fixture
def passed_on(wire):
    """`passed_on(msg_type, body)`: what the application was given for a message, and what the engine rejected."""
    venue, desk = wire

    def send(msg_type: str, body: str) -> tuple[list[str], list[str]]:
        before = len(desk.rejected)
        venue.send(msg_type, body)
        venue.send("f", "55=marker|")  # messages are handled in order: what was passed on came before this
        seen = []
        while f"{SOH}55=marker{SOH}" not in (text := desk.received.get(timeout=WAIT)):
            seen.append(text)
        return seen, desk.rejected[before:]

    return send


def content(event: ExecutionEvent) -> tuple[object, ...]:
    """What must be equal however the engine orders the fields."""
    return (event.kind(), event.cl_ord_id, event.cum_qty, event.leaves_qty, event.side, event.text, sorted(event.deviations))


@pytest.mark.parametrize("report", [r for r in ODD["report"] if "engine" not in r], ids=lambda report: report["name"])
def test_odd_reports_reach_the_application(passed_on, decoder, report):
    body = changed(report)
    (text,), rejects = passed_on("8", body)
    assert rejects == []
    (as_passed,) = decoder.decode(text, 1).events
    (as_sent,) = decoder.decode(
        f"8=FIX.4.4|9=1|35=8|34=1|49=A|56=B|52={format_utc(NOW)}|{body}10=000|".replace("|", SOH), 1
    ).events
    assert content(as_passed) == content(as_sent)


@pytest.mark.parametrize("report", [r for r in ODD["report"] if "engine" in r], ids=lambda report: report["name"])
def test_what_the_engine_rejects_whatever_the_dictionary(passed_on, report):
    """The engine takes the number and tells only its log; the adapter has to notice. If this fails, the engine got better."""
    seen, rejects = passed_on("8", changed(report))
    assert seen == []
    assert len(rejects) == 1


@pytest.mark.parametrize("msg_type", ["h", "J", "AE", "B"])
def test_messages_outside_the_dialect_reach_the_application(passed_on, msg_type):
    (text,), rejects = passed_on(msg_type, "58=x|")
    assert f"{SOH}35={msg_type}{SOH}" in text
    assert rejects == []


@pytest.mark.parametrize("length", ["2147483647", "100000", "4", "0", "-5", "many"])
def test_a_wrong_length_of_data_reaches_the_application(passed_on, decoder, length):
    """Of the type DATA the first of these ends the process, and the others lose the report."""
    (text,), rejects = passed_on("8", ODD["base"] + f"93={length}|89=a|354={length}|355=abc|95={length}|96=a|")
    assert rejects == []
    (event,) = decoder.decode(text, 1).events
    assert event.text == "abc"


def test_market_data_groups_survive_with_the_tags_the_dialect_declares(passed_on, decoder):
    (text,), _ = passed_on("W", "55=A|268=2|269=0|278=1|270=10|271=5|1023=1|269=1|278=2|270=11|271=6|1023=1|")
    (snapshot,) = decoder.decode(text, 1).events
    assert isinstance(snapshot, BookSnapshot)
    assert (len(snapshot.bids), len(snapshot.asks)) == (1, 1)
    (text,), _ = passed_on("X", "268=2|279=0|269=0|278=3|55=A|270=9|271=5|1023=2|279=2|269=1|278=2|55=A|270=11|")
    (update,) = decoder.decode(text, 1).events
    assert isinstance(update, BookUpdate)
    assert [str(change.price) for change in update.changes] == ["9", "11"]


def test_a_tag_the_dialect_does_not_declare_ends_a_group_in_the_engine(passed_on):
    """Why `extra_fields` exists: the engine then sees tags twice and refuses the message."""
    entries = "279=0|269=0|55=A|270=9|271=5|5001=x|279=0|269=1|55=A|270=11|271=6|5001=y|"
    seen, rejects = passed_on("X", "268=2|" + entries)
    assert seen == []
    assert len(rejects) == 1
