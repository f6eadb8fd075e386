"""Every message we send, and every one the simulated venue sends, is what the unmodified standard dictionaries ask for."""

from __future__ import annotations

from decimal import Decimal

import pytest
import quickfix as fix
from standard import SOH, dictionary, objection

from gateway.core.events import StatusRequested
from gateway.core.orders import Command
from gateway.core.values import CommandKind, OrderType, Side, TimeInForce
from gateway.errors import ConfigurationError
from gateway.fix.dialect import load_dialect
from gateway.fix.encoder import Encoder
from gateway.sim import interventions, messages, wire
from gateway.sim.exchange import Exchange
from gateway.sim.feed import Feed, MarketDataRequest
from gateway.sim.versions import VERSIONS, version_of

NOW = 1704190272_123000000
DIALECTS = ("generic-fix42", "generic-fix44", "generic-fix50sp2")


@pytest.fixture(params=DIALECTS)
def dialect(request):
    return load_dialect(request.param)


def whole(dialect, msg_type, fields):
    head = f"8={dialect.begin_string}|9=0|35={msg_type}|49=DESK|56=SIM|34=2|52=20240102-10:11:12.123|".replace("|", SOH)
    return head + "".join(f"{tag}={value}{SOH}" for tag, value in fields) + f"10=000{SOH}"


def command(kind=CommandKind.NEW, order_type=OrderType.LIMIT, time_in_force=TimeInForce.DAY):
    amends = kind is not CommandKind.NEW
    return Command(
        kind=kind,
        order_id="1-1",
        cl_ord_id="1-1-2" if amends else "1-1-1",
        orig_cl_ord_id="1-1-1" if amends else None,
        venue="SIM",
        account="ACC",
        strategy="desk",
        symbol="USD/JPY",
        side=Side.BUY,
        quantity=Decimal(1000),
        order_type=order_type,
        time_in_force=time_in_force,
        price=Decimal("110.5"),
        stop_price=Decimal("110.6"),
        venue_order_id="O-1",
    )


def test_every_kind_of_order(dialect):
    encoder = Encoder(dialect)
    sent = [
        write(command(kind, order_type, time_in_force), NOW)
        for kind, write in ((CommandKind.NEW, encoder.new_order), (CommandKind.REPLACE, encoder.replace))
        for order_type in OrderType
        for time_in_force in TimeInForce
    ]
    sent.append(encoder.cancel(command(CommandKind.CANCEL), NOW))
    assert len(sent) == 33
    assert {message.msg_type for message in sent} == {"D", "F", "G"}
    assert [o for m in sent if (o := objection(dialect, whole(dialect, m.msg_type, m.fields)))] == []


def test_every_request(dialect):
    encoder = Encoder(dialect)
    status = StatusRequested(
        request_id="S1",
        order_id="1-1",
        cl_ord_id="1-1-1",
        venue="SIM",
        symbol="USD/JPY",
        side=Side.BUY,
        venue_order_id="O-1",
        deadline_ns=NOW,
    )
    sent = [
        encoder.status_request(status),
        encoder.market_data_request("M1", ["USD/JPY", "EUR/USD"]),
        encoder.market_data_request("M1", ["USD/JPY"], subscribe=False),
        encoder.test_request("T1"),
    ]
    if dialect.status.request == "mass":
        sent.append(encoder.mass_status_request("A1"))
    assert [o for m in sent if (o := objection(dialect, whole(dialect, m.msg_type, m.fields)))] == []


def test_the_logon_with_credentials(dialect):
    encoder = Encoder(dialect)
    username = "trader" if dialect.logon.username else ""
    fields = [(98, "0"), (108, "30"), *encoder.credentials(username, "pass|554=word")]
    if dialect.appl_ver_id is not None:
        fields.append((1137, dialect.appl_ver_id))
    text = whole(dialect, "A", fields)
    assert objection(dialect, text) is None
    assert "pass|554=word" in text


def test_a_username_that_fix_42_has_no_field_for_is_refused():
    with pytest.raises(ConfigurationError, match=r"logon.username.*no field for it"):
        Encoder(load_dialect("generic-fix42")).credentials("trader", "x")


def order(cl_ord_id, **terms):
    values = {"symbol": "USD/JPY", "side": "1", "ord_type": "2", "quantity": Decimal(1000), "price": Decimal(110), **terms}
    return messages.NewOrder(cl_ord_id=cl_ord_id, **values)


