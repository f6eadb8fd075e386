"""Real messages of each FIX version, bent out of shape, through the decoder and the core.

Whatever arrives: no exception, every event can be stored, no fill is lost that could still be understood, and what departed
from the standard is recorded. The messages are the simulated venue's own, written as each version writes them.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache

import pytest
import quickfix as fix
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.core.codec import decode, encode
from gateway.errors import UndecodableMessage
from gateway.fix.decoder import Decoder
from gateway.fix.dialect import load_dialect
from gateway.fix.dictionary import find
from gateway.fix.message import FixMessage, without_surrogates
from gateway.fix.strict import StrictDictionary, strict_dictionary
from gateway.sim import interventions, messages, wire
from gateway.sim.book import Side as BookSide
from gateway.sim.exchange import Exchange
from gateway.sim.feed import Feed, MarketDataRequest
from gateway.sim.versions import VERSIONS, version_of
from gateway.testing.harness import SESSION, VENUE, Harness

D = Decimal
SOH = "\x01"
DIALECTS = ("generic-fix42", "generic-fix44", "generic-fix50sp2")
NOW = 1_750_000_000_000_000_000
SYMBOL = "USD/JPY"
ESSENTIAL = frozenset({8, 9, 10, 11, 17, 20, 31, 32, 35, 37, 150})
"""What a fill cannot be understood without; 8, 9 and 10 are the engine's to check."""


@dataclass(frozen=True)
class Said:
    """A message; `fill` is the ExecID(17) and LastQty(32) if it is a trade report."""

    text: str
    fill: tuple[str, Decimal] | None = None


def ordered() -> tuple[Harness, str]:
    harness = Harness().open()
    return harness, harness.request_order(quantity="10000", price="156")


def answers(cl_ord_id: str):
    """What an exchange answers to an order that is filled in parts, amended, cancelled, asked about."""
    exchange = Exchange([SYMBOL], 1)
    feed = Feed(exchange.books)
    kinds = frozenset("012")
    asked = MarketDataRequest(req_id="M", subscription="1", depth=0, full_refresh=False, entry_types=kinds, symbols=(SYMBOL,))

    def ask(request):
        return exchange.handle("DESK", request, NOW)

    yield from ask(
        messages.NewOrder(cl_ord_id=cl_ord_id, symbol=SYMBOL, side="1", ord_type="2", quantity=D(10_000), price=D(156))
    )
    yield from exchange.house(SYMBOL, BookSide.SELL, None, D(4000), NOW)[1]
    yield from exchange.house(SYMBOL, BookSide.SELL, None, D(1000), NOW + 5_000_000)[1]
    yield from ask(messages.StatusRequest(cl_ord_id=cl_ord_id, symbol=SYMBOL, side="1", ord_status_req_id="S"))
    first = next(iter(exchange.executions))
    yield from interventions.correct(exchange, first, D(3000), D(155), NOW)
    yield from interventions.bust(exchange, list(exchange.executions)[-1], NOW)
    yield from feed.handle("DESK", asked)
    yield from exchange.house(SYMBOL, BookSide.SELL, None, D(1000), NOW + 9_000_000)[1]
    yield from feed.publish(exchange.take_prints())
    yield from ask(messages.CancelRequest(cl_ord_id="C2", orig_cl_ord_id="nobody"))
    yield messages.BusinessReject(
        session="DESK", ref_msg_type="D", ref_seq_num="2", ref_id=cl_ord_id, reason="3", text="not today"
    )
    yield from ask(messages.CancelRequest(cl_ord_id="C3", orig_cl_ord_id=cl_ord_id))


