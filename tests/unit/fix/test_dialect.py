from __future__ import annotations

import os
import re
import shutil
from decimal import Decimal
from pathlib import Path

import pytest
import quickfix

from gateway.core.orders import Command
from gateway.core.values import CommandKind, OrderType, Side, TimeInForce
from gateway.errors import ConfigurationError, Denied, NotFound
from gateway.fix.dialect import check_dialect, load_dialect, read_dialect
from gateway.fix.dictionary import find
from gateway.fix.encoder import Encoder
from gateway.fix.permissive import write_permissive
from gateway.fix.specs import available, spec_path
from gateway.fix.strict import StrictDictionary


@pytest.mark.parametrize("name", available())
def test_shipped_dialects_load(name):
    assert load_dialect(name).name == name


def test_the_generic_dialects_are_there():
    assert {"generic-fix42", "generic-fix44", "generic-fix50sp2"} <= set(available())


@pytest.mark.parametrize("name", ["nonsense", "../setup", "", "README"])
def test_an_unknown_dialect_names_the_known_ones(name):
    with pytest.raises(NotFound, match="generic-fix44"):
        spec_path(name)


@pytest.mark.parametrize(
    ("old", "new", "key", "what"),
    [
        ("send_account = true", "send_acount = true", "orders.send_acount", "not a key"),
        ("max_cl_ord_id_length = 20", "", "orders", "max_cl_ord_id_length is missing"),
        ('request = "one-by-one"', 'request = "sometimes"', "status.request", "Invalid enum value"),
        ('"F" = "fill"', '"F" = "filled"', "execution.exec_types.F", "Invalid enum value"),
        ("max_cl_ord_id_length = 20", 'max_cl_ord_id_length = "20"', "orders.max_cl_ord_id_length", "Expected `int`"),
        ("max_cl_ord_id_length = 20", "max_cl_ord_id_length = 0", "orders.max_cl_ord_id_length", "at least 1"),
        ('sell = "2"', 'sell = "1"', "codes.side", "a code of their own"),
        ('begin_string = "FIX.4.4"', 'begin_string = "FIXT.1.1"', "begin_string", "transport_dictionary"),
        ('"H", ', "", "messages", "needs H"),
        ('name = "generic-fix44"', 'name = "other"', "name", "differs from the file's name"),
        ("[codes.side]", "[codes.side", "(file)", "Expected"),
    ],
)
def test_a_wrong_file_is_named_with_its_key(tmp_path, old, new, key, what):
    text = spec_path("generic-fix44").read_text().replace("[orders]", "[orders]\nsend_account = true")
    assert old in text
    path = tmp_path / "generic-fix44.toml"
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(ConfigurationError) as caught:
        read_dialect(path)
    (problem,) = caught.value.problems
    assert problem.file == str(path)
    assert problem.line is not None or "(file)" in problem.key or not new
    assert problem.key.startswith(key)
    assert re.search(what, problem.what)


EVERYTHING_WRONG = {
    'begin_string = "FIX.4.4"': 'begin_string = "FIX.4.4"\nappl_ver_id = "9"',
    '"B"]': '"B", "ZZ", "A"]',
    'ignored = ["h", "f"]': 'ignored = ["h", "8"]',
    'sell = "2"': 'sell = "Q"',
    'market = "1"': 'market = "1x"',
    'new_order = { HandlInst = "1" }': 'new_order = { HandlInst = "1", Handling = "2" }',
    "tag = 1023": "tag = 55",
    'group = "NoMDEntries"': 'group = "NoSuchGroup"',
}


