from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.events import StatusRequested
from gateway.core.orders import Command
from gateway.core.values import CommandKind, OrderType, Side, TimeInForce
from gateway.errors import ConfigurationError, Denied
from gateway.fix.dialect import load_dialect
from gateway.fix.encoder import Encoder
from gateway.fix.message import FixMessage
from gateway.fix.strict import strict_dictionary

SENT = 1704190272_123456789
DIALECTS = ["generic-fix42", "generic-fix44", "generic-fix50sp2"]


def command(**changes) -> Command:
    base = Command(
        kind=CommandKind.NEW,
        order_id="1-1",
        cl_ord_id="1-1",
        orig_cl_ord_id="1-0",
        venue_order_id="V1",
        venue="SIM",
        strategy="maker",
        account="ACC",
        symbol="USD/JPY",
        side=Side.BUY,
        order_type=OrderType.LIMIT,
        time_in_force=TimeInForce.DAY,
        quantity=Decimal("100"),
        price=Decimal("150.250"),
    )
    return msgspec.structs.replace(base, **changes)


STATUS = StatusRequested(
    venue="SIM",
    order_id="1-1",
    cl_ord_id="1-1",
    request_id="Q1",
    venue_order_id="V1",
    symbol="A",
    side=Side.SELL,
    deadline_ns=1,
)


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return Encoder(load_dialect("generic-fix44"))


def test_new_order(encoder):
    sent = encoder.new_order(command(), SENT)
    assert sent.msg_type == "D"
    assert sent.fields == (
        (11, "1-1"), (1, "ACC"), (21, "1"), (55, "USD/JPY"), (54, "1"), (60, "20240102-10:11:12.123"), (38, "100"), (40, "2"),
        (44, "150.250"), (59, "0"),
    )  # fmt: skip


def test_cancel(encoder):
    assert encoder.cancel(command(cl_ord_id="1-2", orig_cl_ord_id="1-1"), SENT).fields == (
        (41, "1-1"), (37, "V1"), (11, "1-2"), (1, "ACC"), (55, "USD/JPY"), (54, "1"), (60, "20240102-10:11:12.123"),
        (38, "100"),
    )  # fmt: skip


def test_replace_repeats_all_terms(encoder):
    sent = dict(
        encoder.replace(command(cl_ord_id="1-2", order_type=OrderType.STOP_LIMIT, stop_price=Decimal("1E+1")), SENT).fields
    )
    assert (sent[41], sent[11], sent[40], sent[44], sent[99], sent[21]) == ("1-0", "1-2", "4", "150.250", "10", "1")


def test_a_cancel_goes_whatever_is_odd_about_the_order(encoder):
    sent = dict(encoder.cancel(command(quantity=Decimal(0), venue_order_id="base64=="), SENT).fields)
    assert 38 not in sent
    assert 37 not in sent


def test_requests(encoder):
    assert encoder.status_request(STATUS).fields == ((37, "V1"), (11, "1-1"), (790, "Q1"), (55, "A"), (54, "2"))
    assert encoder.test_request("T1").fields == ((112, "T1"),)
    subscribe = encoder.market_data_request("R1", ["A", "B"])
    assert subscribe.fields == (
        (262, "R1"), (263, "1"), (264, "0"), (265, "1"), (267, "3"), (269, "0"), (269, "1"), (269, "2"),
        (146, "2"), (55, "A"), (55, "B"),
    )  # fmt: skip
    assert (263, "2") in encoder.market_data_request("R1", ["A"], subscribe=False).fields


@pytest.mark.parametrize(
    "changes",
    [
        {"symbol": "A\x0154=2"},
        {"symbol": "A=B"},
        {"account": "Zürich"},
        {"account": "a\nb"},
        {"cl_ord_id": "x" * 21},
        {"quantity": Decimal("NaN")},
        {"quantity": Decimal(0)},
        {"quantity": Decimal(-1)},
        {"price": Decimal("Infinity")},
        {"price": None},
        {"order_type": OrderType.STOP, "stop_price": None},
    ],
)
def test_what_must_not_reach_the_wire_is_denied(encoder, changes):
    with pytest.raises(Denied):
        encoder.new_order(command(**changes), SENT)