@lru_cache(maxsize=8)
def conversation(name: str) -> tuple[Said, ...]:
    dialect = load_dialect(name)
    version = VERSIONS[version_of(dialect.begin_string, dialect.dictionary)]
    encoder = wire.Encoder(version, fix.DataDictionary(str(find(dialect.dictionary))))
    harness, order_id = ordered()
    said = []
    for number, answer in enumerate(answers(harness.order(order_id).cl_ord_id), start=2):
        is_order = isinstance(answer, messages.Report | messages.CancelReject | messages.BusinessReject)
        message = encoder.answer(answer) if is_order else encoder.market_data(answer)
        head = message.getHeader()
        for tag, value in ((49, "SIM"), (56, "DESK"), (34, str(number)), (52, "20250615-15:06:40.123")):
            head.setField(fix.StringField(tag, value))
        traded = isinstance(answer, messages.Report) and answer.exec_type == messages.ExecType.TRADE
        said.append(Said(message.toString(), (answer.exec_id, answer.last_qty) if traded else None))
    return tuple(said)


@lru_cache(maxsize=8)
def decoding(name: str) -> tuple[Decoder, StrictDictionary]:
    strict = strict_dictionary(name)
    return Decoder(load_dialect(name), strict, VENUE, SESSION), strict


def take(harness: Harness, decoder: Decoder, text: str) -> None:
    """One message through decoder, journal and core."""
    for event in decoder.decode(text, NOW).events:
        assert decode(event.kind(), event.VERSION, encode(event)) == event
        harness.feed(event)


odd_text = st.one_of(
    st.sampled_from([
        "", "0", "-1", "NaN", "1e5", "inf", "?", "Z", "NONE", "N/A", "99999999999999999999999999999999", "1" * 40, "Y", "2",
        "4", "8", "19700101", "20250615-15:06:40", " ", "=", "1=2", "\udce9\udcff", "r\xe9fus\xe9", "\x1b[2J", "\x00", "1.0.0",
        "+1",
    ]),
    st.text(alphabet=st.characters(exclude_characters=SOH, exclude_categories=("Cs",)), max_size=12),
)  # fmt: skip


def pieces(text: str) -> list[tuple[str, str]]:
    return [(tag, value) for tag, _, value in (piece.partition("=") for piece in text.split(SOH)[:-1])]


def joined(fields: list[tuple[str, str]]) -> str:
    return "".join(f"{tag}={value}{SOH}" for tag, value in fields)


@st.composite
def gently_bent(draw, text: str) -> str:
    """Everything that makes the message a fill is left alone: other fields are changed, dropped, repeated, added, moved."""
    fields = pieces(text)
    for _ in range(draw(st.integers(1, 5))):
        places = [index for index, (tag, _) in enumerate(fields) if int(tag) not in ESSENTIAL]
        place = draw(st.sampled_from(places or [len(fields) - 1]))
        match draw(st.sampled_from(["change", "drop", "repeat", "unknown", "move"])) if places else "unknown":
            case "change":
                fields[place] = (fields[place][0], draw(odd_text))
            case "drop":
                del fields[place]
            case "repeat":
                fields.append((fields[place][0], draw(odd_text)))
            case "unknown":
                fields.insert(place, (str(draw(st.integers(5000, 20000))), draw(odd_text)))
            case "move":
                fields.insert(draw(st.integers(3, len(fields) - 1)), fields.pop(place))
    return joined(fields)


@st.composite
def badly_bent(draw, text: str) -> str:
    """Anything: fields that matter, the shape of the text itself."""
    fields = pieces(text)
    for _ in range(draw(st.integers(1, 6))):
        place = draw(st.integers(0, len(fields) - 1)) if fields else 0
        match draw(st.sampled_from(["change", "drop", "repeat", "swap", "tag"])) if fields else "repeat":
            case "change":
                fields[place] = (fields[place][0], draw(odd_text))
            case "drop":
                del fields[place]
            case "repeat":
                fields.insert(place, draw(st.sampled_from(fields)) if fields else ("35", "8"))
            case "swap":
                other = draw(st.integers(0, len(fields) - 1))
                fields[place], fields[other] = fields[other], fields[place]
            case "tag":
                fields[place] = (
                    draw(st.sampled_from(["35", "11", "95", "354", "268", "627", "0", "-1", "x", ""])),
                    fields[place][1],
                )
    bent = joined(fields)
    if draw(st.booleans()) and bent:
        cut = draw(st.integers(0, len(bent) - 1))
        bent = (
            bent[:cut]
            + draw(st.sampled_from(["", SOH, "=", "\x00", "\udc80", "8=FIX"]))
            + bent[cut + draw(st.integers(0, 3)) :]
        )
    return bent