def test_everything_wrong_is_told_at_once(tmp_path):
    text = spec_path("generic-fix44").read_text()
    for old, new in EVERYTHING_WRONG.items():
        assert old in text
        text = text.replace(old, new, 1)
    path = tmp_path / "generic-fix44.toml"
    path.write_text(text)
    first = check_dialect(path)
    assert [problem.key for problem in first] == ["ignored", "begin_string"][::-1]
    path.write_text(text.replace('\nappl_ver_id = "9"', "").replace('"h", "8"]', '"h"]'))
    problems = check_dialect(path)
    lines = path.read_text().splitlines()
    shown = {problem.key: lines[(problem.line or 0) - 1] for problem in problems}
    assert shown == {
        "messages[15]": 'messages = ["8", "9", "j", "D", "F", "G", "H", "AF", "V", "W", "X", "Y", "h", "f", "B", "ZZ", "A"]',
        "messages[16]": 'messages = ["8", "9", "j", "D", "F", "G", "H", "AF", "V", "W", "X", "Y", "h", "f", "B", "ZZ", "A"]',
        "codes.side.sell": 'sell = "Q"',
        "codes.order_type.market": 'market = "1x"',
        "orders.new_order.Handling": 'new_order = { HandlInst = "1", Handling = "2" } # automated, no broker intervention',
        "extra_fields[0].group": 'group = "NoSuchGroup"',
        "extra_fields[1].tag": "tag = 55",
    }
    with pytest.raises(ConfigurationError) as caught:
        StrictDictionary(read_dialect(path))
    assert caught.value.problems == problems


def test_a_field_of_the_standard_gets_the_values_of_the_dialect_beside_its_own(tmp_path):
    text = spec_path("generic-fix44").read_text().replace('sell = "2"', 'sell = "Q"', 1)
    own = '[[extra_fields]]\ntag = 54\nname = "Side"\nvalues = { Q = "SELL_QUICKLY" }\nmessages = ["D", "8"]\n'
    path = tmp_path / "generic-fix44.toml"
    path.write_text(text + own)
    assert check_dialect(path) == []
    strict = StrictDictionary(read_dialect(path))
    assert (strict.describe(54, "Q"), strict.describe(54, "1")) == ("sell quickly", "buy")


def test_a_dictionary_beside_the_dialect_goes_first(tmp_path):
    shutil.copy(find("FIX44.xml"), tmp_path / "BROKER.xml")
    text = spec_path("generic-fix44").read_text().replace('"FIX44.xml"', '"BROKER.xml"').replace("generic-fix44", "broker")
    path = tmp_path / "broker.toml"
    path.write_text(text)
    assert load_dialect(str(path)).dictionary == str(tmp_path / "BROKER.xml")
    assert check_dialect(path) == []


@pytest.mark.skipif("VENUE_DICTIONARIES" not in os.environ, reason="VENUE_DICTIONARIES names no folder of venues' dictionaries")
def test_a_venue_with_a_dictionary_of_its_own(tmp_path):
    """What fix_specs/README.md tells its reader to do, done: order entry after a venue's published dictionary."""
    shutil.copy(Path(os.environ["VENUE_DICTIONARIES"]) / "binance-spot-oe.xml", tmp_path)
    text = spec_path("generic-fix44").read_text().partition("[market_data]")[0]
    for old, new in (
        ("generic-fix44", "venue"),
        ("FIX44.xml", "binance-spot-oe.xml"),
        ('"G", "H", "AF", "V", "W", "X", "Y", "h", "f", "B"]', '"B"]'),
        ('ignored = ["h", "f"]', 'ignored = ["B"]'),
        ('day = "0"\n', ""),
        ('"j", ', ""),
        ('new_order = { HandlInst = "1" }', "new_order = { }"),
        ('replace = { HandlInst = "1" }', ""),
        ("[orders]", '[logon]\npassword = "RawData"\n[orders]'),
        ('request = "one-by-one"', 'request = "none"'),
    ):
        assert old in text, old
        text = text.replace(old, new)
    path = tmp_path / "venue.toml"
    path.write_text(text)
    assert check_dialect(path) == []
    strict = StrictDictionary(read_dialect(path))
    command = Command(
        kind=CommandKind.NEW, order_id="1", cl_ord_id="1-1", venue="V", account="", strategy="desk", symbol="BTCUSDT",
        side=Side.BUY, quantity=Decimal(1), order_type=OrderType.LIMIT, time_in_force=TimeInForce.GTC, price=Decimal(5),
    )  # fmt: skip
    encoder = Encoder(read_dialect(path), strict)
    assert {tag for tag, _ in encoder.new_order(command, 0).fields} == {11, 38, 40, 44, 54, 55, 59}
    with pytest.raises(Denied, match="no OrderCancelReplaceRequest"):
        encoder.replace(command, 0)
    files = write_permissive(read_dialect(path), tmp_path)
    quickfix.DataDictionary(str(files.application))
