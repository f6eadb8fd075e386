"""Days of the demo in minutes: the FIX log that `gateway demo` would write if it ran for so long, made without waiting.

The demo's venue (book, matching, house, market data, its own encoder), its configuration and strategy, the live core and codec;
only sockets, journal and clock are left out: the clock moves from tick to tick, and messages take the time they take in a demo.
Every message is written by the engine, as it is in both processes of the demo.
"""

from __future__ import annotations

import sys
from collections import Counter, deque
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


class Day:
    """Both sides of the demo's session. Answers are decoded one by one, in order, like the gateway's intake does it."""

    def __init__(self, directory: Path, out: BinaryIO) -> None:
        config = directory / "gateway.toml"
        config.write_text(CONFIG.format(path=config, port=1, dialect=DIALECT), encoding="utf-8")
        loaded = load(config)
        settings: CoreSettings = core_settings(loaded)
        dialect = load_dialect(DIALECT)
        self.written = 0
        self.kinds: Counter[str] = Counter()
        self._now = BEGIN_NS
        self._out = out
        self._numbers = {"DESK": 0, "SIM": 0}
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
        return self._numbers["DESK"]

    def _say(self, sender: str, kind: str, fields: tuple[tuple[int, str], ...]) -> fix.Message:
        body = "".join(f"{tag}={value}{SOH}" for tag, value in fields)
        message = fix.Message(f"8=FIX.4.4{SOH}9=0{SOH}35={kind}{SOH}{body}10=000{SOH}", self._dictionary, False)
        self._written(sender, message)
        return message

    def _written(self, sender: str, message: fix.Message) -> str:
        self._numbers[sender] += 1
        header = message.getHeader()
        kind: str = header.getField(35)
        target = "SIM" if sender == "DESK" else "DESK"
        for tag, value in ((34, str(self._numbers[sender])), (49, sender), (52, format_utc(self._now)), (56, target)):
            header.setField(tag, value)
        text: str = message.toString()
        way, at_ns = ("out", self._now) if sender == "DESK" else ("in", self._now + WAY_NS)
        self._out.write(f"{format_utc(at_ns, 6)} {way} {text}\n".encode())
        self.written += 1
        self.kinds[kind] += 1
        return text


def write_log(path: Path, messages: int) -> Counter[str]:
    """The log of a demo that ran until there were so many messages; MsgType(35) -> how many."""
    scratch = path.with_name(path.name + ".demo")
    scratch.mkdir(exist_ok=True)
    with path.open("wb") as out:
        day = Day(scratch, out)
        day.run(messages)
    return day.kinds


if __name__ == "__main__":
    print(write_log(Path(sys.argv[1]), int(sys.argv[2])).most_common())
