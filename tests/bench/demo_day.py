"""Days of the demo in minutes: the FIX log that `gateway demo` would write if it ran for so long, made without waiting.

The demo's venue (book, matching, house, market data, its own encoder), its configuration and strategy, the live core and codec;
only sockets, journal and clock are left out: the clock moves from tick to tick, and messages take the time they take in a demo.
Every message is written by the engine, as it is in both processes of the demo.
"""

from __future__ import annotations

import sys
import tempfile
from collections import deque
from itertools import islice
from pathlib import Path
from typing import BinaryIO

import quickfix as fix

from gateway.config.load import load
from gateway.core.core import Core
from gateway.core.events import ControlTime, Dispatched, Event, RunStarted, SessionLoggedOn, SessionSettled, Transmitted
from gateway.core.execution_control import next_deadline
from gateway.core.settings import CoreSettings
from gateway.core.values import NANOS, CommandKind
from gateway.demo.run import CONFIG, DIALECT, FLOW, RATE
from gateway.fix.decoder import Decoder
from gateway.fix.dialect import load_dialect
from gateway.fix.encoder import Encoder, Outgoing
from gateway.fix.strict import strict_dictionary
from gateway.fix.timestamps import format_utc, utc_date
from gateway.runtime.settings import core_settings
from gateway.runtime.strategies import load_strategies
from gateway.sim import wire
from gateway.sim.acceptor import standard_dictionary
from gateway.sim.feed import MarketDataAnswer
from gateway.sim.ledger import Ledger
from gateway.sim.messages import Answer
from gateway.sim.settings import VenueSettings
from gateway.sim.venue import Venue
from gateway.sim.versions import VERSIONS

SOH = "\x01"
SESSION = "FIX.4.4:DESK->SIM"
BEGIN_NS = 1_704_182_400 * NANOS
"""2024-01-02 08:00 UTC."""
TICK_NS = round(NANOS / RATE)
WAY_NS = 600_000
"""From one side to the other; the demo's median on an idle machine."""
THOUGHT_NS = 400_000
_DAY_NS = 86_400 * NANOS


class Day:
    """Both sides of the demo's session. Answers are decoded one by one, in order, like the gateway's intake does it."""

    def __init__(self, directory: Path, out: BinaryIO) -> None:
        config = directory / "gateway.toml"
        config.write_text(CONFIG.format(path=config, port=1, dialect=DIALECT), encoding="utf-8")
        loaded = load(config)
        settings: CoreSettings = core_settings(loaded)
        dialect = load_dialect(DIALECT)
        self.written = 0
        self._now = BEGIN_NS
        self._out = out
        self.numbers = {"DESK": 0, "SIM": 0}
        self._arrived: deque[tuple[str, int]] = deque()
        self._core = Core(load_strategies(settings.strategies))
        self._encoder, self._decoder = Encoder(dialect), Decoder(dialect, strict_dictionary(DIALECT), "SIM", SESSION)
        version = VERSIONS["4.4"]
        self._dictionary = fix.DataDictionary(str(standard_dictionary(version.application)))
        self._venue_encoder = wire.Encoder(version, self._dictionary)
        market = VenueSettings(rate=RATE, flow=FLOW, dir=directory)
        self._venue = Venue(market, 1, Ledger(market.ledger_path), self, lambda: self._now)
        self._venue.tick()
        self._say("DESK", "A", ((98, "0"), (108, "30")))
        self._say("SIM", "A", ((98, "0"), (108, "30")))
        self._step(RunStarted(version="", id_prefix="demo00", settings=settings, trading_date=utc_date(self._now)))
        self._step(SessionLoggedOn(venue="SIM", session=SESSION, next_sender=2, next_target=2))
        self._step(SessionSettled(venue="SIM", session=SESSION, next_sender=2, next_target=2))
        self._request(self._encoder.market_data_request("MDdemo00-1-1", ["USD/JPY"]))

    def run(self, messages: int) -> None:
        """Tick by tick until so many messages are written, or a few more."""
        while self.written < messages:
            self._hear()
            self._now = self._now // TICK_NS * TICK_NS + TICK_NS
            deadline = next_deadline(self._core.state)
            if deadline is not None and deadline <= self._now:
                self._step(ControlTime(deadline_ns=deadline))
            self._venue.tick()
        self._hear()
        for sender in ("DESK", "SIM"):
            self._say(sender, "5", ())

    def answer(self, answer: Answer) -> None:
        """The venue's way out, see `gateway.sim.venue.Transport`."""
        self._from_venue(self._venue_encoder.answer(answer))

    def market_data(self, answer: MarketDataAnswer) -> None:
        """As `answer`."""
        self._from_venue(self._venue_encoder.market_data(answer))

    def _from_venue(self, message: fix.Message) -> None:
        self._arrived.append((self._written("SIM", message), self._now + WAY_NS))

    def _hear(self) -> None:
        while self._arrived:
            text, at_ns = self._arrived.popleft()
            self._now = max(self._now, at_ns)
            for event in self._decoder.decode(text, self._now).events:
                self._step(event)

    def _step(self, event: Event) -> None:
        for recorded in self._core.step(event, run_id=1, at_ns=self._now, wall_ns=self._now).records:
            if isinstance(recorded.event, Dispatched):
                self._now += THOUGHT_NS
                command = recorded.event.command
                kinds = {CommandKind.NEW: self._encoder.new_order, CommandKind.REPLACE: self._encoder.replace}
                number = self._request(kinds.get(command.kind, self._encoder.cancel)(command, self._now))
                order_id, name = command.order_id, command.cl_ord_id
                self._step(
                    Transmitted(
                        venue="SIM", session=SESSION, epoch=1, msg_seq_num=number, order_id=order_id, cl_ord_id=name,
                        sent_ns=self._now,
                    )
                )  # fmt: skip

    def _request(self, outgoing: Outgoing) -> int:
        message = self._say("DESK", outgoing.msg_type, outgoing.fields)
        self._now += WAY_NS
        self._venue.request("DESK", wire.decode(message))
        return self.numbers["DESK"]

    def _say(self, sender: str, kind: str, fields: tuple[tuple[int, str], ...]) -> fix.Message:
        body = "".join(f"{tag}={value}{SOH}" for tag, value in fields)
        message = fix.Message(f"8=FIX.4.4{SOH}9=0{SOH}35={kind}{SOH}{body}10=000{SOH}", self._dictionary, False)
        self._written(sender, message)
        return message

    def _written(self, sender: str, message: fix.Message) -> str:
        self.numbers[sender] += 1
        header = message.getHeader()
        target = "SIM" if sender == "DESK" else "DESK"
        for tag, value in ((34, str(self.numbers[sender])), (49, sender), (52, format_utc(self._now)), (56, target)):
            header.setField(tag, value)
        text: str = message.toString()
        way, at_ns = ("out", self._now) if sender == "DESK" else ("in", self._now + WAY_NS)
        self._out.write(f"{format_utc(at_ns, 6)} {way} {text}\n".encode())
        self.written += 1
        return text