def test_a_request_that_names_no_order_is_denied(encoder):
    with pytest.raises(Denied, match="OrigClOrdID"):
        encoder.cancel(command(orig_cl_ord_id=None), SENT)


def test_what_the_dialect_does_not_offer_is_denied():
    dialect = load_dialect("generic-fix44")
    codes = msgspec.structs.replace(dialect.codes, order_type={OrderType.LIMIT: "2"}, time_in_force={TimeInForce.DAY: "0"})
    status = msgspec.structs.replace(dialect.status, request="none")
    poor = Encoder(msgspec.structs.replace(dialect, codes=codes, status=status, market_data=None))
    for refused in (
        lambda: poor.new_order(command(order_type=OrderType.MARKET), SENT),
        lambda: poor.new_order(command(time_in_force=TimeInForce.IOC), SENT),
        lambda: poor.status_request(STATUS),
        lambda: poor.mass_status_request("M1"),
        lambda: poor.market_data_request("R1", ["A"]),
    ):
        with pytest.raises(Denied, match="dialect"):
            refused()


def test_mass_status():
    dialect = load_dialect("generic-fix44")
    encoder = Encoder(msgspec.structs.replace(dialect, status=msgspec.structs.replace(dialect.status, request="mass")))
    assert encoder.mass_status_request("M1").fields == ((584, "M1"), (585, "7"))


def test_a_constant_that_is_no_field_is_a_configuration_error():
    dialect = load_dialect("generic-fix44")
    orders = msgspec.structs.replace(dialect.orders, new_order={"HandleInst": "1"})
    with pytest.raises(ConfigurationError, match=r"generic-fix44\.toml: orders\.new_order: HandleInst is not a field"):
        Encoder(msgspec.structs.replace(dialect, orders=orders))


SAFE = st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="="), min_size=1, max_size=20)
NUMBER = st.decimals(min_value=Decimal("0.00000001"), max_value=10**12, places=8)


@pytest.mark.parametrize("name", DIALECTS)
@given(
    cl_ord_id=SAFE,
    symbol=SAFE,
    quantity=NUMBER,
    price=NUMBER,
    kind=st.sampled_from(OrderType),
    tif=st.sampled_from(TimeInForce),
)
def test_what_is_written_reads_back_and_fits_the_strict_dictionary(name, cl_ord_id, symbol, quantity, price, kind, tif):
    dialect, strict = load_dialect(name), strict_dictionary(name)
    encoder = Encoder(dialect)
    order = command(
        cl_ord_id=cl_ord_id, symbol=symbol, quantity=quantity, price=price, stop_price=price, order_type=kind, time_in_force=tif
    )
    written = (
        encoder.new_order(order, SENT),
        encoder.replace(order, SENT),
        encoder.cancel(order, SENT),
        encoder.status_request(STATUS),
        encoder.market_data_request("R1", [symbol]),
    )
    head = f"8={dialect.begin_string}\x019=1\x0135=%s\x0149=A\x0156=B\x0134=1\x0152=20240102-10:11:12\x01"
    for sent in written:
        raw = head % sent.msg_type + "".join(f"{tag}={value}\x01" for tag, value in sent.fields) + "10=000\x01"
        message = FixMessage.parse(raw)
        assert message.fields[7:-1] == sent.fields
        assert strict.deviations(message) == ()
    new = FixMessage.parse("".join(f"{tag}={value}\x01" for tag, value in written[0].fields))
    assert (new.get(11), new.get(55), Decimal(new.get(38) or 0)) == (cl_ord_id, symbol, quantity)


@given(st.text(min_size=1, max_size=12))
def test_any_text_is_sent_whole_or_denied(account):
    encoder = Encoder(load_dialect("generic-fix44"))
    try:
        sent = encoder.new_order(command(account=account), SENT)
    except Denied:
        return
    raw = "".join(f"{tag}={value}\x01" for tag, value in sent.fields)
    assert FixMessage.parse(raw).fields == sent.fields
