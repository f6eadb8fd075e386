"""A message of a known shape is judged as if its shape were not known."""

from __future__ import annotations

import pytest

from gateway.fix.dialect import load_dialect
from gateway.fix.message import FixMessage
from gateway.fix.strict import MAX_DEVIATIONS, StrictDictionary

FILL = (
    "37=V1|11=C1|17=E1|150=F|39=1|55=USD/JPY|54=1|38=1000|40=2|44=110.5|59=0|432=20240105|32=400|31=110.5|151=600|14=400|6=110.5"
    "|60=20240102-10:11:13.123|75=20240102|64=20240104|1=ACC|113=Y|58=text|"
)
HOSTILE = (
    "", "0", "1", "F", "Z", "Y", "N", "-1", "-", ".", ".5", "5.", "1e5", "1_0", " 1", "1 ", "+1", "NaN", "٣", "é", "1\n", "\n",
    "9" * 14, "9" * 15, "9" * 19, "9" * 28, "9" * 29, "9" * 14 + "." + "9" * 14, "9" * 15 + "." + "9" * 14, "a=b", "||",
    "20240229", "20230229", "20240230", "20240431", "19691231", "22620101", "20241301", "2024010",
    "20240229-10:11:13", "20230229-10:11:13", "20240102-24:00:00", "20240102-23:59:60", "20240102-23:60:00",
    "20240102-10:11:13.",
    "20240102-10:11:13.1", "20240102-10:11:13.1234567890123", "20240102-10:11:13.12345678901234", "20240131-1:11:13",
    "20240630-10:11:13", "20240631-10:11:13", "21000229-10:11:13", "22001231-10:11:13.5",
)  # fmt: skip


@pytest.fixture
def fresh() -> StrictDictionary:
    """A dictionary that has met no message."""
    return StrictDictionary(load_dialect("generic-fix44"))


def test_a_known_shape_changes_no_judgement(fresh, strict, fix):
    whole = fix(FILL)
    assert fresh.deviations(FixMessage.parse(whole)) == ()
    fields = whole.removesuffix("\x01").split("\x01")
    texts = [
        "\x01".join([*fields[:at], f"{field.partition('=')[0]}={value}", *fields[at + 1 :]]) + "\x01"
        for at, field in enumerate(fields)
        for value in HOSTILE
    ]
    texts += ["\x01".join(fields[:at] + fields[at + 1 :]) + "\x01" for at in range(3, len(fields))]
    texts += ["\x01".join([*fields[:at], fields[at], *fields[at:]]) + "\x01" for at in range(3, len(fields))]
    read = [fresh.read(text) for text in texts]
    judged = [(message, fresh.deviations(message)) for message in read]
    assert sum(message.faultless_to is fresh for message in read) > 50
    for message, found in judged:
        parsed = FixMessage.parse(message.raw)
        assert found == strict.deviations(parsed), message.raw
        assert (message.fields, message.raw, message.msg_type) == (parsed.fields, parsed.raw, parsed.msg_type)
        assert (message.repeated, [message.get(tag) for tag in range(2000)]) == (
            parsed.repeated,
            [parsed.get(tag) for tag in range(2000)],
        )
    assert sum(not found for _, found in judged) > 50
    assert sum(bool(found) for _, found in judged) > 500


def test_a_shape_with_groups_is_never_known(fresh, fix):
    parties = "37=V1|11=C1|17=E1|150=0|39=0|55=USD/JPY|54=1|38=1000|151=1000|14=0|6=0|453=1|448=P|447=D|452=1|"
    broken = parties.replace("452=1", "452=nobody")
    for _ in range(2):
        assert fresh.deviations(FixMessage.parse(fix(parties))) == ()
        assert fresh.deviations(FixMessage.parse(fix(broken)))


def test_shapes_are_bounded(fresh, fix):
    for number in range(200):
        extra = "".join(f"{tag}=1|" for bit, tag in enumerate((1, 58, 109, 110, 111, 526, 583, 588)) if number >> bit & 1)
        text = fix(f"37=V1|11=C1|17=E1|150=0|39=0|55=USD/JPY|54=1|38=1000|151=1000|14=0|6=0|{extra}")
        fresh.deviations(FixMessage.parse(text))
    assert sum(map(len, fresh._shapes._known.values())) <= 12 * 9
    many = fresh.deviations(FixMessage.parse(fix("".join(f"{tag}=1|" for tag in range(9000, 9100)))))
    assert len(many) == MAX_DEVIATIONS + 1