RELAXED = settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


@pytest.mark.parametrize("name", DIALECTS)
@RELAXED
@given(data=st.data())
def test_a_fill_that_can_be_understood_is_never_lost(name: str, data: st.DataObject) -> None:
    said = conversation(name)
    decoder, strict = decoding(name)
    place = data.draw(st.sampled_from([index for index, one in enumerate(said) if one.fill is not None]))
    assert said[place].fill is not None
    exec_id, quantity = said[place].fill
    harness, order_id = ordered()
    for before in said[:place]:
        take(harness, decoder, before.text)
    noted = len(harness.anomalies())
    bent = data.draw(gently_bent(said[place].text))
    take(harness, decoder, bent)
    fills = {fill.exec_id: fill for fill in harness.state.execution.fills.values()}
    assert exec_id in fills, bent
    assert (fills[exec_id].live, fills[exec_id].last_qty) == (True, quantity)
    live = sum((fill.last_qty for fill in fills.values() if fill.live), D(0))
    assert (harness.order(order_id).cum_qty, harness.position()) == (live, live)
    if strict.deviations(FixMessage.parse(without_surrogates(bent))):
        assert len(harness.anomalies()) > noted, bent
    # Once more, as a resend: nothing more counts.
    take(harness, decoder, bent.replace(f"{SOH}34=", f"{SOH}43=Y{SOH}34=", 1))
    assert harness.order(order_id).cum_qty == live


@pytest.mark.parametrize("name", DIALECTS)
@RELAXED
@given(data=st.data())
def test_nothing_that_arrives_ends_anything(name: str, data: st.DataObject) -> None:
    said = conversation(name)
    decoder, strict = decoding(name)
    harness, order_id = ordered()
    for one in said:
        noted = len(harness.anomalies())
        text = data.draw(badly_bent(one.text)) if data.draw(st.integers(0, 3)) == 0 else one.text
        take(harness, decoder, text)
        if text != one.text and deviates(strict, text):
            assert len(harness.anomalies()) > noted, text
    order = harness.order(order_id)
    live = sum((fill.last_qty for fill in harness.state.execution.fills.values() if fill.live), D(0))
    total = sum((position.net_qty for position in harness.state.execution.positions.values()), D(0))
    assert order.cum_qty <= live
    assert abs(total) <= live


def deviates(strict: StrictDictionary, text: str) -> bool:
    """An execution report that departs from the standard, or text that is no message at all."""
    try:
        message = FixMessage.parse(without_surrogates(text))
    except UndecodableMessage:
        return True
    return message.msg_type == "8" and bool(strict.deviations(message))


@pytest.mark.parametrize("name", DIALECTS)
def test_unbent_it_is_all_understood(name: str) -> None:
    """The tests above start from messages that say what they should: three trades, one corrected, one busted."""
    decoder, _ = decoding(name)
    harness, _ = ordered()
    for one in conversation(name):
        take(harness, decoder, one.text)
    assert [one.fill[1] for one in conversation(name) if one.fill] == [4000, 1000, 1000]
    fills = [(fill.status.value, fill.last_qty) for fill in harness.state.execution.fills.values()]
    assert fills == [("busted", 3000), ("new", 1000), ("new", 1000)]
    assert "deviation" not in harness.anomalies()
    assert "untranslated" not in harness.anomalies()