def everything_the_exchange_says():
    """Answers to every request, interventions and refusals included."""
    exchange = Exchange(["USD/JPY"], 1)

    def ask(request):
        return exchange.handle("DESK", request, NOW)

    yield from ask(order("A"))
    yield from ask(order("A"))  # a duplicate
    yield from exchange.house("USD/JPY", interventions_side("sell"), None, Decimal(400), NOW)[1]
    yield from ask(messages.StatusRequest(cl_ord_id="A", symbol="USD/JPY", side="1", ord_status_req_id="S"))
    yield from ask(messages.StatusRequest(cl_ord_id="X", symbol="USD/JPY", side="1", ord_status_req_id="S"))
    yield from ask(messages.MassStatusRequest(req_id="M", req_type="7"))
    yield from ask(messages.MassStatusRequest(req_id="M", req_type="2"))
    yield from ask(messages.ReplaceRequest(cl_ord_id="B", orig_cl_ord_id="A", quantity=Decimal(900), price=Decimal(110)))
    yield from ask(messages.ReplaceRequest(cl_ord_id="C", orig_cl_ord_id="B", quantity=Decimal(1)))
    yield from exchange.house("USD/JPY", interventions_side("sell"), None, Decimal(500), NOW)[1]
    yield from ask(messages.CancelRequest(cl_ord_id="D", orig_cl_ord_id="B"))
    yield from ask(messages.CancelRequest(cl_ord_id="E", orig_cl_ord_id="X"))
    yield from ask(messages.CancelRequest(cl_ord_id="E", orig_cl_ord_id="B"))
    first, second = exchange.executions
    yield from interventions.correct(exchange, first, Decimal(300), Decimal(109), NOW)
    yield from interventions.bust(exchange, second, NOW)
    yield from ask(messages.CancelRequest(cl_ord_id="F", orig_cl_ord_id="B"))
    for number, terms in enumerate(
        (
            {"symbol": "?"},
            {"quantity": Decimal(0)},
            {"side": "8"},
            {"time_in_force": "6"},
            {"ord_type": "P"},
            {"price": None},
            {"time_in_force": "3"},
            {"time_in_force": "4"},
            {"time_in_force": "1", "account": "ACC"},
            {"ord_type": "3", "price": None, "stop_px": Decimal(120)},
            {"ord_type": "4", "stop_px": Decimal(120)},
        )
    ):
        yield from ask(order(f"R{number}", **terms))
    exchange.reject_next = 1
    yield from ask(order("Z"))
    yield from interventions.end_day(exchange, NOW)


def interventions_side(name):
    from gateway.sim.book import Side as BookSide

    return BookSide.SELL if name == "sell" else BookSide.BUY


def market_data():
    exchange = Exchange(["USD/JPY"], 1)
    feed = Feed(exchange.books)
    kinds = frozenset("012")
    ask = MarketDataRequest(req_id="M", subscription="1", depth=0, full_refresh=False, entry_types=kinds, symbols=("USD/JPY",))
    exchange.handle("DESK", order("A"), NOW)
    yield from feed.handle("DESK", ask)
    exchange.handle("DESK", order("B", side="2", quantity=Decimal(500)), NOW)
    yield from feed.publish(exchange.take_prints())
    yield from feed.handle(
        "DESK", MarketDataRequest(req_id="N", subscription="1", depth=0, full_refresh=False, entry_types=kinds, symbols=("?",))
    )


def test_everything_the_simulated_venue_says(dialect):
    version = VERSIONS[version_of(dialect.begin_string, dialect.dictionary)]
    encoder = wire.Encoder(version, dictionary(dialect.dictionary))
    said = [encoder.answer(answer) for answer in everything_the_exchange_says()]
    said += [encoder.market_data(answer) for answer in market_data()]
    texts = []
    for message in said:
        head = message.getHeader()
        for tag, value in ((49, "SIM"), (56, "DESK"), (34, "2"), (52, "20240102-10:11:12.123")):
            head.setField(fix.StringField(tag, value))
        texts.append(message.toString())
    assert {text.split(f"{SOH}35=")[1].split(SOH)[0] for text in texts} == {"8", "9", "j", "W", "X", "Y"}
    assert len(texts) > 30
    assert [o for text in texts if (o := objection(dialect, text))] == []


def test_the_standard_finds_what_is_wrong(dialect):
    """The tests above can fail: an unknown field, a missing one, a value that is none."""
    good = Encoder(dialect).new_order(command(), NOW).fields
    assert objection(dialect, whole(dialect, "D", good)) is None
    for wrong in ([*good, (9999, "x")], good[1:], [(tag, "?" if tag == 54 else value) for tag, value in good]):
        assert objection(dialect, whole(dialect, "D", wrong)) is not None