def main() -> None:
    """`PATH MESSAGES SIMULATED`: a process of its own, for it takes memory that is then gone."""
    path, messages, simulated = sys.argv[1:]
    write_log(Path(path), int(messages), int(simulated))


def write_log(path: Path, messages: int, simulated: int) -> None:
    """The log of demos that ran one after the other until there were `messages`, each for `simulated` messages.

    The first is simulated. The others are the same on days that follow, as a gateway would have written them whose strategy did
    the same again: other ids of orders and executions, MsgSeqNum(34) going on, lengths and checksums their own.
    """
    with tempfile.TemporaryDirectory(dir=path.parent) as scratch, path.open("wb") as out:
        day = Day(Path(scratch), out)
        day.run(min(simulated, messages))
        out.flush()
        numbers, written, again = dict(day.numbers), day.written, 0
        while written < messages:
            again += 1
            with path.open("rb") as first:
                for line in islice(first, min(day.written, messages - written)):
                    out.write(_repeated(line, again, numbers))
                    written += 1


def _repeated(line: bytes, again: int, numbers: dict[str, int]) -> bytes:
    """A line as it stands in the log of a later day. `numbers`: of a day, by sender."""
    day, later = format_utc(BEGIN_NS)[:9].encode(), format_utc(BEGIN_NS + again * _DAY_NS)[:9].encode()
    stamp, way, text = line.rstrip(b"\n").split(b" ", 2)
    text = text.replace(day, later).replace(b"demo00-1-", b"demo00-%d-" % (again + 1))
    text = text.replace(b"\x0137=O1-", b"\x0137=O%d-" % (again + 1)).replace(b"\x0117=E1-", b"\x0117=E%d-" % (again + 1))
    before = again * numbers["DESK" if way == b"out" else "SIM"]
    head, _, rest = text.partition(b"\x0134=")
    number, _, rest = rest.partition(b"\x01")
    start, _, kind = head.partition(b"\x0135=")
    inner = b"35=%s\x0134=%d\x01%s" % (kind, int(number) + before, rest.rpartition(b"10=")[0])
    whole = b"%s\x019=%d\x01%s" % (start.partition(b"\x01")[0], len(inner), inner)
    return b"%s %s %s10=%03d\x01\n" % (stamp.replace(day, later), way, whole, sum(whole) & 255)


if __name__ == "__main__":
    main()
